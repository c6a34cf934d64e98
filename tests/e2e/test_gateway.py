"""The dask-gateway chart on a real Kubernetes that enforces restricted Pod Security, RBAC and NetworkPolicies."""

import base64
import json
import os
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.gateway_bed import CONTAINER_CONTEXT, CONTEXT, DASK, Bed, forwarded, kubectl, until

pytestmark = pytest.mark.e2e
CLUSTER = Path(os.environ.get("BAI_E2E_CLUSTER", Path(__file__).parents[3] / "shared" / "kube" / "cluster"))
WORKER = "app.kubernetes.io/component=dask-worker"
CLAIM = """
with gateway() as g:
    cluster = g.new_cluster(shutdown_on_close=False{options})
    cluster.close(shutdown=False)
    print(json.dumps(cluster.name))
"""
COMPUTE = """
with gateway() as g, g.connect({name!r}) as cluster:
    cluster.scale(1)
    with cluster.get_client() as client:
        print(json.dumps(client.submit(pow, 2, 10).result(timeout=60)))
"""
STOP = "with gateway() as g: g.stop_cluster({name!r}); print('true')"


@pytest.fixture(scope="module")
def bed(images):
    """The release, with its defaults but for images and sizes."""
    made = Bed(images, os.environ.get("BAI_E2E_TRAEFIK_TAG", images[1]), os.environ.get("BAI_E2E_PREFIX", "e2e"))
    made.make_namespace()
    made.client()
    made.install()
    yield made
    subprocess.run(["helm", "-n", made.namespace, "uninstall", "dask-gateway", "--wait"], check=False, timeout=180)
    kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture
def cluster(bed):
    """A running cluster's name; it is dismissed at the end, and then nothing is left of it."""
    name = bed.python(CLAIM.format(options=""))
    yield name
    bed.python(STOP.format(name=name))
    bed.wait_clean()


def test_helm_test_claims_computes_and_dismisses(bed):
    said = bed.helm("test", "dask-gateway", "--logs")
    assert "computed 328350" in said
    bed.kubectl("delete", "pod", "dask-gateway-test")
    bed.wait_clean()


def test_a_cluster_lives_through_an_upgrade(bed, cluster):
    before = bed.names("pods")
    controller = bed.names("pods", "app.kubernetes.io/component=controller")
    bed.install("--set", "gateway.idleTimeout=1000")
    assert bed.names("pods", "app.kubernetes.io/component=controller") != controller
    assert bed.names("pods") == before
    assert bed.python(COMPUTE.format(name=cluster)) == 1024


def test_the_dashboard_is_behind_the_forwarded_port(bed, cluster):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with forwarded(bed, port) as address, urllib.request.urlopen(f"{address}/clusters/{cluster}/status") as page:
        assert "Dask" in page.read().decode()


def test_workers_that_fit_nowhere_go_when_fewer_are_wanted(bed):
    name = bed.python(CLAIM.format(options=", worker_cores=64"))
    for count in (5, 2, 0):
        bed.python(f"with gateway() as g: g.scale_cluster({name!r}, {count}); print('true')")
        until(lambda count=count: len(bed.names("pods", f"{DASK},{WORKER}")) == count, f"{count} waiting workers")
    bed.python(STOP.format(name=name))
    bed.wait_clean()


def test_a_stop_right_after_the_submit_is_not_lost(bed):
    bed.python("""
with gateway() as g:
    for n in range(10):
        name = g.submit()
        time.sleep(n * 0.02)
        g.stop_cluster(name)
print("true")
""")
    bed.wait_clean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("image='docker.io/evil/miner:1'", "'docker.io/evil/miner:1' is not allowed here; allowed: "),
        ("worker_memory='much'", "is not an amount of memory"),
        ("worker_cores=1000", "worker_cores must be <= 64"),
    ],
)
def test_a_choice_that_is_not_allowed_is_refused_in_words(bed, options, message):
    said = bed.python(f"""
with gateway() as g:
    try:
        g.submit({options})
    except Exception as exc:
        print(json.dumps(str(exc)))
""")
    assert message in said
    assert not bed.left()


def test_an_idle_cluster_ends_by_itself(bed):
    bed.python(CLAIM.format(options=", idle_timeout=3"))
    bed.wait_clean()


def test_who_reaches_whom(bed, cluster):
    scheduler = bed.address("app.kubernetes.io/component=dask-scheduler")
    api = bed.address("app.kubernetes.io/component=api")
    traefik = bed.address("app.kubernetes.io/component=traefik")
    asked = [(traefik, 8000), (api, 8000), (scheduler, 8786), (scheduler, 8788), (traefik, 9000)]
    code = f"print(json.dumps([connects(host, port) for host, port in {asked}]))"
    assert bed.python(code) == [True, False, False, False, False]
    stranger = f"{bed.namespace}-x"
    bed.make_namespace(stranger)
    try:
        bed.client(stranger)
        assert not any(bed.python(code, stranger))
    finally:
        kubectl("delete", "namespace", stranger, "--wait=false")


