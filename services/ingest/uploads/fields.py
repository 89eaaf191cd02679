"""Extra fields that a sender says beside its invoice (R120): a JSON object in a file of the invoice's name. Pure.

::

    F1.fields.json   {"Notes": "Project 12", "From": "2026-01-01", "To": "2026-03-31"}

The names are those of R121, the values texts as Exact Online takes them. It belongs to the XML of its name, as a PDF does.
"""

from __future__ import annotations

import json
from typing import Any

from libs.contracts.parts import Words
from libs.einvoice import extra_fields
from libs.einvoice.extra_fields import BY_NAME
from libs.errors import Unprocessable
from libs.text import visible
from services.ingest.uploads.words import REASONS

MOST_BYTES = 64_000
_TOLD = 5
"""Wrong fields that are told at once."""
_JSON = json.JSONDecoder(object_pairs_hook=lambda pairs: _once(pairs), parse_int=str, parse_float=str)
"""Numbers stay as they are written."""
_ORDER = Words(
    nl="T/m (To) ligt voor Vanaf (From): “{end}” en “{begin}”.",
    en="To is before From: “{end}” and “{begin}”.",
)


def read(data: bytes) -> dict[str, str] | None:
    """The fields by their names; None when there are none. Raises ``Unprocessable``: ``fields-unreadable``,
    ``unknown-field``, ``unfit-field``."""
    try:
        said = _JSON.decode(data.decode("utf-8-sig")) if len(data) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _refusal("fields-unreadable", REASONS["fields-unreadable"])
    unknown = next((name for name in said if name not in BY_NAME), None)
    if unknown is not None:
        raise _refusal("unknown-field", extra_fields.unknown(unknown))
    found = {
        name: value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""
        for name, value in said.items()
    }
    wrong = [
        extra_fields.unfit(BY_NAME[name], str(said[name]))
        for name, value in found.items()
        if visible(value) != value or BY_NAME[name].read(value) is None
    ]
    begin, end = found.get("From", ""), found.get("To", "")
    if not wrong and begin and end and end < begin:
        wrong.append(
            Words(nl=_ORDER.nl.format(begin=begin, end=end), en=_ORDER.en.format(begin=begin, end=end))
        )
    if wrong:
        told = wrong[:_TOLD]
        words = Words(nl=" ".join(each.nl for each in told), en=" ".join(each.en for each in told))
        raise _refusal("unfit-field", words)
    return found or None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def _refusal(code: str, words: Words) -> Unprocessable:
    return Unprocessable(words.en, nl=words.nl, code=code, words=words.model_dump())


def examples() -> list[Unprocessable]:
    """One of each code that has no words of its own in ``REASONS``, for whoever documents them."""
    return [
        _refusal("unknown-field", extra_fields.unknown("Kleur")),
        _refusal("unfit-field", extra_fields.unfit(BY_NAME["From"], "1 januari")),
    ]
