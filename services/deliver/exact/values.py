"""The values of one invoice's extra fields: looked up at their sources, and each as Exact takes it (R120, R122). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from libs.contracts.parts import Words
from libs.einvoice import extra_fields, model, terms
from libs.einvoice.extra_fields import BY_NAME, Field
from libs.einvoice.model import Invoice, Line
from services.deliver.exact.fields import Matching, as_sent, level_of
from services.deliver.parcel import Parked


@dataclass(frozen=True, slots=True)
class Extra:
    """The values of one invoice's extra fields, by Exact's names, as they are sent."""

    header: Mapping[str, str]
    shared: Mapping[str, str]
    """Of every line."""
    lines: tuple[Mapping[str, str], ...]
    """Of one line beside or instead of those, in the order of the invoice's lines."""

    def of_line(self, place: int | None) -> dict[str, str]:
        """All of an invoice's line, or of what is none (an allowance, a rounding)."""
        return {**self.shared, **(self.lines[place] if place is not None else {})}

    def own(self, place: int | None) -> bool:
        """Whether a line has values of its own: then it is not put together with others."""
        return place is not None and bool(self.lines[place])


NONE = Extra({}, {}, ())


def read(matching: Matching, invoice: Invoice, given: Mapping[str, str]) -> Extra | Parked:
    """The values that an invoice has for the fields that are matched; else which of them Exact would not take. ``given``:
    what its sender said beside it."""
    header: dict[str, str] = {}
    shared: dict[str, str] = {}
    lines: list[dict[str, str]] = [{} for _ in invoice.lines]
    wrong: list[Words] = []
    for name, sources in matching.items():
        field = BY_NAME.get(name)
        if field is None:
            continue
        before, said = _first_of_header(sources, invoice, given, field)
        if said is not None:
            _put(field, said, header if field.level == "header" else shared, wrong, None)
        if field.level == "line" and before:
            for place, line in enumerate(invoice.lines):
                own = _of_line(before, line)
                if own is not None:
                    _put(field, own, lines[place], wrong, line.identifier or str(place + 1))
    extra = Extra(header, shared, tuple(lines))
    wrong += _periods(extra)
    return _parked(wrong) if wrong else extra


def _put(field: Field, said: str, into: dict[str, str], wrong: list[Words], line: str | None) -> None:
    value = field.read(said)
    if value is None:
        wrong.append(extra_fields.unfit(field, said, line))
    else:
        into[field.name] = as_sent(value)


def _periods(extra: Extra) -> Iterator[Words]:
    """From and To come together and in order (inference: as Exact's screen has it)."""
    for place in range(len(extra.lines)):
        found = extra.of_line(place)
        begin, end = found.get("From"), found.get("To")
        if (begin is None) != (end is None) or (begin and end and end < begin):
            yield Words(
                nl=f"Vanaf (From) en T/m (To) van regel {place + 1} horen samen, T/m niet voor Vanaf; nu "
                f"“{(begin or '')[:10]}” en “{(end or '')[:10]}”.",
                en=f"From and To of line {place + 1} belong together, To not before From; now “{(begin or '')[:10]}” and "
                f"“{(end or '')[:10]}”.",
            )
            return


def _parked(wrong: list[Words]) -> Parked:
    told = wrong[:5]
    return Parked(
        "exact-field",
        Words(
            nl=" ".join(["Niet geboekt.", *(each.nl for each in told), "Kies in Opties een andere bron."]),
            en=" ".join(["Not booked.", *(each.en for each in told), "Choose another source under Options."]),
        ),
        f"{len(wrong)} extra fields",
    )


def _first_of_header(
    sources: tuple[str, ...], invoice: Invoice, given: Mapping[str, str], field: Field
) -> tuple[tuple[str, ...], str | None]:
    """The value of the first header source that has one, and the sources of lines that come before it."""
    before: list[str] = []
    for source in sources:
        if level_of(source) == "line":
            before.append(source)
        elif (found := _of_header(source, invoice, given, field)) is not None:
            return tuple(before), found
    return tuple(before), None


def _of_header(source: str, invoice: Invoice, given: Mapping[str, str], field: Field) -> str | None:
    kind, _, name = source.partition(":")
    if kind == "value":
        return name.strip() or None
    if kind == "field":
        return given.get(name)
    if kind == "note":
        return next((found for note in invoice.notes if (found := _of_note(note, name))), None)
    if kind == "document":
        for document in invoice.supporting_documents:
            if (document.description or "").strip().casefold() == name.strip().casefold():
                first, second = document.reference, document.external_location
                return (second or first) if field.name == "ExternalLinkReference" else (first or second)
        return None
    return next((_said(term.value) for term in terms.within(invoice, frozenset({source}))), None)


def _of_note(note: model.Note, name: str) -> str | None:
    text = (note.text or "").strip()
    if (note.subject_code or "").casefold() == name.strip().casefold():
        return text or None
    label, colon, value = text.partition(":")
    return (value.strip() or None) if colon and label.strip().casefold() == name.strip().casefold() else None


def _of_line(sources: tuple[str, ...], line: Line) -> str | None:
    for source in sources:
        kind, _, name = source.partition(":")
        if kind == "property":
            found = _property(line, name)
        else:
            # A term of a line, looked for in that line alone.
            alone = Invoice(lines=(line,))
            found = next((_said(term.value) for term in terms.within(alone, frozenset({source}))), None)
        if found:
            return found
    return None


def _property(line: Line, name: str) -> str | None:
    attributes = line.item.attributes if line.item is not None else ()
    wanted = name.strip().casefold()
    return next(
        (
            each.value.strip()
            for each in attributes
            if each.value and (each.name or "").strip().casefold() == wanted
        ),
        None,
    )


def _said(value: object) -> str | None:
    if isinstance(value, model.Amount):
        value = value.value
    if isinstance(value, (model.Identifier, model.Classification)):
        value = value[0]
    if isinstance(value, (date, datetime)):
        return value.isoformat()[:10]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.strip() or None if isinstance(value, str) else None