def test_what_workers_reach(bed, cluster):
    api = bed.address("app.kubernetes.io/component=api")
    client = bed.kubectl("get", "pod", "client", "-o", "jsonpath={.status.podIP}")
    said = bed.python(f"""
def reach(targets):
    import http.server, socket
    found = []
    for host, port in targets:
        try:
            socket.create_connection((host, port), 2).close()
            found.append("yes")
        except ConnectionRefusedError:
            found.append("refused")  # the packet arrived: nobody listens
        except OSError:
            found.append("no")
    return found
with gateway() as g, g.connect({cluster!r}) as c:
    c.scale(1)
    with c.get_client() as client:
        targets = [({client!r}, 1234), ({api!r}, 8000), (os.environ["KUBERNETES_SERVICE_HOST"], 443)]
        print(json.dumps(client.submit(reach, targets).result(timeout=60)))
""")
    assert said == ["refused", "no", "no"]  # a pod beside it; the API server; Kubernetes


def test_an_ended_clusters_record_goes_after_its_time(bed):
    def records():
        return bed.kubectl("get", "daskclusters", "-o", "name").split()

    until(lambda: not records(), "end of the records", 60)


@pytest.mark.skipif(not CLUSTER.exists(), reason="needs the audit log of the test cluster")
def test_the_rights_granted_are_the_rights_used(bed):
    """Runs after all of the above, which together use everything."""
    said = subprocess.run([CLUSTER, "audit", f"{bed.namespace}:"], capture_output=True, text=True, check=True).stdout
    seen = {}
    for line in said.splitlines():
        user, verb, resource, _, code, _ = line.split("\t")
        if code != "403" and not resource.startswith("/"):
            seen.setdefault(user.split(":")[1], set()).add((verb, resource))
    assert "403" not in {line.split("\t")[4] for line in said.splitlines()}
    roles = json.loads(bed.kubectl("get", "roles", "-o", "json"))["items"]
    granted = {
        role["metadata"]["name"]: {
            (verb, "/".join(filter(None, (group, resource))))
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        for role in roles
    }
    hooks = granted.pop("hooks-dask-gateway")
    assert {resource for _, resource in hooks} == {"gateway.dask.org/daskclusters", "pods"}  # used by uninstall, below
    # Traefik's client lists by watching where Kubernetes offers that (1.32), and by listing before.
    seen["traefik-dask-gateway"] |= {("list", resource) for _, resource in seen["traefik-dask-gateway"]}
    # The log of a scheduler that fails; no scheduler of these tests does.
    seen["controller-dask-gateway"].add(("get", "pods/log"))
    assert seen == granted


def test_the_servers_image_starts_read_only_as_any_user(bed):
    image = bed.values["gateway"]["image"]
    container = {
        "name": "server",
        "image": f"{image['name']}:{image['tag']}",
        "command": ["dask-gateway-server", "--version"],
        "securityContext": CONTAINER_CONTEXT,
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {**CONTEXT, "runAsUser": 54321, "runAsGroup": 54321},
        "containers": [container],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "anyone"}, "spec": spec}
    bed.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    bed.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/anyone", "--timeout=60s")
    assert bed.kubectl("logs", "anyone").strip() == "2026.3.0"
    bed.kubectl("delete", "pod", "anyone")


def test_password_and_https(bed, tmp_path):
    """A second release in the same namespace, with a certificate signed by itself; its own test is the client."""
    host = f"traefik-tls-dask-gateway.{bed.namespace}"
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test", "-keyout", key,
         "-out", certificate, "-addext", f"subjectAltName=DNS:{host}.svc.cluster.local,DNS:{host}"],
        check=True, capture_output=True,
    )  # fmt: skip
    bed.kubectl("create", "secret", "tls", "certificate", f"--cert={certificate}", f"--key={key}")
    chart = Path(__file__).parents[2] / "charts" / "dask-gateway"
    words = ("--set", "traefik.tls.enabled=true", "--set", "traefik.tls.secretName=certificate",
             "--set", "test.tlsAuthorityKey=tls.crt", "--set", "gateway.auth.simple.generatePassword=true")  # fmt: skip
    command = ("upgrade", "--install", "tls", str(chart), "--values", "-", "--wait", "--timeout", "120s")
    bed.helm(*command, *words, values=bed.values)
    password = bed.kubectl("get", "secret", "tls-dask-gateway-auth", "-o", "jsonpath={.data.password}")
    bed.helm(*command, *words, values=bed.values)
    assert bed.kubectl("get", "secret", "tls-dask-gateway-auth", "-o", "jsonpath={.data.password}") == password
    assert len(base64.b64decode(password)) == 32
    assert "computed 328350" in bed.helm("test", "tls", "--logs")
    code = f"""
import ssl, urllib.request
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    urllib.request.urlopen("https://{host}:80/api/v1/clusters/", context=context)
except urllib.error.HTTPError as exc:
    print(json.dumps(exc.code))
"""
    assert bed.python(code) == 401
    bed.helm("uninstall", "tls", "--wait")
    bed.kubectl("delete", "pod", "tls-dask-gateway-test")


def test_uninstall_takes_running_clusters_with_it(bed):
    bed.python(CLAIM.format(options="") + "\n")
    # Helm waits for the objects of the release alone; with foreground deletion these go after their own pods.
    bed.helm("uninstall", "dask-gateway", "--wait", "--cascade", "foreground")
    assert not bed.left()
    assert not bed.kubectl("get", "daskclusters", "-o", "name")
    assert bed.kubectl("get", "all,networkpolicies,roles,rolebindings", "-o", "name").split() == ["pod/client"]
