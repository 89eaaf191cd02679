"""Who is believed about what is paid of an account's invoices: one source at a time (R114)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args
from uuid import UUID

from libs.db.types import Connection, Pool
from libs.errors import BadInput, Conflict

Name: TypeAlias = Literal["none", "exact_online", "bank_feed"]
Way: TypeAlias = Literal["manual", "file", "automatic"]
Feed: TypeAlias = Literal["ponto", "codabox"]
FEEDS: dict[Feed, str] = {"ponto": "Ponto", "codabox": "CodaBox"}
assert set(FEEDS) == set(get_args(Feed))


@dataclass(frozen=True, slots=True)
class Chosen:
    """``way``: how it comes from Exact Online; ``feed``: whose link to the bank there is."""

    source: Name = "none"
    way: Way | None = None
    feed: Feed | None = None

    @property
    def fetched(self) -> bool:
        """Whether the books in Exact Online say what is paid, and nothing else does."""
        return self.source == "exact_online" and self.way != "file"


NONE = Chosen()


def beside_a_feed(feed: Feed) -> Conflict:
    """The payment status cannot come from Exact Online while a bank feed is on."""
    name = FEEDS[feed]
    return Conflict(
        f"This account has a link with {name}: its bank transactions come straight from the bank and have no influence on "
        f"the "
        f"payment status in Exact Online, so that would say nothing of them. To get the payment status from Exact Online, "
        f"end "
        f"the link with {name} and then set the source to none first.",
        nl=f"Dit account heeft een koppeling met {name}: de bankverrichtingen komen rechtstreeks van de bank en hebben "
        f"geen "
        f"invloed op de betaalstatus in Exact Online, dus die zegt er niets over. Wilt u de betaalstatus uit Exact Online, "
        f"beëindig dan eerst de koppeling met {name} en zet daarna de bron op none.",
        code="bank-feed",
        feed=feed,
    )


def check(before: Chosen, wanted: Chosen) -> None:
    """Whether an account may go from one to the other. Raises ``BadInput`` and ``Conflict``."""
    if (wanted.source == "exact_online") != (wanted.way is not None):
        raise BadInput(
            "`way` goes with the source exact_online, and with no other",
            nl="`way` hoort bij de bron exact_online, en bij geen andere",
        )
    if (wanted.source == "bank_feed") != (wanted.feed is not None):
        raise BadInput(
            "`feed` goes with the source bank_feed, and with no other",
            nl="`feed` hoort bij de bron bank_feed, en bij geen andere",
        )
    if wanted.source == "exact_online" and before.feed is not None:
        raise beside_a_feed(before.feed)


def by_hand_or_file(chosen: Chosen) -> None:
    """Raises ``Conflict`` where the books in Exact Online are to say what is paid."""
    if chosen.fetched:
        raise Conflict(
            "What is paid of this account's invoices is told by its books in Exact Online. Set the source to none, or its "
            "way "
            "to file, to say it yourself.",
            nl="Wat er van de facturen van dit account betaald is, komt uit de boeken in Exact Online. Zet de bron op "
            "none, of de "
            "manier op file, om het zelf te zeggen.",
            code="source-exact-online",
        )


def to_be_fetched(chosen: Chosen) -> None:
    """Raises ``Conflict`` where nothing is to be fetched from Exact Online."""
    if chosen.feed is not None:
        raise beside_a_feed(chosen.feed)
    if not chosen.fetched:
        raise Conflict(
            "Nothing is fetched from Exact Online for this account: set the source to exact_online first, with the way "
            "manual or "
            "automatic.",
            nl="Voor dit account wordt niets uit Exact Online opgehaald: zet eerst de bron op exact_online, met de manier "
            "manual of "
            "automatic.",
            code="not-fetched",
        )


_OF = "SELECT source, way, feed FROM payment_source WHERE account_id = $1"
_LOCK = _OF + " FOR UPDATE"
_SHARED = _OF + " FOR SHARE"
_FIRST = "INSERT INTO payment_source (account_id, source) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_SET = """
INSERT INTO payment_source (account_id, source, way, feed, by_user) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id) DO UPDATE
   SET source = excluded.source, way = excluded.way, feed = excluded.feed, by_user = excluded.by_user, set_at = now()
"""


async def of(conn: Connection | Pool, account_id: UUID) -> Chosen:
    return _read(await conn.fetchrow(_OF, account_id))


async def held(conn: Connection, account_id: UUID) -> Chosen:
    """The same, and it stays so until the transaction ends."""
    return _read(await conn.fetchrow(_SHARED, account_id))


async def choose(conn: Connection, account_id: UUID, wanted: Chosen, by_user: UUID | None) -> None:
    """Set it. Raises what ``check`` raises."""
    # So that two first choices at one moment are compared with each other, too.
    await conn.execute(_FIRST, account_id, NONE.source)
    check(_read(await conn.fetchrow(_LOCK, account_id)), wanted)
    await conn.execute(_SET, account_id, wanted.source, wanted.way, wanted.feed, by_user)


def _read(row: object) -> Chosen:
    return Chosen(*row) if row is not None else NONE  # type: ignore[misc]
