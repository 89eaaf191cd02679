"""Accounts, and what lets somebody in."""
