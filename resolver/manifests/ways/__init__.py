"""One module a way, each with ``make(settings) -> Bundle``."""
