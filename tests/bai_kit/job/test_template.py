"""Test reading the Job of a release, and filling it in."""

import json

import pytest

from bai_kit.errors import SetupError, UsageError
from bai_kit.job.template import Template, check_name, claim_of, fill, load_template, new_name
from tests.bai_kit.fakes import FakeKube, job_template

PACKAGE = {"class": "Workflow", "inputs": []}


def release(name):
    labels = {"app.kubernetes.io/part-of": "bai-kit", "app.kubernetes.io/instance": name}
    return {"metadata": {"name": f"{name}-job", "labels": labels}, "data": {"job.json": json.dumps(job_template())}}


def package_map():
    return {"metadata": {"name": "bai-package"}, "data": {"app-package.json": json.dumps(PACKAGE)}}


def template(**changes):
    return Template(release="bai", job=job_template() | changes, package=None)


def test_the_only_release_is_found_with_its_package():
    kube = FakeKube(("configmaps", release("eo")), ("configmaps", package_map()))
    found = load_template(kube)
    assert (found.release, found.package) == ("eo", PACKAGE)


def test_of_two_releases_one_must_be_named():
    kube = FakeKube(("configmaps", release("a")), ("configmaps", release("b")))
    with pytest.raises(UsageError, match="several releases: a, b"):
        load_template(kube)
    assert load_template(kube, "b").release == "b"


@pytest.mark.parametrize("name", [None, "other"])
def test_a_release_that_is_not_there_leads_to_deploy(name):
    kube = FakeKube(*([("configmaps", release("a"))] if name else []))
    with pytest.raises(SetupError, match="not installed in namespace ns") as caught:
        load_template(kube, name)
    assert caught.value.hint == "bai-kit deploy"


def test_name_labels_and_inputs_are_on_job_and_pod():
    job = fill(template(), "bai-7", {"url": "http://a"}, timeout_s=60)
    assert job["metadata"]["name"] == "bai-7"
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["labels"]["bai-kit/job"] == "bai-7"
        assert metadata["labels"]["bai-kit/release"] == "bai"
        assert json.loads(metadata["annotations"]["bai-kit/params"]) == {"url": "http://a"}
    assert job["spec"]["activeDeadlineSeconds"] == 60
    assert job["spec"]["backoffLimit"] == 0


def test_filling_leaves_the_template_as_it_was():
    before = template()
    fill(before, "bai-7", {}, package=PACKAGE)
    assert before == template()


def test_an_own_package_travels_with_the_job_and_the_runner_reads_it_from_there():
    job = fill(template(), "bai-7", {}, package=PACKAGE)
    pod = job["spec"]["template"]
    assert json.loads(pod["metadata"]["annotations"]["bai-kit/package"]) == PACKAGE
    items = pod["spec"]["volumes"][2]["downwardAPI"]["items"]
    assert [item["path"] for item in items] == ["params.json", "app-package.json"]
    assert pod["spec"]["containers"][0]["args"] == ["--max-cores=4", "/job/app-package.json", "/job/params.json"]


def test_what_is_too_large_for_a_job_is_refused_before_kubernetes_does():
    with pytest.raises(UsageError, match="the limit of a job is 262144"):
        fill(template(), "bai-7", {"text": "x" * 260_000})


@pytest.mark.parametrize("name", ["A", "1a", "a-", "a_b", "a" * 51, "", "a/b", ".."])
def test_a_name_that_kubernetes_or_the_volume_could_not_bear_is_refused(name):
    with pytest.raises(UsageError, match="is not a valid job name"):
        check_name(name)


def test_new_names_are_good_and_differ():
    long = Template(release="r" * 53, job=job_template(), package=None)
    names = {check_name(new_name(long)) for _ in range(5)}
    assert len(names) == 5


def test_the_claim_is_the_volume_of_the_first_container():
    assert claim_of(template().pod) == ("bai-data", "/calrissian")


def test_every_mount_of_the_jobs_own_folder_gets_its_name():
    template = Template("bai", job_template(), None)
    (container,) = fill(template, "one", {})["spec"]["template"]["spec"]["containers"]
    assert [mount.get("subPath") for mount in container["volumeMounts"]] == ["one", None]
    assert template.job == job_template()
