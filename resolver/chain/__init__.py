"""The chain: queries and replies as values, plugins that turn one into the other, and how they are linked.

Imports ``wire``, ``config`` and ``telemetry``; knows no plugin by name and opens no socket.
"""
