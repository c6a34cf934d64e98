"""Options that several commands share, in groups: each group is a frozen dataclass, filled from the command line.

None means that the option is not given: then the environment, the settings file or the default decides.
"""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bai_kit.cli.completion import complete_profile
from bai_kit.errors import BaiKitError

if TYPE_CHECKING:
    from bai_kit.job.results import Limits
    from bai_kit.kube.api import Kube
    from bai_kit.release.helm import Helm
    from bai_kit.release.values import Overrides
    from bai_kit.settings import Settings

GatewayRelease = Annotated[
    str | None,
    typer.Option("--gateway-release", metavar="NAME", help="Release of Dask Gateway.", show_default="dask-gateway"),
]
NoGateway = Annotated[bool, typer.Option("--no-gateway", help="Use a Dask Gateway that is already installed.")]
KeepLog = Annotated[bool, typer.Option("--keep-log", help="Fetch step.log too, the steps' whole output.")]
_WITHOUT_KUBERNETES = ("bai-kit package", "bai-kit demo", "bai-kit run --local")


@dataclass(frozen=True, slots=True)
class Common:
    """The options of every command that talks to Kubernetes."""

    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", metavar="NS", help="Namespace of the releases.", show_default="dask-gateway"),
    ] = None
    context: Annotated[
        str | None, typer.Option("--context", help="Context of the kubeconfig.", show_default="the current one")
    ] = None
    kubeconfig: Annotated[
        str | None, typer.Option("--kubeconfig", metavar="FILE", help="The kubeconfig.", show_default="$KUBECONFIG")
    ] = None
    release: Annotated[
        str | None, typer.Option("--release", metavar="NAME", help="Release of bai-chart.", show_default="bai")
    ] = None

    def settings(self, **more: str | None) -> "Settings":
        """Return the settings in force.

        Args:
            more: Further settings that a command has options for, by name.
        """
        from bai_kit.settings import load_settings  # noqa: PLC0415 - `--help` need not load it

        return load_settings({option.name: getattr(self, option.name) for option in fields(self)} | more)

    def kube(self) -> "Kube":
        """Return the Kubernetes API in the chosen namespace, without connecting to it."""
        from bai_kit.kube.api import Kube  # noqa: PLC0415 - `--help` need not load it

        chosen = self.settings()
        return Kube(context=chosen.context, kubeconfig=chosen.kubeconfig, namespace=chosen.namespace)

    def helm(self) -> "Helm":
        """Return Helm for the chosen namespace, without checking that it is installed."""
        from bai_kit.release.helm import Helm  # noqa: PLC0415 - `--help` need not load it

        chosen = self.settings()
        return Helm(chosen.namespace, executable=chosen.helm, context=chosen.context, kubeconfig=chosen.kubeconfig)

    def named_release(self) -> str | None:
        """Return the release of bai-chart that option, environment or file names; None when none of them does."""
        chosen = self.settings()
        return None if chosen.sources["release"] == "default" else chosen.release

    def complete(self, command: str) -> str:
        """Add the options of this command line to a command, so that it acts on the same objects when pasted.

        Args:
            command: A `bai-kit` or `kubectl` command, perhaps with a comment after `  #`; other text stays as it is.
        """
        if command.startswith(_WITHOUT_KUBERNETES) or not command.startswith(("bai-kit ", "kubectl ")):
            return command
        words, separator, comment = command.partition("  #")
        present = words.split()
        added = [f"{flag} {shlex.quote(value)}" for flag, value in self._given(words) if flag not in present]
        return " ".join([words, *added]) + separator + comment

    def _given(self, command: str) -> Iterator[tuple[str, str]]:
        """Yield the options to add: those given and, for kubectl, the namespace too, because its default differs."""
        is_kubectl = command.startswith("kubectl ")
        namespace = self.settings().namespace if is_kubectl else self.namespace
        options = {"-n": namespace, "--context": self.context, "--kubeconfig": self.kubeconfig}
        options |= {} if is_kubectl else {"--release": self.release}
        yield from ((flag, value) for flag, value in options.items() if value)


@dataclass(frozen=True, slots=True)
class ChartOptions:
    """The options of the commands that decide the values of both charts."""

    gateway_release: GatewayRelease = None
    profile: Annotated[
        str | None,
        typer.Option(
            help="Values for minikube, kind or cluster.", show_default="cluster", autocompletion=complete_profile
        ),
    ] = None
    registry: Annotated[str | None, typer.Option(help="Registry of the images.", show_default="ghcr.io/bai-kit")] = None
    tag: Annotated[str | None, typer.Option(help="Tag of the images.", show_default="the charts' appVersion")] = None
    files: Annotated[
        list[Path] | None,
        typer.Option("--values", "-f", metavar="FILE", help="Values below the keys dask-gateway and bai; repeatable."),
    ] = None
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One value, as for helm; repeatable.")
    ] = None
    set_strings: Annotated[
        list[str] | None, typer.Option("--set-string", metavar="KEY=VALUE", help="One value, always as text.")
    ] = None
    set_files: Annotated[
        list[str] | None, typer.Option("--set-file", metavar="KEY=FILE", help="One value from a file's content.")
    ] = None
    package: Annotated[str | None, typer.Option(metavar="FILE|URL[#NAME]", help="Another application package.")] = None

    def settings(self, common: Common) -> "Settings":
        """Return the settings in force, including those that these options set."""
        return common.settings(
            gateway_release=self.gateway_release, profile=self.profile, registry=self.registry, tag=self.tag
        )

    def overrides(self) -> "Overrides":
        """Return the chart values that these options set; they override those of the profile."""
        from bai_kit.package.document import convert  # noqa: PLC0415 - cwltool takes a second
        from bai_kit.release.values import Overrides  # noqa: PLC0415 - `--help` need not load it

        return Overrides(
            files=tuple(self.files or ()),
            sets=tuple(self.sets or ()),
            set_strings=tuple(self.set_strings or ()),
            set_files=tuple(self.set_files or ()),
            package=convert(self.package) if self.package else None,
        )


def limits_of(settings: "Settings") -> "Limits":
    """Return the largest results that the settings allow to fetch."""
    from bai_kit.job.results import Limits  # noqa: PLC0415 - `--help` need not load it
    from bai_kit.kube.quantities import quantity  # noqa: PLC0415

    return Limits(int(quantity(settings.results_files)), int(quantity(settings.results_size)))


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for each field of its dataclass parameters; its own options are listed first.

    The hint of an error, and of a result that has one, gets the options given on this command line.
    """
    own = signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        name: parameter.annotation for name, parameter in own.items() if is_dataclass(parameter.annotation)
    }
    options = [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
        for group in groups.values()
        for hints in [get_type_hints(group, include_extras=True)]
        for field in fields(group)
    ]

    def filled(**given: Any) -> Any:
        chosen = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        common: Common = chosen["common"]
        try:
            result = command(**chosen, **given)
        except BaiKitError as error:
            error.hint = common.complete(error.hint) if error.hint else None
            raise
        hint = getattr(result, "hint", "")
        return replace(result, hint="\n".join(map(common.complete, hint.splitlines()))) if hint else result

    kept = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for name, parameter in own.items() if name not in groups]
    shown: Any = wraps(command)(filled)
    del shown.__wrapped__  # typer would read the annotations of the original function
    shown.__signature__ = Signature([*kept, *options])
    shown.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *options)}
    return shown  # type: ignore[no-any-return]
