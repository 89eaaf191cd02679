"""Purchase and sales entries: the same steps, the same fields, other names. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from libs.contracts.parts import Words
from libs.einvoice.model import Buyer, Invoice, Seller

KindName: TypeAlias = Literal["purchase", "sales"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two kinds of entry, in Exact's names and codes (reference: exact.md §3.4, §3.7)."""

    name: KindName
    entries: str
    """Endpoint below the division."""
    lines: str
    """The property that holds the lines."""
    party: str
    """The property that holds the account's id."""
    journal_type: int
    document_type: int
    invoice_type: int
    credit_type: int
    vat_direction: Literal["P", "S"]
    """``VATTransactionType`` of the codes that will do, beside ``B``."""
    line_type: int
    """``LineType`` of its payment terms."""
    words: Words

    def other(self, invoice: Invoice) -> Seller | Buyer | None:
        """Whom the entry is with: the supplier of a purchase, the customer of a sale."""
        return invoice.seller if self.name == "purchase" else invoice.buyer


PURCHASE = Kind(
    name="purchase",
    entries="purchaseentry/PurchaseEntries",
    lines="PurchaseEntryLines",
    party="Supplier",
    journal_type=22,
    document_type=20,
    invoice_type=30,
    credit_type=31,
    vat_direction="P",
    line_type=22,
    words=Words(nl="inkoopboeking", en="purchase entry"),
)
SALES = Kind(
    name="sales",
    entries="salesentry/SalesEntries",
    lines="SalesEntryLines",
    party="Customer",
    journal_type=20,
    document_type=10,
    invoice_type=20,
    credit_type=21,
    vat_direction="S",
    line_type=20,
    words=Words(nl="verkoopboeking", en="sales entry"),
)
KINDS: dict[KindName, Kind] = {"purchase": PURCHASE, "sales": SALES}
