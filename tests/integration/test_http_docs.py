# SPDX-License-Identifier: MIT
"""docs/http-api.md and docs/openapi.yaml say what the server does: their commands run as they stand."""

import json
import re

import jsonschema
import pytest
import yaml

import http_server
from conftest import ROOT
from tb import Result, wait_until

PAGE = (ROOT / "docs/http-api.md").read_text()
OPENAPI = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
VARIABLES, *COMMANDS = BLOCKS
ACCESS_TOKEN = "access-token-of-the-tests-0123456789"
UNKNOWN = "there-is-no-such-token"


def with_values(text, **values):
    """The block that sets the variables, with those of the test."""
    for name, value in values.items():
        text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1, f"{name} is set {count} times"
    return text


def needs_access_token(command):
    return "ACCESS_TOKEN_FILE" in command


@pytest.fixture
def run(world, server, request):
    """A function that runs a block of the page as it stands, in the shell that set the variables."""
    path = http_server.write_access_token(world, ACCESS_TOKEN)
    guarded = needs_access_token(request.node.callspec.params["command"])
    _, http = http_server.serve(world, server, http={"access_token_file": path} if guarded else {})
    start = with_values(VARIABLES, SOCKET=http.socket_path, BASE=http.base, ACCESS_TOKEN_FILE=path)

    def run_block(command):
        # The caller's own proxy or curlrc would not be the page's fault.
        process = world.process(["bash", "-euc", start + command], "bash", env={
            "HOME": str(world.directory), "CURL_HOME": str(world.directory), "no_proxy": "*"})
        return Result(process, 30)
    return run_block


def problem_in(text):
    """The error in what curl has printed, or None."""
    return json.loads(text) if '"about:blank"' in text else None


def name_of(command):
    """Its path, and the way."""
    path = re.search(r"(?:http://localhost|\$BASE)(/[^\s\"']*)", command)[1]
    guarded = ", access token" if needs_access_token(command) else ""
    return f"{path} {'unix' if 'SOCKET' in command else 'tcp'}{guarded}"


@pytest.mark.parametrize("command", COMMANDS, ids=map(name_of, COMMANDS))
def test_a_command_of_the_page_runs_as_it_stands(run, command):
    def is_over():
        result = run(command)
        assert result.status == 0 and result.out, result
        problem = problem_in(result.out)
        if problem is not None and problem["status"] == 429:
            return None  # the token is just a moment old
        return problem, result.out
    problem, text = wait_until(is_over, 10, "another answer than 429")
    if UNKNOWN in command:
        assert problem == example_of(UNKNOWN)
    else:
        assert problem is None, problem
        assert ACCESS_TOKEN not in text


def example_of(text):
    """The one example answer on the page that holds text."""
    examples = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    found, = [json.loads(example) for example in examples if text in example]
    return found


def test_the_page_has_a_command_for_every_request():
    asked = {re.search(r'(?:http://localhost|\$BASE)(/[^\s"\'?]*)', command)[1] for command in COMMANDS}
    assert asked == {
        "/", "/livez", "/readyz", "/readyz/default", "/metrics", "/v1/status", "/v1/events",
        "/v1/tokens/default", f"/v1/tokens/{UNKNOWN}",
        *(f"/v1/tokens/default/{command}" for command in ("refresh", "revoke", "suspend", "resume")),
    }


# What it shows of answers

