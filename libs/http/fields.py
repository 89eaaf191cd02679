"""What is wrong with a field of a request, in Dutch and English. Pure.

Pydantic says it in English only; its kinds of errors are stable, so each that a request can meet has words here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libs.text import EMAIL, NAMED, PLAIN

_OTHER = (
    "heeft niet de vorm die de beschrijving in /openapi.json geeft",
    "is not in the form /openapi.json describes",
)
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("ontbreekt: vul het in", "is missing: fill it in"),
    "extra_forbidden": ("bestaat hier niet: laat het weg", "does not exist here: leave it out"),
    "string_too_short": (
        "moet minstens {min_length} tekens hebben",
        "must have at least {min_length} characters",
    ),
    "string_too_long": (
        "mag hoogstens {max_length} tekens hebben",
        "may have at most {max_length} characters",
    ),
    "too_short": ("moet er minstens {min_length} hebben", "must have at least {min_length}"),
    "too_long": ("mag er hoogstens {max_length} hebben", "may have at most {max_length}"),
    "string_pattern_mismatch": ("moet voldoen aan het patroon {pattern}", "must match the pattern {pattern}"),
    "string_type": ("moet tekst zijn", "must be text"),
    "int_parsing": ("moet een geheel getal zijn", "must be a whole number"),
    "int_type": ("moet een geheel getal zijn", "must be a whole number"),
    "int_from_float": ("moet een geheel getal zijn", "must be a whole number"),
    "bool_parsing": ("moet true of false zijn", "must be true or false"),
    "bool_type": ("moet true of false zijn", "must be true or false"),
    "list_type": ("moet een lijst zijn", "must be a list"),
    "dict_type": ("moet een object zijn", "must be an object"),
    "model_attributes_type": ("moet een object zijn", "must be an object"),
    "uuid_parsing": ("moet een UUID zijn, zoals de hub die gaf", "must be a UUID, as the hub gave it"),
    "uuid_type": ("moet een UUID zijn, zoals de hub die gaf", "must be a UUID, as the hub gave it"),
    "literal_error": ("moet een van deze zijn: {expected}", "must be one of these: {expected}"),
    "enum": ("moet een van deze zijn: {expected}", "must be one of these: {expected}"),
    "union_tag_invalid": ("moet een van deze zijn: {expected_tags}", "must be one of these: {expected_tags}"),
    "union_tag_not_found": ("mist het veld {discriminator}", "lacks the field {discriminator}"),
    "greater_than_equal": ("moet minstens {ge} zijn", "must be at least {ge}"),
    "less_than_equal": ("mag hoogstens {le} zijn", "may be at most {le}"),
    "value_error": (
        "is niet te gebruiken, bijvoorbeeld om een stuurteken of een regeleinde: laat dat weg",
        "{error}",
    ),
}
_PATTERNS: Mapping[str, tuple[str, str]] = {
    PLAIN: (
        "moet één regel zijn, zonder stuurtekens: laat die weg",
        "must be one line without control characters: leave them out",
    ),
    NAMED: (
        "moet één regel zijn die iets zegt, zonder stuurtekens: blanco is geen naam, vul de naam in",
        "must be one line that says something, without control characters: blanks are no name, fill the name in",
    ),
    EMAIL: (
        "moet een e-mailadres zijn, zoals jan@bedrijf.nl",
        "must be an e-mail address, such as jan@company.nl",
    ),
}
"""What a pattern means, where it is not to be read by people."""


def words(error: Mapping[str, Any]) -> dict[str, str]:
    """``error`` as pydantic lists it, with ``type`` and ``ctx``; what the caller sent is never repeated."""
    context = error.get("ctx") or {}
    dutch, english = _PATTERNS.get(str(context.get("pattern"))) or _WORDS.get(str(error["type"]), _OTHER)
    translated = {name: str(value).replace(" or ", " of ") for name, value in context.items()}
    try:
        return {"nl": dutch.format(**translated), "en": english.format(**context)}
    except KeyError:
        return dict(zip(("nl", "en"), _OTHER, strict=True))
