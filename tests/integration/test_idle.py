#!/usr/bin/python3
"""A server that has nothing to do takes little memory and no time."""

import contextlib
import glob
import time

from acme import Client
from harness import case, in_time, read_file, run, say
from letters import answer

SECONDS = 20
MEMORY_KIB = 60 * 1024


def field(path, name):
    for line in read_file(path).splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def switches(pid):
    """Times that any thread of the process was woken up; of one that ends
    meanwhile, none."""
    count = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            count += field(path, "voluntary_ctxt_switches")
    return count


def test_idle(site):
    order = Client(site).order("alice@user.test")
    order.challenge().post()
    answer(site, order.challenge())
    order.certificate()
    time.sleep(3)
    roles = site.roles()
    pids = roles | {"supervisor": site.daemon.pid}

    def most():
        """Wake-ups a second of the one with most of them."""
        began = time.monotonic()
        before = {role: switches(pid) for role, pid in pids.items()}
        time.sleep(SECONDS)
        counts = {role: switches(pid) - before[role]
                  for role, pid in pids.items()}
        took = time.monotonic() - began
        say(f"wake-ups in {took:.1f} s: {counts}")
        return max(counts.values()) / took

    with case("idle: no role wakes up more often than once a second"):
        # A machine without memory to spare wakes them, too.
        in_time(1.001, "wake-ups a second", most)
    with case("idle: all roles together are under 60 MiB resident"):
        sizes = {role: field(f"/proc/{pid}/status", "VmRSS")
                 for role, pid in roles.items()}
        sizes["supervisor"] = field(f"/proc/{site.daemon.pid}/status",
                                    "VmRSS")
        # What several of them share counts once.
        pids = [site.daemon.pid, *roles.values()]
        once = sum(field(f"/proc/{pid}/smaps_rollup", "Pss") for pid in pids)
        say(f"resident: {sizes}, {sum(sizes.values())} KiB; shared pages "
            f"counted once: {once} KiB")
        assert once < MEMORY_KIB, once
        assert sum(sizes[r] for r in roles) < MEMORY_KIB, sizes


run({}, test_idle)
