"""A configuration put together: blocks built, zones routed, listeners and endpoints named. Opens nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, cast
from weakref import ref

from resolver.chain.build import build
from resolver.chain.capabilities import (
    HttpEndpoint,
    HttpServing,
    Lameduck,
    Listening,
    ListenSettings,
    Reloading,
    Sorting,
    View,
    Witness,
    offering,
)
from resolver.chain.link import refuse
from resolver.chain.plugin import Part, Plugin
from resolver.chain.query import Site
from resolver.chain.setup import Block, Host
from resolver.config.model import Config, ServerBlock, Word
from resolver.config.zones import ServerAddress, duplicates, server_addresses
from resolver.errors import ConfigError, ConfigErrors
from resolver.plugins.catalog import setup_function
from resolver.plugins.order import ORDER
from resolver.replay.clients import Sorter
from resolver.runtime.quic import HINT, missing_library
from resolver.runtime.routing import Route, Router

BUILT_SCHEMES = ("dns", "tls", "https", "grpc", "quic", "https3")
ENCRYPTED = ("tls", "https", "quic", "https3")

# A worker costs about 40 MB; more of them than this on one machine is a slip of the pen.
MAX_WORKERS = 64

Claim: TypeAlias = tuple[str, bytes, int, str, Word]
"""What a block serves: scheme, zone, port, address, and the key that says so."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where queries come in: scheme, address (empty for all addresses of the machine) and port."""

    scheme: str
    host: str
    port: int

    @property
    def label(self) -> str:
        """The ``server`` label of metrics: ``dns://:53``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _family(client: str) -> bool:
    return ":" in client


@dataclass(slots=True)
class Service:
    """What one endpoint serves."""

    label: str
    settings: ListenSettings
    router: Router = field(default_factory=Router)
    sorting: dict[int, Sorting] = field(default_factory=dict)

    def failing(self, endpoint: Endpoint) -> str:
        """Why nobody can be served there, empty where somebody can."""
        if endpoint.scheme in ENCRYPTED and self.settings.certificate is None:
            return "has no tls directive: every connection fails"
        return ""

    @property
    def sorters(self) -> tuple[Sorter, ...]:
        """What sorts the clients of the endpoint now.

        A socket has clients of one family, and what answers may rely on that; where a proxy speaks for them it may not.
        """
        found = [part.group for part in self.sorting.values() if part.sorts]
        return tuple([_family, *found] if self.settings.proxy else found)


@dataclass(slots=True)
class Plan:
    """Everything that a configuration asks for, ready to be started. ``config`` is without its blocks.

    ``lameduck`` is how many seconds to go on serving after being told to stop, ``reloading`` how the configuration is
    to be watched, None where it is not.
    """

    config: Config
    blocks: list[Block] = field(default_factory=list)
    services: dict[Endpoint, Service] = field(default_factory=dict)
    lameduck: float = 0.0
    reloading: Reloading | None = None

    @property
    def parts(self) -> Iterable[Part]:
        """All parts of all blocks."""
        return (part for block in self.blocks for part in block.parts)

    @property
    def http(self) -> list[HttpEndpoint]:
        """The HTTP endpoints that parts want."""
        return [endpoint for part in offering(self.parts, HttpServing) for endpoint in part.endpoints()]

    def warnings(self) -> list[ConfigError]:
        """What can be served, and is most likely not meant, where it stands."""
        return [
            _key_of(endpoint, self.blocks).error(f"{endpoint.label} {reason}", "tls CERT KEY names the files")
            for endpoint, service in self.services.items()
            if (reason := service.failing(endpoint))
        ]

    def heed(self, block: Block) -> None:
        """Note what the parts of a block want of the whole server."""
        self.lameduck = max((self.lameduck, *(part.lameduck for part in offering(block.parts, Lameduck))))
        self.reloading = self.reloading or next(offering(block.parts, Reloading), None)

    def dissolve(self) -> Generator[None, None, int]:
        """Let go of all that blocks hold, block by block: what refers to each other is not freed by itself.

        Their parts are stopped. How many of them somebody still holds, or only the garbage collector can free.
        """
        parts: list[ref[Part]] = []
        for block in self.blocks:
            parts.extend(map(ref, block.parts))
            block.parts.clear()
            block.resolve, block.notify = refuse, None
            block.keys, block.directives = (), ()
            yield
        for service in self.services.values():
            yield from service.router.drain()
        return sum([part() is not None for part in parts])

    def service(self, endpoint: Endpoint, settings: ListenSettings) -> Service:
        """What the endpoint serves; the first block that listens there settles how.

        Only what is in front of all blocks (proxyproto, shed) may be asked for by any of them.
        """
        found = self.services.get(endpoint)
        if found is None:
            found = self.services[endpoint] = Service(endpoint.label, settings)
        elif settings.proxy or settings.shed:
            known = found.settings
            found.settings = replace(known, proxy=settings.proxy or known.proxy, shed=settings.shed or known.shed)
        return found


def assemble(config: Config, host: Host, default_port: int = 53) -> Plan:
    """Build every block and route every zone. Raises ConfigErrors with the mistakes of all blocks.

    A configuration without any block is refused: most likely somebody is just writing the file.
    """
    steps = assembling(config, host, default_port)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return cast(Plan, stop.value)


def assembling(config: Config, host: Host, default_port: int = 53) -> Generator[None, None, Plan]:
    """``assemble`` in steps, for who has something else to do in between."""
    if not config.blocks:
        raise ConfigError(f"{config.files[0] if config.files else 'the configuration'} has no server block")
    plan = Plan(replace(config, blocks=()))  # what they say is in the new blocks, and goes block by block when they go
    root = Path(config.files[0]).resolve().parent if config.files else Path()
    errors: list[ConfigError] = []
    claims: list[Claim] = []
    for source in config.blocks:
        try:
            addresses = _addresses(source, default_port)
            yield  # a single block may have ten thousand zones, or as many lines
            block = _block(source, addresses, plan.config, root)
            plan.blocks.append(block)
            build(source, block, host, ORDER, setup_function)
            plan.heed(block)
            yield
            claims.extend(_place(plan, block, addresses))
        except ConfigErrors as several:
            errors.extend(several.errors)
        except ConfigError as error:
            errors.append(error)
        yield
    if twice := duplicates(claims):
        errors.extend(twice.errors)
    if errors:
        raise ConfigErrors(errors)
    return plan


def _key_of(endpoint: Endpoint, blocks: Iterable[Block]) -> Word:
    """The first key that asks for the endpoint; of those with its scheme where there are any."""
    found = [block for block in blocks if any(site.server == endpoint.label for site in block.sites)]
    keys = found[0].keys
    return next((key for key in keys if key.text.lower().startswith(f"{endpoint.scheme}://")), keys[0])


def wanted_workers(plan: Plan) -> int:
    """How many workers the configuration asks for: sockets on one port are of use to workers only."""
    return max((service.settings.sockets for service in plan.services.values()), default=1)


def _addresses(source: ServerBlock, default_port: int) -> list[ServerAddress]:
    addresses = list(server_addresses(source.keys, default_port=default_port))
    for address in addresses:
        if address.scheme not in BUILT_SCHEMES:
            raise address.at.error(f"{address.scheme}:// server blocks are not built into this version yet")
        missing = missing_library(address.scheme)
        if missing:
            raise address.at.error(f"{address.scheme}:// server blocks need {missing}", HINT)
    return addresses


def _block(source: ServerBlock, addresses: list[ServerAddress], config: Config, root: Path) -> Block:
    return Block(
        zones=tuple(dict.fromkeys(address.wire for address in addresses)), keys=source.keys, root=root, config=config
    )


def _place(plan: Plan, block: Block, addresses: list[ServerAddress]) -> list[Claim]:
    """Put the block's zones into the routers of the endpoints that it listens on."""
    settings = ListenSettings()
    for part in offering(block.parts, Listening):
        settings = part.listen(settings)
    view = next(offering(block.parts, View), None)
    view_name, takes, personal = (view.view_name, view.takes, view.personal) if view else ("", None, False)
    classes = any(part.other_classes for part in block.parts if isinstance(part, Plugin))
    sorting = list(offering(block.parts, Sorting))
    witnesses = tuple(offering(block.parts, Witness))
    sites: list[Site] = []
    claims: list[Claim] = []
    for address in addresses:
        for host in settings.addresses or ("",):
            service = plan.service(Endpoint(address.scheme, host, address.port), settings)
            site = Site(service.label, address.zone, view_name)
            sites.append(site)
            service.sorting.update({id(part): part for part in sorting})
            service.router.add(
                Route(address.wire, site, block.resolve, classes, takes, block.notify, personal, witnesses)
            )
            if view is None:
                claims.append((address.scheme, address.wire, address.port, host, address.at))
    block.sites = tuple(sites)
    return claims
