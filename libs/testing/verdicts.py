"""Everything the rules say of a document, to hold one way of reading it against another."""

from __future__ import annotations

from libs.errors import Refusal
from libs.rules import engine


def said(data: bytes, pack: str | None = None) -> object:
    """Verdict, summary and our own findings; or the code and words of the refusal."""
    try:
        verdict = engine.validate(data, pack)
    except Refusal as refusal:
        return refusal.code, refusal.extra
    return verdict, verdict.summary, engine.own(verdict)
