"""Rules that namespaces make for their own Pods, in ConfigMaps that are watched."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from resolver.errors import ConfigError, ConfigErrors, ResolverError
from resolver.kube.kinds import CONFIG_MAPS
from resolver.kube.pool import pool_of
from resolver.kube.watch import Watch
from resolver.plugins.policy.delegated import ConfigMaps, delegation_of
from resolver.plugins.policy.scope import Scope
from resolver.plugins.policy.sheets import Sheet, read, sheet_of
from resolver.policy.delegation import Delegation
from resolver.policy.engine import DELEGATED
from resolver.policy.rules import Rule

if TYPE_CHECKING:
    from resolver.plugins.policy.handler import PolicyPlugin, Source

MAX_SHEETS: Final = 10_000
MAX_SHEETS_OF_ONE: Final = 20  # ConfigMaps of a namespace
MAX_RULES: Final = 2000  # of a namespace
MAX_NAMES: Final = 8  # names of rules of a namespace, which become labels of metrics
STARTUP: Final = 5.0  # seconds that the start waits for the first list
PAUSE = 0.5  # seconds in which changes gather
AGAIN = 5.0  # seconds after which a namespace may change its rules again: every change costs all clients their replays
REST: Final = 10  # times as long as the last change took nothing is done
IN_FORCE, OUTDATED, IGNORED = "in force", "outdated", "ignored"
SOURCE: Final = "configmaps"
_LINES: Final = 10  # complaints that are logged at a time
_SHOWN: Final = 3
_LONGEST: Final = 300

Key = tuple[str, str]


class ConfigMapSource:
    """All ConfigMaps of a directive. One with a mistake counts as it was before, or not at all."""

    def __init__(self, plugin: PolicyPlugin, scope: Scope, settings: ConfigMaps) -> None:
        self._plugin = plugin
        self._scope = scope
        self._settings = settings
        self._sheets: dict[str, dict[str, Sheet]] = {}
        self._good: dict[Key, tuple[Sheet, list[Rule]]] = {}
        self._before: dict[Key, Sheet] = {}
        self._faults: dict[Key, tuple[Sheet, str]] = {}
        self._states: dict[str, dict[str, str]] = {}
        self._changed: dict[str, None] = {}
        self._taken: dict[str, float] = {}
        self._spent = 0.0
        self._wake = asyncio.Event()
        self._listed = asyncio.Event()
        self._lists = 0
        self._taking: list[str] = []
        self._awaited: set[str] | None = None
        self._watches: list[Watch[Sheet]] = []
        self._unfollow: list[Callable[[], None]] = []
        self._working: asyncio.Task[None] | None = None
        self._shown: Counter[str] = Counter()
        self._rules = 0
        self._count = 0
        self._is_full = False
        self._complaints: list[str] = []

    # --- life

    def succeed(self, other: Source) -> None:
        """Remember the versions that were good before a reload."""
        if isinstance(other, ConfigMapSource) and self._scope.settings.zones == other._scope.settings.zones:
            self._before = {**other._before, **{key: sheet for key, (sheet, _) in other._good.items()}}

    async def start(self) -> None:
        """Take over what there is, if the API says so in time. Raises ConfigError without a way to it."""
        settings = self._settings
        self._plugin.metrics.failures.cell(SOURCE)
        access = settings.source.access_for(settings.line)
        pool, loop = pool_of(self._plugin.host), asyncio.get_running_loop()
        for namespace in settings.namespaces or ("",):
            watch = pool.watch(
                access, CONFIG_MAPS, sheet_of, namespace=namespace, labels=settings.selector, speaker="policy"
            )
            self._watches.append(watch)
            self._unfollow.append(watch.follow(self._told, self._told_all))
        try:
            await asyncio.wait_for(self._listed.wait(), STARTUP)
        except TimeoutError:
            reason = next((watch.problem for watch in self._watches if watch.problem), "the API does not answer")
            self._plugin.log.warning(f"serving before all ConfigMaps with rules are known: {reason}")
        await self._take()
        self._working = loop.create_task(self._work())

    async def mistakes(self) -> Sequence[ConfigError]:
        """The API is not asked."""
        return ()

    def is_ready(self) -> bool:
        """Ready when everything that the first lists held was taken over."""
        return self._awaited is not None and not self._awaited

    async def stop(self) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.wait([self._working])
            self._working = None
        for unfollow in self._unfollow:
            unfollow()
        watches, self._watches, self._unfollow = self._watches, [], []
        for watch in watches:
            await pool_of(self._plugin.host).release(watch)
        self._show(Counter(), 0)

    # --- what the API says

    def _told(self, key: str, old: Sheet | None, new: Sheet | None) -> None:
        namespace, _, name = key.partition("/")
        sheets = self._sheets.setdefault(namespace, {})
        if new is None:
            self._count -= sheets.pop(name, None) is not None
            self._forget(namespace, name)
        elif name in sheets or self._has_room():
            self._count += name not in sheets
            sheets[name] = new
        if not sheets:
            del self._sheets[namespace]
        self._changed[namespace] = None
        self._wake.set()

    def _told_all(self) -> None:
        """One of the first lists is complete; with the last one it is known whose rules are missing."""
        self._lists += 1
        if self._lists == len(self._settings.namespaces or ("",)):
            self._awaited = {*self._changed, *self._taking}
            self._listed.set()
            self._wake.set()

    def _has_room(self) -> bool:
        if self._count < MAX_SHEETS:
            return True
        if not self._is_full:
            self._is_full = True
            self._plugin.log.error(f"there are more than {MAX_SHEETS} ConfigMaps with rules: new ones do not count")
        return False

    def _forget(self, namespace: str, name: str) -> None:
        for known in (self._good, self._before, self._faults):
            known.pop((namespace, name), None)

    # --- taking it over

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(max(PAUSE, REST * self._spent))
            try:
                await self._take()
            except Exception as error:  # whatever a namespace writes must not end the care for the others
                self._plugin.log.error(f"ConfigMaps with rules could not be taken over: {error!r}")

    async def _take(self) -> None:
        """Let what has changed count, but for what is another change too soon."""
        self._wake.clear()
        namespaces = self._taking = self._due()
        begun = asyncio.get_running_loop().time()
        changed = False
        for namespace in namespaces:
            rules = await self._rules_of(namespace)
            key = (SOURCE, namespace)
            if rules != list(self._scope.policy.rules(key)):
                changed = True
                if rules:
                    self._scope.policy.put(key, rules, DELEGATED)
                else:
                    self._scope.policy.remove(key)
        self._tell()
        if changed:
            await self._scope.refresh()
        self._taking = []
        if self._awaited:
            self._awaited.difference_update(namespaces)
        policy = self._scope.policy
        count = sum(len(policy.rules((SOURCE, namespace))) for namespace in self._states)
        self._show(Counter(state for states in self._states.values() for state in states.values()), count)
        self._spent = asyncio.get_running_loop().time() - begun
        if self._changed:
            self._wake.set()

    def _due(self) -> list[str]:
        """The namespaces with changes whose turn it is."""
        now = asyncio.get_running_loop().time()
        self._taken = {namespace: at for namespace, at in self._taken.items() if now - at < AGAIN}
        due = [namespace for namespace in self._changed if namespace not in self._taken]
        for namespace in due:
            del self._changed[namespace]
            self._taken[namespace] = now
        return due

    async def _rules_of(self, namespace: str) -> list[Rule]:
        """All rules of a namespace, its ConfigMaps by their names."""
        delegation = delegation_of(self._scope.settings.delegated, namespace)
        rules: list[Rule] = []
        states: dict[str, str] = {}
        for number, (name, sheet) in enumerate(sorted(self._sheets.get(namespace, {}).items())):
            if number >= MAX_SHEETS_OF_ONE:
                self._good.pop((namespace, name), None)
                self._failed(sheet, f"a namespace has at most {MAX_SHEETS_OF_ONE} ConfigMaps with rules")
                states[name] = IGNORED
                continue
            found, states[name] = await self._version(sheet, delegation, rules)
            rules += found
        if states:
            self._states[namespace] = states
        else:
            self._states.pop(namespace, None)
        return rules

    async def _version(self, sheet: Sheet, delegation: Delegation | None, before: list[Rule]) -> tuple[list[Rule], str]:
        """The rules of a ConfigMap behind those of others of its namespace, and how new they are."""
        key = (sheet.namespace, sheet.name)
        try:
            good = self._good.get(key)
            rules = good[1] if good is not None and good[0] == sheet else await read(sheet, delegation)
            check_room([*before, *rules])
        except ConfigErrors as errors:
            self._failed(sheet, "; ".join(str(error) for error in errors.errors[:_SHOWN]))
        except ResolverError as error:
            self._failed(sheet, str(error))
        except Exception as error:  # a text that a reader cannot take must not end the others
            self._failed(sheet, repr(error))
        else:
            self._good[key] = sheet, rules
            self._before.pop(key, None)
            if self._faults.pop(key, None) is not None:
                self._plugin.log.info(f"ConfigMap {sheet.namespace}/{sheet.name} is in force again")
            return rules, IN_FORCE
        return await self._last(key, delegation, before)

    async def _last(self, key: Key, delegation: Delegation | None, before: list[Rule]) -> tuple[list[Rule], str]:
        """The last good version of a ConfigMap."""
        good = self._good.get(key)
        try:
            if good is None and key in self._before:
                sheet = self._before.pop(key)  # it may reach further than what is delegated by now
                good = sheet, await read(sheet, delegation)
                self._good[key] = good
            if good is not None:
                check_room([*before, *good[1]])
                return good[1], OUTDATED
        except Exception:
            self._good.pop(key, None)  # what is wrong was said about the newest version
        return [], IGNORED

    # --- telling

    def _failed(self, sheet: Sheet, reason: str) -> None:
        """Count every version that is no good, and say every reason once."""
        key = (sheet.namespace, sheet.name)
        known = self._faults.get(key)
        if known is None or known[0] != sheet:
            self._plugin.metrics.failures.cell(SOURCE).value += 1
        if known is None or known[1] != reason:
            what = "what it said before stays" if key in self._good or key in self._before else "it does not count"
            self._complaints.append(f"ConfigMap {sheet.namespace}/{sheet.name} is ignored, {what}: {reason[:_LONGEST]}")
        self._faults[key] = sheet, reason

    def _tell(self) -> None:
        complaints, self._complaints = self._complaints, []
        for complaint in complaints[:_LINES]:
            self._plugin.log.error(complaint)
        if len(complaints) > _LINES:
            self._plugin.log.error(f"{len(complaints) - _LINES} more ConfigMaps with rules are ignored")

    def _show(self, states: Counter[str], rules: int) -> None:
        metrics = self._plugin.metrics
        for state in (IN_FORCE, OUTDATED, IGNORED):
            metrics.config_maps.cell(state).value += states[state] - self._shown[state]
        metrics.rules.cell(SOURCE).value += rules - self._rules
        self._shown, self._rules = states, rules


def check_room(rules: Sequence[Rule]) -> None:
    """Raises ConfigError for more rules, or names of rules, than a namespace has."""
    if len(rules) > MAX_RULES:
        raise ConfigError(f"with it, the namespace has more than {MAX_RULES} rules")
    if len({rule.given_name for rule in rules} - {""}) > MAX_NAMES:
        raise ConfigError(f"with it, the rules of the namespace have more than {MAX_NAMES} names")
