"""Settings shared by all commands (namespace, context, kubeconfig, releases, images, limits), and the source of each.

The first source that has a value counts: the option, the environment variable (`BAI_KIT_NAMESPACE`, ...), the file
`~/.config/bai-kit/config.toml` (or the file that `BAI_KIT_CONFIG` names), the default.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from bai_kit.errors import UsageError

PREFIX = "BAI_KIT_"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force."""

    namespace: str = "dask-gateway"
    """Namespace of both releases."""
    context: str | None = None
    """Context of the kubeconfig; None is its current one."""
    kubeconfig: str | None = None
    """Path of the kubeconfig; None is `KUBECONFIG`, then `~/.kube/config`."""
    release: str = "bai"
    """Helm release of bai-chart."""
    gateway_release: str = "dask-gateway"
    """Helm release of the dask-gateway chart."""
    profile: str = "cluster"
    """Template of values: minikube, kind or cluster."""
    registry: str = "ghcr.io/bai-kit"
    """Registry of the three images."""
    tag: str = ""
    """Tag of the three images; empty is the charts' appVersion."""
    helm: str = "helm"
    """The Helm executable: a name on PATH, or a path."""
    engine: str = "none"
    """Container engine of local runs: podman, docker, apptainer or none."""
    results_files: str = "100k"
    """The largest number of files that a fetch of results brings, as a Kubernetes quantity."""
    results_size: str = "100G"
    """The largest number of bytes that a fetch of results brings."""
    upload_size: str = "10G"
    """The largest number of bytes of a job's input files."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The source of each value: `option`, `environment BAI_KIT_X`, `file PATH` or `default`."""


NAMES = tuple(setting.name for setting in fields(Settings) if setting.name != "sources")


def load_settings(
    options: Mapping[str, str | None] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings in force.

    Args:
        options: Values of the command line by name; None is "not given".
        environment: Environment variables; those of the process when None.

    Raises:
        UsageError: an option or the file has an unknown name, or the file cannot be read.
    """
    env = os.environ if environment is None else environment
    path = config_file(env)
    layers = [
        ("option", {key: value for key, value in (options or {}).items() if value is not None}),
        ("environment", {name: env[PREFIX + name.upper()] for name in NAMES if env.get(PREFIX + name.upper())}),
        (f"file {path}", _read(path, explicit=bool(env.get(f"{PREFIX}CONFIG")))),
    ]
    chosen: dict[str, str] = {}
    sources = dict.fromkeys(NAMES, "default")
    for source, layer in reversed(layers):
        for name, value in layer.items():
            if name not in NAMES:
                raise UsageError(f"{source}: unknown setting {name!r}", hint=f"settings: {', '.join(NAMES)}")
            chosen[name] = value
            sources[name] = f"environment {PREFIX}{name.upper()}" if source == "environment" else source
    return Settings(**chosen, sources=sources)


def config_file(environment: Mapping[str, str]) -> Path:
    """Return the path of the settings file."""
    if named := environment.get(f"{PREFIX}CONFIG"):
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".config"
    return Path(home) / "bai-kit" / "config.toml"


def _read(path: Path, *, explicit: bool) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        if explicit:
            raise UsageError(f"{PREFIX}CONFIG names {path}, which does not exist") from exc
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise UsageError(f"cannot read {path}: {exc}") from exc
    for name, value in content.items():
        if not isinstance(value, str):
            raise UsageError(f"{path}: {name} must be text, not {value!r}")
    return content
