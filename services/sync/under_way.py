"""What sync has in hand or should have by now, beside its queue: what ``postbode drain`` waits for."""

from __future__ import annotations

LEFT = """
SELECT 'runs' AS what, count(*) AS now, 0 AS later FROM plan WHERE state IN ('approved', 'applying')
"""
"""Plans that are being applied, or will be by the next free runner."""
