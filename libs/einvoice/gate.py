"""The byte gate: what every document passes before anybody builds a tree of it.

::

    bytes ─▶ size ─▶ magic ─▶ encoding ─▶ did this markup pass before (``passed``)? ──────────── yes ─▶ Gate
                                            └ no: can the bytes vouch for depth and attributes?
                                              ├ yes ─▶ expat alone: well-formed, no DOCTYPE ──────▶ Gate
                                              └ no ──▶ expat, and every element counted in Python ─▶ Gate

A lawful invoice is far below every limit, and that can be seen from the order of its ``<`` and ``</`` alone, so
expat runs without a Python call per element. Documents with comments, CDATA, empty-element tags or anything
odd are counted. Sources: DESIGN §7 and ``field.md`` §C.3, rows 1, 4-9 and 11-13.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from xml.parsers import expat

from libs.einvoice import passed
from libs.einvoice.encoding import LARGEST, transcode
from libs.einvoice.passed import Root
from libs.einvoice.refusals import refuse


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest document the hub takes. Bytes, unless said otherwise."""

    size: int = LARGEST
    depth: int = 64
    elements: int = 250_000
    attributes: int = 64  # on one element
    names: int = 2_000  # different ones, of elements and attributes; UBL 2.1 has 1,652, an invoice some 150 (see within)
    namespaces: int = 32  # declared on one element
    namespace: int = 200  # characters; every element would carry it in its name
    asides: int = 10_000  # comments, processing instructions and CDATA sections together
    text: int = 8 * 1024 * 1024  # one run of text or one attribute value; libxml2 itself stops at 10 MB


DEFAULT = Limits()

_PIECE = 1024 * 1024
_UNMARKED = bytes(sorted(set(range(256)) - set(b"<>/!?=")))
_XINCLUDE = "http://www.w3.org/2001/XInclude"


@dataclass(frozen=True, slots=True)
class Gate:
    """A document that may be parsed.

    ``data`` is strict UTF-8 without a byte order mark and is what the next stage reads; ``encoding`` is
    what the document came in (``utf-8``, ``utf-16``). ``namespace`` (empty when there is none), ``root`` and
    ``line`` say what the root element is and where it stands.
    """

    data: bytes
    encoding: str
    namespace: str
    root: str
    line: int


def check(data: bytes, limits: Limits = DEFAULT) -> Gate:
    """Let ``data`` through or refuse it.

    Raises ``TooLarge`` (code ``too-large``) or ``Unprocessable`` with code ``empty``, ``gzip``, ``zip``,
    ``pdf``, ``ole``, ``encoding``, ``not-xml``, ``doctype``, ``xinclude``, ``too-deep``,
    ``too-many-elements``, ``too-many-attributes``, ``too-many-names``, ``too-many-namespaces``,
    ``namespace-too-long``, ``too-many-asides`` or ``text-too-long``. ``extra`` holds ``line`` (from 1) and
    ``words`` (``{"nl", "en"}``).
    """
    clean, encoding = transcode(data, limits.size)
    key = passed.markup(clean) if limits == DEFAULT else None
    root = passed.seen(key)
    if root is None:
        root = _walk(clean, limits, counted=not within(clean, limits))
        passed.remember(key, root)
    return Gate(clean, encoding, root.namespace, root.name, root.line)


def bounded(data: bytes, limits: Limits = DEFAULT) -> bytes:
    """``Gate.data`` for whoever parses it at once: like ``check``, but that parser must see to well-formedness.

    Raises what ``check`` raises, save ``not-xml`` where the bytes alone vouch for everything else.
    """
    return bound(transcode(data, limits.size)[0], limits)


def bound(clean: bytes, limits: Limits = DEFAULT, *, names: bool = False) -> bytes:
    """``bounded`` for what is ``transcode``d; with ``names`` theirs are counted too, whatever else is vouched for."""
    if within(clean, limits) and not (names and _many_names(clean, limits.names)):
        return clean
    _walk(clean, limits, counted=True)
    return clean


