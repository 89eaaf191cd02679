"""deliver: brings invoices to their receivers, once, and says truthfully what happened."""

from __future__ import annotations

SOURCE = "/postbode/deliver"
"""The CloudEvents ``source`` of everything deliver says."""
