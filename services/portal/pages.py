"""The pages: the invoices here, the way in and out (``entrance``), the company's own settings (``company``). Rendered here;
none needs a script."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.portal.company import Company
from services.portal.entrance import Entrance
from services.portal.hub import Hub
from services.portal.sessions import Sessions
from services.portal.shell import Shell
from services.portal.texts import STATUSES

COMPANY_LASTS = timedelta(minutes=15)
"""Keys and people are changed with a session of its own, which ends soon: the one that reads invoices lasts all day."""


class Pages:
    """All of them."""

    def __init__(self, hub: Hub, sessions: Sessions, page_size: int) -> None:
        self._hub = hub
        self._page_size = page_size
        self._shell = Shell(sessions)
        short = Sessions(lasts=COMPANY_LASTS, secure=sessions.secure, name="postbode-company")
        self._company = Company(hub, short, self._shell)
        self._entrance = Entrance(hub, sessions, self._shell, self._company)

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        self._entrance.add_to(router)
        self._company.add_to(router)
        router.add_api_route("/invoices", self.invoices, methods=["GET"])
        router.add_api_route("/invoices/{invoice_id}", self.invoice, methods=["GET"])
        router.add_api_route("/static/{name}", self._shell.static, methods=["GET"])
        return router

    async def invoices(self, request: Request) -> Response:
        """Every invoice the account sent, newest first (R48a)."""
        status = request.query_params.get("status")
        status = status if status in STATUSES else None
        after = request.query_params.get("after")

        async def page(token: str) -> Response:
            found = await self._hub.invoices(token, status=status, after=after, limit=self._page_size)
            return self._shell.page(
                request, "invoices.html", invoices=found["invoices"], next=found["next"], status=status,
                statuses=STATUSES, first=after is None,
            )  # fmt: skip

        return await self._shell.signed_in(request, page)

    async def invoice(self, request: Request, invoice_id: str) -> Response:
        """One invoice: where it is, and everything that happened to it (R53, R56)."""
        try:
            wanted = UUID(invoice_id)
        except ValueError:
            return self._shell.problem(request, "not_found", 404)

        async def page(token: str) -> Response:
            return self._shell.page(request, "invoice.html", invoice=await self._hub.invoice(token, wanted))

        return await self._shell.signed_in(request, page)
