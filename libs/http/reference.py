"""The page at ``/docs``: the app's OpenAPI document, to read. Pure.

A page of our own, because the usual viewer loads its scripts from somebody else's server into the origin on
which people sign in. This one has no script, and its policy allows nothing but its own style.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

_HERE = Path(__file__).parent
_METHODS = ("get", "put", "post", "patch", "delete", "head", "options")
_BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matches {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "default": "else {}",
}
_REF = "#/components/schemas/"


def page(document: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The page of an OpenAPI 3.1 document, and the headers it is sent with."""
    style = (_HERE / "reference.css").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(prose=_prose, kind=kind, bounds=bounds)
    html = environment.get_template("reference.html").render(
        info=document["info"],
        groups=_groups(document),
        schemas=document.get("components", {}).get("schemas", {}),
        style=Markup(style),  # noqa: S704 - ours; a file beside this one
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return html, {"Content-Security-Policy": policy}


def _groups(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Operations by the first two steps of their path, in the order of the document."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in document["paths"].items():
        group = "/".join(path.split("/")[:3])
        for method in _METHODS:
            if method in item:
                operation = {
                    "parameters": [],
                    "security": [],
                    "requestBody": {},
                    "description": "",
                    **item[method],
                }
                operation |= {"method": method.upper(), "path": path, "id": _id(method, path)}
                groups.setdefault(group, []).append(operation)
    return dict(sorted(groups.items()))


def _id(method: str, path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{method} {path}".lower()).strip("-")


def kind(schema: Mapping[str, Any]) -> Markup:
    """The type of a schema in a few words; named schemas are links to where they are told."""
    return Markup(" or ").join(dict.fromkeys(_kinds(schema))) or Markup("anything")


def _kinds(schema: Mapping[str, Any]) -> Iterator[Markup]:
    for several in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(several, ()):
            yield from _kinds(each)
    named = schema.get("$ref", "")
    if named.startswith(_REF):
        name = named.removeprefix(_REF)
        yield Markup('<a href="#schema-{0}">{0}</a>').format(name)
    elif "const" in schema:
        yield Markup("<code>{}</code>").format(schema["const"])
    elif "enum" in schema:
        yield from (Markup("<code>{}</code>").format(value) for value in schema["enum"])
    elif schema.get("type") == "array":
        yield Markup("list of {}").format(kind(schema.get("items", {})))
    elif "additionalProperties" in schema and isinstance(schema["additionalProperties"], Mapping):
        yield Markup("object of {}").format(kind(schema["additionalProperties"]))
    elif "type" in schema:
        yield escape(schema.get("format") or schema["type"])


def bounds(schema: Mapping[str, Any]) -> str:
    """What else must hold of a value, in words."""
    inner = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    known = {**(inner[0] if len(inner) == 1 else {}), **schema}
    return ", ".join(
        words.format(known[name]) for name, words in _BOUNDS.items() if known.get(name) is not None
    )


def _prose(text: str) -> Markup:
    """Paragraphs, with `code` as the docstrings write it."""
    paragraphs = (
        Markup("").join(
            Markup("<code>{}</code>").format(part) if at % 2 else escape(part)
            for at, part in enumerate(re.split(r"`+", paragraph))
        )
        for paragraph in re.split(r"\n\s*\n", text.strip())
        if paragraph
    )
    return Markup("").join(Markup("<p>{}</p>").format(paragraph) for paragraph in paragraphs)
