"""What the user said, checked: hosts, addresses, names and figures."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from resolver.errors import ResolverError

IMAGE = "k8s-resolver:0.1.0"

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_IMAGE = re.compile(
    r"(?P<name>[a-z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_NAME_SIZE = 253  # characters; RFC 1035 section 2.3.4 without the root
_HTTPS = 443


class ManifestError(ResolverError):
    """A word on the command line that no manifest can be made from."""


@dataclass(frozen=True, slots=True)
class Host:
    """An external system: where it is, and the name that it goes by inside.

    ``target`` is a host name or an IP address; ``name`` equals it where the user gave no other.
    """

    name: str
    target: str
    port: int = _HTTPS

    @property
    def slug(self) -> str:
        """The name as one label, for objects that are named after the host; it begins with a letter."""
        plain = self.name.replace(".", "-")
        return (plain if plain[0].isalpha() else f"host-{plain}")[:63].strip("-")

    @property
    def is_address(self) -> bool:
        return is_address(self.target)

    @property
    def is_renamed(self) -> bool:
        return self.name != self.target


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a way may need; which of it a way takes, its flags say."""

    hosts: tuple[Host, ...] = ()
    name: str = "resolver"
    namespace: str = "resolver"
    client_namespace: str = "default"
    image: str = IMAGE
    addresses: tuple[str, ...] = ()
    cluster_domain: str = "cluster.local"
    cluster_dns: tuple[str, ...] = ("10.96.0.10",)
    upstreams: tuple[str, ...] = ("tls://9.9.9.9%dns.quad9.net", "tls://149.112.112.112%dns.quad9.net")
    only: bool = False
    article: bool = False
    replicas: int = 2
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    ndots: int = 2
    workload: str = "deployment/my-app"
    ingress_class: str = "nginx"
    service_type: str = "LoadBalancer"
    node_port: int = 30080
    source_ranges: tuple[str, ...] = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    proxy_image: str = "haproxy:3.0.11"
    nat: tuple[tuple[str, str], ...] = ()
    local_addresses: tuple[str, ...] = ("169.254.20.10",)
    egress_set: bool = False


def host(text: str) -> Host:
    """``[NAME=]HOST[:PORT]``; HOST may be an IP address, in brackets where it is IPv6 with a port."""
    inside, equals, outside = text.rpartition("=")
    target, port = _split_port(outside, text)
    target = target if is_address(target) else host_name(target)
    if equals:
        return Host(host_name(inside), target, port)
    if is_address(target):
        raise ManifestError(f"{text!r} is an address: give it a name, as in api.example.com={text}")
    return Host(target, target, port)


def _split_port(text: str, whole: str) -> tuple[str, int]:
    if text.startswith("["):
        inner, closed, rest = text[1:].partition("]")
        if not closed or not is_address(inner):
            raise ManifestError(f"{whole!r}: what stands in brackets has to be an IPv6 address")
        return inner, port_number(rest[1:], whole) if rest.startswith(":") else _no_rest(rest, whole)
    if is_address(text):
        return text, _HTTPS
    name, colon, digits = text.partition(":")
    return name, port_number(digits, whole) if colon else _HTTPS


def _no_rest(rest: str, whole: str) -> int:
    if rest:
        raise ManifestError(f"{whole!r}: only :PORT may follow the bracket")
    return _HTTPS


