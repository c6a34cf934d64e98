"""Run Helm: render, install, roll back and uninstall releases. The only importer of pyhelm3.

pyhelm3's `Command` runs the executable; its `Client` is not used, because it joins the lists of values where Helm
replaces them, uninstalls releases that it finds stuck, and shows secrets in its diffs. Callers give one dictionary of
values, already merged (bai_kit.release.values); no token is on a command line.
"""

import asyncio
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyhelm3
import yaml

from bai_kit.errors import SetupError
from bai_kit.release.helm_errors import NoReleaseError, translate

T = TypeVar("T")
Json = dict[str, Any]
Assignments = Mapping[str, Sequence[str]]
"""Helm's option (--set, --set-string, --set-file) to the expressions given with it."""

OLDEST = (3, 14)
"""The oldest supported Helm: the first one with `--dry-run=server`, which shows what an upgrade would change."""
LABEL = "bai-kit-deploy"
"""Label of a release's revisions; tells the revisions of one deploy from those of another."""
AFTER_HOOKS_S = 60
"""Seconds that an uninstall may take beside the chart's own clean-up."""

log = logging.getLogger(__name__)
logging.getLogger("pyhelm3").setLevel(logging.CRITICAL)  # pyhelm3 logs whole command lines, which hold values


@dataclass(frozen=True, slots=True)
class Revision:
    """A release as Helm has it."""

    release: str
    number: int
    status: str
    """Helm's status: deployed, failed, pending-install, ..."""
    manifest: tuple[Json, ...] = ()
    """Its objects, without hooks."""


