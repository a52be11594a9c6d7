"""Reading a configuration: the file's ending chooses the syntax."""

from __future__ import annotations

from collections.abc import Mapping

from resolver.config.corefile import parser as corefile
from resolver.config.expand import Expander, Syntax, digest
from resolver.config.files import DISK, Files
from resolver.config.model import Config, Glob
from resolver.errors import ConfigError

COREFILE = Syntax(corefile.parse_file, corefile.parse_lines)


def load(path: str, *, environ: Mapping[str, str], files: Files = DISK) -> Config:
    """The configuration of a file: YAML where it ends in ``.yaml`` or ``.yml``, a Corefile otherwise.

    Raises ConfigError where the file cannot be read, ConfigErrors with every mistake that is in it.
    """
    try:
        content = files.read(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from None
    return Expander(files, environ, syntax_of).config(path, content)


def load_text(text: str, *, name: str = "Corefile", environ: Mapping[str, str], files: Files = DISK) -> Config:
    """The configuration of a text that is no file, such as the built-in default. Raises ConfigErrors."""
    return Expander(files, environ, syntax_of).config(name, text.encode("utf-8", "surrogateescape"), on_disk=False)


def syntax_of(path: str) -> Syntax:
    """The syntax of a file by its ending."""
    return _yaml() if is_yaml(path) else COREFILE


def is_yaml(path: str) -> bool:
    """Whether a file of this name holds YAML."""
    return path.lower().endswith((".yaml", ".yml"))


def _yaml() -> Syntax:
    """Imported on demand: a Corefile should not wait for the YAML library."""
    from resolver.config.yamlfile import parser

    return Syntax(parser.parse_file, parser.parse_lines)


def digest_now(config: Config, *, files: Files = DISK) -> str:
    """What ``config.digest`` would be if the files were read now: a difference means that a reload is due.

    A file that cannot be read, or that newly matches an imported pattern, is a difference too.
    """
    contents: dict[str, bytes] = {}
    for path in config.files:
        try:
            contents[path] = files.read(path)
        except OSError:
            contents[path] = b"\0unreadable"
    globs = [Glob(one.pattern, tuple(files.match(one.pattern))) for one in config.globs]
    return digest(contents, globs)
