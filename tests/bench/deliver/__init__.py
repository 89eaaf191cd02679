"""How fast invoices are brought to their receivers, and what one that hangs does to the others: see ``__main__``."""

from __future__ import annotations
