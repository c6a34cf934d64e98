"""`bai-kit doctor`."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from bai_kit.cli.options import Common, with_options


@with_options
def doctor(
    common: Common,
    *,
    probe: Annotated[bool, typer.Option(help="Start two pods that check images, gateway and versions.")] = True,
) -> Any:
    """Find what is missing for a run on Kubernetes, with the command that fixes each problem."""
    from bai_kit.doctor.diagnose import diagnose  # noqa: PLC0415 - `--help` need not load kubernetes

    found = diagnose(common.kube(), common.helm(), release=common.named_release(), probe=probe)
    return replace(found, findings=[replace(finding, fix=common.complete(finding.fix)) for finding in found.findings])
