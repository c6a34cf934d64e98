"""The Python interface for notebooks and programs: `from bai_kit import run, follow, results, clusters`.

The functions take the settings that the command takes (environment and settings file included), raise the errors of
`bai_kit.errors`, and configure no logging. `docs/python.md` has an example.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bai_kit.cluster import Cluster, list_clusters
from bai_kit.job.logs import job_lines
from bai_kit.job.results import Limits, Results, fetch_results
from bai_kit.job.run import RunRequest, run_job
from bai_kit.job.template import load_template
from bai_kit.kube.api import Kube
from bai_kit.kube.quantities import quantity
from bai_kit.local import run_local
from bai_kit.package.document import convert, own_package
from bai_kit.package.outputs import RunResult
from bai_kit.progress import Progress
from bai_kit.settings import Settings, load_settings

Show = Callable[[str], None]
"""Called with each log line of a run, such as `print`."""


def run(
    inputs: Mapping[str, Any],
    directory: str | Path,
    *,
    package: str | Path | None = None,
    local: bool = False,
    retries: int = 0,
    show: Show | None = None,
    **settings: str,
) -> RunResult:
    """Run an application package, wait for its end and fetch its results.

    Args:
        inputs: CWL inputs by name.
        directory: Directory of the results; must be empty or not exist.
        package: Application package to run; None is the release's own, or with `local` this project's.
        local: Run on this machine, without Kubernetes.
        retries: How often a temporary failure is tried again, as a new job.
        show: Called with each log line; None shows none.
        settings: `namespace`, `context`, `kubeconfig`, `release` and the limits, as for the command.

    Returns:
        The files in `directory`, the outputs object, and the areas by severity for this project's application.

    Raises:
        BaiKitError: as for `bai-kit run`.
    """
    progress = _Shown(show)
    if local:
        return run_local(package or own_package(), inputs, Path(directory), progress)
    chosen = load_settings(settings)
    request = RunRequest(
        inputs=inputs,
        output_dir=Path(directory),
        release=_release(chosen),
        package=json.loads(convert(package)) if package else None,
        retries=retries,
        limits=_limits(chosen),
        upload_bytes=int(quantity(chosen.upload_size)),
    )
    outcome = run_job(_kube(chosen), request, progress)
    if outcome.results is None:  # only after Ctrl-C or a signal
        raise KeyboardInterrupt(f"job {outcome.job} goes on; follow({outcome.job!r}) shows its log")
    return outcome.results


def follow(job: str, **settings: str) -> Iterator[str]:
    """Yield the log lines of a job, from its start to its end.

    Args:
        job: The job's name.
        settings: As for `run`.

    Raises:
        BaiKitError: as for `bai-kit logs`.
    """
    chosen = load_settings(settings)
    kube = _kube(chosen)
    yield from job_lines(kube, load_template(kube, _release(chosen)), job, wait=True)


def results(job: str, directory: str | Path | None = None, **settings: str) -> Results:
    """Fetch the results of a job that is over.

    Args:
        job: The job's name.
        directory: Directory of the results; None is `./JOB`.
        settings: As for `run`.

    Raises:
        BaiKitError: as for `bai-kit results`.
    """
    chosen = load_settings(settings)
    kube = _kube(chosen)
    target = Path(job if directory is None else directory)
    return fetch_results(kube, load_template(kube, _release(chosen)), job, target, limits=_limits(chosen))


def clusters(**settings: str) -> list[Cluster]:
    """List the Dask clusters of the namespace that run or are about to, oldest first.

    `Cluster.full_name` is the name for `dask_gateway.Gateway().connect`.

    Args:
        settings: As for `run`.
    """
    return [cluster for cluster in list_clusters(_kube(load_settings(settings))) if cluster.is_active]


class _Shown(Progress):
    """Passes each log line to a function, and reports no phases."""

    def __init__(self, show: Show | None) -> None:
        super().__init__()
        self._show = show

    def line(self, text: str) -> None:
        if self._show:
            self._show(text)

    def phase(self, phase: str, detail: str, *, quiet: bool = False) -> None:
        pass


def _kube(chosen: Settings) -> Kube:
    return Kube(context=chosen.context, kubeconfig=chosen.kubeconfig, namespace=chosen.namespace)


def _release(chosen: Settings) -> str | None:
    return None if chosen.sources["release"] == "default" else chosen.release


def _limits(chosen: Settings) -> Limits:
    return Limits(int(quantity(chosen.results_files)), int(quantity(chosen.results_size)))
