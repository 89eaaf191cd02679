"""SI-UBL 1.0, 1.1 and 1.2.4, for invoices of older packages: everything fatal in them, and the warnings that have a name.

Some three hundred and sixty warnings of 1.1 and 1.2 say that an element should not be used, and have none; those are
not told here.

::

    v10        BIIRULE-T10, SI-UBL-INV, SI-V10          v10_advice, v10_bii_advice  its warnings
    bii        BII2-T10, CL-T10, EUGEN-T10, OP-T10      1.1 and 1.2
    simpler    SI-V11, SI-V12                           1.1 and 1.2
    advice     the warnings of both                     1.1 and 1.2
    reckon     amounts in doubles and in decimals

EN 16931 is never asked of these: it rejects habits that were right then.
"""

from __future__ import annotations

from libs.rules.packs.siubl import advice, bii, places, simpler, v10, v10_advice, v10_bii_advice
from libs.rules.packs.structure import NUMBERS
from libs.rules.rule import Pack, always

V10 = Pack(
    "siubl-1.0",
    "SI-UBL 1.0",
    (*v10.RULES, *v10_advice.RULES, *v10_bii_advice.RULES),
    (v10_advice.EMPTY, NUMBERS),
    alike=False,
)
V11 = Pack(
    "siubl-1.1",
    "SI-UBL 1.1",
    (
        *simpler.rules("SI-V11", places.claims_11, places.invoice_11, places.CLAIM_11, exact=False),
        *bii.rules(places.claims_11, places.invoice_11, exact=False),
        *advice.rules("SI-V11", places.claims_11, exact=False),
        *advice.of_peppol(places.claims_11, exact=False),
    ),
    (advice.empty("SI-V11", places.claims_11), NUMBERS),
)
V12 = Pack(
    "siubl-1.2",
    "SI-UBL 1.2.4",
    (
        *simpler.rules("SI-V12", places.claims_12, places.invoice_12, places.CLAIM_12, exact=True),
        *bii.rules(always, places.invoice, exact=True),
        *advice.rules("SI-V12", places.claims_12, exact=True),
        *advice.of_peppol(always, exact=True),
    ),
    (advice.empty("SI-V12", places.claims_12), advice.BARE, NUMBERS),
)
PACKS = (V10, V11, V12)
