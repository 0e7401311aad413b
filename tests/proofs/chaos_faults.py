# SPDX-License-Identifier: MIT
"""What can be wrong between a broker and its token server, and the reason that the status must give."""

import email.utils
import json
from dataclasses import dataclass, field

PLAIN, TLS, PROXIED = KINDS = ("plain", "tls", "proxied")  # http to 127.0.0.1; https by name; https by CONNECT
SECURE = (TLS, PROXIED)

RETRY_MIN_S, RETRY_MAX_S = 1, 3
CONNECT_TIMEOUT_S, REQUEST_TIMEOUT_S = 2, 3
DEFAULT_LIFETIME_S = 40


@dataclass(frozen=True)
class Fault:
    group: str
    name: str
    reason: object  # in last_error; {kind: reason} where they differ; None: the fetch succeeds all the same
    where: str = "server"  # what carries it out: see chaos_front.py; "server": an order to the token server
    how: object = None
    order: dict = field(default_factory=dict, hash=False)
    kinds: tuple = KINDS
    http_status: object = None
    is_permanent: bool = False
    retry_after_s: float = 0
    lifetime_s: object = None  # of the token, where the fault decides it
    or_reason: object = None  # as right as reason, where moments decide which of the two is met

    def reason_for(self, kind):
        return self.reason[kind] if isinstance(self.reason, dict) else self.reason

    def __str__(self):
        return self.name


CLEAR = Fault("", "nothing", None, where="")


def _by_kind(plain, tls, proxied):
    return {PLAIN: plain, TLS: tls, PROXIED: proxied}


def _listening():
    yield Fault("connecting", "connection refused", "network", "listen", "refuse")
    yield Fault("connecting", "connection never taken", "timeout", "listen", "full")
    for how, reason in (("reset", _by_kind("network", "tls", "network")), ("close", _by_kind("network", "tls", "network")),
                        ("stall", "timeout")):
        # A reset may come before libcurl has asked whether the connection was made.
        yield Fault("connecting", f"{how} after connect", reason, "connect", how,
                    or_reason="network" if how == "reset" else None)


def _names():
    for how, reason in (("unknown", "network"), ("failing", "network"), ("silent", "timeout"), ("empty", "network"),
                        ("slow", None), ("slower", None), ("too slow", "timeout")):
        yield Fault("names", f"{how} name server", reason, "name", how, kinds=(TLS,))


def _handshakes():
    for how, reason in (("reset", "tls"), ("close", "tls"), ("garbage", "tls"), ("stall", "timeout")):
        yield Fault("TLS", f"{how} in the handshake", reason, "hello", how, kinds=SECURE)
    for certificate in ("unknown", "expired", "elsewhere"):
        yield Fault("TLS", f"certificate: {certificate}", "tls", "certificate", certificate, kinds=SECURE)


def _proxies():
    for how, reason in (("reset", "network"), ("close", "network"), ("stall", "timeout"), ("garbage", "network"),
                        ("403", "network"), ("407", "network"), ("502", "network")):
        yield Fault("proxy", f"proxy: {how} after CONNECT", reason, "proxy", how, kinds=(PROXIED,))


def _phases():
    for where in ("request head", "request body", "answer head", "answer body"):
        for how, reason in (("reset", "network"), ("close", "network"), ("stall", "timeout")):
            group = "request" if where.startswith("request") else "answer cut"
            if (where, how) == ("answer head", "close"):  # libcurl takes it for the end of an empty body
                reason = "bad_response"
            yield Fault(group, f"{how} in the {where}", reason, where, how)


def _slow_and_endless():
    yield Fault("slow and endless", "a byte a second", "timeout", "answer", "drip")
    yield Fault("slow and endless", "endless headers", "bad_response", "answer", "endless headers")
    yield Fault("slow and endless", "endless header", "bad_response", "answer", "endless header")
    yield Fault("slow and endless", "endless body", "bad_response", "answer", "endless body")
    yield Fault("slow and endless", "endless interim answers", "bad_response", "answer", "endless 100")
    yield Fault("slow and endless", "half a body, longer announced", "network", "answer", "half")
    yield Fault("slow and endless", "no HTTP", "bad_response", "answer", "garbage")
    yield Fault("slow and endless", "a second late", None, order={"delay_ms": 1000})


def _status(status, reason="http", headers=None, name="", **more):
    # RFC 9110 15.6, 10.2.3: these pass; every other 3xx and 4xx is final until somebody mends it.
    permanent = 300 <= status < 500 and status not in (408, 425, 429)
    return Fault("HTTP status", name or f"HTTP {status}", reason,
                 order={"status": status, "headers": headers or {}}, http_status=status,
                 is_permanent=permanent, **more)


