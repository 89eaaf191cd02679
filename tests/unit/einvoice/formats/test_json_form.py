"""Our JSON holds every term, and the schema that is published says what it holds."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.einvoice.formats import json_form
from libs.einvoice.model import Invoice
from libs.testing import models

PUBLISHED = Path(__file__).parents[4] / "docs" / "formats" / "invoice.schema.json"


@pytest.mark.proves("R3")
@settings(max_examples=50)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.5, 0.95]))
def test_every_term_survives_and_fits_the_schema(seed: int, density: float) -> None:
    invoice = models.invoice(seed, density=density)
    data = json_form.write(invoice).data
    again = json_form.read(data)
    assert again.invoice == invoice
    assert not again.findings
    assert not again.unread
    jsonschema_rs.validate(json_form.schema(), orjson.loads(data))


def test_the_published_schema_is_that_of_the_model() -> None:
    assert orjson.loads(PUBLISHED.read_bytes()) == json_form.schema(), "write it anew: make contracts"


@pytest.mark.parametrize(
    ("data", "rule", "path"),
    [
        (b"{", "READ-JSON", ""),
        (b"[]", "READ-JSON", ""),
        (b"{}", "READ-JSON", "/postbode_invoice"),
        (b'{"postbode_invoice": "2", "number": "1"}', "READ-JSON", "/postbode_invoice"),
        (b'{"postbode_invoice": "1"}', "READ-JSON", "/"),
        (b'{"issue_date": "morgen"}', "READ-DATE", "/issue_date"),
        (b'{"lines": [{"quantity": "1e9"}]}', "READ-NUMBER", "/lines[1]/quantity"),
        (b'{"lines": [{"quantity": 1}]}', "READ-JSON", "/lines[1]/quantity"),
        (b'{"lines": {}}', "READ-JSON", "/lines"),
        (b'{"seller": []}', "READ-JSON", "/seller"),
        (b'{"buyer": {"identifiers": [{"scheme": "0106"}]}}', "READ-JSON", "/buyer/identifiers[1]"),
        (b'{"number": "F1", "number": "F2"}', "READ-TWICE", ""),
        (b'{"lines": [{"item": {"name": "a", "name": "a"}}]}', "READ-TWICE", ""),
        (b'{"number": "F\\u00001"}', "READ-TEXT", "/number"),
        (b'{"seller": {"name": "\\ufffe"}}', "READ-TEXT", "/seller/name"),
        (
            b'{"supporting_documents": [{"attached": {"content": "*"}}]}',
            "READ-ATTACHMENT",
            "/supporting_documents[1]/attached/content",
        ),
    ],
)
def test_what_does_not_fit_is_a_finding_with_its_path(data: bytes, rule: str, path: str) -> None:
    first = json_form.read(data).findings[0]
    assert (first.rule, first.xpath) == (rule, path)


def test_what_has_no_term_is_told() -> None:
    done = json_form.read(b'{"postbode_invoice": "1", "number": "1", "colour": "red"}')
    assert done.unread == ("/colour",)
    assert done.invoice == Invoice(number="1")
