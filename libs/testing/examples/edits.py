"""Small changes to an invoice, written in a line: what the examples of the rules are made with.

::

    ID=F2                       the text of an element
    InvoiceLine[2]/ID@schemeID=1    an attribute;  ID@schemeID-  takes it away
    -AccountingCustomerParty    takes an element out
    *PaymentMeans               puts a copy behind it
    +Delivery/ActualDeliveryDate=2026-11-02    puts a new element where the schema has its place, with what it must hold

Changes stand apart by ``;``. Steps are local names; a name that is missing is a mistake (``KeyError``), save behind ``+``.
"""

from __future__ import annotations

import copy
import re

from lxml import etree

from libs.testing import mutants

Element = etree._Element
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")
_NEW = {
    "Date": "2026-11-02", "Time": "12:00:00", "Indicator": "false", "Amount": "0.00", "Quantity": "1", "Numeric": "1",
    "Rate": "1", "Measure": "1", "Percent": "0", "BinaryObject": "QUJD",
}  # fmt: skip
_MUST = {"Amount": ("currencyID", "EUR"), "BinaryObject": ("mimeCode", "application/pdf")}


def edited(data: bytes, changes: str) -> bytes:
    """The document after all changes, in their order."""
    root = etree.fromstring(data)
    for change in changes.split(";"):
        if change.strip():
            _apply(root, change.strip())
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _apply(root: Element, change: str) -> None:
    kind = change[0] if change[0] in "-*+" else ""
    target, equals, value = change[len(kind) :].partition("=")
    if kind == "-":
        found = at(root, target)
        parent = found.getparent()
        if parent is None:
            raise KeyError(change)
        parent.remove(found)
        return
    if kind == "*":
        found = at(root, target)
        found.addnext(copy.deepcopy(found))
        return
    path, _, attribute = target.partition("@")
    found = put(root, path) if kind == "+" else at(root, path)
    if attribute.endswith("-") and not equals:
        del found.attrib[attribute[:-1]]
    elif attribute:
        found.set(attribute, value)
    elif equals:
        found.text = value.replace("\\n", "\n")


def at(root: Element, path: str) -> Element:
    """The element at a path; ``KeyError`` where there is none."""
    here = root
    for step in path.split("/") if path else ():
        name = _STEP.fullmatch(step)
        assert name is not None, path
        found = [child for child in here if etree.QName(child).localname == name[1]]
        if len(found) < int(name[2] or 1):
            raise KeyError(path)
        here = found[int(name[2] or 1) - 1]
    return here


def put(root: Element, path: str) -> Element:
    """A new element at the end of a path; what is missing before it is put in too."""
    *before, last = path.split("/")
    here, new = root, None
    for step in before:
        try:
            here = at(here, step)
        except KeyError:
            here = _insert(here, step)
            new = here if new is None else new
    made = _insert(here, last)
    fill(made if new is None else new)
    return made


def _insert(parent: Element, name: str) -> Element:
    order = [child.tag for child in mutants.schema().children(parent.tag)]
    tag = next((each for each in order if etree.QName(each).localname == name), None)
    if tag is None:
        raise KeyError(f"{etree.QName(parent).localname}/{name}")
    place = order.index(tag)
    before = sum(1 for child in parent if child.tag in order and order.index(child.tag) <= place)
    made = etree.Element(tag)
    parent.insert(before, made)
    _value(made)
    return made


def _value(element: Element) -> None:
    if mutants.schema().children(element.tag):
        return
    name = etree.QName(element).localname
    element.text = next((value for end, value in _NEW.items() if name.endswith(end)), "1")
    for end, (attribute, value) in _MUST.items():
        if name.endswith(end):
            element.set(attribute, value)


def fill(element: Element) -> None:
    """Put in what the schema demands and nobody named."""
    for child in list(element):
        fill(child)
    for needed in mutants.schema().children(element.tag):
        if needed.least and element.find(needed.tag) is None:
            fill(_insert(element, etree.QName(needed.tag).localname))
