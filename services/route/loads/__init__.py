"""Loading many parties at once."""
