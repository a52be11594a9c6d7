"""An external system of a test: HTTPS that says which Host header and TLS server name came, in its own words.

Arguments: address, port, certificate, key, and a word that it puts into every answer.
"""

from __future__ import annotations

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_SEEN: dict[object, str | None] = {}


class _Origin(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = {"word": sys.argv[5], "host": self.headers["Host"], "server_name": _SEEN.get(self.connection)}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until killed."""
    address, port, certificate, key = sys.argv[1:5]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda connection, name, _: _SEEN.update({connection: name})
    server = ThreadingHTTPServer((address, int(port)), _Origin)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    sys.stdout.write("origin is there\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
