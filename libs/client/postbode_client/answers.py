"""What the hub answers, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postbode_client.errors import HubError, Refused


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice of a submission.

    ``status`` is ``received``, ``duplicate`` (of ``invoice_id``, which the hub has already) or ``quarantined`` (kept, not
    sent on; ``code`` and ``reason`` say why).
    """

    invoice_id: str
    filename: str | None
    status: str
    code: str | None = None
    reason: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything in it is stored by the hub. ``repeat``: all of it was handed over before, and this is that answer."""

    submission_id: str
    invoices: tuple[Invoice, ...]
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one item of a ZIP: a receipt, or a refusal. ``number`` counts from 0, in the order of the ZIP."""

    number: int
    receipt: Receipt | None = None
    refused: Refused | None = None
    filename: str | None = None


def receipt(body: Mapping[str, Any], *, repeat: bool = False) -> Receipt:
    """Raises ``HubError`` for what is no receipt."""
    try:
        invoices = tuple(
            Invoice(
                str(each["invoice_id"]),
                each.get("filename"),
                str(each["status"]),
                each.get("code"),
                each.get("reason"),
            )
            for each in body["invoices"]
        )
        return Receipt(str(body["submission_id"]), invoices, repeat)
    except (KeyError, TypeError, AttributeError) as error:
        raise HubError(f"this is no receipt of a hub: {str(body)[:200]}") from error


def item(line: Mapping[str, Any]) -> Item:
    """One line of a batch that has ``item``. Raises as ``receipt`` does."""
    number = int(line["item"])
    if line["status"] != 202:
        return Item(number, refused=Refused(int(line["status"]), line), filename=line.get("filename"))
    taken = receipt(line, repeat=bool(line.get("repeat")))
    return Item(number, taken, filename=taken.invoices[0].filename if taken.invoices else None)
