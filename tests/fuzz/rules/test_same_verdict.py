"""Two short ways lead to a verdict: lines that are alike are judged once, markup seen before is not parsed again.

Whatever a document is made of, both must say what judging all of it for the first time says.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.einvoice import fold, shelf
from libs.einvoice.trie import CAC, CBC, EXT
from libs.rules import engine
from libs.testing import builders, mutants
from libs.testing.verdicts import said

_LINES = re.compile(
    rb"<(?:\w+:)?(?:Invoice|CreditNote)Line>.*</(?:\w+:)?(?:Invoice|CreditNote)Line>", re.DOTALL
)
_NET = re.compile(rb'(LineExtensionAmount currencyID="EUR">)[0-9.]+')
_TEXT = re.compile(rb"<(?:\w+:)?(\w+)[^<>]*>([^<>]*)</")
_LEAF = re.compile(rb"<(cbc:\w+)[^<>]*>[^<>]*</\1>")
_GROUP = re.compile(rb"<(cac:\w+)>(?:(?!<\1>).)*?</\1>", re.DOTALL)

BASES = (
    *mutants.bases(),
    builders.invoice(lines=5, order="PO-1"),
    builders.invoice(lines=1),
    builders.invoice(lines=4, credit_note=True),
    re.sub(rb">\s+<", b"><", builders.invoice(lines=3)),
)
CLAIMS = (
    b"urn:cen.eu:en16931:2017",
    b"urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0",
    b"urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0#conformant#urn:fdc:nen.nl:gaccount:v1.0",
    b"urn:cen.eu:en16931:2017#conformant#urn:UBL.BE:1.0.0.20180214",
    b"urn:www.cenbii.eu:transaction:biitrns010:ver2.0:extended:urn:www.simplerinvoicing.org:si:si-ubl:ver1.2",
    b"urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
)
ODD = (
    b"", b" ", b"\n", b"-0", b"-0.00", b"-.0", b" -0.00", b"+1", b"0", b"1.005", b" 3.00 ", b"NaN", b"9" * 20, b"&#49;",
    b"&amp;", b"&lt;b>", b"]]>", b"a > b", b"\xc2\xa0", b"\xc3\xa9", b"<![CDATA[S]]>", b"<!-- x -->S", b"S<!-- x -->",
    b"x\r\ny", b"\xef\xbf\xbe", b"2026-02-29", b"S", b"E", b"VAT", b"GACCOUNT", b"GACCO<!-- x -->UNT",
)  # fmt: skip


def claiming(data: bytes, claim: bytes) -> bytes:
    return re.sub(rb"(<cbc:CustomizationID>)[^<]*", lambda found: found[1] + claim, data)


def beside(data: bytes, spaces: bytes = b"", *, prefix: bytes = b"", times: int = 1) -> bytes:
    """The lines once more in an extension, where their prefixes may mean something else; the real ones with ``prefix``."""
    found = _LINES.search(data)
    if found is None:
        return data
    lines = found[0]
    hidden = b"<x xmlns='urn:x'%s>%s</x>" % (spaces, _NET.sub(rb"\g<1>1000.00", lines) * times)
    extension = (
        b"<ext:UBLExtensions xmlns:ext='%s'><ext:UBLExtension><ext:ExtensionContent>%s</ext:ExtensionContent>"
        b"</ext:UBLExtension></ext:UBLExtensions>" % (EXT.encode(), hidden)
    )
    if prefix:
        name = prefix + b":\\1Line"
        lines = re.sub(rb"<cac:(\w+)Line>", b'<%s xmlns:%s="%s">' % (name, prefix, CAC.encode()), lines)
        lines = re.sub(rb"</cac:(\w+)Line>", b"</%s>" % name, lines)
    data = data[: found.start()] + lines + data[found.end() :]
    return data.replace(b"  <cbc:CustomizationID>", extension + b"<cbc:CustomizationID>", 1)


_HIDDEN = beside(builders.invoice(lines=1), b" xmlns:cac='urn:y' xmlns:cbc='urn:z'", prefix=b"b", times=2)


def at_length(data: bytes, pack: str | None = None) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "split", lambda *_: None)
        patch.setattr(fold, "fold", lambda _: None)
        return said(data, pack)


def shaped(draw: st.DrawFn, data: bytes) -> bytes:
    """One thing done to the markup."""
    how = draw(st.integers(0, 7))
    if how == 0:
        spaces = draw(st.sampled_from([b"", b" xmlns:cac='urn:y' xmlns:cbc='urn:z'", b" xmlns:cbc='urn:z'"]))
        return beside(
            data, spaces, prefix=draw(st.sampled_from([b"", b"b", b"cac"])), times=draw(st.integers(1, 3))
        )
    if how == 1:
        prefix = draw(st.sampled_from([b"a", b"cbc2"]))
        space = draw(st.sampled_from([CBC.encode(), CAC.encode(), b"urn:other"]))
        place = draw(
            st.sampled_from([b"<cac:Item>", b"<cac:Price>", b"<cac:TaxTotal>", b"<cac:PaymentMeans>"])
        )
        return data.replace(place, place[:-1] + b' xmlns:%s="%s">' % (prefix, space), draw(st.integers(1, 3)))
    if how == 2:
        old, new = draw(st.sampled_from([(b"cbc", b"b"), (b"cac", b"a")]))
        return data.replace(old + b":", new + b":").replace(b"xmlns:" + old, b"xmlns:" + new)
    if how == 3:
        place = draw(st.sampled_from([b"<cac:Item>", b"<cac:TaxTotal>", b"</cac:Price>", b"<cbc:ID>"]))
        aside = draw(st.sampled_from([b"<!-- x -->", b"<?x y?>", b"<![CDATA[]]>", b"\n\n", b"\xc2\xa0"]))
        return data.replace(place, aside + place, draw(st.integers(1, 3)))
    places = [found.span() for found in draw(st.sampled_from([_LEAF, _GROUP])).finditer(data)]
    if not places:
        return data
    begin, end = places[draw(st.integers(0, len(places) - 1))]
    piece = data[begin:end]
    if how == 4:
        return data[:begin] + data[end:]
    if how == 5:
        return data[:end] + piece + data[end:]
    if how == 6:
        return data[:begin] + re.sub(rb"(<\w+:\w+)", rb'\1 schemeID="0106"', piece, count=1) + data[end:]
    at = draw(st.sampled_from(places))[1]
    return data[:at] + piece + data[at:begin] + data[end:] if at <= begin else data


def worded(draw: st.DrawFn, data: bytes) -> bytes:
    """One text changed to something else, as a rule for elements of its name."""
    if draw(st.integers(0, 5)) == 0:
        return claiming(data, draw(st.sampled_from(CLAIMS)))
    places = [(found[1].decode(), found.span(2)) for found in _TEXT.finditer(data)]
    if not places:
        return data
    name, (begin, end) = places[draw(st.integers(0, len(places) - 1))]
    usual = next(values for ends, values in mutants.VALUES.items() if name.endswith(ends))
    other = places[draw(st.integers(0, len(places) - 1))][1]
    values = [*(value.encode() for value in usual), *ODD, data[slice(*other)]]
    return data[:begin] + draw(st.sampled_from(values)) + data[end:]


@st.composite
def series(draw: st.DrawFn) -> tuple[bytes, ...]:
    """Documents one after another: most have the markup of the first."""
    first = claiming(draw(st.sampled_from(BASES)), draw(st.sampled_from(CLAIMS)))
    for _ in range(draw(st.integers(0, 3))):
        first = shaped(draw, first)
    found = [first, first, first]
    for _ in range(draw(st.integers(1, 3))):
        found.append(worded(draw, found[-1]))
    return tuple(found)


@pytest.mark.proves("R4")
@settings(max_examples=120)
@given(series(), st.sampled_from([None, None, None, "en16931", "nlcius", "gaccount", "ubl-2.1"]))
@example((_HIDDEN,) * 3, "en16931")
@example((*[builders.invoice()] * 3, claiming(builders.invoice(), CLAIMS[2])), None)
def test_the_short_ways_say_what_the_long_one_says(documents: tuple[bytes, ...], pack: str | None) -> None:
    shelf.forget()
    for document in documents:
        assert said(document, pack) == at_length(document, pack)


def test_lines_in_an_extension_count_in_no_sum() -> None:
    shelf.forget()
    total = re.compile(rb'(<cac:LegalMonetaryTotal>\s*<cbc:LineExtensionAmount currencyID="EUR">)([0-9.]+)')
    lied = total.sub(lambda found: found[1] + b"%.2f" % (float(found[2]) + 1000), _HIDDEN)
    assert lied != _HIDDEN
    for _ in range(3):
        assert not engine.validate(_HIDDEN, "en16931").fatal
        assert "BR-CO-10" in {finding.rule for finding in engine.validate(lied, "en16931").findings}


def test_who_claims_more_is_held_to_more_whatever_was_seen_before() -> None:
    shelf.forget()
    plain = builders.invoice()
    for _ in range(4):
        assert not engine.validate(plain).findings
    blocked = claiming(plain, CLAIMS[2])
    for _ in range(2):
        assert "BR-GA-7" in {finding.rule for finding in engine.validate(blocked).findings}
