"""Completion of values in the shell: profiles, jobs and Dask clusters."""

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

import typer

from bai_kit.errors import BaiKitError

if TYPE_CHECKING:
    from bai_kit.kube.api import Kube


def complete_profile(incomplete: str) -> Iterator[str]:
    """Yield the profiles that begin with the given text."""
    from bai_kit.release.profiles import profiles  # noqa: PLC0415 - loaded for completion only

    yield from (profile for profile in profiles() if profile.startswith(incomplete))


def complete_job(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the names of the namespace's jobs; none if Kubernetes does not answer."""
    from bai_kit.job.state import list_jobs  # noqa: PLC0415 - see complete_profile

    try:
        names = [job.name for job in list_jobs(_kube(ctx))]
    except BaiKitError:
        return
    yield from (name for name in names if name.startswith(incomplete))


def complete_cluster(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the names of the namespace's active Dask clusters; none if Kubernetes does not answer."""
    from bai_kit.cluster import list_clusters  # noqa: PLC0415 - see complete_profile

    try:
        names = [cluster.full_name for cluster in list_clusters(_kube(ctx)) if cluster.is_active]
    except BaiKitError:
        return
    yield from (name for name in names if name.startswith(incomplete))


def _kube(ctx: typer.Context) -> "Kube":
    """Return the Kubernetes API that the options typed so far choose."""
    from bai_kit.cli.options import Common  # noqa: PLC0415 - it uses this module

    return Common(**{field.name: ctx.params.get(field.name) for field in fields(Common)}).kube()
