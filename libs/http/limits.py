"""No request is larger than it may be: said before the body is read where its length is known, and at the
byte that is one too many where it is not."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.errors import TooLarge
from libs.http import problems


class BodyLimit:
    """ASGI middleware. ``most`` in bytes."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and int(declared) > self._most:
            await self._refuse(scope, receive, send)
            return
        taken, refused, started = 0, False, False

        async def capped() -> Message:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                refused = True
                raise self._error()
            return message

        async def replaced(message: Message) -> None:
            # Frameworks turn an error while reading a body into an answer of their own; ours is the truth.
            nonlocal started
            if refused and not started:
                started = True
                await self._refuse(scope, receive, send)
            elif not refused:
                started = True
                await send(message)

        try:
            await self._app(scope, capped, replaced)
        except Exception:
            if not refused or started:
                raise
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = problems.of(self._error())
        # The rest of the body is not read, so this connection cannot be used again.
        response.headers["Connection"] = "close"
        await response(scope, receive, send)

    def _error(self) -> TooLarge:
        return TooLarge(
            f"a request may be at most {self._most} bytes: send less at a time",
            nl=f"een verzoek mag hoogstens {self._most} bytes zijn: stuur minder tegelijk",
            limit=self._most,
        )
