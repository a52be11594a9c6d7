"""nsid: names this server to clients that ask for it."""

from __future__ import annotations

import socket

from resolver.chain.setup import Setup
from resolver.config.cursor import no_block
from resolver.plugins.nsid.handler import Nsid

__all__ = ["Nsid", "setup"]


def setup(setup: Setup) -> Nsid:
    """``nsid [DATA...]``; several words are one text with blanks between. Raises ConfigError."""
    directive = setup.only
    no_block(directive)
    data = " ".join(word.text for word in directive.args) or socket.gethostname() or "localhost"
    if len(data.encode()) > 512:
        raise directive.args[0].error("the text is longer than 512 octets and would not fit small answers")
    return Nsid(data.encode())
