"""How the API is reached: address, trust and credentials as plain values, before anything is opened.

Access is read when a directive is set up, so that mistakes are found by ``resolver check``; credentials that live in
files or come from a command are read when the connection needs them (``credentials``).
"""

from __future__ import annotations

import base64
import binascii
import importlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resolver.errors import KubeError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXTRA = "k8s-resolver[kubernetes]"
# Enough for a large cluster to be listed page by page without a wait; back-off is what protects an API in trouble.
QPS, BURST = 20.0, 60
# What an operator who sets only one of the two is used to (client-go).
USUAL_QPS, USUAL_BURST = 5.0, 10


@dataclass(frozen=True)
class Exec:
    """A credential plugin (client.authentication.k8s.io): a command that prints an ExecCredential."""

    version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    cluster: str = field(default="", repr=False)  # JSON of spec.cluster where the plugin wants it


@dataclass(frozen=True)
class Access:
    """An API server and who asks. Two directives with equal Access share connections and watches.

    Files are absolute paths; ``ca``, ``cert`` and ``key`` are PEM texts that take precedence over them. ``qps`` and
    ``burst`` limit new requests, ``max_inflight`` those whose answer has not begun (0: no limit).
    """

    server: str
    ca_file: str = ""
    ca: str = field(default="", repr=False)
    cert_file: str = ""
    cert: str = field(default="", repr=False)
    key_file: str = ""
    key: str = field(default="", repr=False)
    insecure: bool = False
    server_name: str = ""
    proxy: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    command: Exec | None = field(default=None, repr=False)
    qps: float = QPS
    burst: int = BURST
    max_inflight: int = 0

    @property
    def host(self) -> str:
        """Host and port, as metrics name the server."""
        return urlsplit(self.server).netloc.rpartition("@")[2]

    def limited(self, qps: float | None = None, burst: int | None = None, max_inflight: int | None = None) -> Access:
        """The same with these limits; None and 0 mean the default, a rate without a burst gets client-go's."""
        limited = replace(self, max_inflight=max_inflight or self.max_inflight)
        if qps or burst:
            return replace(limited, qps=float(qps or USUAL_QPS), burst=int(burst or USUAL_BURST))
        return limited


def in_cluster(account: Path = ACCOUNT) -> Access:
    """As the service account of the Pod that this runs in. Raises KubeError outside of a cluster.

    The token is read when it is used, and again when the kubelet has renewed it.
    """
    need_library()
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    if not (host and port):
        raise KubeError(
            "not inside of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set;"
            " name an endpoint or a kubeconfig"
        )
    missing = [name for name in ("token", "ca.crt") if not (account / name).is_file()]
    if missing:
        raise KubeError(f"{account / missing[0]} is missing: does the Pod mount its service account's token?")
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Access(
        server=checked_url(f"https://{netloc}"), ca_file=str(account / "ca.crt"), token_file=str(account / "token")
    )


def from_endpoint(url: str, cert: str = "", key: str = "", ca: str = "") -> Access:
    """At an address, with a client certificate and a CA from files where they are named.

    Without a scheme the address is taken as ``http://``. Raises KubeError.
    """
    need_library()
    if bool(cert) != bool(key):
        raise KubeError("a client certificate needs its key, and a key its certificate")
    server = checked_url(url if "://" in url else f"http://{url}")
    return Access(server=server, cert_file=readable(cert), key_file=readable(key), ca_file=readable(ca))


def from_kubeconfig(path: str, context: str = "") -> Access:
    """As a kubeconfig file says, in its current context or the one that is named. Raises KubeError."""
    need_library()
    need_library("resolver.kube.kubeconfig")
    from resolver.kube.kubeconfig import access_from_file  # the library is an extra

    return access_from_file(path, context)


def need_library(user: str = "resolver.kube.reflector") -> None:
    """Import a module of ours that uses libraries of the extra. Raises KubeError when they are not installed.

    It is done when a directive is set up, as importing takes longer than a server that answers can spare.
    """
    try:
        importlib.import_module(user)
    except ImportError as error:
        raise KubeError(f"needs a library that is not installed ({error.name}): pip install '{EXTRA}'") from error


def checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises KubeError when it is none of an API server."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise KubeError(f"{url!r} is no address of an API server: {error}") from error
    if not right or parts.query or parts.fragment:
        raise KubeError(f"{url!r} is no address of an API server: http://HOST:PORT or https://HOST:PORT is")
    return url.rstrip("/")


def readable(path: str) -> str:
    """The path made absolute; empty stays empty. Raises KubeError when it cannot be read."""
    if not path:
        return ""
    try:
        with Path(path).open("rb"):
            return str(Path(path).absolute())
    except OSError as error:
        raise KubeError(f"cannot read {path}: {error.strerror}") from error


def decoded(data: Any, what: str) -> str:
    """The PEM text in a ``...-data`` field, which is in base64. Raises KubeError."""
    try:
        return base64.b64decode(str(data), validate=False).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise KubeError(f"{what} is not base64 of a PEM text") from error
