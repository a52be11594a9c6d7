"""Repeats are replayed from octets: a query's own octets (ID aside) are the key, the answer's octets the value.

Knows replies and their leave to be replayed, and no plugin.
"""
