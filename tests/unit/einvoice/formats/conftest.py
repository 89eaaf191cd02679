"""Reading what others wrote needs the corpus, which is not part of this project."""

from __future__ import annotations

import os

collect_ignore = [] if "POSTBODE_SHARED" in os.environ else ["test_corpus.py"]
