"""What single values of the chart turn on, off, and refuse."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
import yaml

from resolver.cli.main import main
from resolver.config.load import load_text
from resolver.node import serving, work
from resolver.node.settings import NodeSettings
from resolver.runtime.options import Options
from tests.deploy.helm.charts import ROOT, RenderError, Values
from tests.deploy.helm.conftest import Release

AUTOSCALED: Values = {"autoscaling": {"enabled": True}}


@pytest.mark.parametrize(
    ("off", "on", "kind"),
    [
        ({}, AUTOSCALED, "HorizontalPodAutoscaler"),
        ({"podDisruptionBudget": {"enabled": False}}, {}, "PodDisruptionBudget"),
        ({"replicaCount": 1}, {"replicaCount": 2}, "PodDisruptionBudget"),
        ({}, {"networkPolicy": {"enabled": True}}, "NetworkPolicy"),
        ({}, {"serviceMonitor": {"enabled": True}}, "ServiceMonitor"),
        ({}, {"podMonitor": {"enabled": True}}, "PodMonitor"),
        ({}, {"prometheusRule": {"enabled": True}}, "PrometheusRule"),
        ({"serviceAccount": {"create": False}}, {}, "ServiceAccount"),
        ({}, {"mode": "clusterDNS"}, "ClusterRole"),
        ({}, {"rbac": {"tier": "identity"}}, "ClusterRoleBinding"),
        ({"mode": "clusterDNS", "rbac": {"create": False}}, {"mode": "clusterDNS"}, "ClusterRole"),
        ({"mode": "clusterDNS", "rbac": {"tier": "none"}}, {"rbac": {"tier": "services"}}, "ClusterRole"),
        ({"mode": "nodeLocal"}, {}, "Deployment"),
        ({}, {"mode": "nodeLocal"}, "DaemonSet"),
        ({"mode": "nodeLocal"}, {}, "PodDisruptionBudget"),
        ({"mode": "nodeLocal", **AUTOSCALED}, AUTOSCALED, "HorizontalPodAutoscaler"),
    ],
)  # fmt: skip
def test_a_value_turns_an_object_on_and_off(release: Release, off: Values, on: Values, kind: str) -> None:
    assert kind not in release(off).kinds()
    assert kind in release(on).kinds()


def test_the_services_are_made_one_by_one(release: Release) -> None:
    assert len(release().every("Service")) == 2
    assert len(release({"service": {"enabled": False}}).every("Service")) == 1
    assert release({"service": {"enabled": False}, "metrics": {"service": {"enabled": False}}}).every("Service") == []


def test_the_dashboard_is_a_config_map_that_grafana_finds(release: Release) -> None:
    assert len(release().every("ConfigMap")) == 1
    board = release({"dashboard": {"enabled": True}}).only("ConfigMap", "-dashboard")
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"


def rules(release: Release, values: Values) -> set[tuple[str, str]]:
    found: list[dict[str, Any]] = release(values).only("ClusterRole")["rules"]
    return {(group, each) for rule in found for group in rule["apiGroups"] for each in rule["resources"]}


def gateway_permissions() -> set[tuple[str, str]]:
    """What the page of the directive says that it needs."""
    page = (ROOT / "resolver/plugins/gateway/README.md").read_text(encoding="utf-8")
    text = page.partition("\n## Permissions\n")[2].partition("```yaml\n")[2].partition("```")[0]
    role = yaml.safe_load(text)
    return {(group, each) for rule in role["rules"] for group in rule["apiGroups"] for each in rule["resources"]}


def test_a_role_grants_what_its_tier_reads_and_only_to_read(release: Release) -> None:
    services = {("", "services"), ("", "namespaces"), ("discovery.k8s.io", "endpointslices")}
    assert rules(release, {"rbac": {"tier": "identity"}}) == {("", "pods")}
    assert rules(release, {"mode": "clusterDNS"}) == services
    assert rules(release, {"mode": "clusterDNS", "cluster": {"pods": "verified"}}) == {*services, ("", "pods")}
    known: Values = {"identity": {"enabled": True}}
    assert rules(release, known) == {("", "pods")}
    assert rules(release, {"mode": "clusterDNS", **known}) == {*services, ("", "pods")}
    assert rules(release, {**known, "policy": {"configMaps": True}}) == {("", "pods"), ("", "configmaps")}
    granted = rules(release, {"mode": "clusterDNS", "gateway": {"enabled": True, "zones": ["example.com"]}})
    assert granted - services == gateway_permissions() - services
    for rule in release({"mode": "clusterDNS", "rbac": {"gateway": True}}).only("ClusterRole")["rules"]:
        assert rule["verbs"] == ["list", "watch"]


@pytest.mark.parametrize("mode", ["forwarder", "clusterDNS", "nodeLocal"])
def test_every_block_of_a_mode_knows_its_clients_and_has_the_policy(release: Release, mode: str) -> None:
    lines = "default deny\nconfigmaps\ndelegate * .public.example"
    values: Values = {"mode": mode, "identity": {"enabled": True, "configBlock": "wait 2s"}}
    text = release({**values, "policy": {"configBlock": lines, "configMaps": True}}).only("ConfigMap")["data"][
        "Corefile"
    ]
    blocks = load_text(text, environ={}).blocks
    assert blocks
    for block in blocks:
        (identity,) = [line for line in block.directives if line.name.text == "identity"]
        (policy,) = [line for line in block.directives if line.name.text == "policy"]
        assert [line.name.text for line in identity.options] == ["wait"]
        assert [line.name.text for line in policy.options] == ["default", "configmaps", "delegate"]
    assert "identity" not in release({"mode": mode}).only("ConfigMap")["data"]["Corefile"]


def test_only_a_server_of_one_node_is_told_its_name(release: Release) -> None:
    name = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    more = {"name": "TZ", "value": "UTC"}
    on_node = release({"mode": "nodeLocal", "env": [more]}).pod()["containers"][0]
    assert on_node["env"] == [name, more]
    assert release({"env": [more]}).pod()["containers"][0]["env"] == [more]
    assert "env" not in release({"mode": "clusterDNS"}).pod()["containers"][0]


def test_a_token_is_mounted_only_where_the_api_is_read(release: Release) -> None:
    assert release().pod()["automountServiceAccountToken"] is False
    assert release({"policy": {"configMaps": True}}).pod()["automountServiceAccountToken"] is True
    assert release({"mode": "clusterDNS"}).pod()["automountServiceAccountToken"] is True


def test_the_checksum_follows_the_corefile(release: Release) -> None:
    def checksum(values: Values) -> str:
        template = release({"checksumAnnotation": True, **values}).workload()["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert "annotations" not in release().workload()["spec"]["template"]["metadata"]
    assert checksum({}) == checksum({"replicaCount": 5})
    assert checksum({}) != checksum({"cache": {"ttl": 60}})
    assert checksum({}) != checksum({"zoneFiles": [{"filename": "a", "contents": "b"}]})


def test_a_network_policy_opens_what_is_listed_and_nothing_else(release: Release) -> None:
    policy = release(
        {
            "networkPolicy": {
                "enabled": True,
                "from": [{"namespaceSelector": {"matchLabels": {"dns": "external"}}}],
                "egress": [{"cidr": "192.0.2.53/32", "ports": [853]}],
            }
        }
    ).only("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    asked, scraped = policy["ingress"]
    assert asked["from"] == [{"namespaceSelector": {"matchLabels": {"dns": "external"}}}]
    assert asked["ports"] == [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    assert scraped["ports"] == [{"port": 9153, "protocol": "TCP"}]
    (outside,) = policy["egress"]
    assert outside["to"] == [{"ipBlock": {"cidr": "192.0.2.53/32"}}]
    assert {port["port"] for port in outside["ports"]} == {853}


def test_a_network_policy_lets_the_api_be_read_where_it_is(release: Release) -> None:
    policy = release({"mode": "clusterDNS", "networkPolicy": {"enabled": True}}).only("NetworkPolicy")
    assert {port["port"] for port in policy["spec"]["egress"][-1]["ports"]} == {443, 6443}


def commands(release: Release, values: Values) -> dict[str, list[str]]:
    """The arguments of every container of ours, by its name."""
    pod = release(values).pod()
    return {each["name"]: each["args"] for each in [*pod["containers"], *pod.get("initContainers", [])]}


def node_settings(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[str, NodeSettings]:
    """What the command line makes of arguments that begin with ``node``: what would be done, with which settings."""
    done: list[tuple[str, NodeSettings]] = []

    def noted(name: str) -> Callable[..., int]:
        def note(settings: NodeSettings, *_: object, **__: object) -> int:
            done.append((name, settings))
            return 0

        return note

    for module, name in ((serving, "serve"), (work, "setup"), (work, "guard")):
        monkeypatch.setattr(module, name, noted(name))
    assert main(arguments) == 0
    return done[0]


def test_the_command_line_understands_the_arguments_on_a_node(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"mode": "nodeLocal", "workers": 2, "nodeLocal": {"localIPs": ["169.254.20.10", "fd00::10"]}}
    said = {name: node_settings(each, monkeypatch) for name, each in commands(release, values).items()}
    assert {name: done for name, (done, _) in said.items()} == {"resolver": "serve", "setup": "setup", "guard": "guard"}
    for _, settings in said.values():
        assert settings.local == (ip_address("169.254.20.10"), ip_address("fd00::10"))
        assert (settings.port, settings.health_port) == (53, 18080)
    served = said["resolver"][1]
    assert (served.setup_interface, served.setup_rules) == (False, False)
    assert served.upstream_service == "dns-k8s-resolver-upstream"
    assert release(values).only("Service", "-upstream")
    # The set-up makes the link and leaves the rules to the guard, which makes them once the server answers.
    assert (said["setup"][1].setup_interface, said["setup"][1].setup_rules) == (True, False)
    assert (said["guard"][1].setup_interface, said["guard"][1].setup_rules) == (True, True)


def test_the_command_line_understands_the_arguments_of_a_deployment(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Options] = []

    def serve(options: Options) -> int:
        asked.append(options)
        return 0

    monkeypatch.setattr("resolver.cli.serve.serve", serve)
    (arguments,) = commands(release, {"workers": 4, "extraArgs": ["-quiet"], "logFormat": "json"}).values()
    assert main(arguments) == 0
    assert (asked[0].conf, asked[0].workers, asked[0].quiet) == ("/etc/resolver/Corefile", 4, True)


def test_metrics_of_server_set_up_and_guard_are_scraped_on_a_node(release: Release) -> None:
    rendered = release({"mode": "nodeLocal", "serviceMonitor": {"enabled": True}})
    ports = {port["name"]: port["targetPort"] for port in rendered.only("Service", "-metrics")["spec"]["ports"]}
    assert ports == {"metrics": 19153, "setup": 19353, "guard": 19354}
    assert {each["port"] for each in rendered.only("ServiceMonitor")["spec"]["endpoints"]} == set(ports)
    pod = rendered.pod()
    said = {each["name"]: each["args"] for each in [*pod["containers"], *pod["initContainers"]]}
    assert "-metrics-listen-address=0.0.0.0:19353" in said["resolver"]
    assert "-metrics-listen-address=0.0.0.0:19354" in said["guard"]


def test_only_the_set_up_on_a_node_may_change_its_network(release: Release) -> None:
    def added(values: Values) -> dict[str, list[str]]:
        pod = release({"mode": "nodeLocal", **values}).pod()
        each = [*pod["containers"], *pod.get("initContainers", [])]
        return {one["name"]: one["securityContext"]["capabilities"].get("add", []) for one in each}

    assert added({}) == {
        "resolver": ["NET_BIND_SERVICE"],
        "setup": ["NET_ADMIN"],
        "guard": ["NET_ADMIN", "NET_RAW"],
    }
    assert added({"nodeLocal": {"firewall": "nftables", "unprivilegedPorts": True}}) == {
        "resolver": [],
        "setup": ["NET_ADMIN"],
        "guard": ["NET_ADMIN"],
    }
    assert added({"nodeLocal": {"hostNetwork": False}}) == {"resolver": []}
    sets: Values = {"egressSet": {"enabled": True, "configBlock": "table inet egress\nset4 allowed4"}}
    assert added(sets)["resolver"] == ["NET_BIND_SERVICE", "NET_ADMIN"]
    assert added({**sets, "nodeLocal": {"unprivilegedPorts": True}})["resolver"] == ["NET_ADMIN"]


def test_a_server_that_writes_to_the_packet_filter_is_root_in_name_and_does_so_for_names_outside(
    release: Release,
) -> None:
    sets: Values = {"egressSet": {"enabled": True, "configBlock": "table inet egress\nset4 allowed4"}}
    rendered = release({"mode": "nodeLocal", "nodeLocal": {"unprivilegedPorts": True}, **sets})
    context = rendered.container()["securityContext"]
    assert (context["runAsUser"], context["runAsNonRoot"], context["allowPrivilegeEscalation"]) == (0, False, False)
    blocks = load_text(rendered.only("ConfigMap")["data"]["Corefile"], environ={}).blocks
    having = [block for block in blocks if any(line.name.text == "egress_set" for line in block.directives)]
    assert [[key.text for key in block.keys] for block in having] == [[".:53"]]
    assert "egress_set" not in release({"mode": "nodeLocal"}).only("ConfigMap")["data"]["Corefile"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"egressSet": {"enabled": True, "configBlock": "table inet egress"}}, "needs mode nodeLocal"),
        (
            {
                "mode": "nodeLocal",
                "nodeLocal": {"hostNetwork": False},
                "egressSet": {"enabled": True, "configBlock": "table inet egress"},
            },
            "needs mode nodeLocal on the host's network",
        ),
        ({"mode": "nodeLocal", "egressSet": {"enabled": True}}, "has to name the table"),
    ],
)
def test_sets_that_no_node_has_are_refused(release: Release, values: Values, said: str) -> None:
    with pytest.raises(RenderError, match=said):
        release(values)


def test_config_maps_of_some_namespaces_take_a_role_in_each(release: Release) -> None:
    values: Values = {"policy": {"configMaps": True, "configMapNamespaces": ["shop", "pay"]}}
    rendered = release({**values, "identity": {"enabled": True}})
    assert rules(release, {**values, "identity": {"enabled": True}}) == {("", "pods")}
    for kind in ("Role", "RoleBinding"):
        assert [one["metadata"]["namespace"] for one in rendered.every(kind)] == ["shop", "pay"]
    for role, binding in zip(rendered.every("Role"), rendered.every("RoleBinding"), strict=True):
        assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        account = rendered.only("ServiceAccount")["metadata"]["name"]
        assert [(one["name"], one["namespace"]) for one in binding["subjects"]] == [(account, "kube-system")]
    alone = release(values)
    assert "ClusterRole" not in alone.kinds()
    assert alone.pod()["automountServiceAccountToken"] is True
    assert release({"policy": {"configMapNamespaces": ["shop"]}}).every("Role") == []


def test_the_link_is_there_before_the_server_and_the_guard_stays_beside_it(release: Release) -> None:
    pod = release({"mode": "nodeLocal"}).pod()
    assert [each["name"] for each in pod["initContainers"]] == ["setup"]
    # An ordinary container is told to end together with the server, and so removes the rules during lameduck.
    assert [each["name"] for each in pod["containers"]] == ["resolver", "guard"]


def test_rules_look_for_the_job_of_the_release(release: Release) -> None:
    text = str(release({"nameOverride": "names", "prometheusRule": {"enabled": True}}).only("PrometheusRule"))
    assert 'job="names"' in text
    assert 'job="k8s-resolver"' not in text


def test_a_forwarder_leaves_the_names_of_the_cluster_to_its_dns(release: Release) -> None:
    def forwards(values: Values) -> list[str]:
        rendered = release(values)
        assert rendered.pod()["dnsPolicy"] == "ClusterFirst"
        return [line.split("forward ")[1] for line in rendered.corefile().splitlines() if "forward " in line]

    assert forwards({}) == [". /etc/resolv.conf"]
    assert forwards({"forward": {"upstreams": ["9.9.9.9"]}, "stubDomains": {"ip6.arpa": ["10.0.0.53"]}}) == [
        "ip6.arpa 10.0.0.53",
        "cluster.local /etc/resolv.conf",
        "in-addr.arpa /etc/resolv.conf",
        ". 9.9.9.9",
    ]


def test_service_ports_follow_the_server_blocks(release: Release) -> None:
    whoami = [{"name": "whoami"}]
    servers = [
        {"port": 53, "plugins": [{"name": "health"}, {"name": "ready"}, *whoami]},
        {"zones": [{"zone": "a.test"}], "port": 53, "plugins": whoami},
        {"zones": [{"zone": "b.test"}], "port": 1053, "servicePort": 54, "nodePort": 30054, "plugins": whoami},
    ]
    ports = release({"servers": servers}).only("Service", "resolver")["spec"]["ports"]
    assert [(port["name"], port["port"], port["targetPort"], port.get("nodePort")) for port in ports] == [
        ("dns", 53, 53, None),
        ("dns-tcp", 53, 53, None),
        ("dns-1053", 54, 1053, 30054),
        ("dns-tcp-1053", 54, 1053, 30054),
    ]


def test_values_of_a_corefile_pass_untouched(release: Release) -> None:
    corefile = '. {\n  health\n  ready\n  template IN A {\n    answer "{{ .Name }} 60 IN A 192.0.2.1"\n  }\n}'
    assert release({"corefile": corefile}).corefile().strip() == corefile


def test_a_release_named_like_the_chart_does_not_repeat_the_name(release: Release) -> None:
    assert release(name="k8s-resolver").workload()["metadata"]["name"] == "k8s-resolver"
    assert release(name="a" * 60).workload()["metadata"]["name"] == "a" * 54
    assert release({"fullnameOverride": "dns"}).workload()["metadata"]["name"] == "dns"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"corefile": ". {\n ready\n whoami\n}"}, "need the health directive"),
        ({"corefile": ". {\n health\n whoami\n}"}, "needs the ready directive"),
        ({"servers": [{"plugins": [{"name": "whoami"}]}]}, "need the health directive"),
        (
            {"servers": [{"plugins": [{"name": "health", "parameters": ":8088"}, {"name": "ready"}]}]},
            "health listens on :8088, but ports.health is 8080",
        ),
        ({"mode": "nodeLocal", "podMonitor": {"enabled": True}}, "use serviceMonitor"),
        ({"mode": "nodeLocal", "k8sApp": "kube-dns"}, "ask that very Service"),
        ({"mode": "nodeLocal", "networkPolicy": {"enabled": True}}, "does not bind Pods on the host's network"),
        ({"ciliumLocalRedirectPolicy": {"enabled": True}}, "needs mode nodeLocal and nodeLocal.hostNetwork false"),
        ({"mode": "nodeLocal", "ciliumLocalRedirectPolicy": {"enabled": True}}, "nodeLocal.hostNetwork false"),
        ({"mode": "clusterDNS", "cluster": {"autopath": True}}, "cluster.autopath needs cluster.pods: verified"),
        (
            {"serviceMonitor": {"enabled": True}, "metrics": {"service": {"enabled": False}}},
            "serviceMonitor needs metrics.service.enabled",
        ),
    ],
)
def test_values_that_cannot_work_are_refused(release: Release, values: Values, reason: str) -> None:
    with pytest.raises(RenderError, match=reason):
        release(values)
