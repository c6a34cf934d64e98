from itertools import pairwise

import numpy as np
import pytest

from bai.nbr import (
    HISTOGRAM_BINS,
    HISTOGRAM_EDGES,
    SEVERITY_BREAKS,
    SEVERITY_CLASSES,
    SEVERITY_NODATA,
    Statistics,
    dnbr,
    histogram,
    nbr,
    rbr,
    round_to,
    severity,
)

NAN = float("nan")


def floats(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_nbr_is_the_normalized_difference_and_nan_without_a_denominator():
    found = nbr(floats(0.3, 0.4, 0.0, NAN, 0.1), floats(0.1, 0.25, 0.0, 0.1, -0.1))
    np.testing.assert_allclose(found, floats(0.5, 0.15 / 0.65, NAN, NAN, NAN), rtol=1e-6)


def test_nbr_writes_where_told_and_keeps_its_inputs():
    nir, swir2, out, scratch = floats(3, 4), floats(1, 1), floats(0, 0), floats(0, 0)
    assert nbr(nir, swir2, out=out, scratch=scratch) is out
    np.testing.assert_array_equal(out, floats(0.5, 0.6))
    np.testing.assert_array_equal((nir, swir2), (floats(3, 4), floats(1, 1)))


def test_dnbr_is_positive_where_it_burned():
    np.testing.assert_allclose(dnbr(floats(0.6, 0.1, NAN), floats(-0.2, 0.4, 0)), floats(0.8, -0.3, NAN), rtol=1e-6)


def test_rbr_relates_the_change_to_what_was_there():
    np.testing.assert_allclose(
        rbr(floats(0.5, 0.5, 0.5), floats(0.8, 0.0, -1.001)), floats(0.5 / 1.801, 0.5 / 1.001, NAN), rtol=1e-6
    )


def test_severity_breaks_are_those_of_key_and_benson_and_lie_end_to_end():
    assert SEVERITY_BREAKS == (-0.5, -0.25, -0.1, 0.1, 0.27, 0.44, 0.66, 1.3)
    assert all(a.upper == b.lower for a, b in pairwise(SEVERITY_CLASSES))
    assert [c.value for c in SEVERITY_CLASSES] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("place", range(len(SEVERITY_BREAKS)))
def test_a_break_belongs_to_the_class_above_it(place):
    at = np.float32(SEVERITY_BREAKS[place])
    classes, _ = severity(np.array([[np.nextafter(at, np.float32(-9)), at]]))
    above = [c.value for c in SEVERITY_CLASSES] + [SEVERITY_NODATA]
    assert classes.tolist() == [[above[place - 1] if place else SEVERITY_NODATA, above[place]]]


def test_severity_counts_every_pixel_once():
    classes, counts = severity(floats(NAN, -0.6, -0.3, 0.0, 0.05, 0.7, 1.3, 5.0, NAN))
    assert classes.tolist() == [[255, 255, 1, 3, 3, 7, 255, 255, 255]]
    assert counts.classes == (1, 0, 2, 0, 0, 0, 1)
    assert (counts.total, counts.masked, counts.outside) == (9, 2, 3)


def test_histogram_counts_values_in_their_bins_and_far_ones_at_the_ends():
    found = histogram(floats(-2.5, -2.0, 0.001, 0.019, 0.021, 1.999, 7.0, NAN))
    expected = np.zeros(HISTOGRAM_BINS, int)
    expected[[0, 100, 101, 199]] = [2, 2, 1, 2]
    np.testing.assert_array_equal(found, expected)
    assert HISTOGRAM_EDGES[0] == -2
    assert HISTOGRAM_EDGES[100:102] == (0.0, 0.02)
    assert len(HISTOGRAM_EDGES) == HISTOGRAM_BINS + 1


def test_statistics_of_two_areas_merge_into_those_of_both():
    values = np.random.default_rng(1).normal(0.1, 0.5, (20, 30)).astype(np.float32)
    parts = severity(values[:7])[1] + severity(values[7:])[1] + Statistics.empty()
    assert parts == severity(values)[1]


def test_rounding_moves_no_value_by_more_than_half_the_precision() -> None:
    exact = np.random.default_rng(1).uniform(-2, 2, 10_000).astype(np.float32)
    for precision in (0.0001, 0.001, 0.25, 1e-6):
        values = np.append(exact, np.float32(np.nan))
        round_to(values, precision)
        assert np.isnan(values[-1])
        assert np.abs(values[:-1] - exact).max() <= precision / 2
        assert len(np.unique(values)) <= 4 / precision * 2 + 2
    values = np.array([0.5, 0.50001], np.float32)
    round_to(values, 0.0001)
    np.testing.assert_array_equal(values, 0.5)
