"""Who may resolve what: rules as values, and finding the one that decides. No I/O, no clock, no plugin.

* ``patterns``: ``Pattern``, a destination as rules name it; ``Pattern.read(text)``, ``matches``, ``covers``.
* ``rules``: ``Rule``, ``Who`` (a condition on clients), ``Answer`` (what is said instead), ``Decision``.
* ``reading``: ``parse_rules(text, origin)`` and ``parse_rule(words)``: rules as text, in Corefiles, files, ConfigMaps.
* ``matching``: ``Matcher``, the rules of one rank as a dictionary of names.
* ``clients``: ``Classifier``: which conditions hold for a client, as one hashable value, its class.
* ``engine``: ``Policy``: sources of rules that may be put and removed while it decides; ``classify`` and ``decide``.
* ``delegation``: ``Delegation`` and ``confine``: what a namespace may say about names that were handed to it.
* ``learned``: ``Learned``, which names were asked for by whom, of bounded size; ``proposal``: the allow list of it.
* ``addresses``: which addresses have no business in answers from outside.
* ``response_zone``: Response Policy Zones.
"""
