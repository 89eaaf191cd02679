"""What became of a statement, as people and machines are told. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel, Field

from libs.contracts.parts import Words
from services.deliver.payments.lines import Line
from services.deliver.payments.load import Report
from services.deliver.payments.matching import Side
from services.deliver.payments.reasons import REASONS

_TEXT = 140


class LineView(BaseModel):
    """A payment on the statement."""

    entry: int = Field(description="which of the file, from 1")
    day: date | None
    amount: Decimal | None
    currency: str | None
    incoming: bool
    undone: bool
    account: str | None = Field(description="on the other side")
    text: str


class Taken(BaseModel):
    """A payment, or a part of it, and the invoice it pays."""

    line: LineView
    delivery_id: UUID
    invoice_id: UUID
    number: str | None
    side: Side
    amount: Decimal = Field(description="below zero: undone")


class NotTaken(BaseModel):
    """A payment that pays nothing the hub knows, and why."""

    line: LineView
    code: str
    reason: Words
    numbers: list[str] = Field(description="the invoices that it names")


class Loaded(BaseModel):
    """What became of a statement."""

    written: bool = Field(description="false: a dry run")
    entries: int
    repeated: int = Field(description="lines that were taken before")
    taken: list[Taken]
    left: list[NotTaken]


def shown(report: Report) -> Loaded:
    return Loaded(
        written=report.written,
        entries=report.entries,
        repeated=report.repeated,
        taken=[
            Taken(
                line=_line(each.line),
                delivery_id=each.bill.delivery_id,
                invoice_id=each.bill.invoice_id,
                number=each.bill.number,
                side=each.bill.side,
                amount=each.amount,
            )
            for each in report.matched
        ],
        left=[
            NotTaken(
                line=_line(each.line),
                code=each.reason,
                reason=REASONS[each.reason],
                numbers=list(each.numbers),
            )
            for each in report.left
        ],
    )


def _line(line: Line) -> LineView:
    amount, currency = line.sums[0] if line.sums else (None, None)
    return LineView(
        entry=line.number,
        day=line.day,
        amount=amount,
        currency=currency,
        incoming=line.incoming,
        undone=line.undone,
        account=line.other,
        text=" ".join([*line.named, line.text])[:_TEXT],
    )
