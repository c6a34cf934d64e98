"""A synthetic landscape with a burn scar: reflectance and scene classes of two dates, strip by strip.

Everything is a function of the pixel's position and the seed, so strips fit together and memory does not grow with the
scene. The ground's texture is the same on both dates and scales both bands, as real ground does: it makes the files
hard to compress (about 1.5 times) and cancels in dNBR. Pure numpy, no files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Field = NDArray[np.float32]

SEED = 20210713
_SUN = (-0.55, -0.45)
"""Direction of the light for the relief, as weights of the slopes along columns and rows."""
_DRIFT = (22, 30)
"""Distance from a cloud to its shadow, in 20 m pixels along rows and columns."""
_CROPS = np.array(
    [[0.42, 0.11], [0.38, 0.13], [0.31, 0.20], [0.27, 0.25], [0.24, 0.27], [0.34, 0.16]],
    dtype=np.float32,
)
"""NIR and SWIR2 reflectance of parcels, from irrigated to bare."""


@dataclass(frozen=True, slots=True)
class Date:
    """One date of a strip."""

    nir: Field
    """Reflectance at 10 m, shape (2 * rows, 2 * cols); NaN is nodata."""
    swir2: Field
    """Reflectance at 20 m, shape (rows, cols); NaN is nodata."""
    scl: NDArray[np.uint8]
    """Scene classes at 20 m, shape (rows, cols)."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Both dates of a strip of rows, and the fire's true dNBR."""

    pre: Date
    post: Date
    dnbr: Field
    """The fire's true dNBR at 20 m, shape (rows, cols); NaN where a date has nodata, cloud or shadow."""


def strip(n: int, row: int, rows: int) -> Strip:
    """Make rows `row` .. `row + rows` of a scene of `n` x `n` pixels of 20 m."""
    place = _Place(n, row, rows)
    elevation = place.noise(1, 3, halo=1)
    shade = 1 + 0.9 * _relief(elevation, n)
    height = elevation[1:-1, 1:-1] + 0.35 * (place.x - 0.45)
    forest = _step(0.44, 0.56, height + 0.35 * (place.noise(2, 6) - 0.5))
    water, bank = _water(place)
    nir, swir2 = _cover(place, forest, water, bank)
    nbr = (nir - swir2) / (nir + swir2)
    fire = _fire(place, forest, water)
    burnt_nbr = np.maximum(nbr - fire, -0.6)
    burnt_nir = nir * (1 - 0.55 * np.minimum(fire, 1))
    burnt_swir2 = burnt_nir * (1 - burnt_nbr) / (1 + burnt_nbr)

    texture = place.texture()
    pre = _Scene(nir * shade, swir2 * shade, _classes(nbr, water, fire * 0), place.clouds(11, 0.80), edge=1.01)
    ground = _classes(burnt_nbr, water, fire)
    post = _Scene(burnt_nir * shade, burnt_swir2 * shade, ground, place.clouds(12, 0.74), edge=1.0)
    dates = [_date(place, scene, texture, index) for index, scene in enumerate((pre, post))]
    seen = np.all([(date.scl != 0) & (date.scl != 3) & (date.scl < 8) for date in dates], axis=0)  # noqa: PLR2004
    return Strip(dates[0], dates[1], np.where(seen, nbr - burnt_nbr, np.float32(np.nan)))


@dataclass(frozen=True, slots=True)
class _Scene:
    nir: Field
    swir2: Field
    classes: NDArray[np.uint8]
    clouds: tuple[Field, Field]
    edge: float


