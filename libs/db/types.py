"""What the hub asks of a database connection, as types: asyncpg itself comes without any.

Shapes follow asyncpg's documentation; a pooled connection (a proxy) and a plain one both fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeAlias

Isolation: TypeAlias = Literal["read_committed", "repeatable_read", "serializable"]


class Record(Protocol):
    """One row: by column name or position."""

    def __getitem__(self, key: str | int) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...

    def get(self, key: str, default: Any = ...) -> Any: ...

    def keys(self) -> Iterator[str]: ...

    def values(self) -> Iterator[Any]: ...

    def items(self) -> Iterator[tuple[str, Any]]: ...


class Connection(Protocol):
    """One session. A query without arguments may hold several statements; one with arguments is prepared
    and cached. Limits of time are the pool's settings, or ``asyncio.timeout``."""

    async def execute(self, query: str, *args: object) -> str:
        """Returns the command tag, such as ``INSERT 0 3``."""

    async def executemany(self, command: str, args: Iterable[Sequence[object]]) -> None: ...

    async def fetch(self, query: str, *args: object) -> list[Record]: ...

    async def fetchrow(self, query: str, *args: object) -> Record | None: ...

    async def fetchval(self, query: str, *args: object, column: int = 0) -> Any: ...

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False, deferrable: bool = False
    ) -> AbstractAsyncContextManager[Any]:
        """A transaction; inside another one, a savepoint."""

    def is_in_transaction(self) -> bool: ...

    def is_closed(self) -> bool: ...

    async def close(self) -> None: ...


class Pool(Protocol):
    """Connections of one role, search path already set to its schema."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]: ...

    async def execute(self, query: str, *args: object) -> str: ...

    async def fetch(self, query: str, *args: object) -> list[Record]: ...

    async def fetchrow(self, query: str, *args: object) -> Record | None: ...

    async def fetchval(self, query: str, *args: object, column: int = 0) -> Any: ...

    async def close(self) -> None: ...

    def terminate(self) -> None: ...
