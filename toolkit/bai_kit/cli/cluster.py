"""`bai-kit cluster`: Dask clusters of the gateway."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bai_kit.cli.options import Context, GatewayRelease, Kubeconfig, Namespace, kube_of, settings_of

if TYPE_CHECKING:
    from rich.table import Table

    from bai_kit.cluster import Cluster

LOCAL_PORT = 8001
"""The walkthrough's port for dashboards."""

app = typer.Typer(no_args_is_help=True, help="List Dask clusters, open a dashboard, dismiss one.")


@dataclass(frozen=True, slots=True)
class ClusterList:
    """The Dask clusters of a namespace."""

    clusters: Sequence["Cluster"]

    def __rich__(self) -> "Table | str":
        from rich.table import Table  # noqa: PLC0415 - only when it is shown

        if not self.clusters:
            return "no Dask clusters"
        table = Table("cluster", "user", "phase", "workers", "created", "image", box=None, pad_edge=False)
        for each in self.clusters:
            created = f"{each.created.astimezone():%Y-%m-%d %H:%M:%S}"
            table.add_row(each.full_name, each.user, each.phase, str(each.workers), created, each.image)
        return table


@app.command("list")
def list_(
    *,
    ended: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> Any:
    """List the Dask clusters, oldest first."""
    from bai_kit.cluster import list_clusters  # noqa: PLC0415 - `--help` need not load kubernetes

    found = list_clusters(kube_of(settings_of(locals())))
    return ClusterList([each for each in found if ended or each.is_active or each.phase == "Stopping"])


@app.command()
def dismiss(
    name: Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's name.")],
    *,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Stop a Dask cluster, and wait until its pods are gone."""
    from bai_kit import cluster  # noqa: PLC0415 - see list_

    cluster.dismiss(kube_of(settings_of(locals())), name)


@app.command()
def dashboard(
    name: Annotated[str | None, typer.Argument(metavar="[CLUSTER]", help="Needed when several run.")] = None,
    *,
    port: Annotated[int, typer.Option(help="Port of this machine.")] = LOCAL_PORT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    gateway_release: GatewayRelease = None,
) -> None:
    """Open a way to a cluster's dashboard and print the link; Ctrl-C closes it."""
    from bai_kit import cluster  # noqa: PLC0415 - see list_
    from bai_kit.release.plan import traefik_service  # noqa: PLC0415

    settings = settings_of(locals())
    kube = kube_of(settings)
    pod, target = cluster.service_target(kube, traefik_service(settings.gateway_release))
    link = cluster.dashboard_link(kube, name, port)
    forward = cluster.Forward(lambda: kube.forward(pod, target), port)
    typer.echo(link)
    try:
        forward.serve()
    finally:
        forward.close()
