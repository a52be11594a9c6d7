"""One folder a directive: its page, its settings, its handler. No plugin imports another."""
