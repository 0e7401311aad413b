# SPDX-License-Identifier: MIT
"""The test authorization server: started, commanded and asked (tests/support/auth_server.c).

Orders are described in tests/support/authorization/order_json.h, counts in counts_json.h.
"""

import json
import os
import subprocess
import urllib.error
import urllib.request

from processes import Process, wait_until

CLIENT_ID = "Zl3QZFUGOKQrABbX2RoGwmgUDOiFAhLq"
CLIENT_SECRET = "not-real-5ecretValueOfTheTests00"

# No proxy from the environment may come between.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AuthServer(Process):
    def __init__(self, build, directory, tls=None, arguments=(), env=None):
        argv = [build / "tests/support/auth_server", "--port", "0", *arguments]
        if tls is not None:
            argv += ["--tls", tls.certificate, tls.key]
        super().__init__(argv, directory, "auth_server", env=env)
        line = wait_until(self._ready_line, what="READY of the authorization server")
        ready = json.loads(line.removeprefix("READY "))
        self.port = ready["port"]
        self.url = ready["url"]
        self.control_url = ready["control"]
        self.token_url = self.url + "/rest/v2/oauth/token"
        self.revoke_url = self.url + "/rest/v2/oauth/revoke"
        self.api_url = self.url + "/rest/v2/profiles"
        self.generic_token_url = self.url + "/oauth2/token"
        self.generic_revoke_url = self.url + "/oauth2/revoke"

    def _ready_line(self):
        if not self.is_running():
            raise AssertionError(f"the authorization server ended: {self.err()}")
        lines = [line for line in self.out().splitlines(True) if line.endswith("\n")]
        return lines[0] if lines else None

    def _command(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.control_url}/_control/{path}", data, method=method)
        try:
            with _opener.open(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path}: {error.read().decode()}") from None

    def order(self, endpoint="token", **order):
        """order(status=503, headers={"Retry-After": "7"}, count=2); order("revoke", fault="stall")"""
        self._command("POST", "orders", {"endpoint": endpoint, **order})

    def clear_orders(self):
        self._command("DELETE", "orders")

    def set_client(self, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, auth="any", off=False):
        """Adds or replaces a client. auth, for /oauth2/: any, post, basic (encoded), basic_raw."""
        self._command("POST", "client", {"client_id": client_id, "client_secret": client_secret,
                                         "auth": auth, "off": off})

    def settings(self, **settings):
        """token_length, expires_in, canary: for every token that no order shapes."""
        self._command("POST", "settings", settings)

    def revoke_all(self):
        self._command("POST", "revoke_all", {})

    def expire_all(self):
        self._command("POST", "expire_all", {})

    def reset(self):
        """Forgets orders, tokens and counts; clients and settings stay."""
        self._command("POST", "reset", {})

    def counts(self):
        return self._command("GET", "counts")

    def requests(self, endpoint="token"):
        return self.counts()["endpoints"][endpoint]["requests"]

    def outcomes(self, endpoint="token"):
        return self.counts()["endpoints"][endpoint]["outcomes"]

    def last(self, endpoint="token"):
        """The last form: path, auth, content_type and fields, a list of name and value."""
        return self.counts()["endpoints"][endpoint]["last"]

    def token_times_ms(self, client_id=None):
        """When token requests came, by the clock of time.monotonic()."""
        return [request["at_ms"] for request in self.counts()["token_requests"]
                if client_id in (None, request["client_id"])]

    def answered_ns(self):
        """When the last token request was answered, by the clock of time.monotonic()."""
        return self.counts()["token_requests"][-1]["answered_ns"]

    def active(self):
        """Fingerprints of the tokens that the API would take."""
        return set(self.counts()["active"])

    def wait_requests(self, number, endpoint="token", timeout=10.0):
        return wait_until(lambda: self.requests(endpoint) >= number, timeout,
                          f"{number} {endpoint} requests")

    def api_status(self, token):
        """What GET /rest/v2/profiles answers to the bearer of token."""
        request = urllib.request.Request(self.api_url)
        request.add_unredirected_header("Authorization", f"Bearer {token}")
        try:
            with _opener.open(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code


class Tls:
    """An authority of its own, and certificates of it; names as in subjectAltName."""

    def __init__(self, directory, names="IP:127.0.0.1,DNS:localhost", env=None):
        self.ca = directory / "ca.pem"
        self._directory = directory
        self._ca_key = directory / "ca.key"
        self._env = env  # of openssl
        self._openssl("req", "-x509", *self._new_key(), "-subj", "/CN=test authority", "-days", "30",
                      "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self._ca_key, "-out", self.ca)
        self.ca.chmod(0o644)
        self.certificate, self.key = self.issue("server", names)

    def issue(self, stem, names, env=None):
        """(certificate, key), as files; good for 30 days from what env makes openssl take for now."""
        certificate, key, request, extensions = (self._directory / f"{stem}.{end}" for end in ("pem", "key", "csr", "ext"))
        extensions.write_text(f"subjectAltName={names}\n")
        self._openssl("req", *self._new_key(), "-subj", "/CN=localhost", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._ca_key, "-days", "30",
                      "-set_serial", "1", "-extfile", extensions, "-out", certificate, env=env)
        return certificate, key

    @staticmethod
    def _new_key():
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"

    def _openssl(self, *arguments, env=None):
        subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL,
                       env={**os.environ, "OPENSSL_CONF": "/dev/null", **(env or self._env or {})})
