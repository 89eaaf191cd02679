"""IBANs in what people read: found however they are written, and nothing else taken for one."""

from __future__ import annotations

import pytest

from libs.identifiers import iban

ABN, ING, KBC, DEUTSCHE = (
    "NL91ABNA0417164300",
    "NL20INGB0001234567",
    "BE71096123456769",
    "DE89370400440532013000",
)


@pytest.mark.parametrize(
    "text",
    [
        "NL91ABNA0417164300",
        "Rekening (IBAN): NL91 ABNA 0417 1643 00, t.n.v. Bakker",
        "IBAN NL91 ABNA 0417164300 BIC ABNANL2A",
        "NL 91 ABNA 0417 16 43 00",
        "NL91.ABNA.0417.1643.00",
        "NL91\u00a0ABNA\u00a00417\u00a01643\u00a000",
        "NL91 ABNA\r\n0417 1643 00",
        "IBANNL91ABNA0417164300BIC",
        "KvK 58070036 BTW NL123456789B13 IBAN NL91ABNA0417164300",
        "iban nl91 abna 0417 1643 00",
        "NL91 Abna 0417 1643 00",
        "NL91 ABNA \r\n0417 1643 00",
        "NL91   ABNA   0417   1643   00",
        "NL91\u200bABNA\u200b0417\u200b1643\u200b00",
        "NL91 ABNA 0417\ufffe 1643 00",
        "NL91ABNA04\ufffe17164300",
        "NL91/ABNA/0417/1643/00",
        "N L 9 1 A B N A 0 4 1 7 1 6 4 3 0 0",
        "IBANNRNL91ABNA0417164300",
        "ABNANL2ANL91ABNA0417164300",
        "ABNANL22NL91ABNA0417164300",
        "NL91 ABNA 0417 1643 00 12345678",
    ],
)
def test_an_iban_is_found_however_it_is_spaced(text: str) -> None:
    assert iban.named(text) == (ABN,)


def test_each_is_named_once_in_the_order_of_the_page() -> None:
    text = f"ING {iban.shown(ING)} of KBC {iban.shown(KBC)}, {KBC}; {iban.shown(DEUTSCHE)}"
    assert iban.named(text) == (ING, KBC, DEUTSCHE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NL92ABNA0417164300",
        "7NL91ABNA0417164300",
        "AN BE 71 09 61 23 45 67 69 stuks",
        "NL91 ABNA, 0417 1643 00",
        "NL91ABNA04171643001",
        "BTW NL002455799B11 KvK 58070036",
        # Right by its check digits, and no account: a number with a telephone number behind it.
        "BE71 096123 456769",
        "BE7109612 3456 769",
    ],
)
def test_what_is_none_is_not_taken_for_one(text: str) -> None:
    assert iban.named(text) == ()


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("BE68 5390 0754 7034", "BE68539007547034"),
        ("be68-5390-0754-7034", "BE68539007547034"),
        ("BE 68 5390 0754 7034", "BE68539007547034"),
        ("BE68 5390\ufffe 0754 7034", "BE68539007547034"),
        ("KREDBE22BE71096123456769", KBC),
        ("DE89 37040044 0532013000", DEUTSCHE),
        ("FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
    ],
)
def test_a_number_without_letters_in_front_is_found_in_the_groups_of_its_country(
    text: str, account: str
) -> None:
    assert iban.named(text) == (account,)


def test_a_bank_that_no_table_knows_has_accounts_too() -> None:
    assert iban.read("BE68539007547034") == "BE68539007547034"
    assert iban.read("BE685390075470340") is None
    assert iban.read("BE69539007547034") is None
    assert iban.read("") is None


@pytest.mark.parametrize("begin", ["AB{:04d} schroef", "AB-{:04d}", "EU 2026 {}", "NL12 {}", "NO {:04d}"])
def test_article_codes_before_it_hide_no_account(begin: str) -> None:
    text = "\n".join(begin.format(n) for n in range(1000))
    assert iban.named(f"{text}\nIBAN {iban.shown(ABN)}") == (ABN,)


@pytest.mark.parametrize(
    "hostile", ["NL91 ", "NL91", "NL92ABNA0417164300 ", "AD12 1234 1234 ", "N L 9 ", "~ "]
)
def test_a_page_full_of_beginnings_is_read_to_its_end(hostile: str) -> None:
    assert iban.named(hostile * 3_000 + "\n: " + ABN) == (ABN,)


@pytest.mark.parametrize(
    "text",
    [
        "IBAN NL91ABNA0417164300",
        "IBAN:NL91ABNA0417164300",
        "NL91ABNA\u200d0417164300",
        "NL91ABNA\u20600417164300",
        "NL91_ABNA0417164300",
        "NL91ABNA0417164300 ABNANL2A",
        "nl91 abna 0417 1643 00",
    ],
)
def test_a_field_with_more_than_the_number_means_that_number(text: str) -> None:
    assert iban.meant(text) == (ABN,)


def test_an_old_number_is_that_of_an_account_when_it_is_all_there_is() -> None:
    assert iban.older(ABN, "41.71.64.300")
    assert iban.older(ABN, "0417164300")
    assert iban.older(KBC, "096-1234567-69")
    assert not iban.older(ABN, "417164300 of 12")
    assert not iban.older("NL20INGB0000123456", "123456")
    assert not iban.older(ING, "417164300")
