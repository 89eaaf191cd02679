"""Bank statements as banks give them: ISO 20022 camt.053, versions 001.02 and later. Pure.

What is read: ``Stmt/Acct/Id`` · ``Ntry`` with ``Amt``, ``CdtDbtInd``, ``RvslInd``, ``Sts``, ``BookgDt``, ``AcctSvcrRef`` ·
of each ``NtryDtls/TxDtls`` its amount, direction, parties' accounts, references, ``RmtInf`` and ``RtrInf``. An entry with
several transactions is that many lines, and none that can be used where their amounts do not add up to its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from lxml import etree

from libs.contracts.parts import Words
from libs.einvoice import gate, money, xml
from libs.errors import HubError
from services.deliver.payments.lines import MOST, MOST_BYTES, Line, Sum, keyed, refused, too_many

_OURS = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(0[2-9]|[1-9][0-9])")
_LIMITS = gate.Limits(size=MOST_BYTES, elements=4_000_000, asides=100_000)
_BLANKS = re.compile(r"\s+")


def read(data: bytes) -> list[Line]:
    """The lines of all statements of the file, in their order. Raises ``Unprocessable`` for what is no such file, and takes
    nothing of one that has more than ``MOST``."""
    try:
        clean = gate.check(data, _LIMITS)
    except HubError as no:
        raise _unreadable(no) from no
    if not _OURS.fullmatch(clean.namespace) or clean.root != "Document":
        raise _another(clean.namespace or clean.root)
    lines: list[Line] = []
    try:
        for statement in _statements(clean.data, clean.namespace):
            lines += keyed(_numbered(statement, len(lines)))
            if len(lines) > MOST:
                raise too_many()
    except etree.XMLSyntaxError as error:
        raise _broken(error.lineno or 1, error.msg or "?") from None
    return lines


def _statements(data: bytes, space: str) -> Iterator[list[Line]]:
    """Each statement's lines. What was read of the tree is let go, so that only one entry is there at a time."""
    own: str | None = None
    lines: list[Line] = []
    total = 0
    for element in xml.ended(data, [f"{{{space}}}{name}" for name in ("Ntry", "Acct", "Stmt")]):
        at = _At(element, space)
        if at.name == "Acct":
            parent = element.getparent()
            if parent is not None and _local(parent) == "Stmt":
                own = at.account("Id")
        elif at.name == "Ntry":
            lines += _entry(at, own)
            total += 1
            element.clear(keep_tail=False)
            if total > MOST or len(lines) > MOST:
                raise too_many()
        else:
            yield lines
            own, lines = None, []
            element.clear(keep_tail=False)


def _numbered(lines: list[Line], before: int) -> Iterator[Line]:
    return (replace(line, number=before + n) for n, line in enumerate(lines, 1))


class _At:
    """An element, asked by paths of local names below it."""

    __slots__ = ("_element", "_space", "name")

    def __init__(self, element: etree._Element, space: str) -> None:
        self._element, self._space = element, f"{{{space}}}"
        self.name = _local(element)

    def all(self, path: str) -> list[_At]:
        full = "/".join(self._space + step for step in path.split("/"))
        return [_At(each, self._space[1:-1]) for each in self._element.iterfind(full)]

    def text(self, path: str) -> str:
        full = "/".join(self._space + step for step in path.split("/"))
        return " ".join((self._element.findtext(full) or "").split())

    def texts(self, path: str) -> list[str]:
        full = "/".join(self._space + step for step in path.split("/"))
        found = (" ".join((each.text or "").split()) for each in self._element.iterfind(full))
        return [text for text in found if text]

    def has(self, name: str) -> bool:
        return self._element.find(self._space + name) is not None

    def account(self, path: str) -> str | None:
        """An account number below ``path``: the IBAN, else whatever the bank calls it."""
        found = self.text(f"{path}/IBAN") or self.text(f"{path}/Othr/Id")
        return _BLANKS.sub("", found).upper() or None

    def sum(self, path: str) -> Sum | None:
        full = "/".join(self._space + step for step in path.split("/"))
        element = self._element.find(full)
        if element is None:
            return None
        amount, currency = money.read((element.text or "").strip()), element.get("Ccy") or ""
        return (amount, currency) if amount is not None and amount >= 0 and currency else None


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _entry(entry: _At, own: str | None) -> list[Line]:
    total = entry.sum("Amt")
    details = entry.all("NtryDtls/TxDtls")
    fault = None if total is not None else "no-amount"
    # A word in version 02, a code from 08 on.
    if (entry.text("Sts/Cd") or entry.text("Sts") or "BOOK") != "BOOK":
        fault = "not-booked"
    if len(details) < 2:
        # Of a batch a bank may tell one payment, or none: the amount of all is not that one's.
        if fault is None and entry.text("NtryDtls/Btch/NbOfTxs") not in ("", "1"):
            fault = "batch-untold"
        said = _own_sum(details[0], total) if details else None
        if fault is None and said not in (None, total):
            fault = "batch-differs"
        return [_line(entry, details[0] if details else None, own, total, fault)]
    sums = [_own_sum(each, total) for each in details]
    lines = [
        _line(entry, each, own, found, fault or (None if found else "no-amount"))
        for each, found in zip(details, sums, strict=True)
    ]
    if fault is None and total is not None and all(sums):
        signed = sum((line.sums[0][0] if line.incoming else -line.sums[0][0] for line in lines), Decimal(0))
        booked = total[0] if _credited(entry, entry) else -total[0]
        if signed != booked:
            lines = [replace(line, fault="batch-differs") for line in lines]
    return lines


