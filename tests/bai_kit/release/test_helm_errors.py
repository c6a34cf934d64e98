"""Test what Helm's messages become; test_helm.py has the messages of real Helm."""

import pytest

from bai_kit.errors import SetupError, ValuesError
from bai_kit.release.helm_errors import BusyError, SchemaError, redact, translate


@pytest.mark.parametrize(
    ("stderr", "kind", "message"),
    [
        ("Error: Kubernetes cluster unreachable: refused", SetupError, "cannot reach Kubernetes"),
        ("Error: UPGRADE FAILED: another operation is in progress", BusyError, "another operation"),
        ("Error: failed parsing --set data: key x has no value", ValuesError, "^--set data: key x has no value$"),
        (
            "values don't meet the specifications of the schema(s)\n- at '/a/b': got string",
            SchemaError,
            "^a.b: got string$",
        ),
    ],
)
def test_a_message_becomes_an_error_that_callers_handle(stderr, kind, message):
    with pytest.raises(kind, match=message):
        raise translate(stderr)


def test_secrets_do_not_pass_and_long_texts_are_cut():
    assert redact('password: hunter2, "token": "abc", Authorization: Bearer xyz') == (
        'password: (hidden), "token": "(hidden)", Authorization: (hidden)'
    )
    assert len(redact("x" * 5000)) == 2000
    assert redact("traefik.tls.secretName: name the Secret") == "traefik.tls.secretName: name the Secret"
