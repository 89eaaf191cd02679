"""One broken guarantee each, put into the real code by name: the suite must go red with it.

What each breaks, and what then goes red, is the table in ``docs/reliability.md``. A break says ``bit`` the
first time its broken code runs: one that never ran proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.crash import broken_answers, broken_channels, broken_deliveries, broken_messages
from tests.crash.wrapping import Say

BREAKS: Mapping[str, Callable[[Say], None]] = {
    **broken_messages.BREAKS,
    **broken_deliveries.BREAKS,
    **broken_channels.BREAKS,
    **broken_answers.BREAKS,
}
