"""Test that all images of a package are found."""

from bai_kit.package.images import images


def docker(image):
    return {"class": "DockerRequirement", "dockerPull": image}


def test_every_image_is_found_once_in_the_order_of_the_package():
    tools = [{"hints": [docker("reg/b:1")]}, {"requirements": {"DockerRequirement": docker("a")}}]
    assert images({"$graph": [{"class": "Workflow", "steps": []}, *tools, *tools]}) == ["reg/b:1", "a"]
    assert images({"class": "Workflow"}) == images(None) == []


def test_what_a_gateway_would_read_as_any_image_is_none():
    assert images({"hints": [docker("*"), docker("reg/*:1")]}) == []
