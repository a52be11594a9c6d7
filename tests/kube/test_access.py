"""How the API is reached, as the configuration says it: mistakes are found before anything is opened."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import KubeError
from resolver.kube.access import Access, Exec, from_endpoint, from_kubeconfig, in_cluster
from tests.support.kubeapi.real import CERTS

CA = str(CERTS / "ca.pem")
CERT, KEY = str(CERTS / "server.pem"), str(CERTS / "server.key")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service account as a Pod has it."""
    (tmp_path / "token").write_text("secret")
    (tmp_path / "ca.crt").write_text(Path(CA).read_text())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


def test_inside_of_a_cluster_the_account_is_used(account: Path) -> None:
    found = in_cluster(account)
    assert found == Access("https://10.96.0.1:443", ca_file=f"{account}/ca.crt", token_file=f"{account}/token")
    assert found.token == ""


def test_an_ipv6_address_gets_brackets(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert in_cluster(account).host == "[fd00::1]:443"


def test_outside_of_a_cluster_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeError, match="not inside of a cluster"):
        in_cluster()


@pytest.mark.parametrize("name", ["token", "ca.crt"])
def test_a_pod_without_a_token_is_told_so(account: Path, name: str) -> None:
    (account / name).unlink()
    with pytest.raises(KubeError, match=f"{name} is missing"):
        in_cluster(account)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://api.example.org:6443/", "https://api.example.org:6443"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://rancher.example.org/k8s/clusters/c-1", "https://rancher.example.org/k8s/clusters/c-1"),
    ],
)
def test_endpoints(url: str, server: str) -> None:
    assert from_endpoint(url).server == server


@pytest.mark.parametrize(
    "url", ["", "ftp://a", "https://", "http://a:b", "http://a:99999", "http://[::1", "http://a?x"]
)
def test_what_is_no_endpoint_is_said(url: str) -> None:
    with pytest.raises(KubeError, match="no address of an API server"):
        from_endpoint(url)


def test_files_of_an_endpoint_must_be_readable(tmp_path: Path) -> None:
    found = from_endpoint("https://a:6443", CERT, KEY, CA)
    assert (found.cert_file, found.key_file, found.ca_file) == (CERT, KEY, CA)
    with pytest.raises(KubeError, match="cannot read"):
        from_endpoint("https://a:6443", ca=str(tmp_path / "none"))
    with pytest.raises(KubeError, match="needs its key"):
        from_endpoint("https://a:6443", cert=CERT)


def test_limits_make_another_access() -> None:
    access = from_endpoint("http://a:1")
    assert access.limited() == access
    assert access.limited(qps=50) == replace(access, qps=50.0, burst=10)
    assert access.limited(burst=3) == replace(access, qps=5.0, burst=3)
    assert access.limited(max_inflight=4) == replace(access, max_inflight=4)
    assert hash(access.limited(qps=50)) == hash(replace(access, qps=50.0, burst=10))


def test_secrets_are_not_shown() -> None:
    access = Access("https://a", token="hidden", password="hidden", key="hidden", proxy="http://u:hidden@p")
    assert "hidden" not in repr(access)


def kubeconfig(folder: Path, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None) -> str:
    """A kubeconfig of one context."""
    tree = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": "https://api.example.org:6443"} | (cluster or {})}],
        "users": [{"name": "me", "user": user or {}}],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(tree))
    return str(file)


def data(file: str) -> str:
    return base64.b64encode(Path(file).read_bytes()).decode()


def test_a_kubeconfig_with_files_next_to_it(tmp_path: Path) -> None:
    for name, file in (("ca.pem", CA), ("me.pem", CERT), ("me.key", KEY)):
        (tmp_path / name).write_bytes(Path(file).read_bytes())
    user = {"client-certificate": "me.pem", "client-key": "me.key", "tokenFile": "token"}
    found = from_kubeconfig(kubeconfig(tmp_path, user, {"certificate-authority": "ca.pem"}))
    assert found == Access(
        "https://api.example.org:6443",
        ca_file=f"{tmp_path}/ca.pem",
        cert_file=f"{tmp_path}/me.pem",
        key_file=f"{tmp_path}/me.key",
        token_file=f"{tmp_path}/token",
    )
    assert from_kubeconfig(kubeconfig(tmp_path, user, {"certificate-authority": "ca.pem"})) == found


def test_a_kubeconfig_with_data(tmp_path: Path) -> None:
    user = {"client-certificate-data": data(CERT), "client-key-data": data(KEY)}
    cluster = {
        "certificate-authority-data": data(CA),
        "tls-server-name": "api.dns.test",
        "insecure-skip-tls-verify": True,
    }
    found = from_kubeconfig(kubeconfig(tmp_path, user, cluster))
    assert (found.ca, found.cert, found.key) == tuple(Path(file).read_text() for file in (CA, CERT, KEY))
    assert (found.server_name, found.insecure) == ("api.dns.test", True)
    proxied = from_kubeconfig(kubeconfig(tmp_path, user, {"proxy-url": "http://proxy.example.org:3128"}))
    assert proxied.proxy == "http://proxy.example.org:3128"


