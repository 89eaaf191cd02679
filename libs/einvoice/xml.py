"""The one hardened way to a tree."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from typing import Any, Final

from lxml import etree

from libs.einvoice.refusals import refuse

_HARDENED: Final[dict[str, Any]] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def parser(schema: etree.XMLSchema | None = None) -> etree.XMLParser:
    """A hardened parser; with a schema it checks while it reads.

    Only for bytes, never for a path: libxml2 opens gzip files silently. The gate made the bytes UTF-8, whatever
    the declaration says. Comments, processing instructions and the blanks between elements never reach the tree:
    nobody asks for them, and indented lines have more of those than of anything else.
    """
    return etree.XMLParser(**_HARDENED, remove_blank_text=True, schema=schema)


def ended(data: bytes, tags: Collection[str]) -> Iterator[Any]:
    """The elements of these names, ``{namespace}name``, each when it ends: for what is too large for a tree.

    What was read stays until the caller clears it (with ``keep_tail``, which the types of lxml do not know).
    ``data`` has passed the gate; raises ``XMLSyntaxError`` as it comes to what is wrong.
    """
    for _, element in etree.iterparse(io.BytesIO(data), events=("end",), tag=list(tags), **_HARDENED):
        yield element


_PARSER = parser()


def parse(data: bytes) -> etree._Element:
    """The root of the tree of ``data``, which has passed the gate (``Gate.data``).

    Raises ``Unprocessable`` (code ``not-xml``, with line) for what expat took and libxml2 does not.
    """
    try:
        return etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError as error:
        raise refuse("not-xml", error.lineno or 1, seen=error.msg or "?") from None
