"""One syntax written as the other, as the ending of a file's name says. Imports stay imports, comments are kept."""

from __future__ import annotations

from resolver.config.corefile import parser as corefile
from resolver.config.corefile import write as corefile_write
from resolver.config.load import is_yaml
from resolver.config.problems import Problems
from resolver.config.syntax import BYTE_ORDER_MARK, Tree
from resolver.config.yamlfile import parser as yaml
from resolver.config.yamlfile import write as yaml_write


def convert(text: str, name: str) -> str:
    """The YAML for a Corefile, the Corefile for a YAML file; ``name`` is the file's. Raises ConfigErrors."""
    tree = parse(text, name)
    return corefile_write.write(tree) if is_yaml(name) else yaml_write.write(tree)


def parse(text: str, name: str) -> Tree:
    """The syntax tree of a text with its comments. Raises ConfigErrors with all mistakes of the syntax."""
    problems = Problems()
    reader = yaml.parse_with_comments if is_yaml(name) else corefile.parse_file
    tree = reader(text.removeprefix(BYTE_ORDER_MARK), name, problems)
    problems.raise_any()
    return tree
