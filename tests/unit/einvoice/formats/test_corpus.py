"""What others wrote, term by term (collected when POSTBODE_SHARED names the folder of the corpus).

Every valid document of the groups keeps its terms through UBL → model → UBL. That the model itself forgets nothing
is asked of the document: each of its leaves stands in what is written again.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from libs.einvoice import gate, money, terms, xml
from libs.einvoice.formats import ubl
from libs.einvoice.tree import Element, short

MODERN = (
    "en-example",
    "nl-general",
    "nl-peppol-bis-3",
    "nl-siubl2.0",
    "nl-siubl2.0-ext-gaccount",
    "peppol-example",
    "gobl",
)
OLD = ("nl-siubl1.0", "nl-siubl1.1", "nl-siubl1.2")

SPELLED = ("cbc:UBLVersionID", "cbc:NetworkID", "cac:TaxScheme/cbc:ID", "cbc:ChargeIndicator")
"""Leaves that no business term stands for, or that are spelled in one way by us."""


@cache
def documents() -> dict[str, bytes]:
    """The valid documents of the groups, by name."""
    found: dict[str, bytes] = {}
    valid: set[str] = set()
    with tarfile.open(Path(os.environ["POSTBODE_SHARED"]) / "corpus" / "dev.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            name = member.name.removeprefix("./")
            if file is not None and name.endswith("manifest.jsonl"):
                for line in file:
                    row = json.loads(line)
                    if row["verdict"] == "valid" and row["xsd_valid"]:
                        valid.add(row["file"])
            elif file is not None and name.split("/")[-2] in MODERN + OLD:
                found[name] = file.read()
    return {name: data for name, data in found.items() if name in valid}


def leaves(element: Element, path: str = "") -> Iterator[tuple[str, str]]:
    here = f"{path}/{short(element.tag)}"
    text = " ".join((element.text or "").split())
    if len(element) == 0 and text and not here.endswith(SPELLED):
        number = money.read(text) if "Amount" in here or "Quantity" in here else None
        yield here, str(number) if number is not None else "".join(text.split()) if "Binary" in here else text
    for child in element:
        yield from leaves(child, here)


@pytest.mark.proves("R3")
def test_every_term_of_valid_documents_survives() -> None:
    groups: Counter[str] = Counter()
    for name, data in documents().items():
        read = ubl.read(xml.parse(gate.check(data).data))
        again = ubl.read(xml.parse(ubl.write(read.invoice)))
        assert list(terms.walk(again.invoice)) == list(terms.walk(read.invoice)), name
        assert not again.unread, name
        assert not read.findings, name
        groups[name.split("/")[-2]] += 1
    assert len(groups) >= 8, "a group may hold none that is valid"


@pytest.mark.proves("R3")
def test_no_leaf_of_a_modern_document_is_forgotten() -> None:
    for name, data in documents().items():
        if name.split("/")[-2] not in MODERN:
            continue
        root = xml.parse(gate.check(data).data)
        written = Counter(leaves(xml.parse(ubl.write(ubl.read(root).invoice))))
        assert not Counter(leaves(root)) - written, name
