"""A plan for people: as lines, as JSON, as a page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Literal

from services.sync import payloads
from services.sync.plans import Item, Plan
from services.sync.verifying import Comparison

Language = Literal["nl", "en"]

ACTIONS: Mapping[str, tuple[str, str]] = {
    "create": ("aanmaken", "create"),
    "update": ("wijzigen", "update"),
    "deactivate": ("op niet-actief", "deactivate"),
    "skip": ("overslaan", "skip"),
    "warn": ("let op", "warn"),
    "none": ("gelijk", "alike"),
}


def word(action: str, language: Language) -> str:
    return ACTIONS[action][language == "en"]


def summary(plan: Plan, language: Language) -> str:
    counts = ", ".join(
        f"{plan.counts[action]} {word(action, language)}" for action in ACTIONS if plan.counts.get(action)
    )
    nothing = "niets te doen" if language == "nl" else "nothing to do"
    return f"plan {plan.plan_id}  {plan.state}  {counts or nothing}"


def heads(plan: Plan, language: Language) -> Iterator[str]:
    """What is said before the records: the plan in one line, checks that stop something, why it waits, trouble."""
    yield summary(plan, language)
    yield f"hash {plan.hash}"
    for check in plan.checks:
        if check["met"] is not True:
            mark = "✗" if check["met"] is False else "?"
            yield f"  {mark} {check['rule']:8} {check['words'][language]}"
    for objection in plan.objections:
        yield f"  ! {objection[language]}"
    if plan.trouble:
        yield f"  ! {plan.trouble[language]}"


def lines(items: Sequence[Item], language: Language) -> Iterator[str]:
    """One line a record, with its changed fields below it."""
    for each in items:
        state = (
            ""
            if each.state in ("planned", "noted")
            else f"  [{each.state}{': ' + each.code if each.code else ''}]"
        )
        title = each.of.title.nl if language == "nl" else each.of.title.en
        yield (
            f"{each.sequence:6}  {each.administration:4} {title:18} {each.external_id:40} "
            f"{word(each.action, language)}{' (' + each.rule + ')' if each.rule else ''}{state}"
        )
        if each.words and each.action in ("skip", "warn"):
            yield f"        {each.words[language]}"
        if each.message:
            yield f"        {each.message[language]}"
        for path, before, after in changed(each):
            yield f"        {path}: {_short(before)} → {_short(after)}"


def changed(item: Item) -> list[tuple[str, Any, Any]]:
    """The fields of a change, before and after; of a new record those that are filled."""
    if item.after is None:
        return []
    found = payloads.changes(item.of, item.before, item.after)
    return [
        (path, was, now)
        for path, was, now in found
        if item.before is not None or now not in ("", [], {}, None)
    ]


def _short(value: Any) -> str:
    if value is None:
        return "–"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def as_json(plan: Plan) -> dict[str, Any]:
    """A plan for machines, without its records."""
    return {
        "plan_id": str(plan.plan_id),
        "mode": plan.mode,
        "state": plan.state,
        "hash": plan.hash,
        "counts": dict(plan.counts),
        "checks": list(plan.checks),
        "objections": list(plan.objections),
        "trouble": plan.trouble,
    }


def item_json(item: Item) -> dict[str, Any]:
    return {
        "sequence": item.sequence,
        "administration": item.administration,
        "kind": item.kind,
        "record_id": item.record_id,
        "external_id": item.external_id,
        "action": item.action,
        "rule": item.rule,
        "words": item.words,
        "changes": [{"field": p, "before": was, "after": now} for p, was, now in changed(item)],
        "state": item.state,
        "attempts": item.attempts,
        "code": item.code,
        "message": item.message,
        "settled_at": item.settled_at.isoformat() if item.settled_at else None,
    }


def page_head(plan: Plan, language: Language) -> str:
    """The beginning of a page that needs nothing beside it: what is said before the records."""
    columns = (
        ("Administratie", "Soort", "Identificatie", "Actie", "Regel", "Veld: voor → na", "Uitkomst")
        if language == "nl"
        else (
            "Administration",
            "Kind",
            "Identification",
            "Action",
            "Rule",
            "Field: before → after",
            "Outcome",
        )
    )
    told = "".join(f"<p>{escape(line)}</p>" for line in heads(plan, language))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Plan {plan.plan_id}</title>'
        "<style>body{font:14px sans-serif}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:2px 6px;"
        "text-align:left;vertical-align:top}del{color:#a00}ins{color:#060;text-decoration:none}</style>"
        f"<h1>Plan</h1>{told}<table><thead><tr>{head}</tr></thead><tbody>"
    )


def page_rows(items: Sequence[Item], language: Language) -> str:
    """Records of the page."""
    rows = []
    for each in items:
        title = each.of.title.nl if language == "nl" else each.of.title.en
        fields = "<br>".join(
            f"{escape(p)}: <del>{escape(_short(was))}</del> → <ins>{escape(_short(now))}</ins>"
            for p, was, now in changed(each)
        )
        words = each.words[language] if each.words and each.action in ("skip", "warn") else ""
        message = each.message[language] if each.message else ""
        cells = (
            escape(each.administration),
            escape(title),
            escape(each.external_id),
            escape(word(each.action, language)),
            escape(each.rule),
            fields or escape(words),
            escape(f"{each.state} {message}".strip()),
        )
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "".join(rows)


def page_end(plan: Plan, shown: int, language: Language) -> str:
    """The end of the page. ``shown``: how many records it has; the rest is told."""
    left = sum(many for action, many in plan.counts.items() if action != "none") - shown
    more = (
        f"En nog {left} gegevens: postbode sync show {plan.plan_id}"
        if language == "nl"
        else f"And {left} records more: postbode sync show {plan.plan_id}"
    )
    return f"</tbody></table>{f'<p>{more}</p>' if left > 0 else ''}</html>"


OUTCOMES: Mapping[str, tuple[str, str]] = {
    "applied": ("uitgevoerd", "applied"),
    "failed": ("mislukt", "failed"),
    "moved": ("intussen gewijzigd", "moved"),
    "undone": ("teruggedraaid", "undone"),
    "started": ("onderweg", "started"),
    "planned": ("nog te doen", "planned"),
    "noted": ("genoteerd", "noted"),
}


def ended(plan: Plan, outcomes: Mapping[str, int], language: Language) -> Iterator[str]:
    """How a run ended: its state, what became of the records, and where to read why."""
    told = ", ".join(
        f"{outcomes[each]} {words[language == 'en']}"
        for each, words in OUTCOMES.items()
        if outcomes.get(each)
    )
    yield f"{plan.state}: {told}"
    if plan.trouble:
        yield plan.trouble[language]
    if outcomes.get("failed") or outcomes.get("moved"):
        yield ("waarom, per gegeven" if language == "nl" else "why, record by record") + (
            f": postbode sync show {plan.plan_id}"
        )


HOW: Mapping[str, tuple[str, str]] = {
    "identical": ("gelijk", "identical"),
    "differs": ("verschilt", "differs"),
    "only left": ("alleen Globe+", "only Globe+"),
    "only right": ("alleen Purchase to Pay", "only Purchase to Pay"),
    "left out": ("overgeslagen", "left out"),
}


def comparison(found: Comparison, language: Language) -> Iterator[str]:
    """How both sides stand, kind by kind, and each record that is not alike."""
    for kind, counts in found.counts.items():
        told = ", ".join(
            f"{counts[how]} {names[language == 'en']}" for how, names in HOW.items() if counts.get(how)
        )
        yield f"{kind:18} {told or '–'}"
    for out in found.left_out:
        yield f"  ✗ {out.rule:8} {out.words.nl if language == 'nl' else out.words.en}"
    for each in found.differences:
        fields = f" ({', '.join(each.fields)})" if each.fields else ""
        yield f"  {each.administration:4} {each.kind:18} {each.external_id:40} {HOW[each.how][language == 'en']}{fields}"
