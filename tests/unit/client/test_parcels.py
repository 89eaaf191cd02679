"""Which files are one invoice, and how many go into a ZIP."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from postbode_client import parcels
from postbode_client.parcels import Parcel, gather, loads, pack


def made(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return [folder / name for name in names]


def names(found: list[Parcel]) -> list[tuple[str, ...]]:
    return [tuple(path.name for path in parcel.paths) for parcel in found]


def test_an_xml_goes_with_the_pdf_of_its_name_and_each_file_once(tmp_path: Path) -> None:
    made(tmp_path, "F1.xml", "F1.pdf", "F2.XML", "F2.PDF", "F3.xml", "los.pdf", "lees.mij", "onder/F4.xml")
    everything = [("F1.xml", "F1.pdf"), ("F2.XML", "F2.PDF"), ("F3.xml",)]
    assert names(gather([tmp_path])) == everything
    named = [tmp_path / name for name in ("F1.pdf", "F1.xml", "los.pdf", "F1.xml")]
    assert names(gather(named)) == [("F1.xml", "F1.pdf"), ("los.pdf",)]
    assert names(gather([tmp_path, tmp_path / "F3.xml", tmp_path / "onder"])) == [*everything, ("F4.xml",)]
    said = made(tmp_path, "F3.fields.json", "geen.fields.json")
    assert names(gather([tmp_path])) == [*everything[:2], ("F3.xml", "F3.fields.json")]
    assert names(gather([tmp_path / "F3.xml", *said])) == [
        ("F3.xml", "F3.fields.json"),
        ("geen.fields.json",),
    ]
    with pytest.raises(FileNotFoundError, match=r"weg\.xml"):
        gather([tmp_path / "weg.xml"])


def test_a_load_is_never_more_than_the_hub_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gather(made(tmp_path, *(f"{n}.xml" for n in range(7))))
    monkeypatch.setattr(parcels, "MOST_ITEMS", 3)
    assert [len(load) for load in loads(found)] == [3, 3, 1]
    monkeypatch.setattr(parcels, "MOST_BYTES", 10)
    assert [len(load) for load in loads(found)] == [2, 2, 2, 1]
    monkeypatch.setattr(parcels, "MOST_BYTES", 1)
    assert [len(load) for load in loads(found)] == [1] * 7
    assert list(loads([])) == []


def test_files_of_one_name_do_not_meet_in_the_zip_and_none_looks_like_an_attack(tmp_path: Path) -> None:
    made(tmp_path, "a/F1.xml", "a/F1.pdf", "b/F1.xml")
    (tmp_path / "b" / "F1.xml").write_bytes(b"<a>" + b" " * 1_000_000 + b"</a>")
    pack(gather([tmp_path / "a", tmp_path / "b"]), tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        assert packed.namelist() == ["0000/F1.xml", "0000/F1.pdf", "0001/F1.xml"]
        assert packed.read("0000/F1.pdf") == b"a/F1.pdf"
        assert all(each.file_size < 100 * max(each.compress_size, 1) for each in packed.infolist())
