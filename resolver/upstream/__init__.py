"""Asking other servers: exchanges over UDP, TCP and TLS, connection pools, health and choice."""
