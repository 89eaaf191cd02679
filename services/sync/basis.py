"""What a verdict rests on beside the two records: settings, the feature of cost types, who takes part, the tables. Pure.

A record that was weighed is not weighed again until it changes. When what its verdict rested on changes, everything is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.sync.mappings import KINDS

TOGETHER = "*"
"""Instead of an administration: what they share."""


def marks(settings: Mapping[str, Any], same_cost_types: bool, codes: Sequence[str]) -> dict[str, str]:
    """A short name of what holds for each administration, and for what they share. ``codes``: the administrations that
    take part, in their order: the first one's value holds."""
    found = {code: _name([settings, same_cost_types, _TABLES]) for code in codes}
    return {**found, TOGETHER: _name([settings, same_cost_types, _TABLES, list(codes)])}


_TABLES = [
    [kind.name, kind.resource, *([each.row, each.globe, each.p2p] for each in fields)]
    for kind in KINDS
    for fields in (kind.fields, *(group.fields for group in kind.children))
]
"""A release that maps something else looks at everything once."""


def _name(what: Any) -> str:
    return hashlib.blake2b(orjson.dumps(what, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
