"""How much a run does: little by default, so that it fits into the suite; ``make soak`` asks for more."""

from __future__ import annotations

import os

SOAK = "POSTBODE_SOAK_KILLS" in os.environ
KILLS = int(os.environ.get("POSTBODE_SOAK_KILLS", "0"))
"""Kills to land in each window; 0: as many as a short run brings."""
AWAY_SECONDS = float(os.environ.get("POSTBODE_SOAK_AWAY_SECONDS", "30" if SOAK else "4"))
"""How long Postgres stays away."""
ROUNDS = int(os.environ.get("POSTBODE_SOAK_ROUNDS", "60" if SOAK else "8"))
"""How often something is done to a hub whose connections are cut and whose events come twice."""
LONGEST = 60 * float(os.environ.get("POSTBODE_SOAK_MINUTES", "0"))
"""Seconds after which a storm that has not landed its kills has failed; 0: what a short run gets."""
ROUND_SECONDS = 20.0 if SOAK else 2.0
"""How long an event waits for its second round."""
LEASE_SECONDS = float(os.environ.get("POSTBODE_SOAK_LEASE_SECONDS", "4" if SOAK else "1.5"))
"""Longer where it takes long: a machine that is busy with others must be able to renew one."""
CHANNEL_STEPS = 4
"""Steps of each channel that a short run dies at."""
