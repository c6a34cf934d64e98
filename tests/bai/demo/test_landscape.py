"""Test the synthetic landscape: the strips fit together, and the fire is in the bands of the second date only."""

from __future__ import annotations

import numpy as np
import pytest

from bai.demo import landscape


def test_strips_fit_together() -> None:
    """The landscape depends on positions only, so borders of strips do not show."""
    whole = landscape.strip(128, 0, 128)
    parts = [landscape.strip(128, row, 64) for row in (0, 64)]
    np.testing.assert_array_equal(whole.dnbr, np.concatenate([part.dnbr for part in parts]))
    np.testing.assert_array_equal(whole.post.scl, np.concatenate([part.post.scl for part in parts]))


def test_shapes_are_those_of_10_m_and_20_m() -> None:
    made = landscape.strip(128, 32, 16)
    for date in (made.pre, made.post):
        assert (date.nir.shape, date.swir2.shape, date.scl.shape) == ((32, 256), (16, 128), (16, 128))
    assert made.dnbr.shape == (16, 128)


def test_the_bands_show_the_true_dnbr() -> None:
    """The bands have noise and shade, so their dNBR agrees with the true one on average."""
    made = landscape.strip(256, 0, 256)
    means = [date.nir.reshape(256, 2, 256, 2).mean(axis=(1, 3)) for date in (made.pre, made.post)]
    before, after = (
        (nir - date.swir2) / (nir + date.swir2) for nir, date in zip(means, (made.pre, made.post), strict=True)
    )
    burned, unburned = made.dnbr > 0.4, made.dnbr == 0
    assert min(burned.sum(), unburned.sum()) > 1000
    assert (before - after)[burned].mean() == pytest.approx(made.dnbr[burned].mean(), abs=0.02)
    assert np.nanmean((before - after)[unburned]) == pytest.approx(0, abs=0.01)  # NaN where a pixel lacks 10 m data
    assert np.isnan(made.dnbr[made.post.scl == 9]).all()
