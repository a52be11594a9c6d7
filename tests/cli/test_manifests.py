"""``resolver manifests`` as an operator types it: what is written, what is warned about, what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from resolver.cli.main import main
from resolver.cli.manifests import WAYS
from tests.deploy.schemas import validate

EXAMPLE = "external.example.com=api.example.com"
HOSTS = {"externalname": ["--host", EXAMPLE], "loadbalancer": ["--host", EXAMPLE]}


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command; the documents by kind and name, and the warnings."""

    def run(*arguments: str) -> tuple[dict[str, Any], str]:
        assert main(["manifests", *arguments]) == 0
        out, err = capsys.readouterr()
        documents = [document for document in yaml.safe_load_all(out) if document]
        return {f"{one['kind']}/{one['metadata']['name']}": one for one in documents}, err

    return run


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["manifests", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize("way", WAYS)
def test_every_way_writes_valid_manifests(way: str, written: Any) -> None:
    documents, _ = written(way, *HOSTS.get(way, []))
    assert documents
    whole = [one for one in documents.values() if not is_partial(one)]
    assert validate(whole) == []


def is_partial(document: dict[str, Any]) -> bool:
    """What is only added to an object of the user's."""
    return document["kind"] == "Deployment" and "selector" not in document["spec"]


@pytest.mark.parametrize("way", WAYS)
def test_every_flag_of_a_way_changes_what_is_written(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    values = {
        "host": "second.example.com=second.example.net:9443" if way in HOSTS else "second.example.net",
        "name": "another",
        "namespace": "another",
        "client-namespace": "another",
        "address": "10.96.0.99",
        "image": "registry.example.com/k8s-resolver:9",
        "cluster-domain": "cluster.example",
        "cluster-dns": "10.96.0.98",
        "upstream": "192.0.2.53",
        "replicas": "7",
        "nameserver": "192.0.2.54",
        "search": "corp.example",
        "ndots": "4",
        "workload": "statefulset/db",
        "ingress-class": "traefik",
        "service-type": "NodePort",
        "node-port": "31000",
        "source-range": "192.0.2.0/24",
        "proxy-image": "haproxy:3.2.1",
        "nat": "api.example.com=203.0.113.10",
        "local-address": "169.254.25.10",
    }
    base = [*HOSTS.get(way, [])]
    plain = body(capsys, way, *base)
    for flag in WAYS[way].flags:
        if flag == "only":
            base = ["--host", "api.example.com"]
            assert body(capsys, way, *base, "--only") != body(capsys, way, *base)
        elif flag in ("article", "egress-set"):
            assert body(capsys, way, f"--{flag}") != plain
        else:
            assert body(capsys, way, *HOSTS.get(way, []), f"--{flag}", values[flag]) != plain, flag


def body(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The documents, without the comments, which name the command."""
    assert main(["manifests", *arguments]) == 0
    return re.sub(r"^# .*\n", "", capsys.readouterr().out, flags=re.MULTILINE)


def test_the_folder_has_the_same_names_of_files_each_time(tmp_path: Path) -> None:
    assert main(["manifests", "dnsconfig", "-o", str(tmp_path / "new" / "folder")]) == 0
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {
        "Corefile",
        "client.yaml",
        "deployment.yaml",
        "kustomization.yaml",
        "namespace.yaml",
        "networkpolicy.yaml",
        "pdb.yaml",
        "service.yaml",
        "serviceaccount.yaml",
    }


def test_where_the_folder_is_does_not_stand_in_it(tmp_path: Path) -> None:
    for words in (["-o", str(tmp_path)], [f"--output={tmp_path}"], [f"-o{tmp_path}"]):
        assert main(["manifests", "shared", "--name", "dns", *words]) == 0
        first = (tmp_path / "kustomization.yaml").read_text().splitlines()[0]
        assert first == "# resolver manifests shared --name dns"


def test_only_forwards_the_hosts_and_nothing_else(written: Any) -> None:
    documents, warnings = written("dnsconfig", "--host", "api.example.com", "--only")
    corefile = documents["ConfigMap/resolver"]["data"]["Corefile"]
    assert "\napi.example.com {" in corefile
    assert "\n. {" not in corefile
    assert "is refused to these Pods" in warnings


def test_two_addresses_make_a_service_of_both_families(written: Any) -> None:
    documents, _ = written("dnsconfig", "--address", "10.96.0.53", "--address", "fd00:10:96::53")
    spec = documents["Service/resolver"]["spec"]
    assert spec["clusterIPs"] == ["10.96.0.53", "fd00:10:96::53"]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")
    assert documents["Pod/my-pod"]["spec"]["dnsConfig"]["nameservers"] == ["10.96.0.53", "fd00:10:96::53"]


def test_an_external_host_that_is_an_address_becomes_an_endpoint(written: Any) -> None:
    documents, warnings = written("externalname", "--host", "db.example.com=192.0.2.7:5432")
    assert "externalName" not in documents["Service/db-example-com"]["spec"]
    slices = documents["EndpointSlice/db-example-com-1"]
    assert slices["endpoints"][0]["addresses"] == ["192.0.2.7"]
    assert slices["metadata"]["labels"]["kubernetes.io/service-name"] == "db-example-com"
    assert "an ExternalName cannot be" in warnings


def test_an_ingress_repairs_host_and_server_name(written: Any) -> None:
    documents, warnings = written("externalname", "--host", EXAMPLE)
    notes = documents["Ingress/external-example-com"]["metadata"]["annotations"]
    assert notes == {
        "nginx.ingress.kubernetes.io/upstream-vhost": "api.example.com",
        "nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
        "nginx.ingress.kubernetes.io/proxy-ssl-server-name": "on",
        "nginx.ingress.kubernetes.io/proxy-ssl-name": "api.example.com",
    }
    assert documents["Service/external-example-com"]["spec"]["externalName"] == "api.example.com"
    assert "sees a Host header and a TLS server name" in warnings
    plain, _ = written("externalname", "--host", f"{EXAMPLE}:80")
    assert len(plain["Ingress/external-example-com"]["metadata"]["annotations"]) == 1


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (["dnsconfig", "--nameserver", "8.8.8.8"], "musl asks all at once"),
        (["dnsconfig", *[word for n in range(4) for word in ("--search", f"d{n}.example")]], "older than glibc 2.26"),
        (["dnsconfig", "--search", "a" * 63, "--search", "b" * 63, "--search", "c" * 63, "--search", "d" * 63], "256"),
        (["dnsconfig", "--ndots", "5"], "in vain"),
        (["forwarding"], "`forward . example.com 8.8.8.8`"),
        (["forwarding", "--host", "api.example.com", "--only"], "search domains of their node"),
        (["forwarding", "--article"], "no outside name is found by anybody"),
        (["externalname", "--host", EXAMPLE], "does not verify"),
        (["loadbalancer", "--host", EXAMPLE], "clients have to ask for api.example.com"),
        (["loadbalancer", "--host", EXAMPLE, "--source-range", "0.0.0.0/0"], "lets everybody use the proxy"),
        (["loadbalancer", "--host", EXAMPLE, "--service-type", "NodePort"], "only the NetworkPolicy"),
        (["loadbalancer", "--host", EXAMPLE, "--nat", "api.example.com=10.0.0.1"], "is private"),
        (["sidecar"], "address of the Service kube-dns"),
        (["node-local"], "must accept TCP"),
    ],
)
def test_warnings(arguments: list[str], warning: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifests", *arguments]) == 0
    out, err = capsys.readouterr()
    assert warning in err
    assert warning in out.replace("\n# ", " "), "and as a comment"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["dnsconfig", *[f"--nameserver=192.0.2.{n}" for n in range(1, 4)]],
            "4 nameservers",
        ),
        (["dnsconfig", *[f"--search=d{n}.example" for n in range(30)]], "33 search domains"),
        (["sidecar", *[f"--search={'a' * 60}.{'b' * 60}.{'c' * 60}.d{n}" for n in range(12)]], "a search list of"),
        (["dnsconfig", "--host", "no_host"], "is no host name"),
        (["dnsconfig", "--host", EXAMPLE], "has no use for another name"),
        (["dnsconfig", "--only"], "there is none"),
        (["dnsconfig", "--address", "10.96.0"], "is no IP address"),
        (["dnsconfig", "--address", "10.96.0.1", "--address", "10.96.0.2"], "one address of each IP family"),
        (["dnsconfig", "--namespace", "Upper"], "is no name"),
        (["dnsconfig", "--ndots", "16"], "from 0 to 15"),
        (["dnsconfig", "--image", "k8s-resolver:latest"], "needs a version"),
        (["dnsconfig", "--upstream", "dns.example"], "is no IP address"),
        (["forwarding", "--article", "--host", "api.example.com"], "as it stands"),
        (["externalname"], "needs a host"),
        (["externalname", "--host", "api.example.com"], "needs another name"),
        (["externalname", "--host", "b.example.com=a.example.com", "--host", "a.example.com=c.example.com"], "a loop"),
        (["externalname", "--host", "a.b.com=x.example.com", "--host", "a-b.com=y.example.com"], "dots and hyphens"),
        (["loadbalancer"], "needs a host"),
        (["loadbalancer", "--host", "a.example.com:5432", "--host", "b.example.com:5432"], "both on port 5432"),
        (["loadbalancer", "--host", "a.example.com:8404"], "is taken by the proxy"),
        (["loadbalancer", "--host", "x.example.com=a.example.com", "--host", "a.example.com"], "twice"),
        (["loadbalancer", "--host", EXAMPLE, "--nat", "other.example.com=192.0.2.1"], "none of the hosts"),
        (["loadbalancer", "--host", EXAMPLE, "--source-range", "10.0.0.1/8"], "host bits"),
        (["loadbalancer", "--host", EXAMPLE, "--node-port", "80"], "from 30000 to 32767"),
        (["sidecar", "--workload", "my-app"], "deployment/NAME"),
    ],
)
def test_what_no_manifest_can_be_made_from_is_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reason in refused(capsys, *arguments)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert f"cannot write to {tmp_path / 'file'}" in refused(capsys, "shared", "-o", str(tmp_path / "file"))


def test_a_flag_of_another_way_is_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["manifests", "shared", "--ingress-class", "nginx"])
    assert end.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.parametrize("way", WAYS)
def test_help_names_every_flag(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["manifests", way, "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(f"--{flag}" in out for flag in WAYS[way].flags)
