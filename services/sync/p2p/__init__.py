"""Exact Purchase to Pay: its REST interface."""