def port_number(text: str, whole: str = "") -> int:
    """A port from 1 to 65535."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535):
        raise ManifestError(f"{whole or text!r}: {text!r} is no port")
    return int(text)


def host_name(text: str) -> str:
    """A host name in lower case without the last dot (RFC 1123 section 2.1), of two labels at least."""
    name = text.lower().removesuffix(".")
    if not name.isascii():
        raise ManifestError(f"{text!r} is no host name: write it the way DNS carries it, beginning with xn--")
    if is_address(name):
        raise ManifestError(f"{text!r} is an address, and a host name is needed here")
    labels = name.split(".")
    if len(name) > _NAME_SIZE or not all(_LABEL.fullmatch(label) for label in labels):
        raise ManifestError(
            f"{text!r} is no host name: labels of letters, digits and hyphens, 63 characters each and {_NAME_SIZE} "
            "in all"
        )
    if len(labels) < 2:
        raise ManifestError(f"{text!r} has only one label: an external host has a domain, as in api.example.com")
    if labels[-1].isdigit():
        raise ManifestError(f"{text!r} is no host name: the last label of one is not a number")
    return name


def domain(text: str) -> str:
    """A domain such as cluster.local; one label is enough."""
    name = text.lower().removesuffix(".")
    if len(name) > _NAME_SIZE or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ManifestError(f"{text!r} is no domain")
    return name


def label(text: str) -> str:
    """A name for a namespace or an object (RFC 1123 label)."""
    if not _LABEL.fullmatch(text):
        raise ManifestError(f"{text!r} is no name: lower-case letters, digits and hyphens, 63 at most")
    return text


def service_name(text: str) -> str:
    """A name that a Service may have, too: it begins with a letter and leaves room for what is added to it."""
    if not label(text)[0].isalpha() or len(text) > 40:
        raise ManifestError(f"{text!r} is no name for a Service: it has to begin with a letter, 40 characters at most")
    return text


def address(text: str) -> str:
    """An IP address in its usual spelling."""
    if not is_address(text):
        raise ManifestError(f"{text!r} is no IP address")
    return str(ipaddress.ip_address(text))


def network(text: str) -> str:
    """A network in CIDR form without host bits."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ManifestError(f"{text!r} is no network in CIDR form: {error}") from None


def is_address(text: str) -> bool:
    """Whether this is an IP address; one with an interface behind it does not count."""
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def upstream(text: str) -> str:
    """A server that queries are forwarded to: ``[dns://|tls://]ADDRESS[%NAME][:PORT]``."""
    scheme, separator, rest = text.rpartition("://")
    place = upstream_address(text)
    if separator and scheme not in {"dns", "tls"}:
        raise ManifestError(f"upstream {text!r}: {scheme}:// is not built in; use dns:// or tls://")
    if place is None:
        raise ManifestError(f"upstream {text!r} is no IP address, with dns:// or tls:// before it and :PORT behind it")
    if "%" in rest:
        if scheme != "tls":
            raise ManifestError(f"upstream {text!r}: only tls:// has the name of a certificate behind %")
        host_name(rest.partition("%")[2].partition(":")[0])
    return text


def upstream_address(text: str) -> tuple[str, int] | None:
    """The address and port of an upstream, for the rules that let it through; None where there is none."""
    scheme, _, rest = text.rpartition("://")
    default = 853 if scheme == "tls" else 53
    if is_address(rest):
        return address(rest), default
    place, _, digits = rest.rpartition(":") if re.search(r"(\]|\.\d+|%.*):\d+$", rest) else (rest, "", "")
    place = place.partition("%")[0].strip("[]")
    if not is_address(place):
        return None
    return address(place), port_number(digits, text) if digits else default


def image(text: str) -> str:
    """An image with a tag or a digest; ``latest`` and nothing at all would be something else tomorrow."""
    found = _IMAGE.fullmatch(text)
    if found is None:
        raise ManifestError(f"{text!r} is no image, as in registry.example.com/k8s-resolver:0.1.0")
    if found["digest"] is None and found["tag"] in (None, "latest"):
        raise ManifestError(f"image {text!r} needs a version: a tag other than latest, or a digest")
    return text


def nat(text: str) -> tuple[str, str]:
    """``HOST=ADDRESS`` for a rule of the packet filter, which knows no names."""
    name, equals, place = text.partition("=")
    if not equals:
        raise ManifestError(f"{text!r}: HOST=ADDRESS is needed, as in api.example.com=203.0.113.10")
    return host_name(name), address(place)


def number(text: str, low: int, high: int) -> int:
    """A whole number within bounds."""
    if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high):
        raise ManifestError(f"{text!r} is no number from {low} to {high}")
    return int(text)


def workload(text: str) -> str:
    """``KIND/NAME`` of what gets a sidecar."""
    kind, slash, name = text.partition("/")
    if not slash or kind.lower() not in {"deployment", "statefulset", "daemonset"}:
        raise ManifestError(f"{text!r}: deployment/NAME, statefulset/NAME or daemonset/NAME is needed")
    return f"{kind.lower()}/{label(name)}"


def service_type(text: str) -> str:
    """A type of Service that is reached from outside of the cluster."""
    for known in ("NodePort", "LoadBalancer"):
        if text.lower() == known.lower():
            return known
    raise ManifestError(f"{text!r}: NodePort or LoadBalancer is needed")
