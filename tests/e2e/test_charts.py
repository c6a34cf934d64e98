"""Test the two charts on other clusters and by other tools: names, TLS, users, taints, umbrella charts, several deploys."""

import contextlib
import json
import secrets
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import PREFIX
from tests.e2e.kit import Kit, package, until

pytestmark = pytest.mark.e2e
CHARTS = Path(__file__).parents[2] / "charts"
NO_FIXED_USER = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
TOLERATIONS = [{"key": "bai-kit.test/dedicated", "operator": "Exists"}]
SMALL = {"cores": {"request": 0.1}, "extraPodConfig": {"tolerations": TOLERATIONS}}
LEFT_OUT = {"createCRDs": False, "traefik": {"createCRDs": False}}  # the release of the fixture `kit` has made them


@contextlib.contextmanager
def namespace_like(kit: Kit, name: str):
    """Make a namespace with Pod Security `restricted`; yield `bai-kit` for it."""
    other = Kit(f"{PREFIX}-{name}-{secrets.token_hex(3)}", kit.registry, kit.tag, kit.work)
    other.kubectl("create", "namespace", other.namespace)
    other.kubectl("label", "namespace", other.namespace, "pod-security.kubernetes.io/enforce=restricted")
    try:
        yield other
    finally:
        other.kubectl("delete", "namespace", other.namespace, "--wait=false")


@contextlib.contextmanager
def refusing_user_1000(kit: Kit):
    """Refuse pods of the namespace that ask for user 1000, as a cluster with random user ids does."""
    asks = "has({0}.securityContext) && has({0}.securityContext.runAsUser) && {0}.securityContext.runAsUser == 1000"
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": kit.namespace}}}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    fault = f"!({asks.format('object.spec')}) && object.spec.containers.all(c, !({asks.format('c')}))"
    api = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": kit.namespace}}
    policy = api | {
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "matchConstraints": where | {"resourceRules": [rule]},
            "validations": [{"expression": fault, "message": "user 1000 is not of this namespace"}],
        },
    }
    binding = {"policyName": kit.namespace, "validationActions": ["Deny"], "matchResources": where}
    binding = api | {"kind": "ValidatingAdmissionPolicyBinding", "spec": binding}
    kinds = ("validatingadmissionpolicybinding", "validatingadmissionpolicy")
    kit.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [policy, binding]}))
    try:
        yield
    finally:
        for kind in kinds:
            kit.kubectl("delete", kind, kit.namespace)


@contextlib.contextmanager
def tainted(kit: Kit):
    """Taint the nodes: pods without the toleration stay unscheduled."""
    taint = "bai-kit.test/dedicated=jobs:NoSchedule"
    kit.kubectl("taint", "nodes", "--all", taint)
    try:
        yield
    finally:
        kit.kubectl("taint", "nodes", "--all", f"{taint}-")


def make_certificate(kit: Kit, host: str, directory: Path) -> None:
    """Put a certificate that is signed by itself into the Secret `certificate`, as its own authority."""
    key, certificate = directory / "tls.key", directory / "tls.crt"
    names = f"subjectAltName=DNS:{host}"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    subprocess.run([*command, "-keyout", key, "-out", certificate, "-addext", names], check=True, capture_output=True)
    files = [f"--from-file=tls.crt={certificate}", f"--from-file=tls.key={key}", f"--from-file=ca.crt={certificate}"]
    kit.kubectl("create", "secret", "generic", "certificate", *files)


def test_a_renamed_gateway_with_https_password_random_users_and_a_tainted_node(kit, tmp_path):
    with namespace_like(kit, "bent") as bent, refusing_user_1000(bent):
        make_certificate(bent, f"traefik-gate.{bent.namespace}.svc.cluster.local", tmp_path)
        values = {
            "dask-gateway": {
                "fullnameOverride": "gate",
                "podSecurityContext": NO_FIXED_USER,
                "gateway": {
                    "prefix": "/dask",
                    "auth": {"simple": {"generatePassword": True}},
                    "backend": {"scheduler": SMALL, "worker": SMALL},
                },
                "traefik": {
                    "tls": {"enabled": True, "secretName": "certificate"},
                    "service": {"ports": {"web": {"port": 8443}, "tcp": {"port": 8786}}},
                },
            },
            "bai": {
                "podSecurityContext": NO_FIXED_USER,
                "runner": {"tolerations": TOLERATIONS},
                "steps": {"tolerations": TOLERATIONS},
            },
        }
        (tmp_path / "bent.yaml").write_text(yaml.safe_dump(values))
        bent.deploy("-f", str(tmp_path / "bent.yaml")).ok()
        job = ["run", "--detach", "--package", package(bent), "--param", "mode=sum"]
        with tainted(bent):
            name = bent.result(*job)["job"]
            over = lambda: bent.result("status", name)["phase"] in {"complete", "failed"}  # noqa: E731 - a short probe
            until(over, "end of the job", 120, lambda: bent.run("logs", name).out)
        assert bent.result("status", name)["phase"] == "complete", bent.run("logs", name).out
        assert "sum 499500" in bent.run("logs", name).ok().out
        bent.run("undeploy", "--purge", "--yes").ok()


