"""``resolver netpol`` as an operator types it; what it writes is held against the schemas of its kinds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from resolver.cli.main import main
from tests.netpol.schemas import mistakes
from tests.netpol.written import POLICY, documents, networks, ports
from tests.support.upstreams import Upstream, answers, fails

FORMATS = ("cilium", "gke", "openshift", "istio")


@pytest.fixture
def corefile(tmp_path: Path) -> Path:
    path = tmp_path / "Corefile"
    path.write_text(POLICY)
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_valid_and_says_what_it_leaves_out(
    form: str, corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["netpol", "-conf", str(corefile), "--for", "workloads", "--format", form]) == 0
    found, said = documents(capsys)
    assert {one["metadata"]["namespace"] for one in found} == {"payments", "shop"}
    for what in (
        "names of the cluster",
        "only-txt.example.com: allows no address",
        "office.example.com: clients by network",
        {
            "cilium": "bad.storage.example.net: denied by the resolver alone",
            "gke": "bad.storage.example.net: denied by the resolver alone",
            "openshift": ".storage.example.net: one label below",
            "istio": "*.storage.example.net would open what is denied (deny bad.storage.example.net)",
        }[form],
        "maybe.example.com: it only counts",
    ):
        assert what in said
    text = yaml.safe_dump_all(found)
    assert "api.example.com" in text
    for name in ("only-txt", "office", "maybe", "cluster.local"):
        assert name not in text


def test_what_is_for_some_pods_is_never_opened_to_all(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in FORMATS:
        assert main(["netpol", "-conf", str(corefile), "--for", "workloads", "--format", form]) == 0
        found, said = documents(capsys)
        for one in found:
            if "cdn.example.com" in str(one):
                selector = one["spec"].get("endpointSelector") or one["spec"].get("podSelector")
                assert selector == {"matchLabels": {"app": "web"}}
            if "account.example.com" in str(one):
                marks = {"io.cilium.k8s.policy.serviceaccount": "checkout"}
                assert one["spec"]["endpointSelector"] == {"matchLabels": marks}
        if form in ("openshift", "istio"):
            assert "what is allowed to app=web" in said


def test_cilium_has_the_dns_rule_that_its_names_depend_on(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["netpol", "-conf", str(corefile), "--for", "workloads", "--format", "cilium"]) == 0
    found, _ = documents(capsys)
    base = [one["spec"]["egress"] for one in found if one["spec"]["endpointSelector"] == {}]
    assert len(base) == 2
    for egress in base:
        assert egress[0]["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}
        assert egress[0]["toPorts"][0]["ports"] == [{"port": "53", "protocol": "ANY"}]


async def test_a_network_policy_has_the_addresses_of_now_with_their_age(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Upstream(answers("192.0.2.7", ttl=90)) as server:
        command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--namespace", "payments"]
        assert await asyncio.to_thread(main, [*command, "--resolve", f"127.0.0.1:{server.port}"]) == 0
        assert set(server.names) == {"api.example.com.", "storage.example.net."}
    said = capsys.readouterr()
    (found,) = yaml.safe_load_all(said.out)
    assert mistakes([found]) == []
    assert networks(found["spec"]) == ["192.0.2.7/32"]
    assert "# api.example.com, looked up 20" in said.out
    assert "good for 90 s" in said.out
    assert "db.*.example.org: NetworkPolicy has addresses" in said.err


async def test_a_server_that_knows_no_name_is_an_error_and_nothing_is_written(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Upstream(fails(2)) as server:
        command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--resolve", f"127.0.0.1:{server.port}"]
        assert await asyncio.to_thread(main, command) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "SERVFAIL" in said.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--for", "workloads"], "--resolve ADDRESS"),
        (["--for", "workloads", "--format", "cilium", "--resolve", "127.0.0.1"], "follows names by itself"),
        (["--format", "cilium"], "is for workloads"),
        (["--namespace", "shop"], "is for workloads"),
        (["--port", "443"], "is for workloads"),
        (["--for", "workloads", "--format", "cilium", "--api-server", "192.0.2.1"], "is for the server itself"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    corefile: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["netpol", "-conf", str(corefile), *arguments]) == 1
    said = capsys.readouterr()
    assert reason in said.err
    assert said.out == ""


@pytest.mark.parametrize("option", [["--resolve", "dns.example"], ["--port", "0"], ["--port", "443/ICMP"]])
def test_a_wrong_word_is_refused(corefile: Path, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["netpol", "-conf", str(corefile), "--for", "workloads", *option])
    assert end.value.code == 2
    assert option[1] in capsys.readouterr().err


def test_ports_are_those_that_are_asked_for(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--namespace", "shop", "--port", "5432"]
    assert main([*command, "--port", "443/udp", "--format", "openshift"]) == 0
    ((found,), _) = documents(capsys)
    assert ports(found["spec"]["egress"][0]) == [(5432, "TCP"), (443, "UDP")]
    assert main([*command, "--format", "istio"]) == 0
    found_kinds, said = documents(capsys)
    assert [one["kind"] for one in found_kinds] == ["Sidecar"]
    assert "port 5432/TCP: Istio tells hosts apart by TLS and HTTP alone" in said


def test_a_denial_of_the_same_name_that_comes_first_closes_it(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """. {
    identity
    policy {
        default deny
        deny api.example.com namespace shop
        allow api.example.com
        allow www.example.com
    }
    forward . 9.9.9.9
}
"""
    corefile.write_text(text)
    command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--format", "cilium"]
    assert main([*command, "--namespace", "shop", "--namespace", "other"]) == 0
    found, _ = documents(capsys)
    names = {one["metadata"]["namespace"]: str(one["spec"]) for one in found}
    assert "api.example.com" not in names["shop"]
    assert "www.example.com" in names["shop"]
    assert "api.example.com" in names["other"]


def test_rule_files_count_too(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corefile.parent / "rules.txt").write_text("allow from-a-file.example.com\n")
    corefile.write_text(
        ". {\n    policy {\n        default deny\n        rules rules.txt\n    }\n    forward . 9.9.9.9\n}\n"
    )
    command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--format", "cilium"]
    assert main(command) == 1
    assert "--namespace" in capsys.readouterr().err
    assert main([*command, "--namespace", "shop"]) == 0
    found, _ = documents(capsys)
    assert "from-a-file.example.com" in str(found)


def test_without_a_policy_there_is_nothing_to_write(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corefile.write_text(". {\n    forward . 9.9.9.9\n}\n")
    assert main(["netpol", "-conf", str(corefile), "--for", "workloads", "--format", "cilium"]) == 1
    assert "has no policy" in capsys.readouterr().err


def test_a_policy_that_only_counts_or_allows_by_default_is_said(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile.write_text(POLICY.replace("default deny nxdomain", "mode audit-only"))
    assert main(["netpol", "-conf", str(corefile), "--for", "workloads", "--format", "cilium"]) == 0
    _, said = documents(capsys)
    assert "allows names without a rule" in said
    assert "only counts denials" in said


def test_ports_that_nobody_chose_are_said_in_every_manifest(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in FORMATS:
        command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--format", form]
        assert main(command) == 0
        found, said = documents(capsys)
        notes = {
            one["metadata"].get("annotations", {}).get("resolver.k8s/ports", "") for one in found if "ports" in str(one)
        }
        assert len(notes) == 1
        assert "443/TCP is assumed" in notes.pop()
        assert "443/TCP is assumed" in said
        assert main([*command, "--port", "443"]) == 0
        found, said = documents(capsys)
        assert all("annotations" not in one["metadata"] for one in found)
        assert "assumed" not in said


def test_rules_count_in_the_zones_of_their_policy_alone(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corefile.write_text(""". {
    policy {
        default deny
        allow .example.org
        allow a.corp.example.org
        allow www.example.net
    }
    policy corp.example.org lab.example {
        default deny
        allow .
        deny secret.corp.example.org
        allow elsewhere.example
    }
    forward . 9.9.9.9
}
""")
    command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--format", "cilium", "--namespace", "shop"]
    assert main(command) == 0
    (found,), said = documents(capsys)
    names = {name.get("matchName") or name["matchPattern"] for name in found["spec"]["egress"][1]["toFQDNs"]}
    assert names == {
        *("example.org", "**.example.org", "www.example.net"),
        *("corp.example.org", "**.corp.example.org", "lab.example", "**.lab.example"),
    }
    for what in (
        "a.corp.example.org: it is not for names in the zones of its policy",
        "elsewhere.example: it is not for names in the zones of its policy",
        "allow .example.org: another policy decides about .corp.example.org",
        "secret.corp.example.org: denied by the resolver alone",
    ):
        assert what in said
