"""`bai-kit cluster`: Dask clusters of the gateway."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bai_kit.cli.completion import complete_cluster
from bai_kit.cli.options import Common, GatewayRelease, with_options
from bai_kit.output import columns

if TYPE_CHECKING:
    from bai_kit.cluster import Cluster

LOCAL_PORT = 8001
"""Default local port of `dashboard`, also used by the `kubectl port-forward` command in docs/kubernetes.md."""

app = typer.Typer(no_args_is_help=True, help="List Dask clusters, open a dashboard, dismiss one.")


@dataclass(frozen=True, slots=True)
class ClusterList:
    """The Dask clusters of a namespace."""

    clusters: Sequence["Cluster"]

    def __rich__(self) -> str:
        """Return a line for each cluster, with the name that `dismiss` and `dashboard` take."""
        if not self.clusters:
            return "no Dask clusters"
        now = datetime.now(UTC)
        rows = [
            (found.name, found.user, found.phase, found.workers, f"{(now - found.created).total_seconds():.0f} s")
            for found in self.clusters
        ]
        return columns([("cluster", "user", "phase", "workers", "age"), *rows])


@app.command("list")
@with_options
def list_(
    common: Common,
    *,
    ended: Annotated[bool, typer.Option("--all", help="Include clusters that have ended.")] = False,
) -> Any:
    """List the Dask clusters, oldest first."""
    from bai_kit.cluster import list_clusters  # noqa: PLC0415 - `--help` need not load kubernetes

    clusters = list_clusters(common.kube())
    return ClusterList([cluster for cluster in clusters if ended or cluster.is_active or cluster.phase == "Stopping"])


@app.command()
@with_options
def dismiss(
    common: Common,
    name: Annotated[
        str, typer.Argument(metavar="CLUSTER", help="The cluster's name.", autocompletion=complete_cluster)
    ],
) -> None:
    """Stop a Dask cluster, and wait until its pods are gone."""
    from bai_kit import cluster  # noqa: PLC0415 - see list_

    cluster.dismiss(common.kube(), name)


@app.command()
@with_options
def dashboard(
    common: Common,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[CLUSTER]", help="Needed when several run.", autocompletion=complete_cluster),
    ] = None,
    *,
    port: Annotated[int, typer.Option(help="Local port to listen on.")] = LOCAL_PORT,
    gateway_release: GatewayRelease = None,
) -> None:
    """Forward a local port to a cluster's dashboard and print the link; Ctrl-C closes it."""
    from bai_kit import cluster  # noqa: PLC0415 - see list_
    from bai_kit.release.connection import installed_service  # noqa: PLC0415 - see list_

    kube = common.kube()
    gateway = installed_service(kube, common.settings(gateway_release=gateway_release).gateway_release)
    pod, target = cluster.service_target(kube, gateway.service)
    link = cluster.dashboard_link(kube, name, f"{gateway.scheme}://127.0.0.1:{port}{gateway.prefix}")
    forward = cluster.Forward(lambda: kube.forward(pod, target), port)
    typer.echo(link)
    try:
        forward.serve()
    finally:
        forward.close()
