"""``resolver netpol``: network policies that let through what the configuration needs, and nothing else."""

from __future__ import annotations

import argparse
import ipaddress
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from resolver.cli import elsewhere
from resolver.errors import ResolverError
from resolver.manifests import settings as read
from resolver.manifests.bundle import Bundle
from resolver.manifests.settings import ManifestError, Settings
from resolver.manifests.text import Document
from resolver.manifests.writing import stream
from resolver.netpol.delegated import MAX_OCTETS, Tree, config_maps
from resolver.netpol.grants import grants
from resolver.netpol.kubernetes import names_to_resolve
from resolver.netpol.outgoing import outgoing
from resolver.netpol.resolving import Found, resolve
from resolver.netpol.server import dns_ports, server_policy
from resolver.netpol.writing import ASSUMED, ASSUMED_PORTS, Format, Workloads, assumed_ports
from resolver.runtime.plan import Plan

FORMATS = ("kubernetes", "cilium", "gke", "openshift", "istio")
SERVER, WORKLOADS = "resolver", "workloads"
_PROTOCOLS = ("TCP", "UDP")
_MOST_PORTS = 40


def run(arguments: list[str]) -> int:
    """Write the policies; what they leave out goes to stderr. Raises ResolverError where there is nothing to write."""
    flags = _parser().parse_args(arguments)
    plan, lacking = elsewhere.assembled(flags.conf, flags.port_of_server, flags)
    settings = Settings(name=flags.name, namespace=flags.server_namespace, cluster_domain=flags.cluster_domain)
    documents, left_out = (_for_server if flags.made_for == SERVER else _for_workloads)(plan, settings, flags)
    skipped = elsewhere.said(lacking.skipped)
    left_out = [f"{note}; the directive is not looked at" for note in skipped] + left_out
    bundle = Bundle("netpol", (), {"policies.yaml": documents}, warnings=left_out)
    print(stream(bundle, shlex.join(["resolver", "netpol", *arguments])), end="")
    for note in elsewhere.said(lacking.notes):
        if note not in skipped:
            print(f"resolver netpol: note: {note}", file=sys.stderr)
    for text in left_out:
        print(f"resolver netpol: warning: {text}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="resolver netpol", description="Write network policies from a configuration and its policy."
    )
    add = parser.add_argument
    add("-conf", "--conf", default="Corefile", metavar="FILE", help="the configuration (default: Corefile)")
    add("--for", dest="made_for", choices=(SERVER, WORKLOADS), default=SERVER, help="for whom (default: resolver)")
    add(
        "--format",
        choices=FORMATS,
        default="kubernetes",
        help="for workloads: the kind of policy (default: kubernetes)",
    )
    add(
        "--namespace",
        action="append",
        type=read.label,
        default=[],
        metavar="NAMESPACE",
        help="for workloads: write for this one; may be repeated (default: those that rules name)",
    )
    add(
        "--configmaps",
        metavar="FILE",
        help="for workloads: ConfigMaps with rules of namespaces, as kubectl prints them; - for standard input",
    )
    add("--resolve", type=_server, metavar="ADDRESS[:PORT]", help="ask this server for the addresses of names")
    add(
        "--api-server",
        action="append",
        type=partial(_server, default=0),
        metavar="ADDRESS[:PORT]",
        help="for the server: where the Kubernetes API is; may be repeated (default: anywhere, at 443 and 6443)",
    )
    add(
        "--port",
        action="append",
        type=_port,
        metavar="PORT[/PROTOCOL]",
        help="for workloads: where names are reached; may be repeated (default: 443/TCP)",
    )
    defaults = Settings()
    add("--name", type=read.service_name, default=defaults.name, help=f"what the server is called ({defaults.name})")
    add(
        "--server-namespace",
        type=read.label,
        default=defaults.namespace,
        metavar="NAMESPACE",
        help=f"where the server runs ({defaults.namespace})",
    )
    add("--cluster-domain", type=read.domain, default=defaults.cluster_domain, help="the domain of the cluster")
    elsewhere.add_flags(parser)
    add("-dns.port", "--dns.port", dest="port_of_server", type=int, default=53, metavar="PORT")
    return parser


