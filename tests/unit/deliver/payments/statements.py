"""Bank statements for tests: CAMT.053 as banks write it, small and large."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

OWN, SUPPLIER, CUSTOMER = "NL91ABNA0417164300", "NL20INGB0001234567", "BE68539007547034"
LATEST = "08"


def statement(*entries: str, own: str = OWN, number: str = "1", currency: str = "EUR") -> str:
    return (
        f"<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>2026-11-03T06:00:00</CreDtTm>"
        f"<Acct><Id><IBAN>{own}</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        f'<Bal><Amt Ccy="{currency}">0</Amt></Bal>{"".join(entries)}</Stmt>'
    )


def camt(*statements: str, version: str = LATEST, kind: str = "053") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M1</MsgId></GrpHdr>{''.join(statements)}</BkToCstmrStmt></Document>"
    ).encode()


def details(
    text: str = "",
    *,
    other: str | None = SUPPLIER,
    reference: str | None = None,
    document: str | None = None,
    end: str = "NOTPROVIDED",
    amount: str | None = None,
    ordered: tuple[str, str] | None = None,
    way: str | None = None,
    returned: bool = False,
    incoming: bool = False,
) -> str:
    role = "Dbtr" if incoming else "Cdtr"
    strd = ""
    if reference or document:
        doc = (
            f"<RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>{document}</Nb></RfrdDocInf>"
            if document
            else ""
        )
        ref = (
            f"<CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>{reference}</Ref></CdtrRefInf>"
            if reference
            else ""
        )
        strd = f"<Strd>{doc}{ref}</Strd>"
    return (
        f"<TxDtls><Refs><EndToEndId>{end}</EndToEndId></Refs>"
        + (f'<Amt Ccy="EUR">{amount}</Amt>' if amount else "")
        + (f"<CdtDbtInd>{way}</CdtDbtInd>" if way else "")
        + (
            f'<AmtDtls><InstdAmt><Amt Ccy="{ordered[1]}">{ordered[0]}</Amt></InstdAmt></AmtDtls>'
            if ordered
            else ""
        )
        + (
            f"<RltdPties><{role}><Pty><Nm>X</Nm></Pty></{role}><{role}Acct><Id><IBAN>{other}</IBAN></Id></{role}Acct></RltdPties>"
            if other
            else ""
        )
        + f"<RmtInf>{f'<Ustrd>{text}</Ustrd>' if text else ''}{strd}</RmtInf>"
        + ("<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>" if returned else "")
        + "</TxDtls>"
    )


def entry(
    amount: str,
    inside: str | Iterable[str] = "",
    *,
    currency: str = "EUR",
    incoming: bool = False,
    reversal: bool = False,
    status: str = "<Sts><Cd>BOOK</Cd></Sts>",
    reference: str = "",
    day: str = "2026-11-03",
) -> str:
    within = inside if isinstance(inside, str) else "".join(inside)
    return (
        f'<Ntry>{f"<NtryRef>{reference}</NtryRef>" if reference else ""}<Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>{'CRDT' if incoming else 'DBIT'}</CdtDbtInd>{'<RvslInd>true</RvslInd>' if reversal else ''}{status}"
        f"<BookgDt><Dt>{day}</Dt></BookgDt>{f'<NtryDtls>{within}</NtryDtls>' if within else ''}</Ntry>"
    )


@contextlib.contextmanager
def counted() -> Iterator[list[int]]:
    """How many lines of Python are run meanwhile: what a clock would say, whoever else holds the processor."""
    steps = [0]

    def step(frame: FrameType, event: str, arg: Any) -> Any:
        steps[0] += 1
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        yield steps
    finally:
        sys.settrace(before)
