"""The words a user reads for a status (DESIGN §6): one English slug, one Dutch and one English label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from libs.contracts.parts import Words

Headline = Literal[
    "received",
    "quarantined",
    "rejected",
    "parked",
    "returned",
    "sent",
    "arrived",
    "imported",
    "paid",
    "bounced",
    "undeliverable",
    "duplicate",
]

HEADLINES: tuple[Headline, ...] = get_args(Headline)

PROBLEMS: frozenset[Headline] = frozenset(
    {"quarantined", "rejected", "parked", "returned", "bounced", "undeliverable"}
)
"""Headlines that ask something of the sender."""

LABELS: Mapping[Headline, Words] = {
    "received": Words(nl="ontvangen", en="received"),
    "quarantined": Words(nl="in quarantaine", en="quarantined"),
    "rejected": Words(nl="afgekeurd", en="rejected"),
    "parked": Words(nl="geparkeerd", en="parked"),
    "returned": Words(nl="teruggegeven", en="returned"),
    "sent": Words(nl="verzonden", en="sent"),
    "arrived": Words(nl="aangekomen", en="arrived"),
    "imported": Words(nl="geïmporteerd", en="imported"),
    "paid": Words(nl="betaald", en="paid"),
    "bounced": Words(nl="teruggestuurd door de ontvanger", en="bounced"),
    "undeliverable": Words(nl="onbezorgbaar", en="undeliverable"),
    # The same bytes are the *same* invoice; this is other bytes that say the same under the same number.
    "duplicate": Words(nl="dubbel", en="duplicate"),
}
