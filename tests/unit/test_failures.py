"""The words of what stops a command line."""

from __future__ import annotations

import errno
import socket

import asyncpg
import pytest

from libs.errors import NotFound
from libs.failures import EXPECTED, explain
from libs.settings import BadSettings

AWAY = "the database cannot be reached"


@pytest.mark.parametrize(
    ("failed", "code", "words"),
    [
        (BadSettings("POSTBODE_PORT: many"), 2, "POSTBODE_PORT: many"),
        (NotFound("there is no account 7"), 1, "there is no account 7"),
        (PermissionError(errno.EACCES, "Permission denied", "/root/x"), 1, "/root/x: Permission denied"),
        (OSError(errno.EADDRINUSE, "address already in use"), 1, "address already in use"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), 2, AWAY),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), 2, AWAY),
        (socket.gaierror(-2, "Name or service not known"), 2, AWAY),
        (TimeoutError(), 2, AWAY),
        (asyncpg.InterfaceError("pool is closing"), 2, AWAY),
        (asyncpg.InvalidPasswordError("password authentication failed"), 2, "migrate"),
        (asyncpg.UndefinedTableError('relation "account" does not exist'), 2, "migrate"),
        (asyncpg.DiskFullError("no space left\nDETAIL: more"), 1, "the database refused this: no space left"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_failed_is_said_in_a_line(failed: Exception, code: int, words: str) -> None:
    assert isinstance(failed, EXPECTED)
    exit_code, said = explain(failed)
    assert exit_code == code
    assert words in said
    assert (AWAY in said) == (words == AWAY)
    assert "\n" not in said
