"""What somebody enters as a party, made into what the directory holds. Pure.

A number is stored in its canonical form and only under the scheme it is of: a branch number typed where the
KvK number belongs would send one company's invoices to another's place of business, or nowhere (R34).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from libs import identifiers
from libs.contracts.parts import Identifier, Words
from libs.errors import BadInput, Unprocessable
from libs.identifiers import branch, canonical_scheme, kvk
from libs.identifiers.text import digits
from libs.text import NAMED
from services.route import words
from services.route.deciding.corroboration import root
from services.route.deciding.decision import ONE_PER_COMPANY, Key

_FORMS = {
    kvk.SCHEME: Words(
        nl="Een KvK-nummer heeft precies 8 cijfers, ook als het met een nul begint. Zoek het op bij kvk.nl.",
        en="A KvK number has exactly 8 digits, also when it begins with a zero. Look it up at kvk.nl.",
    ),
    branch.SCHEME: Words(
        nl="Een vestigingsnummer heeft precies 12 cijfers. Zoek het op bij kvk.nl.",
        en="A branch number (vestigingsnummer) has exactly 12 digits. Look it up at kvk.nl.",
    ),
}
_FORM = Words(
    nl="Dit nummer heeft niet de vorm die bij zijn soort hoort. Controleer het nummer en de soort.",
    en="This number does not have the form of its kind. Check the number and its scheme.",
)
_SCHEME = Words(
    nl="Deze soort nummer kent de hub niet. Gebruik 0106 (KvK), 9944 (btw), 0190 (OIN), 0208 (België), "
    "0088 (GLN) of branch (vestigingsnummer).",
    en="The hub does not know this scheme. Use 0106 (KvK), 9944 (VAT), 0190 (OIN), 0208 (Belgium), "
    "0088 (GLN) or branch (vestigingsnummer).",
)
_NAMED = re.compile(NAMED)
_LONGEST = 200
_NAME = Words(
    nl=f"Een naam is één regel van hoogstens {_LONGEST} tekens die iets zegt: zonder naam kan geen factuur met deze partij "
    "vergeleken worden. Vul de naam in.",
    en=f"A name is one line of at most {_LONGEST} characters that says something: without one no invoice can be compared "
    "with this party. Fill the name in.",
)


def read_key(scheme: str, value: str) -> Key:
    """One number as the directory holds it. Raises ``Unprocessable`` with words that say what is wrong."""
    code = canonical_scheme(scheme)
    if code is None:
        raise Unprocessable(_SCHEME.en, nl=_SCHEME.nl, code="unknown-scheme", scheme=scheme[:40])
    found = identifiers.read(value, code)
    if code == kvk.SCHEME and digits(kvk.strip(value), 7):
        # What a spreadsheet leaves of a number that begins with a zero: proposed, never assumed.
        meant = f"0{kvk.strip(value)}"
        raise Unprocessable(
            f"{_FORMS[code].en} Was a zero lost, and is it {meant}?",
            nl=f"{_FORMS[code].nl} Is er een nul weggevallen, en is het {meant}?",
            code="bad-identifier",
            scheme=code,
            value=value[:40],
            proposed=meant,
        )
    if found is None or found.scheme != code:
        form = _FORMS.get(code, _FORM)
        raise Unprocessable(form.en, nl=form.nl, code="bad-identifier", scheme=code, value=value[:40])
    return found.scheme, found.value


def read_name(text: str) -> str:
    """A name as the directory holds it. Raises ``Unprocessable`` for blanks, control characters and what is too long."""
    name = text.strip()
    if not _NAMED.match(name) or len(name) > _LONGEST:
        raise Unprocessable(_NAME.en, nl=_NAME.nl, code="no-name")
    return name


def pair(text: str) -> tuple[str, str]:
    """Scheme and value as they are written on a command line. Raises ``BadInput``."""
    scheme, colon, value = text.partition(":")
    if not colon:
        raise BadInput(
            f"{text!r}: an identifier is written scheme:value, such as 0106:58070036",
            nl=f"{text!r}: een nummer wordt geschreven als schema:waarde, zoals 0106:58070036",
        )
    return scheme, value


def read_all(given: Iterable[tuple[str, str]]) -> tuple[Identifier, ...]:
    """All numbers of a party in canonical form, each once, in the order given. Raises ``Unprocessable``, also for numbers
    of two companies."""
    keys = tuple(dict.fromkeys(read_key(scheme, value) for scheme, value in given))
    for one, other in contradictions(keys):
        said = words.two_companies(one, other)
        raise Unprocessable(said.en, nl=said.nl, code="contradiction")
    return tuple(Identifier(scheme=scheme, value=value) for scheme, value in keys)


def contradictions(keys: Sequence[Key]) -> Iterator[tuple[Key, Key]]:
    """Two numbers of which a company has one: also the one inside an OIN, or inside a Belgian VAT number."""
    for one, other in combinations(keys, 2):
        mine, its = root(*one), root(*other)
        if mine[0] == its[0] and mine[0] in ONE_PER_COMPANY and mine != its:
            yield one, other
