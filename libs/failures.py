"""What a command line says when it cannot go on: a sentence with what to do, and never a traceback.

Only what is expected: a mistake of ours still shows where it is.
"""

from __future__ import annotations

import socket

import asyncpg

from libs.errors import HubError
from libs.settings import BadSettings

EXPECTED = (HubError, BadSettings, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""The errors that ``explain`` has words for."""

_NOT_PREPARED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
)


def _is_a_connection(failed: OSError) -> bool:
    """And not, say, a port that is in use. asyncio puts several failed addresses into one error without number."""
    return isinstance(failed, ConnectionError | TimeoutError | socket.gaierror) or failed.errno is None


def explain(failed: Exception) -> tuple[int, str]:
    """The exit code and the words for it. 2: wrong settings, or a database that is away or not prepared, so that
    nothing was looked at; else 1."""
    said = str(failed).partition("\n")[0] or type(failed).__name__
    if isinstance(failed, BadSettings):
        return 2, str(failed)
    if isinstance(failed, HubError):
        return 1, failed.message
    if isinstance(failed, _NOT_PREPARED):
        return 2, (
            f"the database is not prepared for this command ({said}): run `python -m services.<name> migrate` "
            "of its service first, with the same POSTBODE_SECRET"
        )
    if isinstance(failed, OSError) and failed.filename is not None:
        return 1, f"{failed.filename}: {failed.strerror}"
    if isinstance(failed, OSError) and not _is_a_connection(failed):
        return 1, said
    if isinstance(failed, OSError | asyncpg.PostgresConnectionError | asyncpg.InterfaceError):
        return 2, f"the database cannot be reached ({said}): does it run, and is POSTBODE_DATABASE_URL right?"
    return 1, f"the database refused this: {said}"
