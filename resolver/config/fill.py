"""Placeholders in words: ``{$NAME}`` and ``{%NAME%}`` of the environment, ``{args[0]}`` and its like of an import."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from resolver.config.model import Word
from resolver.errors import ConfigError

MAX_WORD = 64 * 1024

_PLACEHOLDER = re.compile(
    r"\{\$(?P<unix>[^{}]+)\}"
    r"|\{%(?P<windows>[^{}%]+)%\}"
    r"|\{args(?:\.(?P<dotted>\d{1,6})|\[(?P<low>\d{0,6})(?P<colon>:?)(?P<high>\d{0,6})\])\}"
)


def fill(
    word: Word, environ: Mapping[str, str], args: tuple[Word, ...] | None, call: Word | None = None
) -> tuple[Word, ...]:
    """The word with its placeholders filled in; several words or none for one that is ``{args[:]}`` as a whole.

    A variable that is not set is empty. What is filled in is not looked at again. Outside of an import (``args`` is
    None) the placeholders of arguments are plain text. Raises ConfigError, placed at ``call``, for an argument that the
    import does not give, and for a word that grows beyond 64 KiB.
    """
    if "{" not in word.text:
        return (word,)
    whole = _PLACEHOLDER.fullmatch(word.text)
    if whole is not None and whole["unix"] is None and whole["windows"] is None and args is not None:
        return _chosen(whole, word, args, call)
    return (_filled(word, environ, args, call),)


def _filled(word: Word, environ: Mapping[str, str], args: tuple[Word, ...] | None, call: Word | None) -> Word:
    pieces: list[str] = []
    missing: list[str] = []
    size = position = 0
    for found in _PLACEHOLDER.finditer(word.text):
        name = found["unix"] or found["windows"]
        if name is not None:
            text = environ.get(name)
            if text is None:
                missing.append(name)
        elif args is None:
            continue
        else:
            text = _joined(_chosen(found, word, args, call), word)
        pieces += (word.text[position : found.start()], text or "")
        position = found.end()
        size += len(text or "")
        if size > MAX_WORD:
            raise _too_long(word)
    pieces.append(word.text[position:])
    note = f"the environment has no {', '.join(missing)}" if missing else word.note
    return replace(word, text="".join(pieces), width=word.width or len(word.text), note=note)


def _joined(words: tuple[Word, ...], word: Word) -> str:
    if sum(len(one.text) + 1 for one in words) > MAX_WORD:
        raise _too_long(word)
    return " ".join(one.text for one in words)


def _too_long(word: Word) -> ConfigError:
    return word.error(f"a word has more than {MAX_WORD} characters when it is filled in")


def _chosen(found: re.Match[str], word: Word, args: tuple[Word, ...], call: Word | None) -> tuple[Word, ...]:
    if found["colon"]:
        low, high = found["low"], found["high"]
        return args[int(low) if low else 0 : int(high) if high else len(args)]
    number = found["dotted"] or found["low"]
    if number and int(number) < len(args):
        return (args[int(number)],)
    if not number:
        raise word.error("an argument needs a number", "write {args[0]}, or {args[:]} for all")
    culprit = call or word
    raise culprit.error(f"import gives no argument {int(number)}, which {word.at} needs")
