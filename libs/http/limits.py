"""No request is larger than it may be: said before the body is read where its length is known, and at the
byte that is one too many where it is not."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.errors import TooLarge
from libs.http import problems


class BodyLimit:
    """ASGI middleware. ``most`` in bytes; ``larger``: of paths that take more."""

    def __init__(self, app: ASGIApp, *, most: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._most = most
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._most)
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and int(declared) > most:
            await self._refuse(scope, receive, send, most)
            return
        taken, refused, started = 0, False, False

        async def capped() -> Message:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                refused = True
                raise _error(most)
            return message

        async def replaced(message: Message) -> None:
            # Frameworks turn an error while reading a body into an answer of their own; ours is the truth.
            nonlocal started
            if refused and not started:
                started = True
                await self._refuse(scope, receive, send, most)
            elif not refused:
                started = True
                await send(message)

        try:
            await self._app(scope, capped, replaced)
        except Exception:
            if not refused or started:
                raise
            await self._refuse(scope, receive, send, most)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        response = problems.of(_error(most))
        # The rest of the body is not read, so this connection cannot be used again.
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def _error(most: int) -> TooLarge:
    return TooLarge(
        f"a request may be at most {most} bytes: send less at a time",
        nl=f"een verzoek mag hoogstens {most} bytes zijn: stuur minder tegelijk",
        limit=most,
    )
