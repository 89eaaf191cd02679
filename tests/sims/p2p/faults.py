"""Faults a test plans: what fails, which request, how often."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["unauthorised", "rate_limited", "server_error", "timeout", "drop", "slow"]


class Fault(BaseModel):
    """Strikes ``times`` requests (``None``: until it is cleared) after letting ``skip`` of them pass.

    - ``unauthorised``: 401, and the token is worth nothing any more
    - ``rate_limited``: 429 with Retry-After ``seconds``
    - ``server_error``: ``status``
    - ``timeout``: no answer until the client goes away
    - ``drop``: the connection is cut
    - ``slow``: the answer comes ``seconds`` later

    ``after``: the request was carried out first. ``entity``: such as ``Supplier``, or ``token``.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    entity: str | None = None
    external_id: str | None = None
    method: Literal["GET", "POST"] | None = None
    after: bool = False
    skip: int = Field(0, ge=0)
    times: int | None = Field(1, ge=1)
    seconds: float = Field(1, ge=0)
    status: int = Field(503, ge=500, le=599)

    def fits(self, method: str, entity: str, external_id: str | None) -> bool:
        return (
            self.entity in (None, entity)
            and self.external_id in (None, external_id)
            and self.method in (None, method)
        )


def strike(
    faults: Iterable[Fault], method: str, entity: str, external_id: str | None
) -> tuple[Fault | None, list[Fault]]:
    """The first fault that strikes this request, and what is then left of all of them."""
    struck: Fault | None = None
    left: list[Fault] = []
    for fault in faults:
        if struck is None and fault.fits(method, entity, external_id):
            if fault.skip:
                left.append(fault.model_copy(update={"skip": fault.skip - 1}))
                continue
            struck = fault
            if fault.times == 1:
                continue
            times = None if fault.times is None else fault.times - 1
            left.append(fault.model_copy(update={"times": times}))
            continue
        left.append(fault)
    return struck, left
