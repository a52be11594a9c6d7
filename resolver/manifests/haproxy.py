"""The configuration of HAProxy for way 4: a proxy to the given hosts and to nothing else.

A client may speak HTTP to it, and HAProxy speaks TLS to the external server; or a client speaks TLS through it with the
external server itself, chosen by the server name of the handshake. Any other TCP service gets a port of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from resolver.manifests.settings import Host, ManifestError

HTTP = 8080  # where the proxy listens for HTTP, as an ordinary user
TLS = 8443  # where it listens for TLS that it passes through
STATUS = 8404  # its own state and metrics
_WEB = (80, 443)

_GLOBAL = f"""\
global
    log stdout format raw daemon notice
    maxconn 4000

defaults
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout client-fin 10s
    timeout tunnel 1h
    retries 2
    option redispatch

# Names are looked up again while the proxy runs, at the resolver beside it: addresses of others change.
resolvers outside
    nameserver resolver 127.0.0.1:53
    accepted_payload_size 1232
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 10s
    # With nobody to ask, the last addresses are better than none.
    hold timeout 1h
    hold refused 1h
    hold other 1h

frontend status
    bind :{STATUS}
    mode http
    http-request return status 200 content-type text/plain string "OK" if {{ path /health }}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request deny deny_status 404
"""


def is_web(host: Host) -> bool:
    """Whether the host is told apart by its name; others need a port of their own."""
    return host.port in _WEB


def has_tls(host: Host) -> bool:
    """Whether TLS can be passed through to the host."""
    return host.port == _WEB[1]


def ports(hosts: Sequence[Host]) -> dict[int, int]:
    """The port that clients use and the one that the proxy listens on, for each that is needed."""
    found = {}
    if any(map(is_web, hosts)):
        found[80] = HTTP
    if any(map(has_tls, hosts)):
        found[443] = TLS
    found.update({host.port: host.port for host in hosts if not is_web(host)})
    return found


def check(hosts: Sequence[Host]) -> None:
    """Two hosts that the proxy could not tell apart. Raises ManifestError."""
    for index, host in enumerate(hosts):
        for other in hosts[:index]:
            if host.slug == other.slug:
                raise ManifestError(f"{host.name} and {other.name} are one name, but for dots and hyphens")
            if not is_web(host) and host.port == other.port:
                raise ManifestError(
                    f"{host.target} and {other.target} both on port {host.port}: only HTTP and TLS carry a name to "
                    "tell them apart by"
                )
            if is_web(host) and is_web(other) and _names(host) & _names(other):
                raise ManifestError(f"{host.name} twice: each host needs a name of its own")
        if not is_web(host) and host.port in (53, HTTP, TLS, STATUS, 18080, 18181, 19153):
            raise ManifestError(f"{host.target}: port {host.port} is taken by the proxy or by the resolver beside it")


def configuration(hosts: Sequence[Host]) -> str:
    """The whole file."""
    web = [host for host in hosts if is_web(host)]
    secure = [host for host in hosts if has_tls(host)]
    parts = [_GLOBAL]
    if web:
        parts.append(_http_frontend(web))
    if secure:
        parts.append(_tls_frontend(secure))
    parts += [_http_backend(host) for host in web]
    parts += [_tls_backend(host) for host in secure]
    parts += [_tcp(host) for host in hosts if not is_web(host)]
    return "\n".join(parts)


def _http_frontend(hosts: Sequence[Host]) -> str:
    rules = [
        f"    use_backend http-{host.slug} if {{ var(txn.host) -m str {' '.join(sorted(_names(host)))} }}"
        for host in hosts
    ]
    return "\n".join(
        [
            "# HTTP from clients. Only the names listed are served: this is no proxy for the rest of the world.",
            "frontend http",
            f"    bind :{HTTP}",
            "    mode http",
            "    option httplog",
            "    http-request set-var(txn.host) req.hdr(host),field(1,:),lower",
            "    http-request del-header X-Forwarded-For",
            *rules,
            "    default_backend unknown-host",
            "",
            "backend unknown-host",
            "    mode http",
            '    http-request return status 421 content-type text/plain string "no such host here"',
            "",
        ]
    )


def _tls_frontend(hosts: Sequence[Host]) -> str:
    names = " ".join(map(_server_name, hosts))
    return "\n".join(
        [
            "# TLS from clients, passed through untouched: the certificate is the external server's own.",
            "frontend tls",
            f"    bind :{TLS}",
            "    mode tcp",
            "    option tcplog",
            "    tcp-request inspect-delay 5s",
            f"    tcp-request content accept if {{ req.ssl_hello_type 1 }} {{ req.ssl_sni -i {names} }}",
            "    tcp-request content reject if { req.ssl_hello_type 1 }",
            *(f"    use_backend tls-{host.slug} if {{ req.ssl_sni -i {_server_name(host)} }}" for host in hosts),
            "",
        ]
    )


def _server_name(host: Host) -> str:
    """What a client's TLS handshake calls the external server."""
    return host.name if host.is_address else host.target


def _http_backend(host: Host) -> str:
    secure = ""
    if has_tls(host):
        name = _server_name(host)
        secure = f" ssl verify required ca-file @system-ca sni str({name}) verifyhost {name} check-sni {name}"
    return "\n".join(
        [
            f"backend http-{host.slug}",
            "    mode http",
            "    # The external server knows itself by its own name.",
            f"    http-request set-header Host {_server_name(host)}",
            f"    {_server(host)}{secure}",
            "",
        ]
    )


def _tls_backend(host: Host) -> str:
    return "\n".join([f"backend tls-{host.slug}", "    mode tcp", f"    {_server(host)}", ""])


def _tcp(host: Host) -> str:
    return "\n".join(
        [
            f"# {host.target} over plain TCP, on its own port.",
            f"listen tcp-{host.slug}",
            f"    bind :{host.port}",
            "    mode tcp",
            "    option tcplog",
            f"    {_server(host)}",
            "",
        ]
    )


def _server(host: Host) -> str:
    """Up to four addresses of the name; it need not be known when the proxy starts."""
    if host.is_address:
        place = f"[{host.target}]" if ":" in host.target else host.target
        return f"server address {place}:{host.port} check inter 10s"
    lookup = "resolvers outside init-addr none resolve-prefer ipv4"
    return f"server-template address- 4 {host.target}:{host.port} check inter 10s {lookup}"


def _names(host: Host) -> set[str]:
    """The names that a client may put into the Host header."""
    return {host.name} if host.is_address else {host.name, host.target}
