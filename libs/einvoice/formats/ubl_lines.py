"""Lines, items, prices, allowances and VAT of UBL 2.x (EN 16931-3-2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from libs.einvoice.formats.product import Attributes, Classifications
from libs.einvoice.formats.reading import Reading
from libs.einvoice.formats.table import (
    BLANKS,
    Day,
    Group,
    Id,
    Money,
    Number,
    Step,
    Table,
    Text,
    Values,
    finish,
    identifier_element,
    identifier_of,
    money_element,
    qualified,
    text_of,
)
from libs.einvoice.formats.ubl_parties import NAMESPACES, table
from libs.einvoice.model import (
    AllowanceCharge,
    Item,
    Line,
    Period,
    Price,
    VatBreakdown,
)
from libs.einvoice.tree import Element

_TYPE_CODE = qualified("cbc:DocumentTypeCode", NAMESPACES)
_ID = qualified("cbc:ID", NAMESPACES)
_NO_ITEM = Item()
_ZERO = Decimal(0)


class VatScheme:
    """``cac:TaxScheme`` inside a category: always VAT in EN 16931."""

    name = "cac:TaxScheme"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        for child in element:
            if child.tag != _ID or (text_of(child) or "VAT").upper() != "VAT":
                reading.left(child)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        out.append(f"{pad}<cac:TaxScheme>\n{pad}  <cbc:ID>VAT</cbc:ID>\n{pad}</cac:TaxScheme>\n")


class Category(Step):
    """A VAT category whose fields belong to the group around it; written when it has a code or a rate."""

    __slots__ = ("code", "rate")

    def __init__(self, name: str, code: str, rate: str, rules: Table) -> None:
        super().__init__(name, rules)
        self.code, self.rate = code, rate

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if getattr(source, self.code) is not None or getattr(source, self.rate) is not None:
            super().put(source, out, pad)


def _category(name: str, owner: type) -> Category:
    return Category(
        name,
        "vat_category_code",
        "vat_rate",
        table(Text("cbc:ID", "vat_category_code"), Number("cbc:Percent", "vat_rate", owner), VatScheme()),
    )


def read_bool(text: str | None) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get((text or "").strip(BLANKS))


class Indicator:
    """``cbc:ChargeIndicator``, kept until the group is sorted."""

    name = "cbc:ChargeIndicator"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        values["_charge"] = read_bool(element.text)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        pass


class Allowances:
    """``cac:AllowanceCharge`` of document or line: allowances and charges are two groups of the model."""

    name = "cac:AllowanceCharge"

    def __init__(self, allowance: str, charge: str, *, taxed: bool) -> None:
        self._by_charge = {
            charged: table(
                Indicator(),
                Text("cbc:AllowanceChargeReasonCode", "reason_code"),
                Text("cbc:AllowanceChargeReason", "reason", joined=True),
                Number("cbc:MultiplierFactorNumeric", "percentage", AllowanceCharge, role=role),
                Money("cbc:Amount", "amount", AllowanceCharge, role=role),
                Money("cbc:BaseAmount", "base_amount", AllowanceCharge, role=role),
                *((_category("cac:TaxCategory", AllowanceCharge),) if taxed else ()),
            )
            for charged, role in ((False, allowance), (True, charge))
        }

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        said = element.find(qualified(Indicator.name, NAMESPACES))
        charged = read_bool(said.text) if said is not None else None
        if charged is None:
            reading.left(element)
            return
        inner: Values = {}
        self._by_charge[charged].take(element, inner, reading)
        del inner["_charge"]
        if inner:
            values.setdefault("charges" if charged else "allowances", []).append(AllowanceCharge(**inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for charged, field in ((False, "allowances"), (True, "charges")):
            for each in getattr(source, field):
                said = "true" if charged else "false"
                out.append(f"{pad}<cac:AllowanceCharge>\n")
                out.append(f"{pad}  <cbc:ChargeIndicator>{said}</cbc:ChargeIndicator>\n")
                self._by_charge[charged].put(each, out, pad + "  ")
                out.append(f"{pad}</cac:AllowanceCharge>\n")


class PriceDiscount:
    """``cac:AllowanceCharge`` of a price: discount (BT-147) and gross price (BT-148)."""

    name = "cac:AllowanceCharge"

    _RULES = table(
        Indicator(), Money("cbc:Amount", "discount", Price), Money("cbc:BaseAmount", "gross_price", Price)
    )

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        said = element.find(qualified(Indicator.name, NAMESPACES))
        if "discount" in values or (said is not None and read_bool(said.text) is not False):
            reading.left(element)
            return
        self._RULES.take(element, values, reading)
        values.pop("_charge", None)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        if source.discount is None and source.gross_price is None:
            return
        out.append(f"{pad}<cac:AllowanceCharge>\n{pad}  <cbc:ChargeIndicator>false</cbc:ChargeIndicator>\n")
        if source.discount is not None:
            out.append(money_element("cbc:Amount", source.discount, pad + "  "))
        else:
            # The schema wants an amount; a gross price without discount is the net price.
            out.append(money_element("cbc:Amount", source.gross_price._replace(value=_ZERO), pad + "  "))
        if source.gross_price is not None:
            out.append(money_element("cbc:BaseAmount", source.gross_price, pad + "  "))
        out.append(f"{pad}</cac:AllowanceCharge>\n")


_VAT = _category("cac:ClassifiedTaxCategory", Line)
_ITEM_RULES = (
    Text("cbc:Description", "description", joined=True),
    Text("cbc:Name", "name"),
    Step("cac:BuyersItemIdentification", table(Text("cbc:ID", "buyers_identifier"))),
    Step("cac:SellersItemIdentification", table(Text("cbc:ID", "sellers_identifier"))),
    Step("cac:StandardItemIdentification", table(Id("cbc:ID", "standard_identifier"))),
    Step("cac:OriginCountry", table(Text("cbc:IdentificationCode", "country_of_origin"))),
    Classifications("cac:CommodityClassification", "cbc:ItemClassificationCode", NAMESPACES),
)
_ATTRIBUTES = Attributes("cac:AdditionalItemProperty", "cbc:Name", "cbc:Value", NAMESPACES)
_ITEM = table(*_ITEM_RULES, _ATTRIBUTES, aliases=(_VAT,))
_ITEM_HEAD, _ITEM_TAIL = table(*_ITEM_RULES), table(_ATTRIBUTES)


class ItemRule:
    """``cac:Item``: the item, and in its midst the VAT category that the model gives to the line."""

    name = "cac:Item"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        if "item" in values:
            reading.left(element)
            return
        inner: Values = {}
        _ITEM.take(element, inner, reading)
        for field in ("vat_category_code", "vat_rate"):
            if field in inner:
                values[field] = inner.pop(field)
        if inner:
            values["item"] = Item(**finish(inner))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        item = source.item or _NO_ITEM
        place = len(out)
        out.append(f"{pad}<cac:Item>\n")
        inner = pad + "  "
        _ITEM_HEAD.put(item, out, inner)
        _VAT.put(source, out, inner)
        _ITEM_TAIL.put(item, out, inner)
        if len(out) == place + 1:
            out.pop()
        else:
            out.append(f"{pad}</cac:Item>\n")


class LineTax:
    """``cac:TaxTotal`` of a line, in profiles before EN 16931: looked at when the item has no category."""

    name = "cac:TaxTotal"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        values.setdefault("_tax", []).append(element)

    def put(self, source: Any, out: list[str], pad: str) -> None:
        pass


_OLD_CATEGORY = "/".join(qualified(name, NAMESPACES) for name in ("cac:TaxSubtotal", "cac:TaxCategory"))


def settle_tax(values: Values, reading: Reading) -> None:
    """Give a line the category of its own tax total where its item has none."""
    for element in values.pop("_tax", ()):
        found = element.find(_OLD_CATEGORY)
        if found is None or "vat_category_code" in values or "vat_rate" in values:
            reading.left(element)
            continue
        _VAT.take(found, values, reading)
        if "vat_category_code" in values:
            reading.took(
                "BT-151",
                values["vat_category_code"],
                "Btw-categorie genomen uit TaxTotal van de regel, omdat het artikel er geen heeft.",
                "VAT category taken from the line's TaxTotal, because the item has none.",
            )


class ObjectReference:
    """``cac:DocumentReference`` with type 130: the object the line is about (BT-128)."""

    name = "cac:DocumentReference"

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        code = element.find(_TYPE_CODE)
        leaf = element.find(_ID)
        found = identifier_of(leaf) if leaf is not None else None
        if found is None or code is None or text_of(code) != "130" or "object_identifier" in values:
            reading.left(element)
        else:
            values["object_identifier"] = found

    def put(self, source: Any, out: list[str], pad: str) -> None:
        value = source.object_identifier
        if value is not None:
            out.append(f"{pad}<{self.name}>\n")
            out.append(identifier_element("cbc:ID", value, pad + "  "))
            out.append(f"{pad}  <cbc:DocumentTypeCode>130</cbc:DocumentTypeCode>\n{pad}</{self.name}>\n")


PRICE = table(
    Money("cbc:PriceAmount", "net_price", Price),
    Number("cbc:BaseQuantity", "base_quantity", Price, attribute="unitCode", unit="base_quantity_unit_code"),
    PriceDiscount(),
)

_PERIOD = table(Day("cbc:StartDate", "start_date", Period), Day("cbc:EndDate", "end_date", Period))


def _line(quantity: str) -> Table:
    return table(
        Text("cbc:ID", "identifier"),
        Text("cbc:Note", "note", joined=True),
        Number(quantity, "quantity", Line, attribute="unitCode", unit="unit_code"),
        Money("cbc:LineExtensionAmount", "net_amount", Line),
        Text("cbc:AccountingCost", "buyer_accounting_reference"),
        Group("cac:InvoicePeriod", "period", Period, _PERIOD),
        Step("cac:OrderLineReference", table(Text("cbc:LineID", "order_line_reference"))),
        ObjectReference(),
        Allowances("BG-27", "BG-28", taxed=False),
        ItemRule(),
        Group("cac:Price", "price", Price, PRICE),
        aliases=(LineTax(),),
    )


class Lines:
    """``cac:InvoiceLine`` or ``cac:CreditNoteLine``."""

    def __init__(self, name: str, quantity: str) -> None:
        self.name = name
        self._table = _line(quantity)

    def take(self, element: Element, values: Values, reading: Reading) -> None:
        inner: Values = {}
        self._table.take(element, inner, reading)
        if "_tax" in inner:
            settle_tax(inner, reading)
        if inner:
            values.setdefault("lines", []).append(Line(**finish(inner)))

    def put(self, source: Any, out: list[str], pad: str) -> None:
        for line in source.lines:
            out.append(f"{pad}<{self.name}>\n")
            self._table.put(line, out, pad + "  ")
            out.append(f"{pad}</{self.name}>\n")


BREAKDOWN = table(
    Money("cbc:TaxableAmount", "taxable_amount", VatBreakdown),
    Money("cbc:TaxAmount", "tax_amount", VatBreakdown),
    Step(
        "cac:TaxCategory",
        table(
            Text("cbc:ID", "category_code"),
            Number("cbc:Percent", "rate", VatBreakdown),
            Text("cbc:TaxExemptionReasonCode", "exemption_reason_code"),
            Text("cbc:TaxExemptionReason", "exemption_reason", joined=True),
            VatScheme(),
        ),
    ),
    aliases=(Number("cbc:Percent", "rate", VatBreakdown),),
)
