"""Sends invoices through the hub of ``make dev``, by API and by mail, and watches them arrive: ``make try``.

Opens an account and enters two receivers with numbers of their own on every run, so it can be repeated on the
same volumes: one reads a folder, one gets e-mail. Ends 0 when the e-mail is handed over, both other invoices lie
in the folder with their PDFs, byte for byte, and are *arrived* once the files are taken away; else says what is
missing and ends 1. ``make try ARGS="--load 300"`` goes on for five minutes, with a few invoices a second, good, broken and
for nobody, so that the dashboards have something to show.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import smtplib
import subprocess
import sys
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import httpx

from libs.testing import builders

COMPOSE = ("docker", "compose", "--file", str(Path(__file__).with_name("compose.yaml")))
DOOR = f"http://127.0.0.1:{os.environ.get('POSTBODE_DEV_PORT', '8080')}"
SMTP_PORT = int(os.environ.get("POSTBODE_DEV_SMTP_PORT", "2525"))
PATIENCE = 120.0
"""Seconds an invoice may take; on a warm hub it is well under one."""


def inside(service: str, *command: str) -> str:
    """What a command says that runs in a container of the hub."""
    done = subprocess.run(  # noqa: S603  our own words
        [*COMPOSE, "exec", "-T", service, *command], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def postbode(service: str, *command: str) -> str:
    """The one value that a command of the hub prints."""
    (value,) = json.loads(inside(service, "postbode", *command, "--json")).values()
    return str(value[0] if isinstance(value, list) else value)


def caller(account: str, *scopes: str) -> httpx.Client:
    """The public APIs as this account."""
    wanted = [word for scope in scopes for word in ("--scope", scope)]
    key = postbode("ingest", "account", "key", account, *wanted)
    return httpx.Client(base_url=DOOR, headers={"Authorization": f"Bearer {key}"}, timeout=30)


def receiver(staff: httpx.Client, folder: str | None) -> str:
    """Enter a party whose bookkeeping reads from a folder, or which gets e-mail; its KvK number."""
    kvk = str(secrets.randbelow(90_000_000) + 10_000_000)
    entry = {
        "name": "De Jong BV",
        "country": "NL",
        "email": "facturen@dejong.example",
        "identifiers": [{"scheme": "0106", "value": kvk}],
    }
    party = staff.post("/v1/parties", json=entry).raise_for_status().json()["party_id"]
    if folder is not None:
        place = {"package": "globe", "channel": "folder", "settings": {"folder": folder}}
        staff.put(f"/v1/connections/{party}", json=place).raise_for_status()
    return kvk


def by_api(supplier: httpx.Client, files: dict[str, bytes]) -> str:
    """The invoice id."""
    answer = supplier.post("/v1/submissions", files=[("file", file) for file in files.items()])
    return str(answer.raise_for_status().json()["invoices"][0]["invoice_id"])


def by_mail(supplier: httpx.Client, mailbox: str, files: dict[str, bytes]) -> str:
    """The invoice id; the mail server's answer names the submission."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "boekhouding@bakker.example", mailbox, "Factuur"
    message.set_content("Bijgaand.")
    for name, data in files.items():
        message.add_attachment(data, maintype="application", subtype=name.rpartition(".")[2], filename=name)
    with smtplib.SMTP("127.0.0.1", SMTP_PORT, timeout=30) as server:
        server.ehlo()
        server.mail("boekhouding@bakker.example")
        server.rcpt(mailbox)
        code, said = server.data(message.as_bytes(policy=SMTP))
    submission = re.search(r"[0-9a-f-]{36}", said.decode())
    if code != 250 or submission is None:
        raise SystemExit(f"the key mailbox answered {code} {said.decode()}")
    answer = supplier.get(f"/v1/submissions/{submission.group()}")
    return str(answer.raise_for_status().json()["invoices"][0]["invoice_id"])


