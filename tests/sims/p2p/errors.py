"""What the API answers when it refuses. The form is an inference: the product's own is not public."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """What is wrong with one field; ``field`` as a path on the wire, such as ``addresses.0.city``."""

    field: str
    code: str
    message: str


@dataclass
class Refused(Exception):
    """Ends the handling of a request with an answer."""

    status: int
    code: str
    message: str
    findings: Sequence[Finding] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        details = [
            {"field": each.field, "code": each.code, "message": each.message} for each in self.findings
        ]
        return {"error": {"code": self.code, "message": self.message, "details": details}}
