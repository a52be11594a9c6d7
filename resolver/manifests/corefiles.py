"""The Corefiles of the ways, with the reasons in them for whoever reads them in a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from resolver.manifests.pods import POD_PORTS, Ports
from resolver.manifests.settings import Settings

# The Corefile that is handed round for "forward everything else", as it is: it runs without a change.
ARTICLE = """\
.:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . 8.8.8.8 { # everything else goes to the public resolver
        except cluster.local
    }
    # or only one domain
    # forward . example.com 8.8.8.8
    cache 30
    loop
    reload
    loadbalance
}
"""

# Reverse zones of private networks: whoever asks for them asks about this network, and nobody outside should hear it.
_PRIVATE = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fd00::/8 fe80::/10"


def block(zones: Sequence[str], *parts: str) -> str:
    """A server block; each part is one directive, with its own lines."""
    lines = [line for part in parts if part for line in part.splitlines()]
    return "\n".join([f"{' '.join(zones)} {{", *(f"    {line}".rstrip() for line in lines), "}"]) + "\n"


def service_lines(ports: Ports = POD_PORTS) -> tuple[str, ...]:
    """What belongs to the process: it stands in one block."""
    health = "" if ports == POD_PORTS else f" :{ports.health}"
    ready = "" if ports == POD_PORTS else f" :{ports.ready}"
    return (
        f"health{health} {{\n    lameduck 5s\n}}",
        f"ready{ready}",
        f"prometheus :{ports.metrics}",
        "reload",
    )


HOSTS_COMMENT = "# The hosts that matter have a cache of their own: other names do not push them out.\n"


def outside(settings: Settings, except_zones: str = "") -> str:
    """The directive that sends queries out of the cluster."""
    inner = ["    policy sequential", "    max_concurrent 1000"]
    if except_zones:
        inner.insert(0, f"    except {except_zones}")
    return "\n".join([f"forward . {' '.join(settings.upstreams)} {{", *inner, "}"])


def outside_cache(budget: str) -> str:
    """Answers are renewed before they end, and outlive an upstream that fails."""
    return "\n".join(
        [
            "cache 300 {",
            "    prefetch 2 10m",
            "    # Asked again first; the old answer is for when nobody answers within 2 seconds.",
            "    serve_stale 1h verify 2s 30s",
            f"    budget {budget}",
            "}",
        ]
    )


def reverse_zones(settings: Settings) -> list[str]:
    """The zones that are the cluster's: its domain and the reverse ones."""
    return [settings.cluster_domain, "in-addr.arpa", "ip6.arpa"]


def forwarder(settings: Settings, cluster_dns: Sequence[str], ports: Ports, budget: str, bind: str = "") -> str:
    """Names of the cluster to its DNS, the hosts (or everything) to the upstreams outside."""
    bound = f"bind {bind}" if bind else ""
    cluster = block(
        reverse_zones(settings),
        bound,
        "errors",
        *service_lines(ports),
        f"forward . {' '.join(cluster_dns)}",
        "cache 30",
        "loadbalance",
    )
    text = ["# Names of the cluster, and the addresses in it.\n" + cluster]
    zones = [host.target for host in settings.hosts if not host.is_address]
    common = (bound, "errors", metrics_line(ports), outside(settings), outside_cache(budget))
    if settings.only and zones:
        text.append(
            "# Only these hosts, and what is below them, are asked for outside. Any other name is refused.\n"
            + block(zones, *common, "loop", "loadbalance")
        )
        return "\n".join(text)
    if zones:
        text.append(HOSTS_COMMENT + block(zones, *common, "loop", "loadbalance"))
    text.append("# Everything else.\n" + block(["."], *common, "loop", "loadbalance"))
    return "\n".join(text)


def metrics_line(ports: Ports) -> str:
    """Metrics of a further block; the address has to be the same in all of them."""
    return f"prometheus :{ports.metrics}"


SEARCHPATH = "# External names that Pods look for along their search path are answered at the first step.\nsearchpath"


def kubernetes(settings: Settings) -> str:
    """The directive that knows the Services."""
    head = f"kubernetes {' '.join(reverse_zones(settings))}"
    return head + " {\n    pods insecure\n    fallthrough in-addr.arpa ip6.arpa\n}"


