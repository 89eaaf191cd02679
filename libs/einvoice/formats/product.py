"""Groups of an item that UBL and CII write alike, under other names: classification (BT-158), attributes (BG-32)."""

from __future__ import annotations

from typing import Any

from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import Values, escape, qualified, quote, text_of
from libs.einvoice.model import Attribute, Classification
from libs.einvoice.tree import Element


class Classifications:
    """Element ``name`` with one ``code`` in it, as often as the item has classifications."""

    def __init__(self, name: str, code: str, namespaces: dict[str, str]) -> None:
        self.name, self._code = name, code
        self._tag = qualified(code, namespaces)

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        for child in element:
            text = text_of(child) if child.tag == self._tag else None
            if text is None:
                reading.left(child)
            else:
                found = Classification(text, child.get("listID") or None, child.get("listVersionID") or None)
                values.setdefault("classifications", []).append(found)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for each in source.classifications:
            scheme = f' listID="{quote(each.scheme)}"' if each.scheme is not None else ""
            version = f' listVersionID="{quote(each.version)}"' if each.version is not None else ""
            out.append(
                f"{pad}<{self.name}>\n{pad}  <{self._code}{scheme}{version}>"
                f"{escape(each.code)}</{self._code}>\n{pad}</{self.name}>\n"
            )


class Attributes:
    """Element ``name`` with the attribute's name under ``label`` and its value under ``value``."""

    def __init__(self, name: str, label: str, value: str, namespaces: dict[str, str]) -> None:
        self.name, self._label, self._value = name, label, value
        self._label_tag, self._value_tag = qualified(label, namespaces), qualified(value, namespaces)

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        name = value = None
        for child in element:
            if child.tag == self._label_tag and name is None:
                name = text_of(child)
            elif child.tag == self._value_tag and value is None:
                value = text_of(child)
            else:
                reading.left(child)
        if name is not None or value is not None:
            values.setdefault("attributes", []).append(Attribute(name, value))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for name, value in source.attributes:
            out.append(f"{pad}<{self.name}>\n")
            if name is not None:
                out.append(f"{pad}  <{self._label}>{escape(name)}</{self._label}>\n")
            if value is not None:
                out.append(f"{pad}  <{self._value}>{escape(value)}</{self._value}>\n")
            out.append(f"{pad}</{self.name}>\n")
