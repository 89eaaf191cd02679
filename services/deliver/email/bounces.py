"""What a mail that came back says about the one it answers: reports (RFC 3464), bounces that keep no standard, and
answers by programs for people who are away. Pure.

A report is believed before anything else in the mail. Where there is none, a mail by a mail server or about a failure is
read for a status code (RFC 3463), then for what servers commonly write. Whatever says neither that it arrived nor that it
did not is kept as it is and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from email.policy import compat32
from typing import Literal

from services.deliver.results import line

Kind = Literal["delivered", "hard", "soft", "delayed", "reply", "other"]

MOST_BYTES = 512 * 1024
"""Of a mail that are looked at: what it says comes first, the mail it is about last."""
MOST_PARTS = 50
_MARKS = 500
"""Lines that look like boundaries, from which on it is no longer taken apart."""
_TEXT = 8000


@dataclass(frozen=True, slots=True)
class Answer:
    """``status``: as in RFC 3463, or empty. ``said``: on one line, as the other side said it."""

    kind: Kind
    status: str
    said: str


def read(raw: bytes) -> Answer:
    """What a mail says. Never raises: what cannot be read is ``other``."""
    raw = raw[:MOST_BYTES]
    try:
        if raw.count(b"\n--") > _MARKS:
            return Answer("other", "", "a mail of too many parts")
        return _read(message_from_bytes(raw, policy=compat32))
    except Exception as strange:  # noqa: BLE001 - strangers' mails; RecursionError, UnicodeError, …
        return Answer("other", "", f"a mail nobody can read: {type(strange).__name__}")


def _read(mail: Message) -> Answer:
    parts = [part for part, _ in zip(mail.walk(), range(MOST_PARTS), strict=False)]
    subject = line(_header(mail, "Subject"), 200)
    told = [about for part in parts for about in _reported(part)]
    if told:
        return _of_report(told)
    text = next((found for part in parts if (found := _text(part))), "")
    if _by_a_server(mail, subject):
        return _of_words(subject, text)
    if _automatic(mail, subject):
        return Answer("reply", "", subject)
    return Answer("other", "", subject)


# ------------------------------------------------------------------ reports


@dataclass(frozen=True, slots=True)
class _About:
    """One recipient of a report."""

    action: str
    status: str
    said: str


def _reported(part: Message) -> Iterator[_About]:
    if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
        return
    blocks = part.get_payload()
    text = "\n\n".join(str(each) for each in blocks) if isinstance(blocks, list) else str(blocks)
    for block in re.split(r"\r?\n(?:[ \t]*\r?\n)+", text)[: 4 * MOST_PARTS]:
        fields = HeaderParser(policy=compat32).parsestr(block)
        action = line(str(fields.get("Action", "")), 20).lower()
        if action:
            said = re.sub(r"^\s*[\w-]+\s*;\s*", "", str(fields.get("Diagnostic-Code", "")))
            status = _CODE.search(str(fields.get("Status", "")))
            yield _About(action, status[0] if status else "", line(said))


def _of_report(told: list[_About]) -> Answer:
    """Every mail has one recipient here; several are whom that address stands for, and with one of them it is there."""
    for action in ("delivered", "failed", "delayed"):
        for each in told:
            if each.action == action:
                return _judged(action, each)
    # Passed on to where nobody reports, or to a list: neither says that it arrived.
    return Answer("other", told[0].status, f"{told[0].action} {told[0].said}".strip())


def _judged(action: str, about: _About) -> Answer:
    if action == "delivered":
        return Answer("delivered", about.status, about.said or "delivered")
    if action == "delayed":
        return Answer("delayed", about.status, about.said or "delayed")
    # What the server said is nearer than the class its report was given.
    status = _enhanced(about.said) if about.status in ("", "5.0.0", "4.0.0") else about.status
    return Answer(_failure(status), status, about.said or about.status or "failed")


_CODE = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_REPLY = re.compile(r"(?<![\d.])([45])\d\d(?=[ -])")

FULL = frozenset({"5.2.2", "4.2.2"})
_FOR_NOW = FULL | {"5.2.121", "5.2.122", "5.3.2", "5.4.5", "5.4.7", "5.4.300", "5.4.316", "5.5.3"}
"""Failures that servers call permanent because they gave up, and that may be gone tomorrow: a full mailbox, a limit on
mails, a server that was away for too long."""


def _enhanced(said: str) -> str:
    found = _CODE.search(said)
    if found:
        return found[0]
    plain = _REPLY.search(said)
    return f"{plain[1]}.0.0" if plain else ""


def _failure(status: str) -> Literal["hard", "soft"]:
    return "soft" if status.startswith("4") or status in _FOR_NOW else "hard"


# ------------------------------------------------------------------ without a report

_SERVERS = re.compile(r"(?i)mailer-daemon|postmaster|mail delivery (sub)?system|microsoft outlook")
_FAILED = re.compile(
    r"(?i)undeliver|returned (mail|to sender)|delivery (has )?fail|delivery status notification \(failure|"
    r"failure notice|mail delivery failed|could not be delivered|onbestelbaar|"
    r"niet[- ]?(te )?(bezorg|afgelever|bestel)|non remis|échec de (la )?remise|unzustellbar"
)
_DELAYED = re.compile(
    r"(?i)delay|vertraagd|retard|warning: (message|could not)|still being retried|not yet been delivered"
)
_AWAY = re.compile(
    r"(?i)out of (the )?office|automatic reply|auto(matic)?[- ]?(reply|response)|on (vacation|holiday)|"
    r"afwezig|automatisch(e)? (antwoord|reactie)|niet aanwezig|op vakantie|"
    r"absen(t|ce)|réponse automatique|en (vacances|congé)|abwesenheit"
)
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(f"(?i){words}"), status)
    for words, status in (
        (
            r"mailbox (is )?full|over ?quota|quota exceeded|postvak (is )?vol|boîte (aux lettres )?pleine",
            "5.2.2",
        ),
        (
            r"(user|recipient|mailbox|address|account)[^\n]{0,80}(unknown|not found|does not exist|invalid|disabled)|"
            r"no such (user|recipient|mailbox|address)|unknown (user|recipient|address)|"
            r"(adres|postvak|ontvanger|gebruiker)[^\n]{0,80}(onbekend|bestaat niet|niet gevonden)|"
            r"(adresse|destinataire)[^\n]{0,80}(inconnu|introuvable|n.existe pas)",
            "5.1.1",
        ),
        (r"too (large|big)|size limit|te groot|trop volumineux", "5.3.4"),
        (r"\bspam\b|blocked|policy|geblokkeerd|bloqué", "5.7.1"),
        (r"timed? ?out|connection refused|could not (connect|contact)|host (is )?unreachable", "4.4.1"),
    )
)


def _by_a_server(mail: Message, subject: str) -> bool:
    if mail.get("X-Failed-Recipients"):
        return True
    return bool(
        _FAILED.search(subject) or (_SERVERS.search(_header(mail, "From")) and not _AWAY.search(subject))
    )


def _of_words(subject: str, text: str) -> Answer:
    """By its code; without one by its words; what is said to have failed without a reason has failed for good."""
    if _DELAYED.search(subject):
        return Answer("delayed", "", subject)
    spoken = next((each for each in text.splitlines() if _CODE.search(each) or _REPLY.search(each)), "")
    for said in (spoken, *(each for each in text.splitlines() if each.strip()), subject):
        status = _enhanced(said) or next((code for words, code in _WORDS if words.search(said)), "")
        if status[:1] in ("4", "5"):
            return Answer(_failure(status), status, line(said))
    if _FAILED.search(subject) or _FAILED.search(text[:500]):
        return Answer("hard", "", subject)
    return Answer("other", "", subject)


def _automatic(mail: Message, subject: str) -> bool:
    word = _header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        word not in ("", "no")
        or mail.get("X-Autoreply") is not None
        or mail.get("X-Autorespond") is not None
        or _header(mail, "Precedence").strip().lower() in ("auto_reply", "bulk", "junk")
        or mail.get_content_type() == "message/disposition-notification"
        or _header(mail, "Content-Type").lower().find("disposition-notification") >= 0
        or bool(_AWAY.search(subject))
    )


# ------------------------------------------------------------------ words


def _header(mail: Message, name: str) -> str:
    """In clear, of what it may have that long: words that are encoded take the square of their length."""
    raw = str(mail.get(name, ""))[:1000]
    try:
        return str(make_header(decode_header(raw)))
    except (ValueError, LookupError):
        return raw


_UNSEEN = re.compile(r"(?is)<(style|script)\b.*?(</\1>|$)")
_BREAK = re.compile(r"(?i)<(br|/p|/div|/td|/tr)\b[^>]{0,200}>")
_TAG = re.compile(r"<[^>]{0,2000}>")
_QUOTED = re.compile(
    r"(?m)^-{3,}.*(original|copy of|below this line).*$|^(Return-Path|Received|DKIM-Signature): "
)


def _text(part: Message) -> str:
    """Of a part people read, up to where the mail that came back is quoted."""
    if part.get_content_maintype() != "text":
        return ""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        text = data[: 8 * _TEXT].decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = data[: 8 * _TEXT].decode("utf-8", "replace")
    if part.get_content_subtype() == "html":
        text = _TAG.sub(" ", _BREAK.sub("\n", _UNSEEN.sub(" ", text)))
    return _QUOTED.split(text, 1)[0][:_TEXT]
