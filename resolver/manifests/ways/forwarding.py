"""Way 2: the cluster's DNS forwards what is not its own."""

from __future__ import annotations

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import ARTICLE, forwarding
from resolver.manifests.objects import to_upstreams
from resolver.manifests.settings import ManifestError, Settings
from resolver.manifests.ways import clusterdns

_ARTICLE_UPSTREAM = "8.8.8.8"


def make(settings: Settings) -> Bundle:
    """The DNS of the cluster with rules for outside, or with the well-known Corefile."""
    if settings.article:
        return _article(settings)
    return Bundle(
        way="forwarding",
        remarks=(
            "Way 2: the DNS of the cluster forwards what is not its own. This Corefile asks two servers over TLS, "
            "keeps the names of the cluster and of private networks inside, and outlives upstreams that fail.",
        ),
        manifests=clusterdns.server(settings, to_upstreams(settings.upstreams)),
        configs=[ConfigFiles(settings.name, settings.namespace, {"Corefile": forwarding(settings)})],
        warnings=warnings(settings),
    )


def _article(settings: Settings) -> Bundle:
    standard = Settings()
    same = ("hosts", "only", "upstreams", "cluster_domain")
    if any(getattr(settings, name) != getattr(standard, name) for name in same):
        raise ManifestError(
            "--article is a Corefile as it stands: it goes with no --host, --upstream or --cluster-domain"
        )
    return Bundle(
        way="forwarding",
        remarks=(
            "Way 2 with the well-known Corefile for it, unchanged: everything that is not the cluster's goes to "
            "one public server, unencrypted.",
        ),
        manifests=clusterdns.server(settings, to_upstreams([_ARTICLE_UPSTREAM])),
        configs=[ConfigFiles(settings.name, settings.namespace, {"Corefile": ARTICLE})],
        warnings=[
            *warnings(settings),
            f"{_ARTICLE_UPSTREAM} alone is asked: when it does not answer, no outside name is found by anybody, and "
            "reverse lookups of private addresses go to it too.",
        ],
    )


def warnings(settings: Settings) -> list[str]:
    """What goes wrong with rules for outside."""
    found = clusterdns.warnings(settings)
    found.append(
        "`forward . example.com 8.8.8.8` names example.com as an upstream: it forwards everything, to two servers, "
        "one of which is a web server. What is meant is `forward example.com 8.8.8.8`, or a server block for "
        "example.com."
    )
    if settings.only:
        found.append(
            "names that are neither the cluster's nor the hosts given are refused, also those that Pods make with "
            "the search domains of their node: a C library may give up at the first one. Leave out --only unless "
            "the nodes have no search domains."
        )
    return found
