"""Test the profiles: the values they render, and that both charts accept these."""

import jinja2
import pytest

from bai_kit.errors import UsageError
from bai_kit.release.profiles import profiles, render_values
from charts.schema.bai_chart import Values

CONTEXT = {"gateway_address": "http://traefik-dg.ws-eric", "registry": "reg.example/x", "tag": "dev"}


@pytest.mark.parametrize("profile", ["minikube", "kind", "cluster"])
def test_a_profile_says_images_address_and_sizes(profile):
    values = render_values(profile, **CONTEXT, own_images=True)
    assert values["bai"]["gateway"]["address"] == "http://traefik-dg.ws-eric"
    assert values["bai"]["runner"]["image"] == {"repository": "reg.example/x/runner", "tag": "dev"}
    assert values["bai"]["package"]["image"] == {"repository": "reg.example/x/bai", "tag": "dev"}
    assert values["dask-gateway"]["gateway"]["backend"]["image"] == {"name": "reg.example/x/bai", "tag": "dev"}
    Values.model_validate(values["bai"], strict=True)


def test_only_a_cluster_of_several_nodes_needs_a_shared_volume():
    modes = {each: render_values(each, **CONTEXT, own_images=False)["bai"]["storage"] for each in profiles()}
    assert {each: mode["accessMode"] for each, mode in modes.items()} == {
        "cluster": "ReadWriteMany",
        "kind": "ReadWriteOnce",
        "minikube": "ReadWriteOnce",
    }


def test_values_cannot_break_out_of_their_place():
    tag = 'x", evil: {{ 1 }} # \n<&>'
    values = render_values("kind", **CONTEXT | {"tag": tag}, own_images=False)
    assert values["bai"]["runner"]["image"]["tag"] == tag
    assert "package" not in values["bai"]


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(UsageError) as caught:
        render_values("eks", **CONTEXT, own_images=False)
    assert caught.value.hint == "--profile cluster|kind|minikube"


def test_a_name_that_a_template_needs_is_not_silently_empty():
    with pytest.raises(jinja2.UndefinedError, match="registry"):
        render_values("kind", gateway_address="a", tag="", own_images=False)
