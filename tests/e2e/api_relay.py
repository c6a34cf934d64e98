"""A TCP relay in front of the Kubernetes API, which can be cut: for the client, the API is away then."""

import contextlib
import os
import socket
import socketserver
import subprocess
import threading
from urllib.parse import urlsplit

import yaml


class Relay(socketserver.ThreadingTCPServer):
    """Passes connections on to the API of a kubeconfig, but for the time of a cut."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, path):
        shown = subprocess.run(
            ["kubectl", "config", "view", "--raw", "--minify", "--flatten"], capture_output=True, check=True
        ).stdout
        config = yaml.safe_load(shown)
        cluster = config["clusters"][0]["cluster"]
        self.target = urlsplit(cluster["server"])
        self.is_cut, self.open = False, set()
        super().__init__(("127.0.0.1", 0), Passing)
        cluster["server"] = f"https://127.0.0.1:{self.server_address[1]}"
        cluster["insecure-skip-tls-verify"] = True  # the certificate is not of this address
        cluster.pop("certificate-authority-data", None)
        self.kubeconfig = str(path)
        path.write_text(yaml.safe_dump(config))
        os.chmod(path, 0o600)  # noqa: PTH101
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    @contextlib.contextmanager
    def cut(self):
        """Break every connection, and accept none until the end of the context."""
        self.is_cut = True
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        yield
        self.is_cut = False


class Passing(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self):
        if self.server.is_cut:
            return
        with socket.create_connection((self.server.target.hostname, self.server.target.port or 443)) as api:
            self.server.open |= {self.request, api}
            back = threading.Thread(target=_copy, args=(api, self.request), daemon=True)
            back.start()
            _copy(self.request, api)
            back.join()
            self.server.open -= {self.request, api}


def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
