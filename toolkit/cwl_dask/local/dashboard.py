"""Dask's scheduler at an embedded gateway: reports to it at once, and loads the dashboard when somebody looks at it.

A preload of `dask scheduler`, after `dask_gateway.scheduler_preload`. The dashboard's libraries take 0.4 s and 40 MB.
"""

from typing import Any

from tornado import web


class Dashboard(web.Application):
    """Answers the first request that nothing else of the scheduler answers, after it has loaded the dashboard."""

    def __init__(self, scheduler: Any) -> None:
        super().__init__()
        self._scheduler = scheduler

    def find_handler(self, request: Any, **options: Any) -> Any:
        """Return the handler of a request."""
        scheduler, routes = self._scheduler, self._scheduler.http_application
        routes.applications.remove(self)
        try:
            from distributed.dashboard.scheduler import connect  # noqa: PLC0415 - slow, see above
        except ImportError:  # no bokeh
            return super().find_handler(request, **options)
        connect(routes, scheduler.http_server, scheduler, prefix="")
        return routes.find_handler(request, **options)


def dask_setup(scheduler: Any) -> None:
    """Prepare a scheduler, as Dask calls it."""
    scheduler.services["gateway"].heartbeat_initial = 0  # the gateway learns the addresses from the first heartbeat
    scheduler.http_application.add_application(Dashboard(scheduler))
