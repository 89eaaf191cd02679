"""Walks a newcomer can take from a checkout, with servers that stand in for what they have not got."""
