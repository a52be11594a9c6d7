"""What an answer needs to have been listed at least once, as bits of one number."""

from __future__ import annotations

from typing import Final

SERVICES: Final = 1
NAMESPACES: Final = 2
SLICES: Final = 4
PODS: Final = 8
IMPORTS: Final = 16
IMPORTED_SLICES: Final = 32
NAMES: Final = {
    SERVICES: "services",
    NAMESPACES: "namespaces",
    SLICES: "endpointslices",
    PODS: "pods",
    IMPORTS: "serviceimports",
    IMPORTED_SLICES: "endpointslices of serviceimports",
}
