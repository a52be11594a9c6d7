"""Way 2: the cluster's DNS forwards what is not its own."""

from __future__ import annotations

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import ARTICLE, forwarding
from resolver.manifests.objects import to_upstreams
from resolver.manifests.settings import Settings
from resolver.manifests.text import render
from resolver.manifests.ways import clusterdns


def make(settings: Settings) -> Bundle:
    """The DNS of the cluster with rules for outside, and the well-known Corefile as a variant."""
    text = forwarding(settings)
    return Bundle(
        way="forwarding",
        remarks=(
            "Way 2: the DNS of the cluster forwards what is not its own. The Corefile here asks two servers over TLS, "
            "keeps the names of the cluster and of private networks inside, and outlives upstreams that fail.",
            "article/ has the Corefile that is handed round for this, unchanged: `kubectl apply -k` takes either folder.",
        ),
        manifests=clusterdns.server(settings, to_upstreams(settings.upstreams)),
        configs=[ConfigFiles(settings.name, settings.namespace, {"Corefile": text})],
        others={"article/kustomization.yaml": _article(settings), "article/Corefile": ARTICLE},
        warnings=warnings(settings),
    )


def _article(settings: Settings) -> str:
    """The folder above with the other Corefile, and with leave to ask its upstream."""
    head = "# Way 2 with the well-known Corefile: everything goes to one public server, unencrypted.\n"
    rule = {"op": "add", "path": "/spec/egress/-", "value": to_upstreams(["8.8.8.8"])[0]}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../"],
        "configMapGenerator": [
            {
                "name": settings.name,
                "namespace": settings.namespace,
                "behavior": "replace",
                "files": ["Corefile"],
                "options": {"disableNameSuffixHash": True},
            }
        ],
        "patches": [{"target": {"kind": "NetworkPolicy", "name": settings.name}, "patch": _operations(rule)}],
    }
    return head + render(kustomization)


def _operations(operation: dict[str, object]) -> str:
    """A JSON patch of one operation, as the text that kustomize wants."""
    lines = render(operation).splitlines()
    return "\n".join([f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]) + "\n"


def warnings(settings: Settings) -> list[str]:
    """What goes wrong with rules for outside."""
    found = clusterdns.warnings(settings)
    found.append(
        "`forward . example.com 8.8.8.8` names example.com as an upstream: it forwards everything, to two servers, one of "
        "which is a web server. What is meant is `forward example.com 8.8.8.8`, or a server block for example.com."
    )
    if settings.only:
        found.append(
            "names that are neither the cluster's nor the hosts given are refused, also those that Pods make with the search "
            "domains of their node: a C library may give up at the first one. Leave out --only unless the nodes have no "
            "search domains."
        )
    return found
