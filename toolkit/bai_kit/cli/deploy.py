"""`bai-kit deploy` and `undeploy`: install, upgrade and remove the Helm releases of both charts."""

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bai_kit.cli.options import ChartOptions, Common, GatewayRelease, NoGateway, with_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bai_kit.kube.api import Json, Kube
    from bai_kit.release.deploy import Show
    from bai_kit.release.helm import Helm
    from bai_kit.release.workloads import Workload
    from bai_kit.settings import Settings


@with_options
def deploy(
    common: Common,
    charts: ChartOptions,
    *,
    no_gateway: NoGateway = False,
    pod_security: Annotated[
        Literal["restricted", "baseline", "privileged", ""],
        typer.Option(help="Pod Security level that a new namespace enforces."),
    ] = "restricted",
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Time limit for the whole deploy.")] = 300,
    keep_failed: Annotated[bool, typer.Option("--keep-failed", help="Do not roll back releases that failed.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, line by line, and change nothing.")
    ] = False,
) -> Any:
    """Install or upgrade Dask Gateway and the objects that the CWL runner needs, and wait until all are ready."""
    from bai_kit.release import deploy, diff, plan, render  # noqa: PLC0415 - `--help` need not load pyhelm3

    settings = charts.settings(common)
    helm, kube = _clients(common)
    installed = _installed(helm, settings) if no_gateway else None
    releases = plan.plan_releases(helm, settings, charts.overrides(), gateway=not no_gateway, installed=installed)
    if dry_run:
        is_new = deploy.lacks_namespace(kube)
        labels = deploy.namespace_labels(pod_security)
        first = (diff.new_namespace(settings.namespace, labels),) if is_new else ()
        return diff.Changes(settings.namespace, (*first, *diff.find_changes(helm, releases)))
    is_new = deploy.ensure_namespace(kube, pod_security)
    with _live() as show:
        return deploy.deploy(
            helm,
            kube,
            releases,
            timeout_s=timeout,
            keep_failed=keep_failed,
            new_namespace=is_new,
            hint=render.run_command(releases[-1]),
            show=show,
        )


@with_options
def undeploy(
    common: Common,
    *,
    gateway_release: GatewayRelease = None,
    purge: Annotated[bool, typer.Option("--purge", help="Remove the volume with all results too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> Any:
    """Remove both releases, their jobs and clusters; results stay on the volume."""
    from bai_kit.release.undeploy import undeploy  # noqa: PLC0415 - `--help` need not load it

    settings = common.settings(gateway_release=gateway_release)
    helm, kube = _clients(common)
    return undeploy(helm, kube, settings, purge=purge, confirm=lambda question: yes or _ask(question))


def _clients(common: Common) -> "tuple[Helm, Kube]":
    """Return Helm, after checking its version, and the Kubernetes API."""
    helm = common.helm()
    helm.version()
    return helm, common.kube()


def _installed(helm: "Helm", settings: "Settings") -> "Sequence[Json]":
    """Return the objects of the gateway's release; none where Dask Gateway is in another namespace or not from Helm."""
    found = helm.current(settings.gateway_release)
    return found.manifest if found else ()


def _ask(question: str) -> bool:
    """Ask on a terminal; without one the answer is no."""
    return sys.stdin.isatty() and typer.confirm(question, err=True)


@contextmanager
def _live() -> "Iterator[Show]":
    """Show the state of workloads: as a table that is updated on a terminal, else as one log line for each change."""
    from bai_kit.release.live import LogLines, table  # noqa: PLC0415 - see deploy

    if not sys.stderr.isatty():
        yield LogLines()
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.live import Live  # noqa: PLC0415

    with Live(console=Console(stderr=True), refresh_per_second=4) as live:

        def show(workloads: "Sequence[Workload]") -> None:
            live.update(table(workloads))

        yield show
