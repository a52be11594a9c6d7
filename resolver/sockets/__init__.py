"""What the socket module does not offer: many datagrams for one system call. Imports only ``resolver.errors``."""
