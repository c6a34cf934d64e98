"""`bai-kit demo --open`: the page opens in a browser, or its path is said."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from bai_kit.cli.demo import demo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("works", [True, False])
def test_the_page_is_opened(
    works: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = []
    monkeypatch.setattr("bai_kit.demo.run_demo", lambda directory, size, _: (directory, size))
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or works)
    with caplog.at_level(logging.WARNING):
        assert demo(output_dir=tmp_path, size=64, show=True) == (tmp_path, 64)
    assert opened == [(tmp_path / "results" / "bai.html").as_uri()]
    assert ("cannot open a browser" in caplog.text) is not works
    demo(output_dir=tmp_path, size=64)
    assert len(opened) == 1
