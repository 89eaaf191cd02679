"""A ZIP of invoices under way: what is known so far, and where to go on. Pure."""

from __future__ import annotations

from typing import Any

import httpx

from postbode_client import answers
from postbode_client.answers import Item
from postbode_client.errors import HubError
from postbode_client.patience import Patience
from postbode_client.wire import Ask, Reply, read


class Batch:
    """Items come in order, each once, over as many requests as it takes."""

    def __init__(self, size: int, key: str, patience: Patience) -> None:
        self.ended = False
        self._size = size
        self._key = key
        self._next = 0
        self._patience = patience
        self._wait: float | None = None

    def ask(self) -> Ask:
        """The request for what is not known yet; its body is the whole ZIP."""
        self._wait = None
        headers = {
            "Idempotency-Key": self._key,
            "Content-Type": "application/zip",
            "Content-Length": str(self._size),
        }
        return Ask("POST", "/v1/submissions:batch", headers, params={"offset": str(self._next)})

    def line(self, text: str) -> Item | None:
        """One line of the reply: the next item, or nothing new."""
        said = read(text)
        if "end" in said:
            self._end(said["end"])
        elif "stopped" in said:
            self._stopped(said["stopped"])
        elif "item" in said:
            item = answers.item(said)
            if item.number != self._next:
                raise HubError(f"the hub speaks of item {item.number}, and item {self._next} is next")
            self._next += 1
            self._patience.progress()
            return item
        return None

    def _end(self, said: dict[str, Any]) -> None:
        if said.get("next") != self._next:
            raise HubError(f"the hub ends after item {said.get('next')}, and item {self._next} is next")
        self.ended = True

    def _stopped(self, why: dict[str, Any]) -> None:
        headers = {"retry-after": str(why["retry_after"])} if "retry_after" in why else {}
        self._wait = self._patience.after(Reply(int(why.get("status", 503)), headers, why))

    def refused(self, reply: Reply) -> float:
        """Seconds to wait after a reply that is not 200. Raises ``Refused`` for one that stays so."""
        if not reply.later:
            reply.value()
        return self._patience.after(reply)

    def failed(self, error: httpx.HTTPError) -> float:
        """Seconds to wait after a connection that was lost, or never made. Raises ``Unreachable``."""
        return self._patience.after_failure(error)

    def over(self) -> float:
        """Seconds to wait when the lines are over: none at the end."""
        if self.ended:
            return 0.0
        if self._wait is not None:
            return self._wait
        return self.failed(httpx.RemoteProtocolError("the lines of the batch broke off"))
