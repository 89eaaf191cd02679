"""Lines, products, prices, allowances and VAT of a Cross Industry Invoice (D16B, EN 16931-3-3)."""

from __future__ import annotations

from typing import Any

from libs.einvoice.formats.cii_parts import NAMESPACES, PERIOD, Fixed, table, way
from libs.einvoice.formats.product import Attributes, Classifications
from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import (
    Group,
    Id,
    Money,
    Number,
    Step,
    Table,
    Text,
    Values,
    escape,
    finish,
    money_element,
    qualified,
    text_of,
    wrap,
)
from libs.einvoice.formats.ubl_lines import read_bool
from libs.einvoice.model import (
    AllowanceCharge,
    Identifier,
    Item,
    Line,
    Period,
    Price,
)
from libs.einvoice.tree import Element

_VAT = Fixed("ram:TypeCode", "VAT")
_INDICATOR = f"{qualified('ram:ChargeIndicator', NAMESPACES)}/{qualified('udt:Indicator', NAMESPACES)}"


def money(name: str, field: str, owner: type, role: str = "") -> Money:
    """An amount without its currency: the document says it once."""
    return Money(name, field, owner, role=role, always=False)


class Indicator:
    """``ram:ChargeIndicator``, looked at by whoever sorts the group."""

    name = "ram:ChargeIndicator"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        pass

    def put(self, source: Any, out: list[str], pad: str) -> None:
        pass


def indicator(charge: bool, pad: str) -> str:
    said = "true" if charge else "false"
    return f"{pad}<ram:ChargeIndicator>\n{pad}  <udt:Indicator>{said}</udt:Indicator>\n{pad}</ram:ChargeIndicator>\n"


class TaxCategory(Step):
    """A VAT category whose fields belong to the group around it; nothing where it has neither code nor rate."""

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.vat_category_code is not None or source.vat_rate is not None:
            super().put(source, out, pad)


def _category(name: str, owner: type) -> TaxCategory:
    return TaxCategory(
        name,
        table(
            _VAT,
            Text("ram:CategoryCode", "vat_category_code"),
            Number("ram:RateApplicablePercent", "vat_rate", owner),
        ),
    )


