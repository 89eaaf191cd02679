"""What OpenAPI says about the plain routes of ingest, which FastAPI cannot see into."""

from __future__ import annotations

from typing import Any

SUBMIT: dict[str, Any] = {
    "post": {
        "tags": ["submissions"],
        "summary": "Hand over invoices",
        "description": "One UBL invoice as the body, or several files as multipart/form-data: XML, each with or "
        "without its PDF of the same name. 202 is said after everything is stored. The same bytes again, while "
        "the first are under way or delivered, are the same invoice: a submission sent again as it was gets the "
        "first answer, any other says `duplicate` of that invoice; when all are, with `Postbode-Repeat: true`. "
        "The submission can be read at once; the status of an invoice appears at `/v1/invoices/{invoice_id}` a "
        "moment later, normally within `Retry-After` seconds, and is 404 until then.",
        "operationId": "submit",
        "security": [{"key": ["invoice:write"]}],
        "parameters": [
            {
                "name": "Postbode-Filename",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "description": "what a body that is no form shall be called",
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/xml": {"schema": {"type": "string", "format": "binary"}},
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
            }
        },
    }
}