def ordinary(clean: bytes, limits: Limits = DEFAULT) -> bool:
    """Whether ``clean`` cannot have too many elements or too long a text, whatever stands in it.

    So nobody need look closer if all its markup is known from documents that passed (``shelf``, ``fold``).
    """
    # The shortest element has four bytes, and every one has a slash.
    return len(clean) <= limits.text and (
        len(clean) <= 4 * limits.elements or clean.count(b"/") <= limits.elements
    )


def within(data: bytes, limits: Limits) -> bool:
    """Whether the bytes alone prove that a well-formed document has no DOCTYPE and is within the limits.

    ``False`` proves nothing. Where ``<!`` and a second ``<?`` are absent, every ``<`` begins a tag, because it is
    forbidden in attribute values. Taking away all innermost pairs of start and end tag as often as the depth
    allows must then leave nothing (an empty-element tag looks like one end tag too many here, so it never does).
    The limit on attributes, and the lower one on namespaces, hold when no tag is followed by that many equals
    signs before the next. What namespaces are is plain when each ``xmlns`` is followed by a short value
    without references.
    """
    if len(data) > limits.text or b"XInclude" in data:
        return False
    if data.count(b"xmlns") != len(_declared(limits.namespace).findall(data)):
        return False
    marks = data.translate(None, _UNMARKED)
    if b"<!" in marks or marks.find(b"<?", 2) != -1:
        return False
    if _crowded(min(limits.attributes, limits.namespaces)).search(marks):
        return False
    tags = marks.replace(b"</", b")").translate(None, b">/!?=")
    if data.startswith(b"<?"):
        tags = tags[1:]
    if len(tags) > 2 * limits.elements:
        return False
    for _ in range(limits.depth):
        if not tags:
            break
        tags = tags.replace(b"<)", b"")
    return not tags


_END = re.compile(rb"</[^>\s]+")


def _many_names(data: bytes, most: int) -> bool:
    """Whether there may be more names of elements than that, where each has an end tag."""
    return data.count(b"</") > most and len(set(_END.findall(data))) > most


@lru_cache(maxsize=4)
def _declared(longest: int) -> re.Pattern[bytes]:
    """A namespace in at most ``longest`` bytes that stand for themselves."""
    value = rb"""(?:"[^"&<]{0,%d}"|'[^'&<]{0,%d}')""" % (longest, longest)
    return re.compile(rb"""xmlns(?::[^ \t\r\n=<>"'&/]{1,60})?[ \t\r\n]*+=[ \t\r\n]*+""" + value)


@lru_cache(maxsize=4)
def _crowded(most: int) -> re.Pattern[bytes]:
    """More than ``most`` equals signs with no tag beginning between them."""
    return re.compile(rb"=[^=<]*" * 2 + rb"(?:=[^=<]*){%d}" % (most - 1))


