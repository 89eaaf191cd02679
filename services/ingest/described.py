"""What OpenAPI says about the plain routes of ingest, which FastAPI cannot see into."""

from __future__ import annotations

from typing import Any

from libs.einvoice import refusals
from libs.einvoice.formats import hybrid
from libs.errors import Unavailable
from libs.http import encoding, forms, spool
from libs.http.problems import described
from libs.http.quota import OverQuota
from services.ingest.backlog import late
from services.ingest.uploads import archive, fields, idempotency, intake
from services.ingest.uploads.batch import bad_offset
from services.ingest.uploads.groups import busy
from services.ingest.uploads.intake import Refused
from services.ingest.uploads.part import Part
from services.ingest.uploads.words import REASONS

_MAILED = ("unreadable-mail", "mail-report", "pdf-not-added", "fields-not-added", "no-invoice")
"""Reasons that no caller of the API is refused for."""

FILES = [
    *refusals.examples(),
    intake.as_error(Refused(Part(b"", "F1.pdf"), "pdf-unfit", hybrid.SCRIPTS)),
    *(
        intake.as_error(intake.refuse(Part(b"", "F1.xml"), code))
        for code in REASONS
        if code not in _MAILED and not code.startswith("zip-")
    ),
    *fields.examples(),
]
"""What can be wrong with a file."""

OVER = OverQuota(3, {})

LIMITS: dict[str, Any] = {
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "how many submissions your account may hand over at once (`q`), and in how many seconds that many "
        "again (`w`)",
        "example": '"account";q=2000;w=10',
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "how many are left (`r`), and in how many seconds all are again (`t`)",
        "example": '"account";r=1999;t=1',
    },
}

KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 257},
    "example": '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
    "description": "a name of your own for this request, such as a UUID. When no reply comes, send the same again with "
    "the same key: the reply is that of the first time, and nothing is taken twice, also after the invoice was "
    "rejected. Kept as long as the submission. A request that was refused uses up no key.",
}


SUBMIT: dict[str, Any] = {
    "post": {
        "tags": ["submissions"],
        "summary": "Hand over invoices",
        "description": "One UBL invoice as the body, or several files as a ZIP or multipart/form-data: XML, each with or "
        "without its PDF of the same name, and its extra fields for books in Exact Online: `NAME.fields.json` beside "
        '`NAME.xml`, as `{"Notes": "Project 12", "From": "2026-01-01", "To": "2026-03-31"}`, with the names of '
        "`fields` in the answer of `GET`. ZIPs in the form are opened too (1,000 files, 50 MB unpacked). "
        "202 is said after everything is stored. The same bytes again, while "
        "the first are under way or delivered, are the same invoice: a submission sent again as it was gets the "
        "first answer, any other says `duplicate` of that invoice; when all are, with `Postbode-Repeat: true`. "
        "The submission can be read at once; the status of an invoice appears at `/v1/invoices/{invoice_id}` a "
        "moment later, normally within `Retry-After` seconds, and is 404 until then.",
        "operationId": "submit",
        "security": [{"key": ["invoice:write"]}, {"password": ["invoice:write"]}],
        "parameters": [
            KEY,
            {
                "name": "Postbode-Filename",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "description": "what a body that is no form shall be called",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/xml": {"schema": {"type": "string", "format": "binary"}},
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": {"type": "array", "items": {"type": "string", "format": "binary"}}
                        },
                    }
                },
            },
        },
        "responses": {
            "202": {
                "description": "Stored",
                "headers": {
                    **LIMITS,
                    "Location": {"schema": {"type": "string"}, "description": "the submission"},
                    "Retry-After": {
                        "schema": {"type": "integer"},
                        "description": "seconds after which the invoices have a status",
                    },
                    "Postbode-Repeat": {
                        "schema": {"type": "string", "enum": ["true"]},
                        "description": "there when all of it was handed over before",
                    },
                },
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["submission_id", "invoices"],
                            "properties": {
                                "submission_id": {"type": "string", "format": "uuid"},
                                "invoices": {
                                    "type": "array",
                                    "items": {"$ref": "#/components/schemas/InvoiceItem"},
                                },
                            },
                        }
                    }
                },
            },
            "400": described(
                "The request cannot be used",
                intake.nothing(),
                *forms.examples(),
                encoding.broken(),
                idempotency.malformed(),
            ),
            "409": described("The same is being done", idempotency.running()),
            "413": described(
                "Too large",
                forms.too_large(25_000_000),
                archive.refusal("zip-too-much-mailed"),
                archive.refusal("zip-bomb"),
            ),
            "415": described("Packed in an unknown way", encoding.unknown("br")),
            "422": described(
                "A file is no invoice the hub can take",
                idempotency.reused(),
                *FILES,
                *(archive.refusal(code) for code in ("zip-damaged", "zip-name", "zip-locked")),
            ),
            "429": described("Wait; see Retry-After", OVER),
            "503": described("Not now; see Retry-After", Unavailable(), busy(), late(900)),
        },
    }
}

_LINES = """{"item":0,"status":202,"submission_id":"0197...","invoices":[{"invoice_id":"0197...","filename":"F1.xml",\
"status":"received"}]}
{"item":1,"filename":"F2.xml","type":"/problems/lone-pdf","title":"Unprocessable Content","status":422,"code":"lone-pdf",\
"detail":"...","words":{"nl":"...","en":"..."}}
{"end":{"next":2,"accepted":1,"refused":1}}
"""

BATCH: dict[str, Any] = {
    "post": {
        "tags": ["submissions"],
        "summary": "Hand over thousands of invoices",
        "description": "A ZIP of up to 5,000 invoices, each with or without its PDF of the same name in the same folder, "
        "and its extra fields (`NAME.fields.json`). "
        "The reply has a line of JSON for each item, in their order: its receipt after it is stored, or the problem it is "
        "refused with; others are not concerned. The last line is `end`, or `stopped` with the item to go on at. When the "
        "connection is lost, send the ZIP again with `offset` the first item without a line; with an `Idempotency-Key` "
        "each item that was stored gets its first receipt again.",
        "operationId": "submit_batch",
        "security": [{"key": ["invoice:write"]}, {"password": ["invoice:write"]}],
        "parameters": [
            KEY,
            {
                "name": "offset",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 0, "maximum": 999_999, "default": 0},
                "description": "the first item that is wanted, from 0",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {
            "200": {
                "description": "A line for each item",
                "headers": LIMITS,
                "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": _LINES}},
            },
            "400": described(
                "The request cannot be used",
                intake.nothing(),
                bad_offset(),
                spool.too_slow(),
                encoding.broken(),
                idempotency.malformed(),
            ),
            "409": described("The same is being done", idempotency.running()),
            "413": described(
                "Too large",
                forms.too_large(250_000_000),
                archive.refusal("zip-too-much"),
                archive.refusal("zip-bomb"),
            ),
            "415": described("Packed in an unknown way", encoding.unknown("br")),
            "422": described(
                "The ZIP is refused whole, or, in a line of its own, one item",
                *(archive.refusal(code) for code in ("zip-broken", "zip-name", "zip-locked")),
                intake.as_error(intake.refuse(Part(b"", "F1.xml"), "zip-damaged")),
                idempotency.reused(),
                *FILES,
            ),
            "429": described("Wait; see Retry-After", OVER, spool.second()),
            "503": described("Not now; see Retry-After", Unavailable(), spool.no_room(), late(900)),
        },
    }
}
