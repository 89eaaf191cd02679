"""The trade register, as route needs it: what it says of a company by its KvK number. The port; ``kvk_api`` is the adapter.

It proposes and corroborates and is never required: what goes wrong with it is ``RegisterAway``, and all goes on without.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

from libs.contracts.parts import Words
from libs.errors import HubError
from services.route.companies.addresses import Address


@dataclass(frozen=True, slots=True)
class Company:
    """What the register says of one. Only what may be used: shielded addresses are left out."""

    kvk: str
    name: str
    names: tuple[str, ...] = ()
    """Trade names, without ``name``."""
    post_codes: tuple[str, ...] = ()
    postal: tuple[str, ...] = ()
    """The lines of an address for a letter, without the name: the one for correspondence, else where it is visited."""
    ended: bool = False
    """It does not do business any more."""
    addresses: tuple[Address, ...] = ()
    """The one for correspondence first; those whose country can be told."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"addresses": [each.as_json() for each in self.addresses]}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        lists = {name: tuple(said[name]) for name in ("names", "post_codes", "postal")}
        # What was kept before there were addresses has none.
        addresses = tuple(map(Address.from_json, said.get("addresses", ())))
        return cls(kvk=said["kvk"], name=said["name"], ended=said["ended"], addresses=addresses, **lists)


class Register(Protocol):
    async def company(self, kvk: str) -> Company | None:
        """``kvk``: eight digits. None: it gives nothing of this number. Raises ``RegisterAway``."""


class RegisterAway(HubError):
    """The trade register cannot be asked now: go on without, or try again later."""

    slug = "register-away"
    dutch = "Het handelsregister is nu niet te bevragen: ga verder zonder, of probeer het later opnieuw."
    status = 503

    def __init__(self, why: Words, *, theirs: bool = True) -> None:
        """``theirs``: the fault is the register's or of the way there, so that asking again at once is of no use."""
        super().__init__(why.en, nl=why.nl)
        self.theirs = theirs
