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
    """Show the values of both charts: the profile's, with files and --set on top, and the gateway's address."""
    from bai_kit.release import plan, render  # noqa: PLC0415 - `--help` need not load pyhelm3

    return render.values(plan.plan_releases(_helm(common), charts.settings(common), charts.overrides()))


@app.command("manifests")
@with_options
def show_manifests(common: Common, charts: ChartOptions, *, no_gateway: NoGateway = False) -> Document:
    """Show the objects that an installation applies, for `kubectl apply -f -` too: Helm's hooks are not among them."""
    from bai_kit.release import plan, render  # noqa: PLC0415 - `--help` need not load pyhelm3

    settings = charts.settings(common)
    return render.manifests(plan.plan_releases(_helm(common), settings, charts.overrides(), gateway=not no_gateway))


@app.command("job")
@with_options
def show_job(
    common: Common,
    charts: ChartOptions,
    *,
    params: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="An input of the package.")
    ] = None,
    name: Annotated[str, typer.Option(help="The job's name; a new one by default.")] = "",
    installed: Annotated[
        bool, typer.Option("--installed", help="Take the Job of the installed release, not of these values.")
    ] = False,
) -> Document:
    """Show the Job that `bai-kit run` would create, for `kubectl create -f -`."""
    from bai_kit.job.template import load_template  # noqa: PLC0415 - `--help` need not load kubernetes
    from bai_kit.release import plan, render  # noqa: PLC0415 - `--help` need not load pyhelm3

    if installed:
        return render.job(load_template(common.kube(), common.named_release()), name, params or [])
    releases = plan.plan_releases(_helm(common), charts.settings(common), charts.overrides())
    return render.job(render.template_of(releases[-1]), name, params or [])


def _helm(common: Common) -> "Helm":
    """Return Helm, after checking that it is installed."""
    helm = common.helm()
    helm.version()
    return helm