@pytest.mark.parametrize(
    ("user", "wanted"),
    [
        ({"token": "abc"}, {"token": "abc"}),
        ({"token": "abc", "tokenFile": "/run/t"}, {"token_file": "/run/t"}),
        ({"username": "u", "password": "p"}, {"username": "u", "password": "p"}),
        ({"username": "u"}, {"username": "u"}),
        ({}, {}),
    ],
)
def test_ways_to_say_who_asks(tmp_path: Path, user: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert from_kubeconfig(kubeconfig(tmp_path, user)) == Access("https://api.example.org:6443", **wanted)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_credential_plugin(tmp_path: Path, version: str) -> None:
    plugin = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "command": "./bin/get-token",
        "args": ["--cluster", "a"],
        "env": [{"name": "PROFILE", "value": "x"}],
        "installHint": "install it",
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": True,
    }
    found = from_kubeconfig(kubeconfig(tmp_path, {"exec": plugin}))
    assert found.command == Exec(
        f"client.authentication.k8s.io/{version}",
        f"{tmp_path}/bin/get-token",
        ("--cluster", "a"),
        (("PROFILE", "x"),),
        "install it",
        '{"server": "https://api.example.org:6443"}',
    )


OLD = {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}
NEW = {"apiVersion": "client.authentication.k8s.io/v1", "command": "x"}


@pytest.mark.parametrize(
    ("user", "cluster", "reason"),
    [
        ({"exec": OLD}, {}, "apiVersion must be one of"),
        ({"exec": NEW | {"interactiveMode": "Always"}}, {}, "interactiveMode"),
        ({"exec": {"command": "x"}}, {}, "apiVersion"),
        ({"exec": "x"}, {}, "object"),
        ({"auth-provider": {"name": "oidc", "config": {}}}, {}, "kubelogin"),
        ({"client-certificate-data": "%%%"}, {}, "needs its key"),
        ({"client-certificate-data": "/w==", "client-key-data": "/w=="}, {}, "not base64 of a PEM text"),
        ({"token": 5}, {}, "str"),
        ({}, {"server": "nonsense"}, "no address"),
        ({}, {"certificate-authority": "missing.pem"}, "cannot read"),
        ({}, {"proxy-url": "socks5://p:1"}, "proxy-url must begin"),
        ({}, {"proxy-url": "http://p:1", "tls-server-name": "a"}, "tls-server-name"),
    ],
)
def test_mistakes_in_a_kubeconfig_name_the_file(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], reason: str
) -> None:
    file = kubeconfig(tmp_path, user, cluster)
    with pytest.raises(KubeError, match=reason) as error:
        from_kubeconfig(file)
    assert str(error.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no kubeconfig"),
        ("[1]", "no kubeconfig"),
        ("a: b: c", "not YAML"),
        ("clusters: [{name: a, cluster: {server: 'http://a'}}]", "no current-context"),
        ("current-context: x\ncontexts: []", "no context 'x'"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "no cluster 'c'"),
        ("current-context: x\ncontexts: [{name: x, context: {}}]", "cluster"),
        ("contexts: [{context: {}}]", "without a name"),
        ("contexts: 5", "contexts is no list"),
        ("users: [{name: a, user: 5}]", "no mapping"),
        (
            "current-context: x\nclusters: [{name: c, cluster: {server: 'http://a'}}]\n"
            "contexts: [{name: x, context: {cluster: c, user: u}}]",
            "no user 'u'",
        ),
    ],
)
def test_what_is_no_kubeconfig_is_said(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(KubeError, match=reason):
        from_kubeconfig(str(file))


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="cannot be read: No such file"):
        from_kubeconfig(str(tmp_path / "none"))
    with pytest.raises(KubeError, match="no context 'other'"):
        from_kubeconfig(kubeconfig(tmp_path), "other")


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just("http://a")
NAMES = st.sampled_from(
    ["name", "clusters", "cluster", "contexts", "context", "users", "user", "server", "exec", "command", "apiVersion",
     "args", "env", "token", "tokenFile", "current-context", "extensions", "client-key-data", "proxy-url"]
)  # fmt: skip
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))


@given(cluster=TREES, user=TREES, context=TREES, rest=st.dictionaries(NAMES, TREES, max_size=2))
def test_any_tree_is_an_access_or_a_mistake(
    tmp_path_factory: pytest.TempPathFactory, cluster: Any, user: Any, context: Any, rest: dict[str, Any]
) -> None:
    tree = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"} if context is None else context}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "c", "user": user}],
        **rest,
    }
    file = tmp_path_factory.getbasetemp() / "any-config"
    file.write_text(yaml.safe_dump(tree))
    try:
        hash(from_kubeconfig(str(file)))
    except KubeError:
        return
