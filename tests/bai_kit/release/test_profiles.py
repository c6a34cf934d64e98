"""Test the profiles: the values they render, and that both charts accept these."""

import pytest

from bai_kit.errors import UsageError
from bai_kit.release.profiles import profiles, render_values
from charts.schema.bai_chart import Values as Bai
from charts.schema.dask_gateway import Values as Gateway

CONTEXT = {"registry": "reg.example/x", "tag": "dev"}


@pytest.mark.parametrize("profile", ["minikube", "kind", "cluster"])
def test_a_profile_says_images_and_sizes(profile):
    values = render_values(profile, **CONTEXT)
    assert values["bai"]["imageRegistry"] == values["dask-gateway"]["imageRegistry"] == "reg.example/x"
    assert values["bai"]["runner"]["image"] == {"tag": "dev"}
    assert values["dask-gateway"]["gateway"]["backend"]["image"] == {"tag": "dev"}
    Bai.model_validate(values["bai"], strict=True)
    Gateway.model_validate(values["dask-gateway"], strict=True)


def test_only_a_cluster_of_several_nodes_needs_a_shared_volume():
    modes = {profile: render_values(profile, **CONTEXT)["bai"]["storage"] for profile in profiles()}
    assert {profile: mode["accessMode"] for profile, mode in modes.items()} == {
        "cluster": "ReadWriteMany",
        "kind": "ReadWriteOnce",
        "minikube": "ReadWriteOnce",
    }


def test_runners_on_a_single_node_leave_room_for_clusters():
    limits = {profile: render_values(profile, **CONTEXT)["bai"]["job"]["maxRunning"] for profile in profiles()}
    assert limits == {"cluster": None, "kind": 4, "minikube": 4}


def test_values_cannot_break_out_of_their_place():
    tag = 'x", evil: {{ 1 }} # \n<&>'
    values = render_values("kind", **CONTEXT | {"tag": tag})
    assert values["bai"]["runner"]["image"]["tag"] == tag


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(UsageError) as caught:
        render_values("eks", **CONTEXT)
    assert caught.value.hint == "--profile cluster|kind|minikube"


def test_a_name_that_a_template_needs_is_not_silently_empty():
    with pytest.raises(TypeError, match="StrictUndefined"):
        render_values("kind", registry="")
