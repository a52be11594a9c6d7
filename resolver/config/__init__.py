"""Configuration: Corefile and YAML become one tree of server blocks, directives and words with places.

Needs only ``resolver.errors`` and names and numbers of ``resolver.wire``; knows no plugin.

``load`` reads a file; ``corefile`` and ``yamlfile`` turn text into the one syntax tree of ``syntax``; ``expand`` fills
in imports, snippets and environment and gives the ``model``; ``zones`` and ``cursor`` are what the readers of that
model use; ``report`` shows its errors; ``convert`` writes one syntax as the other.
"""
