"""Lines and totals of an eExact invoice: what the standard wants and Globe leaves to be worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from libs.einvoice import money
from libs.einvoice.formats.cursor import Cursor
from libs.einvoice.model import (
    AllowanceCharge,
    Amount,
    DocumentTotals,
    Invoice,
    Item,
    Line,
    Price,
    VatBreakdown,
)
from libs.einvoice.tree import Element

_HUNDRED = Decimal(100)

UNITS: Mapping[str, str] = {
    "stuk": "C62", "stuks": "C62", "st": "C62", "stk": "C62", "pcs": "C62", "piece": "C62", "ea": "C62",
    "uur": "HUR", "u": "HUR", "hour": "HUR", "hr": "HUR", "dag": "DAY", "day": "DAY", "week": "WEE",
    "maand": "MON", "month": "MON", "jaar": "ANN", "year": "ANN",
    "kg": "KGM", "kilo": "KGM", "gram": "GRM", "gr": "GRM", "ton": "TNE",
    "m": "MTR", "meter": "MTR", "mtr": "MTR", "km": "KMT", "m2": "MTK", "m3": "MTQ", "cm": "CMT", "mm": "MMT",
    "l": "LTR", "ltr": "LTR", "liter": "LTR", "doos": "BX", "box": "BX", "pak": "PK", "set": "SET", "paar": "PR",
}  # fmt: skip
"""What people type as a unit in Globe, as UN/ECE Recommendation 20 codes."""

# What the description of a VAT code says when its rate is zero (inference: Globe's codes are free).
_ZERO_RATED = (
    ("AE", ("verlegd", "reverse charge", "verlegging")),
    ("K", ("intracomm", "icl", "icp", "intra-comm")),
    ("G", ("export", "uitvoer", "buiten eu", "outside eu")),
    ("E", ("vrijgesteld", "exempt")),
)


def read(at: Cursor, element: Element, currency: str) -> Line:
    """One ``InvoiceLine``."""
    line = at.of(element, "InvoiceLine")
    line.skip(
        "Price/Currency",
        "Amount/Currency",
        "Price/VAT/MultiDescriptions",
        "Item/MultiDescriptions",
        "Unit/Description",
    )
    quantity = line.number("Quantity", "BT-129")
    price = line.number("Price/Value", "BT-146")
    rate = line.number("Price/VAT/Percentage", "BT-152")
    words = line.text("Price/VAT/Description")
    category = _category(rate, words)
    if category is not None and not rate:
        line.took(
            "BT-151",
            category,
            "Btw-categorie afgeleid uit de omschrijving van de btw-code: eExact noemt bij 0% geen reden.",
            "VAT category taken from the description of the VAT code: eExact gives no reason for 0%.",
        )
    included = (line.attribute("Price/VAT", "vattype") or "E").upper() == "I"
    if included and price is not None and rate is not None:
        price = _without(price, rate, 6)
        line.took(
            "BT-146",
            f"{price:f}",
            "Prijs zonder btw berekend uit een prijs inclusief btw.",
            "Price without VAT worked out from a price that includes it.",
        )
    net = _net(line, element, currency, quantity, price, rate if included else None)
    described = line.text("Description")
    item_name = line.text("Item/Description")
    text = line.text("Text")
    return Line(
        identifier=(element.get("lineNo") or "").strip() or None,
        quantity=quantity,
        unit_code=_unit(line),
        net_amount=net,
        buyer_accounting_reference=line.attribute("Costcenter", "code"),
        allowances=_discount(line, quantity, price, net, currency),
        price=Price(net_price=Amount(price, currency)) if price is not None else None,
        vat_category_code=category,
        vat_rate=(rate or Decimal(0)) if category != "S" else rate,
        note=text,
        item=Item(
            name=item_name or described,
            description=described if item_name is not None and described != item_name else None,
            sellers_identifier=line.attribute("Item", "code"),
        ),
    )


def _net(
    line: Cursor,
    element: Element,
    currency: str,
    quantity: Decimal | None,
    price: Decimal | None,
    included: Decimal | None,
) -> Amount | None:
    """The amount Globe gives is in its own currency: in another, quantity times price is the line's amount."""
    own = element.find("Amount/Currency")
    said = line.number("Amount/Value", "BT-131")
    if said is not None and (own is None or (own.get("code") or currency) == currency):
        return Amount(said if included is None else _without(said, included, 2), currency)
    if quantity is None or price is None:
        return None
    worked = money.cents(money.EXACT.multiply(quantity, price))
    line.took(
        "BT-131",
        f"{worked:f}",
        "Regelbedrag berekend als aantal maal prijs, omdat het bestand het niet in deze valuta geeft.",
        "Line amount worked out as quantity times price, because the file does not give it in this currency.",
    )
    return Amount(worked, currency)


