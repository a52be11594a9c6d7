"""A large cluster to answer for: an API server of our own, its objects, and what is measured with it."""
