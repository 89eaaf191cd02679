"""What can go wrong with a call to Exact Online, as whoever made it must know it: was it done or not, and does trying
again help? What a booking makes of each stands in ``outcomes.py``.

::

    Trouble
    ├── NotNow      nothing was asked: the budget is spent, or Exact said to wait; ``until`` says how long
    ├── Stopped     nothing was asked: whoever asks may not any more
    ├── NotReached  nothing was asked: nobody answers there
    ├── MayBeDone   asked, and no answer that says what became of it: 5xx, or the connection broke
    ├── Denied      an answer that says no (4xx): nothing was done
    └── Lapsed      the link holds no more: somebody has to consent anew
"""

from __future__ import annotations

from libs.contracts.parts import Words
from services.deliver.exact.budget import Wait


class Trouble(Exception):
    """Any of these. The text is for people who look after the hub."""


class NotNow(Trouble):
    def __init__(self, wait: Wait) -> None:
        super().__init__(f"{wait.why}: not before {wait.until:%Y-%m-%d %H:%M:%S} UTC")
        self.wait = wait


class Stopped(Trouble):
    pass


class NotReached(Trouble):
    pass


class MayBeDone(Trouble):
    pass


class Denied(Trouble):
    """``said``: Exact's own words, in the language of whoever consented."""

    def __init__(self, status: int, endpoint: str, said: str) -> None:
        super().__init__(f"{status} {endpoint}: {said}")
        self.status = status
        self.endpoint = endpoint
        self.said = said


class Lapsed(Trouble):
    def __init__(self, code: str, reason: Words) -> None:
        super().__init__(f"{code}: {reason.en}")
        self.code = code
        self.reason = reason
