# SPDX-License-Identifier: MIT
"""tokenbrokerd --check-config: each mistake as `file:line: key: reason`, and nothing started."""

import pytest

from tb import Result

# Line 1 to 3 of each file; what a test is about begins on line 4.
START = 'token "default" {\ntoken_url = "https://auth.example/token"\nclient_id = "it"\n'
NUMBER = "must be a whole number from"


def check(world, text):
    world.config_path.write_text(text)
    argv = [world.build / "tokenbrokerd", "--config", world.config_path,
            "--runtime-dir", world.runtime_dir, "--check-config"]
    result = Result(world.process(argv, "check-config", uid=world.broker_uid), 30)
    # A sanitizer's build says first what it cannot do.
    result.err = "".join(line for line in result.err.splitlines(keepends=True)
                         if not line.startswith("tokenbrokerd: warning: "))
    return result


def secret_line(world):
    return f'client_secret_file = "{world.write_secret()}"\n'


def mistakes(result):
    """(line, key, reason) of each message: no other text may stand among them."""
    return [tuple(line.split(":", 1)[1].split(": ", 2)) for line in result.err.splitlines()]


def test_a_configuration_without_mistakes_is_said_to_be_one(world):
    result = check(world, START + secret_line(world) + "}\n")
    assert (result.status, result.err) == (0, "")
    assert result.out == f"{world.config_path}: 1 token, no mistakes\n"


@pytest.mark.parametrize("line, key, reason", [
    ("refresh_percent = 100", "refresh_percent", f"{NUMBER} 1 to 99"),
    ("retry_min = soon", "retry_min", f"{NUMBER} 1 to 86400"),
    ("client_auth = digest", "client_auth", "must be one of: post basic basic_raw"),
    ("on_stop = revoke", "on_stop", "needs a revoke_url"),
    ("revoke_replaced_after = 5", "revoke_replaced_after", "needs a revoke_url"),
    ('parameters = {"novalue"}', "parameters", 'must be "name=value"'),
    ('proxy = "http://u:p@proxy:3128"', "proxy", "must not hold a user name or password"),
    ('revoke_url = "http://auth.example/revoke"', "revoke_url", "must begin with https://"),
    ('readers = {"no-such-user"}', "readers", "no such user: no-such-user"),
    ('readers = {"nobody"}', "readers", "stands for every unknown id and can be nobody's: nobody"),
    ('ca_file = "/nonexistent/ca.pem"', "ca_file", "/nonexistent/ca.pem cannot be read"),
    ('ca_file = "/dev"', "ca_file", "/dev is not a regular file"),
    ('client_secret = "canary"', "client_secret", "unknown key"),
    ("colour = blue", "colour", "unknown key"),
], ids=lambda value: value.split(" ")[0])
def test_a_mistake_is_told_with_file_line_key_and_reason(world, line, key, reason):
    result = check(world, f"{START}{line}\n{secret_line(world)}}}\n")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"{world.config_path}:4: {key}: {reason}"), result.err
    assert result.err.count("\n") == 1 and "canary" not in result.err


def test_all_mistakes_of_values_are_told_at_once(world):
    result = check(world, "log_level = loud\nbacking = disk\n" + START + "retry_min = 0\n}\n")
    assert result.status == 2
    assert [(line, key) for line, key, _ in mistakes(result)] == [
        ("1", "log_level"), ("2", "backing"), ("6", "retry_min"), ("3", "client_secret_file")]


def test_names_and_files_are_looked_at_beside_other_mistakes(world):
    secret = world.write_secret(mode=0o644)
    result = check(world, 'log_level = loud\n' + START +
                   f'client_secret_file = "{secret}"\nreaders = {{"no-such-user"}}\n'
                   'ca_file = "/nonexistent"\nretry_min = 0\n}\n')
    assert result.status == 2
    assert sorted((line, key) for line, key, _ in mistakes(result)) == [
        ("1", "log_level"), ("5", "client_secret_file"), ("6", "readers"), ("7", "ca_file"),
        ("8", "retry_min")]


def test_a_value_that_was_refused_leads_to_no_second_mistake(world):
    result = check(world, START + 'client_secret_file = "relative"\nreaders = {"a b", "root"}\n}\n')
    assert result.status == 2
    assert [(line, key) for line, key, _ in mistakes(result)] == [
        ("4", "client_secret_file"), ("5", "readers")]


def test_a_secret_that_others_may_read_is_a_mistake_on_the_line_that_names_it(world):
    path = world.write_secret(mode=0o644)
    result = check(world, f'{START}client_secret_file = "{path}"\n}}\n')
    assert result.status == 2
    assert result.err.startswith(f"{world.config_path}:4: client_secret_file: {path} is accessible")
