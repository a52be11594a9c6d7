"""DNSSEC for those who sign: keys, the canonical form of records, signatures, type bitmaps. Nothing here validates."""
