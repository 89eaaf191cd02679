"""Kinds of people, their divisions and their rights."""

from __future__ import annotations

from tests.unit.sims.office import Office, said


async def _me(office: Office) -> dict[str, object]:
    (row,) = await office.rows("current/Me", division=None, top="1")
    return row


async def test_me_tells_who_and_of_which_kind(office: Office) -> None:
    me = await _me(office)
    assert (me["UserID"], me["CurrentDivision"]) == (office.user.id, 100)
    assert (me["IsMyFirmPortalUser"], me["IsMyFirmLiteUser"], me["IsClientUser"]) == (False, False, False)


async def test_a_mijnkantoor_user_says_so_and_cannot_book() -> None:
    for kind, name in (("my_firm_portal", "IsMyFirmPortalUser"), ("my_firm_lite", "IsMyFirmLiteUser")):
        async with Office(kind=kind) as office:
            assert (await _me(office))[name] is True
            probe = await office.get("purchaseentry/PurchaseEntries", top="1", select="EntryID")
            assert probe.status_code == 403
            assert (await office.rows("hrm/Divisions", select="Code"))[0]["Code"] == 100


async def test_divisions_are_those_of_the_person(office: Office) -> None:
    for path in ("hrm/Divisions", "system/Divisions", "system/AllDivisions"):
        assert [row["Code"] for row in await office.rows(path, select="Code,Description")] == [100]
    office.user.divisions.append(200)
    rows = await office.rows("hrm/Divisions", select="Code,Current")
    assert [(row["Code"], row["Current"]) for row in rows] == [(100, True), (200, False)]


async def test_another_division_is_forbidden(office: Office) -> None:
    for division in (200, 999):
        reply = await office.get("financial/Journals", division=division, select="Code")
        assert reply.status_code == 403


async def test_only_me_is_read_without_a_division(office: Office) -> None:
    assert (await office.get("financial/Journals", division=None, select="Code")).status_code == 404
    assert (await office.get("current/Me", select="UserID")).status_code == 404


async def test_withdrawn_rights_are_forbidden_from_then_on(office: Office) -> None:
    await office.book()
    office.screens.withdraw(office.user, "purchaseentry")
    reply = await office.post("purchaseentry/PurchaseEntries", office.purchase())
    assert (reply.status_code, said(reply)) == (403, "This user has no right to do that.")
    assert (await office.get("crm/Accounts", top="1")).status_code == 200
    office.screens.withdraw(office.user, "cashflow")
    terms = await office.get("sync/Cashflow/PaymentTerms", select="ID", filter="Timestamp gt 0")
    assert terms.status_code == 403
