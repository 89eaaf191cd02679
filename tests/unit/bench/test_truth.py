"""The bench's truth check must be able to say that something is wrong."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.bench.pipeline import truth
from tests.bench.pipeline.load import TOKEN

XML = b"<Invoice><ID>" + TOKEN + b"</ID></Invoice>"
NAMES = [f"2026-11-02_PB0000000{n}_{n}" for n in (1, 2, 3)]


def sent(folder: Path) -> list[str]:
    for name in ("taken", "mails"):
        (folder / name).mkdir()
    (folder / "template.xml").write_bytes(XML)
    return [str(folder / "template.xml")]


def taken(folder: Path, name: str, *, damaged: bool = False, note: bool = True) -> None:
    data = XML.replace(TOKEN, name.split("_")[1].encode())
    (folder / "taken" / f"{name}.xml").write_bytes(data + b"x" * damaged)
    if note:
        with (folder / "files.tsv").open("a") as log:
            log.write(f"{name}.xml\t{name}.xml\t12.5\n")


def test_everything_arrived_once(tmp_path: Path) -> None:
    templates = sent(tmp_path)
    for name in NAMES:
        taken(tmp_path, name)
    found = truth.arrivals(tmp_path, "folder", range(1, 4), templates)
    assert (found.lost, found.duplicated, found.damaged) == ((), 0, 0)
    assert found.delivered == {f"PB0000000{n}": 12.5 for n in (1, 2, 3)}


def test_lost_doubled_and_damaged_are_noticed(tmp_path: Path) -> None:
    templates = sent(tmp_path)
    taken(tmp_path, NAMES[0], damaged=True)
    taken(tmp_path, NAMES[1])
    taken(tmp_path, NAMES[1] + "again")
    found = truth.arrivals(tmp_path, "folder", range(1, 4), templates)
    assert (found.lost, found.duplicated, found.damaged) == (("PB00000003",), 1, 1)


def test_a_name_that_came_twice_is_noticed(tmp_path: Path) -> None:
    templates = sent(tmp_path)
    taken(tmp_path, NAMES[0])
    taken(tmp_path, NAMES[0])
    assert truth.arrivals(tmp_path, "folder", [1], templates).duplicated >= 1


def test_a_mail_holds_what_was_sent(tmp_path: Path) -> None:
    templates = sent(tmp_path)
    for name, data in zip(NAMES, (XML.replace(TOKEN, b"PB00000001"), b"other"), strict=False):
        body = f'Content-Disposition: attachment; filename="{name}.xml"\r\n\r\n'.encode()
        mail = body + base64.encodebytes(data).replace(b"\n", b"\r\n") + b"\r\n--end--\r\n"
        (tmp_path / "mails" / f"{name}.eml").write_bytes(mail)
        with (tmp_path / "mails.tsv").open("a") as log:
            log.write(f"{name}@hub\t{name}\t12.5\n")
    found = truth.arrivals(tmp_path, "smtp", [1, 2], templates)
    assert (found.lost, found.duplicated, found.damaged) == ((), 0, 1)
