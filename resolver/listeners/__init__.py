"""Sockets: datagrams and streams in, answers out. Gets functions handed in and never sees a plugin."""
