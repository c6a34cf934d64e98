"""bai.html: the map with a slider between the dates, its areas, items and parameters, in one file without a network.

Everything that an item says is untrusted: it is escaped as text, and the page's content security policy lets the
browser run this module's own script only.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bai.errors import printable
from bai.nbr import HISTOGRAM_EDGES, SEVERITY_CLASSES
from bai.output.drawing import UNBURNED, hectares, shares
from bai.stac.href import is_remote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bai.output.report import Report
    from bai.overview import Bands

SIDE = 1080
"""Pixels along the longer side of the images."""
IMAGE_BYTES = 450_000
"""Largest image, so that the page stays below 3 MB: four images, a third more as text."""
QUALITIES = (82, 70, 58, 45, 30, 15)
"""JPEG qualities to try, best first."""
STRETCH = (2, 98)
"""Percentiles of both dates' reflectance that become black and full colour."""
_FIRST, _LAST = -0.6, 1.3
"""dNBR shown in the histogram."""


@dataclass(frozen=True, slots=True)
class Images:
    """What the page shows, as data URLs."""

    dates: tuple[str, ...]
    """False colour before and after the fire; empty when the files have no overviews to read it from."""
    severity: str
    picture: str
    size: tuple[int, int]
    """Width and height in pixels."""


def make_images(classes: NDArray[np.uint8], dates: tuple[Bands, Bands] | None, picture: Image.Image) -> Images:
    """Encode the page's images.

    Args:
        classes: Severity at the size of a picture, (rows, cols).
        dates: The dates before and after the fire, of any size.
        picture: bai.png.
    """
    rows, cols = classes.shape
    zoom = SIDE / max(rows, cols)
    size = max(1, round(cols * zoom)), max(1, round(rows * zoom))
    colours = _colours(*dates) if dates else []
    shown = [_jpeg(Image.fromarray(one).resize(size, Image.Resampling.BILINEAR)) for one in colours]
    return Images(tuple(shown), _overlay(classes, size), _jpeg(picture), size)


def _colours(before: Bands, after: Bands) -> list[NDArray[np.uint8]]:
    """Return both dates in false colour, on one scale: SWIR2 is red, NIR is green, and their mean is a darker blue."""
    pictures = [np.zeros((*before.nir.shape, 3), np.uint8) for _ in range(2)]
    for channel, brightest in enumerate((255, 255, 150)):
        pair = [(date.swir2, date.nir, (date.swir2 + date.nir) / 2)[channel] for date in (before, after)]
        known = np.concatenate([one[np.isfinite(one)] for one in pair])
        low, high = np.percentile(known, STRETCH) if known.size else (0.0, 1.0)
        for picture, one in zip(pictures, pair, strict=True):
            shown = np.clip((one - low) / max(high - low, 1e-9), 0, 1) * brightest
            picture[..., channel] = np.nan_to_num(shown, nan=226).astype(np.uint8)
    return pictures


def _overlay(classes: NDArray[np.uint8], size: tuple[int, int]) -> str:
    """Return the classes that changed as an image, transparent elsewhere."""
    palette, alpha = np.zeros((256, 3), np.uint8), np.zeros(256, np.uint8)
    for one in SEVERITY_CLASSES:
        palette[one.value] = one.colour
        alpha[one.value] = 0 if one.value == UNBURNED else 255
    image = Image.fromarray(classes).resize(size, Image.Resampling.NEAREST)
    image.putpalette(palette.tobytes())
    data = io.BytesIO()
    image.save(data, "png", transparency=alpha.tobytes(), compress_level=6)
    return _data_url("png", data.getvalue())


def _jpeg(image: Image.Image) -> str:
    """Return an image as JPEG of the best quality that is small enough."""
    for quality in QUALITIES:
        data = io.BytesIO()
        image.save(data, "jpeg", quality=quality)
        if data.tell() <= IMAGE_BYTES:
            break
    return _data_url("jpeg", data.getvalue())


