"""Peppol BIS Billing 3, release 2026.5: 165 assertions on top of EN 16931.

::

    general      PEPPOL-EN16931-R     what everybody must hold
    codes        -CL, -P, -F          code lists, processes, dates
    identifiers  PEPPOL-COMMON        numbers of parties by their scheme
    dutch, german, nordic, southern   the rules of single countries, for sellers there
    aborts       POSTBODE-ONCE        where the official engine gives up
    before       what release 2025.11 asked otherwise

Of several rules whose contexts meet in one element the first speaks alone, as it does officially.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from libs.rules.packs import en16931
from libs.rules.packs.en16931 import before as european
from libs.rules.packs.peppol import before, codes, dutch, general, german, identifiers, nordic, southern
from libs.rules.packs.peppol.aborts import ONCE
from libs.rules.packs.structure import NUMBERS
from libs.rules.rule import Pack, Rule

RULES: tuple[Rule, ...] = (
    *general.RULES,
    *identifiers.RULES,
    *nordic.RULES,
    *southern.RULES,
    *dutch.RULES,
    *german.RULES,
    *codes.RULES,
)

PACK = Pack(
    "peppol",
    "Peppol BIS Billing 3, 2026.5, on EN16931-UBL 1.3.16",
    (*en16931.RULES, *RULES),
    (general.EMPTY, ONCE, NUMBERS),
    reckoned=True,
    release="2026.5",
    since=date(2026, 8, 17),
)

BEFORE = replace(
    PACK,
    source="Peppol BIS Billing 3, 2025.11, on EN16931-UBL 1.3.15",
    rules=(*european.rules(en16931.RULES), *before.rules(RULES)),
    release="2025.11",
    since=None,
)
"""The release before, for invoices of its time."""
