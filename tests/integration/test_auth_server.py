# SPDX-License-Identifier: MIT
"""The test authorization server itself: other tests are worth as much as it is strict and its faults
are real."""

import base64
import http.client
import json
import socket
import subprocess
import threading
import time
from urllib.parse import quote_plus, urlencode, urlsplit

import pytest

from tb import AuthServer, CLIENT_ID, CLIENT_SECRET, fingerprint, is_whole, wait_until

FORM_TYPE = "application/x-www-form-urlencoded"
ODD_SECRET = "s+r%t&=?/~*:\"\\"


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()["error"]


def send(url, method="POST", body=None, headers=None, timeout=10):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, headers or {})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def post(url, fields, headers=None, **options):
    """fields: a dict, a list of pairs, or the text of the body."""
    body = fields if isinstance(fields, str) else urlencode(fields)
    return send(url, "POST", body, {"Content-Type": FORM_TYPE, **(headers or {})}, **options)


def grant(**changes):
    fields = {"grant_type": "client_credentials", "client_id": CLIENT_ID,
              "client_secret": CLIENT_SECRET, **changes}
    return {name: value for name, value in fields.items() if value is not None}


def fetch(server, **options):
    return post(server.token_url, grant(), **options)


def token_of(reply):
    assert reply.status == 200
    return reply.json()["access_token"]


