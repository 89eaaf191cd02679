"""Documents with something wrong in them, by the thousand: what arrives when software breaks or somebody means harm."""

from __future__ import annotations

import re
from random import Random

_TAG = re.compile(rb"<[^>]*>")
_TEXT = re.compile(rb">([^<>]+)<")
_ATTRIBUTE = re.compile(rb'"([^"]*)"')
_LEAF = re.compile(rb"<([\w:]+)[^>]*>[^<]*</\1>")
_GROUP = re.compile(rb"<([\w:]+)[^>]*>\s*<.*?</\1>", re.DOTALL)

VALUES = (
    b"", b" ", b"-1", b"0", b"1e309", b"NaN", b"9" * 400, b"0.0000000000001", b"1,5", b"NL", b"true", b"2026-02-30",
    b"20260230", b"&#x1F600;", b"&lt;", b"\xc3\xa9", b"=1+1", b"\xe2\x80\xae1.00", b"[]", b"{}", b"null", b"&amp;#0;",
    b"Infinity", b"0x10", b"--", b"\xe6\x97\xa5",
)  # fmt: skip


def mutant(data: bytes, seed: int) -> bytes:
    """``data`` with one to six places changed: values, attributes, tags and groups gone, doubled, moved; or cut off."""
    random = Random(seed)
    if random.random() < 0.04:
        return data[: random.randrange(len(data))]
    for _ in range(random.randint(1, 6)):
        how = random.choice((_TEXT, _TEXT, _ATTRIBUTE, _LEAF, _GROUP, _TAG))
        places = [found.span(1 if how in (_TEXT, _ATTRIBUTE) else 0) for found in how.finditer(data)]
        if not places:
            continue
        begin, end = random.choice(places)
        if how in (_TEXT, _ATTRIBUTE):
            data = data[:begin] + random.choice(VALUES) + data[end:]
        elif how is _TAG:
            # A tag alone would only ever be ill-formed: rename it instead.
            tag = data[begin:end].replace(b":", b":x", 1)
            data = data[:begin] + tag + data[end:]
        else:
            piece = data[begin:end]
            data = data[:begin] + random.choice((b"", piece * 2, b"<!-- x -->" + piece)) + data[end:]
            if random.random() < 0.3:
                at = random.choice(places)[0]
                data = data[:at] + piece + data[at:] if at <= len(data) else data
    return data
