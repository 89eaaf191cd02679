"""What loading parties says about a row or a file, in Dutch and English. Pure texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libs.contracts.parts import Words
from libs.text import one_line
from services.route.words import Key, kind_of, two_companies

_QUOTED = 60


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a row is refused, or what to look at although it is not."""

    code: str
    message: Words
    field: str | None = None
    value: str | None = None
    """What stood there, cut short."""
    proposed: str | None = None
    """What was probably meant; never taken by itself."""
    other_line: int | None = None

    def as_json(self) -> dict[str, Any]:
        said = {
            "code": self.code,
            "field": self.field,
            "value": self.value,
            "proposed": self.proposed,
            "other_line": self.other_line,
        }
        return {name: value for name, value in said.items() if value is not None} | {
            "message": self.message.model_dump()
        }


def _quoted(text: str) -> str:
    return one_line(text, _QUOTED)


def _cell(code: str, field: str, text: str, nl: str, en: str, proposed: str | None = None) -> Trouble:
    """What is wrong with one cell."""
    return Trouble(code, Words(nl=nl, en=en), field, _quoted(text), proposed)


# --- the file ---

ENCODING = Trouble(
    "unreadable-file",
    Words(
        nl="Dit bestand is geen tekst in UTF-8, UTF-16 of Windows-1252. Bewaar het als CSV (UTF-8) en laad het opnieuw.",
        en="This file is no text in UTF-8, UTF-16 or Windows-1252. Save it as CSV (UTF-8) and load it again.",
    ),
)
NO_HEADER = Trouble(
    "no-header",
    Words(
        nl="De eerste regel moet de kolommen noemen: naam, en minstens een van kvk, btw, oin, gln, ondernemingsnummer, "
        "vestigingsnummer; verder e-mail, taal, land, andere namen, adres, postcode, plaats, vestiging van. Gescheiden "
        "door ; , of tab.",
        en="The first line must name the columns: name, and at least one of kvk, vat, oin, gln, enterprise, branch; and "
        "email, language, country, names, address, post codes, city, branch of. Separated by ; , or tab.",
    ),
)


def column_twice(column: str) -> Trouble:
    return Trouble(
        "column-twice",
        Words(
            nl=f"Twee kolommen zijn allebei {column}. Haal er een weg of geef haar een andere naam.",
            en=f"Two columns are both {column}. Remove one or name it otherwise.",
        ),
    )


def broken_csv(line: int, why: str) -> Trouble:
    return Trouble(
        "broken-csv",
        Words(
            nl=f"Vanaf regel {line} is dit geen CSV meer (een aanhalingsteken dat niet sluit?): {_quoted(why)}. Er is "
            "niets geladen.",
            en=f"From line {line} on this is no CSV (a quote that is not closed?): {_quoted(why)}. Nothing was loaded.",
        ),
    )


# --- a row ---


def cells(found: int, wanted: int) -> Trouble:
    return Trouble(
        "columns",
        Words(
            nl=f"Deze regel heeft {found} cellen en de eerste {wanted}: staat er een scheidingsteken in een naam? Zet die "
            "tussen aanhalingstekens.",
            en=f"This line has {found} cells and the first {wanted}: is there a separator inside a name? Put it in quotes.",
        ),
    )


def bad_json(why: str) -> Trouble:
    return Trouble(
        "bad-json",
        Words(
            nl=f"Deze regel is geen partij zoals POST /v1/parties haar kent: {_quoted(why)}.",
            en=f"This line is no party as POST /v1/parties knows it: {_quoted(why)}.",
        ),
    )


_CELLS = {
    "formula": Words(
        nl="Deze cel is een formule, en die wordt niet uitgerekend. Bewaar het bestand met waarden.",
        en="This cell is a formula, and those are not worked out. Save the file with values.",
    ),
    "control-characters": Words(
        nl="In deze cel staan een regeleinde of onzichtbare tekens. Haal ze weg.",
        en="This cell holds a line end or invisible characters. Remove them.",
    ),
    "check-digits": Words(
        nl="De controlecijfers van dit nummer kloppen niet: er is een cijfer verkeerd getypt. Zoek het op.",
        en="The check digits of this number do not hold: one digit is mistyped. Look it up.",
    ),
    "unlikely": Words(
        nl="Dit nummer is waarschijnlijk verkeerd getypt: vergelijk het met kvk.nl. Het is wel geladen.",
        en="This number is probably mistyped: compare it with kvk.nl. It was loaded all the same.",
    ),
    "unchecked": Words(
        nl="De controlecijfers van btw-nummers van dit land kent de hub niet: kijk het zelf na.",
        en="The hub does not know the check digits of this country's VAT numbers: check it yourself.",
    ),
}


