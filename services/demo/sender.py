"""The suppliers' side: hands files over by API and SMTP, keeps the receipts, looks where things are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib

from libs.http.client import client
from services.demo.cast import Supplier
from services.demo.script import Scene

_ENDS = frozenset(
    {"sent", "arrived", "imported", "paid", "rejected", "parked", "undeliverable", "quarantined", "duplicate",
     "returned", "refused"}
)  # fmt: skip
_WAITS_FOR_ARRIVAL = "folder"
_WAITS_FOR_BOOKS = "exact_online"


@dataclass(frozen=True, slots=True)
class Row:
    """What the supplier sees of one scene."""

    status: str
    receiver: str | None = None
    reason: str | None = None
    channel: str | None = None

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it in this demo: a file still has to be taken away and an entry
        to be told of, a mail not."""
        if self.status in ("sent", "arrived") and self.channel == _WAITS_FOR_BOOKS:
            return False
        if self.status == "sent":
            return self.channel != _WAITS_FOR_ARRIVAL
        return self.status in _ENDS


class Sender:
    def __init__(self, base_url: str, smtp_port: int, people: Mapping[str, Supplier], folder: Path) -> None:
        self._base_url = base_url
        self._smtp_port = smtp_port
        self._people = people
        self._written = folder / "receipts.json"
        self._receipts: dict[str, Any] = (
            json.loads(self._written.read_text()) if self._written.exists() else {}
        )

    async def hand_over(self, play: Sequence[Scene]) -> None:
        """Everything that has no receipt yet."""
        for scene in play:
            if scene.key in self._receipts:
                continue
            together = [s for s in play if s.mail == scene.mail] if scene.mail else [scene]
            receipt = await (self._mail(together) if scene.by == "mail" else self._post(scene))
            self._receipts[scene.key] = receipt
            draft = self._written.with_suffix(".new")
            draft.write_text(json.dumps(self._receipts))
            draft.replace(self._written)

    async def _post(self, scene: Scene) -> dict[str, Any]:
        async with client(base_url=self._base_url) as http:
            reply = await http.post(
                "/v1/submissions",
                headers=self._as(scene.sender),
                files=[("file", (file.name, file.data)) for file in scene.files],
            )
        answer: dict[str, Any] = reply.json()
        if reply.status_code == 422:
            return {"refused": answer.get("words", {}).get("en") or answer["detail"]}
        reply.raise_for_status()
        return {
            "submission": answer["submission_id"],
            "invoices": {item["filename"]: item["invoice_id"] for item in answer["invoices"]},
            "repeat": reply.headers.get("postbode-repeat") == "true",
        }

    async def _mail(self, scenes: Sequence[Scene]) -> dict[str, Any]:
        supplier = self._people[scenes[0].sender]
        message = EmailMessage()
        message["From"] = f"verkoop@{supplier.name.split()[0].lower()}.example"
        message["To"] = supplier.mailbox
        message["Subject"] = "Factuur"
        message["Message-ID"] = f"<{scenes[0].mail}@supplier.example>"
        message.set_content("Hierbij onze factuur.")
        for file in (file for scene in scenes for file in scene.files):
            subtype = "pdf" if file.name.endswith(".pdf") else "xml"
            message.add_attachment(file.data, maintype="application", subtype=subtype, filename=file.name)
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self._smtp_port, start_tls=False) as smtp:
            _, said = await smtp.send_message(message)
        submission = re.search(r"[0-9a-f-]{36}", said)
        if submission is None:
            raise RuntimeError(f"the key mailbox answered without a receipt: {said}")
        async with client(base_url=self._base_url) as http:
            reply = await http.get(
                f"/v1/submissions/{submission.group()}", headers=self._as(scenes[0].sender)
            )
            reply.raise_for_status()
        items = reply.json()["invoices"]
        return {
            "submission": submission.group(),
            "invoices": {item["filename"]: item["invoice_id"] for item in items},
            "repeat": all(item["status"] == "duplicate" for item in items),
        }

    async def look(self, play: Sequence[Scene]) -> dict[str, Row]:
        """Where every scene's invoice is now, by number."""
        seen: dict[str, dict[str, Any]] = {}
        async with client(base_url=self._base_url) as http:
            for name in dict.fromkeys(scene.sender for scene in play):
                reply = await http.get("/v1/invoices", params={"limit": 200}, headers=self._as(name))
                reply.raise_for_status()
                seen.update({item["invoice_id"]: item for item in reply.json()["invoices"]})
        return {scene.number: self._row(scene, seen) for scene in play}

    def _row(self, scene: Scene, seen: Mapping[str, dict[str, Any]]) -> Row:
        receipt = self._receipts.get(scene.key)
        if receipt is None:
            return Row("on its way")
        if "refused" in receipt:
            return Row("refused", reason=f"422 at the door: {receipt['refused']}")
        invoice_id = receipt["invoices"].get(scene.files[0].name)
        item = seen.get(invoice_id or "")
        if receipt.get("repeat") and (first := self._number_of(invoice_id, scene)) is not None:
            return Row("duplicate", reason=f"the same bytes as before: still invoice {first}")
        if item is None:
            return Row("on its way")
        reason = item.get("reason") or {}
        channel = next((a.split(":")[1] for a in item.get("axes", {}) if a.startswith("delivery:")), None)
        return Row(item["status"], item.get("receiver"), reason.get("en"), channel)

    def _number_of(self, invoice_id: str | None, scene: Scene) -> str | None:
        """The number under which this invoice was handed over before ``scene``."""
        for key, receipt in self._receipts.items():
            if key == scene.key:
                return None
            if invoice_id in receipt.get("invoices", {}).values():
                return key
        return None

    def _as(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._people[name].key}"}
