"""The helper pod, and what happens when its connection breaks."""

import pytest

from bai_kit.errors import ConnectionLost, NotOnVolume, ProgramFailed, RemoteError
from bai_kit.job import volume as module
from bai_kit.job.template import Template
from bai_kit.job.volume import Volume, helper_pod, open_volume
from tests.bai_kit.fakes import FakeKube, job_template

TEMPLATE = Template("bai", job_template(), None)


def test_helper_pods_belong_to_no_job_and_write_only_on_request():
    pod = helper_pod(TEMPLATE, write=False)
    assert "ownerReferences" not in pod["metadata"]  # a Job that is deleted would take the pod with it
    assert pod["spec"]["containers"][0]["volumeMounts"] == [
        {"name": "work", "mountPath": "/calrissian", "readOnly": True}
    ]
    assert pod["spec"]["securityContext"] == {"runAsUser": 1000}
    assert "serviceAccountName" not in pod["spec"]
    assert helper_pod(TEMPLATE, write=True)["spec"]["containers"][0]["volumeMounts"][0]["readOnly"] is False


class Pod(FakeKube):
    """A namespace in which helper pods start at once and answer with the next of some replies."""

    def __init__(self, *replies):
        super().__init__()
        self.replies = list(replies)

    def create(self, kind, body):
        made = super().create(kind, body)
        state = {"name": "volume", "state": {"running": {}}}
        self.objects[kind, body["metadata"]["name"]]["status"] = {"phase": "Running", "containerStatuses": [state]}
        return made

    def exec(self, pod, argv, stdin=None):
        reply = self.replies.pop(0)
        yield from reply[:-1]
        if isinstance(reply[-1], Exception):
            raise reply[-1]


def test_a_helper_pod_is_deleted_whatever_happens():
    kube = Pod()
    with pytest.raises(KeyboardInterrupt), open_volume(kube, TEMPLATE):
        raise KeyboardInterrupt
    assert kube.objects == {}


def test_a_helper_pod_that_cannot_be_deleted_hides_nothing(caplog):
    kube = Pod()

    def refuse(_):
        raise ConnectionLost("no API")

    kube.hooks["delete", "pods"] = refuse
    with open_volume(kube, TEMPLATE):
        pass
    assert "no API; remove it with: kubectl -n ns delete pod bai-volume-" in caplog.text


def test_a_question_is_asked_again_when_its_connection_breaks():
    kube = Pod([(1, b"half"), ConnectionLost("reset")], [(1, b"a\nb"), None])
    assert Volume(kube, "p").log("j") == ["a", "b"]


@pytest.mark.parametrize(("code", "error"), [(3, NotOnVolume), (1, RemoteError)])
def test_the_exit_code_tells_what_does_not_exist_from_other_errors(code, error):
    kube = Pod([(2, b"the reason"), ProgramFailed("pod p: exit", code)])
    with pytest.raises(error, match="the reason") as caught:
        Volume(kube, "p").log("j")
    assert isinstance(caught.value, NotOnVolume) == (code == 3)


def test_an_upload_is_repeated_when_its_connection_breaks(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"abc")
    monkeypatch.setattr(module, "TRIES", 2)
    kube = Pod([ConnectionLost("reset")], [ConnectionLost("reset")])
    with pytest.raises(RemoteError, match=r"cannot upload the inputs of job j: reset \(try 2 of 2\)"):
        Volume(kube, "p").receive("j", [(tmp_path / "a", "0/a")], lambda _: None)
