"""EN 16931: elements and attributes of UBL that have no place in it (UBL-CR, UBL-DT), as UBL 1.3.16 lists them.

Nearly all are a path and nothing more (``unused.tsv``): their marks in the trie cost an invoice without them
nothing.
"""

from __future__ import annotations

from importlib.resources import files

from libs.einvoice.facts import Facts
from libs.einvoice.text import normal
from libs.einvoice.tree import Element, Group
from libs.rules.checks import shown, unused
from libs.rules.rule import Breach, Rule

_REFERENCE = "cac:AdditionalDocumentReference"


def _version(_: Facts, leaf: Element) -> Breach | None:
    return None if leaf.text == "2.1" else Breach(leaf, seen=shown(leaf.text), expected="2.1")


def _due_date(facts: Facts, leaf: Element) -> Breach | None:
    return None if facts.is_credit_note else Breach(leaf, seen=shown(leaf.text), expected="cbc:DueDate")


def _name(_: Facts, leaf: Element) -> Breach | None:
    return None if leaf.tag.endswith("}PaymentMeansCode") else Breach(leaf, seen=shown(leaf.get("name")))


def _invoiced_object(reference: Group) -> bool:
    return any(code.text == "130" for code in reference.leaves.get("DocumentTypeCode", ()))


def _scheme(_: Facts, reference: Group) -> Breach | None:
    codes = reference.leaves.get("DocumentTypeCode")
    if codes and all(code.text == "130" for code in codes):
        return None
    for leaf in reference.leaves.get("ID", ()):
        if leaf.get("schemeID") is not None:
            return Breach(leaf, seen=shown(leaf.get("schemeID")))
    return None


def _attachment(_: Facts, reference: Group) -> Breach | None:
    found = reference.group("Attachment")
    return Breach(found.element) if found is not None and _invoiced_object(reference) else None


def _description(_: Facts, reference: Group) -> Breach | None:
    found = reference.leaf("DocumentDescription")
    return Breach(found) if found is not None and _invoiced_object(reference) else None


def _card(_: Facts, leaf: Element) -> Breach | None:
    """BT-87: no more than the last digits of a card."""
    return None if len(normal(leaf.text)) <= 10 else Breach(leaf, expected="1234")


def _listed() -> list[Rule]:
    table = (files(__package__) / "unused.tsv").read_text(encoding="utf-8")
    return [
        Rule(id_, "warning", (), unused, where)
        for id_, _, where in (line.partition("\t") for line in table.splitlines())
    ]


RULES: tuple[Rule, ...] = (
    Rule("BR-51", "warning", ("BT-87",), _card, "cac:PaymentMeans/cac:CardAccount/cbc:PrimaryAccountNumberID"),
    Rule("UBL-CR-002", "warning", (), _version, "/cbc:UBLVersionID"),
    Rule("UBL-CR-412", "warning", ("BT-9",), _due_date, "/cac:PaymentMeans/cbc:PaymentDueDate"),
    Rule("UBL-CR-665", "warning", ("BT-122",), _scheme, _REFERENCE),
    Rule("UBL-CR-666", "fatal", ("BT-18", "BT-125"), _attachment, _REFERENCE),
    Rule("UBL-CR-673", "fatal", ("BT-18", "BT-123"), _description, _REFERENCE),
    Rule("UBL-DT-18", "warning", (), _name, "*/@name"),
    *_listed(),
)  # fmt: skip
