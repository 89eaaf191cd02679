"""What large documents took goes back to the system when they are let go of.

glibc keeps memory that was freed, in an arena for each thread, and hands a block to the system at once only when it was
mapped by itself. From which size blocks are, moves up by itself to that of the largest that was ever freed, 32 MB: after a
few large documents all of them lie among the small ones, and what is free between those stays with the process.
"""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""``M_…`` of malloc.h, for mallopt(3)."""
_ALONE_BYTES = 512 * 1024
_ARENAS = 2


def give_back() -> bool:
    """Blocks from 512 kB on are mapped by themselves for good, and threads share two arenas. False where the C library
    knows no such thing."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _ALONE_BYTES)) and bool(mallopt(_ARENA_MAX, _ARENAS))
