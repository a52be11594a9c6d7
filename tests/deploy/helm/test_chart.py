"""The chart over many values files: what it renders is valid, consistent, and loads."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from resolver.cli.main import main
from resolver.config.load import load_text
from resolver.config.model import Config
from resolver.config.zones import server_addresses
from resolver.node.pillar import Values as NodeValues
from resolver.node.pillar import fill
from tests.deploy.helm.charts import CHART, Document, Rendered, Values, defaults, merged
from tests.deploy.helm.conftest import Release
from tests.deploy.schemas import NEWEST, OLDEST, validate

FILES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def served_text(rendered: Rendered) -> str:
    """The Corefile as the server reads it, with the variables of the node-local mode filled in."""
    text = rendered.corefile()
    if "__PILLAR__" in text:
        text = fill(text, NodeValues((ip_address("127.0.0.1"),), cluster_dns="10.96.0.10"))
    return text


def served(rendered: Rendered) -> Config:
    return load_text(served_text(rendered), environ={})


def values(path: Path) -> Values:
    read: Values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def selected(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def pod_labels(rendered: Rendered) -> dict[str, str]:
    labels: dict[str, str] = rendered.workload()["spec"]["template"]["metadata"]["labels"]
    return labels


def ports_of(corefile: Config, directive: str) -> set[int]:
    """The ports that the directive names in any block."""
    named = [each for block in corefile.blocks for each in block.directives if each.name.text == directive]
    return {int(each.args[0].text.rpartition(":")[2]) for each in named}


@every_file
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_what_is_rendered_is_valid(release: Release, path: Path, version: str) -> None:
    documents = release(values(path)).documents
    assert documents
    assert validate(documents, version) == []


@every_file
def test_the_schema_accepts_the_values(path: Path) -> None:
    full = merged(defaults(), values(path))
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(full)] == []


@every_file
def test_every_object_has_its_namespace_and_the_labels_of_the_release(release: Release, path: Path) -> None:
    for document in release(values(path)).documents:
        metadata = document["metadata"]
        if metadata["name"] == "extra":
            continue
        assert ("namespace" in metadata) == (not document["kind"].startswith("ClusterRole"))
        assert metadata["labels"]["app.kubernetes.io/instance"] == "dns"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm"


@every_file
def test_selectors_choose_the_pods_and_nothing_chooses_in_vain(release: Release, path: Path) -> None:
    rendered = release(values(path))
    labels = pod_labels(rendered)
    assert selected(rendered.workload()["spec"]["selector"]["matchLabels"], labels)
    for service in rendered.every("Service"):
        if "selector" in service["spec"] and not service["metadata"]["name"].endswith("-upstream"):
            assert selected(service["spec"]["selector"], labels)
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        for document in rendered.every(kind):
            assert selected(document["spec"]["selector"]["matchLabels"], labels)
    for policy in rendered.every("NetworkPolicy"):
        assert selected(policy["spec"]["podSelector"]["matchLabels"], labels)
    for monitor in rendered.every("ServiceMonitor"):
        chosen = [
            service
            for service in rendered.every("Service")
            if selected(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
        ]
        assert [service["metadata"]["name"].endswith("-metrics") for service in chosen] == [True]


@every_file
def test_names_that_refer_to_objects_of_the_release_exist(release: Release, path: Path) -> None:
    rendered = release(values(path))
    maps = {document["metadata"]["name"] for document in rendered.every("ConfigMap")}
    accounts = {document["metadata"]["name"] for document in rendered.every("ServiceAccount")} | {"default"}
    assert rendered.pod()["serviceAccountName"] in accounts
    for volume in rendered.pod()["volumes"]:
        if "configMap" in volume and not volume["configMap"].get("optional"):
            assert volume["configMap"]["name"] in maps
    for binding in rendered.every("ClusterRoleBinding"):
        assert binding["roleRef"]["name"] == rendered.only("ClusterRole")["metadata"]["name"]
        assert binding["subjects"][0]["name"] == rendered.pod()["serviceAccountName"]
    for scaler in rendered.every("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == ("Deployment", rendered.workload()["metadata"]["name"])
        assert "replicas" not in rendered.workload()["spec"]


@every_file
def test_mounts_have_volumes(release: Release, path: Path) -> None:
    pod = release(values(path)).pod()
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes


@every_file
def test_the_server_takes_the_corefile(
    release: Release, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile = tmp_path / "Corefile"
    corefile.write_text(served_text(release(values(path))))
    assert main(["check", str(corefile)]) == 0, capsys.readouterr()


@every_file
def test_probes_monitors_and_services_meet_the_ports_of_the_corefile(release: Release, path: Path) -> None:
    rendered = release(values(path))
    corefile = served(rendered)
    container = rendered.container()
    for probe, directive in {"livenessProbe": "health", "startupProbe": "health", "readinessProbe": "ready"}.items():
        if probe in container:
            assert {container[probe]["httpGet"]["port"]} == ports_of(corefile, directive)
            assert container[probe]["httpGet"]["path"] == f"/{directive}"
    dns = {address.port for block in corefile.blocks for address in server_addresses(block.keys)}
    targets = {
        (port["targetPort"], port["protocol"])
        for service in rendered.every("Service")
        for port in service["spec"]["ports"]
        if port["name"].startswith("dns") and not service["metadata"]["name"].endswith("-upstream")
    }
    assert {port for port, _ in targets} in (dns, set())
    assert all({(port, "UDP"), (port, "TCP")} <= targets for port in dns if targets)
    for service in rendered.every("Service"):
        if service["metadata"]["name"].endswith("-metrics"):
            ports = {port["targetPort"] for port in service["spec"]["ports"] if port["name"] == "metrics"}
            assert ports == ports_of(corefile, "prometheus")


@every_file
def test_the_container_can_do_no_more_than_it_needs(release: Release, path: Path) -> None:
    rendered = release(values(path))
    pod, container = rendered.pod(), rendered.container()
    user: Document = {**pod["securityContext"], **container["securityContext"]}
    if "add" in user["capabilities"]:  # root on the host's network, with nothing but the right to listen on port 53
        assert pod["hostNetwork"] is True
        assert set(user["capabilities"]["add"]) <= {"NET_BIND_SERVICE", "NET_ADMIN"}
        assert ("NET_ADMIN" in user["capabilities"]["add"]) == ("egress_set" in rendered.corefile())
    else:
        assert user["runAsNonRoot"] is True
        assert user["runAsUser"] > 0
    assert user["seccompProfile"] == {"type": "RuntimeDefault"}
    assert user["readOnlyRootFilesystem"] is True
    assert user["allowPrivilegeEscalation"] is False
    assert user["capabilities"]["drop"] == ["ALL"]
    assert "privileged" not in user
    assert pod["automountServiceAccountToken"] == bool(rendered.every("ClusterRole"))


@every_file
def test_a_pod_has_time_to_leave(release: Release, path: Path) -> None:
    rendered = release(values(path))
    for block in served(rendered).blocks:
        for directive in block.directives:
            for option in directive.block or ():
                if option.name.text == "lameduck":
                    assert int(option.args[0].text.rstrip("s")) < rendered.pod()["terminationGracePeriodSeconds"]


@every_file
def test_two_instances_fit_on_a_node(release: Release, path: Path) -> None:
    rendered = release(values(path))
    if not rendered.pod().get("hostNetwork"):
        return
    update = rendered.workload()["spec"]["updateStrategy"]["rollingUpdate"]
    assert update == {"maxSurge": 1, "maxUnavailable": 0}
    # Ports on the host's network are host ports, and the scheduler gives each of those to one Pod only.
    for container in [*rendered.pod()["containers"], *rendered.pod()["initContainers"]]:
        assert "ports" not in container


def test_the_schema_describes_every_value_and_no_other() -> None:
    def paths(tree: Values, schema: dict[str, Any], above: str = "") -> tuple[set[str], set[str]]:
        described = schema.get("properties")
        if not described:
            return set(), set()
        had, known = set(tree), set(described)
        names = {f"{above}{key}" for key in had}, {f"{above}{key}" for key in known}
        for key in had & known:
            if isinstance(tree[key], dict):
                below = paths(tree[key], described[key], f"{above}{key}.")
                names = names[0] | below[0], names[1] | below[1]
        return names

    present, described = paths(defaults(), SCHEMA)
    assert described - present == {"global"}
    assert present - described == set()


def test_the_schema_accepts_the_values_of_the_chart() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert list(Draft7Validator(SCHEMA).iter_errors(defaults())) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "sidecar"},
        {"replicas": 3},
        {"replicaCount": "three"},
        {"replicaCount": -1},
        {"ports": {"dns": 70000}},
        {"ports": {"metric": 9153}},
        {"image": {"digest": "latest"}},
        {"image": {"pullPolicy": "Sometimes"}},
        {"servers": [{"zones": [{"zone": "."}]}]},
        {"servers": [{"plugins": [{"parameters": "."}]}]},
        {"servers": [{"zones": [{"zone": ".", "use_tcp": True}], "plugins": [{"name": "whoami"}]}]},
        {"forward": {"upstreams": []}},
        {"forward": {"upstream": ["9.9.9.9"]}},
        {"stubDomains": {"corp.internal": "10.0.0.53"}},
        {"cluster": {"pods": "maybe"}},
        {"gateway": {"enabled": True, "zones": []}},
        {"lameduck": "5"},
        {"terminationGracePeriodSeconds": 1},
        {"rbac": {"tier": "admin"}},
        {"service": {"type": "ExternalName"}},
        {"zoneFiles": [{"filename": "Corefile", "contents": ""}]},
        {"zoneFiles": [{"filename": "a/b", "contents": ""}]},
        {"networkPolicy": {"egress": [{"ports": [53]}]}},
        {"livenessProbe": {"periodSeconds": 0}},
        {"commonLabels": {"number": 1}},
        {"logFormat": "xml"},
    ],
    ids=json.dumps,
)
def test_the_schema_refuses_what_is_wrong(wrong: Values) -> None:
    assert not Draft7Validator(SCHEMA).is_valid(wrong)
