"""bai.html: complete, small, safe, and usable in a real browser at two widths."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import numpy as np
import pytest
import websocket
from PIL import Image

from bai.demo import scene as demo
from bai.output.page import IMAGE_BYTES, make_images
from bai.overview import Bands
from bai.pipeline import Request, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "</script><img src=x onerror=\"document.title='broken in'\">"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose items try to put markup into the page."""
    folder = tmp_path_factory.mktemp("page")
    made = demo.make(folder / "scene", size=256)
    data = json.loads(made.post.read_text())
    data["id"] = f"S2A_{EVIL}"
    data["properties"]["platform"] = f"sentinel-2a{EVIL}"
    made.post.write_text(json.dumps(data))
    run(Request(str(made.pre), str(made.post), folder / "out"), lambda *_: None)
    return folder / "out"


@pytest.fixture(scope="module")
def html(out: Path) -> str:
    return (out / "bai.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def test_one_small_file_without_a_network(html: str) -> None:
    assert len(html.encode()) < 3_000_000
    for tag, attributes in Tags(html).found:
        source = attributes.get("src")
        assert source is None or source.startswith("data:image/"), (tag, source)
        assert tag not in {"link", "iframe", "object", "form"}
        assert not any(name.startswith("on") for name in attributes)
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html


def test_everything_is_on_the_page(out: Path, html: str) -> None:
    report = json.loads((out / "report.json").read_text())
    text = re.sub(r"<[^>]+>", " ", html)
    for name in report["parameters"]:
        assert name in text
    for item in report["inputs"].values():
        assert item["href"] in text
        assert item["datetime"] in text
    for one in report["area"]["classes"]:
        assert one["label"] in text
    assert sum(tag == "rect" for tag, _ in Tags(html).found) > 95, "the histogram's bars"


def test_what_items_say_is_text(html: str) -> None:
    assert EVIL not in html
    assert "&lt;/script&gt;&lt;img src=x" in html
    assert sum(tag == "script" for tag, _ in Tags(html).found) == 1


def test_accessible(html: str) -> None:
    tags = Tags(html).found
    assert ("html", {"lang": "en"}) in tags
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    for tag, attributes in tags:
        if tag == "img":
            assert attributes.get("alt")
        for name in ("for", "aria-labelledby"):
            assert attributes.get(name) is None or attributes[name] in ids
    assert [tag for tag, _ in tags if tag in {"h1", "main", "header"}] == ["header", "h1", "main"]
    assert html.count("<caption>") == html.count("<table>")


def test_images_stay_small_however_noisy() -> None:
    rng = np.random.default_rng(1)
    noise = [rng.random((1500, 1400), np.float32) for _ in range(4)]
    classes = rng.integers(0, 8, (1500, 1400)).astype(np.uint8)
    picture = Image.fromarray(rng.integers(0, 256, (1300, 1600, 3)).astype(np.uint8))
    images = make_images(classes, (Bands(*noise[:2]), Bands(*noise[2:])), picture)
    every = (*images.dates, images.severity, images.picture)
    assert all(len(image) < IMAGE_BYTES * 1.6 for image in every)
    assert sum(map(len, every)) < 2_900_000
    assert images.size == (1008, 1080)


def test_without_overviews_there_is_no_slider() -> None:
    images = make_images(np.full((64, 64), 7, np.uint8), None, Image.new("RGB", (10, 10)))
    assert images.dates == ()


# ---------------------------------------------------------------- in a browser


class Browser:
    """A page in a real Chromium, driven by its DevTools protocol."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket, self._count = socket, 0
        self._events: list[str] = []

    def call(self, method: str, **params: object) -> dict[str, Any]:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            self._events.append(answer["method"])

    def open(self, page: Path) -> None:
        """Open a page and wait until it has loaded."""
        self.call("Page.enable")
        self.call("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._events.append(json.loads(self._socket.recv()).get("method"))

    def ask(self, script: str) -> Any:
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def resize(self, width: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )


@contextmanager
def browser(page: Path, profile: Path) -> Iterator[Browser]:
    """Open a page; ends when it has loaded."""
    process = subprocess.Popen(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--remote-debugging-port=0", "--remote-allow-origins=*",
            f"--user-data-dir={profile}", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        line = next(line for line in process.stderr if "DevTools listening on" in line)
        port = re.search(r":(\d+)/", line)[1]
        with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            tab = next(one for one in json.load(answer) if one["type"] == "page")
        socket = websocket.create_connection(tab["webSocketDebuggerUrl"], timeout=30)
        with closing(socket):
            opened = Browser(socket)
            opened.open(page)
            yield opened
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_in_chromium(out: Path, tmp_path: Path) -> None:
    """The page at two widths: nothing overflows, the slider and the switch work, no markup of an item runs."""
    with browser(out / "bai.html", tmp_path / "profile") as page:
        assert page.ask("document.title") == "Burned area intensity"
        assert page.ask("[...document.images].every(i => i.complete && (i.naturalWidth > 0 || i.closest('details')))")
        for width in (1280, 390):
            page.resize(width)
            assert page.ask("document.documentElement.scrollWidth") <= width
            left, right = page.ask(
                "(b => [b.left, b.right])(document.querySelector('.layers').getBoundingClientRect())"
            )
            assert 0 <= left < right <= width
            assert right - left > 0.5 * width
        assert page.ask("getComputedStyle(document.getElementById('after')).clipPath") == "inset(0px 0px 0px 50%)"
        page.ask("document.getElementById('cut').focus()")
        for kind in ("rawKeyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="Home", code="Home", windowsVirtualKeyCode=36)
        assert page.ask("document.getElementById('cut').value") == "0"
        assert page.ask("document.getElementById('after').style.clipPath") == "inset(0px 0px 0px 0%)"
        assert page.ask("getComputedStyle(document.getElementById('classes')).display") != "none"
        page.ask("document.getElementById('severity').click()")
        assert page.ask("getComputedStyle(document.getElementById('classes')).display") == "none"
        page.ask("document.getElementById('severity').click()")
        assert page.ask("getComputedStyle(document.getElementById('classes')).display") != "none"
        assert page.ask("performance.getEntriesByType('resource').filter(e => e.name.startsWith('http')).length") == 0
