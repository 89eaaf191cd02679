"""The terms of the model: numbered, complete, walked in one way."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import get_args, get_type_hints

from libs.einvoice import model, terms
from libs.testing import models

GROUPS = [cls for cls in vars(model).values() if isinstance(cls, type) and is_dataclass(cls)]

# BT-160 and BT-161 are parts of one value, BG-2, BG-17 to BG-19 and BG-30 groups whose terms belong to the group around.
ELSEWHERE = {"BT-160", "BT-161", "BG-2", "BG-17", "BG-18", "BG-19", "BG-30"}


def test_every_term_and_group_of_the_standard_has_its_field_once() -> None:
    numbers: list[str] = []
    for cls in GROUPS:
        for field in terms.of_class(cls):
            numbers += [number for number in field.numbers if number.startswith(("BT-", "BG-"))]
    # The standard has no BT-4.
    standard = {f"BT-{n}" for n in range(1, 166)} - {"BT-4"} | {f"BG-{n}" for n in range(1, 33)}
    assert set(numbers) | ELSEWHERE == standard
    assert len(numbers) == len(set(numbers))


def test_groups_with_roles_number_every_field_for_each() -> None:
    for cls in GROUPS:
        roles = getattr(cls, "ROLES", ())
        for field in terms.of_class(cls):
            assert len(field.numbers) == (len(roles) or 1), (cls, field.name)


def test_every_class_is_frozen_and_small() -> None:
    for cls in GROUPS:
        assert "__slots__" in vars(cls)
        assert all(get_args(get_type_hints(cls, include_extras=True)[f.name]) for f in fields(cls))


def test_a_walk_meets_every_value_under_the_number_of_its_role() -> None:
    amount = model.Amount(Decimal(1), "EUR")
    allowance = model.AllowanceCharge(amount=amount)
    invoice = model.Invoice(
        number="1",
        allowances=(allowance,),
        charges=(allowance,),
        lines=(model.Line(charges=(allowance,), item=model.Item(attributes=(model.Attribute("a", "b"),))),),
        buyer=model.Buyer(postal_address=model.PostalAddress(city="Delft")),
    )
    assert list(terms.walk(invoice)) == [
        ("number", "BT-1", "1"),
        ("buyer.postal_address.city", "BT-52", "Delft"),
        ("allowances[1].amount", "BT-92", amount),
        ("charges[1].amount", "BT-99", amount),
        ("lines[1].charges[1].amount", "BT-141", amount),
        ("lines[1].item.attributes[1].name", "BT-160", "a"),
        ("lines[1].item.attributes[1].value", "BT-161", "b"),
    ]


def test_generated_invoices_hold_every_field() -> None:
    seen = {number for seed in range(60) for _, number, _ in terms.walk(models.invoice(seed, density=0.9))}
    every = {
        number for cls in GROUPS for field in terms.of_class(cls) for number in field.numbers if number != "-"
    }
    assert every - seen <= {f"BG-{n}" for n in range(33)}
