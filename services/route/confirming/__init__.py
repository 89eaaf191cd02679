"""Confirming a claimed party by a code in a letter."""
