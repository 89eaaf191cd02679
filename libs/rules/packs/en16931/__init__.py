"""EN 16931 in UBL, release 1.3.16: 979 assertions.

Each check copies what the official assertion means on a schema-valid document, also where that is odd: "exists"
takes an empty element, an equation with an absent side does not hold, ``BR-27`` holds only where there is a price.
On the documents that make the official engine give up (a second name of the seller, of the buyer or of the tax
representative) ``UBL-SR-09``, ``-15`` and ``-22`` speak, which never get their turn there.

::

    presence   BR-01 … BR-65       what must be there
    amounts    BR-CO, BR-DEC       arithmetic, conditions between fields, decimals
    vat        BR-S, BR-AE …       VAT categories          (breakdown: their sums)
    codes      BR-CL               code lists
    cardinality UBL-SR, UBL-DT     how often
    unused     UBL-CR, UBL-DT      what has no place
"""

from __future__ import annotations

from libs.rules.packs.en16931 import amounts, cardinality, codes, presence, unused, vat
from libs.rules.packs.structure import NUMBERS
from libs.rules.rule import Pack, Rule

RULES: tuple[Rule, ...] = (
    *presence.RULES,
    *amounts.RULES,
    *vat.RULES,
    *codes.RULES,
    *cardinality.RULES,
    *unused.RULES,
)

PACK = Pack("en16931", "EN16931-UBL 1.3.16", RULES, (NUMBERS,))