def _walk(data: bytes, limits: Limits, *, counted: bool) -> Root:
    """Run expat over clean bytes; ``counted`` asks it to report every element."""
    asides = data.count(b"<!") + data.count(b"<?")
    if asides > limits.asides:
        raise refuse("too-many-asides", 1, limit=limits.asides)
    if counted and len(data) > _PIECE:
        _tags(data, limits)
    parser = expat.ParserCreate("utf-8", " ")
    parser.ordered_attributes = True
    found: list[tuple[str, int]] = []
    namespaces = [-1, 0]  # byte position of the element that declares, how many so far

    def doctype(*_: object) -> None:
        raise refuse("doctype", parser.CurrentLineNumber)

    def namespace(_: str | None, uri: str | None) -> None:
        if uri == _XINCLUDE:
            raise refuse("xinclude", parser.CurrentLineNumber)
        if uri is not None and len(uri) > limits.namespace:
            raise refuse("namespace-too-long", parser.CurrentLineNumber, limit=limits.namespace)
        at = parser.CurrentByteIndex
        if namespaces[0] != at:
            namespaces[:] = [at, 0]
        namespaces[1] += 1
        if namespaces[1] > limits.namespaces:
            raise refuse("too-many-namespaces", parser.CurrentLineNumber, limit=limits.namespaces)

    def first(name: str, _: list[str]) -> None:
        found.append((name, parser.CurrentLineNumber))
        parser.StartElementHandler = None

    parser.StartDoctypeDeclHandler = doctype
    parser.StartNamespaceDeclHandler = namespace
    if counted:
        _count(parser, limits, found)
    else:
        parser.StartElementHandler = first
    try:
        # By the piece, because expat lets no other thread go on before it returns.
        for at in range(0, len(data), _PIECE):
            parser.Parse(data[at : at + _PIECE], at + _PIECE >= len(data))
    except expat.ExpatError as error:
        said = expat.errors.messages.get(error.code, str(error.code))
        raise refuse("not-xml", error.lineno, seen=said) from None
    finally:
        # They hold the parser and it holds them: 26 kB that would stay until the collector comes by.
        parser.StartDoctypeDeclHandler = parser.StartNamespaceDeclHandler = None
        parser.StartElementHandler = parser.EndElementHandler = None
    if len(data) > limits.text:
        _text_runs(data, limits.text)
    name, line = found[0]
    uri, _, local = name.rpartition(" ")
    return Root(uri, local, line)


def _count(parser: expat.XMLParserType, limits: Limits, found: list[tuple[str, int]]) -> None:
    """Hang counters on ``parser``: one Python call per tag, for documents the bytes cannot vouch for."""
    depth = elements = 0
    deepest, most, crowd = limits.depth, limits.elements, 2 * limits.attributes
    names: set[str] = set()

    def start(name: str, attributes: list[str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if elements == 1:
            found.append((name, parser.CurrentLineNumber))
        if depth > deepest:
            raise refuse("too-deep", parser.CurrentLineNumber, limit=deepest)
        if elements > most:
            raise refuse("too-many-elements", parser.CurrentLineNumber, limit=most)
        if len(attributes) > crowd:
            raise refuse("too-many-attributes", parser.CurrentLineNumber, limit=limits.attributes)
        names.add(name)
        if attributes:
            names.update(attributes[::2])
        if len(names) > limits.names:
            raise refuse("too-many-names", parser.CurrentLineNumber, limit=limits.names)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler = start
    parser.EndElementHandler = end


@lru_cache(maxsize=4)
def _overfull(most: int) -> re.Pattern[bytes]:
    """A tag with more than ``most`` attributes, as the first group; and what may hold the like and is no tag."""
    asides = rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    attribute = rb"""[ \t\r\n]++[^ \t\r\n=<>"'/]++[ \t\r\n]*+=[ \t\r\n]*+(?:"[^"<]*+"|'[^'<]*+')"""
    return re.compile(asides + rb"""|(<[^ \t\r\n=<>"'/!?]++(?:%b){%d})""" % (attribute, most + 1), re.DOTALL)


def _tags(data: bytes, limits: Limits) -> None:
    """Refuse a tag with more attributes than any may have, namespaces and all: expat reads it whole before it tells, and
    700,000 take it more than a second."""
    for found in _overfull(limits.attributes + limits.namespaces).finditer(data):
        if found[1]:
            line = data.count(b"\n", 0, found.start()) + 1
            raise refuse("too-many-attributes", line, limit=limits.attributes)


def _text_runs(data: bytes, longest: int) -> None:
    """Refuse a run of bytes without a tag that is longer than ``longest``."""
    at = 0
    while at < len(data):
        following = data.find(b"<", at + 1)
        if following == -1:
            following = len(data)
        if following - at > longest:
            raise refuse("text-too-long", data.count(b"\n", 0, at) + 1, limit=longest)
        at = following
