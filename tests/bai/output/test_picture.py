"""What the picture shows under the classes and says beside them."""

from __future__ import annotations

import numpy as np

from bai.output.picture import brightness


def test_brightness_is_stretched_between_percentiles() -> None:
    light = brightness(np.tile(np.arange(100, dtype=np.float32), (100, 1)))
    assert light.dtype == np.uint8
    assert light[0, 0] == 0
    assert light[0, -1] == 255
    assert (np.diff(light[0].astype(int)) >= 0).all()


def test_pixels_without_a_value_are_black() -> None:
    nir = np.full((4, 4), np.nan, np.float32)
    assert (brightness(nir) == 0).all()
    nir[0, 0] = 5
    assert (brightness(nir)[1:] == 0).all()
