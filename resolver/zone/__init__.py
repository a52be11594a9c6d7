"""Zones that this server answers for: their data, the one look-up in it, and reading it from text."""