def revocation(token, **changes):
    return {"token": token, "token_type_hint": "access_token", "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, **changes}


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


def form_encode(text):
    """As HTML forms do: the tilde is encoded, the asterisk is not, unlike quote_plus()."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def basic(user, password):
    return {"Authorization": "Basic " + base64_of(f"{user}:{password}")}


def test_a_token_is_whole_and_opens_the_api_until_it_is_revoked(server):
    reply = fetch(server)
    answer = reply.json()
    token = answer.pop("access_token")
    assert answer == {"token_type": "Bearer", "expires_in": 3600}
    assert reply.headers["Cache-Control"] == "no-store"
    assert is_whole(token) and not is_whole(token[:-1]) and not is_whole("x" + token)
    assert server.active() == {fingerprint(token)}
    assert server.api_status(token) == 200

    reply = post(server.revoke_url, revocation(token))
    assert (reply.status, reply.body) == (200, b"")
    assert server.api_status(token) == 401
    assert server.active() == set()
    assert (server.counts()["issued"], server.counts()["revoked"]) == (1, 1)


def test_two_requests_get_two_tokens(server):
    first, second = token_of(fetch(server)), token_of(fetch(server))
    assert fingerprint(first) != fingerprint(second)
    assert server.active() == {fingerprint(first), fingerprint(second)}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_post_is_taken(server, method):
    for url in (server.token_url, server.revoke_url, server.generic_token_url):
        reply = send(url, method)
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    assert server.outcomes() == {"method": 2}


@pytest.mark.parametrize("name", ["grant_type", "client_id", "client_secret"])
def test_a_field_that_is_missing_empty_or_doubled_is_refused(server, name):
    doubled = list(grant().items()) + [(name, grant()[name])]
    for fields in (grant(**{name: None}), grant(**{name: ""}), doubled):
        reply = post(server.token_url, fields)
        assert (reply.status, reply.error()) == (400, "invalid_request")
    assert server.outcomes() == {"invalid_request": 3}


def test_a_body_that_is_no_good_form_is_refused(server):
    bodies = ["", "grant_type", "=x", "a=b&&c=d", "a=%4", "a=%zz", "a=%00", "a=\0",
              "&".join(f"a{n}=b" for n in range(40)), "scope=&" + urlencode(grant()),
              "a=" + "x" * 600000 + "&" + urlencode(grant())]
    for body in bodies:
        reply = post(server.token_url, body)
        assert (reply.status, reply.error()) == (400, "invalid_request"), body[:40]
    assert post(server.token_url, "a=b&" + urlencode(grant())).status == 200


def test_another_media_type_is_refused(server):
    for media_type in ("application/json", "text/plain", FORM_TYPE + "x", ""):
        reply = send(server.token_url, "POST", urlencode(grant()), {"Content-Type": media_type})
        assert (reply.status, reply.error()) == (415, "invalid_request")
    assert send(server.token_url, "POST", urlencode(grant()),
                {"Content-Type": FORM_TYPE + "; charset=UTF-8"}).status == 200


def test_parameters_in_the_address_are_refused(server):
    reply = post(server.token_url + "?scope=x", grant())
    assert (reply.status, reply.error()) == (400, "invalid_request")


def test_another_grant_type_is_refused(server):
    reply = post(server.token_url, grant(grant_type="password"))
    assert (reply.status, reply.error()) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("changes", [{"client_secret": "wrong"}, {"client_id": "nobody"},
                                     {"client_secret": CLIENT_SECRET + "x"}])
def test_wrong_credentials_are_refused(server, changes):
    for url, fields in ((server.token_url, grant(**changes)),
                        (server.revoke_url, revocation("x", **changes))):
        reply = post(url, fields)
        assert (reply.status, reply.error()) == (401, "invalid_client")
        assert reply.headers["WWW-Authenticate"] is None


def test_basic_is_refused_where_the_body_is_wanted(server):
    reply = post(server.token_url, {"grant_type": "client_credentials"},
                 basic(CLIENT_ID, CLIENT_SECRET))
    assert (reply.status, reply.error()) == (401, "invalid_client")
    reply = post(server.token_url, grant(), basic(CLIENT_ID, CLIENT_SECRET))
    assert (reply.status, reply.error()) == (400, "invalid_request")


def test_an_application_that_is_off_gets_nothing_until_it_is_on(server):
    server.set_client(off=True)
    assert (fetch(server).status, fetch(server).error()) == (401, "invalid_client")
    server.set_client()
    assert fetch(server).status == 200


def test_a_rotated_secret_ends_the_old_one(server):
    server.set_client(client_secret="the-next-one")
    assert fetch(server).status == 401
    assert post(server.token_url, grant(client_secret="the-next-one")).status == 200


def test_revoking_an_unknown_token_is_fine_and_a_foreign_one_is_not(server):
    server.set_client("another", "anothers-secret")
    token = token_of(fetch(server))
    assert post(server.revoke_url, revocation("unknown")).status == 200
    reply = post(server.revoke_url, revocation(token, client_id="another",
                                               client_secret="anothers-secret"))
    assert (reply.status, reply.error()) == (400, "invalid_request")
    assert server.api_status(token) == 200


def test_a_revocation_needs_a_token(server):
    fields = revocation("x")
    del fields["token"]
    assert post(server.revoke_url, fields).status == 400


def test_the_api_tells_no_scheme_to_who_comes_without_a_good_token(server):
    token = token_of(fetch(server))
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer unknown"},
                    {"Authorization": "Basic " + token}, {"Authorization": token}):
        reply = send(server.api_url, "GET", headers=headers)
        assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, None)
    reply = send(server.api_url, "GET", headers={"Authorization": "Bearer " + token})
    assert (reply.status, len(reply.json()["profiles"])) == (200, 2)
    assert send(server.api_url, "POST", headers={"Authorization": "Bearer " + token}).status == 405


def test_tokens_expire_and_can_all_be_ended(server):
    server.order(expires_in=1)
    short = fetch(server)
    assert short.json()["expires_in"] == 1
    token = token_of(short)
    wait_until(lambda: server.api_status(token) == 401, 5, "the token's expiry")

    token = token_of(fetch(server))
    server.expire_all()
    assert server.api_status(token) == 401
    token = token_of(fetch(server))
    server.revoke_all()
    assert server.api_status(token) == 401


@pytest.mark.parametrize("length", [22, 300, 61440, 61441])
def test_the_length_of_tokens_can_be_ordered(server, length):
    server.order(token_length=length)
    token = token_of(fetch(server))
    assert (len(token), is_whole(token)) == (length, True)
    assert server.api_status(token) == 200
    assert post(server.revoke_url, revocation(token)).status == 200
    assert server.api_status(token) == 401
    assert len(token_of(fetch(server))) == 64


def test_settings_shape_every_token(server):
    server.settings(token_length=80, expires_in=120, canary="CANARY")
    for _ in range(2):
        reply = fetch(server)
        token = token_of(reply)
        assert (len(token), reply.json()["expires_in"]) == (80, 120)
        assert token.startswith("CANARY") and token[:-17].endswith("CANARY") and is_whole(token)


def test_the_same_token_can_come_again(server):
    first = fingerprint(token_of(fetch(server)))
    server.order(same_token=True, expires_in=60)
    again = fetch(server)
    assert fingerprint(token_of(again)) == first
    assert again.json()["expires_in"] == 60
    assert fingerprint(token_of(fetch(server))) != first


def test_the_same_token_stays_revoked(server):
    token = token_of(fetch(server))
    server.revoke_all()
    server.order(same_token=True)
    assert fingerprint(token_of(fetch(server))) == fingerprint(token)
    assert server.api_status(token) == 401


# The generic provider

@pytest.mark.parametrize("auth, wanted", [
    ("post", (200, 401, 401)), ("basic", (401, 200, 401)), ("basic_raw", (401, 401, 200)),
    ("any", (200, 200, 200))])
def test_a_client_authenticates_by_its_own_method_only(server, auth, wanted):
    server.set_client("odd+id%", ODD_SECRET, auth=auth)
    by_post = post(server.generic_token_url, grant(client_id="odd+id%", client_secret=ODD_SECRET))
    grant_type = {"grant_type": "client_credentials"}
    by_basic = post(server.generic_token_url, grant_type,
                    basic(form_encode("odd+id%"), form_encode(ODD_SECRET)))
    raw = post(server.generic_token_url, grant_type, basic("odd+id%", ODD_SECRET))
    assert (by_post.status, by_basic.status, raw.status) == wanted
    for reply in (by_basic, raw):
        assert (reply.headers["WWW-Authenticate"] is not None) == (reply.status == 401)


def test_the_generic_provider_refuses_two_methods_at_once_and_none(server):
    reply = post(server.generic_token_url, grant(), basic(CLIENT_ID, CLIENT_SECRET))
    assert (reply.status, reply.error()) == (400, "invalid_request")
    reply = post(server.generic_token_url, {"grant_type": "client_credentials"})
    assert (reply.status, reply.error()) == (401, "invalid_client")
    for authorization in ("Basic !!!", "Basic", "Basic bm9jb2xvbg==", "Digest x"):
        reply = post(server.generic_token_url, {"grant_type": "client_credentials"},
                     {"Authorization": authorization})
        assert (reply.status, reply.error()) == (401, "invalid_client")


def test_a_token_is_revoked_at_the_generic_provider(server):
    token = token_of(post(server.generic_token_url, grant()))
    assert server.api_status(token) == 200
    reply = post(server.generic_revoke_url, {"token": token}, basic(CLIENT_ID, CLIENT_SECRET))
    assert reply.status == 200
    assert server.api_status(token) == 401


def test_parameters_are_recorded_and_secrets_are_not(server):
    fields = [*grant().items(), ("scope", "read write"), ("audience", "a"), ("resource", "r1"),
              ("resource", "r2"), ("leak", "x" + CLIENT_SECRET)]
    reply = post(server.generic_token_url, fields)
    assert reply.json()["scope"] == "read write"
    last = server.last()
    assert (last["path"], last["auth"], last["content_type"]) == ("/oauth2/token", "post", FORM_TYPE)
    assert [tuple(field) for field in last["fields"]] == [
        ("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", None),
        ("scope", "read write"), ("audience", "a"), ("resource", "r1"), ("resource", "r2"),
        ("leak", None)]

    token = token_of(reply)
    post(server.generic_revoke_url, {"token": token}, basic(CLIENT_ID, CLIENT_SECRET))
    assert server.last("revoke")["auth"] == "basic"
    everything = json.dumps(server.counts()) + server.out() + server.err()
    assert CLIENT_SECRET not in everything and token not in everything


# Orders

def test_a_status_with_headers_and_body_can_be_ordered(server):
    server.order(status=503, headers={"Retry-After": "7", "Location": "http://127.0.0.1/x"},
                 body="busy", count=2)
    for _ in range(2):
        reply = fetch(server)
        assert (reply.status, reply.headers["Retry-After"], reply.body) == (503, "7", b"busy")
        assert reply.headers["Location"] == "http://127.0.0.1/x"
    assert fetch(server).status == 200
    assert server.outcomes() == {"fault": 2, "ok": 1}


def test_orders_wait_in_a_queue_for_their_endpoint_and_client(server):
    server.set_client("another", "anothers-secret")
    server.order(status=500)
    server.order(status=502)
    server.order(status=504, client_id="another")
    server.order("api", status=418, count=-1)
    statuses = [fetch(server).status for _ in range(3)]
    assert statuses == [500, 502, 200]
    assert post(server.token_url, grant(client_id="another")).status == 504
    assert [server.api_status("x") for _ in range(3)] == [418, 418, 418]
    server.clear_orders()
    assert server.api_status("x") == 401


def test_a_mistaken_order_is_refused(server):
    for order in ({"endpoint": "tea"}, {"odd": "nonsense"}, {"stats": 500}, {"count": 0},
                  {"status": "500"}, {"fault": "quake"}, {"token_length": 5}, {"body": 7},
                  {"headers": {f"X-{n}": "x" for n in range(9)}}, {"delay_ms": -1}):
        with pytest.raises(AssertionError):
            server.order(**order)
    assert fetch(server).status == 200


def test_an_echoed_secret_is_there_in_every_form(server):
    client_id = "odd+id%"
    server.set_client(client_id, ODD_SECRET)
    pairs = (f"{client_id}:{ODD_SECRET}", f"{form_encode(client_id)}:{form_encode(ODD_SECRET)}")
    forms = {ODD_SECRET, form_encode(ODD_SECRET), base64_of(ODD_SECRET), *map(base64_of, pairs)}
    assert len(forms) == 5
    server.order(echo_secret=True, count=2)
    for reply in (post(server.token_url, grant(client_id=client_id, client_secret=ODD_SECRET)),
                  post(server.generic_token_url, {"grant_type": "client_credentials"},
                       basic(client_id, ODD_SECRET))):
        assert (reply.status, reply.error()) == (401, "invalid_client")
        assert forms <= set(reply.json()["error_description"].split())
    server.order("revoke", echo_secret=True)
    reply = post(server.revoke_url, revocation("the-token"))
    assert "the-token" in reply.json()["error_description"].split()


def test_a_delayed_answer_holds_up_no_other(server):
    server.order(delay_ms=1000)
    started = time.monotonic()
    late = threading.Thread(target=lambda: fetch(server))
    late.start()
    server.wait_requests(1)
    assert fetch(server).status == 200
    assert time.monotonic() - started < 0.9
    late.join()
    assert time.monotonic() - started >= 1.0
    assert server.counts()["endpoints"]["token"]["peak"] == 2


def test_a_stalled_request_is_never_answered(server):
    server.order(fault="stall")
    with pytest.raises(TimeoutError):
        fetch(server, timeout=0.3)
    assert server.counts()["issued"] == 0
    assert fetch(server).status == 200
    wait_until(lambda: server.counts()["endpoints"]["token"]["in_progress"] == 0,
               what="the stalled request's end")


def raw_fetch(server, timeout=5.0):
    """A socket on which a token request was sent."""
    body = urlencode(grant())
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
    connection.sendall((f"POST /rest/v2/oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM_TYPE}\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return connection


def test_a_stall_can_come_after_the_headers(server):
    server.order(fault="stall_headers")
    with raw_fetch(server, timeout=0.5) as connection:
        received = b""
        with pytest.raises(TimeoutError):
            while data := connection.recv(65536):
                received += data
    assert received.startswith(b"HTTP/1.1 200 OK\r\n") and received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("processed, issued", [(False, 0), (True, 1)])
def test_a_reset_is_a_reset_before_or_after_the_request_took_effect(server, processed, issued):
    server.order(fault="reset", processed=processed)
    with raw_fetch(server) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)
    assert server.counts()["issued"] == issued
    assert server.outcomes() == {"fault": 1}


@pytest.mark.parametrize("order", [{"fault": "half"}, {"odd": "truncated"}])
def test_half_an_answer_is_half(server, order):
    server.order(**order)
    with pytest.raises(http.client.IncompleteRead) as raised:
        fetch(server)
    assert abs(len(raised.value.partial) - raised.value.expected) <= 1


def test_a_slow_body_comes_by_the_byte(server):
    server.order(slow_ms=20, body="0123456789")
    with raw_fetch(server) as connection:
        times = []
        received = b""
        while not received.endswith(b"0123456789"):
            received += connection.recv(65536)
            times.append(time.monotonic())
    assert len(times) >= 6
    assert times[-1] - times[0] >= 0.15


def test_an_endless_body_does_not_end(server):
    server.order(odd="endless")
    received = 0
    with raw_fetch(server) as connection:
        while received < 5_000_000:
            data = connection.recv(1 << 20)
            assert data
            received += len(data)
    assert fetch(server).status == 200


def test_the_server_ends_cleanly_in_the_middle_of_its_faults(server):
    server.order(fault="stall")
    server.order(fault="stall_headers")
    server.order(odd="endless")
    server.order(slow_ms=60000)
    server.order(delay_ms=60000)
    connections = [raw_fetch(server) for _ in range(5)]
    server.wait_requests(5)
    assert server.terminate() == 0
    assert server.err() == ""
    for connection in connections:
        connection.close()


def test_the_server_refuses_a_bad_command_line(world):
    for arguments in (["--port", "x"], ["--port", "65536"], ["--nonsense"], ["operand"],
                      ["--client-id", "x"], ["--tls", "certificate"]):
        process = world.process([world.build / "tests/support/auth_server", *arguments], "auth_server")
        assert (process.wait(), process.out()) == (2, "")


def test_a_client_can_be_given_on_the_command_line(world):
    path = world.write_secret()
    server = world.keep(AuthServer(world.build, world.output, arguments=[
        "--client-id", CLIENT_ID, "--client-secret-file", path, "--lifetime", "7"]))
    assert fetch(server).json()["expires_in"] == 7


# Odd bodies: what json.loads() makes of them

def odd(server, name):
    server.order(odd=name)
    reply = fetch(server)
    assert server.outcomes() == {"fault": 1}
    return reply


@pytest.mark.parametrize("name, value", [
    ("expires_text", "soon"), ("expires_string", "3600"), ("expires_float", 3600.0), ("expires_zero", 0),
    ("expires_negative", -1), ("expires_huge", 99999999999999999999999), ("expires_one", 1)])
def test_odd_lifetimes(server, name, value):
    answer = odd(server, name).json()
    assert (answer["expires_in"], type(answer["expires_in"])) == (value, type(value))
    assert answer["token_type"] == "Bearer" and is_whole(answer["access_token"])


def test_an_absent_lifetime(server):
    assert set(odd(server, "expires_absent").json()) == {"access_token", "token_type"}


@pytest.mark.parametrize("name, value", [
    ("mac_type", "mac"), ("lower_case_bearer", "bearer"), ("no_token_type", None)])
def test_odd_token_types(server, name, value):
    answer = odd(server, name).json()
    assert answer.get("token_type") == value and is_whole(answer["access_token"])


@pytest.mark.parametrize("name, part", [
    ("token_with_space", " "), ("token_with_newline", "\r\n"), ("token_with_nul", "\0")])
def test_odd_tokens(server, name, part):
    token = odd(server, name).json()["access_token"]
    assert is_whole(token.partition(part)[0]) and part in token


@pytest.mark.parametrize("name, status, body", [
    ("empty", 200, b""), ("empty_403", 403, b""), ("empty_500", 500, b""), ("array", 200, b"[]"),
    ("null", 200, b"null"), ("deep", 200, b"[" * 20000)])
def test_odd_bodies_without_a_token(server, name, status, body):
    reply = odd(server, name)
    assert (reply.status, reply.body) == (status, body)
    assert server.counts()["issued"] == 0


@pytest.mark.parametrize("name, status", [("html", 200), ("html_503", 503)])
def test_odd_html(server, name, status):
    reply = odd(server, name)
    assert (reply.status, reply.headers["Content-Type"]) == (status, "text/html")
    assert reply.body.startswith(b"<")


def test_an_odd_body_that_is_no_json(server):
    with pytest.raises(json.JSONDecodeError):
        odd(server, "not_json").json()


@pytest.mark.parametrize("name, member, value", [
    ("no_access_token", "access_token", None), ("empty_token", "access_token", ""),
    ("number_token", "access_token", 12345678), ("error_in_200", "error", "invalid_client")])
def test_odd_answers_of_200(server, name, member, value):
    reply = odd(server, name)
    assert (reply.status, reply.json().get(member)) == (200, value)


@pytest.mark.parametrize("name, status, error", [
    ("unknown_error", 400, "moon_phase"), ("number_error", 400, 7), ("problem_json", 500, None)])
def test_odd_errors(server, name, status, error):
    reply = odd(server, name)
    assert (reply.status, reply.json().get("error")) == (status, error)


def test_odd_descriptions(server):
    description = odd(server, "ugly_description").json()["error_description"]
    assert "\x1b" in description and "\n<3>" in description and "\0" in description
    server.order(odd="long_description")
    assert len(fetch(server).json()["error_description"]) == 100000


def test_odd_sizes(server):
    assert len(odd(server, "too_long_token").json()["access_token"]) == 61441
    server.order(odd="huge_body")
    reply = fetch(server)
    assert len(reply.body) > 300 * 1024 and is_whole(token_of(reply))


def test_odd_members(server):
    body = odd(server, "duplicate_member").body
    assert body.count(b'"access_token"') == 2
    server.order(odd="with_refresh_token")
    assert "refresh_token" in fetch(server).json()


def test_many_headers(server):
    server.order(odd="many_headers")
    received = b""
    with raw_fetch(server) as connection:
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
    assert received.partition(b"\r\n\r\n")[0].count(b"\r\nX-Filler-") == 5000


def test_an_odd_body_takes_no_wrong_credentials(server):
    server.order(odd="expires_zero")
    assert post(server.token_url, grant(client_secret="wrong")).status == 401


# Counts and TLS

def test_counts_tell_when_tokens_were_asked_for_and_can_be_reset(server):
    before = time.monotonic() * 1000
    fetch(server)
    post(server.token_url, grant(client_id="nobody"))
    after = time.monotonic() * 1000
    times = server.token_times_ms()
    assert len(times) == 2 and before - 1 <= times[0] <= times[1] <= after
    assert server.token_times_ms("nobody") == times[1:]
    server.order(status=500)
    server.reset()
    counts = server.counts()
    assert (counts["issued"], counts["token_requests"], counts["active"]) == (0, [], [])
    assert fetch(server).status == 200


def test_it_serves_https_with_a_certificate_of_its_own_authority(world):
    tls = world.tls()
    server = world.auth_server(tls=tls)
    command = ["curl", "-sS", "-o", world.output / "https", "-w", "%{http_code}", server.api_url]
    trusting = subprocess.run([*command, "--cacert", tls.ca], capture_output=True, text=True)
    assert (trusting.returncode, trusting.stdout) == (0, "401")
    by_name = [*command[:-1], server.api_url.replace("127.0.0.1", "localhost")]
    assert subprocess.run([*by_name, "--cacert", tls.ca], capture_output=True).returncode == 0
    assert subprocess.run(command, capture_output=True).returncode == 60
    server.order("api", fault="reset")
    assert subprocess.run([*command, "--cacert", tls.ca], capture_output=True).returncode != 0


def test_what_is_nowhere_is_not_found(server):
    assert send(server.url + "/rest/v2/nothing", "GET").status == 404
    assert send(server.control_url + "/_control/nothing", "GET").status == 404
    assert send(server.url + "/_control/counts", "GET").status == 404
