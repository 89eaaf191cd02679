"""A report as people read it in a terminal: what is wrong, the line of the document itself, and where to mend it.

Pure: text in, lines out. Whatever comes out of a document is made harmless first: it may hold characters that
move the cursor or turn the writing direction around.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from libs.contracts.parts import Words
from libs.einvoice import encoding
from libs.errors import Refusal
from services.validate.report import Found, Report

Language = Literal["nl", "en"]

SHOWN = 3
"""Findings of one rule that are shown whole; of the others only the lines are told."""
_LISTED = 12
_NARROWEST, _WIDEST = 60, 100

_RED, _YELLOW, _GREEN, _DIM, _BOLD = "31;1", "33", "32", "2", "1"

_WORDS = {
    "valid": ("in orde", "valid"),
    "valid_with_warnings": ("in orde, met waarschuwingen", "valid, with warnings"),
    "invalid": ("ongeldig", "invalid"),
    "fatal": ("FOUT", "ERROR"),
    "warning": ("WAARSCHUWING", "WARNING"),
    "line": ("regel", "line"),
    "mend": ("Herstellen: ", "Mend it: "),
    "rules": ("regels", "rules"),
    "more": ("nog {n} keer, op regel {lines}", "{n} more times, on line {lines}"),
    "once": ("nog een keer, op regel {lines}", "once more, on line {lines}"),
}


@dataclass(frozen=True, slots=True)
class View:
    """How to show it: the language, the width in characters, and whether colours may be used."""

    language: Language
    width: int = 80
    colour: bool = False

    def say(self, key: str) -> str:
        return _WORDS[key][self.language == "en"]

    def words(self, words: Words) -> str:
        return words.en if self.language == "en" else words.nl

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def view(language: Language, columns: int, *, colour: bool) -> View:
    """For a terminal of that many columns; long lines are hard to read, so it has an end."""
    return View(language, max(_NARROWEST, min(columns, _WIDEST)), colour)


def render(said: Report, data: bytes, view: View) -> Iterator[str]:
    """The lines to print for one document, without line ends. ``data`` is the document, to quote from."""
    yield _headline(said, view)
    if not said.findings:
        return
    lines = document_lines(data)
    by_rule: dict[str, list[Found]] = {}
    for finding in sorted(said.findings, key=lambda finding: finding.severity != "fatal"):
        by_rule.setdefault(finding.id, []).append(finding)
    for same in by_rule.values():
        for finding in same[:SHOWN]:
            yield ""
            yield from _finding(finding, lines, view)
        rest = [finding.line for finding in same[SHOWN:]]
        if rest:
            yield from _rest(rest, view)
    yield ""


def document_lines(data: bytes) -> Sequence[str]:
    """The lines as findings count them."""
    try:
        data, _ = encoding.transcode(data)
    except Refusal:
        # What passes no gate is quoted as well as it goes.
        data = data[:1_000_000]
    return data.decode("utf-8", "replace").split("\n")


def harmless(text: str) -> str:
    """On one line, and nothing in it that a terminal obeys."""
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def _headline(said: Report, view: View) -> str:
    fatals = sum(finding.severity == "fatal" for finding in said.findings)
    code = {"valid": _GREEN, "valid_with_warnings": _YELLOW, "invalid": _RED}[said.verdict]
    verdict = view.paint(view.say(said.verdict), code)
    counts = _counts(fatals, len(said.findings) - fatals, view.language)
    told = f" ({', '.join(counts)})" if counts else ""
    return f"{view.paint(harmless(said.file or '-'), _BOLD)}: {verdict}{told} [{said.pack}]"


def _counts(fatals: int, warnings: int, language: Language) -> list[str]:
    one = {"nl": ("fout", "fouten", "waarschuwing", "waarschuwingen")}.get(
        language, ("error", "errors", "warning", "warnings")
    )
    told = [f"{fatals} {one[fatals != 1]}"] if fatals else []
    return [*told, f"{warnings} {one[2 + (warnings != 1)]}"] if warnings else told


def _finding(finding: Found, lines: Sequence[str], view: View) -> Iterator[str]:
    mark = view.paint(view.say(finding.severity), _RED if finding.severity == "fatal" else _YELLOW)
    facts = [f"{mark} {view.paint(finding.id, _BOLD)}"]
    if finding.line is not None:
        facts.append(f"{view.say('line')} {finding.line}")
    if finding.terms:
        facts.append(", ".join(finding.terms[:4]))
    yield "  " + " · ".join(facts)
    # The root begins with its namespaces, which say nothing about what is missing in it.
    if finding.line is not None and 0 < finding.line <= len(lines) and finding.xpath.count("/") != 1:
        quoted = quote(lines[finding.line - 1], finding.value, view.width - 5 - len(str(finding.line)))
        yield view.paint(f"  {finding.line} | ", _DIM) + quoted
    yield from _wrapped(view.words(finding.message), "", view)
    if finding.hint is not None:
        yield from _wrapped(view.words(finding.hint), view.say("mend"), view)


def quote(line: str, value: str | None, width: int) -> str:
    """One line of a document in ``width`` characters; of a longer one (some have just one) the part about ``value``."""
    at = line.find(value) if value else -1
    if at > width - 20:
        line = "…" + line[max(0, at - width // 2) :]
    text = harmless(line[: 4 * width].strip())
    return text if len(text) <= width else text[: width - 1] + "…"


def _wrapped(text: str, label: str, view: View) -> Iterator[str]:
    found = textwrap.wrap(
        label + harmless(text),
        view.width,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    if label and found:
        found[0] = found[0].replace(label.strip(), view.paint(label.strip(), _BOLD), 1)
    yield from found


def _rest(lines: Sequence[int | None], view: View) -> Iterator[str]:
    known = list(dict.fromkeys(line for line in lines if line is not None))
    told = ", ".join(map(str, known[:_LISTED]))
    more = ", …" if len(known) > _LISTED else ""
    text = view.say("once" if len(lines) == 1 else "more").format(n=len(lines), lines=told + more)
    yield ""
    yield from _wrapped(f"… {text}", "", view)
