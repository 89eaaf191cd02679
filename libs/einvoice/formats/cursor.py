"""Reading a syntax of few, fixed paths: each text is asked for by its path, and what nobody asked for is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from libs.einvoice import money
from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import BLANKS, read_date, text_of
from libs.einvoice.tree import Element, line_of


class Cursor:
    """One element and what is asked of it. ``path`` is where it stands, for findings."""

    def __init__(
        self, element: Element, path: str, *, currency: str | None = None, within: Cursor | None = None
    ) -> None:
        self.element = element
        self.path = path
        self.reading: Reading = within.reading if within is not None else Reading({}, currency)
        self._seen: set[Element] = within._seen if within is not None else set()

    def of(self, element: Element, path: str) -> Cursor:
        """The same reading, at an element further down."""
        return Cursor(element, f"{self.path}/{path}", within=self)

    def text(self, path: str) -> str | None:
        """The text at the first element of that path, without the blanks around it."""
        found = self.element.find(path)
        if found is None:
            return None
        self._seen.add(found)
        return text_of(found)

    def attribute(self, path: str, name: str) -> str | None:
        found = self.element.find(path)
        if found is None:
            return None
        self._seen.add(found)
        value = found.get(name)
        return (value.strip(BLANKS) or None) if value is not None else None

    def number(self, path: str, term: str) -> Decimal | None:
        """The number there; a finding where something else stands."""
        found = self.element.find(path)
        if found is None:
            return None
        self._seen.add(found)
        text = text_of(found)
        value = money.read(text)
        if value is None and text is not None:
            self.reading.wrong("READ-NUMBER", found, term=term, seen=text)
        return value

    def day(self, path: str, term: str) -> date | None:
        """The date there; a finding where something else stands."""
        found = self.element.find(path)
        if found is None:
            return None
        self._seen.add(found)
        text = text_of(found)
        value = read_date(text)
        if value is None and text is not None:
            self.reading.wrong("READ-DATE", found, term=term, seen=text)
        return value

    def skip(self, *paths: str) -> None:
        """What stands there says nothing about the invoice, or was said elsewhere."""
        for path in paths:
            for found in self.element.findall(path):
                self._seen.update(found.iter("*"))

    def leave(self, *paths: str) -> None:
        """What stands there by its code alone is unread; its texts ``rest`` tells."""
        for path in paths:
            for found in self.element.findall(path):
                if found.keys():
                    self.reading.unread.append(f"{self.path}/{path}")

    def took(self, term: str, value: str, nl: str, en: str) -> None:
        self.reading.took(term, value, nl, en)

    def require(self, present: Iterable[tuple[str, str, object]]) -> None:
        self.reading.require(self.element, present)

    def rest(self) -> None:
        """Note every text that was not asked for, and every one beside elements."""
        self.reading.stray(self.element)
        for each in self.element.iter("*"):
            if len(each) == 0 and each not in self._seen:
                self.reading.left(each)

    @property
    def line(self) -> int | None:
        return line_of(self.element)
