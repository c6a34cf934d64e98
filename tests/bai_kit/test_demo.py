"""Test the demo around its run; tests/local runs the demo itself."""

from pathlib import Path

import pytest

from bai_kit import demo
from bai_kit.errors import SetupError, UsageError
from bai_kit.package.outputs import RunResult, SeverityArea
from bai_kit.progress import Progress


def test_the_burned_area_of_the_map_is_compared_with_that_of_the_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = [SeverityArea(str(lower), lower, 10.0, 0.25) for lower in (-0.1, 0.1, 0.27, 0.44)]
    given = {}

    def run(_package: str, inputs: dict[str, str], directory: Path, _progress: Progress) -> RunResult:
        given.update(inputs)
        return RunResult(directory, (), 0, 1.0, {}, tuple(areas))

    monkeypatch.setattr(demo, "run_local", run)
    done = demo.run_demo(tmp_path, 64, Progress())
    assert all(Path(item).is_relative_to(tmp_path / "scene") for item in given.values())
    assert done.found_ha == 20
    assert done.scar_ha > 0
    assert f"found 20.0 ha ({20 / done.scar_ha:.1%})" in done.__rich__()


def test_results_that_exist_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results/map.tif").touch()
    with pytest.raises(UsageError, match="results exists and is not empty"):
        demo.run_demo(tmp_path, 64, Progress())
    assert not (tmp_path / "scene").exists()


def test_a_size_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="size 63 is not an even number"):
        demo.run_demo(tmp_path, 63, Progress())


def test_a_missing_application_is_named_with_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bai").mkdir()
    (tmp_path / "bai/__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'bai'\")")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SetupError, match="the application is not installed") as failed:
        demo.run_demo(tmp_path / "out", 64, Progress())
    assert "pip install" in failed.value.hint
