"""Readers and writers: one syntax a module, all by way of the semantic model. Pure."""

from __future__ import annotations
