"""What `bai-kit render` shows."""

import json
from pathlib import Path

import pytest
import yaml

from bai_kit.errors import UsageError
from bai_kit.release.plan import Release
from bai_kit.release.render import job, manifests, run_command, template_of, values
from tests.bai_kit.fakes import job_template

PACKAGE = {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {"word": "string"}, "outputs": {}}
DATA = {"job.json": json.dumps(job_template()), "app-package.json": json.dumps(PACKAGE)}
OBJECTS = ({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": DATA},)
BAI = Release("bai", Path("bai-chart"), {"a": 1}, OBJECTS)


def test_values_are_one_document_with_a_key_for_each_chart():
    gateway = Release("gw", Path("dask-gateway"), {"b": "one\ntwo\n"})
    text = values([gateway, BAI]).text
    assert yaml.safe_load(text) == {"dask-gateway": {"b": "one\ntwo\n"}, "bai": {"a": 1}}
    assert "b: |\n" in text


def test_manifests_are_the_rendered_objects():
    assert list(yaml.safe_load_all(manifests([BAI]).text)) == [*OBJECTS]


def test_a_job_has_the_inputs_and_the_name():
    made = yaml.safe_load(job(template_of(BAI), "one", ["word=hi"]).text)
    assert made["metadata"]["name"] == "one"
    assert json.loads(made["metadata"]["annotations"]["bai-kit/params"]) == {"word": "hi"}
    with pytest.raises(UsageError):
        job(template_of(BAI), "one", ["other=hi"])


def test_the_next_command_names_the_packages_own_inputs():
    assert run_command(BAI) == "bai-kit run --param word=VALUE"
