"""``docs/rules``: a page for every rule, made from the tables, the messages and the examples. ``make rules``.

Each page says what a rule is about, its words in Dutch and English, where to mend it, and shows what it finds wrong in
an invoice and how that looks when it is mended: only the lines that differ, both ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lxml import etree

from libs.einvoice import schema
from libs.rules import engine, messages
from libs.rules.packs import postbode
from libs.rules.rule import Finish, Pack, Rule, never
from libs.testing import commonest, examples
from libs.testing.examples import Example

FOLDER = Path(__file__).parents[2] / "docs" / "rules"
_PACKS = (*engine.PACKS.values(), postbode.PACK)
"""Our own warnings last: they stand beside whichever pack a document chooses."""
_OLDER = tuple(pack for every in engine.releases().values() for pack in every[1:])
_APART = tuple(Rule(name, "fatal", (), never) for name in (engine.UNPARSED, schema.RULE))
"""Asked before any rule: whether it is XML, and laid out as UBL."""
_SHOWN = 14
"""Lines of an example."""


def _examples() -> dict[str, Example]:
    """By rule; of one that several packs have, that of the newest."""
    return {example.rule: example for pack in examples.PACKS for example in examples.of(pack)}


def rules() -> Mapping[str, tuple[Rule | Finish, list[Pack]]]:
    """Every rule that is fatal or has words of its own, with the packs it is in; the rest is one page together."""
    found: dict[str, tuple[Rule | Finish, list[Pack]]] = {
        rule.id: (rule, [*engine.PACKS.values()]) for rule in _APART
    }
    for pack in _PACKS:
        for rule in pack.all():
            if rule.severity == "fatal" or rule.id in messages.written():
                found.setdefault(rule.id, (rule, []))[1].append(pack)
    for pack in _OLDER:
        for rule in pack.rules:
            if rule.severity == "fatal" and rule.id not in found:
                found[rule.id] = (rule, [pack])
    return found


def _named(pack: Pack) -> str:
    return f"{pack.name} {pack.release}" if pack in _OLDER else pack.name


def _lines(data: bytes) -> list[str]:
    root = etree.fromstring(data, etree.XMLParser(remove_blank_text=True))
    etree.indent(root)
    return etree.tostring(root, encoding="unicode").splitlines()


def _shown(wrong: bytes, right: bytes) -> tuple[str, str]:
    """What the two do not have in common, each with the lines around it."""
    bad, good = _lines(wrong), _lines(right)
    parts: tuple[list[str], list[str]] = ([], [])
    for tag, a, b, c, d in difflib.SequenceMatcher(None, bad, good, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for lines, begin, end, part in ((bad, a, b, parts[0]), (good, c, d, parts[1])):
            if part:
                part.append("…")
            part += lines[max(0, begin - 1) : end + 1]
    return _cut(parts[0]), _cut(parts[1])


def _cut(lines: list[str]) -> str:
    least = min((len(line) - len(line.lstrip()) for line in lines if line != "…"), default=0)
    shown = [line[least:] if line != "…" else line for line in lines[:_SHOWN]]
    return "\n".join([*shown, "…"] if len(lines) > _SHOWN else shown)


def page(rule: Rule | Finish, packs: list[Pack], example: Example | None) -> str:
    """Markdown of one rule."""
    said = messages.of(rule.id)
    terms = ", ".join(rule.terms) or "–"
    out = [
        f"# {rule.id}",
        "",
        f"| severity | business terms | packs |\n| --- | --- | --- |\n| {rule.severity} | {terms} | "
        f"{', '.join(map(_named, packs))} |",
        "",
        "## Nederlands",
        "",
        said.message.nl,
        "",
        f"**Herstellen:** {said.hint.nl}",
        "",
        "## English",
        "",
        said.message.en,
        "",
        f"**Mend it:** {said.hint.en}",
        "",
    ]
    if example is not None:
        wrong, right = _shown(example.failing(), example.passing())
        out += [
            "## Fout / wrong",
            "",
            "```xml",
            wrong,
            "```",
            "",
            "## Goed / right",
            "",
            "```xml",
            right,
            "```",
            "",
        ]
    return "\n".join(out)


MET = (
    "BR-NL-10", "BR-NL-1", "BR-NL-2", "BR-NL-3", "BR-NL-4", "BR-NL-11", "BR-NL-12", "BR-NL-9", "BR-CO-09", "BR-07", "BR-11",
    "BR-CL-14", "BR-61", "PEPPOL-EN16931-R003", "PEPPOL-EN16931-R010", "PEPPOL-EN16931-R020",
    "PEPPOL-COMMON-R054", "PEPPOL-COMMON-R056-2", "NL-R-005",
)  # fmt: skip
"""What Dutch suppliers are expected to meet too, where a field in their package mends it. Chosen, not counted: what others
publish to try software with has mostly a KvK number."""


def mended() -> list[str]:
    """The rules of the walkthrough: those that were counted, then those that were chosen."""
    counted = commonest.commonest()
    return [*counted, *(rule for rule in MET if rule not in counted)]


def walkthrough() -> str:
    """The commonest, each from the message to the mended invoice, in Dutch."""
    shown = _examples()
    out = [
        "# De meest voorkomende fouten, hersteld",
        "",
        "Van melding tot herstelde factuur: eerst de [twintig die het meest geteld zijn](../commonest-findings.md),",
        "dan wat Nederlandse leveranciers verder tegenkomen. Iedere stap staat ook op de bladzijde van de regel.",
        "",
    ]
    for number, name in enumerate(mended(), 1):
        said, example = messages.of(name), shown[name]
        wrong, right = _shown(example.failing(), example.passing())
        out += [
            f"## {number}. [{name}]({name}.md)",
            "",
            f"**De melding:** {said.message.nl}",
            "",
            f"**Wat u doet:** {said.hint.nl}",
            "",
            "**Zo stond het:**",
            "",
            "```xml",
            wrong,
            "```",
            "",
            "**Zo staat het goed:**",
            "",
            "```xml",
            right,
            "```",
            "",
        ]
    return "\n".join(out)


def _listed(head: str, rules: Iterable[Rule | Finish]) -> list[str]:
    rows = [f"| [{r.id}]({r.id}.md) | {r.severity} | {messages.of(r.id).message.en} |" for r in rules]
    return [f"## {head}", "", "| rule | | what is wrong |", "| --- | --- | --- |", *rows, ""]


def pages() -> Iterator[tuple[str, str]]:
    """Names of files with what stands in them, the index last."""
    shown = _examples()
    known = rules()
    for name, (rule, packs) in known.items():
        yield f"{name}.md", page(rule, packs, shown.get(name))
    out = [
        "# Rules",
        "",
        "One page for every rule that is fatal or has words of its own, made by `make rules`. The warnings of EN 16931",
        "that an element has no place (`UBL-CR`, `UBL-DT`) say all the same thing and have none.",
        "[The commonest, mended (Dutch)](herstellen.md).",
        "",
    ]
    out += _listed("whatever the pack: XML, and the layout of UBL 2.1", _APART)
    for pack in (*_PACKS, *_OLDER):
        own = [
            rule
            for rule in pack.all()
            if rule.id in known and rule not in _APART and known[rule.id][1][0] is pack
        ]
        out += _listed(f"{_named(pack)}: {pack.source}", own)
    yield "README.md", "\n".join(out)
    yield "herstellen.md", walkthrough()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    written = dict(pages())
    for old in FOLDER.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