class Allowances:
    """``ram:SpecifiedTradeAllowanceCharge`` of document or line."""

    name = "ram:SpecifiedTradeAllowanceCharge"

    def __init__(self, allowance: str, charge: str, *, taxed: bool) -> None:
        self._by_charge = {
            charged: table(
                Indicator(),
                Number("ram:CalculationPercent", "percentage", AllowanceCharge, role=role),
                money("ram:BasisAmount", "base_amount", AllowanceCharge, role),
                money("ram:ActualAmount", "amount", AllowanceCharge, role),
                Text("ram:ReasonCode", "reason_code"),
                Text("ram:Reason", "reason"),
                *((_category("ram:CategoryTradeTax", AllowanceCharge),) if taxed else ()),
            )
            for charged, role in ((False, allowance), (True, charge))
        }

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        said = element.find(_INDICATOR)
        charged = read_bool(said.text) if said is not None else None
        if charged is None:
            reading.left(element)
            return
        inner: Values = {}
        self._by_charge[charged].take(element, inner, reading)
        if inner:
            values.setdefault("charges" if charged else "allowances", []).append(AllowanceCharge(**inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for charged, field in ((False, "allowances"), (True, "charges")):
            for each in getattr(source, field):
                out.append(f"{pad}<{self.name}>\n{indicator(charged, pad + '  ')}")
                self._by_charge[charged].put(each, out, pad + "  ")
                out.append(f"{pad}</{self.name}>\n")


_PRODUCT = table(
    Id("ram:GlobalID", "standard_identifier"),
    Text("ram:SellerAssignedID", "sellers_identifier"),
    Text("ram:BuyerAssignedID", "buyers_identifier"),
    Text("ram:Name", "name"),
    Text("ram:Description", "description"),
    Attributes("ram:ApplicableProductCharacteristic", "ram:Description", "ram:Value", NAMESPACES),
    Classifications("ram:DesignatedProductClassification", "ram:ClassCode", NAMESPACES),
    way("ram:OriginTradeCountry", Text("ram:ID", "country_of_origin")),
)

_QUANTITY = Number(
    "ram:BasisQuantity", "base_quantity", Price, attribute="unitCode", unit="base_quantity_unit_code"
)
_NET = table(money("ram:ChargeAmount", "net_price", Price), _QUANTITY)


class GrossQuantity(Number):
    """``ram:BasisQuantity`` of the gross price says what that of the net price says: read only where it is alone."""

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if "base_quantity" not in values:
            super().take(element, values, reading)


class Prices:
    """``ram:GrossPriceProductTradePrice`` and ``ram:NetPriceProductTradePrice`` make one price of the model."""

    _GROSS = table(
        money("ram:ChargeAmount", "gross_price", Price),
        GrossQuantity(
            _QUANTITY.name, "base_quantity", Price, attribute="unitCode", unit="base_quantity_unit_code"
        ),
        Step(
            "ram:AppliedTradeAllowanceCharge",
            table(Indicator(), money("ram:ActualAmount", "discount", Price)),
        ),
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.gross = name.startswith("ram:Gross")

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        price = values.setdefault("_price", {})
        if not self.gross:
            # The net price's own quantity counts, whichever comes first.
            price.pop("base_quantity", None)
            price.pop("base_quantity_unit_code", None)
        (self._GROSS if self.gross else _NET).take(element, price, reading)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        price = source.price
        if price is None:
            return
        if not self.gross:
            wrap(self.name, (_NET,), price, out, pad)
        elif price.gross_price is not None or price.discount is not None:
            out.append(f"{pad}<{self.name}>\n")
            self._GROSS.rules[0].put(price, out, pad + "  ")
            _QUANTITY.put(price, out, pad + "  ")
            if price.discount is not None:
                name = "ram:AppliedTradeAllowanceCharge"
                amount = money_element("ram:ActualAmount", price.discount, pad + "    ", currency=False)
                out.append(f"{pad}  <{name}>\n{indicator(False, pad + '    ')}{amount}{pad}  </{name}>\n")
            out.append(f"{pad}</{self.name}>\n")


class ObjectReference:
    """``ram:AdditionalReferencedDocument`` of a line with type 130: the object the line is about (BT-128)."""

    name = "ram:AdditionalReferencedDocument"
    _ID = qualified("ram:IssuerAssignedID", NAMESPACES)
    _TYPE = qualified("ram:TypeCode", NAMESPACES)
    _SCHEME = qualified("ram:ReferenceTypeCode", NAMESPACES)

    def __init__(self, field: str = "object_identifier") -> None:
        self.field = field

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        number, code, scheme = (element.find(tag) for tag in (self._ID, self._TYPE, self._SCHEME))
        text = text_of(number) if number is not None else None
        kind = text_of(code) if code is not None else "130"
        if text is None or kind != "130" or self.field in values:
            reading.left(element)
        else:
            values[self.field] = Identifier(text, text_of(scheme) if scheme is not None else None)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = getattr(source, self.field)
        if value is not None:
            out.append(reference(value, "130", pad))


def reference(value: Identifier, code: str, pad: str) -> str:
    """A referenced document that is only a number of that type."""
    scheme = (
        f"{pad}  <ram:ReferenceTypeCode>{escape(value.scheme)}</ram:ReferenceTypeCode>\n"
        if value.scheme is not None
        else ""
    )
    return (
        f"{pad}<ram:AdditionalReferencedDocument>\n"
        f"{pad}  <ram:IssuerAssignedID>{escape(value.value)}</ram:IssuerAssignedID>\n"
        f"{pad}  <ram:TypeCode>{code}</ram:TypeCode>\n{scheme}{pad}</ram:AdditionalReferencedDocument>\n"
    )


_LINE: Table = table(
    way(
        "ram:AssociatedDocumentLineDocument",
        Text("ram:LineID", "identifier"),
        way("ram:IncludedNote", Text("ram:Content", "note", joined=True)),
    ),
    Group("ram:SpecifiedTradeProduct", "item", Item, _PRODUCT),
    way(
        "ram:SpecifiedLineTradeAgreement",
        way("ram:BuyerOrderReferencedDocument", Text("ram:LineID", "order_line_reference")),
        Prices("ram:GrossPriceProductTradePrice"),
        Prices("ram:NetPriceProductTradePrice"),
    ),
    way(
        "ram:SpecifiedLineTradeDelivery",
        Number("ram:BilledQuantity", "quantity", Line, attribute="unitCode", unit="unit_code"),
    ),
    way(
        "ram:SpecifiedLineTradeSettlement",
        _category("ram:ApplicableTradeTax", Line),
        Group("ram:BillingSpecifiedPeriod", "period", Period, PERIOD),
        Allowances("BG-27", "BG-28", taxed=False),
        way(
            "ram:SpecifiedTradeSettlementLineMonetarySummation",
            money("ram:LineTotalAmount", "net_amount", Line),
        ),
        ObjectReference(),
        way("ram:ReceivableSpecifiedTradeAccountingAccount", Text("ram:ID", "buyer_accounting_reference")),
    ),
)


class Lines:
    """``ram:IncludedSupplyChainTradeLineItem``."""

    name = "ram:IncludedSupplyChainTradeLineItem"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        _LINE.take(element, inner, reading)
        price = inner.pop("_price", None)
        if price:
            inner["price"] = Price(**price)
        if inner:
            values.setdefault("lines", []).append(Line(**finish(inner)))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for line in source.lines:
            out.append(f"{pad}<{self.name}>\n")
            _LINE.put(line, out, pad + "  ")
            out.append(f"{pad}</{self.name}>\n")
