"""Exact Globe+: its own tables, read through SQLAlchemy Core."""
