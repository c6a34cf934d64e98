"""Lay out the directories of a TIFF: GDAL writes the tags into an empty file, and this module places them.

Source: TIFF 6.0, BigTIFF, and GDAL's description of its COG driver for the structural metadata.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rasterio.io import MemoryFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bai.grid import Grid

SHORT, LONG, LONG8 = 3, 4, 16
SUBFILE, WIDTH, LENGTH, TILE_OFFSETS, TILE_SIZES = 254, 256, 257, 324, 325
COLOUR_MAP, NODATA = 320, 42113
_LAYOUT_TAGS = frozenset({SUBFILE, WIDTH, LENGTH, TILE_OFFSETS, TILE_SIZES})
_OVERVIEW_TAGS = frozenset({258, 259, 262, 277, 284, 317, COLOUR_MAP, 322, 323, 339, NODATA})
"""Tags that overviews repeat: how pixels are stored and what they mean, not where they are."""
_TYPE_SIZES = {1: 1, 2: 1, SHORT: 2, LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, LONG8: 8}
STRUCTURE = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
"""Tells GDAL that tiles are in order, each between its size and its last four bytes, so that one request is enough."""
CLASSIC_LIMIT = 4_000_000_000
"""Size of all tiles from which BigTIFF is written: offsets of classic TIFF end at 2^32, and the file also holds
directories and tables of offsets."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry of a directory."""

    code: int
    type: int
    count: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Raster:
    """Type, meaning and compression of the pixels of a file."""

    dtype: str
    nodata: float
    description: str
    compress: str
    """`deflate` or `zstd`."""
    predictor: int
    """1 for none, 3 for floating point."""
    unit: str = ""
    colours: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Level:
    """The full raster (level 0) or an overview, and where its tiles are."""

    rows: int
    cols: int
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]


def tags(raster: Raster, grid: Grid, block: int) -> list[Tag]:
    """Let GDAL write all tags that do not depend on the tiles, and return them."""
    options: dict[str, Any] = {"tiled": True, "blockxsize": block, "blockysize": block, "compress": raster.compress}
    if raster.predictor > 1:
        options["predictor"] = raster.predictor
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=block, height=block, count=1, dtype=raster.dtype, nodata=raster.nodata,
            crs=grid.crs, transform=grid.transform, sparse_ok=True, **options,
        ) as file:  # fmt: skip
            file.update_tags(**raster.tags)
            file.set_band_description(1, raster.description)
            file.scales, file.offsets = (1.0,), (0.0,)
            if raster.unit:
                file.units = (raster.unit,)
            if raster.colours:
                file.write_colormap(1, raster.colours)
        return [tag for tag in _parse(memory.read()) if tag.code not in _LAYOUT_TAGS]


def _parse(data: bytes) -> list[Tag]:
    """Read the first directory of a classic little-endian TIFF."""
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    found = []
    for entry in range(start + 2, start + 2 + 12 * entries, 12):
        code, kind, count = struct.unpack_from("<HHI", data, entry)
        size = count * _TYPE_SIZES[kind]
        place = entry + 8 if size <= 4 else struct.unpack_from("<I", data, entry + 8)[0]  # noqa: PLR2004 - TIFF 6.0
        found.append(Tag(code, kind, count, data[place : place + size]))
    return found


def header(common: list[Tag], levels: list[Level]) -> bytes:
    """Lay out everything that comes before the tiles.

    Args:
        common: Tags of the file, from `tags`.
        levels: The full raster, then its overviews; offsets count from the end of the header.
    """
    big = sum(int(level.sizes.sum()) for level in levels) > CLASSIC_LIMIT
    start = (struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if big else struct.pack("<2sHI", b"II", 42, 0)) + (
        b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(STRUCTURE) + STRUCTURE
    )
    start += bytes(-len(start) % 8)
    # The length of the directories does not depend on their values: lay them out once to know where the tiles begin.
    places = [len(start)]
    for level, overview in zip(levels, range(len(levels)), strict=True):
        places.append(places[-1] + len(_directory(_level_tags(common, level, overview, 0, big=big), 0, 0, big=big)))
    out = bytearray(start)
    struct.pack_into("<Q" if big else "<I", out, 8 if big else 4, places[0])
    for number, level in enumerate(levels):
        following = places[number + 1] if number + 1 < len(levels) else 0
        out += _directory(_level_tags(common, level, number, places[-1], big=big), places[number], following, big=big)
    return bytes(out)


def _level_tags(common: list[Tag], level: Level, number: int, data: int, *, big: bool) -> list[Tag]:
    offsets = (level.offsets + data).astype("<u8" if big else "<u4")
    own = [
        Tag(SUBFILE, LONG, 1, struct.pack("<I", min(number, 1))),
        Tag(WIDTH, LONG, 1, struct.pack("<I", level.cols)),
        Tag(LENGTH, LONG, 1, struct.pack("<I", level.rows)),
        Tag(TILE_OFFSETS, LONG8 if big else LONG, len(offsets), offsets.tobytes()),
        Tag(TILE_SIZES, LONG, len(level.sizes), level.sizes.astype("<u4").tobytes()),
    ]
    return own + [tag for tag in common if number == 0 or tag.code in _OVERVIEW_TAGS]


def _directory(entries: list[Tag], place: int, following: int, *, big: bool) -> bytes:
    """Lay out one directory that starts at `place`, with the long values behind it."""
    count, entry, offset, inline = ("<Q", "<HHQ", "<Q", 8) if big else ("<H", "<HHI", "<I", 4)
    fixed = struct.calcsize(count) + len(entries) * (struct.calcsize(entry) + inline) + inline
    table, values = struct.pack(count, len(entries)), b""
    for tag in sorted(entries, key=lambda tag: tag.code):
        table += struct.pack(entry, tag.code, tag.type, tag.count)
        if len(tag.value) <= inline:
            table += tag.value.ljust(inline, b"\0")
        else:
            table += struct.pack(offset, place + fixed + len(values))
            values += tag.value + bytes(-len(tag.value) % 8)
    body = table + struct.pack(offset, following) + values
    return body + bytes(-len(body) % 8)
