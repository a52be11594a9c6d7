"""Kubernetes manifests for every way to deploy the server, for a user's own hosts.

``settings`` holds checked values, ``ways`` makes a ``Bundle`` of documents from them, ``writing`` makes text of that:
one stream for ``kubectl apply -f -``, or the files of a kustomize folder. Nothing here reads a file or a clock.
"""