def _without(value: Decimal, rate: Decimal, places: int) -> Decimal:
    """An amount that includes VAT, without it."""
    bare = money.EXACT.divide(value * _HUNDRED, _HUNDRED + rate) if rate != -_HUNDRED else value
    return (
        bare.quantize(Decimal(1).scaleb(-places), context=money.EXACT.copy())
        if places > 2
        else money.cents(bare)
    )


def _unit(line: Cursor) -> str:
    typed = line.attribute("Unit", "unit")
    code = UNITS.get((typed or "").lower().rstrip("."))
    if code is None:
        code = "C62"
        line.took(
            "BT-130",
            "C62",
            f"Eenheid C62 (stuks): {typed!r} is geen bekende eenheid."
            if typed
            else "Eenheid C62 (stuks): er staat geen.",
            f"Unit C62 (one): {typed!r} is no known unit." if typed else "Unit C62 (one): none is given.",
        )
    return code


def _discount(
    line: Cursor, quantity: Decimal | None, price: Decimal | None, net: Amount | None, currency: str
) -> tuple[AllowanceCharge, ...]:
    percentage = line.number("Discount/Percentage", "BT-138")
    if not percentage or quantity is None or price is None or net is None:
        return ()
    base = money.cents(money.EXACT.multiply(quantity, price))
    off = base - net.value
    if not off:
        return ()
    return (
        AllowanceCharge(
            amount=Amount(off, currency),
            base_amount=Amount(base, currency),
            percentage=percentage,
            reason="Korting",
            reason_code="95",
        ),
    )


def _category(rate: Decimal | None, words: str | None) -> str | None:
    if rate is None:
        return None
    if rate:
        return "S"
    said = (words or "").lower()
    return next((code for code, marks in _ZERO_RATED if any(mark in said for mark in marks)), "Z")


_REASONS = {
    "AE": "Btw verlegd",
    "K": "Intracommunautaire levering",
    "G": "Uitvoer buiten de EU",
    "E": "Vrijgesteld van btw",
}
_REASON_CODES = {"AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G"}


def with_totals(invoice: Invoice, at: Cursor) -> Invoice:
    """Totals and VAT breakdown from the lines: VAT per rate over the sum, rounded once."""
    currency = invoice.currency_code
    sums: dict[tuple[str, Decimal], Decimal] = {}
    for line in invoice.lines:
        if line.net_amount is not None and line.vat_category_code is not None:
            key = (line.vat_category_code, line.vat_rate or Decimal(0))
            sums[key] = sums.get(key, Decimal(0)) + line.net_amount.value
    if not sums:
        return invoice
    breakdown = tuple(
        VatBreakdown(
            taxable_amount=Amount(money.cents(base), currency),
            tax_amount=Amount(money.cents(money.EXACT.multiply(base, rate) / _HUNDRED), currency),
            category_code=category,
            rate=rate,
            exemption_reason=_REASONS.get(category),
            exemption_reason_code=_REASON_CODES.get(category),
        )
        for (category, rate), base in sums.items()
    )
    net = money.cents(money.total(line.net_amount.value for line in invoice.lines if line.net_amount))
    vat = money.total(each.tax_amount.value for each in breakdown if each.tax_amount)
    at.took(
        "BG-22",
        f"{net + vat:f}",
        "Totalen en btw berekend uit de regels: een eExact-factuur bevat ze niet.",
        "Totals and VAT worked out from the lines: an eExact invoice does not hold them.",
    )
    totals = DocumentTotals(
        sum_of_line_net_amounts=Amount(net, currency),
        total_without_vat=Amount(net, currency),
        total_vat=Amount(vat, currency),
        total_with_vat=Amount(net + vat, currency),
        amount_due=Amount(net + vat, currency),
    )
    return replace(invoice, totals=totals, vat_breakdown=breakdown)
