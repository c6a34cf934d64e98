"""Test `bai-kit render` as a command line."""

import json
import re

import yaml

from tests.bai.web import serve


def test_values_show_the_profile_with_options_environment_and_assignments_on_top(run, monkeypatch, tmp_path):
    monkeypatch.setenv("BAI_KIT_NAMESPACE", "ws-eric")
    (tmp_path / "v.yaml").write_text("bai: {storage: {size: 7Gi}}")
    words = ["-f", str(tmp_path / "v.yaml"), "--set", "bai.runner.maxCores=3", "--tag", "dev"]
    code, out, _ = run("render", "values", "--profile", "kind", *words)
    bai = yaml.safe_load(out)["bai"]
    assert code == 0
    assert bai["gateway"]["address"] == "http://traefik-dask-gateway.ws-eric.svc.cluster.local:80"
    assert (bai["storage"]["size"], bai["runner"]["maxCores"]) == ("7Gi", 3)
    assert bai["package"]["image"] == {"repository": "ghcr.io/bai-kit/bai", "tag": "dev"}


def test_manifests_show_both_releases_in_their_namespace(run):
    code, out, _ = run("render", "manifests", "-n", "ws-eric", "--release", "fire")
    objects = list(yaml.safe_load_all(out))
    assert code == 0
    names = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in objects}
    assert {("Service", "traefik-dask-gateway"), ("ConfigMap", "fire-job")} <= names
    assert {manifest["metadata"].get("namespace", "ws-eric") for manifest in objects} == {"ws-eric"}


def test_another_package_goes_in_as_it_is_from_a_file_or_by_url(run, tmp_path):
    tool = "{cwlVersion: v1.2, class: CommandLineTool, id: t, baseCommand: 'true', inputs: [], outputs: []}"
    (tmp_path / "t.cwl").write_text(tool)
    with serve(tmp_path) as web:
        for package in (str(tmp_path / "t.cwl"), f"{web.url}/t.cwl", f"{web.url}/t.cwl#t"):
            code, out, err = run("render", "manifests", "--no-gateway", "--tag", "dev", "--package", package)
            assert code == 0, err
            found = [document.get("data", {}) for document in yaml.safe_load_all(out)]
            (text,) = [data["app-package.json"] for data in found if "app-package.json" in data]
            assert json.loads(text)["baseCommand"] == "true"


def test_a_job_is_shown_with_checked_inputs(run):
    words = ["render", "job", "--name", "fire-1", "-p", "pre_fire_url=a", "-p", "post_fire_url=b"]
    code, out, _ = run(*words)
    job = yaml.safe_load(out)
    assert (code, job["kind"], job["metadata"]["name"]) == (0, "Job", "fire-1")
    assert json.loads(job["metadata"]["annotations"]["bai-kit/params"]) == {"pre_fire_url": "a", "post_fire_url": "b"}
    code, _, err = run(*words, "-p", "colour=red")
    assert code == 2
    assert "colour is not an input" in err


def test_a_job_that_is_shown_without_a_name_or_with_one_can_be_made(run):
    made = yaml.safe_load(run("render", "job")[1])
    name = made["metadata"]["name"]
    assert re.fullmatch(r"bai-\d{8}-\d{6}-[0-9a-f]{4}", name)
    mounts = made["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert {mount["subPath"] for mount in mounts if "subPath" in mount} == {name}
    code, _, err = run("render", "job", "--name", "Not_One")
    assert code == 2
    assert "'Not_One' is not a valid job name" in err


def test_a_bad_value_is_a_usage_error_that_names_it(run):
    code, _, err = run("render", "manifests", "--set", "bai.runner.maxRam=8GB")
    assert code == 2
    assert err.startswith("error: --set: bai.runner.maxRam: '8GB' does not match")
    code, _, err = run("render", "values", "--set", "runner.maxRam=8G")
    assert code == 2
    assert "`dask-gateway:` and `bai:`" in err


def test_programs_get_the_document_in_the_envelope(run):
    code, out, _ = run("render", "values", "--output", "json")
    assert code == 0
    assert yaml.safe_load(json.loads(out)["data"]["text"]).keys() == {"dask-gateway", "bai"}
