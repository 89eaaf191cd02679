"""One Purchase to Pay environment: storage, settings, tokens, limit, faults and the clock."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from datetime import UTC, datetime
from email.utils import format_datetime

from tests.sims.p2p.entities import ENTITIES
from tests.sims.p2p.faults import Fault, strike
from tests.sims.p2p.limits import Window
from tests.sims.p2p.rules import SAME_COSTTYPES, SEPARATE_SUPPLIERS
from tests.sims.p2p.settings import Settings
from tests.sims.p2p.storage import Storage

_FROM_THE_START: dict[str, list[dict[str, object]]] = {
    "AddressType": [
        {"code": "VIS", "description": "Bezoekadres"},
        {"code": "DEL", "description": "Afleveradres"},
        {"code": "POS", "description": "Postadres"},
        {"code": "INV", "description": "Factuuradres"},
    ],
    "SystemSetting": [
        {"externalId": SEPARATE_SUPPLIERS, "value": "Yes"},
        {"externalId": SAME_COSTTYPES, "value": "False"},
    ],
    "Currency": [{"externalId": "EUR", "code": "EUR", "description": "Euro", "rateToEuro": 1.0}],
}


class Environment:
    """``settings``: those of a new environment; a file that is there already has its own."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self.storage = storage
        self.closing = asyncio.Event()
        self._began = time.time() - time.monotonic()
        self._tokens: dict[str, float] = {}
        self._window = Window()
        self._settings = settings
        saved = storage.load("settings")
        if saved is None:
            self.change(settings)
            for name, records in _FROM_THE_START.items():
                for record in records:
                    self.keep(name, dict(record))
        else:
            self._settings = Settings.model_validate_json(saved)
        self._faults = [Fault.model_validate(each) for each in json.loads(storage.load("faults") or "[]")]
        limit = self._settings.rate_limit
        self._window = Window(storage.accepted_since(self.moment() - limit.seconds) if limit else ())

    # ------------------------------------------------------------------ time

    def moment(self) -> float:
        """Seconds since 1970 that never go backwards: for the journal and the limit."""
        return self._began + time.monotonic()

    def now(self) -> float:
        """What the server's clock says, right or wrong: for ``modifiedSince`` and the Date header."""
        return self.moment() + self._settings.clock_skew

    def date_header(self) -> str:
        return format_datetime(datetime.fromtimestamp(self.now(), UTC), usegmt=True)

    # ------------------------------------------------------------------ settings and faults

    @property
    def settings(self) -> Settings:
        return self._settings

    def change(self, settings: Settings) -> None:
        if settings.rate_limit != self._settings.rate_limit:
            self._window = Window()
        if settings.key_expired:
            self._tokens.clear()
        self._settings = settings
        self.storage.save("settings", settings.model_dump_json())

    @property
    def faults(self) -> list[Fault]:
        return list(self._faults)

    def plan(self, faults: list[Fault]) -> None:
        self._faults = faults
        self.storage.save("faults", json.dumps([fault.model_dump() for fault in faults]))

    def struck(self, method: str, entity: str, external_id: str | None) -> Fault | None:
        if not self._faults:
            return None
        fault, left = strike(self._faults, method, entity, external_id)
        if left != self._faults:
            self.plan(left)
        return fault

    def limited(self, at: float) -> int | None:
        limit = self._settings.rate_limit
        return None if limit is None else self._window.take(at, limit)

    # ------------------------------------------------------------------ tokens

    def login(self, username: str, password: str, api_key: str) -> str | None:
        """A token, or ``None``. Tokens are gone after a restart (inference)."""
        has = self._settings
        right = [
            hmac.compare_digest(given.encode(), wanted.encode())
            for given, wanted in ((username, has.username), (password, has.password), (api_key, has.api_key))
        ]
        if has.key_expired or not all(right):
            return None
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.monotonic() + has.token_seconds
        return token

    def knows(self, token: str) -> bool:
        return self._tokens.get(token, 0) > time.monotonic()

    def revoke(self, token: str | None = None) -> None:
        """Without one: all of them."""
        if token is None:
            self._tokens.clear()
        else:
            self._tokens.pop(token, None)

    # ------------------------------------------------------------------ what people do in the screens

    def keep(self, name: str, record: dict[str, object]) -> None:
        """Kept as it is: people may leave a supplier without its addresses."""
        if name == "Invoice":
            record = {**record, "status": self._status(record)}
        entity = ENTITIES[name]
        companies = entity.companies(record, self.storage.keys("Company"))
        number = record.get(entity.number) if entity.number else None
        self.storage.put(
            name, entity.key(record), record, self.now(), companies, None if number is None else str(number)
        )
        if name == "BookingPeriod":
            bodies, _ = self.storage.page("Invoice", 1, 10**9, None, [str(record["company"])])
            for invoice in map(json.loads, bodies):
                if self._status(invoice) != invoice["status"]:
                    self.keep("Invoice", invoice)

    def _status(self, invoice: dict[str, object]) -> object:
        """R282: an invoice that is not final is blocked while its period is closed, and counts as modified when
        that changes. Periods are months (inference)."""
        if invoice["status"] == "final":
            return "final"
        year, month, _ = str(invoice["reportingDate"]).split("-")
        period = self.storage.get("BookingPeriod", f"{invoice['companyNumber']}/{int(year)}/{int(month)}")
        return "matchingBlocked" if period is not None and period["closed"] else "matching"
