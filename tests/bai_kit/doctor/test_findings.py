"""How findings are shown."""

from bai_kit.doctor.findings import Diagnosis, Finding, Level
from bai_kit.output import emit


def test_a_command_stands_unwrapped_on_its_own_line(capsys):
    command = "echo " + "x" * 300
    emit(Diagnosis([Finding("volume", Level.BROKEN, "[gone]", command), Finding("helm", Level.OK, "3.19")]))
    assert capsys.readouterr().out == f"broken  volume  [gone]\n  fix: {command}\nok      helm    3.19\n"
