"""What reading demands, filters, pages and forms."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sims.exact_online import Settings
from tests.unit.sims.office import Office, said

JOURNALS = "financial/Journals"
ACCOUNTS = "crm/Accounts"


async def test_a_list_wants_a_select_or_only_the_first(office: Office) -> None:
    for query in ({}, {"top": "2"}, {"filter": "Code eq '60'"}):
        reply = await office.get(JOURNALS, **query)
        assert (reply.status_code, "$select or a $top=1" in said(reply)) == (400, True)
    assert len(await office.rows(JOURNALS, top="1")) == 1
    rows = await office.rows(JOURNALS, select="Code")
    assert {key for row in rows for key in row} == {"__metadata", "Code"}


async def test_what_has_a_sync_endpoint_is_not_read_as_a_whole(office: Office) -> None:
    for path in ("crm/Accounts", "documents/Documents", "financial/GLAccounts", "cashflow/Payments"):
        assert (await office.get(path, select="ID")).status_code == 400
        assert (await office.get(path, top="1")).status_code == 200
    assert await office.rows("financial/GLAccounts", select="ID", filter="Code eq '4500'")
    assert len(await office.rows("sync/Financial/GLAccounts", select="Code", filter="Timestamp gt 0L")) == 4


async def test_without_accept_the_answer_is_xml(office: Office) -> None:
    for accept in ("*/*", "application/xml"):
        reply = await office.get(JOURNALS, top="1", headers={"Accept": accept})
        assert reply.text.startswith("<?xml")
        refused = await office.get(JOURNALS, headers={"Accept": accept})
        assert (refused.status_code, refused.text[:5]) == (400, "<?xml")


async def test_an_error_has_one_form_and_a_header_with_its_words(office: Office) -> None:
    reply = await office.get(JOURNALS, select="Nothing")
    assert reply.status_code == 400
    assert reply.json() == {"error": {"code": "", "message": {"lang": "", "value": reply.headers["reason"]}}}
    assert "Nothing" in reply.headers["reason"]


@pytest.mark.parametrize(
    "query",
    [
        {"select": "Code", "skip": "60"},
        {"select": "Code", "format": "json"},
        {"select": "Code", "top": "0"},
        {"select": "Code", "orderby": "Nothing"},
        {"select": "Code", "expand": "Lines"},
        {"select": "Code", "filter": "Nothing eq 1"},
        {"select": "Code", "filter": "Code = '60'"},
        {"select": "Code", "filter": "Code eq 60"},
        {"select": "Code", "filter": "Code eq '60' and"},
        {"select": "Code", "filter": "(Code eq '60'"},
        {"select": "Code", "filter": "ID eq '60'"},
        {"select": "Code", "filter": "ID eq guid'60'"},
        {"select": "Code", "filter": "Type eq '22'"},
        {"select": "Code", "filter": "Code gt null"},
        {"select": "Code", "filter": "(" * 30 + "Code eq '60'" + ")" * 30},
        {"select": "Code", "filter": "Code eq '60'" + " or Code eq '60'" * 130},
    ],
    ids=lambda query: "&".join(f"{key}={value}"[:40] for key, value in query.items()),
)
async def test_what_is_not_understood_is_refused(office: Office, query: dict[str, str]) -> None:
    assert (await office.get(JOURNALS, **query)).status_code == 400


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Code eq '60'", "60"),
        ("Code eq '60' or Code eq '20'", "60 20"),
        ("Type eq 22 or Type eq 20 and Code ne '70'", "60"),
        ("(Type eq 22 or Type eq 20) and Code ne '60'", "70"),
        ("not (Type eq 22)", "70 20"),
        ("Type gt 12 and Type le 20", "70"),
        ("Type ge 20 and Type lt 22", "70"),
        ("substringof('koop',Description)", "60 70"),
        ("startswith(Description,'In') eq true", "60"),
        ("Description eq 'In''koop'", ""),
        ("Code eq null", ""),
        ("Code eq '60' and Type eq 12", ""),
    ],
)
async def test_a_filter_means_what_it_says(office: Office, text: str, codes: str) -> None:
    rows = await office.rows(JOURNALS, select="Code", filter=text)
    assert [row["Code"] for row in rows] == codes.split()  # the same by an index and without


async def test_dates_go_in_as_iso_and_come_out_as_milliseconds(office: Office) -> None:
    entry = await office.book(EntryDate="2025-01-10", DueDate="2025-02-09")
    assert entry["EntryDate"] == "/Date(1736467200000)/"
    path = "purchaseentry/PurchaseEntries"
    hit = await office.rows(path, select="EntryID", filter="EntryDate eq datetime'2025-01-10'")
    miss = await office.rows(path, select="EntryID", filter="EntryDate gt datetime'2025-01-10T00:00:00'")
    assert (len(hit), len(miss)) == (1, 0)
    assert (await office.get(path, select="EntryID", filter="EntryDate eq '2025-01-10'")).status_code == 400


async def test_a_date_with_a_zone_is_moved_to_the_office(office: Office) -> None:
    entry = await office.book(EntryDate="2025-01-10T00:00:00Z")
    assert entry["EntryDate"] == "/Date(1736470800000)/"  # an hour later


async def test_an_id_in_the_address_gives_that_one(office: Office) -> None:
    reply = await office.get(f"{ACCOUNTS}(guid'{office.supplier}')", select="Name")
    assert reply.json()["d"]["Name"] == "Leverancier BV"
    unknown = "00000000-0000-0000-0000-000000000000"
    assert (await office.get(f"{ACCOUNTS}(guid'{unknown}')", select="Name")).status_code == 404
    assert (await office.get(f"{ACCOUNTS}('{office.supplier}')", select="Name")).status_code == 404


async def _pages(office: Office, path: str, **query: str) -> list[list[dict[str, Any]]]:
    reply = await office.get(path, **query)
    pages = [reply.json()["d"]]
    while "__next" in pages[-1]:
        reply = await office.http.get(
            pages[-1]["__next"],
            headers={"Authorization": f"Bearer {office.token}", "Accept": "application/json"},
        )
        assert reply.status_code == 200, said(reply)
        pages.append(reply.json()["d"])
    return [page["results"] for page in pages]


async def test_a_page_has_60_rows_and_next_leads_through_all(office: Office) -> None:
    for number in range(130):
        office.books.add("cost_centers", Code=f"K{number:03}", Description="", Active=number % 2 == 0)
    pages = await _pages(office, "hrm/Costcenters", select="Code")
    assert [len(page) for page in pages] == [60, 60, 11]
    assert len({row["Code"] for page in pages for row in page}) == 131
    ordered = await _pages(
        office, "hrm/Costcenters", select="Code", orderby="Code desc", filter="Active eq true"
    )
    codes = [row["Code"] for page in ordered for row in page]
    assert [len(page) for page in ordered] == [60, 6]
    assert codes == sorted(codes, reverse=True)
    assert [len(page) for page in await _pages(office, "hrm/Costcenters", select="Code", top="70")] == [
        60,
        10,
    ]


async def test_rows_that_come_or_go_between_pages_move_no_others(office: Office) -> None:
    rows = [office.books.add("cost_centers", Code=f"K{n:03}", Description="", Active=True) for n in range(70)]
    first = (await office.get("hrm/Costcenters", select="Code")).json()["d"]
    office.books.table("cost_centers").remove(rows[0]["ID"])
    second = await office.http.get(
        first["__next"], headers={"Authorization": f"Bearer {office.token}", "Accept": "application/json"}
    )
    codes = [row["Code"] for row in first["results"] + second.json()["d"]["results"]]
    assert len(codes) == len(set(codes)) == 71


async def test_a_sync_page_has_1000_rows_and_wants_a_timestamp() -> None:
    async with Office(Settings(sync_page=1000)) as office:
        entry = await office.book()
        office.screens.copy_terms(office.books, entry["EntryID"], 2099)
        path = "sync/Cashflow/PaymentTerms"
        for query in ({"select": "ID"}, {"top": "1"}, {"select": "ID", "filter": "LineType eq 22"}):
            assert (await office.get(path, **query)).status_code == 400
        pages = await _pages(office, path, select="ID,Timestamp", filter="Timestamp gt 0L and LineType eq 22")
        assert [len(page) for page in pages] == [1000, 1000, 100]
        stamps = [int(row["Timestamp"]) for page in pages for row in page]
        assert stamps == sorted(set(stamps))
        last = f"Timestamp gt {stamps[-1]}L"
        assert await office.rows(path, select="ID", filter=last) == []
        office.screens.pay(office.books, entry["EntryID"])
        (row,) = await office.rows(path, select="TransactionEntryID,IsFullyPaid", filter=last)
        assert (row["TransactionEntryID"], row["IsFullyPaid"]) == (entry["EntryID"], True)


async def test_lines_come_with_the_entry_only_when_expanded(office: Office) -> None:
    await office.book(office.line(Description="een"), office.line(Description="twee"))
    path = "purchaseentry/PurchaseEntries"
    (row,) = await office.rows(path, top="1")
    assert list(row["PurchaseEntryLines"]) == ["__deferred"]
    (row,) = await office.rows(
        path, select="EntryID,PurchaseEntryLines/Description", expand="PurchaseEntryLines"
    )
    lines = row["PurchaseEntryLines"]["results"]
    assert [line["Description"] for line in lines] == ["een", "twee"]
    assert "AmountFC" not in lines[0]
    bad = await office.get(path, select="PurchaseEntryLines/Description")
    assert bad.status_code == 400
    own = await office.rows(
        "purchaseentry/PurchaseEntryLines", select="Description", filter=f"EntryID eq guid'{row['EntryID']}'"
    )
    assert len(own) == 2


async def test_unknown_addresses_and_methods(office: Office) -> None:
    assert (await office.get("crm/Nothing", select="ID")).status_code == 404
    assert (await office.post(JOURNALS, {"Code": "61"})).status_code == 405
    assert (await office.call("DELETE", f"{JOURNALS}(guid'{office.supplier}')")).status_code == 405
    assert (await office.http.get("/elsewhere")).status_code == 404
