"""The Kubernetes API: access, lists and watches, and the index of what they bring.

``pool`` is where a plugin starts: it hands out watches, which keep slim values of all objects of a kind up to date in
the background and say what has changed. No question ever waits for the API.
"""
