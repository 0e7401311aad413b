# SPDX-License-Identifier: MIT
"""The least that oidc-agent takes for its issuer: every question for a token is answered with the one it
was started with. It is measured beside nothing: the agent keeps the token."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def _handler(token):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Requests hold secrets."""

        def _answer(self, body):
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            url = f"http://127.0.0.1:{self.server.server_port}"
            self._answer({
                "issuer": url, "token_endpoint": f"{url}/token", "authorization_endpoint": f"{url}/authorize",
                "userinfo_endpoint": f"{url}/userinfo", "jwks_uri": f"{url}/keys",
                "scopes_supported": ["openid", "offline_access"],
                "grant_types_supported": ["password", "refresh_token"],
                "response_types_supported": ["code"], "token_endpoint_auth_methods_supported": ["client_secret_post"],
            })

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer({"access_token": token, "token_type": "Bearer", "expires_in": 86400,
                          "refresh_token": "not-real-refresh-token", "scope": "openid offline_access"})
    return Handler


@contextmanager
def serve(token):
    """Its address, until the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(token))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
