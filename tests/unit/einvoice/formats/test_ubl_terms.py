"""UBL → model → UBL keeps every business term, on generated models."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.einvoice import terms, xml
from libs.einvoice.formats import ubl
from libs.testing import models


@pytest.mark.proves("R3")
@settings(max_examples=80)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.5, 0.95]))
def test_every_term_survives(seed: int, density: float) -> None:
    invoice = models.invoice(seed, density=density)
    data = ubl.write(invoice)
    again = ubl.read(xml.parse(data))
    assert list(terms.walk(again.invoice)) == list(terms.walk(invoice))
    assert again.invoice == invoice
    assert not again.unread
    assert ubl.write(again.invoice) == data, "the same invoice, the same bytes"
