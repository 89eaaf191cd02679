"""How fast a plan is made and applied: ``make bench-sync``."""
