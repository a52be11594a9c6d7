"""Makes ``docs/directives``: each directive's own page with links that work there, and an index with a table of parity.

``python -m docs.generate`` writes the folder, ``python -m docs.generate --check`` only says what is out of date.
"""
