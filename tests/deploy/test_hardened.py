"""The server runs under what the manifests allow it: no root, no capability, nothing to write on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from resolver.cli.main import main
from tests.node.namespaces import Node, Program, missing, node, resolver, until

pytestmark = pytest.mark.skipif(bool(missing("setpriv", "curl")), reason=missing("setpriv", "curl"))


NOBODY = "203.0.113.99"  # an address that no route leads to
MOUNT = "/mnt"  # where the ConfigMap is, in a file system of the process's own


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as made:
        yield made


def test_a_forwarder_runs_as_an_ordinary_user_on_a_read_only_file_system(here: Node) -> None:
    server = started(here)
    # Any name but the host's is refused, and a question to an upstream that is not there ends in a failure.
    assert "status: REFUSED" in here.run("dig", "+tries=1", "@10.244.0.1", "www.test", where="pod").stdout
    assert "status: SERVFAIL" in here.run("dig", "+tries=1", "+time=8", "@10.244.0.1", "who.test", where="pod").stdout
    assert server.end() == 0


def started(here: Node) -> Program:
    """The server of the Deployment, under its limits, on port 53."""
    folder = here.folder / "shared"
    words = ["--upstream", NOBODY, "--host", "who.test", "--only"]
    assert main(["manifests", "shared", *words, "-o", str(folder)]) == 0
    spec = yaml.safe_load((folder / "deployment.yaml").read_text())["spec"]["template"]["spec"]
    (sysctl,) = spec["securityContext"]["sysctls"]
    here.ok(["ip", "netns", "exec", here.names["node"], "sysctl", "-qw", f"{sysctl['name']}={sysctl['value']}"])
    user = spec["securityContext"]["runAsUser"]
    limits = f"setpriv --reuid={user} --regid={user} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
    # The mounts of `ip netns exec` are the process's own, so nobody else finds the disk read-only.
    read_only = "mount -o remount,ro,bind / && touch /forbidden 2>/dev/null; test ! -e /forbidden"
    script = f'mount --bind {folder} {MOUNT} && {read_only} && exec "$@"'
    args = [word.replace("/etc/resolver", MOUNT) for word in spec["containers"][0]["args"]]
    server = here.start("sh", "-c", script, "sh", *limits.split(), *resolver(*args))
    until(lambda: here.run("curl", "-s", "http://127.0.0.1:8181/ready").stdout.strip() == "OK", lambda: server.said)
    return server
