"""From the directives of a server block to its parts and the head of its chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from resolver.chain.link import link
from resolver.chain.plugin import Part, Plugin
from resolver.chain.setup import Block, Host, Setup, SetupFunction
from resolver.config.model import Directive, ServerBlock
from resolver.errors import ConfigError, ConfigErrors


def build(
    source: ServerBlock,
    block: Block,
    host: Host,
    order: Sequence[str],
    find: Callable[[str], SetupFunction | None],
) -> None:
    """Set up every directive of ``source`` and put parts and chain head into ``block``.

    Opens nothing. Raises ConfigErrors with all mistakes of the block.
    """
    block.directives = source.directives
    errors: list[ConfigError] = []
    groups: dict[str, list[Directive]] = {}
    for directive in source.directives:
        groups.setdefault(directive.name.text, []).append(directive)
    errors.extend(_unknown(groups[name][0], order) for name in groups if name not in order)
    for name in (name for name in order if name in groups):
        try:
            block.parts.extend(_parts(name, tuple(groups[name]), block, host, find))
        except ConfigError as error:
            errors.extend(_inexcusable([error], name, host))
        except ConfigErrors as several:
            errors.extend(_inexcusable(several.errors, name, host))
    if errors:
        raise ConfigErrors(errors)
    plugins = [part for part in block.parts if isinstance(part, Plugin)]
    block.resolve = link(plugins)
    if any(plugin.answers_notify for plugin in plugins):
        block.notify = link(plugin for plugin in plugins if plugin.sees_notify or plugin.answers_notify)


def _parts(
    name: str,
    directives: tuple[Directive, ...],
    block: Block,
    host: Host,
    find: Callable[[str], SetupFunction | None],
) -> Sequence[Part]:
    function = find(name)
    if function is None:
        raise directives[0].error(f"directive {name} is known to CoreDNS but not built into this version yet")
    made = function(Setup(directives, block, host))
    return (made,) if isinstance(made, Part) else made


def _inexcusable(errors: Sequence[ConfigError], directive: str, host: Host) -> list[ConfigError]:
    """The mistakes but those that may be none where it will serve; a directive with such alone is left out."""
    named = [_named(error, directive) for error in errors]
    if host.elsewhere is None:
        return named
    excused = [error for error in named if host.elsewhere.excuses(error)]
    for error in excused:
        host.elsewhere.skipped.add(error)
    return [error for error in named if error not in excused]


def _named(error: ConfigError, directive: str) -> ConfigError:
    """The mistake with the directive that it is about, however deep in its block it stands."""
    error.directive = directive
    return error


def _unknown(directive: Directive, order: Sequence[str]) -> ConfigError:
    name = directive.name.text
    near = get_close_matches(name, order, n=1)
    return directive.error(f"unknown directive {name!r}", f"did you mean {near[0]}?" if near else "")
