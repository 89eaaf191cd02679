"""Groups and places."""

from __future__ import annotations

import pytest

from libs.einvoice import tree, trie, xml
from libs.einvoice.trie import Trie
from libs.errors import Unprocessable

DOCUMENT = b"""<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:x="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:y="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2" xmlns:z="urn:other">
  <!-- no element --><y:ID> 7 </y:ID><z:ID>8</z:ID><y:Note/><y:Note>b</y:Note>
  <x:InvoiceLine><y:ID>1</y:ID></x:InvoiceLine>
  <x:InvoiceLine><y:ID>2</y:ID><x:Price><y:PriceAmount>1e3</y:PriceAmount></x:Price></x:InvoiceLine>
</Invoice>"""


def test_children_are_sorted_by_name_whatever_the_prefix() -> None:
    root = tree.grow(xml.parse(DOCUMENT))
    assert root.text("ID") == "7"
    assert [leaf.text for leaf in root.leaves["Note"]] == [None, "b"]
    assert [line.text("ID") for line in root.within("InvoiceLine")] == ["1", "2"]
    assert [leaf.text for leaf in root.at("InvoiceLine", "Price", "PriceAmount")] == ["1e3"]
    assert root.leaf("InvoiceLine") is None
    assert root.has("InvoiceLine")
    assert root.has("Note")
    assert not root.has("Price")
    assert root.text("Nothing") == ""
    assert root.group("Nothing") is None
    assert root.at("Nothing", "ID") == []


def test_a_foreign_element_is_never_taken_for_one_of_ubl() -> None:
    root = tree.grow(xml.parse(DOCUMENT))
    assert len(root.leaves["ID"]) == 1
    assert "{urn:other}ID" not in root.leaves
    assert "{urn:other}ID" in root.groups


def test_places_have_the_usual_prefixes_and_are_counted() -> None:
    parsed = xml.parse(DOCUMENT)
    root = tree.grow(parsed)
    places = tree.Places()
    assert places.of(parsed) == "/Invoice"
    assert places.of(root.leaves["ID"][0]) == "/Invoice/cbc:ID"
    assert places.of(root.leaves["Note"][1]) == "/Invoice/cbc:Note[2]"
    price = root.at("InvoiceLine", "Price", "PriceAmount")[0]
    assert places.of(price) == "/Invoice/cac:InvoiceLine[2]/cac:Price/cbc:PriceAmount"
    assert tree.line_of(price) == 6


def test_invented_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trie, "_MOST", 500)
    known = Trie(("/Line/cbc:ID",))
    for start in range(0, 3_000, 300):
        body = "".join(f"<n{n}/>" for n in range(start, start + 300))
        tree.grow(xml.parse(f"<a>{body}</a>".encode()), known)
    assert len(known.root.kids) <= 500
    found = tree.Found()
    assert tree.grow(xml.parse(DOCUMENT), known, found).text("ID") == "7"
    assert len(found.at[0]) == 2


def test_paths_by_the_thousand_are_refused_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trie, "MOST_OF_ONE", 60)
    known = Trie(("/Line/cbc:ID",))
    kids = "".join(f"<n{n}/>" for n in range(10))
    few, many = ("".join(f"<n{n}>{kids}</n{n}>" for n in range(most)) for most in (5, 6))
    tree.grow(xml.parse(f"<a>{few}</a>".encode()), known)
    with pytest.raises(Unprocessable) as refused:
        tree.grow(xml.parse(f"<b>{many}</b>".replace("n", "m").encode()), known)
    assert refused.value.code == "too-many-names"
    assert not known.root.kids
    assert tree.grow(xml.parse(DOCUMENT), known).text("ID") == "7"


# --- patterns ---


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("/", ["/Invoice"]),
        ("/cbc:ID", ["/Invoice/cbc:ID"]),
        (
            "cbc:ID",
            [f"/Invoice/{where}" for where in ("cbc:ID", *(f"cac:InvoiceLine[{n}]/cbc:ID" for n in (1, 2)))],
        ),
        ("/Line/cbc:ID", ["/Invoice/cac:InvoiceLine[1]/cbc:ID", "/Invoice/cac:InvoiceLine[2]/cbc:ID"]),
        ("cac:Price/cbc:*Amount", ["/Invoice/cac:InvoiceLine[2]/cac:Price/cbc:PriceAmount"]),
        ("*/@schemeID", ["/Invoice/ID", "/Invoice/cbc:Note[1]"]),
        ("cbc:Note/@schemeID", ["/Invoice/cbc:Note[1]"]),
        ("/cac:Price", []),
        ("cac:Line/cbc:ID", []),
    ],
)
def test_a_pattern_finds_what_it_means_and_nothing_else(pattern: str, places: list[str]) -> None:
    document = xml.parse(
        DOCUMENT.replace(b"<z:ID", b"<z:ID schemeID='1'").replace(b"<y:Note/>", b"<y:Note schemeID='2'/>")
    )
    found = tree.Found()
    tree.grow(document, Trie((pattern,)), found)
    paths = tree.Places()
    assert [
        paths.of(item.element if isinstance(item, tree.Group) else item) for item in found.at.get(0, ())
    ] == places


def test_what_is_empty_is_told_with_its_path() -> None:
    document = xml.parse(DOCUMENT.replace(b"<y:ID>1</y:ID>", b"<y:ID> \n</y:ID><x:Item/>"))
    found = tree.Found()
    tree.grow(document, found=found)
    assert [node.path for node, _ in found.empty] == [
        ("cbc:Note",), ("Line", "cbc:ID"), ("Line", "cac:Item"),
    ]  # fmt: skip


def test_a_name_without_end_is_not_carried_by_every_path_below_it() -> None:
    name = b"N" * 40_000
    root = xml.parse(b"<a><b/><b><" + name + b"><c/></" + name + b"></b></a>")
    places = tree.Places()
    assert [places.of(element) for element in root.iter()] == [
        "/a",
        "/a/b[1]",
        "/a/b[2]",
        "/a/b[2]",
        "/a/b[2]",
    ]
