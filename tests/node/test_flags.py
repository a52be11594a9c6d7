"""The command line of ``resolver node``, as users of NodeLocal DNSCache write it."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

import pytest

from resolver.cli import node
from resolver.cli.main import main
from resolver.config.load import load_text
from resolver.errors import ResolverError
from resolver.node.settings import NodeSettings
from resolver.runtime.options import Options
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[NodeSettings, Options]]:
    """What the server is started with, instead of being started."""
    calls: list[tuple[NodeSettings, Options]] = []

    def serve(settings: NodeSettings, options: Options, environ: Mapping[str, str]) -> int:
        calls.append((settings, options))
        return 0

    monkeypatch.setattr("resolver.node.serving.serve", serve)
    return calls


def test_the_flags_of_the_manifest_are_understood(asked: list[tuple[NodeSettings, Options]], tmp_path: Path) -> None:
    words = ["-localip", "169.254.20.10,10.96.0.10", "-conf", "/etc/Corefile", "-upstreamsvc", "kube-dns-upstream"]
    assert main(["node", *words, "-kubednscm", str(tmp_path)]) == 0
    settings, options = asked[0]
    assert settings == NodeSettings(
        (ip_address("169.254.20.10"), ip_address("10.96.0.10")),
        upstream_service="kube-dns-upstream",
        kube_dns=str(tmp_path),
    )
    assert (options.conf, options.port, options.workers, options.pidfile) == ("/etc/Corefile", 53, 0, None)


@pytest.mark.parametrize(
    "words",
    [
        ["-localip", "192.0.2.1", "-syncinterval", "30s", "-setupinterface=false", "-dns.port", "5353"],
        ["--localip=192.0.2.1", "--syncinterval=30", "--setupinterface=False", "--localport=5353"],
        ["-localip=192.0.2.2", "-localip=192.0.2.1", "-syncinterval=0.5m", "-setupinterface", "f", "-dns.port=5353"],
    ],
)
def test_there_are_several_ways_to_write_the_same(asked: list[tuple[NodeSettings, Options]], words: list[str]) -> None:
    assert main(["node", "serve", *words]) == 0
    settings = asked[0][0]
    assert (settings.sync, settings.setup_interface, settings.port) == (30.0, False, 5353)
    assert settings.local == (ip_address("192.0.2.1"),)


def test_a_boolean_flag_alone_says_yes_and_does_not_take_the_next_word(
    asked: list[tuple[NodeSettings, Options]],
) -> None:
    assert main(["node", "-skipteardown", "-reloadwithsignal", "-localip", "192.0.2.1"]) == 0
    settings = asked[0][0]
    assert (settings.skip_teardown, settings.reload_with_signal) == (True, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "-localip names no address"),
        (["-localip", "one"], "-localip: 'one' is not an IP address"),
        (["-localip", "127.0.0.1"], "cannot be an address that Pods reach"),
        (["-localip", "fe80::1"], "link-local address fe80::1"),
        (["-localip", ",".join(f"192.0.2.{n}" for n in range(17))], "17 addresses, at most 16"),
        (["-localip"], "-localip needs a value"),
        (["-locaip", "192.0.2.1"], "unknown flag -locaip (did you mean -localip?)"),
        (["192.0.2.1"], "unexpected argument 192.0.2.1"),
        (["-localip", "192.0.2.1", "-setupebtables"], "-setupebtables is not supported"),
        (["-localip", "192.0.2.1", "-setupiptables=maybe"], "-setupiptables: maybe is neither true nor false"),
        (["-localip", "192.0.2.1", "-syncinterval", "soon"], "-syncinterval: soon is not a duration"),
        (["-localip", "192.0.2.1", "-syncinterval", "60ns"], "-syncinterval: 60ns is out of range"),
        (["-localip", "192.0.2.1", "-dns.port", "0"], "-dns.port: 0 is not a number from 1 to 65535"),
        (["-localip", "192.0.2.1", "-firewall", "pf"], "-firewall: 'pf' is none of auto, nftables, iptables, none"),
        (["-localip", "192.0.2.1", "-interfacename", "much-too-long-for-linux"], "cannot name a link"),
        (["-localip", "192.0.2.1", "-interfacename", "a b"], "cannot name a link"),
        (["-localip", "192.0.2.1", "-metrics-listen-address", "9353"], "-metrics-listen-address: '9353' is not host"),
        (["-localip", "192.0.2.1", "-prometheus-listen-address", ":0"], "-prometheus-listen-address"),
        (["setup", "-localip", "192.0.2.1", "-conf", "x"], "unknown flag -conf"),
    ],
)
def test_a_mistake_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", *words]) == 1
    assert said in capsys.readouterr().err


def test_setup_makes_rules_only_when_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.cli.node.work.setup", lambda settings, wait, log: int(settings.setup_rules))
    for words, rules in (([], 0), (["-setupiptables"], 1), (["-setupiptables=false"], 0)):
        assert main(["node", "setup", "-localip", "192.0.2.1", *words]) == rules


def test_a_guard_has_metrics_of_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.cli.node.work.guard", lambda settings, log: settings.metrics[1])
    assert main(["node", "guard", "-localip", "192.0.2.1"]) == 9354


@pytest.mark.parametrize("command", node.COMMANDS)
def test_help_lists_all_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", command, "-help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  -{flag.name}" in shown for flag in node._FLAGS[command])


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResolverError, match="cannot read the template"):
        node.run(["-localip", "192.0.2.1", "-basecorefile", str(tmp_path / "none"), "-conf", str(tmp_path / "conf")])


def test_the_template_of_the_page_is_a_valid_corefile() -> None:
    page = (Path(__file__).parents[2] / "docs" / "node-local.md").read_text()
    example = page.split("```corefile\n")[1].split("```")[0]
    plan = assemble(load_text(example, environ={}), throwaway_host(), 53)
    assert len(plan.blocks) == 2


def test_the_page_names_every_flag_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "node-local.md").read_text()
    for command, flags in node._FLAGS.items():
        for flag in flags:
            row = next((line for line in page.splitlines() if line.startswith(f"| `-{flag.name}")), "")
            assert row, f"-{flag.name} of {command} is not in docs/node-local.md"
            assert not flag.default or command != "serve" or f"`{flag.default}`" in row, row
