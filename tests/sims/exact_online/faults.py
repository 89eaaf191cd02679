"""Faults a test plans: what fails, which request, how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "server_error",
    "drop",
    "timeout",
    "slow",
    "unauthorised",
    "not_expired",
    "minute_spent",
    "day_spent",
    "key_blocked",
    "wrong_division",
]


@dataclass
class Fault:
    """Strikes ``times`` requests (``None``: until it is cleared) after letting ``skip`` of them pass.

    - ``server_error``: ``status``
    - ``drop``: the connection is cut; ``timeout``: no answer until the client goes; ``slow``: it comes ``seconds`` later
    - ``unauthorised``: 401, though the token is good
    - ``not_expired``: 401 at the token endpoint, as if the token were too young
    - ``minute_spent``, ``day_spent``: 429, as if others had used up the budget, until its window ends
    - ``key_blocked``: the app is blocked for an hour from now on
    - ``wrong_division``: 403, as if the division were not this person's

    ``after``: the request was carried out first (of the first three). ``endpoint``: such as
    ``purchaseentry/PurchaseEntries``, or ``token``.
    """

    kind: Kind
    endpoint: str | None = None
    method: str | None = None
    division: int | None = None
    after: bool = False
    skip: int = 0
    times: int | None = 1
    seconds: float = 1.0
    status: int = 503

    def __post_init__(self) -> None:
        if self.after and self.kind not in ("server_error", "drop", "timeout"):
            raise ValueError(f"{self.kind} does not come after the request was carried out")

    def fits(self, method: str, endpoint: str, division: int | None) -> bool:
        return (
            self.endpoint in (None, endpoint)
            and self.method in (None, method)
            and self.division in (None, division)
        )


class Planned:
    """The faults that have not struck yet, in the order they were planned."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def plan(self, *faults: Fault) -> None:
        """These as well."""
        self.waiting += faults

    def clear(self) -> None:
        self.waiting.clear()

    def strike(self, method: str, endpoint: str, division: int | None) -> Fault | None:
        """The first that fits; it is one time nearer to its end."""
        for fault in self.waiting:
            if not fault.fits(method, endpoint, division):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
            return fault
        return None
