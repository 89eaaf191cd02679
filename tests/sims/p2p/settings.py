"""What the operator of a Purchase to Pay environment, and a test, can set. Kept in the storage."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RateLimit(BaseModel):
    """At most ``requests`` in any ``seconds``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: int = Field(ge=1)
    seconds: float = Field(gt=0)


class Settings(BaseModel):
    """``api_right`` (R214) and the two about invoicing (R217) are the API user's; ``key_expired``: its key no
    longer gives tokens and its tokens are gone; ``clock_skew``: seconds the server's clock is wrong;
    ``unique_numbers``: two active records of a company may not share a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    username: str = "api"
    password: str = "purchase-to-pay"
    api_key: str = "key-of-the-simulator"
    api_right: bool = True
    invoicing: bool = True
    invoicing_companies: list[str] | None = None
    """``None``: all of them."""
    key_expired: bool = False
    token_seconds: float = 1200
    page_size: int = Field(200, ge=1)
    rate_limit: RateLimit | None = None
    read_only: bool = False
    unique_numbers: bool = True
    clock_skew: float = 0