class Helm:
    """One Helm executable and one namespace of one Kubernetes.

    Args:
        namespace: Namespace of the releases.
        executable: Name on PATH, or path.
        context: The kubeconfig's context; None is its current one.
        kubeconfig: Path of the kubeconfig; None is Helm's default.
    """

    def __init__(
        self,
        namespace: str,
        *,
        executable: str = "helm",
        context: str | None = None,
        kubeconfig: str | None = None,
    ) -> None:
        self.namespace = namespace
        self._executable = executable
        self._command = pyhelm3.Command(executable=executable, kubecontext=context, kubeconfig=kubeconfig)

    def version(self) -> str:
        """Return Helm's version, such as 3.19.0.

        Raises:
            SetupError: there is no Helm, or it is too old.
        """
        if shutil.which(self._executable) is None:
            raise SetupError(
                f"cannot run Helm: no executable {self._executable!r}",
                hint="install Helm 3.14 or later (https://helm.sh/docs/intro/install), or set BAI_KIT_HELM=PATH",
            )
        version = self._run(self._command.version()).strip().removeprefix("v")
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
            raise SetupError(f"helm {version} is too old", hint=f"install Helm {OLDEST[0]}.{OLDEST[1]} or later")
        return str(version)

    def current(self, release: str) -> Revision | None:
        """Return a release's newest revision with its objects; None when it is not installed."""
        try:
            status = self._run(self._command.status(release, namespace=self.namespace))
        except NoReleaseError:
            return None
        return _revision(status)

    def last_deployed(self, release: str) -> int | None:
        """Return the newest revision that was deployed without an error; None when there is none."""
        try:
            history = self._run(self._command.history(release, namespace=self.namespace))
        except NoReleaseError:
            return None
        good = [revision["revision"] for revision in history if revision["status"] in {"deployed", "superseded"}]
        return max(good, default=None)

    def releases(self) -> dict[str, str]:
        """Return the namespace's releases, each with its chart's name and version."""
        found = self._run(self._command.list(namespace=self.namespace, include_failed=True, include_pending=True))
        return {entry["name"]: entry["chart"] for entry in found}

    def render(self, release: str, chart: Path, values: Mapping[str, Any]) -> list[Json]:
        """Return the objects of a chart, hooks included; asks no Kubernetes.

        Raises:
            ValuesError: the chart does not take the values.
        """
        rendered = self._run(self._command.template(release, chart, dict(values), namespace=self.namespace))
        return [document for document in rendered if document]

    def assign(self, values: Mapping[str, Any], assignments: Assignments) -> Json:
        """Return values with assignments on top, merged by Helm itself.

        Raises:
            ValuesError: an assignment cannot be parsed, or its file cannot be read.
        """
        words = [word for option, given in assignments.items() for text in given for word in (option, text)]
        if not words:
            return dict(values)
        with tempfile.TemporaryDirectory(prefix="bai-kit-values-") as chart:
            templates = Path(chart, "templates")
            templates.mkdir()
            Path(chart, "Chart.yaml").write_text("{apiVersion: v2, name: values, version: 0.0.0}", "utf-8")
            (templates / "values.yaml").write_text("{{ toJson .Values }}", "utf-8")
            call = ["template", "values", chart, "--values", "-", *words]
            return _parse(self._run(self._command.run(call, json.dumps(values).encode())))

    def preview(self, release: str, chart: Path, values: Mapping[str, Any]) -> Revision:
        """Return the objects that an install or upgrade would apply; Kubernetes checks them and changes nothing."""
        words = ["upgrade", release, chart, "--install", "--dry-run=server", "--namespace", self.namespace]
        words += ["--output", "json", "--values", "-"]
        return _revision(_parse(self._run(self._command.run(words, json.dumps(values).encode()))))

    def install(
        self, release: str, chart: Path, values: Mapping[str, Any], *, timeout_s: int = 300, label: str = ""
    ) -> Revision:
        """Install or upgrade a release; hooks are waited for, workloads are not.

        Args:
            release: The release's name.
            chart: The chart's directory.
            values: The values, which replace those of the former revision.
            timeout_s: Seconds that hooks may take.
            label: Value of the revision's label, see `is_labelled`; the revision has it even when it fails.

        Raises:
            ValuesError: the chart does not take the values.
            BusyError: another operation on the release is under way.
            HelmError: Helm or Kubernetes refused.
        """
        words = ["upgrade", release, chart, "--install", "--reset-values", "--timeout", f"{timeout_s}s"]
        words += ["--labels", f"{LABEL}={label}"] if label else []
        words += ["--namespace", self.namespace, "--output", "json", "--values", "-"]
        return _revision(_parse(self._run(self._command.run(words, json.dumps(values).encode()))))

    def is_labelled(self, release: str, label: str) -> bool:
        """Return whether the newest revision of a release is the one that was installed with this label."""
        words = ["list", "--all", "--namespace", self.namespace, "--selector", f"{LABEL}={label}", "--output", "json"]
        found = json.loads(self._run(self._command.run(words)))
        newest = self.current(release)
        return newest is not None and any(
            entry["name"] == release and int(entry["revision"]) == newest.number for entry in found
        )

    def rollback(self, release: str, number: int) -> None:
        """Go back to a revision."""
        self._run(self._command.rollback(release, number, namespace=self.namespace))

    def uninstall(self, release: str, *, no_hooks: bool = False) -> None:
        """Remove a release and wait until its objects are gone; a release that is not installed is no error.

        Args:
            release: Its name.
            no_hooks: Skip the chart's hooks, which end clusters before the objects are removed.
        """
        try:
            timeout = f"{self._hook_limit(release) + AFTER_HOOKS_S:.0f}s"
            self._run(
                self._command.uninstall(
                    release, namespace=self.namespace, no_hooks=no_hooks, wait=True, timeout=timeout
                )
            )
        except NoReleaseError:
            log.debug("release %s is not installed", release)

    def _hook_limit(self, release: str) -> float:
        """Return the seconds that a release's clean-up may take; 60 for a chart that has none."""
        values = self._run(self._command.get_values(release, computed=True, namespace=self.namespace))
        return float((values.get("cleanup") or {}).get("timeout") or 60)

    def _run(self, call: Awaitable[T]) -> T:
        async def run() -> T:
            return await call

        try:
            return asyncio.run(run())
        except pyhelm3.Error as exc:
            raise translate(exc.stderr.decode(errors="replace")) from exc


def _parse(output: bytes) -> Json:
    """Read Helm's JSON; Helm 4 may write a line in front of it."""
    parsed: Json = json.loads(output[output.index(b"{") :])
    return parsed


def _revision(release: Mapping[str, Any]) -> Revision:
    objects = yaml.load_all(release.get("manifest") or "", Loader=pyhelm3.command.SafeLoader)
    return Revision(
        release=release["name"],
        number=release["version"],
        status=release["info"]["status"],
        manifest=tuple(document for document in objects if document),
    )
