"""Speed of this server beside its peers, measured in one run on one machine.

``python -m benchmarks`` is the whole suite; ``benchmarks/README.md`` says what its rows mean.
"""
