"""Asking other DNS servers: exchanges over UDP, TCP, TLS, HTTPS and QUIC, health, and the choice between upstreams.

``upstream`` has the one object that the rest of the server uses. ``protocols`` says which class speaks what; ``udp``,
``stream``, ``https``, ``quic`` and ``http3`` do the I/O;
``exchange``, ``health``, ``policy``, ``coalesce`` and ``targets`` decide and open no socket. Knows no plugin.
"""
