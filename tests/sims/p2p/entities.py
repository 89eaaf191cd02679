"""Which resources there are, who may write them by the API, and which companies each belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.sims.p2p import model
from tests.sims.p2p.fields import Part

Access = Literal["upsert", "update", "read", "write"]
"""``update``: people make it in the product's screens first; ``read``: people keep it there; ``write``: there is
an update and no list."""


@dataclass(frozen=True)
class Entity:
    """``belongs`` gives the companies of a record, among those there are; ``None``: it belongs to none in
    particular, so it cannot be filtered by company. ``number``: what people know a record by, which two
    active records of one company may not share."""

    name: str
    model: type[Part]
    access: Access
    belongs: Callable[[Mapping[str, Any], Collection[str]], list[str]] | None = None
    number: str | None = None
    invoicing: bool = False
    """Only with access to the module Invoicing (R217)."""

    def key(self, record: Mapping[str, Any]) -> str:
        if self.name == "AddressType":
            return str(record["code"])
        if self.name == "BookingPeriod":
            return f"{record['company']}/{record['year']}/{record['period']}"
        return str(record["externalID" if self.name == "User" else "externalId"])

    def companies(self, record: Mapping[str, Any], known: Collection[str]) -> list[str]:
        return self.belongs(record, known) if self.belongs else []


def company_of(external_id: str, known: Collection[str]) -> str | None:
    """The company a combined id begins with: its id, a mark that is no letter or digit, the record's own id
    (inference: how the two are combined is not public; without a mark, company 1's 23 would be 12's 3)."""
    fitting = [
        company
        for company in known
        if external_id.startswith(company)
        and len(external_id) > len(company) + 1
        and not external_id[len(company)].isalnum()
    ]
    return max(fitting, key=len, default=None)


def _itself(record: Mapping[str, Any], known: Collection[str]) -> list[str]:
    return [record["externalId"]]


def _combined(record: Mapping[str, Any], known: Collection[str]) -> list[str]:
    company = company_of(record["externalId"], known)
    return [company] if company else []


def _cost_centre(record: Mapping[str, Any], known: Collection[str]) -> list[str]:
    return sorted({*_combined(record, known), *record["companies"]})


ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        Entity("Company", model.Company, "update", _itself),
        Entity("Organisation", model.Organisation, "upsert", _itself),
        Entity("CostCentre", model.CostCentre, "upsert", _cost_centre, "name"),
        Entity("CostUnit", model.CostUnit, "upsert", _combined, "number"),
        Entity("CostType", model.CostType, "upsert", _combined, "number"),
        Entity("Project", model.Project, "upsert", _combined, "number"),
        Entity("VatRate", model.VatRate, "upsert", _combined),
        Entity("PaymentCondition", model.PaymentCondition, "upsert"),
        Entity("Currency", model.Currency, "upsert"),
        Entity("AddressType", model.AddressType, "read"),
        Entity("Supplier", model.Supplier, "upsert", lambda record, _: list(record["companyLinks"])),
        Entity("Invoice", model.Invoice, "read", lambda record, _: [record["companyNumber"]], invoicing=True),
        Entity("Payment", model.Payment, "upsert", lambda record, _: [], invoicing=True),
        Entity(
            "BookingPeriod",
            model.BookingPeriod,
            "read",
            lambda record, _: [record["company"]],
            invoicing=True,
        ),
        Entity("SystemSetting", model.SystemSetting, "read"),
        Entity("User", model.User, "write"),
    )
}
