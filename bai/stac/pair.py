"""Check that two items make a pair: different products, in the right order, of two overpasses."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from bai.errors import InputError

if TYPE_CHECKING:
    from bai.stac.item import Item

OVERPASS = dt.timedelta(hours=1)
"""Sensing times closer than this belong to one overpass: the next orbit of a satellite follows after 100 minutes."""


def check_pair(pre: Item, post: Item) -> tuple[str, ...]:
    """Return a warning for each reason why a pair of items may be wrong.

    Raises:
        InputError: both items are the same one.
    """
    if pre.href == post.href or (pre.id, pre.collection) == (post.id, post.collection):
        raise InputError(
            f"both items are {pre.id}: there is no difference to compute",
            hint="give one item before the fire and one after",
        )
    first, last = (f"{when:%Y-%m-%d %H:%M:%S}" for when in (pre.datetime, post.datetime))
    if abs(post.datetime - pre.datetime) < OVERPASS or (_sensing(pre) and _sensing(pre) == _sensing(post)):
        return (f"both items are of one overpass ({first} and {last} UTC): no fire can lie between them",)
    if pre.datetime > post.datetime:
        return (f"the pre-fire item is later than the post-fire item ({first} and {last} UTC): are they swapped?",)
    return ()


def _sensing(item: Item) -> str | None:
    """Return satellite and sensing time of a product name, such as `S2A 20210713T190324`; None without one."""
    for name in (item.product, item.id):
        if name and (found := re.search(r"(S2[A-D])_MSI_?L2A_(\d{8}T\d{6})_", name)):
            return f"{found[1]} {found[2]}"
    return None
