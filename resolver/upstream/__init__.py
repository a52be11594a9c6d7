"""Asking other DNS servers: exchanges over UDP, TCP and TLS, health, and the choice between upstreams.

``upstream`` has the one object that the rest of the server uses. ``udp``, ``stream`` and ``tls`` do the I/O;
``exchange``, ``health``, ``policy``, ``coalesce`` and ``targets`` decide and open no socket. Knows no plugin.
"""
