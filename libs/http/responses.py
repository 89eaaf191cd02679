"""JSON replies, encoded by orjson."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response


def json_response(
    body: Any,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """``body`` may hold whatever orjson takes (ids, instants, dataclasses), models and sets."""
    return Response(
        orjson.dumps(body, default=_plain),
        status_code=status_code,
        headers=dict(headers or {}),
        media_type=media_type,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, AbstractSet):
        return sorted(value)
    return str(value)
