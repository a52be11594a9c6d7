"""DNS messages as octets: names, headers, questions, EDNS, records, TTLs, truncation, framing.

Standard library only and no I/O; imports only ``resolver.errors``. A *wire name* is always an uncompressed
name with its root octet (``b"\\x03www\\x07example\\x03org\\x00"``).
"""
