"""Test the picture: its size, colours that match the legend, and unusual maps."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rasterio import Affine
from rasterio.crs import CRS

from bai.grid import Grid, Shape
from bai.nbr import HISTOGRAM_BINS, SEVERITY_CLASSES, Statistics
from bai.output import drawing as quicklook
from bai.output.drawing import ALERT, EMPTY, HEADER, MARGIN, RULE, WIDTH, Legend, draw, drawable, shares
from bai.output.report import measure

GRID = Grid(CRS.from_epsg(32610), Affine(10, 0, 600000, 0, -10, 4500000), Shape(64, 64))


@pytest.fixture
def legend() -> Legend:
    counts = replace(Statistics.empty(), total=4096, masked=100, classes=(5, 10, 3000, 400, 300, 200, 81))
    histogram = tuple(range(HISTOGRAM_BINS))
    return Legend(
        "Burned area intensity", "13 July 2021 to 18 July 2021", measure(counts, GRID), histogram, "dNBR", ("a", "b")
    )


def middle(picture: Image.Image, row: int, col: int, size: int) -> tuple[int, ...]:
    """Return the colour in the middle of a pixel of the map."""
    step = quicklook.MAP / size
    return picture.getpixel((MARGIN + int((col + 0.5) * step), HEADER + int((row + 0.5) * step)))


@pytest.mark.parametrize("shape", [(64, 64), (2000, 2000), (1, 1), (10, 2000), (2000, 10), (1372, 1372)])
def test_size(legend: Legend, shape: tuple[int, int]) -> None:
    picture = draw(np.full(shape, 3, np.uint8), 10.0, legend)
    assert picture.width <= WIDTH
    assert HEADER + 500 < picture.height <= WIDTH
    assert picture.mode == "RGB"


def test_colours_of_the_classes(legend: Legend) -> None:
    classes = np.full((8, 8), 255, np.uint8)
    classes[2, :7] = [one.value for one in SEVERITY_CLASSES]
    picture = draw(classes, 10.0, legend)
    assert [middle(picture, 2, col, 8) for col in range(7)] == [one.colour for one in SEVERITY_CLASSES]
    assert middle(picture, 5, 5, 8) in {EMPTY, RULE}
    found = {colour for _, colour in picture.getcolors(1 << 20)}
    assert {EMPTY, RULE} <= found


def test_land_under_the_classes(legend: Legend) -> None:
    classes = np.full((2, 2), 3, np.uint8)
    light = np.array([[0, 255], [255, 255]], np.uint8)
    picture = draw(classes, 10.0, legend, light)
    dark, bright = middle(picture, 0, 0, 2), middle(picture, 0, 1, 2)
    assert bright == SEVERITY_CLASSES[2].colour
    assert sum(dark) < sum(bright) * 0.7


def test_no_scale_bar_without_metres(legend: Legend) -> None:
    classes = np.full((8, 8), 3, np.uint8)
    below = (MARGIN, HEADER + quicklook.MAP + 10, MARGIN + quicklook.MAP, HEADER + quicklook.MAP + 80)
    assert len(draw(classes, 10.0, legend).crop(below).getcolors()) > 1
    assert len(draw(classes, 0, legend).crop(below).getcolors()) == 1


def test_png_has_the_same_pixels(legend: Legend) -> None:
    picture = draw(np.full((8, 8), 3, np.uint8), 10.0, legend)
    with Image.open(io.BytesIO(quicklook.png(picture))) as back:
        assert back.format == "PNG"
        assert back.tobytes() == picture.tobytes()


def test_long_ids_stay_on_the_page():
    short, long = "S2B_10TFK_20210713_0_L2A", "S2C_MSIL2A_20250330T100051_N0511_R122_T33UWP_20250330T145914"
    assert quicklook._fitting(short).getlength(short) == quicklook._font(15).getlength(short)
    assert quicklook._fitting(long).getlength(long) <= quicklook.PANEL


@pytest.mark.parametrize(
    ("total", "masked", "outside", "classes"),
    [
        (4096, 100, 0, (5, 10, 3000, 400, 300, 200, 81)),
        (4096, 0, 4096, (0,) * 7),
        (4096, 4096, 0, (0,) * 7),
        (7, 0, 0, (1,) * 7),
        (9, 1, 1, (1,) * 7),
        (1_000_000, 333_333, 1, (1, 333_333, 333_332, 0, 0, 0, 0)),
    ],
)
def test_the_legends_shares_are_of_all_pixels_and_add_up(total, masked, outside, classes):
    counts = replace(Statistics.empty(), total=total, masked=masked, outside=outside, classes=classes)
    shown = shares(measure(counts, GRID))
    assert sum(round(share * 10) for share in shown) == 1000
    for share, pixels in zip(shown, (*classes, outside, masked), strict=True):
        assert share == pytest.approx(100 * pixels / total, abs=0.11)


def test_ids_in_any_script_are_drawn_in_letters_that_the_font_has():
    assert drawable("S2B_10TFK_0 · N0509") == "S2B_10TFK_0 · N0509"
    assert drawable("пожар-Größe-山火") == "pozhar-Grosse-ShanHuo"
    assert drawable("a\nb\x1b") == "a\\nb\\x1b"


def test_warnings_stand_under_the_map_whole_and_in_red(legend):
    classes = np.full((8, 8), 3, np.uint8)
    plain = draw(classes, 10.0, legend)
    warned = draw(classes, 10.0, replace(legend, warnings=("the offset " + "is odd " * 60, "x" * 400)))
    assert not any(colour == ALERT for _, colour in plain.getcolors(1 << 20))
    assert warned.height > plain.height + 2 * 24
    below = warned.crop((0, plain.height - 24, warned.width, warned.height))
    assert any(colour == ALERT for _, colour in below.getcolors(1 << 20))
    edge = warned.crop((warned.width - MARGIN, plain.height - 24, warned.width, warned.height))
    assert not any(colour == ALERT for _, colour in edge.getcolors(1 << 20))
