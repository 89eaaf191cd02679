"""Which account a caller was, so that one who is over the quota is turned away without asking the database again.

Nobody is let in by this: who a caller is now, the table of credentials says. A flood of refusals costs the others
little in this way. Logins are remembered by hash.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from uuid import UUID

_MOST = 10_000


class Callers:
    """By the value of ``Authorization``; those that came last."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[bytes, UUID] = OrderedDict()

    def was(self, login: str) -> UUID | None:
        """The account that came with ``login`` last, if it may still be known."""
        return self._accounts.get(_name(login))

    def came(self, login: str, account_id: UUID) -> None:
        name = _name(login)
        self._accounts[name] = account_id
        self._accounts.move_to_end(name)
        if len(self._accounts) > _MOST:
            self._accounts.popitem(last=False)

    def gone(self, login: str) -> None:
        """It is taken no more."""
        self._accounts.pop(_name(login), None)


def _name(login: str) -> bytes:
    return hashlib.sha256(login.encode("utf-8", "surrogateescape")).digest()
