"""SI-UBL 1.1 and 1.2: the rules of Simplerinvoicing itself (SI-V11, SI-V12)."""

from __future__ import annotations

from libs.einvoice.facts import Facts
from libs.einvoice.text import blank, normal
from libs.einvoice.tree import Element, Group
from libs.rules import codelists
from libs.rules.checks import attribute, exists, one_of, shown
from libs.rules.packs.siubl import places
from libs.rules.packs.siubl.bii import COUNTRIES, LATER, positive
from libs.rules.packs.siubl.places import LINE, attribute_in, attribute_is, fatal, warning, written
from libs.rules.rule import Breach, Check, Condition, Rule, always

_AMOUNTS = (
    "cbc:Amount/@currencyID cbc:TaxAmount/@currencyID cbc:TaxableAmount/@currencyID "
    "cbc:LineExtensionAmount/@currencyID cbc:PriceAmount/@currencyID cbc:BaseAmount/@currencyID "
    "cac:LegalMonetaryTotal/cbc:*/@currencyID"
)
_MULTIPLY, _DIVIDE = str.maketrans("MULTIPLY", "multiply"), str.maketrans("DIVE", "dive")


def _corrected(_: Facts, root: Group) -> Breach | None:
    codes = root.texts_as_written("InvoiceTypeCode")
    if any(code != "384" for code in codes) or "BillingReference" in root.groups:
        return None
    return Breach(root.element, expected="BillingReference")


def _ubl_21(_: Facts, root: Group) -> Breach | None:
    leaf = root.leaf("UBLVersionID")
    if leaf is not None and leaf.text == "2.1":
        return None
    return Breach(
        root.element if leaf is None else leaf,
        seen=None if leaf is None else shown(leaf.text),
        expected="2.1",
    )


def _uri(_: Facts, reference: Group) -> Breach | None:
    leaf = reference.leaf("URI")
    if leaf is not None and not blank(leaf.text):
        return None
    return Breach(reference.element if leaf is None else leaf, expected="URI")


def _scheme(_: Facts, scheme: Group) -> Breach | None:
    found = scheme.leaves.get("ID", ())
    if any(leaf.get("schemeID") == "UN/ECE 5153" for leaf in found):
        return None
    where = found[0] if found else scheme.element
    return Breach(where, expected="@schemeID UN/ECE 5153")


def _terms(*, exact: bool) -> Check:
    """Special terms in words. Where several have some, 1.1 looks at the first alone and the official 1.2 gives up."""

    def check(_: Facts, terms: Group) -> Breach | None:
        found = terms.leaves.get("SpecialTerms", ())
        told = [leaf for leaf in found if leaf.text]
        if told and not blank(told[0].text) and not (exact and len(told) > 1):
            return None
        return Breach(found[-1] if found else terms.element, expected="SpecialTerms")

    return check


def _standard(_: Facts, category: Group) -> Breach | None:
    leaf = category.leaf("ID")
    if leaf is None or leaf.text != "S" or "Percent" in category.leaves:
        return None
    return Breach(category.element, expected="Percent")


def _operator(_: Facts, leaf: Element) -> Breach | None:
    text = leaf.text or ""
    if text.translate(_MULTIPLY) == "multiply" or text.translate(_DIVIDE) == "divide":
        return None
    return Breach(leaf, seen=shown(text), expected="multiply, divide")


def _totalled(indicator: str, name: str) -> Check:
    def check(facts: Facts, totals: Group) -> Breach | None:
        if facts.is_credit_note or name in totals.leaves or not places.indicated(facts.root, indicator):
            return None
        return Breach(totals.element, expected=name)

    return check


def _tax_currency(facts: Facts, item: Element) -> Breach | None:
    if facts.is_credit_note or "TaxCurrencyCode" not in facts.root.leaves:
        return None
    wanted, seen = facts.root.leaves["TaxCurrencyCode"][0].text or "", item.get("currencyID")
    return None if seen == wanted else Breach(item, seen=shown(seen), expected=shown(wanted))


def _currency(facts: Facts) -> str:
    found = () if facts.is_credit_note else facts.root.leaves.get("DocumentCurrencyCode", ())
    return (found[0].text or "") if found else ""


def _own_currency(facts: Facts, leaf: Element) -> Breach | None:
    seen, wanted = leaf.get("currencyID") or "", facts.once(_currency)
    return None if seen == wanted else Breach(leaf, seen=shown(seen), expected=shown(wanted) or None)


def _own_currency_11(facts: Facts, leaf: Element) -> Breach | None:
    # An amount in the tax currency has a rule of its own, where there is such a currency.
    if leaf.tag.endswith("}TransactionCurrencyTaxAmount") and "TaxCurrencyCode" in facts.root.leaves:
        return None
    return _own_currency(facts, leaf)


