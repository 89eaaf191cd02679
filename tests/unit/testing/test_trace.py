"""The recorder of proven requirements, run on little suites of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from libs.testing import trace

PAGE = """# What it must do

## Finding the *receiver*

| no. | rule |
| --- | --- |
| R30 | KvK decides. |
| R48a | After login. |

## Stories

| no. | rule |
| --- | --- |
| SA5 | A story (R30). |
| M-S1 | A field. |
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A checkout with a requirements page and the plugin."""
    page = pytester.path / "docs" / "requirements.md"
    page.parent.mkdir()
    page.write_text(PAGE, "utf-8")
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_inprocess(
        "-p", "no:asyncio", "-p", "libs.testing.trace", "--strict-markers", *arguments
    )


def outcomes(suite: pytest.Pytester) -> dict[str, object]:
    record = json.loads((suite.path / "trace.json").read_text("utf-8"))
    return {node.partition("::")[2]: test["outcome"] for node, test in record["tests"].items()}


def test_numbers_are_read_by_heading() -> None:
    assert trace.areas(PAGE) == {"Finding the receiver": ["R30", "R48a"], "Stories": ["SA5", "M-S1"]}


def test_outcomes_are_recorded_per_test(suite: pytest.Pytester) -> None:
    # The skip and the xfail are input, in a suite made for this test: neither may count as a proof.
    suite.makepyfile("""
        import pytest

        @pytest.mark.proves("R30", "SA5")
        def test_good(): pass

        @pytest.mark.proves("R48a")
        def test_bad(): assert False

        @pytest.mark.proves("M-S1")
        @pytest.mark.skip(reason="input of this test: what is left out proves nothing")
        def test_left_out(): pass

        @pytest.mark.proves("M-S1")
        @pytest.mark.xfail(reason="input of this test: what may fail proves nothing")
        def test_expected_to_fail(): assert False

        @pytest.fixture
        def breaks():
            yield
            raise RuntimeError("on the way out")

        @pytest.mark.proves("M-S1")
        def test_bad_ending(breaks): pass

        def test_that_proves_nothing(): pass
        """)
    run(suite, "--trace-to", "trace.json")
    assert outcomes(suite) == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_left_out": "skipped",
        "test_expected_to_fail": "skipped",
        "test_bad_ending": "failed",
    }


def test_a_class_mark_and_a_test_mark_add_up(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.mark.proves("R30")
        class TestIt:
            @pytest.mark.proves("SA5")
            def test_one(self): pass
        """)
    run(suite, "--trace-to", "trace.json").assert_outcomes(passed=1)
    (test,) = json.loads((suite.path / "trace.json").read_text("utf-8"))["tests"].values()
    assert test["proves"] == ["R30", "SA5"]


def test_an_unknown_number_stops_the_run(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.mark.proves("R31")
        def test_it(): pass
        """)
    result = run(suite)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_it proves R31: not in docs/requirements.md*"])


def test_without_the_option_nothing_is_written(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(): pass")
    run(suite).assert_outcomes(passed=1)
    assert not list(suite.path.rglob("*.json"))


def test_an_interrupted_run_leaves_no_record(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(): raise KeyboardInterrupt")
    arguments = ("-p", "no:asyncio", "-p", "libs.testing.trace", "--trace-to", "trace.json")
    result = suite.inline_run(*arguments, no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert not (suite.path / "trace.json").exists()


def test_one_failure_outweighs_any_pass() -> None:
    tests = [
        {"proves": ["R30"], "outcome": "passed"},
        {"proves": ["R30", "SA5"], "outcome": "failed"},
        {"proves": ["R48a"], "outcome": "passed"},
        {"proves": ["M-S1"], "outcome": "skipped"},
    ]
    found = trace.tally(["R30", "R48a", "SA5", "M-S1"], tests)
    assert found == trace.Tally(proven=["R48a"], failing=["R30", "SA5"], unproven=["M-S1"])


def test_the_report_ends_in_json() -> None:
    lines = list(trace.report(trace.areas(PAGE), [{"proves": ["R30"], "outcome": "passed"}]))
    assert lines[0].startswith("Finding the receiver  proven   1  failing   0  unproven   1")
    assert json.loads(lines[-1]) == {"proven": ["R30"], "failing": [], "unproven": ["R48a", "SA5", "M-S1"]}


def test_the_fingerprint_follows_the_sources(tmp_path: Path) -> None:
    source = tmp_path / "libs" / "one.py"
    source.parent.mkdir()
    source.write_text("1", "utf-8")
    first = trace.fingerprint(tmp_path)
    cache = tmp_path / "libs" / "__pycache__" / "one.pyc"
    cache.parent.mkdir()
    cache.write_bytes(b"x")
    assert trace.fingerprint(tmp_path) == first
    source.write_text("2", "utf-8")
    assert trace.fingerprint(tmp_path) != first


def test_the_command_reads_a_record_of_this_very_code(
    suite: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.mark.proves("SA5")
        def test_it(): pass
        """)
    run(suite, "--trace-to", str(trace.RECORD))
    capsys.readouterr()
    assert trace.main([]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "running" not in said[0]
    assert json.loads(said[-1])["proven"] == ["SA5"]


def test_the_command_says_when_something_fails(
    suite: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.mark.proves("SA5")
        def test_it(): assert False
        """)
    run(suite, "--trace-to", str(trace.RECORD))
    capsys.readouterr()
    assert trace.main(["--last"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["failing"] == ["SA5"]
