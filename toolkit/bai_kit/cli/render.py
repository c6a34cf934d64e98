"""`bai-kit render`: what a deploy and a run would make, without asking a Kubernetes."""

from typing import Annotated

import typer

from bai_kit.cli.options import (
    Files,
    GatewayRelease,
    Namespace,
    NoGateway,
    PackageFile,
    Profile,
    Registry,
    ReleaseName,
    SetFiles,
    Sets,
    SetStrings,
    Tag,
    helm_of,
    overrides_of,
    settings_of,
)
from bai_kit.output import Document

app = typer.Typer(help="Show what a deploy would install, without asking a Kubernetes.", no_args_is_help=True)


@app.command("values")
def show_values(
    *,
    namespace: Namespace = None,
    gateway_release: GatewayRelease = None,
    profile: Profile = None,
    registry: Registry = None,
    tag: Tag = None,
    files: Files = None,
    sets: Sets = None,
    set_strings: SetStrings = None,
    set_files: SetFiles = None,
    package: PackageFile = None,
) -> Document:
    """Show the values of both charts: the profile's, with files and --set on top."""
    from bai_kit.release import plan, show  # noqa: PLC0415 - `--help` need not load pyhelm3

    settings, overrides = settings_of(locals()), overrides_of(locals())
    return show.as_yaml([plan.plan_values(settings, overrides)])


@app.command("manifests")
def show_manifests(
    *,
    namespace: Namespace = None,
    release: ReleaseName = None,
    gateway_release: GatewayRelease = None,
    profile: Profile = None,
    registry: Registry = None,
    tag: Tag = None,
    files: Files = None,
    sets: Sets = None,
    set_strings: SetStrings = None,
    set_files: SetFiles = None,
    package: PackageFile = None,
    no_gateway: NoGateway = False,
) -> Document:
    """Show the objects that Helm would apply."""
    from bai_kit.release import plan, show  # noqa: PLC0415 - `--help` need not load pyhelm3

    settings, overrides = settings_of(locals()), overrides_of(locals())
    values = plan.plan_values(settings, overrides)
    return show.manifests(helm_of(settings), plan.plan_releases(settings, values, gateway=not no_gateway))


@app.command("job")
def show_job(
    *,
    namespace: Namespace = None,
    release: ReleaseName = None,
    profile: Profile = None,
    registry: Registry = None,
    tag: Tag = None,
    files: Files = None,
    sets: Sets = None,
    set_strings: SetStrings = None,
    set_files: SetFiles = None,
    params: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="An input of the package.")
    ] = None,
    name: Annotated[str, typer.Option(help="The job's name.")] = "bai-1",
) -> Document:
    """Show the Job that `bai-kit run` would create, for `kubectl create -f -`."""
    from bai_kit.release import plan, show  # noqa: PLC0415 - `--help` need not load pyhelm3

    settings, overrides = settings_of(locals()), overrides_of(locals())
    values = plan.plan_values(settings, overrides)
    releases = plan.plan_releases(settings, values, gateway=False)
    return show.job(helm_of(settings), releases[0], name, params or [])
