"""Nothing secret is checked in. A scan of our own: a published one (detect-secrets) took forty seconds over this tree, and
this belongs into the quick check."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECRETS = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{60}"
    rb"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{40}"
    rb"|\bxox[abpr]-[A-Za-z0-9-]{20}|\bsk_live_\w{20}|\bAIza[\w-]{35}\b|\bglpat-[\w-]{20}|\bpypi-AgEI\w{20}"
    rb"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"
    rb"|\bpb_live_[a-z0-9]{12}_[a-z0-9]{40,}"
    rb"|\b[a-z]+://[\w.-]+:[\w!#%&*+=~-]{4,}@(?!127\.|[\w.-]*\.(?:example|test|invalid|local)\b)[\w-]+\.[\w.-]*\w"
)
"""Private keys, keys of clouds and forges, tokens, our own API keys, and addresses with a password in them whose host could
be somebody's."""


def files() -> Iterator[Path]:
    """What is checked in or about to be; without git, everything but what tools made."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        yield from (ROOT / name.decode() for name in listed.stdout.split(b"\0") if name)
        return
    for path in ROOT.rglob("*"):
        if path.is_file() and not {".venv", ".git", ".state", "__pycache__"} & set(path.parts):
            yield path


def test_no_secret_is_checked_in() -> None:
    found = [
        (path.relative_to(ROOT).as_posix(), match.group()[:24])
        for path in files()
        if path.is_file()
        for match in SECRETS.finditer(path.read_bytes())
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        b"-----BEGIN " + b"PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 3,
        b"-----BEGIN RSA " + b"PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 3,
        b"AKIA" + b"ABCDEFGHIJKLMNOP",
        b"token = 'ghp_" + b"a1" * 18 + b"'",
        b"eyJhbGciOiJIUzI1" + b".eyJzdWIiOiIxMjM0" + b"." + b"x" * 30,
        b"pb_live_" + b"abcdefghijkl_" + b"a1" * 24,
        b"amqp://hub:" + b"hunter22@broker.intern.nl:5672/",
    ],
)
def test_a_planted_secret_is_found(planted: bytes) -> None:
    assert SECRETS.search(planted)
