# SPDX-License-Identifier: MIT
"""What a running broker lacks is told: in the status, and in one line of the log. See tests/proofs/resources."""

import resource

import pytest

import control
from limits import limited, lowest_free_descriptor, status_kib
from tb import wait_until

TICK_S = 15  # a broker looks at its surroundings so often


def warnings(world):
    return "\n".join(world.status()["config"]["warnings"])


@pytest.mark.needs_root
def test_commands_that_wait_for_a_descriptor_are_told_of(world, server):
    broker = world.ready_broker(server)
    with limited(broker, resource.RLIMIT_NOFILE, lowest_free_descriptor(broker.pid)):
        waiting = control.connect(world.runtime_dir)
        broker.wait_log("connections wait: Too many open files")
    with waiting:
        # Before the look at the status, which could not be written either and is tried again after 1 s.
        waiting.send(control.pack(control.SUSPEND))
        assert control.receive(waiting).result == "accepted"
    wait_until(lambda: "connections wait: Too many open files" in warnings(world), 10, "a warning")
    wait_until(lambda: "connections wait" not in warnings(world), TICK_S + 10, "the end of it")
    assert broker.err().count("connections wait:") == 1
    assert "no connection waits any more" in broker.err()


@pytest.mark.needs_root
@pytest.mark.needs_plain_build
def test_memory_that_cannot_be_locked_any_more_is_told_of(world, server):
    broker = world.ready_broker(server)
    assert "RLIMIT_MEMLOCK" not in warnings(world)
    assert status_kib(broker.pid, "VmLck") > 0, "the token"
    # Half of it: some is kept for the next request and given back before the limit is tried.
    with limited(broker, resource.RLIMIT_MEMLOCK, status_kib(broker.pid, "VmLck") * 1024 // 2):
        wait_until(lambda: "RLIMIT_MEMLOCK" in warnings(world), TICK_S + 10, "a warning")
        assert broker.err().count("RLIMIT_MEMLOCK") == 1
    wait_until(lambda: "RLIMIT_MEMLOCK" not in warnings(world), TICK_S + 10, "the end of it")
