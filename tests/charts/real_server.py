"""Load the configuration that the dask-gateway chart renders into the real dask-gateway-server."""

import asyncio
import sys

from dask_gateway_server.app import DaskGateway
from dask_gateway_server.backends.kubernetes import backend, controller, utils
from dask_gateway_server.models import User
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

ERIC = User("eric")


def forget():
    """Forget the chart's imported modules, because each test has its own settings."""
    backend.Informer = controller.Informer = utils.Informer
    for name in [name for name in sys.modules if name.startswith("gateway_")]:
        del sys.modules[name]


def load(folder) -> Config:
    return PyFileConfigLoader("gateway_config.py", path=str(folder)).load_config()


def api_server(folder):
    """Return the API server's backend, created in the same way as the server does."""
    app = DaskGateway(config=load(folder))
    return app.backend_class(parent=app, log=app.log), app


def the_controller(folder):
    config = load(folder)
    from gateway_controller import Controller  # noqa: PLC0415 - a module of the rendered folder

    return Controller(config=config)


def cluster_config(folder, **chosen):
    made, _ = api_server(folder)
    return asyncio.run(made.process_cluster_options(ERIC, chosen))[1]
