"""What hostile files cost the door: each attack by API and by mail, one after the other, while a good supplier goes on.

The good requests' p99 alone and beside them, and the most memory that the process ever had.
"""

from __future__ import annotations

import asyncio
import base64
import statistics
from typing import Any

import aiosmtplib
import httpx

from libs import clock
from libs.http.client import client
from libs.testing import builders
from libs.testing.hostile import ATTACKS

_TIMES = 5
_PAUSE = 0.02
"""Between two good requests: about 40 a second."""


class Hostile:
    def __init__(self, port: int, smtp: int, good: str, bad: str, mailbox: str) -> None:
        """``good`` and ``bad`` are API keys of two accounts, ``mailbox`` the address of the bad one."""
        self._url = f"http://127.0.0.1:{port}/v1/submissions"
        self._smtp = smtp
        self._good = {"Authorization": f"Bearer {good}", "Postbode-Filename": "F1.xml"}
        self._bad = {"Authorization": f"Bearer {bad}", "Postbode-Filename": "F1.xml"}
        self._mailbox = mailbox
        self._number = 0

    async def run(self) -> dict[str, Any]:
        files = [attack.make() for attack in ATTACKS.values()]
        async with client(timeout=60) as http:
            alone = await self._beside(http, asyncio.sleep(5))
            by_api = await self._beside(http, self._post_all(http, files))
            by_mail = await self._beside(http, self._mail_all(files))
        return {"attacks": len(files), "times": _TIMES, "alone": alone, "by_api": by_api, "by_mail": by_mail}

    async def _beside(self, http: httpx.AsyncClient, attacks: Any) -> dict[str, float]:
        work, times = asyncio.ensure_future(attacks), list[float]()
        while not work.done():
            self._number += 1
            data = builders.invoice(number=f"G{self._number}")
            began = clock.monotonic()
            reply = await http.post(self._url, headers=self._good, content=data)
            times.append(1000 * (clock.monotonic() - began))
            if reply.status_code != 202:
                raise RuntimeError(f"a good one got {reply.status_code}: {reply.text}")
            await asyncio.sleep(_PAUSE)
        await work
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        return {"good": len(times), "p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1)}

    async def _post_all(self, http: httpx.AsyncClient, files: list[bytes]) -> None:
        for data in files * _TIMES:
            reply = await http.post(self._url, headers=self._bad, content=data)
            if reply.status_code >= 500:
                raise RuntimeError(f"an attack got {reply.status_code}")

    async def _mail_all(self, files: list[bytes]) -> None:
        for data in files * _TIMES:
            body = base64.encodebytes(data).replace(b"\n", b"\r\n")
            head = (
                b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: application/xml; name=F1.xml\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n"
            )
            async with aiosmtplib.SMTP(
                hostname="127.0.0.1", port=self._smtp, start_tls=False, timeout=60
            ) as smtp:
                await smtp.sendmail("a@b.example", [self._mailbox], head + body)
