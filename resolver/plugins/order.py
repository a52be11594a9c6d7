"""The order in which directives stand in a chain, whatever their order in the file."""

from __future__ import annotations

from typing import Final

# The field's order (CoreDNS documents it as plugin.cfg). Policy stands in front of the cache, rewriting in front
# of policy; whoever answers stands behind both. Ours are put where their questions need to be seen: searchpath in
# front of rewriting, because the names that it tries are rewritten like those that clients try; limits behind those
# who count and write down, so that what was refused is known; egress_set in front of all who change answers, because
# it lets through what the client is told.
ORDER: Final = (
    "root", "metadata", "geoip", "identity", "cancel", "proxyproto", "quic", "grpc_server", "https", "https3",
    "timeouts", "multisocket", "reload", "nsid", "bufsize", "bind", "debug", "trace", "ready", "health", "pprof",
    "shed", "prometheus", "errors", "log", "dnstap", "audit", "ratelimit", "rrl", "cookies", "egress_set", "local",
    "dns64", "any", "chaos", "loadbalance", "tsig", "ecs", "filter_aaaa", "searchpath", "rewrite", "autopath", "acl",
    "policy", "cache", "header", "dnssec", "tls", "minimal", "template", "transfer", "hosts", "route53", "azure",
    "clouddns", "gateway", "k8s_external", "kubernetes", "file", "auto", "secondary", "etcd", "loop", "forward",
    "grpc", "erratic", "whoami", "on", "sign", "view", "nomad",
)  # fmt: skip
