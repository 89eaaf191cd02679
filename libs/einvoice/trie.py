"""Which of many path patterns an element matches, learnt once per path and then known by its node.

A pattern is written with the usual prefixes: ``/cac:OrderReference/cbc:ID`` stands below the root,
``cac:Country/cbc:IdentificationCode`` anywhere, ``/`` is the root itself. The last step may be an attribute
(``*/@name``: of any element) and may begin with a star (``cbc:*Amount``). ``Line`` is the line of an invoice or
credit note; ``/Line`` is not the one that somebody put into an extension. Six hundred rules of EN 16931 say no more
than that an element at a path should not be there: on an invoice without it they cost nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from libs.einvoice.refusals import refuse

CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
EXT = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"

PREFIXES = {CBC: "cbc:", CAC: "cac:", EXT: "ext:"}

LINES = ("cac:InvoiceLine", "cac:CreditNoteLine")
_LINE = "Line"

# Bounded: hostile documents invent names without end, and with few names they make paths without end.
_MOST = 20_000
MOST_OF_ONE = 5_000
"""Paths that one document may teach; a lawful one has some hundreds."""


def short(tag: str) -> str:
    """A qualified tag with the usual prefix, such as ``cbc:ID``; without any for every other namespace."""
    namespace, _, local = tag.rpartition("}")
    return f"{PREFIXES.get(namespace[1:], '')}{local}"


class Pattern:
    """One pattern without an attribute, asked about single paths."""

    __slots__ = ("_absolute", "_steps")

    def __init__(self, written: str) -> None:
        self._absolute = written.startswith("/")
        self._steps = tuple(step for step in written.split("/") if step)

    def matches(self, path: tuple[str, ...]) -> bool:
        """Whether an element at that path (``Node.path``) is meant."""
        return _matches(path, self._steps, self._absolute)


_NO_KIDS: dict[str, Node] = {}
"""Of all nodes that have none yet: names invented by the ten thousand have no kids."""


class Node:
    """One path. ``marks`` are the patterns its elements match; ``is_group`` says that children are looked at.

    ``name`` is the local name; an element of a foreign namespace keeps its namespace in it, so it is never
    taken for one of UBL.
    """

    __slots__ = ("_attributes", "_trie", "attributed", "is_group", "kids", "marks", "name", "path")

    def __init__(self, trie: Trie, path: tuple[str, ...], name: str, *, is_group: bool, attributed: bool):
        self._trie = trie
        self.path = path
        self.name = name
        self.is_group = is_group
        self.attributed = attributed
        self.kids = _NO_KIDS
        self.marks = trie.matching(path)
        self._attributes: dict[tuple[str | bytes, ...], tuple[int, ...]] | None = None

    def learn(self, tag: str) -> Node:
        """The node of a child with that tag."""
        if self.kids is _NO_KIDS:
            self.kids = {}
        elif tag in self.kids:
            return self.kids[tag]
        namespace, _, local = tag[1:].rpartition("}")
        known = namespace in PREFIXES
        step = PREFIXES[namespace] + local if known else tag
        if step in LINES:
            step = _LINE
        node = Node(
            self._trie,
            (*self.path, step),
            local if known else tag,
            is_group=namespace != CBC,
            attributed=namespace != CAC,
        )
        self._trie.count()
        self.kids[tag] = node
        return node

    def attributes(self, names: tuple[str | bytes, ...]) -> tuple[int, ...]:
        """The patterns that attributes of these names match here."""
        if self._attributes is None:
            self._attributes = {}
        found = self._attributes.get(names)
        if found is None:
            found = self._trie.matching_attributes(self.path, names)
            self._trie.count()
            self._attributes[names] = found
        return found


_NO_CANDIDATES: list[tuple[int, tuple[str, ...], bool]] = []


class Trie:
    """All paths seen so far, for one sequence of patterns; a mark is the place of a pattern in it."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._elements: dict[str, list[tuple[int, tuple[str, ...], bool]]] = defaultdict(list)
        self._named: dict[str, list[tuple[int, tuple[str, ...], bool]]] = defaultdict(list)
        self._size = self._taught = 0
        for mark, pattern in enumerate(patterns):
            absolute = pattern.startswith("/")
            steps = tuple(step for step in pattern.split("/") if step)
            if steps and steps[-1].startswith("@"):
                self._named[steps[-1][1:]].append((mark, steps[:-1], absolute))
            else:
                last = steps[-1] if steps else ""
                self._elements["*" if "*" in last else last].append((mark, steps, absolute))
        self.root = Node(self, (), "", is_group=True, attributed=False)

    def begin(self) -> None:
        """A document comes that may teach ``MOST_OF_ONE`` paths."""
        self._taught = 0

    def count(self) -> None:
        """Something was learnt. What is full forgets all it knew: the next honest invoice teaches it again.

        Raises ``Unprocessable`` (``too-many-names``) where one document teaches more than any invoice could.
        """
        self._size += 1
        self._taught += 1
        if self._size >= _MOST or self._taught > MOST_OF_ONE:
            self._size = 0
            self.root.kids.clear()
        if self._taught > MOST_OF_ONE:
            raise refuse("too-many-names", 1, limit=MOST_OF_ONE)

    def matching(self, path: tuple[str, ...]) -> tuple[int, ...]:
        last = path[-1] if path else ""
        candidates = self._elements.get(last, _NO_CANDIDATES)
        # Nearly every name that a hostile document invents ends here.
        stars = [each for each in self._elements.get("*", ()) if _same(last, each[1][-1])]
        if not candidates and not stars:
            return ()
        found = (*candidates, *stars)
        return tuple(sorted(mark for mark, steps, absolute in found if _matches(path, steps, absolute)))

    def matching_attributes(self, path: tuple[str, ...], names: tuple[str | bytes, ...]) -> tuple[int, ...]:
        found: list[int] = []
        for name in names:
            found += (
                mark
                for mark, steps, absolute in self._named.get(str(name), ())
                if steps == ("*",) or _matches(path, steps, absolute)
            )
        return tuple(sorted(found))


def _matches(path: tuple[str, ...], steps: tuple[str, ...], absolute: bool) -> bool:
    if absolute and len(path) != len(steps):
        return False
    tail = path[len(path) - len(steps) :]
    return len(tail) == len(steps) and all(map(_same, tail, steps))


def _same(name: str, step: str) -> bool:
    prefix, star, rest = step.partition("*")
    return name.startswith(prefix) and name.endswith(rest) if star else name == step
