"""Test that a package reaches nothing but its own files through the runner: each attack ends with one line."""

import json
import subprocess

import pytest

from tests.e2e.runner_bed import APP, tool

pytestmark = pytest.mark.e2e

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # in the guard's container only
KEY = "/run/cwl-dask/api.json"  # the way to the guard's relay, a file of the runner's container


def expression_tool(code: str, **more):
    return {
        "cwlVersion": "v1.2",
        "class": "ExpressionTool",
        "requirements": {"InlineJavascriptRequirement": {}},
        "inputs": {"mode": "string"},
        "outputs": {"found": "Any"},
        "expression": code,
        **more,
    }


def shell_tool(command: str, outputs, **more):
    script = {"baseCommand": ["sh", "-c", command], "outputs": outputs, "inputs": {"mode": "string"}}
    return tool(APP, **{**script, **more})


READ = {
    "text": {
        "type": "string",
        "outputBinding": {"glob": "taken", "loadContents": True, "outputEval": "$(self[0].contents)"},
    }
}
FOLDER = {"all": {"type": "Directory", "outputBinding": {"glob": "."}}}


def given(kind: str, path: str, **fields):
    value = {"class": kind, "location": f"file://{path}"}
    return {"mode": "string", "given": {"type": kind, "default": value, **fields}}


ATTACKS = {
    "token": (shell_tool(f"ln -s {TOKEN} taken", READ), "outside of the job's folders"),
    "token-in-folder": (shell_tool(f"mkdir deep && ln -s {TOKEN} deep/taken", FOLDER), "outside of the job's folders"),
    "token-as-default": (
        expression_tool("${return {found: inputs.given.contents};}", inputs=given("File", TOKEN, loadContents=True)),
        "outside of the job's folders",
    ),
    "link": (shell_tool(f"ln -s {KEY} taken", READ), "outside of the job's folders"),
    "link-in-folder": (shell_tool(f"mkdir deep && ln -s {KEY} deep/taken", FOLDER), "outside of the job's folders"),
    "pipe": (shell_tool("mkfifo pipe", FOLDER), "it is a named pipe; only files and folders are allowed"),
    "default-file": (
        shell_tool("cat $(find /var/lib/cwl -type f)", {}, inputs=given("File", KEY)),
        "outside of the job's folders",
    ),
    "loaded-file": (
        expression_tool("${return {found: inputs.given.contents};}", inputs=given("File", KEY, loadContents=True)),
        "outside of the job's folders",
    ),
    "given-away-file": (
        expression_tool(f'${{return {{found: {{"class": "File", "location": "file://{KEY}"}}}};}}'),
        "outside of the job's folders",
    ),
    "included-file": (
        expression_tool(
            "${return {found: inputs.text};}",
            inputs={"mode": "string", "text": {"type": "string", "default": {"$include": f"file://{KEY}"}}},
        ),
        "outside of the job's folders",
    ),
    "job-folder": (
        shell_tool(
            "true",
            {},
            inputs=given("Directory", "/calrissian"),
            requirements=tool(APP)["requirements"]
            | {
                "InplaceUpdateRequirement": {"inplaceUpdate": True},
                "InitialWorkDirRequirement": {"listing": [{"entry": "$(inputs.given)", "writable": True}]},
            },
        ),
        "the runner writes there",
    ),
    "name-of-bytes": (shell_tool("printf x > \"$(printf 'odd\\377')\"", FOLDER), "is not UTF-8"),
    "closed-folder": (shell_tool("mkdir closed && touch closed/x && chmod 0 closed", FOLDER), "cannot read"),
    "endless-expression": (expression_tool("${while (true) {}}"), "terminated by timeout"),
    "greedy-expression": (expression_tool("${return {found: new Array(2e8).fill(1).length};}"), "of memory"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_with_one_line(jobs, name):
    package, line = ATTACKS[name]
    end = jobs.start(f"attack-{name}", package, mode="x").wait()
    assert end.code == 1, end.log
    assert line in " ".join(end.log.split())  # cwltool wraps some messages
    assert "eyJ" not in end.log  # how tokens begin
    assert '"key"' not in end.log
    assert "Traceback" not in end.log
    jobs.clean(15)


INTRUDER = """
import json, urllib.request
way = json.load(open("/run/cwl-dask/api.json"))
pods = "/api/v1/namespaces/" + way["namespace"] + "/pods"
def ask(path, body=None, key="Bearer " + way["key"]):
    request = urllib.request.Request(way["host"] + path, body and json.dumps(body).encode(), {"Authorization": key})
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
pod = {"metadata": {"name": "intruder"}, "spec": {"containers": [{"name": "c", "image": "x"}], "serviceAccountName": "default"}}
print([ask(pods), ask(pods, key=""), ask("/api/v1/namespaces/" + way["namespace"] + "/secrets"), ask(pods, pod)])
"""


def test_a_runner_that_was_taken_over_has_no_token_and_creates_no_other_pods(jobs):
    job = jobs.start("intruded", tool(APP), mode="sleep")
    job.says("second 1")

    def inside(*command):
        where = ["--namespace", jobs.namespace, "--container", "runner", job.pod().metadata.name]
        return subprocess.run(["kubectl", "exec", *where, "--", *command], capture_output=True, text=True, check=False)

    assert inside("test", "-e", TOKEN).returncode == 1
    assert inside("ls", "/var/run/secrets").returncode != 0
    assert inside("python", "-c", INTRUDER).stdout == "[200, 401, 403, 403]\n"
    job.delete()
    jobs.clean(30)


def test_an_expression_finds_no_way_out_of_its_engine(jobs):
    outer = 'Function("return this")().constructor.constructor'
    code = f'${{return {{found: {outer}("return typeof require + typeof process")()}};}}'

    def printing(spec):  # without the file the outputs are printed
        args = spec["containers"][0]["args"]
        args[:] = [arg for arg in args if not arg.startswith("--stdout=")]

    end = jobs.start("attack-expression", expression_tool(code), change=printing, mode="x").wait()
    assert end.code == 0, end.log
    assert json.dumps("undefinedundefined") in end.log


def test_the_image_answers_calrissian_as_platforms_start_it(jobs):
    address = f"http://traefik-dask-gateway.{jobs.namespace}.svc.cluster.local:80"

    def platform(spec):
        spec["automountServiceAccountToken"] = True  # a platform's pod has no guard
        runner = spec["containers"][0]
        runner["command"] = ["calrissian"]
        files = ["--stdout", "/calrissian/output.json", "--stderr", "/calrissian/stderr.log"]
        files += ["--usage-report", "/calrissian/report.json", "--tool-logs-basepath", "/calrissian"]
        folders = ["--tmp-outdir-prefix", "/calrissian/", "--outdir", "/calrissian/"]
        limits = ["--max-ram", "4G", "--max-cores", "4", "--debug", "--no-read-only", "--enable-ext"]
        dask = ["--dask-gateway-url", address, "--dask-script-configmap", "dask-scripts"]
        runner["args"] = [*files, *limits, *folders, *dask, "/job/app-package.json", "/job/params.json"]
        runner["env"] = [entry for entry in runner["env"] if not entry["name"].startswith("CWL_DASK")]
        runner["volumeMounts"] = [mount for mount in runner["volumeMounts"] if mount["mountPath"] != "/etc/dask"]

    package = tool(APP, cluster={})
    package["requirements"] |= package.pop("hints")
    end = jobs.start("pycalrissian", package, change=platform, mode="sum").wait()
    assert end.code == 0, end.log
    assert "sum 16000048000000" in end.log
    assert "dismissed cluster" in end.log
    jobs.clean(15)
