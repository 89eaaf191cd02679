"""Stand-ins for the elements of a document that was not parsed (``mould``): what rules ask of an element, and no more.

They have lxml's names. Whoever asks for anything else gets an ``UnknownError``, and the document is parsed after all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn


class UnknownError(Exception):
    """A stand-in was asked for what it does not know."""


class UnreadError(Exception):
    """A text was asked for where there is none yet."""


class Spot:
    """Where an element stands: tag, prefix, attributes and parent, under the names lxml has for them."""

    __slots__ = ("_attributes", "_parent", "prefix", "tag")

    def __init__(
        self, tag: str, attributes: Mapping[str, str], parent: Spot | None, prefix: str | None = None
    ) -> None:
        self.tag = tag
        self.prefix = prefix
        self._attributes = attributes
        self._parent = parent

    def get(self, name: str) -> str | None:
        return self._attributes.get(name)

    def getparent(self) -> Spot | None:
        return self._parent

    def __getattr__(self, name: str) -> NoReturn:
        raise UnknownError(name)


class Leaf:
    """An element without children, and its text in one document."""

    __slots__ = ("_spot", "text")

    def __init__(self, text: str | None, spot: Spot) -> None:
        self.text = text
        self._spot = spot

    @property
    def tag(self) -> str:
        return self._spot.tag

    def get(self, name: str) -> str | None:
        return self._spot.get(name)

    def getparent(self) -> Spot | None:
        return self._spot.getparent()

    def __len__(self) -> int:
        return 0

    def __getattr__(self, name: str) -> NoReturn:
        raise UnknownError(name)


class UnreadLeaf:
    """A leaf whose text nobody has seen. It is known that there is one, and of an amount (``cents``) that it has two
    decimals at most: no other document is cast."""

    __slots__ = ("_spot", "cents")

    get, getparent, __len__, tag = Leaf.get, Leaf.getparent, Leaf.__len__, Leaf.tag

    def __init__(self, spot: Spot, *, cents: bool) -> None:
        self._spot = spot
        self.cents = cents

    @property
    def text(self) -> NoReturn:
        raise UnreadError

    def __getattr__(self, name: str) -> NoReturn:
        raise UnknownError(name)


class UnreadAmounts(Sequence[Sequence[str]]):
    """The amounts of lines left out, which nobody has seen."""

    def __len__(self) -> NoReturn:
        raise UnreadError

    def __getitem__(self, _: Any) -> NoReturn:
        raise UnreadError