def _own_sum(details: _At, total: Sum | None) -> Sum | None:
    """What a transaction of several moved on this account: in its currency, or not known."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = details.sum(path)
        if found is not None and total is not None and found[1] == total[1]:
            return found
    return None


def _way(details: _At, entry: _At) -> str:
    return details.text("CdtDbtInd") or entry.text("CdtDbtInd")


def _credited(details: _At, entry: _At) -> bool:
    return _way(details, entry) == "CRDT"


def _line(entry: _At, details: _At | None, own: str | None, found: Sum | None, fault: str | None) -> Line:
    said = details or entry
    incoming = _credited(said, entry)
    undone = entry.text("RvslInd") in ("true", "1") or said.has("RtrInf")
    sums: tuple[Sum, ...] = (found,) if found is not None else ()
    if details is not None and found is not None:
        ordered = details.sum("AmtDtls/InstdAmt/Amt")
        if ordered is not None and ordered[1] != found[1]:
            sums = (found, ordered)
    if found is not None and found[0] == 0:
        fault = fault or "no-amount"
    if _way(said, entry) not in ("CRDT", "DBIT"):
        fault = fault or "no-direction"
    return Line(
        number=0,
        own=own,
        other=_other(said, own, incoming=incoming, undone=undone),
        sums=sums,
        incoming=incoming,
        undone=undone,
        day=_day(entry),
        named=tuple(dict.fromkeys(_named(said))),
        text=" ".join([*said.texts("RmtInf/Ustrd"), *said.texts("RmtInf/Strd/AddtlRmtInf")])
        or said.text("AddtlTxInf")
        or entry.text("AddtlNtryInf"),
        bank=" ".join(_of_the_bank(entry, said)),
        fault=fault,
    )


def _other(said: _At, own: str | None, *, incoming: bool, undone: bool) -> str | None:
    order = ("DbtrAcct", "CdtrAcct") if incoming else ("CdtrAcct", "DbtrAcct")
    accounts = [said.account(f"RltdPties/{each}/Id") for each in order]
    if not undone:
        return accounts[0]
    # Of what came back some banks tell the parties as they were, others as they are.
    return next((each for each in accounts if each is not None and each != own), None)


def _named(said: _At) -> Iterator[str]:
    yield from said.texts("RmtInf/Strd/CdtrRefInf/Ref")
    yield from said.texts("RmtInf/Strd/RfrdDocInf/Nb")
    end = said.text("Refs/EndToEndId")
    if end and end.upper() != "NOTPROVIDED":
        yield end


def _of_the_bank(entry: _At, said: _At) -> Iterator[str]:
    for at, path in (
        (entry, "AcctSvcrRef"), (entry, "NtryRef"), (said, "Refs/AcctSvcrRef"), (said, "Refs/TxId"),
        (said, "Refs/InstrId"), (said, "Refs/MsgId"),
    ):  # fmt: skip
        if text := at.text(path):
            yield f"{path}={text}"


def _day(entry: _At) -> date | None:
    for path in ("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"):
        try:
            return date.fromisoformat(entry.text(path)[:10])
        except ValueError:
            continue
    return None


def _unreadable(no: HubError) -> HubError:
    line = no.extra.get("line", 1)
    if no.status == 413:
        return no
    return refused(
        no.code,
        Words(
            nl=f"Regel {line}: dit is geen leesbaar bankafschrift ({no.code}). Er is niets verwerkt: haal het "
            f"CAMT.053-bestand "
            "opnieuw op bij uw bank en stuur het onveranderd.",
            en=f"Line {line}: this is no bank statement that can be read ({no.code}). Nothing was taken: fetch the "
            f"CAMT.053 "
            "file from your bank once more and send it unchanged.",
        ),
        line=line,
    )


def _broken(line: int, seen: str) -> HubError:
    return refused(
        "not-xml",
        Words(
            nl=f"Regel {line}: dit is geen goed gevormde XML ({seen}). Er is niets verwerkt.",
            en=f"Line {line}: this is no well-formed XML ({seen}). Nothing was taken.",
        ),
        line=line,
    )


def _another(seen: str) -> HubError:
    seen = seen[:100]
    return refused(
        "not-camt053",
        Words(
            nl=f"Dit is geen CAMT.053 maar {seen}. Er is niets verwerkt: kies bij uw bank voor dagafschriften in CAMT.053.",
            en=f"This is no CAMT.053 but {seen}. Nothing was taken: choose statements in CAMT.053 at your bank.",
        ),
        seen=seen,
    )
