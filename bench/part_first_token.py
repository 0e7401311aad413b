# SPDX-License-Identifier: MIT
"""From exec of tokenbrokerd to the first token in a reader's hands."""

import brokers
from figures import median, percentile, rounds

ORDER = 40
TITLE = "from the start of tokenbrokerd to a reader's first token, beside one curl process with the same request"
ROUNDS = 60


def _measure(table, made, server, what, options=(), **keys):
    brokers.write_config(made, server, 1, on_stop="revoke", **keys)
    count = rounds(ROUNDS)
    before = server.requests()
    curl = brokers.request_curl(made, server, options=options)
    taken = [brokers.first_tokens(made, 1, curl) for _ in range(count)]
    ours, floor = ([once[who]["ms"] for once in taken] for who in range(2))
    table.row(f"first token, {what}, median", median(ours), "ms", "curl", median(floor), ("<=", 1.2))
    table.row(f"first token, {what}, best of {count}", min(ours), "ms", "curl", min(floor))
    table.row(f"first token, {what}, 90th percentile", percentile(ours, 90), "ms", "curl", percentile(floor, 90))
    table.check(f"{what}: each process made one request", server.requests() - before == 2 * count)


def measure(table, build):
    with brokers.world(build) as made:
        _measure(table, made, brokers.auth_server(made), "http")
    with brokers.world(build) as made:
        tls = made.tls()
        _measure(table, made, brokers.auth_server(made, tls), "https", ("--cacert", tls.ca), ca_file=tls.ca,
                 allow_http=None)
