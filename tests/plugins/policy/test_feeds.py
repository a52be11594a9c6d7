"""Response policy zones in the chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, from_records
from resolver.errors import ResolverError
from resolver.wire.constants import CNAME, NXDOMAIN, REFUSED, SERVFAIL, TC, A
from resolver.wire.names import to_text
from tests.plugins.chains import until
from tests.plugins.policy.scenes import Scene, records, shown, why
from tests.runtime.serving import free_port
from tests.support.zones import HOST, answer, serving

HEAD = "$TTL 60\n@ SOA ns. hm. {serial} 60 60 60 60\n NS ns.\n"
ZONE = """nx.example CNAME .
*.nodata.example CNAME *.
pass.example CNAME rpz-passthru.
drop.example CNAME rpz-drop.
tcp.example CNAME rpz-tcp-only.
local.example A 192.0.2.77
garden.example CNAME page.test.
32.66.2.0.192.rpz-client-ip CNAME rpz-drop.
24.0.113.0.203.rpz-ip CNAME .
"""
LINES = "policy {\n rpz rpz.test file rpz.db reload 50ms\n}"


def write(root: Path, text: str = ZONE, name: str = "rpz.db", serial: int = 1) -> None:
    (root / name).write_text(HEAD.format(serial=serial) + text)


async def started(root: Path, lines: str = LINES, data: dict[str, list[tuple[str, int, str]]] | None = None) -> Scene:
    scene = Scene(lines, data or {}, root=root)
    await scene.part.start()
    return scene


async def test_triggers_on_names(tmp_path: Path) -> None:
    write(tmp_path)
    scene = await started(tmp_path)
    gone = await scene.ask("nx.example")
    assert (gone.rcode, why(gone)) == (NXDOMAIN, (15, "policy rule: rpz rpz.test. nx.example"))
    assert (await scene.ask("a.b.nodata.example")).source == "policy"
    assert (await scene.ask("nodata.example")).source == "forward"
    assert (await scene.ask("pass.example")).source == "forward"
    assert (await scene.ask("drop.example")).silent
    assert shown(await scene.ask("local.example")) == ["local.example. A 192.0.2.77"]
    assert (await scene.ask("local.example", "TXT")).source == "policy"
    assert scene.world.metric("coredns_policy_rpz_serial", "rpz.test.") == 1
    await scene.part.stop()


async def test_over_tcp_what_must_come_over_tcp_passes(tmp_path: Path) -> None:
    write(tmp_path)
    scene = await started(tmp_path)
    assert (await scene.ask("tcp.example")).flags & TC
    assert (await scene.ask("tcp.example", transport="tcp")).source == "forward"
    await scene.part.stop()


async def test_triggers_on_clients(tmp_path: Path) -> None:
    write(tmp_path)
    scene = await started(tmp_path)
    assert (await scene.ask("any.example", client="192.0.2.66")).silent
    assert (await scene.ask("any.example", client="192.0.2.67")).source == "forward"
    assert scene.part.group("192.0.2.66") != scene.part.group("192.0.2.67") == scene.part.group("10.0.0.1")
    await scene.part.stop()


async def test_triggers_on_addresses_and_on_targets_of_aliases(tmp_path: Path) -> None:
    write(tmp_path)
    data = {
        "bad.example.": [("bad.example", A, "203.0.113.9")],
        "alias.example.": [("alias.example", CNAME, "nx.example"), ("nx.example", A, "192.0.2.1")],
    }
    scene = await started(tmp_path, data=data)
    assert why(await scene.ask("bad.example")) == (15, "policy rule: rpz rpz.test. 24.0.113.0.203.rpz-ip")
    assert (await scene.ask("alias.example")).rcode == NXDOMAIN
    await scene.part.stop()


async def test_an_alias_of_local_data_is_followed(tmp_path: Path) -> None:
    write(tmp_path)
    scene = await started(tmp_path)

    async def elsewhere(query: Query) -> Reply:
        return from_records(query, "hosts", records([(to_text(query.name), A, "192.0.2.80")]))

    scene.world.host.ask = elsewhere
    reply = await scene.ask("garden.example")
    assert shown(reply) == ["garden.example. CNAME page.test.", "page.test. A 192.0.2.80"]
    assert why(reply)[0] == 15
    await scene.part.stop()


async def test_names_that_are_exempt_and_zones_that_are_only_audited_pass(tmp_path: Path) -> None:
    write(tmp_path)
    scene = await started(tmp_path, "policy {\n rpz rpz.test file rpz.db except nx.example\n}")
    assert (await scene.ask("nx.example")).source == "forward"
    await scene.part.stop()
    scene = await started(tmp_path, "policy {\n rpz rpz.test file rpz.db audit-only\n}")
    assert (await scene.ask("nx.example")).source == "forward"
    assert scene.world.metric("coredns_policy_decisions_total", "dns://:5300", "example.", "", "audit-only") == 1
    await scene.part.stop()


async def test_a_zone_that_is_only_audited_hides_nothing_of_those_behind_it(tmp_path: Path) -> None:
    triggers = "nx.example CNAME .\n24.0.113.0.203.rpz-ip CNAME .\n"
    write(tmp_path, triggers + "pass.example CNAME rpz-passthru.\nnoted.example CNAME .\n", "tried.db")
    write(tmp_path, triggers + "pass.example CNAME .\n")
    data = {"host.example.": [("host.example", A, "203.0.113.9")]}
    lines = "policy {\n rpz tried.test file tried.db audit-only\n rpz rpz.test file rpz.db\n}"
    scene = await started(tmp_path, lines, data)
    for name in ("nx.example", "pass.example", "host.example"):
        assert (await scene.ask(name)).rcode == NXDOMAIN, name
    assert (await scene.ask("noted.example")).source == "forward"
    assert scene.world.metric("coredns_policy_decisions_total", "dns://:5300", "example.", "", "audit-only") == 1
    await scene.part.stop()


async def test_zones_are_asked_in_their_order_and_rules_hold_beside_them(tmp_path: Path) -> None:
    write(tmp_path, "both.example CNAME rpz-passthru.\n", "one.db")
    write(tmp_path, "both.example CNAME .\nonly.example CNAME .\n", "two.db")
    lines = "policy {\n deny both.test\n allow only.example\n rpz one.test file one.db\n rpz two.test file two.db\n}"
    scene = await started(tmp_path, lines)
    assert (await scene.ask("both.example")).source == "forward"
    assert (await scene.ask("only.example")).rcode == NXDOMAIN
    await scene.part.stop()


async def test_a_changed_file_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    write(tmp_path)
    scene = await started(tmp_path)
    write(tmp_path, "new.example CNAME .\n", serial=2)
    await until(lambda: scene.world.metric("coredns_policy_rpz_serial", "rpz.test.") == 2)
    assert (await scene.ask("new.example")).rcode == NXDOMAIN
    assert (await scene.ask("nx.example")).source == "forward"
    (tmp_path / "rpz.db").write_text("this is no zone")
    await until(lambda: scene.part.metrics.failures.cell("rpz.test.").value >= 1)
    assert (await scene.ask("new.example")).rcode == NXDOMAIN
    await scene.part.stop()


async def test_the_server_does_not_start_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(ResolverError):
        await started(tmp_path)


async def test_what_does_nothing_is_told_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "ns.evil.rpz-nsdname CNAME .\n")
    scene = await started(tmp_path)
    assert scene.world.metric("coredns_policy_rpz_triggers", "rpz.test.", "ignored") == 1
    assert any("do nothing here: 1 of nsdname" in line for line in scene.world.lines)
    await scene.part.stop()


# --- transfers


def primary(port: int, path: Path) -> str:
    file = f"file {path} rpz.test {{\n reload 100ms\n }}"
    return f"rpz.test:{port} {{\n bind {HOST}\n {file}\n transfer {{\n to *\n }}\n}}\n"


def limited(port: int, primary_port: int) -> str:
    lines = f"policy {{\n rpz rpz.test transfer from {HOST}:{primary_port}\n }}"
    return f".:{port} {{\n bind {HOST}\n {lines}\n whoami\n}}\n"


async def test_a_zone_is_fetched_and_followed(tmp_path: Path) -> None:
    write(tmp_path)
    port, primary_port = free_port(), free_port()
    async with serving(primary(primary_port, tmp_path / "rpz.db")), serving(limited(port, primary_port)) as server:
        scope = server.part("policy").scopes[0]
        await until(lambda: bool(scope.feeds))
        assert server.part("policy").is_ready()
        assert (await answer(port, "nx.example")).rcode() == NXDOMAIN
        assert (await answer(port, "nx.example")).rcode() == NXDOMAIN
        assert (await answer(port, "new.example")).rcode() == 0


async def test_a_zone_that_cannot_be_fetched_lets_pass_and_says_so_and_the_server_is_not_ready(tmp_path: Path) -> None:
    port = free_port()
    async with serving(limited(port, free_port())) as server:
        assert (await answer(port, "nx.example")).rcode() == 0
        await until(lambda: "rpz.test. cannot be had from" in server.output.getvalue())
        assert not server.part("policy").is_ready()


async def test_until_a_zone_has_come_all_names_may_fail(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "pass.test CNAME rpz-passthru.\n", "own.db")
    port, primary_port = free_port(), free_port()
    own = f"policy {{\n rpz own.test file {tmp_path / 'own.db'}\n deny .denied.test\n"
    text = limited(port, primary_port).replace("policy {\n", own)
    text = text.replace(str(primary_port), f"{primary_port} except .free.test servfail-until-ready")
    async with serving(text) as server:
        for _ in range(2):
            closed = await answer(port, "any.test", change=lambda query: query.use_edns(0))
            assert closed.rcode() == SERVFAIL
            assert [str(option) for option in closed.options] == ["EDE 14 (Not Ready): rpz rpz.test. is not ready"]
        assert (await answer(port, "www.free.test")).rcode() == 0
        assert (await answer(port, "pass.test")).rcode() == 0
        assert (await answer(port, "www.denied.test")).rcode() == REFUSED
        async with serving(primary(primary_port, tmp_path / "rpz.db")):
            await until(server.part("policy").is_ready, 20)
            assert (await answer(port, "any.test")).rcode() == 0
            assert (await answer(port, "nx.example")).rcode() == NXDOMAIN
        await server.apply(text.replace("whoami", "whoami\n minimal"))
        assert (await answer(port, "any.test")).rcode() == 0


async def test_failing_until_a_zone_has_come_is_only_noted_where_nothing_is_enforced(tmp_path: Path) -> None:
    lines = "policy {\n mode audit-only\n rpz rpz.test transfer from 192.0.2.53 servfail-until-ready\n}"
    scene = Scene(lines)
    assert (await scene.ask("any.example")).source == "forward"
    assert scene.world.metric("coredns_policy_decisions_total", "dns://:5300", "example.", "", "audit-only") == 1


async def test_aliases_lead_to_no_name_that_a_missing_zone_may_deny() -> None:
    data = {"www.example.": [("www.example", CNAME, "x.test"), ("x.test", A, "192.0.2.1")]}
    scene = Scene("policy\npolicy test {\n rpz rpz.test transfer from 192.0.2.53 servfail-until-ready\n}", data)
    assert (await scene.ask("www.example")).rcode == SERVFAIL
    assert (await scene.ask("other.example")).rcode == 0


async def test_a_reload_goes_on_with_what_was_fetched(tmp_path: Path) -> None:
    write(tmp_path)
    port, primary_port = free_port(), free_port()
    async with serving(limited(port, primary_port)) as server:
        async with serving(primary(primary_port, tmp_path / "rpz.db")):
            await until(lambda: bool(server.part("policy").scopes[0].feeds), 20)
        await server.apply(limited(port, primary_port).replace("whoami", "whoami\n minimal"))
        assert server.part("policy").is_ready()
        assert (await answer(port, "nx.example")).rcode() == NXDOMAIN
        await server.apply(limited(port, free_port()))
        assert (await answer(port, "nx.example")).rcode() == 0
