"""Test the fields and units of the requirement, without runner and gateway."""

from importlib.resources import files

import pytest
import yaml

from cwl_dask.core.requirement import (
    REQUIRED_FIELDS,
    URI,
    RequirementError,
    check_requirement,
    gateway_memory,
    parse_memory,
    parse_requirement,
    readable_memory,
)

GIB = 1024**3
GOOD = {
    "class": "https://calrissian-cwl.github.io/schema#DaskGatewayRequirement",
    "workerCores": 1,
    "workerCoresLimit": 1,
    "workerMemory": "512M",
    "clusterMaxCores": 4,
    "clusterMaxMemory": "4G",
}


def changed(**fields):
    return {name: value for name, value in (GOOD | fields).items() if value is not None}


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("4G", 4 * GIB),
        ("4 G", 4 * GIB),
        (" 4g ", 4 * GIB),
        ("4Gi", 4 * GIB),
        ("4GiB", 4 * GIB),
        ("4GB", 4 * 1000**3),
        ("4000M", 4000 * 1024**2),
        ("0.5G", GIB // 2),
        ("1.5 Ti", 3 * 1024**4 // 2),
        ("524288K", GIB // 2),
        ("4000", 4000 * 1024**2),
        (4000, 4000 * 1024**2),
        (0.5, 1024**2 // 2),
    ],
)
def test_memory_is_understood_in_every_common_form(amount, expected):
    assert parse_memory(amount) == expected


@pytest.mark.parametrize("amount", ["", "G", "4 X", "-4G", "4GG", "1e9", "4P", "0M", "0.0001K", None, True, ["4G"]])
def test_what_is_not_an_amount_of_memory_is_refused(amount):
    with pytest.raises(ValueError, match="memory"):
        parse_memory(amount)


@pytest.mark.parametrize(("amount", "sent"), [("512 M", "524288K"), ("512Mi", "524288K"), ("1000KB", "976K")])
def test_memory_leaves_in_the_form_that_dask_gateway_takes(amount, sent):
    assert gateway_memory(parse_memory(amount)) == sent


@pytest.mark.parametrize(
    ("amount", "text"), [("4G", "4 GiB"), ("4GB", "3.725 GiB"), ("512M", "512 MiB"), ("2K", "2 KiB")]
)
def test_memory_is_readable_in_the_log(amount, text):
    assert readable_memory(parse_memory(amount)) == text


@pytest.mark.parametrize(
    ("fields", "workers"),
    [
        ({}, 4),
        ({"clusterMaxCores": 4.5}, 4),
        ({"clusterMaxMemory": "1G"}, 2),
        ({"workerCores": 0.5, "workerCoresLimit": 2}, 2),
        ({"workerCores": 0.1, "workerCoresLimit": 0.1, "clusterMaxCores": 0.3}, 3),
        ({"clusterMaxCores": 1}, 1),
    ],
)
def test_workers_are_the_most_that_fit_into_cores_and_memory(fields, workers):
    assert parse_requirement(changed(**fields)).workers == workers


def test_the_older_spelling_and_the_optional_fields_are_taken():
    parsed = parse_requirement(changed(clusterMaxCores=None, clusterMaxCore=2, adaptive=True, idleTimeout=60))
    assert (parsed.workers, parsed.adaptive, parsed.idle_timeout_s) == (2, True, 60)
    assert parse_requirement(GOOD).idle_timeout_s is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clusterMaxCors": 4}, "clusterMaxCors: unknown field; the fields are workerCores,"),
        ({"clusterMaxCores": None}, "clusterMaxCores: missing"),
        ({"clusterMaxCore": 4}, "clusterMaxCore: an older spelling of clusterMaxCores"),
        ({"workerCores": "1"}, "workerCores: not a positive number of cores: '1'"),
        ({"workerCores": 0}, "workerCores: not a positive"),
        ({"workerCores": True}, "workerCores: not a positive"),
        ({"workerCores": float("nan")}, "workerCores: not a positive"),
        ({"workerMemory": "4 X"}, "workerMemory: not an amount of memory: '4 X'"),
        ({"adaptive": "yes"}, "adaptive: neither true nor false"),
        ({"idleTimeout": 0}, "idleTimeout: not a whole number of seconds"),
        ({"idleTimeout": 1.5}, "idleTimeout: not a whole number of seconds"),
        ({"workerCores": 2}, "workerCoresLimit: 1 is less than workerCores, which is 2"),
        ({"clusterMaxCores": 0.5}, "clusterMaxCores: 0.5 is less than workerCoresLimit, which is 1"),
        ({"workerMemory": "8G"}, "clusterMaxMemory: 4G is less than workerMemory, which is 8G"),
    ],
)
def test_a_wrong_field_is_named(fields, message):
    for check in (parse_requirement, check_requirement):
        with pytest.raises(RequirementError) as refusal:
            check(changed(**fields))
        assert str(refusal.value).startswith(message)
        assert refusal.value.field == message.split(":")[0]


def test_before_expressions_are_evaluated_the_rest_is_checked():
    check_requirement(changed(clusterMaxCores="$(inputs.cores)"))
    with pytest.raises(RequirementError, match="workerMemory: not an amount"):
        check_requirement(changed(clusterMaxCores="$(inputs.cores)", workerMemory="a lot"))


def test_fields_of_other_vocabularies_are_none_of_ours():
    check_requirement(changed(**{"s:comment": "for the big tile"}))


# Calrissian's own requirement, https://github.com/Duke-GCB/calrissian/pull/208: name, and the types of each field.
CALRISSIAN_FIELDS = {
    "workerCores": {"int", "Expression"},
    "workerCoresLimit": {"int", "Expression"},
    "workerMemory": {"string", "Expression"},
    "clusterMaxCores": {"int", "Expression"},
    "clusterMaxMemory": {"string", "Expression"},
}


def test_a_package_for_calrissians_own_requirement_is_valid_here():
    schema = yaml.safe_load(files("cwl_dask.core").joinpath("schema.yaml").read_text())
    ours = {field: value["type"] for field, value in schema["$graph"][-1]["fields"].items()}
    assert tuple(CALRISSIAN_FIELDS) == REQUIRED_FIELDS
    for field, types in CALRISSIAN_FIELDS.items():
        assert types <= {kind.rpartition(":")[2] for kind in ours[field]}, field
    assert URI == "https://calrissian-cwl.github.io/schema#DaskGatewayRequirement"