def _server(text: str, default: int = 53) -> tuple[str, int]:
    host, port = text, default
    if text.startswith("[") or text.count(":") == 1:
        host, _, number = text.rpartition(":")
        host = host.strip("[]")
        if not number.isascii() or not number.isdigit() or not 1 <= int(number[:6]) <= 65535:
            raise argparse.ArgumentTypeError(f"{text} has no port from 1 to 65535")
        port = int(number)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no IP address with or without a port") from None
    return host, port


def _port(text: str) -> tuple[int, str]:
    number, _, protocol = text.partition("/")
    protocol = protocol.upper() or "TCP"
    if not number.isascii() or not number.isdigit() or not 1 <= int(number[:6]) <= 65535 or protocol not in _PROTOCOLS:
        raise argparse.ArgumentTypeError(f"{text} is no port such as 443, 5432/TCP or 443/UDP")
    return int(number), protocol


def _for_server(plan: Plan, settings: Settings, flags: argparse.Namespace) -> tuple[list[Document], list[str]]:
    if flags.format != "kubernetes":
        raise ManifestError(f"--format {flags.format} is for workloads; for the server there is NetworkPolicy")
    for name in ("namespace", "port", "configmaps"):
        if getattr(flags, name):
            raise ManifestError(f"--{name} is for workloads; say --for workloads")
    targets, unknown = outgoing(plan, settings.cluster_domain, settings.namespace)
    names = [one.host for one in targets if one.is_name]
    known, missing = _resolved(names, flags)
    document, left_out = server_policy(plan, targets, known, settings, list(dict.fromkeys(flags.api_server or ())))
    return [document], [*missing, *left_out, *unknown]


def _for_workloads(plan: Plan, settings: Settings, flags: argparse.Namespace) -> tuple[list[Document], list[str]]:
    if len(flags.port or ()) > _MOST_PORTS:
        raise ManifestError(f"--port: {_MOST_PORTS} are as many as a policy takes")
    if flags.api_server:
        raise ManifestError("--api-server is for the server itself, not for workloads")
    found = grants(plan, flags.namespace, settings.cluster_domain, _config_maps(flags.configmaps))
    workloads = Workloads(found, settings, dns_ports(plan), list(dict.fromkeys(flags.port or ASSUMED_PORTS)))
    missing: list[str] = []
    if flags.format == "kubernetes":
        names = names_to_resolve(workloads)
        if names and flags.resolve is None:
            raise ManifestError(
                "a NetworkPolicy has addresses: say with --resolve ADDRESS which server to ask for them"
            )
        workloads.known, missing = _resolved(names, flags)
    elif flags.resolve is not None:
        raise ManifestError(f"--resolve: {flags.format} follows names by itself")
    write: Format = import_module(f"resolver.netpol.{flags.format}").write
    documents = write(workloads)
    said = [*found.unsaid, *missing, *workloads.unsaid]
    if not flags.port:
        documents, said = assumed_ports(documents), [ASSUMED, *said]
    return documents, list(dict.fromkeys(said))


def _config_maps(path: str | None) -> list[Tree] | None:
    """The ConfigMaps of a file, None where none is given. Raises ResolverError."""
    if path is None:
        return None
    try:
        text = sys.stdin.read(MAX_OCTETS + 1) if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResolverError(f"cannot read {path}: {error}") from None
    return config_maps(text, "standard input" if path == "-" else path)


def _resolved(names: list[str], flags: argparse.Namespace) -> tuple[Mapping[str, Any], list[str]]:
    if flags.resolve is None or not names:
        return {}, []
    found: dict[str, list[Found]]
    found, missing = resolve(names, *flags.resolve)
    if not found:
        raise ResolverError(f"no name has an address at {flags.resolve[0]}: {missing[0]}")
    return found, missing
