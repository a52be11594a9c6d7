"""``resolver node``: the node-local mode with the flags of NodeLocal DNSCache, and its set-up as steps of their own."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from resolver.cli.goflags import Flag, Given, read, usage
from resolver.config.kinds import duration
from resolver.config.model import Word
from resolver.errors import ConfigError, ConfigErrors, Place, ResolverError
from resolver.node import work
from resolver.node.settings import (
    DEFAULT_KUBE_DNS,
    FIREWALLS,
    NodeSettings,
    host_and_port,
    interface_name,
    local_addresses,
)
from resolver.telemetry.log import Log

COMMANDS: Final = {
    "serve": "set up link and rules and serve (the default)",
    "setup": "make link and addresses and exit; with -setupiptables also the rules, once the server answers",
    "guard": "keep link and rules for a server that runs without the right to do so",
    "teardown": "remove link and rules, whoever left them, and exit",
}
_HOST: Final = (
    Flag(
        "localip", "addresses to serve on this node, separated by commas; both families may stand together", "", "IPS"
    ),
    Flag("interfacename", "the link that carries them", "nodelocaldns", "NAME"),
    Flag("setupinterface", "make and keep the link", "true"),
    Flag("setupiptables", "make and keep the rules that lead DNS past connection tracking", "true"),
    Flag("setupebtables", "refused: bridged traffic needs no rules of its own", "false"),
    Flag("firewall", f"what to write the rules with: {', '.join(FIREWALLS)}", "auto", "KIND"),
    Flag("dns.port", "the port of DNS on the local addresses", "53", "PORT", ("localport",)),
    Flag("health-port", "the port of the health directive", "8080", "PORT"),
    Flag("log-format", "the form of log lines: text or json", "text", "FORM"),
)
_KEPT: Final = (
    Flag("syncinterval", "how often link and rules are looked at", "60s", "DURATION"),
    Flag("skipteardown", "leave link and rules behind at the end", "false"),
)
_SERVED: Final = (
    Flag("basecorefile", "the template of the Corefile", "/etc/coredns/Corefile.base", "FILE"),
    Flag("conf", "where the generated Corefile goes", "/etc/Corefile", "FILE", ("corefile",)),
    Flag(
        "kubednscm", f"where the kube-dns ConfigMap is mounted (default: {DEFAULT_KUBE_DNS} if it is there)", "", "DIR"
    ),
    Flag("upstreamsvc", "the Service, or the address, of the cluster's DNS", "kube-dns", "NAME"),
    Flag("cluster-domain", "the value of __PILLAR__DNS__DOMAIN__", "cluster.local", "NAME"),
    Flag("metrics-listen-address", "where the metrics of the set-up are served", "0.0.0.0:9353", "HOST:PORT"),
    Flag("prometheus-listen-address", "the value of __PROMETHEUS__ENDPOINT__", ":9253", "HOST:PORT"),
    Flag(
        "reloadwithsignal", "reload at once when the Corefile changes, also where it has the reload directive", "false"
    ),
    Flag("pidfile", "write the process ID there while serving", "", "FILE"),
    Flag("workers", "processes that share the ports (0: what multisocket asks for)", "0", "N"),
    Flag("quiet", "say nothing about how serving begins", "false"),
)
_FLAGS: Final = {
    "serve": (*_HOST, *_KEPT, *_SERVED),
    "setup": (*_HOST, Flag("wait", "with -setupiptables: how long to wait for the server", "60s", "DURATION")),
    "guard": (
        *_HOST,
        *_KEPT,
        Flag("metrics-listen-address", "where the metrics of the set-up are served", "0.0.0.0:9354", "HOST:PORT"),
    ),
    "teardown": (*_HOST, Flag("force", "also while an instance serves the local addresses", "false")),
}
_LONGEST: Final = 86400.0  # seconds


def run(arguments: list[str]) -> int:
    """Do what the first word says. Raises ResolverError where it cannot be done."""
    command = arguments.pop(0) if arguments and arguments[0] in COMMANDS else "serve"
    if {"-h", "-help", "--help"} & set(arguments):
        print(_help(command))
        return 0
    given = read(_FLAGS[command], arguments)
    log = Log(form=_choice(given, "log-format", ("text", "json")))
    settings = _settings(command, given)
    try:
        return _do(command, given, settings, log)
    except (ConfigError, ConfigErrors) as error:
        from resolver.config.report import render

        print(render(error), end="", file=sys.stderr)
        return 1


def _do(command: str, given: Given, settings: NodeSettings, log: Log) -> int:
    if command == "setup":
        return work.setup(settings, _seconds(given, "wait", 0.0), log)
    if command == "guard":
        return work.guard(settings, log)
    if command == "teardown":
        return work.teardown(settings, log, force=given.yes("force"))
    from resolver.node import serving  # with all directives, which the other commands do without
    from resolver.runtime.options import Options
    from resolver.runtime.plan import MAX_WORKERS

    options = Options(
        settings.conf,
        port=settings.port,
        workers=given.number("workers", 0, MAX_WORKERS),
        pidfile=given.text("pidfile") or None,
        quiet=given.yes("quiet"),
        log=log,
    )
    return serving.serve(settings, options, os.environ)


def _settings(command: str, given: Given) -> NodeSettings:
    """What the flags of a command say. Raises ResolverError."""
    if given.yes("setupebtables"):
        raise ResolverError("-setupebtables is not supported: bridged packets pass the rules of the node's IP stack")
    settings = NodeSettings(
        local_addresses(given.text("localip")),
        port=given.number("dns.port", 1, 65535),
        health_port=given.number("health-port", 1, 65535),
        interface=interface_name(given.text("interfacename")),
        setup_interface=given.yes("setupinterface"),
        # A set-up that exits cannot take rules back where the server ends, so it makes them only when told to.
        setup_rules=given.yes("setupiptables") and (command != "setup" or "setupiptables" in given.said),
        firewall=_choice(given, "firewall", FIREWALLS),
    )
    if "syncinterval" in given.values:
        settings = _kept(settings, given)
    return _served(settings, given) if command == "serve" else settings


def _kept(settings: NodeSettings, given: Given) -> NodeSettings:
    return replace(
        settings,
        sync=_seconds(given, "syncinterval", 1.0),
        skip_teardown=given.yes("skipteardown"),
        metrics=host_and_port(given.text("metrics-listen-address"), "-metrics-listen-address"),
    )


def _served(settings: NodeSettings, given: Given) -> NodeSettings:
    prometheus = given.text("prometheus-listen-address")
    host_and_port(prometheus, "-prometheus-listen-address")
    kube_dns = given.text("kubednscm")
    return replace(
        settings,
        base=given.text("basecorefile"),
        conf=given.text("conf"),
        kube_dns=kube_dns or (DEFAULT_KUBE_DNS if Path(DEFAULT_KUBE_DNS).is_dir() else ""),
        upstream_service=given.text("upstreamsvc"),
        cluster_domain=given.text("cluster-domain"),
        prometheus=prometheus,
        reload_with_signal=given.yes("reloadwithsignal"),
    )


def _seconds(given: Given, name: str, low: float) -> float:
    """A duration such as 30s; a plain number is in seconds. Raises ResolverError."""
    try:
        return duration(Word(given.text(name), Place("", 1)), low, _LONGEST, plain_seconds=True)
    except ConfigError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise ResolverError(f"-{name}: {error.message}{hint}") from None


def _choice(given: Given, name: str, choices: tuple[str, ...]) -> str:
    text = given.text(name)
    if text not in choices:
        raise ResolverError(f"-{name}: {text!r} is none of {', '.join(choices)}")
    return text


def _help(command: str) -> str:
    commands = "\n".join(f"  {name:<9} {text}" for name, text in COMMANDS.items())
    return (
        f"usage: resolver node [{'|'.join(COMMANDS)}] -localip IPS [flags]\n\n{commands}\n\n"
        f"flags of {command}, with one dash or two, -flag value or -flag=value:\n{usage(_FLAGS[command])}"
    )
