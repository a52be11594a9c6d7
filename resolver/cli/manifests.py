"""``resolver manifests WAY``: Kubernetes manifests for one's own hosts, with the warnings that go with them."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

from resolver.config.load import load_text
from resolver.errors import ConfigError, ConfigErrors, ResolverError
from resolver.manifests import settings as read
from resolver.manifests.bundle import Bundle
from resolver.manifests.settings import ManifestError, Settings
from resolver.manifests.writing import folder, stream
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host

# The flags: how a word is read, whether there may be several, and what it means.
_FLAGS: dict[str, tuple[Callable[[str], Any], bool, str]] = {
    "host": (read.host, True, "[NAME=]HOST[:PORT]: an external host, and the name of yours that it goes by"),
    "name": (read.service_name, False, "what the objects are called"),
    "namespace": (read.label, False, "where the server runs, or the workload with the sidecar"),
    "client-namespace": (read.label, False, "where the Pods are that ask"),
    "address": (read.address, True, "the fixed address of the Service; once for each IP family"),
    "image": (read.image, False, "the server's image, with a tag or a digest"),
    "cluster-domain": (read.domain, False, "the domain of the cluster"),
    "cluster-dns": (read.address, True, "the address of the cluster's DNS"),
    "upstream": (read.upstream, True, "who is asked for names outside, such as tls://9.9.9.9%%dns.quad9.net"),
    "replicas": (lambda text: read.number(text, 1, 1000), False, "how many Pods"),
    "nameserver": (read.address, True, "a further nameserver for the Pods, after this one"),
    "search": (read.domain, True, "a further search domain for the Pods"),
    "ndots": (lambda text: read.number(text, 0, 15), False, "from how many dots on a name is asked for as it is first"),
    "workload": (read.workload, False, "what gets the sidecar: deployment/NAME, statefulset/NAME or daemonset/NAME"),
    "ingress-class": (read.domain, False, "the class of the Ingress controller"),
    "service-type": (read.service_type, False, "NodePort or LoadBalancer"),
    "node-port": (lambda text: read.number(text, 30000, 32767), False, "the node's port of the first port"),
    "source-range": (read.network, True, "who may use the proxy"),
    "proxy-image": (read.image, False, "the image of HAProxy"),
    "nat": (read.nat, True, "HOST=ADDRESS: write rules of the packet filter for this host as well"),
    "local-address": (read.address, True, "the address on every node where Pods ask; once for each IP family"),
}
_SWITCHES = {
    "only": "forward the hosts given and refuse all other outside names",
    "egress-set": "let the server write to the packet filter of the node, for the directive egress_set",
    "article": "the well-known Corefile for this way, as it is",
}
# The name of the field where it is not that of the flag.
_FIELDS = {
    "host": "hosts",
    "address": "addresses",
    "upstream": "upstreams",
    "nameserver": "nameservers",
    "search": "searches",
    "source-range": "source_ranges",
    "local-address": "local_addresses",
}
_COMMON = ("name", "namespace", "image")


class Way:
    """A way: its module, what it is for, its flags and the defaults that are its own."""

    def __init__(self, module: str, about: str, flags: tuple[str, ...], make: str = "make", **defaults: Any) -> None:
        self.module, self.about, self.make = module, about, make
        self.flags = (*_COMMON, *flags)
        self.defaults = defaults

    def bundle(self, settings: Settings) -> Bundle:
        """What the way consists of. Raises ManifestError."""
        made: Bundle = getattr(import_module(f"resolver.manifests.ways.{self.module}"), self.make)(settings)
        return made


_SHARED = ("address", "cluster-domain", "upstream", "replicas")
_PODS = ("client-namespace", "nameserver", "search", "ndots")
_CLUSTER: dict[str, Any] = {"namespace": "kube-system", "addresses": ("10.96.0.10",)}
WAYS = {
    "dnsconfig": Way(
        "dnsconfig",
        "way 1: a server with a fixed address, and a Pod that names it in its dnsConfig",
        ("host", "only", *_SHARED, *_PODS),
        addresses=("10.96.0.53",),
    ),
    "shared": Way(
        "dnsconfig", "the server of way 1 alone", ("host", "only", *_SHARED), "make_server", addresses=("10.96.0.53",)
    ),
    "forwarding": Way(
        "forwarding",
        "way 2: the DNS of the cluster forwards what is not its own",
        ("host", "only", "article", *_SHARED),
        **_CLUSTER,
    ),
    "externalname": Way(
        "externalname",
        "way 3: ExternalName Services behind an Ingress, and DNS for their hosts",
        ("host", "address", "replicas", "client-namespace", "ingress-class"),
        addresses=("10.96.0.53",),
    ),
    "loadbalancer": Way(
        "loadbalancer",
        "way 4: a NodePort or LoadBalancer Service in front of a proxy to the hosts",
        (
            "host",
            "cluster-domain",
            "upstream",
            "replicas",
            "service-type",
            "node-port",
            "source-range",
            "proxy-image",
            "nat",
        ),
        name="outside",
        namespace="outside",
    ),
    "sidecar": Way(
        "sidecar",
        "the server inside of each Pod of a workload",
        (
            "host",
            "only",
            "workload",
            "cluster-domain",
            "cluster-dns",
            "upstream",
            "search",
            "ndots",
        ),
        namespace="default",
    ),
    "node-local": Way(
        "nodelocal",
        "a cache on every node",
        ("local-address", "cluster-dns", "cluster-domain", "egress-set"),
        name="resolver-node",
        namespace="kube-system",
    ),
    "cluster-dns": Way(
        "clusterdns",
        "the DNS of the cluster, in the place of CoreDNS",
        ("address", "cluster-domain", "replicas"),
        **_CLUSTER,
    ),
}
_NEED_HOSTS = {"externalname", "loadbalancer"}


def run(arguments: list[str]) -> int:
    """Write the manifests; warnings go to stderr. Raises ResolverError for what no manifest can be made from."""
    flags = _parser().parse_args(arguments)
    way = WAYS[flags.way]
    settings = _settings(way, flags)
    _check_hosts(flags.way, settings)
    bundle = way.bundle(settings)
    _check(bundle)
    command = shlex.join(["resolver", "manifests", *_without_output(arguments)])
    if flags.output is None:
        print(stream(bundle, command), end="")
    else:
        _write(Path(flags.output), folder(bundle, command))
    for text in bundle.warnings:
        print(f"resolver manifests: warning: {text}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="resolver manifests", description="Write Kubernetes manifests for your hosts."
    )
    ways = parser.add_subparsers(dest="way", required=True, metavar="WAY")
    defaults = Settings()
    for name, way in WAYS.items():
        one = ways.add_parser(name, help=way.about, description=f"Write {way.about}.", allow_abbrev=False)
        one.add_argument(
            "-o", "--output", metavar="DIR", help="write the files of a kustomize folder instead of one text"
        )
        for flag in way.flags:
            _add_flag(one, flag, way.defaults.get(_field(flag), getattr(defaults, _field(flag))))
    return parser


def _add_flag(parser: argparse.ArgumentParser, flag: str, default: Any) -> None:
    if flag in _SWITCHES:
        parser.add_argument(f"--{flag}", action="store_true", help=_SWITCHES[flag])
        return
    reader, several, about = _FLAGS[flag]
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    about += f" (default: {shown.replace('%', '%%')})" if shown else ""
    names = [f"--{flag}", *(["-n"] if flag == "namespace" else [])]
    action = "append" if several else "store"
    parser.add_argument(*names, dest=_field(flag), type=reader, action=action, metavar="VALUE", help=about)


def _settings(way: Way, flags: argparse.Namespace) -> Settings:
    given = {field.name: getattr(flags, field.name, None) for field in fields(Settings)}
    values = way.defaults | {name: value for name, value in given.items() if value is not None}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(dict.fromkeys(value))
    settings = Settings(**values)
    if len(settings.addresses) > 2 or len({":" in address for address in settings.addresses}) < len(settings.addresses):
        raise ManifestError("--address: a Service has one address of each IP family at most")
    return settings


def _check_hosts(way: str, settings: Settings) -> None:
    """Refuse hosts that say what this way has no use for. Raises ManifestError."""
    if way in _NEED_HOSTS and not settings.hosts:
        raise ManifestError(f"{way} needs a host: --host external.example.com=api.example.com")
    if settings.only and not settings.hosts:
        raise ManifestError("--only forwards the hosts given, and there is none: give them with --host")
    for host in settings.hosts:
        if host.is_renamed and way not in _NEED_HOSTS:
            raise ManifestError(
                f"--host {host.name}=...: {way} has no use for another name; externalname and loadbalancer have"
            )


def _field(flag: str) -> str:
    return _FIELDS.get(flag, flag.replace("-", "_"))


def _without_output(arguments: list[str]) -> list[str]:
    """The command as it is written into the manifests: where they went is nobody's business."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word in {"-o", "--output"}:
            next(words, None)
        elif not word.startswith("--output=") and not (word.startswith("-o") and not word.startswith("--")):
            kept.append(word)
    return kept


def _check(bundle: Bundle) -> None:
    """Hold every Corefile against the parser. Raises ResolverError: what is written always loads."""
    for config in bundle.configs:
        text = config.files.get("Corefile")
        if text is None:
            continue
        try:
            assemble(load_text(text, environ={}), throwaway_host(), 53)
        except (ConfigError, ConfigErrors) as error:
            raise ResolverError(f"the Corefile for these hosts would not load: {error}") from None


def _write(root: Path, files: dict[str, str]) -> None:
    try:
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResolverError(f"cannot write to {root}: {error.strerror or error}") from None
