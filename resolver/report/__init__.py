"""What audit lines tell: read in one pass in bounded memory, worked out, and shown as text, JSON or a page.

``lines`` and ``sources`` read, ``collect`` counts into the ``ledger``, ``findings`` works out the ``model`` from it,
``sections`` puts that into words and tables, which ``terminal`` and ``page`` show. Opens the files it is told to and
nothing else.
"""
