"""Packages are named by a path or URL, and `#NAME` for one process."""

from pathlib import Path

import pytest

from bai_kit.package.addresses import shown, split


def test_a_package_is_a_url_and_the_name_of_a_process(tmp_path: Path) -> None:
    path = tmp_path / "a b.cwl"
    path.touch()
    assert split(path) == (f"file://{tmp_path}/a%20b.cwl", "")
    assert split(f"{path}#wf") == (f"file://{tmp_path}/a%20b.cwl", "wf")
    assert split("https://host/app.cwl#wf") == ("https://host/app.cwl", "wf")


def test_a_file_may_have_the_sign_of_a_process_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "a#b.cwl").touch()
    assert split(tmp_path / "a#b.cwl") == (f"file://{tmp_path}/a%23b.cwl", "")


@pytest.mark.parametrize(
    ("url", "text"),
    [("file:///a%20b.cwl", "/a b.cwl"), ("https://me:secret@host/a.cwl?token=1", "https://host/a.cwl")],
)
def test_messages_show_a_path_or_an_address_without_secrets(url: str, text: str) -> None:
    assert shown(url) == text
