"""Values put together as Helm does it, compared with Helm itself."""

import json
import subprocess

import pytest
import yaml

from bai_kit.errors import ValuesError
from bai_kit.release.merge import apply_set, merge
from tests.charts.helm_wheels import ensure


@pytest.fixture(scope="module")
def helm_values(tmp_path_factory):
    """What Helm makes of values: a chart whose only object shows them."""
    chart = tmp_path_factory.mktemp("probe")
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: probe, version: 0.1.0}")
    (chart / "templates").mkdir()
    (chart / "templates" / "x.yaml").write_text("values: {{ .Values | toJson | quote }}")

    def run(*options, stdin=None):
        command = [ensure("helm3") / "helm", "template", "probe", chart, *options]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        return json.loads(yaml.safe_load(done.stdout)["values"]) if done.returncode == 0 else None

    return run


UNDERSTOOD = [
    "a=1",
    "a.b=c,a.c=d",
    "a.b[0].c=x,a.b[1].c=y",
    "a[0][1]=x",
    "a={x,y,1},b=2",
    "a={},b={null,true}",
    "a=,b=x,",
    "a=true,b=False,c=null,d=nulls",
    "a=0,b=007,c=-3,d=+4,e=1.5,f=1e3,g=99999999999999999999",
    r"a\.b=c\,d,e=f\{g",
    r'nodeSelector."kubernetes\.io/role"=master',
    "a==b,c=d=e",
    "a= b c ,d=[1]",
    "a=1,a=2",
    r"a={\{x,y\,z}",
]
REFUSED = ["a", "a=1,b", "a.=1", "a[x]=1", "a[-1]=1", "a[0]x=1", "a={x", "a={x}y", "a=1,a.b=2", "a[70000]=1", "a[0"]


@pytest.mark.parametrize("expression", UNDERSTOOD)
def test_set_means_what_it_means_to_helm(helm_values, expression):
    assert apply_set({}, expression) == helm_values("--set", expression)


@pytest.mark.parametrize("expression", UNDERSTOOD)
def test_set_string_means_what_it_means_to_helm(helm_values, expression):
    assert apply_set({}, expression, str) == helm_values("--set-string", expression)


@pytest.mark.parametrize("expression", REFUSED)
def test_what_helm_refuses_is_refused(helm_values, expression):
    assert helm_values("--set", expression) is None
    with pytest.raises(ValuesError, match="--set"):
        apply_set({}, expression)


@pytest.mark.parametrize("expression", ["=1", ".a=1", "a=\\"])
def test_what_helm_silently_forgets_is_refused(expression):
    with pytest.raises(ValuesError):
        apply_set({}, expression)


def test_set_on_top_of_files_keeps_the_rest(helm_values):
    values = {"a": {"b": 1, "list": [{"x": 1}, {"y": 2}]}, "c": 3}
    expression = "a.list[1].z=9,a.b=null"
    ours = apply_set(values, expression)
    assert ours == {"a": {"b": None, "list": [{"x": 1}, {"y": 2, "z": 9}]}, "c": 3}
    theirs = helm_values("--values", "-", "--set", expression, stdin=json.dumps(values))
    assert merge(theirs, {"a": {"b": None}}) == ours
    assert values["a"]["b"] == 1


def test_maps_merge_lists_are_replaced_and_null_stays_for_helm(helm_values, tmp_path):
    base, top = {"m": {"a": 1, "b": 2}, "l": [1, 2], "n": {"x": 1}}, {"m": {"b": 3}, "l": [9], "n": None}
    assert merge(base, top) == {"m": {"a": 1, "b": 3}, "l": [9], "n": None}
    for name, values in (("base", base), ("top", top)):
        (tmp_path / name).write_text(json.dumps(values))
    theirs = helm_values("-f", tmp_path / "base", "-f", tmp_path / "top")
    assert {key: value for key, value in merge(base, top).items() if value is not None} == {
        key: value for key, value in theirs.items() if value is not None
    }


def test_merging_changes_neither():
    base, top = {"a": {"b": [1]}}, {"a": {"c": [2]}}
    merged = merge(base, top)
    merged["a"]["b"].append(3)
    merged["a"]["c"].append(3)
    assert (base, top) == ({"a": {"b": [1]}}, {"a": {"c": [2]}})
