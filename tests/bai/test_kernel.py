"""One window: strips make no difference, an offset is subtracted, and pixels outside an area are not counted."""

from __future__ import annotations

import numpy as np
import pytest

from bai import kernel
from bai.kernel import Layer, Layers, compute_window


@pytest.fixture
def pair() -> tuple[Layers, Layers]:
    """Both dates of a window of odd size; SWIR2 at half the resolution, some nodata."""
    rng = np.random.default_rng(1)
    dates = []
    for _ in range(2):
        nir = (rng.integers(1, 9000, (75, 51)) * (rng.random((75, 51)) > 0.1)).astype(np.uint16)
        dates.append(Layers(Layer(nir), Layer(rng.integers(1, 9000, (38, 26)).astype(np.uint16), factor=2)))
    return dates[0], dates[1]


def test_strips_make_no_difference(pair: tuple[Layers, Layers], monkeypatch: pytest.MonkeyPatch) -> None:
    values, classes, statistics = compute_window(*pair, "dnbr", ())
    monkeypatch.setattr(kernel, "STRIP_ROWS", 7)
    again = compute_window(*pair, "dnbr", ())
    np.testing.assert_array_equal(again[0], values)
    np.testing.assert_array_equal(again[1], classes)
    assert again[2] == statistics


def test_an_offset_is_subtracted_before_classes(pair: tuple[Layers, Layers]) -> None:
    values, _, before = compute_window(*pair, "dnbr", ())
    shifted, classes, after = compute_window(*pair, "dnbr", (), offset=0.3)
    np.testing.assert_allclose(shifted, values - np.float32(0.3), atol=1e-6)
    assert after.masked == before.masked
    known = np.isfinite(shifted) & (classes != 255)
    assert (classes[known & (shifted < -0.25)] == 1).all()


@pytest.mark.parametrize("index", ["dnbr", "rbr"])
def test_only_pixels_inside_have_values_and_count(pair: tuple[Layers, Layers], index: str) -> None:
    inside = np.zeros((75, 51), bool)
    inside[10:70, 5:40] = True
    whole, _, _ = compute_window(*pair, index, ())
    values, classes, statistics = compute_window(*pair, index, (), inside=inside)
    assert np.isnan(values[~inside]).all()
    assert (classes[~inside] == 255).all()
    np.testing.assert_array_equal(values[inside], whole[inside])
    assert statistics.total == inside.sum()
    assert statistics.masked == np.isnan(values[inside]).sum()
    assert sum(statistics.histogram) == np.isfinite(values).sum()
