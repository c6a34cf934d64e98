"""Test the options of both runners."""

import pytest
from cwltool.argparser import arg_parser

from cwl_dask.core.options import add_options


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
