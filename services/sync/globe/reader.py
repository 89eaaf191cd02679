"""Reads one administration of Exact Globe+. Never writes.

Everything here blocks, as the drivers of SQL Server do: callers run it in a thread. A lock in Globe, a wrong
password, a server that is away end as ``GlobeAway`` with the driver's words in the log and ours for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Connection, Engine, Uuid, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from libs.errors import BadInput, Unavailable
from services.sync.globe import statements
from services.sync.globe.tables import SOURCES
from services.sync.mappings.field import Name, Row, as_text

LOCK_SECONDS = 10


class GlobeAway(Unavailable):
    """Exact Globe+ does not answer: see that its server runs and lets this user read."""

    slug = "globe-away"
    dutch = "Exact Globe+ antwoordt niet: kijk of de server draait en deze gebruiker mag lezen."
    administration: str = ""
    """Whose."""


class Stamp(NamedTuple):
    """One record, without its contents. ``stamp`` differs from what it was when the record was changed."""

    record_id: str
    code: str
    stamp: str


@dataclass(frozen=True, slots=True)
class Administration:
    """What the preconditions ask of an administration."""

    code: str
    name: str
    currency: str
    country: str
    bban_creditors: int
    bban_own: int


def engine(url: str) -> Engine:
    """An engine on a Globe+ database: ``mssql+mssqlpython://…``; Postgres for demo and tests.

    Raises ``BadInput`` for an address no driver here can use.
    """
    try:
        parsed = make_url(url)
        options: dict[str, Any] = {"pool_size": 2, "max_overflow": 2, "pool_pre_ping": True}
        if parsed.get_backend_name() == "postgresql":
            options["connect_args"] = {
                "options": f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout=120s",
                "connect_timeout": 10,
            }
        else:
            options["isolation_level"] = "READ COMMITTED"
        return create_engine(parsed, **options)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as bad:
        raise BadInput(
            "This is no address of a Globe+ database: write mssql+mssqlpython://user:password@server/database.",
            nl="Dit is geen adres van een Globe+-database: schrijf mssql+mssqlpython://gebruiker:wachtwoord@server/database.",
            code="bad-globe-address",
        ) from bad


class Globe:
    """One administration."""

    def __init__(self, engine: Engine, code: str) -> None:
        self.code = code
        self._engine = engine

    @classmethod
    def at(cls, url: str, code: str) -> Self:
        return cls(engine(url), code)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as conn:
                if conn.dialect.name == "mssql":
                    conn.exec_driver_sql(f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1000}")
                yield conn
        except (SQLAlchemyError, OSError) as away:
            silent = GlobeAway(
                f"Exact Globe+ administration {self.code} does not answer ({type(away).__name__}): see that its "
                "server runs, lets this user read and holds no lock.",
                nl=f"Exact Globe+-administratie {self.code} antwoordt niet ({type(away).__name__}): kijk of de server "
                "draait, deze gebruiker mag lezen en er niets vergrendeld is.",
            )
            silent.administration = self.code
            raise silent from away

    def administration(self) -> Administration | None:
        """The administration; None when Globe+ has none of this code (any more)."""
        with self._reading() as conn:
            row = conn.execute(statements.administration(self.code)).mappings().first()
            if row is None:
                return None
            counts = conn.execute(statements.bban_accounts()).mappings().one()
        return Administration(
            code=self.code,
            name=as_text(row["bedrnm"]),
            currency=as_text(row["valcode"]).upper(),
            country=as_text(row["Country"]).upper(),
            bban_creditors=int(counts["creditors"]),
            bban_own=int(counts["own"]),
        )

    def supplier_names(self) -> dict[str, str]:
        """Name by creditor code."""
        with self._reading() as conn:
            return {as_text(code): as_text(name) for code, name in conn.execute(statements.supplier_names())}

    def stamps(self, kind: Name, condition: ColumnElement[bool] | None = None) -> list[Stamp]:
        """Every record of a kind. A kind without a stamp has an empty one: it is read whole each time."""
        stamped = SOURCES[kind].stamp is not None
        with self._reading() as conn:
            rows = conn.execute(statements.stamps(kind, self.code, condition)).all()
        if not stamped:
            return [Stamp(as_text(record), as_text(code), "") for record, code in rows]
        by_guid = isinstance(SOURCES[kind].table.c[SOURCES[kind].record].type, Uuid)
        found = []
        for record, code, stamp, *parts in rows:
            whole = _moment(stamp)
            for many, newest in zip(parts[::2], parts[1::2], strict=True):
                whole += f"|{many}@{_moment(newest)}" if many else "|"
            found.append(Stamp(record.lower() if by_guid else as_text(record), as_text(code), whole))
        return found

    def sums(self, kind: Name) -> str:
        """All stamps of a kind together: another text as soon as any record was written or deleted."""
        with self._reading() as conn:
            return "|".join(map(_moment, conn.execute(statements.sums(kind, self.code)).one()))

    def codes(self, kind: Name, ids: Sequence[str]) -> list[Any]:
        """The codes of these records as Globe+ writes them, blanks and all."""
        with self._reading() as conn:
            return list(conn.execute(statements.codes(kind, self.code, _keys(kind, ids))).scalars())

    def of_codes(self, kind: Name, written: Sequence[Any]) -> list[Stamp]:
        """The records with these codes, as ``codes`` gives them; their stamps are left empty."""
        with self._reading() as conn:
            found = conn.execute(statements.of_codes(kind, self.code, written))
            return [Stamp(as_text(row.record), as_text(row.code), "") for row in found]

    def rows(self, kind: Name, ids: Sequence[str], today: date) -> dict[str, Row]:
        """These records whole, with what belongs to them, by record id; those that are gone are missing."""
        found: dict[str, Row] = {}
        with self._reading() as conn:
            for start in range(0, len(ids), statements.MOST_IDS):
                found |= self._some(conn, kind, ids[start : start + statements.MOST_IDS], today)
        return found

    def _some(self, conn: Connection, kind: Name, ids: Sequence[str], today: date) -> dict[str, Row]:
        source = SOURCES[kind]
        keys = _keys(kind, ids)
        found: dict[str, dict[str, Any]] = {
            as_text(row[source.record]): dict(row)
            for row in conn.execute(statements.records(kind, self.code, keys)).mappings()
        }
        for name, _, key in source.parts:
            # Asked for as it is written, blanks before a number and all; told apart as SQL Server compares.
            owners = {_bare(row[key]): row for row in found.values() if as_text(row[key])}
            for row in found.values():
                row[name] = []
            if owners:
                written = [row[key] for row in owners.values()]
                for part in conn.execute(statements.parts(source, name, written)).mappings():
                    owners[_bare(part["owner_id"])][name].append(dict(part))
        if kind == "currency" and found:
            rates = [dict(rate) for rate in conn.execute(statements.rates(today)).mappings()]
            for code, row in found.items():
                row["rates"] = [rate for rate in rates if _bare(rate["source_currency"]) == _bare(code)]
        if kind in ("organisation", "company") and found:
            own = [dict(each) for each in conn.execute(statements.instruments()).mappings()]
            for row in found.values():
                row["instruments"] = own
        return dict(found)


def _keys(kind: Name, ids: Sequence[str]) -> list[Any]:
    """Record ids as their column holds them."""
    source = SOURCES[kind]
    whole = source.table.c[source.record].type.python_type is int
    return [int(each) for each in ids] if whole else list(ids)


def _bare(value: Any) -> str:
    """A key as SQL Server compares it: blanks around it and the size of its letters make no difference."""
    return as_text(value).casefold()


def _moment(value: Any) -> str:
    """A rowversion as text; whatever it is, it differs after a change."""
    return value.hex() if isinstance(value, bytes | bytearray | memoryview) else as_text(value)
