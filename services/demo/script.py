"""What is handed over, and how. Written down by run number, so that a killed demo plays the same play on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from libs.testing import builders
from services.demo.cast import BAKKER, DE_JONG, GEMEENTE, MULDER, SMIT, SUPPLIERS, VISSER, Customer

Door = Literal["api", "mail"]


@dataclass(frozen=True, slots=True)
class File:
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Scene:
    """One row of the table. Scenes of one ``mail`` travel in one message."""

    number: str
    sender: str
    receiver: str
    by: Door
    files: tuple[File, ...]
    mail: str = ""

    @property
    def key(self) -> str:
        """What a receipt is kept under: a mail is handed over once for all its scenes."""
        return self.mail or self.number


def load(folder: Path, *, books: bool = False) -> list[Scene]:
    """The play of the run under way, or of a new one. ``books``: with the receiver that has them at Exact Online."""
    written = folder / "run.json"
    if not written.exists():
        _write(written, {"run": 1, "date": datetime.now(UTC).date().isoformat()})
    run = json.loads(written.read_text())
    return _scenes(run["run"], run["date"], books)


def close(folder: Path) -> None:
    """This run is over: the next one sends new invoices."""
    run = json.loads((folder / "run.json").read_text())
    _write(folder / "run.json", {"run": run["run"] + 1, "date": datetime.now(UTC).date().isoformat()})
    (folder / "receipts.json").unlink(missing_ok=True)


def _write(path: Path, value: object) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(value))
    draft.replace(path)


def _scenes(run: int, date: str, books: bool) -> list[Scene]:
    def number(n: int) -> str:
        return f"{date[:4]}-{run:03d}{n:02d}"

    def xml(n: int, sender: str, to: Customer, **changes: object) -> bytes:
        kvk, vat = SUPPLIERS[sender]
        fields = {
            "number": number(n), "issue_date": date, "lines": 1 + n % 4,
            "seller_name": sender, "seller_kvk": kvk, "seller_vat": vat,
            "buyer_name": to.name, "buyer_kvk": to.kvk,
        }  # fmt: skip
        return builders.invoice(**{**fields, **changes})  # type: ignore[arg-type]

    def pair(n: int, data: bytes, *, pdf: bool = True) -> tuple[File, ...]:
        name = f"factuur-{number(n)}"
        files = [File(f"{name}.xml", data)]
        if pdf:
            files.append(File(f"{name}.pdf", builders.pdf(f"Factuur {number(n)}")))
        return tuple(files)

    first = pair(1, xml(1, BAKKER, DE_JONG))
    stranger = Customer("Onbekend BV", "90004760", "")
    branch = "000027449173"
    three = f"mail-{run}-three"
    booked = (
        [Scene(number(12), BAKKER, MULDER.name, "api", pair(12, xml(12, BAKKER, MULDER)))] if books else []
    )
    return [
        Scene(number(1), BAKKER, DE_JONG.name, "api", first),
        Scene(number(2), BAKKER, SMIT.name, "api", pair(2, xml(2, BAKKER, SMIT), pdf=False)),
        Scene(number(3), VISSER, GEMEENTE.name, "mail", pair(3, xml(3, VISSER, GEMEENTE)), f"mail-{run}-one"),
        Scene(number(4), VISSER, DE_JONG.name, "mail", pair(4, xml(4, VISSER, DE_JONG)), three),
        Scene(number(5), VISSER, SMIT.name, "mail", pair(5, xml(5, VISSER, SMIT)), three),
        Scene(
            number(6), BAKKER, DE_JONG.name, "api",
            pair(6, xml(6, BAKKER, DE_JONG, break_rule="BR-NL-2"), pdf=False),
        ),
        Scene(
            number(7), VISSER, SMIT.name, "api",
            pair(7, xml(7, VISSER, SMIT, break_rule="BR-CO-15"), pdf=False),
        ),
        Scene(number(8), BAKKER, stranger.name, "api", pair(8, xml(8, BAKKER, stranger))),
        Scene(
            number(9), VISSER, DE_JONG.name, "mail",
            pair(9, xml(9, VISSER, DE_JONG, buyer_kvk=branch)), f"mail-{run}-branch",
        ),
        Scene(f"{number(1)} again", BAKKER, DE_JONG.name, "api", first),
        Scene(
            f"{number(10)} (PDF)", VISSER, SMIT.name, "mail",
            (File(f"factuur-{number(10)}.pdf", builders.pdf(f"Factuur {number(10)}")),), f"mail-{run}-pdf",
        ),
        Scene(f"{number(11)} (text)", BAKKER, SMIT.name, "api", (File("factuur.xml", b"Geachte heer,"),)),
        *booked,
    ]  # fmt: skip
