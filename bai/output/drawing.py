"""Draw bai.png: the severity map with its legend, areas, scale bar and dates, at most 1600 pixels wide.

Drawn with Pillow and the font inside it, so it looks the same everywhere and the image needs no fonts.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from anyascii import anyascii
from PIL import Image, ImageChops, ImageDraw, ImageFont

from bai.errors import printable
from bai.nbr import HISTOGRAM_EDGES, SEVERITY_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bai.output.report import Areas

WIDTH, MAP, PANEL, MARGIN, HEADER, FOOTER = 1600, 1080, 400, 48, 132, 92
INK, SOFT, RULE, PAPER, EMPTY = (33, 37, 41), (108, 117, 125), (206, 212, 218), (255, 255, 255), (226, 230, 234)
ALERT = (176, 42, 55)
UNBURNED = next(one.value for one in SEVERITY_CLASSES if one.name == "unburned")


@dataclass(frozen=True, slots=True)
class Legend:
    """The text and the numbers beside the map."""

    title: str
    dates: str
    areas: Areas
    histogram: Sequence[int]
    """Pixels per bin of HISTOGRAM_EDGES."""
    axis: str
    """What the histogram counts: dNBR or RBR."""
    notes: Sequence[str]
    """Small print: items, grid, source."""
    warnings: Sequence[str] = ()
    """Warnings of the run."""


def draw(
    severity: NDArray[np.uint8], metres_per_pixel: float, legend: Legend, light: NDArray[np.uint8] | None = None
) -> Image.Image:
    """Draw the quicklook.

    Args:
        severity: Classes as in severity.tif, shape (rows, cols), decimated to the size of a picture.
        metres_per_pixel: Ground size of a pixel of `severity`; 0 when the grid is not in metres (no scale bar then).
        legend: The text beside the map.
        light: Brightness of the ground, same shape, as `preview.read_light` has it.

    Returns:
        An RGB picture, WIDTH pixels wide or less.
    """
    rows, cols = severity.shape
    zoom = min(MAP / cols, MAP / rows)
    size = max(1, round(cols * zoom)), max(1, round(rows * zoom))
    width, height = min(WIDTH, 3 * MARGIN + size[0] + PANEL), HEADER + max(size[1], 860) + FOOTER
    warnings = [line for text in legend.warnings for line in _wrapped(f"Warning: {text}", width - 2 * MARGIN)]
    page = Image.new("RGB", (width, height + 24 * len(warnings)), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, 34), legend.title, INK, _font(40), stroke_width=0.5)
    pen.text((MARGIN, 84), drawable(legend.dates), SOFT, _font(23))
    page.paste(_map(severity, size, light), (MARGIN, HEADER))
    pen.rectangle((MARGIN - 1, HEADER - 1, MARGIN + size[0], HEADER + size[1]), outline=RULE)
    _north(pen, MARGIN + size[0] - 40, HEADER + 30)
    if metres_per_pixel:
        _scale_bar(pen, MARGIN, HEADER + size[1] + 26, metres_per_pixel / zoom, size[0])
    left = 2 * MARGIN + size[0]
    below = _areas(pen, left, HEADER, legend)
    below = _bars(pen, left, below + 34, legend)
    for note in legend.notes:
        below, line = below + 22, drawable(note)
        pen.text((left, below), line, SOFT, _fitting(line))
    for number, line in enumerate(warnings):
        pen.text((MARGIN, height - 24 + 24 * number), line, ALERT, _font(16))
    return page


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels; a word that is wider is cut."""
    font, lines = _font(16), [""]
    for word in drawable(text).split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [next(line[:n] for n in range(len(line), -1, -1) if font.getlength(line[:n]) <= width) for line in lines]


