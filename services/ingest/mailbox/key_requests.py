"""A key address goes to whoever is registered under the address that asked for it, and to nobody else (R17)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, cast
from uuid import UUID

from libs import clock
from libs.contracts.envelope import new_event
from libs.contracts.party import AccountLinkMade
from libs.db.pools import tenant
from libs.db.types import Connection, Pool
from libs.messaging import outbox
from libs.sealed import KEY_ADDRESSES, seal
from services.ingest.access import links, mailboxes
from services.ingest.access.credentials import Vault
from services.ingest.access.tries import Tries
from services.ingest.settings import IngestSettings
from services.ingest.uploads.submissions import SOURCE

_LASTS = timedelta(days=1)
_FIND = "SELECT account_id, name, email, language FROM find_registered($1)"


class KeyRequests:
    """``pool`` has the api role."""

    def __init__(self, settings: IngestSettings, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        self._key = settings.derive(KEY_ADDRESSES)
        self._domains = settings.upload_domains
        self._tries = Tries(
            pool, vault.digest, "key request", burst=3, seconds=600, all_burst=100, all_seconds=5
        )

    async def ask(self, sender: str | None) -> None:
        """Have the key address of each account registered under ``sender`` mailed to its registered address. Raises
        ``TooManyTries``, for any address alike."""
        await self._tries.count(sender or "")
        found = await self._pool.fetch(_FIND, sender or "")
        for row in found:
            async with tenant(self._pool, row["account_id"]) as conn:
                await self._mail(conn, row["account_id"], row["name"], row["email"], row["language"])
        if not found:
            # As much work for an address nobody has.
            nobody = clock.uuid7()
            async with tenant(self._pool, nobody) as conn:
                await links.make_nothing(conn, nobody)

    async def _mail(self, conn: Connection, account: UUID, name: str, email: str, language: str) -> None:
        rows = await mailboxes.mailboxes(conn)
        if rows:
            # The newest: one that is being replaced has an end.
            local = self._vault.decrypt(rows[-1]["address_encrypted"])
        else:
            _, local = await mailboxes.add_mailbox(conn, account, self._vault)
        made = AccountLinkMade(
            account_id=account,
            link_id=clock.uuid7(),
            kind="key",
            email=email,
            account_name=name,
            language=cast("Literal['nl', 'en']", language),
            expires_at=clock.now() + _LASTS,
            sealed=seal(self._key, "\n".join(f"{local}@{domain}" for domain in self._domains)),
        )
        await outbox.append(conn, [new_event(made, source=SOURCE, account=account)])
