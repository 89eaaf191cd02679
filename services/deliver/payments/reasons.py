"""Why a line of a statement is paid to no invoice, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from libs.contracts.parts import Words

REASONS: Mapping[str, Words] = {
    "repeated": Words(
        nl="Deze betaling is al eerder verwerkt, of stond al in dit bestand.",
        en="This payment was taken before, or stood in this file already.",
    ),
    "maybe-taken": Words(
        nl="Een ander bestand had op deze dag al eenzelfde bedrag van deze factuur. Is het een tweede betaling, zeg het "
        "dan zelf bij de factuur.",
        en="Another file had the same amount of this invoice on this day. If this is a second payment, say so yourself "
        "with the invoice.",
    ),
    "not-booked": Words(
        nl="De bank heeft deze betaling nog niet geboekt. Laad het afschrift waarop zij geboekt is.",
        en="The bank has not booked this payment yet. Load the statement on which it is booked.",
    ),
    "no-amount": Words(
        nl="Van deze betaling staat er geen bedrag in de munt van de rekening.",
        en="This payment has no amount in the currency of the account.",
    ),
    "no-direction": Words(
        nl="Het afschrift zegt niet of dit bedrag erbij of eraf ging. Vraag uw bank ernaar.",
        en="The statement does not say whether this amount came in or went out. Ask your bank about it.",
    ),
    "batch-untold": Words(
        nl="Dit is een verzamelbetaling zonder de betalingen die erin zitten. Vraag uw bank om afschriften met details.",
        en="This is a batch without the payments in it. Ask your bank for statements with details.",
    ),
    "batch-differs": Words(
        nl="De betalingen in deze verzamelbetaling zijn samen niet het bedrag ervan. Vraag uw bank ernaar.",
        en="The payments in this batch do not add up to its amount. Ask your bank about it.",
    ),
    "names-nothing": Words(
        nl="Er staat geen nummer of betalingskenmerk bij van een factuur die via de hub ging.",
        en="It names no number and no payment reference of an invoice that went through the hub.",
    ),
    "ambiguous": Words(
        nl="Zij kan voor meer dan één factuur zijn. Zeg het zelf bij de factuur die het is.",
        en="It may be for more than one invoice. Say so yourself with the invoice that it is.",
    ),
    "credit-note": Words(
        nl="Zij noemt een creditnota. Wat daarvan is verrekend, kan de hub niet zien: zeg het zelf.",
        en="It names a credit note. What of that was settled the hub cannot see: say so yourself.",
    ),
    "no-account": Words(
        nl="De tegenrekening ontbreekt op het afschrift, dus het is niet zeker dat deze factuur bedoeld is.",
        en="The statement lacks the account on the other side, so this invoice is not certain.",
    ),
    "other-account": Words(
        nl="De factuur met dit nummer moest op een andere rekening betaald worden.",
        en="The invoice of this number was to be paid into another account.",
    ),
    "other-currency": Words(
        nl="De factuur met dit nummer is in een andere munt.",
        en="The invoice of this number is in another currency.",
    ),
    "other-direction": Words(
        nl="Het geld ging de andere kant op dan bij deze factuur hoort, en het is geen terugboeking.",
        en="The money went the other way than this invoice asks for, and it is no reversal.",
    ),
    "paid-already": Words(nl="Deze factuur was al betaald.", en="This invoice was paid already."),
    "more-than-open": Words(
        nl="Er is meer betaald dan er van deze factuur openstaat. Zeg het zelf bij de factuur die het is.",
        en="More was paid than is open of this invoice. Say so yourself with the invoice that it is.",
    ),
    "nothing-to-undo": Words(
        nl="Een terugboeking van meer dan er van deze factuur als betaald bekend is.",
        en="A reversal of more than is known to be paid of this invoice.",
    ),
}
