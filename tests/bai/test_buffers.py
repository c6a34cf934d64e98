"""Test the buffers that a thread keeps."""

import threading

import numpy as np

from bai.buffers import buffer


def test_a_buffer_is_kept_by_name_and_grows_when_it_is_too_small():
    first = buffer("a", (4, 4), np.float32)
    again = buffer("a", (2, 2), np.float32)
    assert np.shares_memory(first, again)
    assert not np.shares_memory(again, buffer("b", (2, 2), np.float32))
    grown = buffer("a", (8, 8), np.float64)
    assert (grown.shape, grown.dtype) == ((8, 8), np.float64)
    assert not np.shares_memory(first, grown)


def test_threads_do_not_share_a_buffer():
    mine, others = buffer("a", (2, 2), np.uint8), []
    thread = threading.Thread(target=lambda: others.append(buffer("a", (2, 2), np.uint8)))
    thread.start()
    thread.join()
    assert not np.shares_memory(mine, others[0])