def cell(code: str, field: str, text: str, proposed: str | None = None) -> Trouble:
    """What is wrong with one cell, whatever stands in it."""
    return Trouble(code, _CELLS[code], field, _quoted(text), proposed)


def too_long(field: str, most: int) -> Trouble:
    return Trouble(
        "too-long",
        Words(nl=f"Hier passen {most} tekens of stuks.", en=f"At most {most} characters or items fit here."),
        field,
    )


NO_NAME = Trouble(
    "no-name",
    Words(
        nl="Een nieuwe partij heeft een naam nodig: zonder kan geen factuur met haar vergeleken worden.",
        en="A new party needs a name: without one no invoice can be compared with it.",
    ),
    "name",
)
NO_NUMBER = Trouble(
    "no-number",
    Words(
        nl="Deze regel noemt geen nummer, en alleen met een nummer wordt een ontvanger gevonden. Vul er een in.",
        en="This row has no number, and only a number finds a receiver. Fill one in.",
    ),
)


NOWHERE = Trouble(
    "no-place",
    Words(
        nl="Een adres noemt minstens een straat, postcode of plaats.",
        en="An address has at least a street, a post code or a town.",
    ),
    "addresses",
)


def which_post_code(text: str) -> Trouble:
    return _cell(
        "which-post-code",
        "post_codes",
        text,
        nl="Op deze regel staan een adres en meer dan een postcode: welke hoort bij het adres? Laat er een staan, of laad "
        "de adressen als JSON.",
        en="This row has an address and several post codes: which is the address's? Leave one, or load them "
        "as JSON.",
    )


def swapped(text: str, kind: Words) -> Trouble:
    return _cell(
        "swapped",
        "name",
        text,
        nl=f"Bij de naam staat een {kind.nl}. Zijn kolommen verwisseld?",
        en=f"The name is a {kind.en}. Were columns swapped?",
    )


NUMBER = Words(nl="nummer", en="number")
ADDRESS = Words(nl="e-mailadres", en="mail address")


def lost_zero(field: str, text: str, proposed: str) -> Trouble:
    return _cell(
        "lost-zero",
        field,
        text,
        nl=f"Een KvK-nummer heeft 8 cijfers en hier staan er 7: een rekenblad laat een nul vooraan weg. Zoek "
        f"{proposed} op bij kvk.nl; klopt de naam, vul het dan zo in.",
        en=f"A KvK number has 8 digits and here are 7: spreadsheets drop a leading zero. Look {proposed} up at kvk.nl; "
        "if the name is right, fill it in so.",
        proposed=proposed,
    )


def other_kind(field: str, text: str, key: Key) -> Trouble:
    kind = kind_of(key[0])
    return _cell(
        "other-kind",
        field,
        text,
        nl=f"Dit is een {kind.nl} en staat in de verkeerde kolom. Zijn kolommen verwisseld?",
        en=f"This is a {kind.en} and stands in the wrong column. Were columns swapped?",
        proposed=f"{key[0]}:{key[1]}",
    )


def bad_number(field: str, text: str, code: str, message: Words) -> Trouble:
    return Trouble(code, message, field, _quoted(text))


def bad_value(field: str, text: str) -> Trouble:
    said = {
        "email": Words(
            nl="Dit is geen e-mailadres. Vul er een in, of laat de cel leeg.",
            en="This is no mail address. Fill one in, or leave the cell empty.",
        ),
        "language": Words(nl="De taal is nl of en.", en="The language is nl or en."),
        "country": Words(
            nl="Het land is een code van twee letters: NL, BE …",
            en="The country is a code of two letters: NL, BE …",
        ),
        "branch_of": Words(
            nl="Hier staat het KvK-nummer (8 cijfers) of het kenmerk van het bedrijf waarvan dit een vestiging is.",
            en="This is the KvK number (8 digits) or the id of the company this is a place of business of.",
        ),
    }[field]
    return Trouble(f"bad-{field.replace('_', '-')}", said, field, _quoted(text))


# --- a row beside others ---


