"""HTTP as every service of the hub speaks it."""
