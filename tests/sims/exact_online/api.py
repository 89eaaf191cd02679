"""From a request to its answer: who asks, whether they may, whether there is budget, and what then happens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from tests.sims.exact_online import consent, limits, oauth, render
from tests.sims.exact_online.books import Books
from tests.sims.exact_online.errors import Refused, forbidden, missing
from tests.sims.exact_online.exact import Entry, Exact
from tests.sims.exact_online.faults import Fault
from tests.sims.exact_online.oauth import Link, unauthorised
from tests.sims.exact_online.reading import Reading
from tests.sims.exact_online.resources import ME, RESOURCES
from tests.sims.exact_online.shape import body_of
from tests.sims.exact_online.values import GUID
from tests.sims.exact_online.wire import Answer, Call
from tests.sims.exact_online.writing import Write, change, create, remove

_PATH = re.compile(r"^/api/v1/(?:(?P<division>\d{1,9})/)?(?P<endpoint>[A-Za-z/]+)(?:\((?P<key>[^)]*)\))?$")
_ATTACHMENT = "/docs/SysAttachment.aspx"
_NOT_HERE = b"<!DOCTYPE html><title>404</title><h1>Not found</h1>"


@dataclass
class Outcome:
    """``delay``: seconds before it is sent; ``cut``: it never is."""

    answer: Answer
    delay: float = 0
    cut: Literal["drop", "timeout"] | None = None


class Api:
    """``base``: the address of the server, which ``__next`` and ``__metadata`` name."""

    def __init__(self, exact: Exact, base: str = "https://start.exactonline.example") -> None:
        self.exact = exact
        self.base = base

    def outcome(self, call: Call) -> Outcome:
        exact = self.exact
        path = _PATH.match(call.path)
        division = int(path["division"]) if path and path["division"] else None
        endpoint = path["endpoint"] if path else call.path.strip("/")
        endpoint = {"api/oauth2/token": "token", "api/oauth2/auth": "consent"}.get(endpoint, endpoint)
        note = Entry(exact.clock.now(), call.method, endpoint, division)
        exact.journal.append(note)
        fault = exact.faults.strike(call.method, endpoint, division) if exact.faults.waiting else None
        outcome = Outcome(Answer(0))
        if fault is not None:
            note.fault = fault.kind
            outcome.delay = fault.seconds if fault.kind == "slow" else 0
            outcome.cut = fault.kind if fault.kind in ("drop", "timeout") else None
        try:
            if fault is not None and not fault.after and fault.kind in ("server_error", "drop", "timeout"):
                raise Refused(fault.status, "Something went wrong here.")
            outcome.answer = self._carry_out(call, note, path, fault)
            if fault is not None and fault.after:
                raise Refused(fault.status, "Something went wrong here.")
        except Refused as refused:
            note.message = refused.message
            reason = refused.message.encode("ascii", "replace").decode()
            headers = {**refused.headers, "Reason": reason}
            outcome.answer = render.answer(refused.status, refused.body(), headers, json=_wants_json(call))
        note.status = 0 if outcome.cut else outcome.answer.status
        return outcome

    def _carry_out(self, call: Call, note: Entry, path: re.Match[str] | None, fault: Fault | None) -> Answer:
        exact = self.exact
        if note.endpoint == "consent":
            return consent.answer(call, exact.links, exact.users, exact.settings)
        if note.endpoint == "token":
            return self._token(call, fault)
        if call.path == _ATTACHMENT:
            return self._attachment(call)
        if path is None:
            return Answer(404, _NOT_HERE, "text/html")
        link, good = exact.links.who(call.headers.get("authorization", ""))
        if link is None:
            raise unauthorised()
        note.user = link.user.username
        now = note.at
        scope = (link.app.client_id, link.user.id, note.division, note.endpoint)
        if fault is not None and fault.kind == "key_blocked":
            exact.blocks.block(now, scope[:1])
        exact.blocks.check(now, scope)
        # A call without a division counts for the person's current one (inference).
        budget = exact.budget(link.app, note.division or next(iter(link.user.divisions), None))
        if fault is not None and fault.kind in ("minute_spent", "day_spent"):
            budget.spend(now, day=fault.kind == "day_spent")
        budget.take(now)
        try:
            if not good or (fault is not None and fault.kind == "unauthorised"):
                raise unauthorised()
            if fault is not None and fault.kind == "wrong_division":
                raise forbidden("This division is not yours.")
            answer = self._resource(call, note, path["key"], link)
        except Refused as refused:
            if refused.status in limits.ERRORS:
                exact.blocks.note(now, scope)
            raise Refused(refused.status, refused.message, {**refused.headers, **budget.headers()}) from None
        answer.headers |= budget.headers()
        return answer

    def _token(self, call: Call, fault: Fault | None) -> Answer:
        if call.method != "POST":
            raise Refused(405, "Tokens are asked for with POST.")
        if not _is_type(call, "application/x-www-form-urlencoded"):
            raise Refused(415, "A token is asked for with a form.")
        if fault is not None and fault.kind == "not_expired":
            return oauth.too_early()
        return self.exact.links.token(dict(parse_qsl(call.body.decode("utf-8", "replace"))))

    def _attachment(self, call: Call) -> Answer:
        """The bytes of one, by the address its row gives (inference)."""
        link, good = self.exact.links.who(call.headers.get("authorization", ""))
        if link is None or not good:
            raise unauthorised()
        query = dict(parse_qsl(call.query))
        books = self._books(link, query.get("_Division_", ""))
        row = books.table("attachments").get(query.get("ID"))
        if row is None:
            raise missing("There is no such attachment.")
        return Answer(200, self.exact.attachments.get(row["_content"]), "application/octet-stream")

    def _books(self, link: Link, division: str | int) -> Books:
        found = self.exact.divisions.get(int(division)) if str(division).isdigit() else None
        if found is None or found.code not in link.user.divisions:
            raise forbidden("This division is not yours, or there is none.")
        return found

    def _resource(self, call: Call, note: Entry, key: str | None, link: Link) -> Answer:
        resource = RESOURCES.get(note.endpoint)
        if note.division is None:
            if resource is not ME:
                raise missing("This address needs a division.")
            books = None
        else:
            books = self._books(link, note.division)
        service = resource.service if resource else note.endpoint.lower().split("/")[0]
        if not link.user.may(service):
            raise forbidden("This user has no right to do that.")
        json = _wants_json(call)
        if resource is None or (resource is ME and books is not None):
            raise missing(f"There is no {note.endpoint}.")
        guid = None if key is None else _guid(key)
        reading = Reading(self.exact, link.user, books, self.base)
        if call.method == "GET":
            return render.answer(200, {"d": reading.answer(resource, guid, call.query)}, {}, json=json)
        if books is None:
            raise Refused(405, "Only GET.")
        at = Write(self.exact, books, link)
        if call.method == "DELETE" and guid is not None:
            remove(at, resource, guid)
            note.effect, note.key = "deleted", guid
            return Answer(204)
        if call.method not in ("POST", "PUT") or (call.method == "PUT") != (guid is not None):
            raise Refused(405, f"{call.method} is not done to this address.")
        if not _is_type(call, "application/json"):
            raise Refused(415, "Send application/json.")
        given = body_of(call.body)
        if guid is not None:
            change(at, resource, guid, given)
            note.effect, note.key = "changed", guid
            return Answer(204)
        row = create(at, resource, given)
        note.effect, note.key = "created", row[resource.key]
        if "return=representation" not in call.headers.get("prefer", "").replace(" ", ""):
            return Answer(201)
        return render.answer(201, {"d": reading.created(resource, row)}, {}, json=json)


def _wants_json(call: Call) -> bool:
    return "application/json" in call.headers.get("accept", "")


def _is_type(call: Call, wanted: str) -> bool:
    return call.headers.get("content-type", "").partition(";")[0].strip().lower() == wanted


def _guid(literal: str) -> str:
    inside = literal.removeprefix("guid'").removesuffix("'")
    if not literal.startswith("guid'") or not GUID.match(inside):
        raise missing("A key is guid'…'.")
    return inside.lower()