def _fitting(line: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The small print's font, smaller still for the long ids of some catalogues."""
    return next((font for size in range(15, 8, -1) if (font := _font(size)).getlength(line) <= PANEL), _font(8))


def drawable(text: str) -> str:
    """Return a text in characters that the font has; others, such as Greek or Chinese, in Latin letters."""
    return "".join(c if _has(c) else anyascii(c) or "?" for c in printable(text))


@cache
def _has(character: str) -> bool:
    """Tell whether the font has a glyph for a character, other than the box for a missing one."""
    font = _font(16)
    shown, missing = (font.getmask(c) for c in (character, "\uffff"))
    return character == " " or (shown.size, bytes(shown)) != (missing.size, bytes(missing))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _map(severity: NDArray[np.uint8], size: tuple[int, int], light: NDArray[np.uint8] | None) -> Image.Image:
    """Colour the classes, at `size` (width, height); hatch what has no value."""
    colours = np.full((256, 3), EMPTY, np.uint8)
    for one in SEVERITY_CLASSES:
        colours[one.value] = one.colour
    smaller = size[0] < severity.shape[1]
    how = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    pixels = colours[severity]
    if light is not None:
        depth = np.where(severity == UNBURNED, 0.42, np.where(severity > len(SEVERITY_CLASSES), 0, 0.15))
        pixels = (pixels * (1 - depth * (1 - light / 255))[..., None]).astype(np.uint8)
    picture = Image.fromarray(pixels).resize(size, how)
    empty = Image.fromarray(np.where(severity > len(SEVERITY_CLASSES), 255, 0).astype(np.uint8)).resize(size, how)
    row, col = np.indices((size[1], size[0]), dtype=np.int32)
    hatch = Image.fromarray(np.where((row + col) % 14 < 2, 255, 0).astype(np.uint8))  # noqa: PLR2004 - width of a line
    picture.paste(RULE, mask=ImageChops.multiply(empty, hatch))
    return picture


def png(picture: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    data = io.BytesIO()
    picture.save(data, "png", compress_level=3)  # higher ones take seconds for a few per cent
    return data.getvalue()


def hectares(area: float) -> str:
    """Return an area as text; small areas have two decimals."""
    return f"{area:,.0f} ha" if area >= 10 or area == 0 else f"{area:.2f} ha"  # noqa: PLR2004


def _north(pen: ImageDraw.ImageDraw, x: int, y: int) -> None:
    pen.ellipse((x - 22, y - 22, x + 22, y + 38), fill=PAPER, outline=RULE)
    pen.polygon([(x, y - 12), (x + 9, y + 12), (x, y + 7), (x - 9, y + 12)], fill=INK)
    pen.text((x, y + 24), "N", INK, _font(17), anchor="mm")


def _scale_bar(pen: ImageDraw.ImageDraw, x: int, y: int, metres: float, width: int) -> None:
    """Draw a bar of four parts, about a third of the map, of a round length; `metres` is the size of a pixel."""
    goal = metres * width / 3
    power = 10 ** math.floor(math.log10(goal))
    length = max(step * power for step in (1, 2, 4, 8) if step * power <= goal)
    unit, name = (1000, "km") if length >= 1000 else (1, "m")  # noqa: PLR2004 - metres in a kilometre
    for part in range(4):
        ends = [x + length / metres * (part + side) / 4 for side in (0, 1)]
        pen.rectangle((ends[0], y, ends[1], y + 9), fill=INK if part % 2 == 0 else PAPER, outline=INK)
    for part in (0, 2, 4):
        text = f"{length / unit * part / 4:g}" + (f" {name}" if part == 4 else "")  # noqa: PLR2004
        pen.text((x + length / metres * part / 4, y + 16), text, INK, _font(17), anchor="ma" if part else "la")


def _areas(pen: ImageDraw.ImageDraw, x: int, y: int, legend: Legend) -> int:
    """Write the burned area and the legend; return where it ends."""
    pen.text((x, y - 6), hectares(legend.areas.burned_ha), INK, _font(54), stroke_width=0.5)
    pen.text((x, y + 58), "burned, low severity and up", SOFT, _font(19))
    y += 116
    colours = {one.value: one.colour for one in SEVERITY_CLASSES}
    *of_classes, outside, empty = shares(legend.areas)
    for one, share in reversed(list(zip(legend.areas.classes, of_classes, strict=True))):
        _row(pen, x, y, one.label, hectares(one.hectares), f"{share:.1f}%")
        pen.rounded_rectangle((x, y, x + 34, y + 24), 4, fill=colours[one.value], outline=RULE)
        y += 38
    # Both are hatched, because severity.tif has 255 for both.
    for label, share in (("Value outside all classes", outside), ("No value or masked", empty)):
        _row(pen, x, y, label, "", f"{share:.1f}%")
        pen.rounded_rectangle((x, y, x + 34, y + 24), 4, fill=EMPTY, outline=RULE)
        for step in range(4, 34, 9):
            pen.line((x + step, y + 23, x + min(34, step + 14), y + 23 - (min(34, step + 14) - step)), fill=SOFT)
        y += 38
    return y - 14


def shares(areas: Areas) -> list[float]:
    """Return per cent of all pixels, to a tenth: each class, values outside all classes, no value.

    The tenths are given to the largest remainders, so that the numbers add up to 100 exactly.
    """
    valid = 1 - areas.masked_share
    exact = [one.share * valid for one in areas.classes] + [areas.outside_share * valid, areas.masked_share]
    tenths = [int(share * 1000) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: tenths[i] - exact[i] * 1000)
    for i in by_remainder[: 1000 - sum(tenths)]:
        tenths[i] += 1
    return [number / 10 for number in tenths]


def _row(pen: ImageDraw.ImageDraw, x: int, y: int, label: str, area: str, share: str) -> None:
    pen.text((x + 48, y + 12), label, INK, _font(18), anchor="lm")
    pen.text((x + PANEL - 70, y + 12), area, INK, _font(18), anchor="rm")
    pen.text((x + PANEL, y + 12), share, SOFT, _font(18), anchor="rm")


def _bars(pen: ImageDraw.ImageDraw, x: int, y: int, legend: Legend) -> int:
    """Draw the histogram in the classes' colours, heights by the logarithm so that the burned part shows."""
    first, last, tall = -0.6, 1.3, 120
    bins = [
        (low, high, math.log10(1 + count))
        for low, high, count in zip(HISTOGRAM_EDGES, HISTOGRAM_EDGES[1:], legend.histogram, strict=False)
        if low >= first - 1e-9 and high <= last + 1e-9
    ]
    top = max((height for _, _, height in bins), default=0) or 1
    step = PANEL / (last - first)
    pen.text((x, y), f"{legend.axis}: pixels, logarithmic", SOFT, _font(16))
    base = y + 34 + tall
    for low, high, height in bins:
        middle = (low + high) / 2
        colour = next((c.colour for c in SEVERITY_CLASSES if c.lower <= middle < c.upper), RULE)
        left, right = x + (low - first) * step, x + (high - first) * step - 1
        pen.rectangle((left, base - height / top * tall, right, base), fill=colour)
    pen.line((x, base + 1, x + PANEL, base + 1), fill=INK)
    for tick in (-0.5, 0, 0.5, 1.0):
        at = x + (tick - first) * step
        pen.line((at, base + 1, at, base + 7), fill=INK)
        pen.text((at, base + 10), f"{tick:g}", INK, _font(16), anchor="ma")
    return base + 34
