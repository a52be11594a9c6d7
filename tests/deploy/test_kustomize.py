"""Every base, overlay and way can be applied, and is as hardened and as whole as it claims."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolver import __version__
from resolver.config.load import load_text
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host
from tests.deploy.rendering import (
    DEPLOY,
    Document,
    Pods,
    corefile_of,
    corefiles,
    directives,
    folders,
    kustomize,
    listens,
    matches,
    named,
    needs_kubectl,
    of_kind,
    pods,
    seconds,
)
from tests.deploy.schemas import NEWEST, OLDEST, validate

FOLDERS = folders()
every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=named)

CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
# On the network of a node these are taken by others more often than not.
TAKEN = {8080, 8181, 9153, 9253, 9353}
# What a container may add, where it may add anything at all: only on the network of a node.
MAY_ADD = {"resolver": ["NET_BIND_SERVICE"], "setup": ["NET_ADMIN"], "guard": ["NET_ADMIN", "NET_RAW"]}

pytestmark = needs_kubectl


def servers(documents: list[Document]) -> list[Pods]:
    return [pod for pod in pods(documents) if pod.has_resolver]


def test_every_kind_of_deployment_has_a_folder() -> None:
    names = {named(folder) for folder in FOLDERS}
    assert {
        f"kustomize/overlays/{name}" for name in ("dnsconfig", "cluster-dns", "node-local", "sidecar", "monitoring")
    } <= names
    assert {name.split("/")[1][0] for name in names if name.startswith("ways/")} == {"1", "2", "3", "4"}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@every_folder
def test_the_api_server_would_take_it(folder: Path, version: str) -> None:
    assert validate(kustomize(folder), version) == []


@every_folder
def test_every_object_stands_in_a_namespace(folder: Path) -> None:
    for document in kustomize(folder):
        assert ("namespace" in document["metadata"]) == (document["kind"] not in CLUSTER_WIDE), document["metadata"]


@every_folder
def test_every_corefile_loads(folder: Path) -> None:
    documents = kustomize(folder)
    texts = corefiles(documents)
    assert bool(texts) == bool(servers(documents))
    for text in texts.values():
        assemble(load_text(text, environ={}), throwaway_host(), 53)


@every_folder
def test_probes_ask_where_the_server_listens(folder: Path) -> None:
    documents = kustomize(folder)
    for pod in servers(documents):
        config = corefile_of(pod, documents)
        health, ready = listens(config, "health", 8080), listens(config, "ready", 8181)
        probes = {name: pod.resolver[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        assert (probes["liveness"]["path"], probes["liveness"]["port"]) == ("/health", health)
        assert (probes["readiness"]["path"], probes["readiness"]["port"]) == ("/ready", ready)
        assert (probes["startup"]["path"], probes["startup"]["port"]) in {("/health", health), ("/ready", ready)}


@every_folder
def test_named_ports_are_those_of_the_corefile(folder: Path) -> None:
    documents = kustomize(folder)
    for pod in servers(documents):
        config = corefile_of(pod, documents)
        named_ports = {port["name"]: port["containerPort"] for port in pod.resolver.get("ports", [])}
        if pod.on_host:
            assert named_ports == {}, "host ports keep a second instance from starting"
        else:
            front = "dns-" if "restartPolicy" in pod.resolver else ""  # beside containers that have names of their own
            assert named_ports == {
                "dns": 53,
                "dns-tcp": 53,
                f"{front}health": listens(config, "health", 8080),
                f"{front}ready": listens(config, "ready", 8181),
                f"{front}metrics": listens(config, "prometheus", 9153),
            }


@every_folder
def test_ports_on_shared_networks_clash_with_nothing(folder: Path) -> None:
    documents = kustomize(folder)
    for pod in servers(documents):
        if pod.on_host or len(pod.containers) > 1:
            config = corefile_of(pod, documents)
            used = {listens(config, name, 0) for name in ("health", "ready", "prometheus")}
            assert not used & TAKEN
            assert all(not 30000 <= port <= 32767 for port in used), "the range of NodePorts"


@every_folder
def test_pods_outlive_their_lameduck(folder: Path) -> None:
    documents = kustomize(folder)
    for pod in servers(documents):
        for health in directives(corefile_of(pod, documents), "health"):
            lameduck = next(line for line in health.options if line.name.text == "lameduck")
            assert seconds(lameduck.args[0].text) + 10 <= pod.spec.get("terminationGracePeriodSeconds", 30)


@every_folder
def test_containers_of_ours_are_hardened(folder: Path) -> None:
    for pod in servers(kustomize(folder)):
        for container in pod.containers:
            if container["image"].startswith("my-image"):
                continue
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
            assert own["capabilities"]["drop"] == ["ALL"]
            context = {**pod.spec["securityContext"], **own}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}
            if pod.on_host:
                assert own["capabilities"]["add"] == MAY_ADD[container["name"]]
            else:
                assert "add" not in own["capabilities"]
                assert context["runAsNonRoot"] is True
                assert context["runAsUser"] > 0


@every_folder
def test_low_ports_are_open_to_an_ordinary_user(folder: Path) -> None:
    for pod in servers(kustomize(folder)):
        sysctls = pod.spec["securityContext"].get("sysctls")
        assert (sysctls == [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]) != pod.on_host


@every_folder
def test_only_who_reads_the_api_has_a_token(folder: Path) -> None:
    documents = kustomize(folder)
    bound = {
        (subject["namespace"], subject["name"])
        for binding in of_kind(documents, "ClusterRoleBinding", "RoleBinding")
        for subject in binding["subjects"]
    }
    for pod in servers(documents):
        if "serviceAccountName" not in pod.spec:
            continue  # the user's own workload
        reads = (pod.namespace, pod.spec["serviceAccountName"]) in bound
        assert pod.spec["automountServiceAccountToken"] is reads
        asks = [
            *directives(corefile_of(pod, documents), "kubernetes"),
            *directives(corefile_of(pod, documents), "gateway"),
        ]
        assert bool(asks) == reads


@every_folder
def test_accounts_and_bindings_belong_together(folder: Path) -> None:
    documents = kustomize(folder)
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(documents, "ServiceAccount")
    }
    roles = {(each["kind"], each["metadata"]["name"]) for each in of_kind(documents, "ClusterRole", "Role")}
    for pod in pods(documents):
        if "serviceAccountName" in pod.spec:
            assert (pod.namespace, pod.spec["serviceAccountName"]) in accounts
    for binding in of_kind(documents, "ClusterRoleBinding", "RoleBinding"):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        assert {(each["namespace"], each["name"]) for each in binding["subjects"]} <= accounts


@every_folder
def test_images_have_versions(folder: Path) -> None:
    for pod in pods(kustomize(folder)):
        for container in pod.containers:
            name, _, tag = container["image"].rpartition(":")
            assert name
            assert tag != "latest"
            if container["name"] in MAY_ADD:
                assert container["image"] == f"k8s-resolver:{__version__}"


@every_folder
def test_configuration_reaches_running_pods(folder: Path) -> None:
    documents = kustomize(folder)
    maps = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(documents, "ConfigMap")}
    for pod in pods(documents):
        for volume in pod.spec.get("volumes", []):
            source = volume.get("configMap")
            if source is not None and not source.get("optional"):
                assert (pod.namespace, source["name"]) in maps
        for container in pod.containers:
            for mount in container.get("volumeMounts", []):
                assert "subPath" not in mount
                assert mount["name"] in {volume["name"] for volume in pod.spec["volumes"]}
    for pod in servers(documents):
        config = corefile_of(pod, documents)
        assert all(directives(config, name) for name in ("reload", "errors"))


@every_folder
def test_selectors_choose_the_pods(folder: Path) -> None:
    documents = kustomize(folder)
    all_pods = list(pods(documents))
    for document in of_kind(documents, "Deployment", "DaemonSet"):
        spec = document["spec"]
        assert matches(spec["selector"], spec["template"]["metadata"]["labels"])
    for document in of_kind(documents, "Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = document["spec"]
        selector = spec.get("selector") or spec.get("podSelector")
        if not selector or selector == {"k8s-app": "kube-dns"}:
            continue  # an outside name, or the Pods of whatever is the cluster's DNS
        namespace = document["metadata"]["namespace"]
        assert any(matches(selector, pod.labels) and pod.namespace == namespace for pod in all_pods), document[
            "metadata"
        ]


@every_folder
def test_services_lead_to_ports_that_exist(folder: Path) -> None:
    documents = kustomize(folder)
    all_pods = list(pods(documents))
    for service in of_kind(documents, "Service"):
        spec = service["spec"]
        for pod in all_pods:
            if not spec.get("selector") or not matches(spec["selector"], pod.labels) or pod.on_host:
                continue
            ports = [port for container in pod.containers for port in container.get("ports", [])]
            for port in spec["ports"]:
                wanted = port["targetPort"], port["protocol"]
                assert wanted in {(one[key], one["protocol"]) for one in ports for key in ("name", "containerPort")}


@every_folder
def test_dns_is_let_through_over_both_protocols(folder: Path) -> None:
    for policy in of_kind(kustomize(folder), "NetworkPolicy"):
        for rule in [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]:
            protocols = {port["protocol"] for port in rule["ports"] if port["port"] == 53}
            assert protocols in (set(), {"UDP", "TCP"})


@every_folder
def test_upstreams_are_let_through(folder: Path) -> None:
    documents = kustomize(folder)
    for policy in of_kind(documents, "NetworkPolicy"):
        for pod in servers(documents):
            if pod.namespace == policy["metadata"]["namespace"] and matches(policy["spec"]["podSelector"], pod.labels):
                for forward in directives(corefile_of(pod, documents), "forward"):
                    for word in forward.args[1:]:
                        if not word.text.startswith(("/", "10.")):
                            assert lets_through(policy, word.text), f"{policy['metadata']} keeps {word.text} out"


def lets_through(policy: Document, upstream: str) -> bool:
    port = 853 if upstream.startswith("tls://") else 53
    address = upstream.rpartition("://")[2].partition("%")[0]
    return any(
        any(each["port"] == port for each in rule["ports"])
        and any(peer.get("ipBlock", {}).get("cidr") == f"{address}/32" for peer in rule.get("to", []))
        for rule in policy["spec"]["egress"]
    )


@every_folder
def test_upgrades_leave_no_gap(folder: Path) -> None:
    for document in of_kind(kustomize(folder), "Deployment", "DaemonSet"):
        if document["metadata"]["name"] == "my-app":
            continue
        spec = document["spec"]
        strategy = spec.get("strategy") or spec["updateStrategy"]
        assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize(
    "name", ["dnsconfig", "cluster-dns", "node-local", "sidecar", "../../ways/4-nodeport-loadbalancer"]
)
def test_monitors_find_every_server(name: str) -> None:
    monitoring = kustomize(DEPLOY / "kustomize/overlays/monitoring")
    documents = kustomize(DEPLOY / "kustomize/overlays" / name)
    (pod,) = servers(documents)
    if pod.on_host:
        (monitor,) = of_kind(monitoring, "ServiceMonitor")
        services = [each for each in of_kind(documents, "Service") if watched(monitor, each)]
        found = {port["name"] for each in services for port in each["spec"]["ports"]}
        assert {each["port"] for each in monitor["spec"]["endpoints"]} <= found
        return
    (monitor,) = [each for each in of_kind(monitoring, "PodMonitor") if matches(each["spec"]["selector"], pod.labels)]
    ports = {port["name"]: port["containerPort"] for port in pod.resolver["ports"]}
    (scraped,) = [each["port"] for each in monitor["spec"]["podMetricsEndpoints"] if each["port"] in ports]
    assert ports[scraped] == listens(corefile_of(pod, documents), "prometheus", 9153)


def watched(monitor: Document, service: Document) -> bool:
    return matches(monitor["spec"]["selector"], service["metadata"].get("labels", {}))


def test_monitoring_is_let_in() -> None:
    (where,) = {each["metadata"]["namespace"] for each in kustomize(DEPLOY / "kustomize/overlays/monitoring")}
    for name in ("dnsconfig", "cluster-dns"):
        (policy,) = of_kind(kustomize(DEPLOY / "kustomize/overlays" / name), "NetworkPolicy")
        peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": where}}}
        assert {"from": [peer], "ports": [{"port": 9153, "protocol": "TCP"}]} in policy["spec"]["ingress"]


def test_an_autoscaled_deployment_has_no_number_of_its_own() -> None:
    documents = kustomize(DEPLOY / "kustomize/overlays/dnsconfig")
    (scaler,) = of_kind(documents, "HorizontalPodAutoscaler")
    (deployment,) = of_kind(documents, "Deployment")
    assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert scaler["metadata"]["namespace"] == deployment["metadata"]["namespace"]
    assert "replicas" not in deployment["spec"]


def test_the_sidecar_comes_before_everything_that_the_workload_starts() -> None:
    documents = kustomize(DEPLOY / "kustomize/overlays/sidecar")
    (pod,) = pods(documents)
    assert [container["name"] for container in pod.containers] == ["resolver", "migrate", "my-app"]
    assert pod.containers[0]["restartPolicy"] == "Always"
    assert pod.spec["dnsConfig"]["nameservers"] == ["127.0.0.1"]
    assert pod.spec["dnsConfig"]["searches"][0] == f"{pod.namespace}.svc.cluster.local"
    assert {volume["name"] for volume in pod.spec["volumes"]} == {"data", "resolver-config"}
    binds = [word.text for line in directives(corefile_of(pod, documents), "bind") for word in line.args]
    assert set(binds) == {"127.0.0.1"}


@pytest.mark.parametrize(("base", "component"), [("shared", "identity"), ("node-local", "identity-node")])
def test_servers_that_know_pods_have_a_token_and_reach_the_api(base: str, component: str, tmp_path: Path) -> None:
    above = os.path.relpath(DEPLOY / "kustomize", tmp_path)
    parts = ", ".join(f"{above}/components/{name}" for name in (component, "policy"))
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{above}/bases/{base}]\ncomponents: [{parts}]\n")
    documents = kustomize(tmp_path)
    (pod,) = servers(documents)
    (account,) = of_kind(documents, "ServiceAccount")
    (role,) = of_kind(documents, "ClusterRole")
    (binding,) = of_kind(documents, "ClusterRoleBinding")
    assert pod.spec["automountServiceAccountToken"] is True
    assert account.get("automountServiceAccountToken", True) is True
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == [
        (["pods"], ["list", "watch"]),
        (["configmaps"], ["list", "watch"]),
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [(one["namespace"], one["name"]) for one in binding["subjects"]] == [
        (pod.namespace, account["metadata"]["name"])
    ]
    for policy in of_kind(documents, "NetworkPolicy"):
        assert any({443, 6443} <= {port["port"] for port in rule["ports"]} for rule in policy["spec"]["egress"])
    assert validate(documents, NEWEST) == []


@every_folder
def test_a_server_of_one_node_knows_its_name(folder: Path) -> None:
    name = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    for pod in servers(kustomize(folder)):
        assert (name in pod.resolver.get("env", [])) == pod.on_host