def watch(supplier: httpx.Client, invoice: str, *wanted: str) -> dict[str, Any]:
    """Wait until the sender sees the invoice so."""
    until = time.monotonic() + PATIENCE
    seen: dict[str, Any] = {}
    while time.monotonic() < until:
        answer = supplier.get(f"/v1/invoices/{invoice}")
        seen = answer.json() if answer.status_code == 200 else {"status": answer.status_code}
        if seen["status"] in wanted:
            return seen
        time.sleep(0.2)
    raise SystemExit(
        f"invoice {invoice} is {seen['status']}, not {' or '.join(wanted)}, after {PATIENCE:.0f} s"
    )


def lying(folder: str) -> dict[str, str]:
    """The ending of every file the receiver sees, by its sha256: the names are the hub's own."""
    listed = inside("deliver", "sh", "-c", f"cd /var/lib/postbode/folders/{folder} && sha256sum -- *.*")
    return {line.split()[0]: line.split()[1].rpartition(".")[2] for line in listed.splitlines()}


def pair(number: str, kvk: str) -> dict[str, bytes]:
    """An invoice for the owner of the KvK number, and its PDF, by file name."""
    xml = builders.invoice(number=number, issue_date=datetime.now(UTC).date().isoformat(), buyer_kvk=kvk)
    return {f"{number}.xml": xml, f"{number}.pdf": builders.pdf(number)}


def load(supplier: httpx.Client, mailbox: str, to: list[str], run: str, seconds: float) -> None:
    """A few invoices a second, one in eight by mail; some are no good, some have no receiver."""
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        number += 1
        files = pair(f"{run}-L{number}", "55344526" if number % 11 == 0 else to[number % len(to)])
        if number % 7 == 0:
            files = {name: data.replace(b">380<", b">999<") for name, data in files.items()}
        if number % 8 == 0:
            by_mail(supplier, mailbox, files)
        else:
            by_api(supplier, files)
        supplier.get("/v1/sync" if number % 5 == 0 else "/v1/invoices")
        time.sleep(0.1)
    print(f"{number} more were handed over")


def main() -> None:
    run = f"t{secrets.token_hex(3)}"
    account = postbode(
        "ingest", "account", "open", "--name", "Bakker BV", "--email", "boekhouding@bakker.example"
    )
    mailbox = postbode("ingest", "account", "mailbox", account)
    staff = caller(account, "operator", "party:write", "party:read", "account:admin")
    supplier = caller(account, "invoice:write", "invoice:read")
    reads, gets_mail = receiver(staff, folder=run), receiver(staff, folder=None)

    first, second, third = pair(f"{run}-1", reads), pair(f"{run}-2", reads), pair(f"{run}-3", gets_mail)
    begin = time.monotonic()
    to_folder = {by_api(supplier, first): "api", by_mail(supplier, mailbox, second): "mail"}
    for invoice, door in {**to_folder, by_api(supplier, third): "api"}.items():
        seen = watch(supplier, invoice, "sent", "arrived")
        print(f"{seen['number']}  by {door:4}  {seen['status']} after {time.monotonic() - begin:.1f} s")
    expected = {
        hashlib.sha256(data).hexdigest(): name.rpartition(".")[2] for name, data in (first | second).items()
    }
    if lying(run) != expected:
        raise SystemExit(f"in the receiver's folder lies {lying(run)}, not {expected}")
    print("in the receiver's folder: two pairs of XML and PDF, byte for byte what was sent")
    inside("deliver", "sh", "-c", f"rm -- /var/lib/postbode/folders/{run}/*.*")
    for invoice, door in to_folder.items():
        seen = watch(supplier, invoice, "arrived")
        steps = " ▸ ".join(moment["type"] for moment in seen["timeline"])
        print(f"{seen['number']}  by {door:4}  {seen['status']}  {steps}")
    if sys.argv[1:2] == ["--load"]:
        load(supplier, mailbox, [reads, gets_mail], run, float(sys.argv[2]))


if __name__ == "__main__":
    main()
