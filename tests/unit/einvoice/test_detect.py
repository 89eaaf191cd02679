"""Which documents are invoices, and of which profile."""

from __future__ import annotations

import pytest

from libs.einvoice import detect, gate, xml
from libs.errors import Unprocessable
from libs.testing import builders

PEPPOL4A = (
    "urn:www.cenbii.eu:transaction:biitrns010:ver2.0:extended:urn:www.peppol.eu:bis:peppol4a:ver2.0:extended:"
)


@pytest.mark.parametrize(("credit_note", "syntax"), [(False, "ubl-invoice"), (True, "ubl-creditnote")])
def test_the_root_says_the_syntax(credit_note: bool, syntax: str) -> None:
    data = builders.invoice(credit_note=credit_note)
    passed = gate.check(data)
    assert detect.root(data).syntax == syntax
    assert detect.root(passed) == detect.root(data) == detect.root_of(xml.parse(passed.data))


@pytest.mark.parametrize(
    "data",
    [
        b"<Invoice/>",
        b"<!--\n--><html/>",
        b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>',
        b'<CreditNote xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>',
        b"<eExact><Invoices/></eExact>",
    ],
)
def test_another_root_is_named_with_its_line(data: bytes) -> None:
    with pytest.raises(Unprocessable) as caught:
        detect.root(data)
    assert caught.value.code == "not-an-invoice"
    assert caught.value.extra["line"] == data.count(b"\n") + 1
    root = gate.check(data).root
    words = caught.value.extra["words"]
    assert isinstance(words, dict)
    assert f"<{root}>" in words["nl"]
    assert f"<{root}>" in words["en"]


@pytest.mark.proves("R27")
@pytest.mark.parametrize(
    ("customization", "expected"),
    [
        ("urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0", "nlcius-2.0"),
        ("  urn:cen.eu:en16931:2017#compliant#\n urn:fdc:nen.nl:nlcius:v1.0 ", "nlcius-2.0"),
        (
            "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0#conformant#urn:fdc:nen.nl:gaccount:v1.0",
            "nlcius-gaccount",
        ),
        ("urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0", "peppol-bis-3"),
        ("urn:cen.eu:en16931:2017", "en16931"),
        ("urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0", "en16931"),
        (
            "urn:www.cenbii.eu:transaction:biicoretrdm010:ver1.0:#urn:www.peppol.eu:bis:peppol4a:ver1.0"
            "#urn:www.simplerinvoicing.org:si-ubl:invoice:ver1.0.x",
            "si-ubl-1.0",
        ),
        (f"{PEPPOL4A}urn:www.simplerinvoicing.org:si:si-ubl:ver1.1.x", "si-ubl-1.1"),
        (f"{PEPPOL4A}urn:www.simplerinvoicing.org:si:si-ubl:ver1.1.3", "si-ubl-1.1"),
        (f"{PEPPOL4A}urn:www.simplerinvoicing.org:si:si-ubl:ver1.2", "si-ubl-1.2"),
        ("1.0", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_profiles_are_found_by_a_part_of_the_customization(customization: str | None, expected: str) -> None:
    assert detect.profile(customization) == expected


def test_e_fff_is_named_by_its_profile_id() -> None:
    assert detect.profile("1.0", "e-fff") == "e-fff"