def _statuses():
    yield _status(204, "bad_response")
    for status in (301, 302, 303, 307, 308):
        yield _status(status, headers={"Location": "https://elsewhere.example/token"})
    for status in (401, 403, 404, 408, 425, 429, 500, 502, 503, 504):
        yield _status(status)
    yield _status(429, headers={"Retry-After": "4"}, name="Retry-After: seconds", retry_after_s=4)
    # A date has whole seconds.
    yield _status(503, headers={"Retry-After": "in 5 s"}, name="Retry-After: a date", retry_after_s=4)
    yield _status(503, headers={"Retry-After": "soon, -1"}, name="Retry-After: rubbish")
    yield _status(503, headers={"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, name="Retry-After: far future",
                  retry_after_s=3600)


def _oauth_errors():
    for error, status in (("invalid_request", 400), ("invalid_client", 401), ("invalid_grant", 400),
                          ("unauthorized_client", 400), ("unsupported_grant_type", 400), ("invalid_scope", 400),
                          ("invalid_target", 400), ("temporarily_unavailable", 503), ("server_error", 500),
                          ("moon_phase", 400)):
        body = json.dumps({"error": error, "error_description": "a test"})
        yield Fault("OAuth error", error, error if error != "moon_phase" else "oauth_other",
                    order={"status": status, "body": body}, http_status=status, is_permanent=status < 500)
    yield Fault("OAuth error", "server_error with HTTP 400", "server_error",
                order={"status": 400, "body": json.dumps({"error": "server_error"})}, http_status=400)
    yield Fault("OAuth error", "invalid_client with HTTP 200", "invalid_client", order={"odd": "error_in_200"},
                http_status=200, is_permanent=True)


def _bodies():
    for odd in ("empty", "html", "not_json", "array", "null", "deep", "no_access_token", "empty_token",
                "number_token", "token_with_space", "token_with_newline", "token_with_nul", "too_long_token",
                "mac_type", "no_token_type", "huge_body", "many_headers"):
        yield Fault("odd body", odd.replace("_", " "), "bad_response", order={"odd": odd}, http_status=200)
    for odd, status, reason in (("html_503", 503, "http"), ("empty_403", 403, "http"), ("empty_500", 500, "http"),
                                ("number_error", 400, "http"), ("problem_json", 500, "http"),
                                ("unknown_error", 400, "oauth_other"), ("ugly_description", 400, "invalid_request"),
                                ("long_description", 400, "invalid_request")):
        yield Fault("odd body", odd.replace("_", " "), reason, order={"odd": odd}, http_status=status,
                    is_permanent=status < 500)
    for name, body in (("not UTF-8", b'{"access_token":"abc\xff\xfe","token_type":"Bearer"}'),
                       ("something behind it", b'{"access_token":"abc","token_type":"Bearer"}{}'),
                       ("token_type a number", b'{"access_token":"abc","token_type":7}'),
                       ("token an object", b'{"access_token":{"a":"b"},"token_type":"Bearer"}')):
        yield Fault("odd body", name, "bad_response", "answer", body, http_status=200)


def _odd_but_good():
    for odd in ("duplicate_member", "lower_case_bearer", "with_refresh_token", "expires_string", "expires_float"):
        yield Fault("odd but good", odd.replace("_", " "), None, order={"odd": odd}, lifetime_s=3600)
    for odd in ("expires_text", "expires_zero", "expires_negative", "expires_huge", "expires_absent"):
        yield Fault("odd but good", odd.replace("_", " "), None, order={"odd": odd}, lifetime_s=DEFAULT_LIFETIME_S)
    yield Fault("odd but good", "one second to live", None, order={"expires_in": 1}, lifetime_s=1)
    yield Fault("odd but good", "reset behind the answer", None, "answer", "reset behind")
    yield Fault("odd but good", "in chunks of a byte", None, "answer", "chunked")
    yield Fault("odd but good", "behind interim answers", None, "answer", "100 first")


FAULTS = tuple(fault for made in (_listening, _names, _handshakes, _proxies, _phases, _slow_and_endless, _statuses,
                                  _oauth_errors, _bodies, _odd_but_good) for fault in made())
# Some cannot end within a sequence, and some leave a token that lives longer than it.
RANDOM_FAULTS = tuple(fault for fault in FAULTS if fault.retry_after_s < 60 and fault.lifetime_s != 3600)


def order_for(fault, lifetime_s, now_s):
    """What the token server is told before a request; a date is made when it is needed."""
    order = {"endpoint": "token", "count": 1, **fault.order}
    if "odd" not in order:
        order.setdefault("expires_in", lifetime_s)
    if order.get("headers", {}).get("Retry-After") == "in 5 s":
        order["headers"] = {"Retry-After": email.utils.formatdate(now_s + 5, usegmt=True)}
    return order


def backoff_s(failures):
    return min(RETRY_MIN_S * 2 ** (failures - 1), RETRY_MAX_S)


def pause_s(fault, failures):
    """The least from the end of a failed request to the next one: oauth.md's "When to fetch"."""
    return max(RETRY_MAX_S if fault.is_permanent else backoff_s(failures), fault.retry_after_s)


def longest_pause_s():
    """A quarter more is the jitter."""
    return RETRY_MAX_S * 1.25
