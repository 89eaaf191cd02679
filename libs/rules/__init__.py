"""The rule engine: an invoice in, findings out. Pure."""
