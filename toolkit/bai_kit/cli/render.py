"""`bai-kit render`: what `deploy` and `run` would create, without asking a Kubernetes API."""

from typing import TYPE_CHECKING, Annotated

import typer

from bai_kit.cli.options import ChartOptions, Common, NoGateway, with_options
from bai_kit.output import Document

if TYPE_CHECKING:
    from bai_kit.release.helm import Helm

app = typer.Typer(help="Show what a deploy would install, without asking a Kubernetes API.", no_args_is_help=True)


@app.command("values")
@with_options
def show_values(common: Common, charts: ChartOptions) -> Document:
    """Show the values of both charts: the profile's, with files and --set on top."""
    from bai_kit.release import plan, show  # noqa: PLC0415 - `--help` need not load pyhelm3

    return show.as_yaml([plan.plan_values(charts.settings(common), charts.overrides())])


@app.command("manifests")
@with_options
def show_manifests(common: Common, charts: ChartOptions, *, no_gateway: NoGateway = False) -> Document:
    """Show the objects that Helm would apply."""
    from bai_kit.release import plan, show  # noqa: PLC0415 - `--help` need not load pyhelm3

    settings = charts.settings(common)
    values = plan.plan_values(settings, charts.overrides())
    return show.manifests(_helm(common), plan.plan_releases(settings, values, gateway=not no_gateway))


@app.command("job")
@with_options
def show_job(
    common: Common,
    charts: ChartOptions,
    *,
    params: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="An input of the package.")
    ] = None,
    name: Annotated[str, typer.Option(help="The job's name.")] = "bai-1",
) -> Document:
    """Show the Job that `bai-kit run` would create, for `kubectl create -f -`."""
    from bai_kit.release import plan, show  # noqa: PLC0415 - `--help` need not load pyhelm3

    settings = charts.settings(common)
    releases = plan.plan_releases(settings, plan.plan_values(settings, charts.overrides()), gateway=False)
    return show.job(_helm(common), releases[0], name, params or [])


def _helm(common: Common) -> "Helm":
    """Return Helm, after checking that it is installed."""
    helm = common.helm()
    helm.version()
    return helm