def shape(value):
    """The members of a document, without their values; of an array those of its first element."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return None


OPEN = ("fetch_errors", "last_error", "pending_revocations", "readers", "warnings")


def closed(document):
    """Without what depends on the story of a token."""
    if isinstance(document, dict):
        return {name: None if name in OPEN else closed(item) for name, item in document.items()}
    return [closed(item) for item in document] if isinstance(document, list) else None


def test_the_status_on_the_page_has_the_members_of_the_real_one(world, server):
    _, http = http_server.serve(world, server)
    assert closed(shape(http.status())) == closed(shape(example_of('"fetch_duration"')))


def test_an_error_and_a_revocation_on_the_page_have_the_members_of_real_ones(world, server):
    broker, http = http_server.serve(world, server, connect_timeout=2, request_timeout=2)
    server.order("token", status=401, body='{"error":"invalid_client"}', count=-1)
    server.order("revoke", status=503, count=-1)
    wait_until(lambda: http.post("/v1/tokens/default/revoke", unix=True).status == 202, what="a revocation")
    broker.wait_token(lambda token: token["last_error"] and token["pending_revocations"])
    token = http.ask("/v1/tokens/default").json()
    example = example_of('"fetch_duration"')["tokens"][0]
    for name in ("last_error", "pending_revocations"):
        assert shape(token[name]) == shape(example[name])


def test_the_metrics_on_the_page_are_the_real_ones(world, server):
    _, http = http_server.serve(world, server)
    listed = re.findall(r"^\| `(tokenbroker_\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    served = re.findall(r"^# TYPE (\S+) (\w+)$", http.ask("/metrics").text(), re.MULTILINE)
    assert listed == served


# OpenAPI

def described():
    """{(path, method): {status: its description}}, references followed."""
    return {(path, method.upper()): {int(status): referred(response)
                                     for status, response in operation["responses"].items()}
            for path, item in OPENAPI["paths"].items()
            for method, operation in item.items() if method != "parameters"}


def referred(item):
    """What a reference of openapi.yaml leads to."""
    while "$ref" in item:
        target = OPENAPI
        for name in item["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        item = target
    return item


def closed_schemas(item):
    """openapi.yaml with objects that have no members but those that it names."""
    if isinstance(item, list):
        return [closed_schemas(one) for one in item]
    if not isinstance(item, dict):
        return item
    closing = {"unevaluatedProperties": False} if "properties" in item and "type" in item else {}
    return {**closing, **{name: closed_schemas(one) for name, one in item.items()}}


def mistakes_in(document, schema):
    """What openapi.yaml does not say of this document."""
    resolver = jsonschema.RefResolver("", CLOSED)
    validator = jsonschema.Draft202012Validator(closed_schemas(schema), resolver=resolver)
    return [error.message for error in validator.iter_errors(document)]


CLOSED = closed_schemas(OPENAPI)
OPERATIONS = described()


def test_openapi_describes_every_request_of_the_page():
    described_paths = {path.replace("{name}", "NAME") for path, _ in OPERATIONS}
    listed = set(re.findall(r"`(?:GET|POST) (/[^`]*)`", PAGE.partition("## Who may")[0]))
    listed |= set(re.findall(r"`GET /[^`]*`, `GET (/[^`]*)`", PAGE))
    commands = {f"/v1/tokens/NAME/{command}" for command in ("refresh", "revoke", "suspend", "resume")}
    assert described_paths == listed | commands


@pytest.mark.parametrize("path, method", OPERATIONS)
def test_openapi_tells_every_answer_that_is_seen(world, server, path, method):
    token = http_server.write_access_token(world, ACCESS_TOKEN)
    broker, http = http_server.serve(world, server, http={"access_token_file": token})
    bearer = ["--header", f"Authorization: Bearer {ACCESS_TOKEN}"]
    real = path.replace("{name}", "default")
    how = ["--request", method] if method == "POST" else ["--head"]

    def ask(target, *arguments):
        return http.ask(target, *how, *bearer, *arguments).status
    seen = {
        ask(real), ask(real), ask(path.replace("{name}", "unknown")), http.ask(real, *how).status,
        ask(real, "--header", "Host: evil.example"), ask(real, "--header", "X : y"),
        http.ask(real, "--request", "PUT").status, ask(real, "--header", "Content-Length: 1"),
    }
    if method == "POST":
        seen |= {ask(real, "--header", "Content-Type: text/plain"),
                 ask(real, "--header", "Origin: http://evil.example")}
    if (path, method) == ("/v1/status", "GET"):
        seen.add(ask(real, "--header", "If-None-Match: *"))
    assert broker.stop() == 0
    (world.runtime_dir / "status.json").unlink()
    seen.add(ask(real))
    assert seen <= set(OPERATIONS[path, method]) and len(seen) > 3


def schema_of(path, method, answer):
    """What openapi.yaml says of the body of such an answer."""
    content = OPERATIONS[path, method][answer.status]["content"]
    return content[answer.header("content-type").partition(";")[0]]["schema"]


def asked_of_each(world, server):
    """((path, method), answer) of real ones: good, refused, of a token in trouble."""
    token = http_server.write_access_token(world, ACCESS_TOKEN)
    broker, http = http_server.serve(world, server, connect_timeout=2, request_timeout=2, revoke_replaced_after=0,
                                     http={"access_token_file": token})
    bearer = ["--header", f"Authorization: Bearer {ACCESS_TOKEN}"]
    commands = ("suspend", "resume", "revoke", "refresh")

    def ask():
        for path in ("/v1/status", "/v1/tokens/{name}"):
            yield (path, "GET"), http.ask(path.replace("{name}", "default"), *bearer)
            yield (path, "GET"), http.ask(path.replace("{name}", "default"))
        yield ("/v1/tokens/{name}", "GET"), http.ask("/v1/tokens/unknown", *bearer)
    yield from ask()
    for name in commands:
        yield (f"/v1/tokens/{{name}}/{name}", "POST"), http.post(f"/v1/tokens/default/{name}", *bearer)
    broker.wait_token(lambda token: token["state"] == "valid")
    server.order("token", status=401, body='{"error":"invalid_client"}', count=-1)
    server.order("revoke", status=503, count=-1)
    wait_until(lambda: http.post("/v1/tokens/default/revoke", *bearer).status == 202, what="a revocation")
    broker.wait_token(lambda token: token["last_error"] and token["pending_revocations"])
    yield from ask()


def test_openapi_tells_every_member_of_the_bodies_that_are_seen(world, server):
    statuses = set()
    for operation, answer in asked_of_each(world, server):
        assert mistakes_in(answer.json(), schema_of(*operation, answer)) == [], (operation, answer)
        statuses.add(answer.status)
    assert statuses >= {200, 202, 401, 404}


def test_a_body_that_openapi_does_not_tell_would_be_seen(world, server):
    """That the test above can fail."""
    _, http = http_server.serve(world, server)
    schema = OPENAPI["components"]["schemas"]["Token"]
    token = http.ask("/v1/tokens/default").json()
    assert mistakes_in(token, schema) == []
    for changed in ({**token, "colour": "red"}, {**token, "state": "odd"}, {**token, "generation": "1"},
                    {name: value for name, value in token.items() if name != "fingerprint"}):
        assert mistakes_in(changed, schema)
