"""The DaemonSet of the node-local mode, run: its very arguments and rights, on a node that is a network namespace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.rendering import DEPLOY
from tests.node.namespaces import CLUSTER, KUBE_DNS, LOCAL, THERE, Node, Program, missing, node, resolver, until

BASE = DEPLOY / "kustomize/bases/node-local"
pytestmark = pytest.mark.skipif(bool(missing("setpriv", "curl")), reason=missing("setpriv", "curl"))


class Deployed:
    """The containers of the Pod on one node."""

    def __init__(self, here: Node) -> None:
        self.here = here
        daemon_set = yaml.safe_load((BASE / "daemonset.yaml").read_text())
        spec = daemon_set["spec"]["template"]["spec"]
        self.containers: dict[str, dict[str, Any]] = {
            one["name"]: one for one in (*spec["initContainers"], *spec["containers"])
        }

    def start(self, name: str) -> Program:
        """Start a container with the user and the capabilities that it is given, and no others."""
        container = self.containers[name]
        context = container["securityContext"]
        rights = ",".join(f"+{each.lower()}" for each in context["capabilities"]["add"])
        user, group = context["runAsUser"], context["runAsGroup"]
        limits = [
            f"--reuid={user}",
            f"--regid={group}",
            "--clear-groups",
            "--no-new-privs",
            f"--bounding-set=-all,{rights}",
        ]
        words = [self.here_instead(word) for word in container["args"]]
        # The Service for cache misses, as Kubernetes puts it into the environment.
        return self.here.start("setpriv", *limits, *resolver(*words), RESOLVER_NODE_UPSTREAM_SERVICE_HOST=KUBE_DNS)

    def here_instead(self, word: str) -> str:
        """What is mounted in the container stands in a folder of the test."""
        return word.replace("/etc/resolver/", f"{BASE}/").replace("/run/resolver/", f"{self.here.folder}/")

    def probe(self, kind: str) -> str:
        """What kubelet is told."""
        page = self.containers["resolver"][f"{kind}Probe"]["httpGet"]
        return self.here.run("curl", "-s", f"http://{page['host']}:{page['port']}{page['path']}").stdout.strip()


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    with node(tmp_path) as here:
        yield Deployed(here)


def test_a_node_with_the_daemon_set_answers_its_pods_itself(deployed: Deployed) -> None:
    here = deployed.here
    conf = here.folder / "kube-dns.Corefile"
    conf.write_text(f".:53 {{\n bind {KUBE_DNS}\n hosts {{\n {THERE} who.cluster.local who.test\n }}\n}}\n")
    here.start(*resolver("-conf", str(conf))).says("k8s-resolver")
    setup = deployed.start("setup")
    assert setup.wait() == 0, setup.said
    assert here.addresses() == {LOCAL, CLUSTER}
    guard = deployed.start("guard")
    server = deployed.start("resolver")
    guard.says("rules for the local addresses are in place")
    assert deployed.probe("startup") == "OK"
    until(lambda: deployed.probe("readiness") == "OK", lambda: server.said)
    assert deployed.probe("liveness") == "OK"
    # What the DNS of the cluster says comes by way of the node, on both addresses.
    for address in (LOCAL, CLUSTER):
        asked = here.run("dig", "+short", "+tries=1", f"@{address}", "who.cluster.local", where="pod")
        assert asked.stdout.strip() == THERE
    for port in (19153, 19353, 19354):
        assert "# TYPE" in here.run("curl", "-s", f"http://127.0.0.1:{port}/metrics").stdout, port
    # When the server ends, the Pod is answered by the cluster again, also if nobody tells the guard.
    server.end(9)
    until(lambda: here.dig(CLUSTER, where="pod") == THERE, lambda: guard.said)
    assert guard.end() == 0
    assert here.tables() == []
