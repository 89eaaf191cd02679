"""Moulds: a cast is what a tree of the same bytes would have given, or there is none."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator

import pytest
from lxml import etree

from libs.einvoice import detect, fold, mould, schema, shelf, standins, xml
from libs.einvoice.facts import collect
from libs.einvoice.tree import Found, Group
from libs.testing import builders, mutants

XS = "{http://www.w3.org/2001/XMLSchema}"
BASES = (
    builders.invoice(lines=1, adres2="58070036", order="PO-1"),
    builders.invoice(lines=3, credit_note=True),
    mutants.of_category("E", "0", lines=2),
    re.sub(rb">\s+<", b"><", builders.invoice(lines=2)),
    builders.invoice(lines=1).replace(b"cbc:", b"b:").replace(b"xmlns:cbc", b"xmlns:b"),
    builders.invoice(lines=1).replace(b"<cac:Item>", b"<cac:Item><cbc:Description></cbc:Description>"),
)


@pytest.fixture(autouse=True)
def _nothing_seen() -> Iterator[None]:
    shelf.forget()
    yield
    shelf.forget()


def teach(data: bytes) -> None:
    root = xml.parse(data)
    syntax = detect.root_of(root).syntax
    for _ in range(2):
        document = shelf.split(data)
        assert document is not None
        assert document.mould is None
        shelf.learn(document, root, syntax)


def cast(data: bytes) -> mould.Cast | None:
    document = shelf.split(data)
    if document is None or document.mould is None:
        return None
    return document.mould.cast(document.texts)


def change(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def seen(group: Group) -> object:
    """All that a rule can see of a group."""
    return (
        group.element.tag,
        [(name, [(leaf.tag, leaf.text) for leaf in many]) for name, many in group.leaves.items()],
        [(name, [seen(below) for below in many]) for name, many in group.groups.items()],
    )


def places(found: Found) -> object:
    return (
        {
            mark: [seen(item) if isinstance(item, Group) else (item.tag, item.text) for item in items]
            for mark, items in found.at.items()
        },
        [(node.path, element.tag) for node, element in found.empty],
    )


@pytest.mark.parametrize("data", BASES)
def test_a_cast_is_what_a_tree_gives(data: bytes) -> None:
    teach(data)
    other = re.sub(
        rb"(Name|Note|City)>[^<\s][^<]*<", lambda found: found[1] + b">A &amp; b &lt;\xc3\xa9\n<", data
    )
    assert other != data
    for each in (data, other):
        root = xml.parse(each)
        facts = collect(root, detect.root_of(root).syntax)
        made = cast(each)
        assert made is not None
        assert seen(made.facts.root) == seen(facts.root)
        assert places(made.facts.found) == places(facts.found)
        assert made.facts.syntax == facts.syntax
        for item, element in zip(made.items, root.iter(), strict=True):
            spot = item.element if isinstance(item, Group) else item
            assert all(spot.get(str(name)) == value for name, value in element.attrib.items())
            assert spot.get("noSuchAttribute") is None
            above, parent = spot.getparent(), element.getparent()
            assert (above is None) is (parent is None)
            assert above is None or parent is None or above.tag == parent.tag


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<cbc:ID>F1<", b"<cbc:ID>F&#49;<"),
        (b"<cbc:ID>F1<", b"<cbc:ID>F&x;<"),
        (b"<cbc:ID>F1<", b"<cbc:ID>F]]><"),
        (b"<cbc:ID>F1<", b"<cbc:ID>a > b<"),
        (b"<cbc:ID>F1<", b"<cbc:ID>F\r\n1<"),
        (b"<cbc:ID>F1<", b"<cbc:ID>F\x011<"),
        (b"<cbc:ID>F1<", b"<cbc:ID>F\xef\xbf\xbe<"),
        (b"<cbc:ID>F1<", b"<cbc:ID> F1<"),
        (b"<cbc:ID>F1<", b"<cbc:ID><"),
        (b"<cbc:ID>F1<", b"<cbc:ID/><x>a<"),
        (b"<cbc:ID>F1<", b"<cbc:ID>F<!-- x -->1<"),
        (b"<cbc:ID>F1<", b"<cbc:ID>F<?x y?>1<"),
        (b"<cbc:ID>F1<", b"<cbc:ID><![CDATA[F1]]><"),
        (b'schemeID="0106"', b'schemeID="0190"'),
        (b"<cbc:IssueDate>2026", b"<cbc:IssueDate>x2026"),
        (b"<cbc:IssueDate>2026-05-01", b"<cbc:IssueDate>2026-02-29"),
        (b"<cbc:IssueDate>2026-05-01", b"<cbc:IssueDate>2026-05-01Z"),
        (b'PayableAmount currencyID="EUR">', b'PayableAmount currencyID="EUR">+'),
        (b'PayableAmount currencyID="EUR">', b'PayableAmount currencyID="EUR">1e'),
        (b'PayableAmount currencyID="EUR">', b'PayableAmount currencyID="EUR">12345678901234567890'),
        (b'PayableAmount currencyID="EUR">', b'PayableAmount currencyID="EUR">1.005'),
        (b'PriceAmount currencyID="EUR">', "PriceAmount currencyID=\"EUR\">\u0661".encode()),
    ],
)  # fmt: skip
def test_what_is_not_plainly_the_same_is_not_cast(old: bytes, new: bytes) -> None:
    data = builders.invoice(lines=1, issue_date="2026-05-01")
    teach(data)
    assert cast(data) is not None
    assert cast(change(data, old, new)) is None


@pytest.mark.parametrize(
    "data",
    [
        change(builders.invoice(), b"<cbc:ID>F1<", b"<cbc:ID><!-- x -->F1<"),
        change(builders.invoice(), b"<cbc:ID>F1<", b"<cbc:ID>F&#49;<"),
        change(builders.invoice(), b"<cbc:ID>F1<", b"<cbc:ID schemeName='a>b'>F1<"),
        change(builders.invoice(), b"</cbc:IssueDate>", b"</cbc:IssueDate><cbc:IssueTime>10:00:00</cbc:IssueTime>"),
        change(
            builders.invoice(),
            b"  <cbc:CustomizationID>",
            b'<ext:UBLExtensions xmlns:ext="urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2">'
            b"<ext:UBLExtension><ext:ExtensionContent><a>b</a></ext:ExtensionContent></ext:UBLExtension>"
            b"</ext:UBLExtensions><cbc:CustomizationID>",
        ),
    ],
)  # fmt: skip
def test_of_some_markup_no_mould_is_made(data: bytes) -> None:
    root = xml.parse(data)
    for _ in range(3):
        document = shelf.split(data)
        if document is not None:
            assert document.mould is None
            shelf.learn(document, root, "ubl-invoice")


def test_the_first_document_of_a_markup_leaves_no_more_than_a_number() -> None:
    data = builders.invoice()
    document = shelf.split(data)
    assert document is not None
    shelf.learn(document, xml.parse(data), "ubl-invoice")
    assert not shelf._MOULDS
    assert len(shelf._SEEN) == 1


def test_nothing_of_what_it_was_learnt_from_stays() -> None:
    teach(builders.invoice(number="GEHEIM-1", reference="GEHEIM-2", buyer_name="GEHEIM-3 B.V."))
    (kept,) = shelf._MOULDS.items()
    todo: list[object] = [kept]
    known: set[int] = set()
    texts: list[str] = []
    while todo:
        each = todo.pop()
        if id(each) in known or isinstance(each, type):
            continue
        known.add(id(each))
        if isinstance(each, (bytes, str)):
            texts.append(each if isinstance(each, str) else each.decode())
        elif isinstance(each, (tuple, list, dict, set, frozenset, mould.Mould, standins.Leaf, standins.Spot)):
            todo += gc.get_referents(each)
    assert any("CustomizationID" in text for text in texts)
    assert not any("GEHEIM" in text for text in texts)


def test_who_asks_an_unread_document_for_a_text_is_told() -> None:
    data = builders.invoice()
    teach(data)
    document = shelf.split(data)
    assert document is not None
    assert document.mould is not None
    facts = document.mould.unread().facts
    assert facts.root.has("ID")
    with pytest.raises(standins.UnreadError):
        facts.root.text("ID")
    with pytest.raises(standins.UnreadError):
        _ = facts.net_of_all
    with pytest.raises(standins.UnknownError):
        facts.root.element.sourceline  # noqa: B018


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_ALL", 20_000)
    monkeypatch.setattr(shelf, "_SEEN_MOST", 5)
    for number in range(20):
        teach(change(builders.invoice(), b"<cbc:ID>F1", b'<cbc:ID schemeName="%d">F1' % number))
        assert sum(map(len, (piece for markup in shelf._MOULDS for piece in markup))) <= 20_000
        assert shelf._MOULDS
        assert len(shelf._SEEN) <= 5
    assert shelf.split(b"<a>" + b" " * shelf.LONGEST + b"</a>") is None


def _types() -> Iterator[tuple[str, str]]:
    """Every ``cbc:`` element of the schema, and the simple type its text has; facets are not looked for but must not be."""
    folder = schema.folder() / "common"
    bases: dict[str, str] = {}
    names: dict[str, str] = {}
    for file, prefix in (
        ("UBL-CommonBasicComponents-2.1.xsd", ""),
        ("UBL-UnqualifiedDataTypes-2.1.xsd", "udt:"),
        ("UBL-QualifiedDataTypes-2.1.xsd", "qdt:"),
        ("CCTS_CCT_SchemaModule-2.1.xsd", "ccts-cct:"),
    ):
        root = etree.parse(folder / file).getroot()
        for each in root.iter(f"{XS}complexType", f"{XS}simpleType"):
            (derived,) = each.iter(f"{XS}extension", f"{XS}restriction")
            assert {etree.QName(part).localname for part in derived.iter(f"{XS}*")} <= {
                "extension", "restriction", "attribute", "annotation", "documentation", "appinfo"
            }, each.get("name")  # fmt: skip
            bases[prefix + (each.get("name") or "")] = derived.get("base") or ""
        if not prefix:
            names = {each.get("name") or "": each.get("type") or "" for each in root.findall(f"{XS}element")}
    for name, kind in names.items():
        while not kind.startswith("xsd:"):
            kind = bases[kind]
        yield name, kind


def test_the_end_of_a_name_tells_what_the_schema_asks_of_a_text() -> None:
    told = {
        "xsd:string": None,
        "xsd:normalizedString": None,
        "xsd:decimal": mould.FORMS[0][0] + mould.FORMS[1][0],
        "xsd:date": mould.FORMS[2][0],
        "xsd:boolean": mould.FORMS[3][0],
        "xsd:time": mould.FORMS[4][0],
        "xsd:base64Binary": mould.FORMS[4][0],
    }
    types = list(_types())
    assert len(types) > 800
    assert {kind for _, kind in types} == set(told)
    for name, kind in types:
        ends = told[kind]
        assert ends is None or name.endswith(ends), (name, kind)


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (b"IssueDate>", ["2000-02-28", "1000-01-01", "2999-12-31", "2026-04-30", "2026-01-29"]),
        (
            b'PayableAmount currencyID="EUR">',
            ["0", "-0", "-1.5", "00000000000001.01", "99999999999999.99", "-99999999999999"],
        ),
        (
            b'PriceAmount currencyID="EUR">',
            ["0", "-1.5", "00000000000001.0000000001", "99999999999999.9999999999", "-99999999999999"],
        ),
        (b"ChargeIndicator>", ["true", "false"]),
        (b"<cbc:Note>", ["x", "é ] ]] & \n\t", "\u00a0", "\U0001f600", "\ud7ff\ue000"]),
    ],
)
def test_what_is_cast_holds_to_the_schema(place: bytes, values: list[str]) -> None:
    data = builders.invoice(lines=1).replace(
        b"<cac:TaxTotal>",
        b'<cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator><cbc:Amount currencyID="EUR">1'
        b"</cbc:Amount></cac:AllowanceCharge><cac:TaxTotal>",
        1,
    )
    data = change(data, b"<cbc:DocumentCurrencyCode>", b"<cbc:Note>x</cbc:Note><cbc:DocumentCurrencyCode>")
    teach(data)
    for value in values:
        shown = value.replace("&", "&amp;").encode()
        begin = data.index(place) + len(place)
        changed = data[:begin] + shown + data[data.index(b"<", begin) :]
        document = shelf.split(changed)
        assert document is not None
        assert document.mould is not None
        if "\ud7ff" not in value:
            assert document.mould.cast(document.texts) is not None, value
        assert schema.holds(xml.parse(changed), "ubl-invoice")


def test_folding_keeps_one_markup_for_any_number_of_lines() -> None:
    few, many = fold.fold(builders.invoice(lines=5)), fold.fold(builders.invoice(lines=50))
    assert few is not None
    assert many is not None
    assert few.markup == many.markup
    assert len(few.texts) == len(many.texts)
    assert b">".join(few.markup).count(b"\n") < few.data.count(b"\n") < many.data.count(b"\n")
