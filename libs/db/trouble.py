"""What Postgres and asyncpg say when it is nobody's fault and the same work may succeed in a moment."""

from __future__ import annotations

import asyncpg

NOT_NOW: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.InterfaceError,  # the connection or the pool is closed
    asyncpg.InternalClientError,  # it broke in the middle; the schema changed under a prepared statement
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.ReadOnlySQLTransactionError,  # 25006: a standby, or a primary that has just become one
    asyncpg.InsufficientResourcesError,  # class 53: connections, memory, disk
    asyncpg.LockNotAvailableError,  # 55P03: somebody alters the table
    asyncpg.AdminShutdownError,  # 57P01
    asyncpg.CrashShutdownError,  # 57P02
    asyncpg.CannotConnectNowError,  # 57P03: it starts up
    asyncpg.PostgresSystemError,  # class 58: input and output
)
"""The database is away, or cannot do it now. A statement that took too long (57014) is not here: the statement
itself may be why."""

TRANSIENT = (*NOT_NOW, asyncpg.QueryCanceledError)
"""The same where nothing smaller can be blamed for a statement that took too long."""
