"""policy: who may resolve what, by rules, rule files and response policy zones."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.problems import Problems
from resolver.plugins.policy.configmaps import ConfigMapSource
from resolver.plugins.policy.feeds import feeds_of
from resolver.plugins.policy.files import FileSource
from resolver.plugins.policy.handler import PolicyPlugin
from resolver.plugins.policy.learning import Learning
from resolver.plugins.policy.settings import Settings, asks_for_identity, parse

__all__ = ["PolicyPlugin", "setup"]


def setup(setup: Setup) -> PolicyPlugin:
    """One part for all ``policy`` directives of the block. Raises ConfigError or ConfigErrors."""
    problems = Problems()
    found: list[Settings] = []
    zones: dict[bytes, int] = {}
    knows_pods = any(directive.name.text == "identity" for directive in setup.block.directives)
    for directive in setup.directives:
        with problems:
            settings = parse(directive, setup.block)
            for zone in settings.zones:
                if zones.setdefault(zone, directive.name.at.line) != directive.name.at.line:
                    raise directive.error(
                        "two policies of a server block are for the same zone", "name zones behind them"
                    )
            rule = None if knows_pods else asks_for_identity(settings)
            if rule is not None:
                where = "rules with namespace, label or service_account need the directive identity in the server block"
                raise directive.error(f"{where}: {rule.name} in line {rule.at.line}")
            if settings.config_maps is not None and not knows_pods:
                raise settings.config_maps.line.error(
                    "rules of namespaces are for their Pods, so configmaps needs the directive identity",
                    "write identity in the server block",
                )
            if settings.learn is not None and any(other.learn is not None for other in found):
                raise directive.error("two policies of a server block learn", "one of them does it for all of them")
            found.append(settings)
    problems.raise_any()
    plugin = PolicyPlugin(found, setup.block, setup.host)
    for scope in plugin.scopes:
        plugin.sources.extend(FileSource(plugin, scope, file) for file in scope.settings.files)
        plugin.sources.extend(feeds_of(plugin, scope))
        if scope.settings.config_maps is not None:
            plugin.sources.append(ConfigMapSource(plugin, scope, scope.settings.config_maps))
    for settings in found:
        if settings.learn is not None:
            learning = plugin.learner = Learning(plugin, settings.learn)
            plugin.sources.append(learning)
    return plugin
