"""The number this run's faults are chosen by. It is printed; ``POSTBODE_CRASH_SEED`` repeats a run."""

from __future__ import annotations

import os
import random

VARIABLE = "POSTBODE_CRASH_SEED"
SEED = int(os.environ.get(VARIABLE) or random.SystemRandom().randrange(10**6))
