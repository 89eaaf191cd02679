"""What the hub says beside the official packs: numbers that will not bring the invoice to anybody."""

from __future__ import annotations

import pytest

from libs.contracts.parts import Finding
from libs.rules import engine, messages
from libs.rules.packs import postbode
from libs.testing import builders

NLCIUS = b"compliant#urn:fdc:nen.nl:nlcius:v1.0"
EUROPEAN = b"urn:cen.eu:en16931:2017"
NAMELESS = (b' schemeID="0106">58070036', b">58070036")


def own(data: bytes) -> list[Finding]:
    return list(engine.own(engine.validate(data)))


def european(data: bytes) -> bytes:
    return data.replace(EUROPEAN + b"#" + NLCIUS, EUROPEAN)


@pytest.mark.proves("R34")
@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("5807003", "KVK"),
        ("580700366", "KVK"),
        ("onbekend", "KVK"),
        ("58O70036", "KVK"),
        ("000027449173", "BRANCH"),
        ("vestigingsnr. 000027449173", "BRANCH"),
        ("00000003580700360000", "OIN"),
        ("58070037", "TYPO"),
    ],
)
def test_a_wrong_number_is_a_warning_that_says_what_it_is(number: str, rule: str) -> None:
    for role, terms in (("BUYER", ("BT-47",)), ("SELLER", ("BT-30",))):
        data = builders.invoice(**{f"{role.lower()}_kvk": number})  # type: ignore[arg-type]
        (finding,) = own(data)
        assert (finding.rule, finding.severity) == (f"POSTBODE-{rule}-{role}", "warning")
        assert finding.terms == terms
        assert finding.seen == number
        assert finding.line is not None
        assert number.encode() in data.splitlines()[finding.line - 1]
        assert number in finding.message.nl
        assert number in finding.message.en


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"buyer_kvk": "KvK 58070036"},
        {"buyer_kvk": "33031431"},
        {"buyer_oin": "00000003580700360000"},
        {"buyer_country": "BE", "buyer_kvk": None, "buyer_vat": "BE0403170701"},
        {"buyer_country": "BE", "buyer_kvk": None, "adres2": "58070036"},
    ],
)
def test_right_numbers_are_passed_in_silence(terms: dict[str, object]) -> None:
    assert own(builders.invoice(**terms)) == []  # type: ignore[arg-type]


def test_an_electronic_address_that_claims_to_be_a_kvk_number_must_be_one() -> None:
    (finding,) = own(builders.invoice(buyer_endpoint=("0106", "5807003")))
    assert finding.rule == "POSTBODE-KVK-BUYER"
    assert finding.xpath.endswith("/cbc:EndpointID")
    assert own(builders.invoice(buyer_endpoint=("0088", "5807003"))) == []


@pytest.mark.parametrize(
    ("endpoint", "rule"),
    [
        (("0190", "0000000358070036"), "OIN-LENGTH"),
        (("0190", "10000003580700360000"), "OIN-LENGTH"),
        (("0190", "0000 0003 5807 0036 0000"), None),
        (("0217", "27449173"), "BRANCH-LENGTH"),
        (("0217", "000027449173"), None),
    ],
)
def test_an_oin_has_twenty_digits_and_a_branch_number_twelve(endpoint: tuple[str, str], rule: str) -> None:
    found = own(builders.invoice(buyer_endpoint=endpoint))
    assert [each.rule for each in found] == ([f"POSTBODE-{rule}-BUYER"] if rule else [])
    assert [each.seen for each in found] == ([endpoint[1]] if rule else [])


def test_a_number_without_scheme_is_told_once() -> None:
    data = builders.invoice().replace(*NAMELESS)
    assert [f.rule for f in engine.validate(data).findings] == ["BR-NL-10"]
    assert own(data) == [], "the pack has said it"
    (finding,) = own(european(data))
    assert finding.rule == "POSTBODE-SCHEME-BUYER"
    assert own(european(data).replace(b">58070036<", b">5807003<"))[0].rule == "POSTBODE-KVK-BUYER"


@pytest.mark.proves("R35")
def test_a_buyer_whom_nothing_can_find_is_told_and_only_once() -> None:
    nobody = builders.invoice(buyer_kvk=None)
    (finding,) = own(european(nobody))
    assert (finding.rule, finding.seen) == (postbode.RECEIVER, None)
    assert own(nobody) == [], "BR-NL-10 has said it"
    assert [f.rule for f in own(european(builders.invoice(buyer_kvk="5807003")))] == ["POSTBODE-KVK-BUYER"]


@pytest.mark.proves("R36")
def test_address_text_in_adres_2_is_quoted_with_its_line() -> None:
    data = builders.invoice(buyer_kvk=None, adres2="2e verdieping")
    (finding,) = own(data)
    assert (finding.rule, finding.seen) == (postbode.RECEIVER, "2e verdieping")
    assert finding.line is not None
    assert b"2e verdieping" in data.splitlines()[finding.line - 1]
    assert "Adres 2" in finding.message.nl
    assert finding.hint is not None
    assert "NIEUWE orders" in finding.hint.nl


@pytest.mark.parametrize("lines", [1, 500])
def test_the_line_is_right_whichever_way_the_document_was_read(lines: int) -> None:
    data = builders.invoice(lines=lines, buyer_kvk="5807003")
    (finding,) = own(data)
    assert finding.line is not None
    assert b"5807003" in data.splitlines()[finding.line - 1]


def test_every_rule_of_ours_has_words_of_its_own() -> None:
    for rule in postbode.PACK.all():
        said = messages.written()[rule.id]
        assert said.nl != said.en


def test_a_crowd_of_wrong_numbers_is_bounded() -> None:
    number = b'<cac:PartyIdentification><cbc:ID schemeID="0106">x</cbc:ID></cac:PartyIdentification>\n'
    head, mark, tail = builders.invoice().rpartition(b"<cac:PartyLegalEntity>")
    assert len(own(head + number * 5_000 + mark + tail)) <= engine.MOST_OF_ONE_RULE


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({"iban": "NL92ABNA0417164300"}, "POSTBODE-IBAN"),
        ({"buyer_vat": "NL002455799B12"}, "POSTBODE-VATNR-BUYER"),
        ({"seller_vat": "NL123456789B14"}, "POSTBODE-VATNR-SELLER"),
    ],
)
def test_a_number_with_wrong_check_digits_is_a_warning(terms: dict[str, str], rule: str) -> None:
    data = builders.invoice(**terms)  # type: ignore[arg-type]
    (finding,) = own(data)
    assert (finding.rule, finding.severity, finding.seen) == (rule, "warning", *terms.values())
    assert engine.validate(data).findings == ()


@pytest.mark.parametrize("account", ["123456789", "NL91 ABNA 0417 1643 00", "BE68539007547034"])
def test_what_is_no_iban_or_a_right_one_is_passed_in_silence(account: str) -> None:
    assert own(builders.invoice(iban=account)) == []