def umbrella(kit: Kit, directory: Path) -> Path:
    """Write a chart that has both charts as dependencies, the registry of all images given once."""
    chart = {"apiVersion": "v2", "name": "workspace", "version": "0.1.0"}
    chart["dependencies"] = [
        {"name": name, "version": "0.1.0", "repository": f"file://{CHARTS / name}", "condition": f"{name}.enabled"}
        for name in ("dask-gateway", "bai-chart")
    ]
    allow = {"image": {"allow": [f"{kit.registry}/bai:*"]}}
    gateway = {"image": {"tag": kit.tag}, "backend": {"image": {"tag": kit.tag}}, "clusterOptions": allow}
    small = {"requests": {"cpu": "50m", "memory": "64Mi"}}
    traefik = {"image": {"tag": kit.tag}, "createCRDs": False}
    values = {
        "global": {"imageRegistry": kit.registry},
        "dask-gateway": {
            "fullnameOverride": "dask-gateway", "createCRDs": False, "gateway": gateway, "traefik": traefik,
        },
        "bai-chart": {
            "runner": {"image": {"tag": kit.tag}, "resources": small, "maxRam": "4G", "maxCores": 2},
            "storage": {"size": "1Gi", "accessMode": "ReadWriteOnce"},
        },
    }  # fmt: skip
    (directory / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (directory / "values.yaml").write_text(yaml.safe_dump(values))
    subprocess.run(["helm", "dependency", "build", directory], check=True, capture_output=True, timeout=60)
    return directory


def test_an_umbrella_chart_applied_twice_harms_no_running_cluster(kit, tmp_path):
    with namespace_like(kit, "gitops") as gitops:
        chart = str(umbrella(gitops, tmp_path))

        def apply(*options: str) -> None:
            gitops.kubectl("apply", "-f", "-", stdin=gitops.helm("template", "ws", chart, *options))

        apply()
        gitops.kubectl("wait", "--for=condition=Available", "deployments", "--all", "--timeout=90s")
        job = gitops.result("run", "--detach", "--package", package(gitops), "--param", "mode=wait")["job"]
        gitops.says(job, "second 1")
        apply()
        apply("--set", "bai-chart.runner.image.tag=next,dask-gateway.gateway.backend.image.tag=next")
        until(lambda: gitops.result("status", job)["phase"] == "complete", "end of the job", 90)
        assert "sum 499500" in gitops.run("logs", job).ok().out
        assert not gitops.kubectl("get", "jobs", "-l", "app.kubernetes.io/component=hooks", "-o", "name")


def test_two_deploys_at_once_both_succeed(kit):
    words = ["deploy", "--profile", "minikube", "-f", str(kit.work / "values.yaml")]
    words += ["--package", str(kit.work / "bai.cwl")]
    timeouts = ("dask-gateway.gateway.idleTimeout=1100", "dask-gateway.gateway.idleTimeout=1000")
    both = [kit.start(*words, "--set", timeout) for timeout in timeouts]
    for process in both:
        kit.finish(process).ok()
    for release in ("dask-gateway", "bai"):
        history = json.loads(kit.helm("history", release, "--output", "json"))
        assert {entry["status"] for entry in history} <= {"deployed", "superseded"}
        assert not [entry for entry in history if "ollback" in entry["description"]]
    kit.deploy().ok()


def test_the_admission_policy_lets_the_runner_create_its_jobs_steps_only(kit):
    """Pods are refused by what they ask for, with the very token of a runner's pod."""
    with namespace_like(kit, "policy") as other:
        rendered = kit.helm("template", "bai", str(CHARTS / "bai-chart"), "--namespace", other.namespace,
                            "--set", "admissionPolicy.enabled=true")  # fmt: skip
        wanted = (
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ServiceAccount",
            "Role",
            "RoleBinding",
        )
        objects = [document for document in yaml.safe_load_all(rendered) if document and document["kind"] in wanted]
        other.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
        try:
            _try_pods(other)
        finally:
            for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
                other.kubectl("delete", kind, f"{other.namespace}-bai-steps")


def _pod(**changes) -> dict:
    container = {
        "name": "c", "image": "registry.test/none:1", "volumeMounts": [{"name": "w", "mountPath": "/w", "subPath": "one/tmp"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }  # fmt: skip
    spec = {
        "serviceAccountName": "bai-steps",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container | changes.pop("container", {})],
        "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "bai-data"}}, *changes.pop("volumes", [])],
    }
    labels = {"bai-kit/job": changes.pop("job", "one")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": labels}, "spec": spec | changes}


def _try_pods(kit: Kit) -> None:
    runner = _pod() | {"metadata": {"name": "one-abcde"}}
    runner["spec"]["serviceAccountName"] = "bai-runner"
    kit.kubectl("apply", "-f", "-", stdin=json.dumps(runner))
    bound = ["--bound-object-kind", "Pod", "--bound-object-name", "one-abcde"]
    token = kit.kubectl("create", "token", "bai-runner", *bound).strip()

    def refusal(pod: dict) -> str:
        # Without the client certificate of the kubeconfig, which would win over the token.
        server = kit.kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
        command = ["kubectl", "--kubeconfig=/dev/null", f"--server={server}", "--insecure-skip-tls-verify"]
        command += [f"--token={token}", "-n", kit.namespace, "create", "--dry-run=server", "-f", "-"]
        done = subprocess.run(command, input=json.dumps(pod), capture_output=True, text=True, check=False, timeout=30)
        return done.stderr if done.returncode else ""

    until(lambda: "service account only" in refusal(_pod(serviceAccountName="default")), "a policy in force", 20)
    assert refusal(_pod()) == ""
    secret = {"name": "s", "secret": {"secretName": "other"}}
    variable = {"name": "S", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}}
    assert "pods of its own job only" in refusal(_pod(job="two"))
    assert "with this volume" in refusal(_pod(volumes=[secret]))
    assert "other Secrets" in refusal(_pod(container={"env": [variable]}))
    for folder in ({"subPath": "two"}, {}):
        mount = {"name": "w", "mountPath": "/w"} | folder
        assert "its own job's folder" in refusal(_pod(container={"volumeMounts": [mount]}))
