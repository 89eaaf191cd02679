"""What is said of an account at the command line is checked as by the API, and told in both languages."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from services.ingest.cli import app


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0"])
def test_an_account_has_a_name(blank: str) -> None:
    done = CliRunner().invoke(app, ["open", "--name", blank, "--email", "a@b.example"])
    assert done.exit_code == 2
    said = " ".join(done.output.replace("│", " ").split())
    assert "--name: moet" in said
    assert " / must " in said
    if blank:
        assert "vul de naam in" in said
        assert "fill the name in" in said