class _Place:
    """The pixels of a strip, and noise at their positions."""

    def __init__(self, n: int, row: int, rows: int) -> None:
        self.n, self.row, self.rows = n, row, rows
        self.x = ((np.arange(n, dtype=np.float32) + 0.5) / n)[None, :]
        self.y = ((np.arange(row, row + rows, dtype=np.float32) + 0.5) / n)[:, None]

    def noise(self, key: int, cells: int, *, halo: int = 0, shift: tuple[int, int] = (0, 0)) -> Field:
        """Return fractal value noise near 0.5, of `cells` cells at the coarsest and 4 pixels at the finest."""
        rows = np.arange(self.row - halo, self.row + self.rows + halo) + shift[0]
        cols = np.arange(-halo, self.n + halo) + shift[1]
        out = np.zeros((rows.size, cols.size), np.float32)
        octaves = max(1, int(math.log2(self.n / cells / 4)))
        for octave in range(octaves):
            count = cells << octave
            lattice = np.random.default_rng((SEED, key, octave)).random((count + 3, count + 3), np.float32)
            (i, v), (j, u) = (_cell(at, self.n, count) for at in (rows, cols))
            across = lattice[i] * (1 - v)[:, None] + lattice[i + 1] * v[:, None]
            left = across[:, j]
            out += (left + (across[:, j + 1] - left) * u) * np.float32(0.5 ** (octave + 1))
        return out / np.float32(1 - 0.5**octaves)

    def clouds(self, key: int, least: float) -> tuple[Field, Field]:
        """Return the opacity of clouds, and of their shadows, in [0, 1]."""
        cloud, above = (self.noise(key, 5, shift=shift) for shift in ((0, 0), _DRIFT))
        return _step(least - 0.02, least + 0.06, cloud), _step(least - 0.02, least + 0.04, above)

    def texture(self) -> Field:
        """Return the ground's texture at 10 m, mean 1, shape (2 * rows, 2 * n)."""
        rng = np.random.default_rng((SEED, 3, self.row))
        return 1 + np.float32(0.045) * rng.standard_normal((2 * self.rows, 2 * self.n), np.float32).clip(-3, 3)

    def sensor(self, key: int, shape: tuple[int, int]) -> Field:
        """Return the sensor's noise, mean 1."""
        rng = np.random.default_rng((SEED, 4, key, self.row))
        return 1 + np.float32(0.006) * rng.standard_normal(shape, np.float32)


def _cell(at: NDArray[np.int64], n: int, count: int) -> tuple[NDArray[np.int64], Field]:
    """Return the lattice cell of each position, and the smoothed weight inside it."""
    position = np.clip(at * (count / n), 0, count + 1.999).astype(np.float32)
    cell = position.astype(np.int64)
    inside = position - cell.astype(np.float32)
    return cell, inside * inside * (3 - 2 * inside)


