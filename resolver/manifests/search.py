"""The search list of a Pod: what Kubernetes and the C libraries take, and what it costs."""

from __future__ import annotations

from resolver.manifests.settings import ManifestError, Settings

# The API server's limits for dnsConfig.searches.
MAX_DOMAINS = 32
MAX_CHARACTERS = 2048
# Older C libraries: glibc before 2.26, and what was linked with it.
OLD_DOMAINS = 6
OLD_CHARACTERS = 256
_MANY_DOTS = 5


def search_list(settings: Settings, namespace: str) -> tuple[str, ...]:
    """The three domains of a namespace, then the user's. Raises ManifestError for a list that Kubernetes refuses."""
    domain = settings.cluster_domain
    own = (f"{namespace}.svc.{domain}", f"svc.{domain}", domain)
    found = tuple(dict.fromkeys((*own, *settings.searches)))
    size = _characters(found)
    if len(found) > MAX_DOMAINS:
        raise ManifestError(
            f"{len(found)} search domains with the {len(own)} of the cluster: Kubernetes refuses a Pod with more "
            f"than {MAX_DOMAINS}"
        )
    if size > MAX_CHARACTERS:
        raise ManifestError(
            f"a search list of {size} characters: Kubernetes refuses a Pod with more than {MAX_CHARACTERS}"
        )
    return found


def search_warnings(settings: Settings, namespace: str) -> list[str]:
    """What a long list or a high ndots does."""
    searches = search_list(settings, namespace)
    found = []
    if len(searches) > OLD_DOMAINS or _characters(searches) > OLD_CHARACTERS:
        found.append(
            f"{len(searches)} search domains of {_characters(searches)} characters: C libraries older than glibc "
            f"2.26 look at the first {OLD_DOMAINS} domains and {OLD_CHARACTERS} characters only."
        )
    if settings.ndots >= _MANY_DOTS:
        found.append(
            f"ndots:{settings.ndots} asks for each outside name with fewer dots {len(searches)} times in vain, for "
            "IPv4 and IPv6 each, before it asks for the name itself. 2 is enough for service.namespace."
        )
    return found


def _characters(searches: tuple[str, ...]) -> int:
    """As the API server counts: the domains with a space between."""
    return len(" ".join(searches))
