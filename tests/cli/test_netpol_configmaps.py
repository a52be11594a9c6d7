"""``resolver netpol --configmaps``: rules that namespaces make, as far as they were delegated to them."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from resolver.cli.main import main
from tests.netpol.written import documents

_DELEGATING = """. {
    identity
    policy {
        default deny
        deny .forbidden.public.example
        allow api.example.com namespace shop
        configmaps team/rules=yes
        delegate * .public.example
        delegate shop .partner.example
    }
    forward . 9.9.9.9
}
"""


@pytest.fixture
def corefile(tmp_path: Path) -> Path:
    return tmp_path / "Corefile"


def config_map(namespace: str, name: str, rules: str, **labels: str) -> dict[str, Any]:
    """A ConfigMap with rules, as the API has it."""
    marks = {"team/rules": "yes", **labels}
    metadata = {"name": name, "namespace": namespace, "labels": marks}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"rules": rules}}


def with_config_maps(corefile: Path, *objects: dict[str, Any]) -> list[str]:
    """The command for these ConfigMaps, as kubectl prints them."""
    corefile.write_text(_DELEGATING)
    path = corefile.parent / "configmaps.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    command = ["netpol", "-conf", str(corefile), "--for", "workloads", "--format", "cilium", "--port", "443"]
    return [*command, "--configmaps", str(path)]


def names_by_namespace(found: list[dict[str, Any]]) -> dict[str, set[str]]:
    """What is opened to all Pods and to some of a namespace."""
    names: dict[str, set[str]] = {}
    for one in found:
        for rule in one["spec"]["egress"]:
            opened = {name.get("matchName") or name["matchPattern"] for name in rule.get("toFQDNs", ())}
            names.setdefault(one["metadata"]["namespace"], set()).update(opened)
    return names


def test_rules_that_namespaces_make_open_what_was_delegated_to_them(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = with_config_maps(
        corefile,
        config_map("shop", "a", "allow x.partner.example\nallow news.public.example label app=web\n"),
        config_map("pay", "a", "allow bank.public.example\n"),
        config_map("idle", "a", "allow a.public.example\n", **{"team/rules": "no"}),
    )
    assert main(command) == 0
    found, said = documents(capsys)
    assert names_by_namespace(found) == {
        "shop": {"api.example.com", "x.partner.example", "news.public.example"},
        "pay": {"bank.public.example"},
    }
    assert [one["spec"]["endpointSelector"] for one in found if "news.public" in str(one)] == [
        {"matchLabels": {"app": "web"}}
    ]
    assert "ConfigMaps are not read" not in said


def test_what_was_not_delegated_or_an_operator_denies_stays_closed(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = with_config_maps(
        corefile,
        config_map("shop", "a", "allow good.public.example\n"),
        config_map("shop", "b", "allow fine.partner.example\nallow other.example\n"),
        config_map("shop", "c", "allow a.forbidden.public.example\n"),
        config_map("pay", "a", "allow x.partner.example\n"),
        config_map("pay", "b", "allow y.public.example namespace shop\n"),
        config_map("pay", "c", "allow z.public.example\nnonsense\n"),
        config_map("pay", "d", "deny w.public.example\nallow w.public.example\n"),
    )
    assert main([*command, "--namespace", "pay", "--namespace", "shop"]) == 0
    found, said = documents(capsys)
    assert names_by_namespace(found) == {"shop": {"api.example.com", "good.public.example"}, "pay": set()}
    for what in (
        "ConfigMap shop/b does not count",
        "other.example is not delegated to the namespace shop",
        "a.forbidden.public.example: the operator's rule deny .forbidden.public.example goes before it",
        "ConfigMap pay/a does not count",
        "ConfigMap pay/b does not count",
        "ConfigMap pay/c does not count",
        "w.public.example: an earlier rule for the same name denies it",
    ):
        assert what in said


def test_only_the_namespaces_that_are_watched_count(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = with_config_maps(
        corefile,
        config_map("shop", "a", "allow a.public.example\n"),
        config_map("pay", "a", "allow b.public.example\n"),
    )
    corefile.write_text(_DELEGATING.replace("configmaps team/rules=yes", "configmaps team/rules namespace shop"))
    assert main(command) == 0
    found, _ = documents(capsys)
    assert names_by_namespace(found) == {"shop": {"api.example.com", "a.public.example"}}


def test_config_maps_are_read_from_standard_input_as_manifests_too(
    corefile: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = with_config_maps(corefile)
    manifests = [{"apiVersion": "v1", "kind": "Namespace"}, config_map("shop", "a", "allow a.public.example\n")]
    monkeypatch.setattr("sys.stdin", StringIO(yaml.safe_dump_all(manifests)))
    assert main([*command[:-1], "-"]) == 0
    found, _ = documents(capsys)
    assert names_by_namespace(found)["shop"] == {"api.example.com", "a.public.example"}


def test_without_them_it_is_said_how_to_give_them(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(with_config_maps(corefile)[:-2]) == 0
    _, said = documents(capsys)
    assert "ConfigMaps are not read: give them with --configmaps FILE" in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no ConfigMap"),
        ("kind: Secret\nmetadata: {name: a}\n", "has no ConfigMap"),
        ("a: [", "is no YAML"),
        ("- 1\n", "something else than objects"),
        ("kind: List\nitems: [1]\n", "something else than objects"),
        ("kind: ConfigMap\nmetadata: 7\n", "something else than objects"),
    ],
)
def test_a_file_without_config_maps_is_refused(
    corefile: Path, text: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = with_config_maps(corefile)
    Path(command[-1]).write_text(text)
    assert main(command) == 1
    said = capsys.readouterr()
    assert reason in said.err
    assert said.out == ""


def test_config_maps_for_a_policy_that_takes_none_are_refused(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = with_config_maps(corefile, config_map("shop", "a", "allow a.public.example\n"))
    corefile.write_text(_DELEGATING.replace("configmaps team/rules=yes", "").replace("delegate", "#"))
    assert main(command) == 1
    assert "has no line configmaps" in capsys.readouterr().err
    assert main([*command[:3], *command[-2:]]) == 1
    assert "is for workloads" in capsys.readouterr().err


def test_a_file_of_config_maps_that_is_not_there_is_said(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*with_config_maps(corefile)[:-1], str(corefile.parent / "none")]) == 1
    assert "cannot read" in capsys.readouterr().err
