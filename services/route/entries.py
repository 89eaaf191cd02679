"""What somebody enters as a party, made into what the directory holds. Pure.

A number is stored in its canonical form and only under the scheme it is of: a branch number typed where the
KvK number belongs would send one company's invoices to another's place of business, or nowhere (R34).
"""

from __future__ import annotations

from collections.abc import Iterable

from libs import identifiers
from libs.contracts.parts import Identifier, Words
from libs.errors import Unprocessable
from libs.identifiers import branch, canonical_scheme, kvk
from services.route.decision import Key

_FORMS = {
    kvk.SCHEME: Words(
        nl="Een KvK-nummer heeft precies 8 cijfers, ook als het met een nul begint.",
        en="A KvK number has exactly 8 digits, also when it begins with a zero.",
    ),
    branch.SCHEME: Words(
        nl="Een vestigingsnummer heeft precies 12 cijfers.",
        en="A branch number (vestigingsnummer) has exactly 12 digits.",
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


def read_key(scheme: str, value: str) -> Key:
    """One number as the directory holds it. Raises ``Unprocessable`` with words that say what is wrong."""
    code = canonical_scheme(scheme)
    if code is None:
        raise Unprocessable(_SCHEME.en, code="unknown-scheme", words=_SCHEME.model_dump(), scheme=scheme[:40])
    found = identifiers.read(value, code)
    if found is None or found.scheme != code:
        form = _FORMS.get(code, _FORM)
        raise Unprocessable(
            form.en, code="bad-identifier", words=form.model_dump(), scheme=code, value=value[:40]
        )
    return found.scheme, found.value


def read_all(given: Iterable[tuple[str, str]]) -> tuple[Identifier, ...]:
    """All numbers of a party in canonical form, each once, in the order given. Raises ``Unprocessable``."""
    keys = dict.fromkeys(read_key(scheme, value) for scheme, value in given)
    return tuple(Identifier(scheme=scheme, value=value) for scheme, value in keys)
