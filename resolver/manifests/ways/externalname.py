"""Way 3: a Service of type ExternalName behind an Ingress, and DNS that points the host at the Ingress controller."""

from __future__ import annotations

import ipaddress

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import gateway
from resolver.manifests.objects import (
    INGRESSES,
    account,
    deployment,
    document,
    policy,
    role_in,
    to_api,
    to_cluster_dns,
)
from resolver.manifests.pods import Mapped, all_labels, pod
from resolver.manifests.settings import Host, ManifestError, Settings
from resolver.manifests.text import Document, Note
from resolver.manifests.ways import dnsconfig

_PLAIN = 80
_NGINX = "nginx.ingress.kubernetes.io"
_POLICY = (
    "ClusterFirst",
    "The Pod's own resolv.conf names the DNS of the cluster, which knows where the API and everything else is.",
)


def make(settings: Settings) -> Bundle:
    """For each host a Service and an Ingress; and the server that reads the Ingress objects."""
    check(settings)
    manifests = dnsconfig.server(settings)
    manifests["serviceaccount.yaml"] = [account(settings, with_token=True)]
    manifests["deployment.yaml"] = [deployment(settings, pod(settings, dns_policy=_POLICY, with_token=True))]
    manifests["networkpolicy.yaml"] = [policy(settings, [to_cluster_dns(), to_api()])]
    manifests["rbac.yaml"] = role_in(settings, settings.client_namespace, INGRESSES)
    for host in settings.hosts:
        manifests[f"{host.slug}.yaml"] = [*services(settings, host), ingress(settings, host)]
    return Bundle(
        way="externalname",
        remarks=(
            "Way 3: clients ask for a name of yours, the Ingress controller takes the request and passes it to the "
            "external system behind an ExternalName Service.",
            f"The DNS server at {settings.addresses[0]} reads the hosts of Ingress objects and answers with the "
            "controller's address. Name it in a Pod's dnsConfig, or send it your domain from the DNS of the "
            "cluster (see stub.Corefile).",
        ),
        manifests=manifests,
        configs=[ConfigFiles(settings.name, settings.namespace, {"Corefile": gateway(settings)})],
        others={"stub.Corefile": stub(settings)},
        warnings=warnings(settings),
    )


def check(settings: Settings) -> None:
    """Each host needs a name of its own. Raises ManifestError."""
    for host in settings.hosts:
        if not host.is_renamed:
            raise ManifestError(
                f"{host.target}: the Ingress needs another name than the external host, or its controller would "
                f"find itself when it looks up the host; say it as in external.example.com={host.target}"
            )
    slugs = [host.slug for host in settings.hosts]
    if len(set(slugs)) < len(slugs):
        raise ManifestError("two hosts go by one name, or by names that differ in dots and hyphens only")
    targets = {host.target for host in settings.hosts}
    for host in settings.hosts:
        if host.name in targets:
            raise ManifestError(f"{host.name} is the name of one host and where another one is: that would be a loop")


def services(settings: Settings, host: Host) -> list[Document]:
    """The external host as a Service: by its name, or by its address where it has none."""
    port = {"name": "http" if host.port == _PLAIN else "https", "port": host.port, "protocol": "TCP"}
    namespace, marks = settings.client_namespace, all_labels(settings)
    if not host.is_address:
        spec = {"type": "ExternalName", "externalName": host.target, "ports": [port]}
        return [document("Service", "v1", host.slug, namespace, marks, spec=spec)]
    family = ipaddress.ip_address(host.target).version
    selectorless: Mapped = {
        Note(
            "An ExternalName cannot be an address: this Service has no selector, and its endpoint stands below."
        ): None,
        "ipFamilies": [f"IPv{family}"],
        "ports": [port],
    }
    chosen = {**marks, "kubernetes.io/service-name": host.slug}
    endpoints = {
        "addressType": f"IPv{family}",
        "ports": [port],
        "endpoints": [{"addresses": [host.target], "conditions": {"ready": True}}],
    }
    return [
        document("Service", "v1", host.slug, namespace, marks, spec=selectorless),
        document("EndpointSlice", "discovery.k8s.io/v1", f"{host.slug}-1", namespace, chosen, **endpoints),
    ]


def ingress(settings: Settings, host: Host) -> Document:
    """The host of yours, led to the Service; the annotations repair what the external server sees."""
    backend = {"service": {"name": host.slug, "port": {"number": host.port}}}
    body = document(
        "Ingress",
        "networking.k8s.io/v1",
        host.slug,
        settings.client_namespace,
        all_labels(settings),
        spec={
            "ingressClassName": settings.ingress_class,
            "tls": [
                {
                    Note("A certificate for your own name; the external server's is for another."): None,
                    "hosts": [host.name],
                    "secretName": f"{host.slug}-tls",
                }
            ],
            "rules": [
                {
                    "host": host.name,
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                }
            ],
        },
    )
    return {**body, "metadata": {**body["metadata"], "annotations": repairs(host)}}


def repairs(host: Host) -> Mapped:
    """For the nginx controllers: the Host header and, over TLS, the name that the external server has."""
    seen = host.target if not host.is_address else host.name
    found: Mapped = {
        Note("Without this the external server gets the Host header of your name, which it does not know."): None,
        f"{_NGINX}/upstream-vhost": seen,
    }
    if host.port == _PLAIN:
        return found
    return {
        **found,
        f"{_NGINX}/backend-protocol": "HTTPS",
        Note("Without these two the TLS handshake names no server, or the wrong one."): None,
        f"{_NGINX}/proxy-ssl-server-name": "on",
        f"{_NGINX}/proxy-ssl-name": seen,
    }


def stub(settings: Settings) -> str:
    """What the DNS of the cluster needs where it stays what it is: a block for these names alone."""
    zones = " ".join(f"{host.name}:53" for host in settings.hosts)
    return (
        "# For the Corefile of the cluster's DNS, CoreDNS or this one: where these names are asked for.\n"
        f"{zones} {{\n    errors\n    forward . {' '.join(settings.addresses)}\n    cache 5\n}}\n"
    )


def warnings(settings: Settings) -> list[str]:
    """What an Ingress in front of a foreign server breaks."""
    found = [
        f"{host.name} is not {host.target}: without the annotations the external server sees a Host header and a "
        "TLS server name that it does not have. Redirects, cookies and links in its answers still carry its own "
        f"name, and clients see the certificate in {host.slug}-tls, not the external server's."
        for host in settings.hosts
        if not host.is_address
    ]
    found += [
        f"{host.target} is an address, which an ExternalName cannot be (Kubernetes would take it for a host name of "
        f"digits): {host.slug} is a Service without selector, with an EndpointSlice. Nobody follows when the "
        "address changes."
        for host in settings.hosts
        if host.is_address
    ]
    if any(host.port != _PLAIN for host in settings.hosts):
        found.append(
            "nginx does not verify the external server's certificate unless you say so: put its authority into a "
            f"Secret and set the annotations {_NGINX}/proxy-ssl-secret and {_NGINX}/proxy-ssl-verify."
        )
    found.append(
        f"whoever may write Ingress objects in the namespace {settings.client_namespace} may claim your names; "
        "nobody else can."
    )
    return found