def within(first: Key, second: Key) -> Trouble:
    return Trouble("contradiction", two_companies(first, second), value=f"{second[0]}:{second[1]}")


def duplicate(line: int) -> Trouble:
    return Trouble(
        "duplicate",
        Words(nl=f"Dezelfde partij staat op regel {line}.", en=f"The same party stands on line {line}."),
        other_line=line,
    )


def conflicting(key: Key, line: int) -> Trouble:
    return Trouble(
        "conflicting-rows",
        Words(
            nl=f"{key[1]} staat ook op regel {line}, met andere gegevens. Geen van beide is geladen: maak er "
            "een regel van.",
            en=f"{key[1]} stands on line {line} too, with other data. Neither was loaded: make them one row.",
        ),
        value=f"{key[0]}:{key[1]}",
        other_line=line,
    )


def same_party(name: str, line: int) -> Trouble:
    return Trouble(
        "conflicting-rows",
        Words(
            nl=f"Volgens de hub gaat regel {line} ook over {_quoted(name)}, met een ander nummer. Geen van beide is "
            "geladen: maak er een regel van.",
            en=f"By what the hub knows, line {line} is about {_quoted(name)} too, with another number. Neither was "
            "loaded: make them one row.",
        ),
        other_line=line,
    )


def of_two(parties: Sequence[tuple[Key, str]]) -> Trouble:
    (one, name), (other, other_name) = parties[:2]
    return Trouble(
        "contradiction",
        Words(
            nl=f"In de hub is {one[1]} van {_quoted(name)} en {other[1]} van {_quoted(other_name)}. Welk nummer klopt?",
            en=f"In the hub {one[1]} is of {_quoted(name)} and {other[1]} of {_quoted(other_name)}. Which number is right?",
        ),
        value=f"{other[0]}:{other[1]}",
    )


def other_number(key: Key, known: Key, name: str) -> Trouble:
    return Trouble(
        "other-number",
        Words(
            nl=f"{_quoted(name)} heeft in de hub {known[1]} en hier {key[1]}. Een bedrijf heeft er maar een: welke klopt?",
            en=f"{_quoted(name)} has {known[1]} in the hub and {key[1]} here. A company has only one: which is right?",
        ),
        value=f"{key[0]}:{key[1]}",
    )


def joined(key: Key, name: str) -> Trouble:
    kind = kind_of(key[0])
    return Trouble(
        "joined",
        Words(
            nl=f"Dit is in de hub {_quoted(name)}, onder {kind.nl} {key[1]}: die nummers zijn van hetzelfde bedrijf. "
            "De regel is daarbij gevoegd.",
            en=f"In the hub this is {_quoted(name)}, under {kind.en} {key[1]}: those numbers are one company's. The row "
            "was joined with it.",
        ),
        value=f"{key[0]}:{key[1]}",
    )


def no_room(field: str, most: int, left_out: int) -> Trouble:
    return Trouble(
        "no-room",
        Words(
            nl=f"Een partij heeft er hier hoogstens {most}: {left_out} van deze regel (of haar oude naam) zijn weggelaten. "
            "Haal weg wat niet meer geldt (PUT /v1/parties/{id}) en laad de regel opnieuw.",
            en=f"A party has {most} of these at most: {left_out} of this row (or its old name) were left out. Remove what "
            "holds no longer (PUT /v1/parties/{id}) and load the row again.",
        ),
        field,
    )


def no_head(text: str) -> Trouble:
    return Trouble(
        "no-such-head",
        Words(
            nl=f"Het bedrijf {_quoted(text)} waarvan dit een vestiging is, staat niet in de hub en niet (goed) in dit "
            "bestand. Voeg het toe, en laad dit bestand opnieuw: wat er al is, blijft zoals het is.",
            en=f"The company {_quoted(text)} this is a place of business of is not in the hub, nor (rightly) in this file. "
            "Add it, and load this file again: what is there stays as it is.",
        ),
        "branch_of",
        _quoted(text),
    )


def place_of_a_place(text: str) -> Trouble:
    return _cell(
        "nested-head",
        "branch_of",
        text,
        nl=f"{_quoted(text)} is zelf een vestiging, of deze partij heeft zelf vestigingen. Noem het "
        "bedrijf waar alle vestigingen onder vallen.",
        en=f"{_quoted(text)} is a place of business itself, or this party has places of business. Name the "
        "company that all places belong to.",
    )