def _step(low: float, high: float, value: Field) -> Field:
    """Return 0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1).astype(np.float32)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _relief(elevation: Field, n: int) -> Field:
    """Return the light on slopes, near 0; `elevation` has a border of one pixel."""
    along = elevation[1:-1, 2:] - elevation[1:-1, :-2]
    down = elevation[2:, 1:-1] - elevation[:-2, 1:-1]
    light = np.clip((_SUN[0] * along + _SUN[1] * down) * np.float32(min(n, 2048) / 24), -0.45, 0.45)
    return np.asarray(light, np.float32)


def _water(place: _Place) -> tuple[Field, Field]:
    """Return the shares of water, and of green banks: a winding river and a lake in the south."""
    bend = 0.045 * np.sin(17 * place.y) + 0.02 * np.sin(41 * place.y + 1) + 0.06 * (place.noise(5, 4) - 0.5)
    away = np.abs(place.x - (0.24 + 0.1 * place.y + bend)) * place.n
    width = 4 + 0.004 * place.n
    shore = np.hypot((place.x - 0.7) / 0.11, (place.y - 0.83) / 0.065)
    lake = 1 - _step(0.95, 1.0, shore + 0.9 * (place.noise(6, 9) - 0.5))
    water = np.maximum(1 - _step(width - 1, width + 1, away), lake)
    return water, 1 - _step(width, 4 * width, away)


def _cover(place: _Place, forest: Field, water: Field, bank: Field) -> tuple[Field, Field]:
    """Return NIR and SWIR2 reflectance of the ground before the fire."""
    crop = _CROPS[_parcels(place)]
    stands = place.noise(7, 24)
    kind = _step(0.42, 0.58, stands)
    bands = []
    for band, (conifer, broadleaf, green, wet) in enumerate(((0.23, 0.33, 0.40, 0.028), (0.065, 0.095, 0.12, 0.012))):
        trees = conifer + (broadleaf - conifer) * kind
        ground = crop[..., band] + (trees - crop[..., band]) * forest
        ground += (green - ground) * bank * 0.8
        bands.append((ground + (wet - ground) * water) * (0.9 + 0.2 * stands))
    return bands[0], bands[1]


def _parcels(place: _Place) -> NDArray[np.int64]:
    """Return the crop of each pixel: fields of about 500 x 300 m, turned by a few degrees, hedges between them."""
    x, y = place.x * place.n, place.y * place.n
    along, down = 0.96 * x + 0.28 * y, 0.96 * y - 0.28 * x
    i = np.floor(along / 26).astype(np.int64)
    j = np.floor((down + 7 * (i % 3)) / 15).astype(np.int64)
    crops = np.random.default_rng((SEED, 8)).integers(0, len(_CROPS), 4093)
    return np.asarray(crops[(i * 7919 + j * 104729) % 4093])


def _fire(place: _Place, forest: Field, water: Field) -> Field:
    """Return the fire's dNBR in [0, 1.05]: driven by wind to the north-east, patchy, with islands that did not burn."""
    x, y = place.x - 0.57, place.y - 0.4
    along, across = (x - 0.7 * y) / 1.22, (y + 0.7 * x) / 1.22
    front = np.hypot(along / 0.27, across / (0.13 + 0.12 * along))
    burning = _step(0.02, 0.3, 1 - front + 1.5 * (place.noise(9, 6) - 0.5))
    patches = np.clip(2.1 * (place.noise(10, 14) - 0.5) + 0.62, 0.05, 1.0)
    return np.asarray(1.05 * burning * patches * (0.3 + 0.7 * forest) * (1 - water), np.float32)


def _classes(nbr: Field, water: Field, fire: Field) -> NDArray[np.uint8]:
    """Return scene classes of clear ground: vegetation 4, bare 5, water 6; burnt also dark 2 and unclassified 7."""
    classes = np.where(nbr > 0.1, 4, 5)  # noqa: PLR2004
    classes = np.select([water > 0.5, fire > 0.85, fire > 0.7, fire > 0.4], [6, 2, 7, 5], classes)  # noqa: PLR2004
    return classes.astype(np.uint8)


def _date(place: _Place, scene: _Scene, texture: Field, key: int) -> Date:
    """Add clouds, shadows, texture, the sensor's noise and the swath's edge."""
    cloud, shadow = scene.clouds
    shadow = shadow * (1 - cloud)
    dim = 1 - 0.55 * shadow
    nir = scene.nir * dim + (0.62 - scene.nir * dim) * cloud
    swir2 = scene.swir2 * dim + (0.33 - scene.swir2 * dim) * cloud
    classes = np.select([cloud > 0.6, cloud > 0.2, shadow > 0.3], [9, 8, 3], scene.classes.astype(np.int64))  # noqa: PLR2004
    outside = place.x > scene.edge - 0.09 * place.y
    fine: Field = np.where(outside, np.float32(np.nan), nir).repeat(2, 0).repeat(2, 1)
    fine *= texture
    fine *= place.sensor(2 * key, (2 * place.rows, 2 * place.n))
    coarse = texture.reshape(place.rows, 2, place.n, 2).mean((1, 3))
    swir2 = swir2 * coarse * place.sensor(2 * key + 1, (place.rows, place.n))
    further = place.x > scene.edge - 1 / place.n - 0.09 * place.y  # bands end a pixel apart, as the detectors do
    return Date(
        fine, np.asarray(np.where(further, np.nan, swir2), np.float32), np.where(outside, 0, classes).astype(np.uint8)
    )