def _data_url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def make_page(report: Report, images: Images) -> str:
    """Return the page."""
    texts = {name: files("bai.output").joinpath(f"page.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    data = report.as_dict()
    dates = [f"{when.day} {when:%B %Y}" for when in (report.pre.datetime, report.post.datetime)]
    template = Template(files("bai.output").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title="Burned area intensity",
        dates=_text(f"Sentinel-2, {dates[0]} to {dates[1]}"),
        style=texts["css"], style_hash=_hash(texts["css"]), script=texts["js"], script_hash=_hash(texts["js"]),
        warnings=_warnings(report.warnings),
        map=_map(images, dates),
        burned=hectares(report.areas.burned_ha),
        areas=_areas(report),
        histogram=_histogram(report.histogram, "dNBR" if report.parameters["index"] == "dnbr" else "RBR"),
        items=_items(data["inputs"]),
        parameters="".join(_row(name, value) for name, value in report.parameters.items()),
        facts=_facts(data),
    )  # fmt: skip


def _text(value: object) -> str:
    """Return a value as text of the page."""
    return escape(printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))


def _hash(text: str) -> str:
    """Return the hash that allows a script or style in the content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _row(name: str, *values: object) -> str:
    cells = "".join(f"<td>{_link(value)}</td>" for value in values)
    return f'<tr><th scope="row">{_text(name)}</th>{cells}</tr>'


def _link(value: object) -> str:
    """Return a value as text, and an http(s) URL as a link."""
    if isinstance(value, str) and is_remote(value):
        return f'<a href="{_text(value)}" rel="noopener noreferrer">{_text(value)}</a>'
    return _text("not given" if value is None else value)


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    return f'<ul class="warnings" role="alert">{"".join(f"<li>{_text(one)}</li>" for one in warnings)}</ul>'


def _map(images: Images, dates: Sequence[str]) -> str:
    width, height = images.size
    image = f'<img id="{{}}" width="{width}" height="{height}" alt="{{}}" src="{{}}">'.format
    layers, cut = "", ""
    if images.dates:
        layers = image("before", f"Before the fire, {dates[0]}, in false colour", images.dates[0])
        layers += image("after", f"After the fire, {dates[1]}, in false colour", images.dates[1])
        cut = (
            '<label for="cut">Slide between the dates</label>'
            '<input type="range" id="cut" min="0" max="100" value="50">'
            f'<div class="ends"><span>left: before, {dates[0]}</span><span>right: after, {dates[1]}</span></div>'
        )
    layers += image("classes", "Burn severity classes in colour", images.severity)
    line = '<div class="line" id="line"></div>' if cut else ""
    words = "Red: SWIR2, green: NIR. Burned ground looks red, vegetation green." if cut else ""
    return (
        f'<figure><div class="layers">{layers}{line}</div>'
        f'<div class="controls"><label><input type="checkbox" id="severity" checked> Show severity classes</label>{cut}'
        f"</div><figcaption>{words}</figcaption></figure>"
        f'<details><summary>The whole picture</summary><img alt="The map with its legend" src="{images.picture}">'
        "</details>"
    )


def _areas(report: Report) -> str:
    rows = []
    *of_classes, outside, empty = shares(report.areas)
    colours = {one.value: one.colour for one in SEVERITY_CLASSES}
    for one, share in reversed(list(zip(report.areas.classes, of_classes, strict=True))):
        red, green, blue = colours[one.value]
        fill = f'<rect width="1" height="1" fill="#{red:02x}{green:02x}{blue:02x}"/>'
        swatch = f'<svg class="swatch" viewBox="0 0 1 1" aria-hidden="true">{fill}</svg>'
        rows.append(
            f'<tr><th scope="row">{swatch}{_text(one.label)}</th><td class="number">{one.lower:g} to {one.upper:g}</td>'
            f'<td class="number">{hectares(one.hectares)}</td><td class="number">{share:.1f} %</td></tr>'
        )
    rows += [
        f'<tr><th scope="row" colspan="3">{label}</th><td class="number">{share:.1f} %</td></tr>'
        for label, share in (("Value outside all classes", outside), ("No value or masked", empty))
    ]
    return "".join(rows)


def _histogram(counts: Sequence[int], axis: str) -> str:
    """Return the histogram as a drawing: heights by the logarithm, so that the burned part shows."""
    bins = [
        (low, high, count)
        for low, high, count in zip(HISTOGRAM_EDGES, HISTOGRAM_EDGES[1:], counts, strict=False)
        if low >= _FIRST - 1e-9 and high <= _LAST + 1e-9
    ]
    top = max((np.log10(1 + count) for _, _, count in bins), default=0) or 1
    wide, tall = 500 / (_LAST - _FIRST), 140
    bars = []
    for low, high, count in bins:
        middle, height = (low + high) / 2, float(np.log10(1 + count) / top * tall)
        red, green, blue = next((c.colour for c in SEVERITY_CLASSES if c.lower <= middle < c.upper), (206, 212, 218))
        bars.append(
            f'<rect x="{(low - _FIRST) * wide:.1f}" y="{tall - height:.1f}" width="{(high - low) * wide - 0.6:.1f}" '
            f'height="{height:.1f}" fill="#{red:02x}{green:02x}{blue:02x}" stroke="#868e96" stroke-width=".3">'
            f"<title>{low:g} to {high:g}: {count} pixels</title></rect>"
        )
    ticks = "".join(
        f'<text x="{(tick - _FIRST) * wide:.1f}" y="{tall + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in (-0.5, 0, 0.5, 1)
    )
    label = f"Histogram of {axis}: pixels on a logarithmic scale"
    return (
        f'<svg viewBox="0 0 500 {tall + 26}" role="img" aria-label="{label}">{"".join(bars)}'
        f'<path d="M0 {tall}.5H500" stroke="#212529"/>{ticks}</svg><p>{axis}; height is the logarithm of pixels</p>'
    )


def _items(inputs: dict[str, dict[str, Any]]) -> str:
    pre, post = inputs["pre"], inputs["post"]
    rows = [_row(name.replace("_", " "), pre[name], post.get(name)) for name in pre if name != "bands"]
    for band in sorted({*pre["bands"], *post["bands"]}):
        one, other = pre["bands"].get(band, {}), post["bands"].get(band, {})
        rows += [_row(f"{band}: {name}", one.get(name), other.get(name)) for name in one or other]
    return "".join(rows)


def _facts(data: dict[str, Any]) -> str:
    rows = [_row("created", data["created"]), _row("ran on", data["cluster"])]
    for section in ("grid", "polygons", "workers", "seconds", "software"):
        rows += [_row(f"{section}: {name}".replace("_", " "), value) for name, value in data[section].items()]
    return "".join(rows)
