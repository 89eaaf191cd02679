"""Who signs in at Exact: people, of which kind, in which divisions, with which rights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.sims.exact_online.books import Books
from tests.sims.exact_online.shape import Row
from tests.sims.exact_online.values import new_guid

Kind = Literal["office", "my_firm_portal", "my_firm_lite", "client"]
"""``office``: *Kantoorgebruiker*, who may book. ``my_firm_…``: *MijnKantoor*, who may not (R104)."""
_FOR_ALL = frozenset({"current", "system", "hrm"})


@dataclass
class User:
    """``divisions``: by number, the current one first. ``withdrawn``: services it may not use (any more), such as
    ``purchaseentry``."""

    username: str
    password: str = "wachtwoord"
    kind: Kind = "office"
    divisions: list[int] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)
    full_name: str = ""
    active: bool = True
    id: str = field(default_factory=new_guid)

    def may(self, service: str) -> bool:
        if service in _FOR_ALL:
            return True
        return not self.kind.startswith("my_firm") and service not in self.withdrawn

    def me(self, books: Books | None) -> Row:
        """A row of ``current/Me``; ``books``: its current division's."""
        kinds: dict[str, Any] = {
            "IsClientUser": self.kind == "client",
            "IsMyFirmPortalUser": self.kind == "my_firm_portal",
            "IsMyFirmLiteUser": self.kind == "my_firm_lite",
            "IsStarterUser": False,
            "IsEmployeeSelfServiceUser": False,
        }
        return kinds | {
            "UserID": self.id,
            "UserName": self.username,
            "FullName": self.full_name or self.username,
            "Email": f"{self.username}@example.org",
            "CurrentDivision": books.code if books else None,
            "AccountingDivision": books.code if books else None,
            "DivisionCustomerVatNumber": books.vat_number if books else None,
        }
