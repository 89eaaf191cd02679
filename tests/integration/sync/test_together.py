"""Two administrations on one Purchase to Pay: what they share is one record, and what is known by a code has one owner."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from libs import clock
from libs.db.pools import Pools
from services.sync import clients, loads
from services.sync.applier import apply
from services.sync.globe.reader import Globe as Reader
from services.sync.leases import Busy, held
from services.sync.planner import Load
from tests.integration.sync.stage import RECORDS, Stage, of, staged, writing
from tests.sims.globe import Fill, Globe, people, rows
from tests.sims.p2p import Control, P2PServer


@pytest.mark.proves("R201", "R236", "R237", "R304", "M-S19")
async def test_what_two_administrations_share_is_written_by_one_at_a_time_and_never_in_turns(
    pools: Pools, p2p: P2PServer, control: Control, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    globe, today = Globe(postgres_url), clock.day(clock.now())
    fills = (Fill("001", "Een BV", 1, RECORDS, today=today), Fill("002", "Twee BV", 1, RECORDS, today=today))
    two = await staged(pools, p2p, control, globe, fills)
    one, other = two.administrations["001"], two.administrations["002"]
    async with one.connection() as conn:  # as Globe writes numbers: blanks before them
        for table in ("cicmpy", "bnkacc"):
            await conn.execute(f"UPDATE {table} SET crdnr = lpad(trim(leading '0' from crdnr), 6, ' ')")
    await two.sync()

    # Two loads write the same suppliers: the second waits, and then its world has moved.
    first, second = [await two.plan("load", Load(code, "supplier")) for code in ("001", "002")]
    async with held(two.shop.pool, first.client_id, first.account_id, ["001"], 30.0):
        with pytest.raises(Busy):
            await apply(two.shop, second.plan_id)
    assert (await two.apply(first)).state == "applied"
    assert {len(each["bankAccounts"]) for each in await control.all("Supplier")} >= {1}
    assert (await two.apply(second)).state == "refused"
    assert (await two.apply(await two.plan("load", Load("002", "supplier")))).state == "applied"
    assert {tuple(each["companyLinks"]) for each in await control.all("Supplier")} == {("001", "002")}

    # One renumbers a condition: it is still the one the other has under its old code.
    await people.renumber(one, rows.PaymentCondition, "14", "15")
    await two.sync()
    await people.change(one, rows.PaymentCondition, "15", oms30="Van een")
    await two.sync()
    await people.change(other, rows.PaymentCondition, "14", oms30="Van twee")
    (told,) = of(await two.sync(), "payment_condition")
    assert (told.administration, told.external_id, told.rule) == ("002", "14", "R304")
    assert (await two.found("PaymentCondition", "14"))["description"] == "Van een"
    # Names are compared when one was written.
    read, asked = Reader.supplier_names, list[str]()

    def watched(self: Reader) -> dict[str, str]:
        asked.append(self.code)
        return read(self)

    monkeypatch.setattr(Reader, "supplier_names", watched)
    await two.plan()
    assert asked == []
    async with other.connection() as conn:
        await conn.execute(
            "UPDATE cicmpy SET cmp_name = 'Anders' WHERE crdcode = (SELECT min(crdcode) FROM cicmpy)"
        )
    for _ in range(2):
        (check,) = [each for each in (await two.plan()).checks if each["rule"] == "R201.7"]
        assert "Anders" in check["words"]["en"]
    assert asked == ["001", "002"]

    # The first is left out for a while: its value stays.
    async with one.connection() as conn:
        await conn.execute("INSERT INTO bnkacc (crdnr, banknr, accncd) VALUES ('1', '123456789', 'NL')")
    (told,) = of(await two.sync(), "payment_condition")
    assert (told.administration, told.external_id, told.rule) == ("002", "14", "R304")
    assert (await two.found("PaymentCondition", "14"))["description"] == "Van een"
    for each in two.administrations.values():
        await globe.drop(each)


@pytest.mark.proves("R236", "R244")
async def test_a_vat_code_that_was_renumbered_keeps_its_identity_from_the_next_of_that_code(
    synced: Stage,
) -> None:
    globe = synced.administrations["001"]

    async def add(code: str, text: str) -> None:
        async with globe.connection() as conn:
            await conn.execute(
                """INSERT INTO btwtrs SELECT (r).* FROM (SELECT jsonb_populate_record(b, jsonb_build_object(
                   'ID', (SELECT max("ID") + 1 FROM btwtrs), 'btwtrans', $1::text, 'Description', $2::text,
                   'sysguid', gen_random_uuid())) AS r FROM btwtrs b WHERE exclus <> 'I' LIMIT 1) AS made""",
                code,
                text,
            )

    async def there() -> tuple[str, bool]:
        found = await synced.found("VatRate", "001-21")
        return found["description"], found["active"]

    await add("21", "Eerste")
    await synced.sync()
    await people.renumber(globe, rows.VatCode, "21", "22")
    await add("21", "Tweede")
    (told,) = of(await synced.sync(), "vat_code")
    assert (told.action, told.rule, await there()) == ("warn", "R236", ("Eerste", True))
    await people.change(globe, rows.VatCode, "22", Description="Eerste, gewijzigd")
    await synced.sync()
    assert await there() == ("Eerste, gewijzigd", True)

    # The first is deleted: the second has that identity from then on, and it is not switched off.
    await people.delete(globe, rows.VatCode, "22")
    await synced.sync()
    assert await there() == ("Tweede", True)
    # Deleted and entered anew between two plans: the same.
    await people.delete(globe, rows.VatCode, "21")
    await add("21", "Derde")
    await synced.sync()
    assert await there() == ("Derde", True)
    assert (await synced.plan()).writes == 0
    await people.delete(globe, rows.VatCode, "21")
    await synced.sync()
    assert await there() == ("Derde", False)


@pytest.mark.proves("R235")
async def test_what_was_left_out_by_a_rule_does_not_slip_past_a_filter(synced: Stage) -> None:
    async with synced.administrations["001"].connection() as conn:
        number = await conn.fetchval(
            'SELECT "ProjectNr" FROM "PRProject" WHERE "InitialEndDate" < now() ORDER BY 1 LIMIT 1'
        )
    async with synced.shop.pool.acquire() as conn:
        await loads.save(conn, synced.solution_id, "001", "project", True, "ProjectNr = 'geen'")
    await people.change(
        synced.administrations["001"],
        rows.Project,
        number,
        InitialEndDate=clock.now().replace(tzinfo=None) + timedelta(days=9),
    )
    assert of(await synced.sync(), "project") == []
    async with synced.shop.pool.acquire() as conn:
        await loads.save(conn, synced.solution_id, "001", "project", True, "")
    assert [each.action for each in of(writing(await synced.sync()), "project")] == ["create"]


async def test_at_another_address_everything_is_looked_for_anew(synced: Stage, p2p: P2PServer) -> None:
    """A client that is pointed at another environment: what was seen of the old one says nothing about it."""
    async with synced.shop.pool.acquire() as conn:
        found = await clients.solution(conn, synced.shop.seal, synced.solution_id)
    async with Control(p2p.address) as elsewhere:
        await elsewhere.keep("Company", {"externalId": "001", "name": "Een BV"})
        moved = replace(found.account, base_address=p2p.base_url)
        for account, made in ((moved, True), (found.account, False)):
            async with synced.shop.pool.acquire() as conn:
                await clients.put_client(conn, synced.shop.seal, found.account_id, "Hoofdkantoor", account)
            plan = await synced.plan()
            assert bool(plan.counts.get("create")) is made
            assert not plan.counts.get("deactivate")
