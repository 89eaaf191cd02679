"""The REST API: ``POST /token``, ``POST /api/{Entity}/Update`` and ``GET /api/{Entity}``.

From the only public trace: the two paths' form, the password grant with ``apikey``, the Bearer token, JSON both
ways, ``Cache-Control: no-cache``, camelCase, update by ``externalId``, which the answer repeats. The rest is inference.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.sims.p2p import rules
from tests.sims.p2p.entities import ENTITIES, Entity
from tests.sims.p2p.environment import Environment
from tests.sims.p2p.errors import Finding, Refused
from tests.sims.p2p.faults import Fault

MAX_BODY = 1_000_000
_PARAMETERS = {"modifiedSince", "page", "companyExternalId"}
_NOT_HERE = "<!DOCTYPE html><title>404</title><h1>Not found</h1>"


class Api:
    """Answers everything below the base address."""

    def __init__(self, environment: Environment) -> None:
        self._env = environment
        self._storage = environment.storage

    async def answer(self, request: Request, path: str) -> Response:
        """``path``: below the base address, such as ``/api/Supplier/Update``."""
        parts = path.strip("/").split("/")
        entity = (
            "token"
            if parts == ["token"]
            else parts[1]
            if parts[0] == "api" and len(parts) in (2, 3)
            else None
        )
        if entity is None or (len(parts) == 3 and parts[2] != "Update"):
            return self._finish(HTMLResponse(_NOT_HERE, 404))  # as of any web server: no JSON
        return self._finish(await self._one(request, entity, parts))

    async def _one(self, request: Request, entity: str, parts: list[str]) -> Response:
        at = self._env.moment()
        note = _Note(at, request.method, entity)
        try:
            wait = self._env.limited(at)
            if wait is not None:
                raise _too_many(wait)
            body = await _body(request)
            note.external_id = _external_id(body) if parts[0] == "api" else None
            fault = self._env.struck(request.method, entity, note.external_id)
            if fault is not None:
                note.fault = fault.kind
                if fault.kind == "slow" or not fault.after:
                    stopped = await self._suffer(fault, request)
                    if stopped is not None:
                        note.status = 0
                        return stopped
            response = (
                self._token(request, body) if entity == "token" else self._api(request, parts, body, note)
            )
            note.status = response.status_code
            if fault is not None and fault.after and fault.kind != "slow":
                note.status = 0 if fault.kind in ("timeout", "drop") else fault.status
                if note.seq:
                    self._storage.amend(note.seq, note.status, fault.kind)
                stopped = await self._suffer(fault, request)
                if stopped is not None:
                    return stopped
            return response
        except Refused as refused:
            note.status, note.code = refused.status, refused.code
            return JSONResponse(refused.body(), refused.status, headers=dict(refused.headers))
        finally:
            if not note.seq:
                note.write(self._env)

    # ------------------------------------------------------------------ token

    def _token(self, request: Request, body: bytes) -> Response:
        if request.method != "POST":
            raise Refused(405, "method", "Tokens are asked for with POST.", headers={"Allow": "POST"})
        if not _is_type(request, "application/x-www-form-urlencoded"):
            raise Refused(415, "content_type", "A token is asked for with a form.")
        form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        wanted = ("grant_type", "username", "password", "apikey")
        if sorted(form) != sorted(wanted) or any(len(values) != 1 for values in form.values()):
            return JSONResponse({"error": "invalid_request"}, 400)
        if form["grant_type"] != ["password"]:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        token = self._env.login(form["username"][0], form["password"][0], form["apikey"][0])
        if token is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        seconds = int(self._env.settings.token_seconds)
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": seconds})

    # ------------------------------------------------------------------ resources

    def _api(self, request: Request, parts: list[str], body: bytes, note: _Note) -> Response:
        self._authorise(request)
        entity = ENTITIES.get(parts[1])
        if entity is None:
            raise Refused(404, "entity_unknown", f"There is no {parts[1]}.")
        if "application/json" not in request.headers.get("accept", ""):
            raise Refused(406, "accept", "Ask for application/json.")
        if "no-cache" not in request.headers.get("cache-control", ""):
            raise Refused(400, "cache_control", "Send Cache-Control: no-cache.")
        if entity.invoicing and not self._env.settings.invoicing:
            raise Refused(403, "module_missing", "The user has no access to the module Invoicing.")
        if len(parts) == 3:
            if request.method != "POST":
                raise Refused(405, "method", "Update is a POST.", headers={"Allow": "POST"})
            return self._update(request, entity, body, note)
        if request.method != "GET":
            raise Refused(405, "method", "A list is read with GET.", headers={"Allow": "GET"})
        return self._list(request, entity)

    def _authorise(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._env.knows(token):
            raise _unauthorised()
        if not self._env.settings.api_right:
            raise Refused(403, "api_right_missing", "The user is not an API user.")  # R214

    def _update(self, request: Request, entity: Entity, body: bytes, note: _Note) -> Response:
        if not _is_type(request, "application/json"):
            raise Refused(415, "content_type", "Send application/json.")
        if entity.access == "read":
            raise Refused(403, "kept_by_people", f"{entity.name} is kept in the screens.")
        try:
            json.loads(body)
        except ValueError:
            raise Refused(400, "not_json", "The body is not JSON.") from None
        record = _validated(entity, body)
        if self._env.settings.read_only:
            raise Refused(503, "read_only", "The environment can only be read now.")
        key = entity.key(record)
        text = None if entity.name == "User" else body.decode("utf-8")  # it may hold a password
        with self._storage.transaction():
            before = self._storage.get(entity.name, key)
            if before is None and entity.access == "update":
                # R215: a company is made by people first.
                raise Refused(422, "company_unknown", f"{entity.name} {key} is made in the screens first.")
            companies = rules.check(entity, record, self._storage, self._env.settings)
            number = record[entity.number] if entity.number else None
            self._storage.put(entity.name, key, record, self._env.now(), companies, number)
            note.effect = "created" if before is None else "unchanged" if before == record else "changed"
            note.status, note.body = 200, text
            note.write(self._env)
        return JSONResponse({"externalId": key})

    def _list(self, request: Request, entity: Entity) -> Response:
        if entity.access == "write":
            raise Refused(404, "no_list", f"There is no list of {entity.name}.")
        query = request.query_params
        unknown = sorted(set(query.keys()) - _PARAMETERS)
        if unknown or len(query.multi_items()) != len(query):
            raise Refused(400, "parameter", f"Not known, or twice: {', '.join(unknown) or 'a parameter'}.")
        companies = self._companies(entity, query.get("companyExternalId"))
        page = _page(query.get("page", "1"))
        since = _instant(query.get("modifiedSince"))
        size = self._env.settings.page_size
        items, total = self._storage.page(entity.name, page, size, since, companies)
        pages = -(-total // size)
        return Response(
            f'{{"items": [{",".join(items)}], "page": {page}, "pages": {pages}, "total": {total}}}',
            media_type="application/json",
        )

    def _companies(self, entity: Entity, company: str | None) -> list[str] | None:
        selected = self._env.settings.invoicing_companies if entity.invoicing else None
        if company is None:
            return selected
        if entity.belongs is None:
            raise Refused(400, "parameter", f"{entity.name} cannot be read by company.")
        if company not in self._storage.keys("Company"):
            raise Refused(404, "company_unknown", f"There is no company {company}.")
        if entity.invoicing:
            rules.may_invoice(company, self._env.settings)
        return [company]

    # ------------------------------------------------------------------ faults

    async def _suffer(self, fault: Fault, request: Request) -> Response | None:
        """What the fault does; a response ends the request."""
        if fault.kind == "slow":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._env.closing.wait(), fault.seconds)
                return Response(status_code=504)
            return None
        if fault.kind == "unauthorised":
            self._env.revoke(request.headers.get("authorization", "").partition(" ")[2])
            raise _unauthorised()
        if fault.kind == "rate_limited":
            raise _too_many(max(0, round(fault.seconds)))
        if fault.kind == "server_error":
            raise Refused(fault.status, "server_error", "Something went wrong.")
        if fault.kind == "timeout":
            await self._until_gone(request)
        transport = request.scope.get("sim.transport")
        if transport is not None:
            transport.abort()
        return Response(status_code=504)

    async def _until_gone(self, request: Request) -> None:
        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        waiting = [asyncio.ensure_future(gone()), asyncio.ensure_future(self._env.closing.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    def _finish(self, response: Response) -> Response:
        response.headers["Date"] = self._env.date_header()
        return response


class _Note:
    """What the journal will say of one request."""

    def __init__(self, at: float, method: str, entity: str) -> None:
        self.at = at
        self.method = method
        self.entity = entity
        self.external_id: str | None = None
        self.status = 0
        self.code: str | None = None
        self.effect = "none"
        self.fault: str | None = None
        self.body: str | None = None
        self.seq = 0

    def write(self, environment: Environment) -> None:
        self.seq = environment.storage.note(
            self.at, self.method, self.entity, self.external_id,
            status=self.status, code=self.code, effect=self.effect, fault=self.fault, body=self.body,
        )  # fmt: skip


def _validated(entity: Entity, body: bytes) -> dict[str, Any]:
    try:
        return entity.model.model_validate_json(body).model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        findings = [
            Finding(".".join(map(str, each["loc"])), each["type"], each["msg"])
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Refused(422, "invalid", "The record was not kept: see details.", findings) from None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(413, "too_large", f"At most {MAX_BODY} bytes.", headers={"Connection": "close"})
    return bytes(body)


def _external_id(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    value = found.get("externalId", found.get("externalID")) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None


def _is_type(request: Request, wanted: str) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == wanted


def _page(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 10**9:
        raise Refused(400, "parameter", "page is 1 or more.")
    return int(value)


def _instant(value: str | None) -> float | None:
    """ISO 8601 with an offset: an instant without one could be anybody's (inference, the stricter choice)."""
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Refused(
            400, "parameter", "modifiedSince is an instant with an offset, such as 2026-01-05T09:00:00Z."
        )
    return instant.timestamp()


def _unauthorised() -> Refused:
    return Refused(401, "token_invalid", "Ask for a token first.", headers={"WWW-Authenticate": "Bearer"})


def _too_many(seconds: int) -> Refused:
    return Refused(429, "rate_limited", "Too many requests.", headers={"Retry-After": str(seconds)})
