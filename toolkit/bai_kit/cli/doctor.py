"""`bai-kit doctor`."""

from typing import Annotated, Any

import typer

from bai_kit.cli.options import Context, Kubeconfig, Namespace, ReleaseName, kube_of, release_of, settings_of


def doctor(
    *,
    probe: Annotated[bool, typer.Option(help="Start two pods that look at images, gateway and versions.")] = True,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    release: ReleaseName = None,
) -> Any:
    """Find out what is missing for a run on Kubernetes, and the command that mends it."""
    from bai_kit.doctor.diagnose import diagnose  # noqa: PLC0415 - `--help` need not load kubernetes
    from bai_kit.release.helm import Helm  # noqa: PLC0415

    settings = settings_of(locals())
    helm = Helm(settings.namespace, executable=settings.helm, context=settings.context, kubeconfig=settings.kubeconfig)
    return diagnose(kube_of(settings), helm, release=release_of(settings), probe=probe)
