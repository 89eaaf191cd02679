"""Mails of one XML and its PDF, from many connections at once."""

from __future__ import annotations

import asyncio
import base64
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from libs import clock
from libs.einvoice import convert
from libs.testing import builders
from tests.bench.pipeline import hub as hubs
from tests.bench.pipeline.load import TOKEN

CONNECTIONS = 16
_AGAIN = 900
"""Mails over one connection; after a thousand commands of a kind the door hangs up."""


class Mails:
    """Mails that differ in the number of their invoice. The PDF is a whole page, the same in each."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._template = builders.invoice(number=TOKEN.decode(), lines=hubs.LINES)
        self._pdf = base64.encodebytes(convert.convert(self._template, "pdf")[0].data).replace(b"\n", b"\r\n")

    @property
    def size(self) -> int:
        return len(self._made(0)[1])

    async def send(self, port: int, first: int, count: int) -> dict[str, Any]:
        """Send them as fast as they are taken."""
        numbers = iter(range(first, first + count))
        said: list[tuple[float, bytes]] = []
        began = clock.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._connection(port, numbers, said))
        seconds = clock.monotonic() - began
        taken = [took for took, answer in said if answer.startswith(b"250")]
        cuts = statistics.quantiles([1000 * took for took in taken], n=100, method="inclusive")
        return {
            "mails_per_s": round(len(taken) / seconds, 1),
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "refused": count - len(taken),
            "mail_kb": round(self.size / 1000, 1),
        }

    async def _connection(self, port: int, numbers: Iterator[int], said: list[tuple[float, bytes]]) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await _heard(reader)
                await _say(reader, writer, b"EHLO bench.example\r\n")
                for _ in range(_AGAIN):
                    number = next(numbers, None)
                    if number is None:
                        return
                    to, mail = self._made(number)
                    began = clock.monotonic()
                    for line in (
                        b"MAIL FROM:<bench@supplier.example>\r\n",
                        b"RCPT TO:<%b>\r\n" % to,
                        b"DATA\r\n",
                    ):
                        answer = await _say(reader, writer, line)
                        if answer[:1] not in b"23":
                            break
                    else:
                        answer = await _say(reader, writer, mail)
                    said.append((clock.monotonic() - began, answer))
            finally:
                writer.close()

    def _made(self, number: int) -> tuple[bytes, bytes]:
        name = b"PB%08d" % number
        xml = base64.encodebytes(self._template.replace(TOKEN, name)).replace(b"\n", b"\r\n")
        to = self._addresses[number % len(self._addresses)].encode()
        return to, (
            b"From: verkoop@supplier.example\r\nTo: %b\r\nSubject: Factuur %b\r\nMessage-ID: <%b@supplier.example>\r\n"
            b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: text/plain\r\n\r\nBijgaand onze factuur.\r\n"
            b'--b\r\nContent-Type: application/xml; name="%b.xml"\r\nContent-Transfer-Encoding: base64\r\n\r\n%b'
            b'--b\r\nContent-Type: application/pdf; name="%b.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n%b'
            b"--b--\r\n.\r\n"
        ) % (to, name, name, name, xml, name, self._pdf)


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bytes:
    writer.write(line)
    return await _heard(reader)


async def _heard(reader: asyncio.StreamReader) -> bytes:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    return line
