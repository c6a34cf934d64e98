"""Test cluster options in a gateway's own words."""

import pytest

from cwl_dask.core.option_names import translate

OPTIONS = {"worker_cores": 2, "worker_cores_limit": 2, "worker_memory": "4194304K"}


def test_without_names_the_options_stay():
    assert translate(OPTIONS, {}) == OPTIONS


def test_options_are_renamed_converted_and_left_out():
    names = {"worker_memory": {"name": "memory", "unit": "GiB"}, "worker_cores_limit": {"name": ""}}
    assert translate(OPTIONS, names) == {"worker_cores": 2, "memory": 4.0}
    assert translate({"worker_memory": "1024K"}, {"worker_memory": {"unit": "bytes"}}) == {"worker_memory": 2**20}


@pytest.mark.parametrize(("option", "unit"), [("worker_memory", "parsecs"), ("worker_cores", "GiB")])
def test_a_unit_that_means_nothing_is_refused(option, unit):
    with pytest.raises(ValueError, match=f"{option} cannot be sent in unit"):
        translate(OPTIONS, {option: {"unit": unit}})
