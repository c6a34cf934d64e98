import numpy as np
import pytest
from rasterio import Affine
from rasterio.crs import CRS

from bai.errors import InputError
from bai.grid import Fit, Grid, Shape, Window, windows

UTM = CRS.from_epsg(32610)
WGS84 = CRS.from_epsg(4326)


def grid(left=500000.0, top=4500000.0, size=10.0, rows=1000, cols=800, crs=UTM):
    return Grid(crs, Affine(size, 0, left, 0, -size, top), Shape(rows, cols))


def test_bounds_are_west_south_east_north():
    assert grid().bounds == (500000.0, 4490000.0, 508000.0, 4500000.0)


def test_crop_moves_by_whole_pixels():
    cropped = grid().crop(Window(3, 5, 7, 11))
    assert cropped == Grid(UTM, Affine(10, 0, 500030, 0, -10, 4499950), Shape(11, 7))


@pytest.mark.parametrize(
    ("other", "fit"),
    [
        (grid(), Fit(1, 0, 0)),
        (grid(size=20.0, rows=500, cols=400), Fit(2, 0, 0)),
        (grid(size=20.0, rows=500, cols=400, left=499990, top=4500030), Fit(2, 3, 1)),
        (grid(left=500050, top=4499900), Fit(1, -10, -5)),
        (grid(left=500000.005), Fit(1, 0, 0)),
        (grid(left=500000.5), None),
        (grid(size=15.0), None),
        (grid(size=5.0), None),
        (grid(size=10.0001), None),
        (grid(crs=CRS.from_epsg(32611)), None),
        (Grid(UTM, Affine(10, 1, 500000, 0, -10, 4500000), Shape(10, 10)), None),
        (Grid(UTM, Affine(10, 0, 500000, 0, 10, 4500000), Shape(10, 10)), None),
    ],
)
def test_a_raster_fits_when_whole_pixels_meet(other, fit):
    assert grid().fit(other) == fit


def test_cover_takes_every_pixel_that_is_touched_and_no_more():
    assert grid().cover((500004, 4499971, 500021, 4499999), UTM, "box") == Window(0, 0, 3, 3)
    assert grid().cover((500010, 4499970, 500020, 4499990), UTM, "box") == Window(1, 1, 1, 2)
    assert grid().cover((0, 4499500, 999999, 9999999), UTM, "box") == Window(0, 0, 800, 50)


def test_cover_takes_degrees():
    window = grid().cover((-122.99, 40.60, -122.98, 40.61), WGS84, "box")
    assert window.width == pytest.approx(85, abs=3)
    assert window.height == pytest.approx(112, abs=3)


@pytest.mark.parametrize(
    "bounds", [(0, 0, 1, 1), (508000, 4490000, 509000, 4500000), (500010, 4499990, 500010, 4499990)]
)
def test_cover_without_overlap_names_both_extents(bounds):
    with pytest.raises(InputError, match=rf"box \[{bounds[0]}, .*500000, 4490000, 508000, 4500000"):
        grid().cover(bounds, UTM, "box")


def test_windows_cover_each_pixel_once():
    seen = np.zeros((700, 530), int)
    for window in windows(Shape(700, 530), 256):
        seen[window.row_off : window.row_off + window.height, window.col_off : window.col_off + window.width] += 1
        assert window.row_off % 256 == window.col_off % 256 == 0
    assert (seen == 1).all()


@pytest.mark.parametrize(("zone", "left"), [(32701, 178000.0), (32760, 817000.0)])
@pytest.mark.parametrize("east", [-179.95, 180.05])
def test_cover_takes_a_box_across_the_antimeridian(zone, left, east):
    place = grid(left=left, top=8130000.0, rows=1000, cols=1000, crs=CRS.from_epsg(zone))
    window = place.cover((179.99, -16.95, east, -16.92), WGS84, "box")
    assert window.width == pytest.approx(650, abs=20)
    assert window.height == pytest.approx(345, abs=20)
    wide = place.cover((179.0, -17.5, -179.0, -16.5), WGS84, "box")
    assert (wide.width, wide.height) == (1000, 1000)
