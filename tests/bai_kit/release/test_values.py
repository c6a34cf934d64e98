"""Test the values of both charts, before anything is rendered."""

import pytest

from bai_kit.errors import ValuesError
from bai_kit.release.values import Overrides, merge, plan_values
from bai_kit.settings import Settings


def test_files_go_over_the_profile_and_assignments_over_files(helm, write):
    one = write("1.yaml", "bai: {runner: {maxCores: 11, maxRam: 11G}, storage: {size: 11Gi}}")
    two = write("2.yaml", "bai: {runner: {maxRam: 22G}, storage: {size: 22Gi}}")
    overrides = Overrides(files=(one, two), sets=("bai.storage.size=33Gi",), set_strings=("bai.runner.image.tag=007",))
    bai = plan_values(helm, Settings(), overrides)["bai"]
    assert (bai["runner"]["maxCores"], bai["runner"]["maxRam"], bai["storage"]["size"]) == (11, "22G", "33Gi")
    assert bai["runner"]["image"]["tag"] == "007"
    assert bai["storage"]["accessMode"] == "ReadWriteMany"


def test_set_file_takes_the_content(helm, write):
    path = write("p.json", '{"cwlVersion": "v1.2"}')
    values = plan_values(helm, Settings(), Overrides(set_files=(f"bai.package.cwl={path}",)))
    assert values["bai"]["package"]["cwl"] == '{"cwlVersion": "v1.2"}'


def test_null_is_kept_because_helm_applies_it_to_the_charts_defaults(helm):
    values = plan_values(helm, Settings(), Overrides(sets=("bai.runner.resources.limits.memory=null",)))
    assert values["bai"]["runner"]["resources"]["limits"] == {"memory": None}


@pytest.mark.parametrize(("chart", "hint"), [("dask-gateway", "bai-kit deploy --no-gateway"), ("bai", None)])
def test_the_condition_of_umbrella_charts_leaves_nothing_out(helm, chart, hint):
    with pytest.raises(ValuesError, match=f"{chart}.enabled") as caught:
        plan_values(helm, Settings(), Overrides(sets=(f"{chart}.enabled=false",)))
    assert caught.value.hint == hint


def test_a_tag_reaches_the_package_that_comes_with_the_chart_and_no_other(helm):
    assert plan_values(helm, Settings(tag="dev"), Overrides())["bai"]["package"]["image"]["tag"] == "dev"
    assert "image" not in plan_values(helm, Settings(tag="dev"), Overrides(package="{}"))["bai"]["package"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runner: {}", "unknown top-level key 'runner'"),
        ("bai: 1", "bai is 1"),
        ("[1]", "not a mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_a_bad_values_file_is_named(helm, write, text, message):
    path = write("v.yaml", text)
    with pytest.raises(ValuesError, match=message) as caught:
        plan_values(helm, Settings(), Overrides(files=(path,)))
    assert str(path) in caught.value.message


def test_a_missing_file_is_named(helm, tmp_path):
    with pytest.raises(ValuesError, match=r"cannot read .*none\.yaml"):
        plan_values(helm, Settings(), Overrides(files=(tmp_path / "none.yaml",)))
    with pytest.raises(ValuesError, match="none"):
        plan_values(helm, Settings(), Overrides(set_files=(f"bai.x={tmp_path / 'none'}",)))


@pytest.mark.parametrize("expression", ["bai", "bai=1", "bai.storage.size", "bai.a[x]=1", "other.key=1"])
def test_a_bad_assignment_is_refused(helm, expression):
    with pytest.raises(ValuesError, match="--set"):
        plan_values(helm, Settings(), Overrides(sets=(expression,)))


def test_maps_merge_lists_are_replaced_and_null_stays_for_helm():
    base, top = {"m": {"a": 1, "b": 2}, "l": [1, 2], "n": {"x": 1}}, {"m": {"b": 3}, "l": [9], "n": None}
    assert merge(base, top) == {"m": {"a": 1, "b": 3}, "l": [9], "n": None}
    assert base == {"m": {"a": 1, "b": 2}, "l": [1, 2], "n": {"x": 1}}


def test_the_result_shares_nothing_with_what_it_was_made_of():
    base, top = {"l": [1]}, {"m": {"x": [2]}}
    merged = merge(base, top)
    merged["l"].append(3)
    merged["m"]["x"].append(3)
    assert (base, top) == ({"l": [1]}, {"m": {"x": [2]}})
