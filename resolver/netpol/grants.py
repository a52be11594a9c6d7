"""The rules of *policy* by namespace: which names which Pods may reach, and what no network policy can say of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from resolver.chain.setup import Block
from resolver.errors import Place, ResolverError
from resolver.netpol.delegated import Tree, delegated_rules
from resolver.netpol.denials import Denials, Rules, takes_addresses
from resolver.netpol.scoping import scoped
from resolver.plugins.policy.settings import Settings as PolicySettings
from resolver.plugins.policy.settings import parse
from resolver.policy.patterns import STAR, Pattern, Reach
from resolver.policy.reading import parse_rules
from resolver.policy.rules import ALLOW, AUDIT, DENY, Rule, Who
from resolver.runtime.plan import Plan
from resolver.wire.names import ROOT, labels

_A, _AAAA, _HTTPS = 1, 28, 65


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of a namespace: all, those with these labels, or those of a service account."""

    namespace: str
    labels: tuple[tuple[str, str], ...] = ()
    service_account: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A name, or many, that Pods may reach, by which rule; without ``ipv4`` or ``ipv6`` only the other family."""

    pods: Pods
    pattern: Pattern
    rule: str
    ipv4: bool = True
    ipv6: bool = True


@dataclass(slots=True)
class Grants:
    """All grants, in the order of the rules; ``unsaid`` is what they do not contain, and why.

    A grant may have names in it that ``denials`` takes away again, for the rules that are ``denied`` too.
    """

    namespaces: list[str] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    denied: list[Rule] = field(default_factory=list)
    denials: Denials = field(default_factory=Denials)

    def of(self, namespace: str) -> dict[Pods, list[Grant]]:
        """The grants of a namespace by Pods, those for all of its Pods first and always there."""
        found: dict[Pods, list[Grant]] = {Pods(namespace): []}
        for grant in self.grants:
            if grant.pods.namespace == namespace:
                found.setdefault(grant.pods, []).append(grant)
        return found


def grants(
    plan: Plan,
    wanted: Sequence[str] = (),
    cluster_domain: str = "cluster.local",
    config_maps: Sequence[Tree] | None = None,
) -> Grants:
    """The grants of the namespaces that rules name, or of those wanted; names of the cluster are none.

    ``config_maps`` are objects of the cluster, of which those with rules of namespaces count as in the server.

    Raises ResolverError where there is no policy, or no namespace.
    """
    policies = list(_policies(plan))
    if not policies:
        raise ResolverError("the configuration has no policy, so nothing says what workloads may reach")
    written = [list(_rules(settings)) for settings in policies]
    made, without = _delegated(policies, config_maps)
    own, ignored = _scoped(policies, written)
    delegated, outside = _scoped(policies, made)
    rules, ignored = [*own, *delegated], [*ignored, *without, *outside]
    named = sorted({namespace for rule in rules for who in rule.who for namespace in _namespaces(who)})
    found = Grants(list(dict.fromkeys(wanted)) or named)
    if not found.namespaces:
        raise ResolverError("no rule names a namespace: say which ones with --namespace")
    for settings in policies:
        found.unsaid += _about(settings, reads_config_maps=config_maps is not None)
    found.unsaid += ignored
    inside = Pattern.read(f".{cluster_domain}")
    for number, rule in enumerate(rules):
        if rule.verdict != ALLOW:
            continue
        if inside.covers(rule.pattern):
            found.unsaid.append(
                f"rule {rule.name}: names of the cluster, whose Pods are opened by policies of your own"
            )
        else:
            _grant(found, rule, rules[:number], own if number >= len(own) else ())
    found.unsaid += _not_allowed(found, rules)
    found.denials = Denials(list(map(_denying, policies, written, made)))
    found.grants = list(dict.fromkeys(found.grants))
    found.unsaid = list(dict.fromkeys(found.unsaid))
    return found


def _delegated(policies: Sequence[PolicySettings], trees: Sequence[Tree] | None) -> tuple[list[list[Rule]], list[str]]:
    """What namespaces make, by policy, and what of it does not count. Raises ResolverError where nobody reads it."""
    if trees is None:
        return [[] for _ in policies], []
    if all(settings.config_maps is None for settings in policies):
        raise ResolverError("no policy of the configuration takes rules from ConfigMaps: it has no line configmaps")
    found = [delegated_rules(settings, trees) for settings in policies]
    return [rules for rules, _ in found], [text for _, unsaid in found for text in unsaid]


def _scoped(policies: Sequence[PolicySettings], rules: Sequence[list[Rule]]) -> tuple[list[Rule], list[str]]:
    """The rules of all policies, each as far as the zones of its policy go."""
    zones = {zone for settings in policies for zone in settings.zones}
    found = [
        scoped(own, settings.zones, zones - set(settings.zones)) for settings, own in zip(policies, rules, strict=True)
    ]
    return [rule for kept, _ in found for rule in kept], [text for _, unsaid in found for text in unsaid]


def _policies(plan: Plan) -> Iterator[PolicySettings]:
    seen = set()
    for block in plan.blocks:
        for directive in block.directives:
            if directive.name.text == "policy" and id(directive) not in seen:
                seen.add(id(directive))
                yield _parsed(directive, block)


def _parsed(directive: object, block: Block) -> PolicySettings:
    return parse(directive, block)  # type: ignore[arg-type]


def _rules(settings: PolicySettings) -> Iterator[Rule]:
    """Those of the directive, then those of its files."""
    yield from settings.rules
    for file in settings.files:
        try:
            text = file.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ResolverError(f"cannot read {file.path}: {error}") from None
        yield from parse_rules(text, str(file.path), settings.groups)


def _namespaces(who: Who) -> Iterable[str]:
    return (*who.namespaces, *(account.partition("/")[0] for account in who.service_accounts))


def _grant(found: Grants, rule: Rule, before: Sequence[Rule], above: Sequence[Rule]) -> None:
    """``before`` are the rules in front, ``above`` those of operators where the rule is a delegated one."""
    types = rule.types
    if types is not None and not types & {_A, _AAAA, _HTTPS}:
        found.unsaid.append(f"rule {rule.name}: allows no address, so nothing is opened for it")
        return
    if types is not None:
        found.unsaid.append(f"rule {rule.name}: its record types are checked by the resolver alone")
    ipv4, ipv6 = types is None or _A in types, types is None or _AAAA in types
    if not ipv4 and not ipv6:
        ipv4 = ipv6 = True  # HTTPS records carry addresses of both
    for pods in _pods(found, rule):
        if any(_shadows(other, rule, pods) for other in before):
            found.unsaid.append(f"rule {rule.name}: an earlier rule for the same name denies it")
            continue
        over = next((other for other in above if _overrules(other, rule, pods)), None)
        if over is not None:
            found.unsaid.append(f"rule {rule.name}: the operator's rule {over.name} goes before it")
            continue
        found.grants.append(Grant(pods, rule.pattern, rule.name, ipv4, ipv6))


def _shadows(earlier: Rule, rule: Rule, pods: Pods) -> bool:
    """Whether an earlier rule for the very same names denies them to all of these Pods."""
    same = earlier.verdict == DENY and earlier.pattern == rule.pattern and earlier.types is None
    return same and _is_for_all(earlier, pods)


def _overrules(operators: Rule, rule: Rule, pods: Pods) -> bool:
    """Whether a rule of the operator leaves nothing to what a namespace allows: it is asked first, however wide."""
    covers = operators.verdict != ALLOW and operators.pattern.covers(rule.pattern) and operators.types is None
    return covers and _is_for_all(operators, pods)


def _is_for_all(rule: Rule, pods: Pods) -> bool:
    """Whether a rule is for all of these Pods."""
    whole = (Who(namespaces=who.namespaces) == who and pods.namespace in who.namespaces for who in rule.who)
    return not rule.who or any(whole)


def _pods(found: Grants, rule: Rule) -> Iterator[Pods]:
    if not rule.who:
        for namespace in found.namespaces:
            yield Pods(namespace)
    for who in rule.who:
        if who.networks:
            found.unsaid.append(f"rule {rule.name}: clients by network are no Pods, so it is left out")
        elif who.service_accounts:
            yield from _accounts(found, rule, who)
        else:
            for namespace in who.namespaces or found.namespaces:
                if namespace in found.namespaces:
                    yield Pods(namespace, who.labels)


def _accounts(found: Grants, rule: Rule, who: Who) -> Iterator[Pods]:
    for account in who.service_accounts:
        namespace, _, name = account.partition("/")
        if namespace in found.namespaces and (not who.namespaces or namespace in who.namespaces):
            yield Pods(namespace, who.labels, name)


def _about(settings: PolicySettings, *, reads_config_maps: bool) -> Iterator[str]:
    if settings.engine.default is None:
        yield "the policy allows names without a rule: they resolve, and nothing is opened for them here"
    if settings.engine.audit_only:
        yield "the policy only counts denials (audit-only): names that it lets pass so far are not opened here"
    if settings.feeds:
        yield "response policy zones are checked by the resolver alone"
    if settings.config_maps is not None and not reads_config_maps:
        yield "rules that namespaces make in ConfigMaps are not read: give them with --configmaps FILE"


def _not_allowed(found: Grants, rules: Sequence[Rule]) -> Iterator[str]:
    """Rules that only count, and denials inside of what is allowed, as far as no format can say them."""
    for rule in rules:
        if rule.verdict == AUDIT:
            yield f"rule {rule.name}: it only counts, so nothing is opened for it"
        elif rule.verdict == DENY and any(meet(grant.pattern, rule.pattern) for grant in found.grants):
            if takes_addresses(rule):
                found.denied.append(rule)
            else:
                yield f"rule {rule.name}: its record types are denied by the resolver alone"


def _denying(settings: PolicySettings, written: Sequence[Rule], made: Sequence[Rule]) -> Rules:
    """The rules of a policy in its ranks; the last one is what becomes of names without a rule, where that is no."""
    everything = Pattern(ROOT, Reach.WITHIN)
    default = [Rule(DENY, everything, Place("", 0), given_name="default")]
    return Rules(settings.zones, (written, made, default if settings.engine.default is not None else ()))


def meet(one: Pattern, other: Pattern) -> bool:
    """Whether there is a name that both stand for."""
    left, right = (list(labels(pattern.key))[::-1] for pattern in (one, other))
    if any(a != b and STAR not in (a, b) for a, b in zip(left, right, strict=False)):
        return False
    if len(left) == len(right):
        return (one.reach is Reach.BELOW) == (other.reach is Reach.BELOW) or Reach.WITHIN in (one.reach, other.reach)
    return (one if len(left) < len(right) else other).reach is not Reach.EXACT
