"""HTTP/1.1 with an end to what may come before a body.

uvicorn's fast parser collects a request line and headers of any size in memory before anybody is asked who is
calling. Here their sum is bounded, and so are bytes that lead to nothing: part of a header that does not end, or
of a trailer. More is 431 and the end of the connection (RFC 6585 §5).
"""

from __future__ import annotations

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES = 64 * 1024
"""Of request line, headers and trailers together. Load balancers pass on 8 to 32 kB."""

_BODY = json.dumps(
    {
        "type": "/problems/headers-too-large",
        "title": "Request Header Fields Too Large",
        "status": 431,
        "code": "headers-too-large",
        "detail": f"the address and headers of a request may be at most {MOST_BYTES} bytes",
        "words": {
            "nl": f"het adres en de headers van een verzoek mogen samen hoogstens {MOST_BYTES} bytes zijn",
            "en": f"the address and headers of a request may be at most {MOST_BYTES} bytes",
        },
    },
    ensure_ascii=False,
).encode()
_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
)


class _TooLong(Exception):
    """Stops the parser, which reports any exception as a request it cannot read."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn makes one for each connection."""

    _head = 0
    """Bytes of request line, headers and trailers of this request, as the parser gave them."""
    _pending = 0
    """Bytes that came since the parser last made anything of them."""
    _moved = False

    def data_received(self, data: bytes) -> None:
        self._moved = False
        super().data_received(data)
        self._pending = 0 if self._moved else self._pending + len(data)
        if self._pending > MOST_BYTES and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._moved = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._moved = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._head > MOST_BYTES:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_BYTES:
            raise _TooLong

    def _refuse(self) -> None:
        self.transport.write(_ANSWER)
        self.transport.close()
