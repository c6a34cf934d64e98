"""Test the options of both runners."""

import dask
import pytest
from cwltool.argparser import arg_parser

from cwl_dask.core.options import add_options
from cwl_dask.local import main as local


@pytest.fixture
def parser():
    made = arg_parser()
    add_options(made)
    return made


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_a_number_of_clusters_that_is_none_is_refused(parser, number, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args([f"--max-clusters={number}", "a.cwl"])
    assert f"--max-clusters: invalid positive value: '{number}'" in capsys.readouterr().err


def test_the_number_of_clusters_is_taken(parser):
    assert parser.parse_args(["--max-clusters=2", "a.cwl"]).max_clusters == 2


@pytest.mark.parametrize(("words", "skip"), [([], True), (["--skip-schemas"], True), (["--load-schemas"], False)])
def test_schemas_are_fetched_only_where_it_is_asked_for(parser, words, skip):
    assert parser.parse_args([*words, "a.cwl"]).skip_schemas is skip


def test_another_gateway_has_none_of_the_configured_ones_addresses():
    ours = {"gateway.address": "http://a", "gateway.proxy-address": "gateway://a:1", "gateway.public-address": "/a"}
    with dask.config.set(ours):
        assert local._configuration("http://a") == local._configuration(None) == {}
        with dask.config.set(local._configuration("http://b")):
            assert dask.config.get("gateway.address") == "http://b"
            assert dask.config.get("gateway.proxy-address") is None
            assert dask.config.get("gateway.public-address") is None
