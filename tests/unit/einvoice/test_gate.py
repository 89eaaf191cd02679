"""The byte gate (field.md §C.3): what it takes, what it refuses, and with which words."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator, Sequence
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.einvoice import encoding, gate
from libs.einvoice.refusals import CODES
from libs.errors import TooLarge, Unprocessable
from libs.testing import builders

SMALL = gate.Limits(
    size=20_000, depth=5, elements=50, attributes=4, names=7, namespaces=3, namespace=20, asides=5, text=500
)


def refusal(data: bytes, limits: gate.Limits = gate.DEFAULT) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        gate.check(data, limits)
    words = caught.value.extra["words"]
    assert isinstance(words, dict)
    assert set(words) == {"nl", "en"}
    assert words["en"] == caught.value.message
    assert isinstance(caught.value.extra["line"], int)
    assert caught.value.code in CODES
    return caught.value


def code(data: bytes, limits: gate.Limits = gate.DEFAULT) -> str:
    return refusal(data, limits).code


def test_an_invoice_passes_and_says_what_it_is() -> None:
    data = builders.invoice()
    passed = gate.check(data)
    assert passed.data == data
    assert (passed.encoding, passed.root) == ("utf-8", "Invoice")
    assert passed.namespace.endswith("xsd:Invoice-2")
    assert passed.line == 2
    assert gate.bounded(data) == data


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("F1.xml", builders.invoice())
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (gzip.compress(builders.invoice()), "gzip"),
        (zipped(), "zip"),
        (builders.pdf("F1"), "pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "ole"),
        (b"Geachte heer,", "not-xml"),
        (b'{"invoice": 1}', "not-xml"),
        (b"<Invoice>", "not-xml"),
        (b"<a><b></a></b>", "not-xml"),
        (b"<a>&lt</a>", "not-xml"),
        (b"<a>&undefined;</a>", "not-xml"),
        (b"<p:a/>", "not-xml"),
        (b"<a>\x01</a>", "not-xml"),
        (b"<a/><b/>", "not-xml"),
        (b"\n<?xml version='1.0'?><a/>", "not-xml"),
        (b"<!DOCTYPE html><html></html>", "doctype"),
        (b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="x"/></a>', "xinclude"),
    ],
)
def test_what_is_no_invoice_file_is_refused_by_name(data: bytes, expected: str) -> None:
    assert code(data) == expected


@pytest.mark.parametrize("data", [b"<a>\n<b>\n</a>", b"<a>\n\n\xff</a>", b"<a>\n\n<!DOCTYPE x></a>"])
def test_the_line_is_told(data: bytes) -> None:
    error = refusal(data)
    assert error.extra["line"] == 3
    assert "3" in error.message


def test_a_doctype_is_refused_before_its_entities_cost_anything() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY a%d "&a%d;&a%d;&a%d;">' % (n + 1, n, n, n) for n in range(200)
    )
    assert code(bomb + b"]><Invoice>&a200;</Invoice>") == "doctype"
    external = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    assert code(external) == "doctype"


# --- encodings (row 12) ---


def test_utf8_with_a_byte_order_mark_loses_it() -> None:
    data = builders.invoice()
    assert gate.check(b"\xef\xbb\xbf" + data).data == data


@pytest.mark.parametrize("declared", ["utf-8", "UTF-8", "utf8", None, "US-ASCII"])
def test_declarations_that_agree_with_the_bytes(declared: str | None) -> None:
    declaration = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    assert gate.check(f"{declaration}<a>x</a>".encode()).root == "a"


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("declared", ["UTF-16", "utf-16le", None])
def test_utf16_with_a_byte_order_mark_becomes_utf8(order: str, declared: str | None) -> None:
    declaration = f"<?xml version='1.0'\n encoding='{declared}'?>\n" if declared else "\n\n"
    text = f"\ufeff{declaration}<a>één €</a>"
    passed = gate.check(text.encode(order))
    assert passed.encoding == "utf-16"
    assert passed.data.decode("utf-8").endswith("<a>één €</a>")
    assert passed.line == 3, "lines stay what they were"
    assert gate.check(passed.data).root == "a", "nobody transcodes it twice"


@pytest.mark.parametrize(
    "data",
    [
        "<a>één</a>".encode("latin-1"),
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a>x</a>",
        b"<?xml version='1.0' encoding='UTF-7'?><a>+ADw-</a>",
        b"<?xml version='1.0'" + b" " * 500 + b"encoding='ISO-8859-1'?><a>x</a>",
        b"<?xml version='1.0'"
        + b"\n" * 500
        + b"encoding"
        + b"\t" * 500
        + b'= "UTF-7" standalone="no" ?><a>x</a>',
        b"<?xml version='1.0' encoding='UTF-8' encoding='UTF-7'?><a/>",
        b"<?xml version='1.0' Encoding='UTF-7'?><a/>",
        b"<?xml version='1.0' x='?>' encoding='UTF-7'?><a/>",
        b"<?xml version='2.0'?><a/>",
        b"<?xml encoding='UTF-8'?><a/>",
        b"<?xml version='1.0' encoding='UTF-8'><a/>",
        b"<?xml version='1.0' encoding='UTF-16'?><a/>",
        b"<?xml version='1.0' encoding='EBCDIC-CP-NL'?><a/>",
        "<?xml version='1.0' encoding='US-ASCII'?><a>é</a>".encode(),
        "\ufeff<?xml version='1.0' encoding='UTF-8'?><a/>".encode("utf-16-le"),
        "\ufeff<a/>".encode("utf-32-le"),
        "\ufeff<a/>".encode("utf-32-be"),
        "<a/>".encode("utf-16-le"),
        b"\xff\xfe<\x00a\x00/\x00>\x00\x00",
        b"\xff\xfe\x00\xd8",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xc0\xaf</a>",
    ],
)
def test_every_other_encoding_is_refused(data: bytes) -> None:
    assert code(data) in {"encoding", "not-xml"}
    with pytest.raises(Unprocessable):
        gate.bounded(data)


@pytest.mark.parametrize(
    "declaration",
    [
        b"<?xml version='1.0'" + b" " * 500 + b'encoding="UTF-8"?>',
        b"<?xml\tversion = \"1.0\"\r\n standalone='yes'\n?>",
        b"<?xml version='1.1' encoding = 'utf-8' standalone=\"no\"?>",
        b"<?xml-stylesheet href='x' encoding='UTF-7'?>",
    ],
)
def test_a_declaration_may_be_written_in_every_lawful_way(declaration: bytes) -> None:
    assert gate.check(declaration + b"<a>x</a>").root == "a"


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (b"xmlns:p='http://www.w3.org/2001/X&#73;nclude'", "xinclude"),
        (b"b='xmlns=' xmlns:p='http://www.w3.org/2001/XI&#110;clude'", "xinclude"),
        (b"xmlns:p='" + b"u" * 201 + b"'", "namespace-too-long"),
        (b'xmlns\n = "' + b"u" * 201 + b'"', "namespace-too-long"),
        (b"b='xmlns=\"\"' xmlns:c='" + b"u" * 201 + b"'", "namespace-too-long"),
        (b"xmlns:p='" + b"&#117;" * 201 + b"'", "namespace-too-long"),
    ],
)
def test_no_namespace_passes_unseen(space: bytes, expected: str) -> None:
    data = b"<a><b " + space + b">x</b></a>"
    assert not gate.within(data, gate.DEFAULT)
    assert code(data) == expected
    with pytest.raises(Unprocessable) as caught:
        gate.bounded(data)
    assert caught.value.code == expected


def test_an_invoice_is_vouched_for_by_its_bytes() -> None:
    assert gate.within(builders.invoice(), gate.DEFAULT)
    assert gate.within(b"<a xmlns='" + b"u" * 200 + b"' xmlns:\xc3\xa9=\"x'\"><b>c</b></a>", gate.DEFAULT)


def test_what_a_parser_says_is_said_in_dutch_too() -> None:
    words = refusal(b"<Invoice>").extra["words"]
    assert isinstance(words, dict)
    assert "no element found" in words["en"]
    assert "element found" not in words["nl"]


def test_the_encoding_is_named_in_the_words() -> None:
    error = refusal(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>x</a>")
    assert "iso-8859-1" in error.message
    assert "UTF-8" in error.message


# --- limits (rows 7, 8, 9, 11) ---


def test_size() -> None:
    with pytest.raises(TooLarge) as caught:
        gate.check(b"<a/>" + b" " * 20_000, SMALL)
    assert caught.value.status == 413
    assert "20000" in caught.value.message


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def attributes(count: int) -> bytes:
    return b"<a " + b" ".join(b'a%d="1"' % n for n in range(count)) + b"></a>"


def names(count: int) -> bytes:
    """Of elements and of attributes."""
    return b"<a>" + b"".join(b'<b%d c%d="1"/>' % (n, n) for n in range(count // 2)) + b"</a>"


def namespaces(count: int) -> bytes:
    return b"<a " + b" ".join(b'xmlns:a%d="u"' % n for n in range(count)) + b"></a>"


def namespace(length: int) -> bytes:
    return b"<a xmlns='" + b"u" * length + b"'></a>"


def elements(count: int) -> bytes:
    return b"<a>" + b"<b></b>" * (count - 1) + b"</a>"


def asides(count: int) -> bytes:
    return b"<a>" + b"<!-- x -->" * count + b"</a>"


def text(length: int) -> bytes:
    return b"<a>" + b"x" * (length - 3) + b"</a>" + b"<!---->" * 2


@pytest.mark.parametrize(
    ("make", "most", "expected"),
    [
        (nested, 5, "too-deep"),
        (attributes, 4, "too-many-attributes"),
        (names, 7, "too-many-names"),
        (namespaces, 3, "too-many-namespaces"),
        (namespace, 20, "namespace-too-long"),
        (elements, 50, "too-many-elements"),
        (asides, 5, "too-many-asides"),
        (text, 500, "text-too-long"),
    ],
)
def test_each_limit_is_exact(make: object, most: int, expected: str) -> None:
    assert callable(make)
    gate.check(make(most), SMALL)
    error = refusal(make(most + 1), SMALL)
    assert error.code == expected
    assert str(most) in error.message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (nested(20_000), "too-deep"),
        (attributes(20_000), "too-many-attributes"),
        (names(10_000), "too-many-names"),
        (namespaces(10_000), "too-many-namespaces"),
        (elements(300_000), "too-many-elements"),
        (asides(50_000), "too-many-asides"),
        (b"<a>" + b"x" * 9_000_000 + b"</a>", "text-too-long"),
        (b'<a b="' + b"x" * 9_000_000 + b'"/>', "text-too-long"),
        (b"<" * 9_000_000, "not-xml"),
        (b"<a>" + b"=" * 9_000_000 + b"</a>", "text-too-long"),
    ],
)
def test_floods_are_refused_at_the_default_limits(data: bytes, expected: str) -> None:
    assert code(data) == expected
    if expected != "not-xml":
        with pytest.raises(Unprocessable):
            gate.bounded(data)


# --- the short way: what the bytes alone vouch for ---


def test_an_ordinary_invoice_goes_the_short_way() -> None:
    for data in (builders.invoice(lines=10), builders.invoice(credit_note=True, adres2="a/b = c > d")):
        assert gate.within(data, gate.DEFAULT)


@pytest.mark.parametrize(
    "data",
    [
        b"<a><!-- </ --></a>",
        b"<a><![CDATA[</]]></a>",
        b"<a/>",
        b"<a><?p </?></a>",
        b'<a xmlns:x="http://www.w3.org/2001/XInclude"></a>',
        b"<!DOCTYPE a><a></a>",
        nested(65),
        attributes(33),
        b"<a></a></a>",
        b"<a><b></a>",
    ],
)
def test_what_the_bytes_cannot_vouch_for_is_counted(data: bytes) -> None:
    assert not gate.within(data, gate.DEFAULT)


_ATTRIBUTES = ("", ' x=">"', ' x="/>"', " y='</'", ' z="="', ' x="1" y="2" z="3"')
_INSIDE = ("", "t", "a/b", "/", ">", "=", "!", "<!-- </a> -->", "<![CDATA[<a>]]>", "<?p <a?>")


def markup(choices: Iterator[int], depth: int = 0) -> str:
    """Well-formed or nearly so: the pieces that could mislead somebody who only counts brackets."""

    def one_of(pieces: Sequence[str]) -> str:
        return pieces[next(choices, 0) % len(pieces)]

    name, attribute = one_of("abc"), one_of(_ATTRIBUTES)
    many = next(choices, 5) % 6  # where the tape ends, so does the document
    deeper = range(many + 1) if depth <= 7 and many <= 3 else ()
    inner = "".join([markup(choices, depth + 1) for _ in deeper]) or one_of(_INSIDE)
    if not inner and next(choices, 0) % 2:
        return f"<{name}{attribute}/>"
    return f"<{name}{attribute}>{inner}</{name}>"


@given(st.binary(min_size=16, max_size=60), st.sampled_from(["", "<?xml version='1.0'?>", "<?p <a> ?>"]))
def test_the_short_way_never_vouches_for_what_counting_would_refuse(choices: bytes, head: str) -> None:
    # Of a tape of choices, because drawing each by itself takes longer than all that is tested.
    data = (head + markup(iter(choices))).encode()
    deepest = most = depth = 0

    def start(_: str, found: dict[str, str]) -> None:
        nonlocal deepest, most, depth
        depth += 1
        deepest, most = max(deepest, depth), max(most, len(found))

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        return
    limits = gate.Limits(depth=4, attributes=2, namespaces=2)
    if gate.within(data, limits):
        assert deepest <= limits.depth
        assert most <= limits.attributes


@given(st.binary(max_size=300))
def test_no_bytes_make_the_gate_do_anything_but_pass_or_refuse(data: bytes) -> None:
    for shape in (data, b"<a>" + data + b"</a>", b"<?xml " + data):
        try:
            passed = gate.check(shape)
        except (Unprocessable, TooLarge):
            continue
        passed.data.decode("utf-8")


@pytest.mark.parametrize("sign", ["\xe9", "\u20ac", "\U0001f600"])
def test_utf8_is_strict_wherever_it_is_looked_at(sign: str) -> None:
    """A large document is decoded by the piece: no sign is cut, and none that is wrong is missed."""
    one = sign.encode()
    for before in range(4):
        data = b"<a>" + b"x" * before + one * (2_300_000 // len(one)) + b"</a>"
        assert encoding.transcode(data) == (data, "utf-8")
    for at in (3, 1_048_574, 1_048_575, 1_048_576, 1_048_577, 2_200_000):
        broken = b"<a>\n" + b"x" * (at - 4) + one[:-1] + b"x" * 50 + b"</a>"
        with pytest.raises(Unprocessable) as refused:
            encoding.transcode(broken)
        assert (refused.value.code, refused.value.extra["line"]) == ("encoding", 2)
