"""A DNS forwarder and authoritative sidecar for Kubernetes, configured like CoreDNS."""

__version__ = "0.1.0"
