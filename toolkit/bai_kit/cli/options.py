"""Options that several commands share, and what becomes of them.

None means "not given": the environment, the file of settings or the default decides.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bai_kit.kube.api import Kube
    from bai_kit.release.helm import Helm
    from bai_kit.release.plan import Overrides
    from bai_kit.settings import Settings

Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", metavar="NS", help="Namespace of the releases.", show_default="dask-gateway"),
]
Context = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig.", show_default="the current one")
]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", metavar="FILE", help="The kubeconfig.", show_default="$KUBECONFIG")
]
ReleaseName = Annotated[
    str | None, typer.Option("--release", metavar="NAME", help="Release of bai-chart.", show_default="bai")
]
GatewayRelease = Annotated[
    str | None,
    typer.Option("--gateway-release", metavar="NAME", help="Release of Dask Gateway.", show_default="dask-gateway"),
]
Profile = Annotated[str | None, typer.Option(help="Values for minikube, kind or cluster.", show_default="cluster")]
Registry = Annotated[str | None, typer.Option(help="Where the images are.", show_default="ghcr.io/bai-kit")]
Tag = Annotated[str | None, typer.Option(help="Tag of the images.", show_default="the charts' appVersion")]
Files = Annotated[
    list[Path] | None,
    typer.Option("--values", "-f", metavar="FILE", help="Values below the keys dask-gateway and bai; again for more."),
]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One value, as for helm.")]
SetStrings = Annotated[list[str] | None, typer.Option("--set-string", metavar="KEY=VALUE", help="The same, as text.")]
SetFiles = Annotated[list[str] | None, typer.Option("--set-file", metavar="KEY=FILE", help="A file's content.")]
PackageFile = Annotated[
    Path | None, typer.Option("--package", metavar="FILE", help="Another application package, CWL as YAML or JSON.")
]
NoGateway = Annotated[bool, typer.Option("--no-gateway", help="Use a Dask Gateway that is there already.")]


def settings_of(given: Mapping[str, Any]) -> "Settings":
    """Decide the settings.

    Args:
        given: A command's own options by name, of which those that are settings count.
    """
    from bai_kit.settings import NAMES, load_settings  # noqa: PLC0415 - `--help` need not load it

    return load_settings({name: given[name] for name in NAMES if given.get(name) is not None})


def kube_of(settings: "Settings") -> "Kube":
    """Return the namespace on Kubernetes that the settings name; nobody is asked yet."""
    from bai_kit.kube.api import Kube  # noqa: PLC0415 - see settings_of

    return Kube(context=settings.context, kubeconfig=settings.kubeconfig, namespace=settings.namespace)


def release_of(settings: "Settings") -> str | None:
    """Return the release of bai-chart that somebody named; None when nobody did: the only one there is will do."""
    return None if settings.sources["release"] == "default" else settings.release


def overrides_of(given: Mapping[str, Any]) -> "Overrides":
    """Collect what a command's options put on top of a profile."""
    from bai_kit.release.plan import Overrides, load_package  # noqa: PLC0415 - see settings_of

    several = {name: tuple(given[name] or ()) for name in ("files", "sets", "set_strings", "set_files")}
    package = given.get("package")
    return Overrides(**several, package=load_package(package) if package else None)


def helm_of(settings: "Settings") -> "Helm":
    """Return a Helm that is known to be there."""
    from bai_kit.release.helm import Helm  # noqa: PLC0415 - see settings_of

    helm = Helm(settings.namespace, executable=settings.helm, context=settings.context, kubeconfig=settings.kubeconfig)
    helm.version()
    return helm
