"""The client for programs that wait for what they asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from postbode_client import answers, wire
from postbode_client.answers import Item, Receipt
from postbode_client.batch import Batch
from postbode_client.parcels import File
from postbode_client.patience import Patience


class Client:
    """A hub at ``url``, by an API key with ``invoice:write`` (and ``invoice:read`` to look invoices up).

    Each method tries for ``patience`` seconds and waits at most ``timeout`` seconds for a sign of life within one try.
    Raises ``ValueError`` for an address without TLS (unless it is this machine) and for what is no key.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience: float = 300.0,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._patience = patience
        self._http = httpx.Client(**wire.options(url, key), timeout=timeout, transport=transport)

    def submit(
        self, *files: File, key: str | None = None, fields: Mapping[str, str] | None = None
    ) -> Receipt:
        """Hand over one invoice, or several with their PDFs; all of it or nothing.

        ``key`` is a name of your own for this hand-over. Give it to be sure across a crash of your program too: the same
        key and files get the first answer. ``fields`` are extra fields of the first file, by the names of Exact Online,
        for books that match them. Raises ``Refused`` or ``Unreachable``.
        """
        name = key or str(uuid4())
        said = self._ask(wire.submit(files, name, fields), name)
        return answers.receipt(said.value(), repeat="postbode-repeat" in said.headers)

    def submit_zip(self, path: Path, key: str | None = None) -> Iterator[Item]:
        """Hand over a ZIP of invoices; each item as soon as the hub has stored or refused it, in order.

        Goes on where it was when the connection is lost. Raises ``Refused`` for a ZIP that cannot be read, ``Unreachable``.
        """
        name = key or str(uuid4())
        batch = Batch(path.stat().st_size, name, Patience(self._patience, name))
        while not batch.ended:
            try:
                with (
                    path.open("rb") as body,
                    self._http.stream(**batch.ask().options(), content=body) as answer,
                ):
                    if answer.status_code == 200:
                        for line in answer.iter_lines():
                            if item := batch.line(line):
                                yield item
                        wait = batch.over()
                    else:
                        answer.read()
                        wait = batch.refused(wire.reply(answer))
            except httpx.HTTPError as error:
                wait = batch.failed(error)
            time.sleep(wait)

    def submission(self, submission_id: str) -> Receipt:
        """What was handed over, and which invoices it became."""
        return answers.receipt(self._ask(wire.submission(submission_id)).value())

    def invoice(self, invoice_id: str) -> Mapping[str, Any]:
        """Where an invoice is, as the hub's ``GET /v1/invoices/{id}`` says it. Right after a hand-over it may be 404."""
        return self._ask(wire.invoice(invoice_id)).value()

    def _ask(self, ask: wire.Ask, key: str | None = None) -> wire.Reply:
        patience = Patience(self._patience, key)
        while True:
            try:
                said = wire.reply(self._http.request(**ask.options()))
            except httpx.HTTPError as error:
                wait = patience.after_failure(error)
            else:
                if not said.later:
                    return said
                wait = patience.after(said)
            time.sleep(wait)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
