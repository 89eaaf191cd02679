"""What the benches measure is what they say: a clean invoice of each pack."""

from __future__ import annotations

import pytest

from libs.rules import engine
from tests.bench import validate


@pytest.mark.parametrize("pack", validate.PACKS)
def test_the_invoices_that_are_measured_are_clean(pack: str) -> None:
    assert engine.validate(validate.sample(pack, 3, unlike=False), pack).findings == ()


def test_the_invoice_of_two_packs_breaks_neither() -> None:
    verdict = engine.validate(validate.with_two_packs(3))
    assert (verdict.profile, verdict.findings) == ("nlcius-gaccount", ())