def _other_tax(facts: Facts, total: Group) -> Breach | None:
    """A total of VAT, and lines with a tax that is none."""
    if not any(total is each for each in places.vat_totals(facts.root)) or "TaxAmount" not in total.leaves:
        return None
    for line in facts.root.within("InvoiceLine", "TaxTotal"):
        for leaf in line.at("TaxSubtotal", "TaxCategory", "TaxScheme", "ID"):
            if leaf.text != "VAT":
                return Breach(leaf, seen=shown(leaf.text), expected="VAT")
    return None


def _both_or_none(_: Facts, adjustment: Group) -> Breach | None:
    if adjustment.has("MultiplierFactorNumeric") is adjustment.has("BaseAmount"):
        return None
    return Breach(adjustment.element, expected="MultiplierFactorNumeric, BaseAmount")


def _name_and_value(_: Facts, group: Group) -> Breach | None:
    if group.has("Value") and group.has("Name"):
        return None
    return Breach(group.element, expected="Name, Value")


def _parts(_: Facts, leaf: Element) -> Breach | None:
    """Four or six digits of a card."""
    if len(normal(leaf.text)) in (4, 6):
        return None
    return Breach(leaf, expected="1234")


def rules(prefix: str, claims: Condition, invoice: Condition, claim: str, *, exact: bool) -> tuple[Rule, ...]:
    """The table of a version; ``exact`` for 1.2."""

    def rule(id_: str, terms: str, check: Check, where: str, when: Condition = claims) -> Rule:
        return fatal(f"{prefix}-{id_}", terms, check, where, when)

    countries = COUNTRIES | LATER if exact else COUNTRIES | LATER | {"BQ"}
    return (
        fatal("SI-INV-R000", "BT-3", places.an_invoice, "/", always),
        fatal("BII2-T10-R001", "BT-24", exists("CustomizationID"), "/", places.invoice),
        rule("INV-R200", "BT-24", places.tagged(claim), "cbc:CustomizationID", always),
        rule("INV-R001", "BT-24", _ubl_21, "/", invoice),
        rule("INV-R002", "BT-3", exists("InvoiceTypeCode"), "/", invoice),
        rule("INV-R453", "BT-25", _corrected, "/", invoice),
        rule("INV-R003", "BT-30 BT-31 BT-47", attribute("schemeID"), "cbc:CompanyID"),
        rule("INV-R004", "BT-124", _uri, "cac:ExternalReference"),
        rule("INV-R005", "BT-40 BT-55", exists("IdentificationCode"), "cac:Country cac:OriginCountry"),
        rule("INV-R006", "BT-118 BT-151", _scheme, "cac:TaxScheme"),
        rule("INV-R007", "BT-30 BT-47", exists("CompanyID"), "cac:PartyLegalEntity"),
        rule("INV-R008", "BT-20", _terms(exact=exact), "cac:DeliveryTerms"),
        rule("INV-R009", "BT-87", written, "cbc:PrimaryAccountNumberID"),
        rule("INV-R010", "BT-88", written, "cbc:NetworkID"),
        rule("INV-R011", "BT-84", exists("ID"), "cac:PayeeFinancialAccount"),
        rule("INV-R012", "BT-84", written, "cac:PayeeFinancialAccount/cbc:ID"),
        rule("INV-R013", "BT-86", exists("ID"), "cac:FinancialInstitution"),
        rule("INV-R014", "BT-86", written, "cac:FinancialInstitution/cbc:ID"),
        rule("INV-R015", "BT-118", exists("ID"), "cac:TaxCategory"),
        rule("INV-R016", "BT-119", _standard, "cac:TaxCategory"),
        rule("INV-R017", "BT-6", _operator, "cbc:MathematicOperatorCode"),
        rule("INV-R018", "BT-107", _totalled("false", "AllowanceTotalAmount"), "cac:LegalMonetaryTotal"),
        rule("INV-R019", "BT-108", _totalled("true", "ChargeTotalAmount"), "cac:LegalMonetaryTotal"),
        rule("INV-R020", "BT-153", exists("Name"), "cac:Item"),
        # The older version asks for a list by a name that nobody gives it.
        rule("INV-R021", "BT-159", attribute_is("listID", "ISO3166-1:Alpha2" if exact else "3166-1:Alpha2"),
             "cac:OriginCountry/cbc:IdentificationCode"),
        rule("INV-R022", "BT-160 BT-161", _name_and_value, "cac:AdditionalItemProperty"),
        rule("INV-R023", "BG-29", exists("Price"), LINE),
        rule("INV-R024", "BT-59", exists("PartyName/Name"), "/cac:PayeeParty", invoice),
        rule("INV-R025", "BT-111", _tax_currency, "cbc:TransactionCurrencyTaxAmount/@currencyID"),
        rule("INV-R026", "BT-5", _own_currency if exact else _own_currency_11,
             _AMOUNTS if exact else "cbc:*/@currencyID"),
        rule("INV-R027", "BT-151", _other_tax, "/cac:TaxTotal", invoice),
        rule("INV-R028", "BT-94 BT-101", positive, "cac:AllowanceCharge"),
        rule("INV-R029", "BT-93 BT-94", _both_or_none, "cac:AllowanceCharge"),
        rule("CODE-R002", "BT-118 BT-151", one_of(codelists.codes("siubl_tax_scheme")), "cac:TaxScheme/cbc:ID"),
        rule("CODE-R003", "BT-159", one_of(countries), "cac:OriginCountry/cbc:IdentificationCode"),
        # In the older version this one is asked whatever the invoice claims.
        rule("CODE-R004", "BT-157", attribute_in("schemeID", frozenset(("GTIN",))),
             "cac:StandardItemIdentification/cbc:ID/@schemeID", claims if exact else always),
        *(_only_12(rule) if exact else ()),
        *once(prefix, claims, exact=exact),
    )  # fmt: skip


