"""The node-local mode: a link with the local addresses, rules that keep DNS out of connection tracking, a generated
Corefile. It runs beside a server in one process, or alone with the rights that the server then does without."""
