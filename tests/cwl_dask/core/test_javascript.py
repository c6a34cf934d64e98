"""JavaScript of a package: what it computes, and what it cannot reach."""

import json
import threading

import cwltool.process
import pytest
from cwl_utils import sandboxjs
from cwl_utils.errors import JavascriptException
from cwltool.context import LoadingContext
from cwltool.load_tool import load_tool
from cwltool.workflow import default_make_tool
from schema_salad.exceptions import ValidationException

from cwl_dask.core import javascript
from cwl_dask.core.javascript import EmbeddedEngine


@pytest.fixture(scope="module")
def engine():
    made = EmbeddedEngine()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("scan", "lib", "value"),
    [
        ("1 + 1", "", 2),
        ("{return inputs.n * 2;}", "var inputs = {n: 21};", 42),
        ("{\n  function f() { return [1, null, 'é😀']; }\n  return f();\n}", "", [1, None, "é😀"]),
        ("undefined", "", None),
        ("f(1)", "function f(x) { return {x: x}; }", {"x": 1}),
    ],
)
def test_an_expression_has_its_value(engine, scan, lib, value):
    assert engine.eval(scan, lib) == value


@pytest.mark.parametrize("name", ["require", "process", "global", "fetch", "XMLHttpRequest", "Deno", "load", "print"])
def test_nothing_of_the_machine_is_there(engine, name):
    outer = 'Function("return this")().constructor.constructor'
    assert engine.eval(f"typeof {name} + ' ' + {outer}('return typeof {name}')()") == "undefined undefined"


def test_nothing_is_kept_for_the_next_expression(engine):
    engine.eval("{Object.prototype.polluted = 1; return 0;}")
    assert engine.eval("typeof ({}).polluted") == "undefined"


@pytest.mark.parametrize(
    ("scan", "reason"),
    [
        ("{while (true) {}}", "terminated by timeout"),
        ('/^(a+)+$/.test("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")', "terminated by timeout"),
        ("missing", "ReferenceError: missing is not defined: missing"),
        ("{throw new Error('no band')}", "Error: no band"),
        ("{", "SyntaxError"),
    ],
)
def test_a_failure_is_one_line_and_the_next_expression_works(engine, scan, reason):
    with pytest.raises(JavascriptException, match=reason) as failure:
        engine.eval(scan, timeout=0.2)
    assert "\n" not in str(failure.value)
    assert engine.eval("1") == 1


def test_memory_is_limited(monkeypatch):
    monkeypatch.setattr(javascript, "RESIDENT_BYTES", 100 << 20)
    engine = EmbeddedEngine()
    with pytest.raises(JavascriptException, match="needs more than 100 MiB of memory"):
        engine.eval("new Array(2e8).fill(1).length")
    engine.close()


def test_an_engine_that_was_killed_is_started_again(engine):
    engine.eval("1")
    engine._process.kill()
    engine._process.wait()
    assert engine.eval("2") == 2


def test_threads_get_their_own_answers(engine):
    answers = {}

    def evaluate(number):
        answers[number] = engine.eval(str(number))

    threads = [threading.Thread(target=evaluate, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number for number in range(20)}


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(cwltool.process, "validate_js_expressions", None)
    before = sandboxjs.get_js_engine()
    javascript.install()

    def load(expression, library="function f() { return 1; }"):
        tool = {"cwlVersion": "v1.2", "class": "CommandLineTool", "inputs": {}, "outputs": {}, "baseCommand": "true"}
        tool["requirements"] = {"InlineJavascriptRequirement": {"expressionLib": [library]}}
        tool["arguments"] = [expression]
        path = tmp_path / "tool.cwl"
        path.write_text(json.dumps(tool))
        return load_tool(str(path), LoadingContext({"construct_tool_object": default_make_tool}))

    yield load
    sandboxjs.get_js_engine().close()
    sandboxjs.set_js_engine(before)


def test_expressions_are_compiled_while_a_package_loads(load):
    load("a $(f() + 1) and ${ return inputs.class; }")
    for expression, library in (("$(1 +)", ""), ("${ return ; ) }", ""), ("x", "function (")):
        with pytest.raises(ValidationException, match=r"tool\.cwl:1:\d+: invalid expression: SyntaxError"):
            load(expression, library)
