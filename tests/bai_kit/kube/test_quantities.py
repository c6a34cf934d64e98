"""Kubernetes quantities as numbers."""

import pytest

from bai_kit.errors import UsageError
from bai_kit.kube.quantities import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [("10", 10), ("500m", 0.5), ("2Gi", 2 * 2**30), ("1e3", 1000), ("4k", 4000), ("0.5Ti", 2**39)],
)
def test_quantities(text, number):
    assert quantity(text) == number


def test_another_text_is_named():
    with pytest.raises(UsageError, match="'much' is not a quantity"):
        quantity("much")