def _only_12(rule: places.Maker) -> tuple[Rule, ...]:
    return (
        rule("INV-R030", "BT-151", exists("ID"), "cac:Item/cac:ClassifiedTaxCategory"),
        rule("INV-R031", "BT-63", exists("PartyTaxScheme"), "cac:TaxRepresentativeParty"),
    )


_ONCE: tuple[tuple[str, str, str, int], ...] = (
    ("201", "BT-12", "ContractDocumentReference", 1),
    ("202", "BG-14 BG-26", "InvoicePeriod", 1),
    ("203", "BT-22 BT-127", "Note", 1),
    ("205", "BT-28 BT-45", "PartyName", 1),
    ("206", "BT-31 BT-48", "PartyTaxScheme", 1),
    ("207", "BT-30 BT-47", "PartyLegalEntity", 1),
    ("209", "BG-16", "PaymentMeans", 1),
    ("210", "BT-83", "PaymentID", 1),
    ("212", "BT-20", "PaymentTerms", 2),
    ("215", "BT-95 BT-102", "TaxCategory", 1),
    ("216", "BT-110", "TaxTotal", 1),
    ("218", "BG-13", "Delivery", 1),
    ("219", "BT-151", "ClassifiedTaxCategory", 1),
    ("220", "BT-147", "AllowanceCharge", 1),
)
"""What should stand no more often than this in one place: rule, terms, name, times in 1.2."""
_MARKED = frozenset(("205", "206", "207", "209", "210"))
"""Those of 1.1 that are marked as warnings. Who forgets the mark means an error."""


def repeated(facts: Facts) -> dict[str, list[Element]]:
    """By name what stands for the second time or more in one group; of allowances only those of a price."""
    found: dict[str, list[Element]] = {}
    waiting = [("", facts.root)]
    while waiting:
        name, group = waiting.pop()
        for below, leaves in group.leaves.items():
            if len(leaves) > 1:
                found.setdefault(below, []).extend(leaves[1:])
        for below, groups in group.groups.items():
            if len(groups) > 1 and (below != "AllowanceCharge" or name == "Price"):
                found.setdefault(below, []).extend(each.element for each in groups[1:])
                if len(groups) > 2:
                    found.setdefault(f"{below}+", []).extend(each.element for each in groups[2:])
            waiting += ((below, each) for each in groups)
    return found


def _no_more(name: str, times: int) -> Check:
    key = name if times == 1 else f"{name}+"

    def check(facts: Facts, _: Group) -> Breach | None:
        found = facts.once(repeated).get(key)
        return Breach(found[0], expected=f"0 – {times}") if found else None

    return check


def once(prefix: str, claims: Condition, *, exact: bool) -> tuple[Rule, ...]:
    """What should not be repeated: in 1.2 a warning; in 1.1 mostly an error, and payment terms may stand once."""
    made = []
    for number, terms, name, times in _ONCE:
        kind = warning if exact or number in _MARKED else fatal
        check = _no_more(name, times if exact else 1)
        made.append(kind(f"{prefix}-INV-R{number}", terms, check, "/", claims))
    card = warning if exact else fatal
    made.append(card(f"{prefix}-INV-R211", "BT-87", _parts, "cbc:PrimaryAccountNumberID", claims))
    return tuple(made)
