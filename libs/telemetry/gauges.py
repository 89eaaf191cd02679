"""Two kinds of gauges that OpenTelemetry's own do not give: asked when somebody looks, and broken down by what is there.

A gauge keeps its last value for ever. So whatever is counted by cause must be told when a cause has none any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from opentelemetry.metrics import CallbackOptions, Observation

_Key = tuple[tuple[str, str], ...]


class Asked:
    """The callback of an observable gauge. Whoever knows a value gives a function for it, called in the thread that
    exports: it reads what is at hand and waits for nothing."""

    def __init__(self) -> None:
        self._known: dict[_Key, Callable[[], float]] = {}

    def answer(self, attributes: Mapping[str, str], ask: Callable[[], float]) -> None:
        """From now on ``ask`` tells the value with these attributes, and nobody else."""
        self._known[tuple(sorted(attributes.items()))] = ask

    def forget(self, attributes: Mapping[str, str]) -> None:
        """Nobody knows it any more."""
        self._known.pop(tuple(sorted(attributes.items())), None)

    def __call__(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(ask(), dict(key)) for key, ask in list(self._known.items())]


class _Gauge(Protocol):
    def set(self, amount: float, attributes: Mapping[str, str]) -> None: ...


class Shares:
    """A gauge broken down by one attribute: what is not counted any more is 0 from then on. ``always``: values that are
    told even when nothing is counted, so that there is a 0 to see."""

    def __init__(
        self, gauge: _Gauge, by: str, fixed: Mapping[str, str], always: Iterable[str] = ("none",)
    ) -> None:
        self._gauge = gauge
        self._by = by
        self._fixed = dict(fixed)
        self._seen: set[str] = set(always)

    def set(self, counts: Mapping[str, float]) -> None:
        for value in self._seen | counts.keys():
            self._gauge.set(counts.get(value, 0), {**self._fixed, self._by: value})
        self._seen |= counts.keys()