def cluster(settings: Settings) -> str:
    """The DNS of the cluster: its own names from the API, the rest from the servers of the node."""
    main = block(
        [".:53"],
        "errors",
        *service_lines(),
        SEARCHPATH,
        kubernetes(settings),
        "forward . /etc/resolv.conf {\n    max_concurrent 1000\n}",
        "cache 30 {\n    serve_stale 1h verify 2s 30s\n    budget 64MiB\n}",
        "loop",
        "loadbalance",
    )
    return "# The names of the cluster come from its API, all others from the nameservers of the node.\n" + main


def forwarding(settings: Settings) -> str:
    """The better variant of ``ARTICLE``."""
    hosts = [host.target for host in settings.hosts if not host.is_address]
    main = [
        "errors",
        *service_lines(),
        SEARCHPATH,
        kubernetes(settings),
    ]
    if not settings.only:
        main += [
            "# Two servers, encrypted, one after the other; nothing about this cluster or private networks goes there.",
            outside(settings, f"{settings.cluster_domain} {_PRIVATE}"),
        ]
    main += ["cache 30", "loop" if not settings.only else "", "loadbalance"]
    text = [block([".:53"], *main)]
    if hosts:
        text.append(
            HOSTS_COMMENT
            + block(
                [f"{host}:53" for host in hosts],
                "errors",
                metrics_line(POD_PORTS),
                outside(settings),
                outside_cache("64MiB"),
                "loop",
                "loadbalance",
            )
        )
    return "\n".join(text)


def gateway(settings: Settings) -> str:
    """The hosts of Ingress objects, for the user's own names and nothing else."""
    zones = [host.name for host in settings.hosts]
    gateway_lines = [
        f"gateway {' '.join(zones)} {{",
        "    resources ingress",
        f"    ingress_class {settings.ingress_class}",
        "    # Ingress objects of other namespaces cannot claim these names.",
        f"    namespaces {settings.client_namespace}",
        "}",
    ]
    named = block(zones, "errors", *service_lines(), "\n".join(gateway_lines), "cache 30", "loadbalance")
    rest = block(
        ["."], "errors", metrics_line(POD_PORTS), "forward . /etc/resolv.conf", "cache 30", "loop", "loadbalance"
    )
    return (
        "# The hosts of Ingress objects, with the addresses of their controller, as they come and go.\n"
        f"{named}\n# Everything else is known to the DNS of the cluster.\n{rest}"
    )


def node_template(ports: Ports) -> str:
    """The template of the node-local mode, with the variables that it fills in."""
    bind = "bind __PILLAR__LOCAL__DNS__"
    process = (
        f"# Probes come from the node itself.\nhealth 127.0.0.1:{ports.health} {{\n    lameduck 5s\n}}",
        f"ready 127.0.0.1:{ports.ready}",
        "prometheus __PROMETHEUS__ENDPOINT__",
        "reload 10s 1s",
    )
    cluster_names = block(
        ["__PILLAR__DNS__DOMAIN__:53", "in-addr.arpa:53", "ip6.arpa:53"],
        bind,
        "errors",
        *process,
        "# Over TCP no datagram is lost on the way, and connections are kept.",
        "forward . __PILLAR__CLUSTER__DNS__ {\n    force_tcp\n}",
        "cache {\n    success 9984 30\n    denial 9984 5\n    serve_stale 1h verify 2s 30s\n    budget 64MiB\n}",
        "loop",
        "loadbalance",
    )
    others = block(
        [".:53"],
        bind,
        "errors",
        "prometheus __PROMETHEUS__ENDPOINT__",
        "forward . __PILLAR__UPSTREAM__SERVERS__ {\n    max_concurrent 1000\n}",
        outside_cache("64MiB"),
        "loop",
        "loadbalance",
    )
    return (
        "# A template: `resolver node` puts addresses and servers in the place of the variables.\n"
        f"# Names of the cluster to its DNS.\n{cluster_names}\n# Everything else to the nameservers of the "
        f"node.\n{others}"
    )
