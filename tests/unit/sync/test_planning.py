"""What is done about one record: each rule of requirements B5 and B6 on its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.sync import payloads
from services.sync.mappings import BY_NAME, KINDS
from services.sync.mappings.field import Name, Payload, Row, Scope, compose
from services.sync.planning import Guard, Known, Terms, Verdict, Voice, gone, judge, judge_shared, plan_hash
from tests.unit.sync.test_mappings import SAMPLES, SCOPE, TODAY


def seen(
    kind: Name,
    row: Row | None = None,
    before: Payload | None = None,
    known: Known | None = None,
    scope: Scope = SCOPE,
    **terms: Any,
) -> Verdict:
    return judge(BY_NAME[kind], Voice(scope, row or SAMPLES[kind], known, "1", "s"), before, Terms(**terms))


def made(kind: Name, **more: Any) -> Payload:
    return compose(BY_NAME[kind], {**SAMPLES[kind], **more}, SCOPE)


def known(kind: Name, payload: Payload | None = None) -> Known:
    agreed = payload or made(kind)
    return Known(agreed["externalId"], "s", payloads.digest(BY_NAME[kind], agreed), agreed)


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.creates])
def test_what_is_missing_is_made_and_what_is_alike_is_left(kind: Name) -> None:
    new = seen(kind)
    assert (new.action, new.after) == ("create", made(kind))
    assert seen(kind, before=made(kind)).action == "none"


@pytest.mark.proves("R301")
def test_what_differs_is_updated_with_before_and_after() -> None:
    before = made("gl_account", oms25="Oud")
    found = seen("gl_account", before=before, known=known("gl_account", before))
    assert found.action == "update"
    assert found.after is not None
    assert list(payloads.changes(BY_NAME["gl_account"], before, found.after)) == [
        ("description", "Oud", "Huisvesting")
    ]


@pytest.mark.proves("R237", "SB4")
def test_a_renumbering_waits_for_the_next_change_and_keeps_the_identity() -> None:
    before = made("project")
    renumbered = {**SAMPLES["project"], "ProjectNr": "P2"}
    found = seen("project", renumbered, before, known("project"))
    assert (found.action, found.rule, found.after) == ("skip", "R237", None)
    later = seen("project", {**renumbered, "Description": "Sloop"}, before, known("project"))
    assert later.action == "update"
    assert later.after is not None
    assert (later.after["number"], later.after["externalId"]) == ("P2", before["externalId"])


@pytest.mark.proves("R237")
def test_a_renumbered_vat_code_keeps_the_identity_it_had() -> None:
    before = made("vat_code")
    changed = {**SAMPLES["vat_code"], "btwtrans": "22", "Description": "Btw hoger"}
    found = seen("vat_code", changed, before, known("vat_code"))
    assert found.action == "update"
    assert found.after is not None
    assert found.after["externalId"] == "001-21"


def test_a_ledger_account_has_no_renumbering_rule() -> None:
    assert seen(
        "gl_account", {**SAMPLES["gl_account"], "reknr": "4001"}, made("gl_account"), known("gl_account")
    ).action == ("update")


@pytest.mark.parametrize(
    ("kind", "action", "rule"),
    [
        ("gl_account", "deactivate", "R242"),
        ("project", "deactivate", "R243"),
        ("vat_code", "deactivate", "R244"),
        ("cost_centre", "deactivate", "C9"),
        ("payment_condition", "skip", "R245"),
        ("cost_unit", "skip", "R238"),
        ("currency", "skip", "R238"),
        ("supplier", "skip", "R238"),
    ],
)
@pytest.mark.proves("R238", "R242", "R244", "R245", "SB7")
def test_what_was_deleted(kind: Name, action: str, rule: str) -> None:
    found = gone(BY_NAME[kind], "001", "1", known(kind), made(kind), Terms())
    assert (found.action, found.rule) == (action, rule)
    if found.after is not None:
        assert found.after == {**made(kind), "active": False}
    stays = Terms(deactivate_cost_centres=False)
    if kind == "cost_centre":
        assert gone(BY_NAME[kind], "001", "1", known(kind), made(kind), stays).action == "skip"


def test_what_is_inactive_already_is_not_deactivated_again() -> None:
    before = {**made("project"), "active": False}
    assert gone(BY_NAME["project"], "001", "1", known("project"), before, Terms()).action == "none"


@pytest.mark.proves("R261")
def test_a_new_supplier_goes_over_in_a_first_load_only() -> None:
    found = seen("supplier")
    assert (found.action, found.rule) == ("skip", "R261")
    assert seen("supplier", first_load=True).action == "create"


@pytest.mark.proves("R260")
def test_a_supplier_that_turns_inactive_is_switched_off() -> None:
    row = {**SAMPLES["supplier"], "cmp_status": "E"}
    found = seen("supplier", row, made("supplier"), known("supplier"))
    assert (found.action, found.rule) == ("deactivate", "C13")
    assert (
        seen("supplier", row, made("supplier"), known("supplier"), deactivate_suppliers=False).rule == "R260"
    )
    assert seen("supplier", row).rule == "R260"
    # Taken back by a person: it stays on until Globe+ says something else.
    held = replace(known("supplier"), held=found.ours)
    assert found.ours
    assert seen("supplier", row, made("supplier"), held).rule == "undone"
    assert seen("supplier", {**row, "Phone": "1"}, made("supplier"), held).rule == "C13"


@pytest.mark.proves("R301")
def test_a_supplier_changed_on_both_sides_is_merged_by_field() -> None:
    there = {**made("supplier"), "phone": "030-9"}
    found = seen("supplier", {**SAMPLES["supplier"], "Fax": "999"}, there, known("supplier"))
    assert found.after is not None
    assert (found.after["phone"], found.after["fax"]) == ("030-9", "999")


@pytest.mark.proves("R301")
def test_a_field_changed_on_both_sides_is_a_conflict_for_a_person() -> None:
    there = {**made("supplier"), "phone": "030-9"}
    found = seen("supplier", {**SAMPLES["supplier"], "Phone": "030-8"}, there, known("supplier"))
    assert (found.action, found.rule, found.after) == ("warn", "R301", None)
    assert found.words is not None
    assert found.words.en.startswith("phone: ")


@pytest.mark.proves("R241", "SB23")
def test_a_cost_centre_is_linked_and_other_links_stay() -> None:
    assert made("cost_centre")["companies"] == ["001"]
    found = seen(
        "cost_centre", before={**made("cost_centre"), "companies": ["002"]}, known=known("cost_centre")
    )
    assert found.after is not None
    assert found.after["companies"] == ["002", "001"]


@pytest.mark.proves("R239", "SB22")
def test_translations_in_other_languages_stay() -> None:
    before = {**made("cost_unit"), "translations": {"fr": "Voiture", "pl": "Auto"}}
    found = seen("cost_unit", before=before, known=known("cost_unit"))
    assert found.after is not None
    assert found.after["translations"] == {"pl": "Auto", "en": "Sales", "fr": "Ventes"}


def test_bank_accounts_somebody_added_stay() -> None:
    own = {"accountNumber": "BE68539007547034", "bankName": "KBC", "swift": ""}
    before = {**made("company"), "bankAccounts": [own], "name": "Oud"}
    found = seen("company", before=before)
    assert found.after is not None
    assert [a["accountNumber"] for a in found.after["bankAccounts"]] == [
        "BE68539007547034",
        "NL91ABNA0417164300",
        "NL20INGB0001234567",
    ]


def voices(kind: Name, **other: Any) -> list[Voice]:
    second = replace(SCOPE, administration="002")
    return [
        Voice(SCOPE, SAMPLES[kind], None, "1"),
        Voice(second, {**SAMPLES[kind], **other}, None, "1"),
    ]


@pytest.mark.proves("R304", "SB20")
def test_codes_shared_by_administrations_are_not_overwritten_in_turns() -> None:
    kind = BY_NAME["payment_condition"]
    first, second = judge_shared(kind, voices("payment_condition", kbdagen=14), None, Terms())
    assert (first.action, second.action, second.rule, second.after) == ("create", "warn", "R304", None)
    assert second.words is not None
    assert second.words.en.startswith("days: ")
    assert "001" in second.words.en
    alike = judge_shared(kind, voices("payment_condition"), None, Terms())
    assert [v.action for v in alike] == ["create", "none"]


@pytest.mark.proves("R304")
def test_the_value_of_an_administration_that_is_left_out_just_now_stays() -> None:
    kind = BY_NAME["payment_condition"]
    others = [replace(each, known=known("payment_condition")) for each in voices("payment_condition")]
    there = made("payment_condition", kbdagen=5)
    found = judge_shared(kind, others, there, Terms(), elder="000")
    assert [(v.action, v.rule, v.after) for v in found] == [("warn", "R304", None)] * 2
    assert found[0].words is not None
    assert "000" in found[0].words.en
    # What it leaves alone: a link of its own, and what is not there.
    linked = judge_shared(BY_NAME["supplier"], voices("supplier")[1:], made("supplier"), Terms(), elder="001")
    assert [v.action for v in linked] == ["update"]
    assert [v.action for v in judge_shared(kind, others, None, Terms(), elder="000")] == ["create", "none"]


@pytest.mark.proves("R201")
def test_a_supplier_with_another_name_elsewhere_is_warned_of() -> None:
    found = judge_shared(
        BY_NAME["supplier"], voices("supplier", cmp_name="Bakkers BV"), None, Terms(first_load=True)
    )
    assert [(v.action, v.rule) for v in found] == [("create", ""), ("warn", "R201.7")]


def test_a_supplier_of_two_administrations_is_linked_to_both() -> None:
    found = judge_shared(BY_NAME["supplier"], voices("supplier"), None, Terms(first_load=True))
    assert [v.action for v in found] == ["create", "update"]
    assert found[1].after is not None
    assert found[1].after["companyLinks"] == ["001", "002"]
    assert found[1].before == found[0].after


def test_what_was_undone_waits_until_globe_says_something_else() -> None:
    before = made("cost_unit", oms25="Oud")
    held = replace(known("cost_unit", before), held=payloads.digest(BY_NAME["cost_unit"], made("cost_unit")))
    assert seen("cost_unit", before=before, known=held).rule == "undone"
    again = {**SAMPLES["cost_unit"], "oms25": "Nieuw"}
    assert seen("cost_unit", again, before, held).action == "update"


def test_the_hash_names_what_would_be_done_to_what_was_seen() -> None:
    one = seen("cost_unit")
    assert plan_hash([one]) == plan_hash([seen("cost_unit")])
    assert plan_hash([one]) != plan_hash([replace(one, after={**made("cost_unit"), "number": "X"})])
    assert plan_hash([one]) != plan_hash([replace(one, before=made("cost_unit"))])
    assert plan_hash([one, replace(one, action="skip")]) == plan_hash([one])


@pytest.mark.parametrize(
    ("counts", "records", "asks"),
    [
        ({"deactivate": 25}, 1000, False),
        ({"deactivate": 26}, 1000, True),
        ({"update": 501}, 1000, True),
        ({"update": 100}, 110, False),
        ({"create": 5000}, 0, False),
    ],
)
def test_the_scheduler_asks_before_it_changes_much(counts: dict[str, int], records: int, asks: bool) -> None:
    assert bool(Guard().objections(counts, records)) is asks


def test_a_project_that_ended_stays_as_it_is() -> None:
    row = {**SAMPLES["project"], "InitialEndDate": TODAY - timedelta(1), "Description": "Sloop"}
    assert seen("project", row, made("project"), known("project")).rule == "R243"
