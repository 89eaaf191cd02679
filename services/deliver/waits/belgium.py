"""Invoices between two Belgian businesses, which travel over Peppol since January 2026: the decision, and its words. Pure.

The law (Belgian VAT code, article 53, as changed on 6 February 2024) wants them structured and over Peppol, unless both
sides have agreed on another way for documents that keep EN 16931, or one of them is exempt. The hub has no access point yet
(docs/adr/0044), and cannot know what was agreed: so what would go by e-mail goes only when its sender has said that it is
permitted, and says so to the receiver. A package that takes invoices from the hub itself was agreed on by connecting it.
"""

from __future__ import annotations

from datetime import date

from libs.contracts.parts import PartyFacts, Words
from libs.identifiers import be, vat
from services.deliver.parcel import Channel, Parcel, Parked

SINCE = date(2026, 1, 1)
CODE = "belgium-peppol"
_BUSINESS = frozenset({be.ENTERPRISE, vat.BE})

WAITS = Parked(
    CODE,
    Words(
        nl="Deze factuur is tussen twee Belgische ondernemingen. Sinds 1 januari 2026 gaat die gestructureerd via Peppol, "
        "en daar kan deze hub nog niet bezorgen: zij zou per e-mail gaan. Dat mag alleen als u met uw klant een andere weg "
        "hebt afgesproken, of als de plicht voor een van u beiden niet geldt. Is dat zo, geef haar dan vrij en zeg dat het "
        "is toegestaan (`permitted`): dat geldt dan ook voor de volgende aan deze klant. Zo niet, neem haar dan terug en "
        "stuur haar via Peppol.",
        en="This invoice is between two Belgian businesses. Since 1 January 2026 those go structured over Peppol, where "
        "this hub cannot deliver yet: it would go by e-mail. That is allowed only if you and your customer agreed on "
        "another way, or one of you is exempt. If so, release it and say that it is permitted (`permitted`): that "
        "holds for the next ones to this customer as well. If not, take it back and send it over Peppol.",
    ),
)
WARNING = Words(
    nl="Deze factuur tussen twee Belgische ondernemingen kwam per e-mail en niet via Peppol. De afzender zegt dat het is "
    "toegestaan; de hub heeft dat niet nagegaan.",
    en="This invoice between two Belgian businesses came by e-mail and not over Peppol. Its sender says that this is "
    "permitted; the hub has not checked it.",
)


def domestic(parcel: Parcel) -> bool:
    """Whether both sides are Belgian businesses and the invoice is of the time when that matters. A buyer without a Belgian
    number may be a consumer, and a seller from elsewhere with a Belgian VAT number is not established there."""
    summary = parcel.summary
    if summary.issue_date is not None and summary.issue_date < SINCE:
        return False
    buyer = _business(summary.buyer) or (
        summary.buyer.country in (None, "BE") and parcel.receiver.identifier.scheme in _BUSINESS
    )
    return buyer and (_business(summary.seller) or summary.seller.country == "BE")


def _business(party: PartyFacts) -> bool:
    return party.country in (None, "BE") and any(each.scheme in _BUSINESS for each in party.identifiers)


def asks(channel: Channel, parcel: Parcel) -> bool:
    """Whether it goes by this channel only on its sender's word."""
    return channel == "smtp" and domestic(parcel)


def warned(parcel: Parcel) -> Parcel:
    """As it goes on its sender's word."""
    return parcel.model_copy(update={"warnings": (*parcel.warnings, WARNING)})
