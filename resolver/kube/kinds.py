"""The kinds of objects that directives ask for, and where the API serves them."""

from __future__ import annotations

from typing import NamedTuple

# Groups that every API server has: without them it is not one. What is in other groups may be absent.
_ALWAYS = frozenset({"", "discovery.k8s.io"})


class Kind(NamedTuple):
    """A kind of objects: ``plural`` is its name in paths, in lower case; the core group is empty.

    ``older`` are versions in which a cluster may have it that does not serve ``version``, the newest first. What is
    read of the objects is the same in all of them.
    """

    group: str
    version: str
    plural: str
    namespaced: bool = True
    older: tuple[str, ...] = ()

    def path(self, namespace: str = "", version: str = "") -> str:
        """Where the API lists them: those of one namespace, or all with an empty one; in ``version`` if not empty."""
        version = version or self.version
        root = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        inside = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{inside}/{self.plural}"

    @property
    def label(self) -> str:
        """The name for people and metrics: ``services``, ``httproutes.gateway.networking.k8s.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def optional(self) -> bool:
        """Whether a cluster may lack it, as it does a definition (CRD) that nobody has installed."""
        return self.group not in _ALWAYS


SERVICES = Kind("", "v1", "services")
PODS = Kind("", "v1", "pods")
CONFIG_MAPS = Kind("", "v1", "configmaps")
NAMESPACES = Kind("", "v1", "namespaces", namespaced=False)
NODES = Kind("", "v1", "nodes", namespaced=False)
ENDPOINT_SLICES = Kind("discovery.k8s.io", "v1", "endpointslices")
INGRESSES = Kind("networking.k8s.io", "v1", "ingresses")
INGRESS_CLASSES = Kind("networking.k8s.io", "v1", "ingressclasses", namespaced=False)
GATEWAYS = Kind("gateway.networking.k8s.io", "v1", "gateways", older=("v1beta1",))
GATEWAY_CLASSES = Kind("gateway.networking.k8s.io", "v1", "gatewayclasses", namespaced=False)
HTTP_ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes", older=("v1beta1",))
GRPC_ROUTES = Kind("gateway.networking.k8s.io", "v1", "grpcroutes", older=("v1alpha2",))
TLS_ROUTES = Kind("gateway.networking.k8s.io", "v1", "tlsroutes", older=("v1alpha3", "v1alpha2"))
DNS_ENDPOINTS = Kind("externaldns.k8s.io", "v1alpha1", "dnsendpoints")
SERVICE_IMPORTS = Kind("multicluster.x-k8s.io", "v1alpha1", "serviceimports")
