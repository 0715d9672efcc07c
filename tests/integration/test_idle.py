#!/usr/bin/python3
"""A server that has nothing to do takes little memory and no time."""

import glob
import time

from acme import Client
from harness import case, read_file, run, say
from letters import answer

SECONDS = 20
MEMORY_KIB = 60 * 1024


def field(path, name):
    for line in read_file(path).splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def switches(pid):
    """Times that any thread of the process was woken up."""
    return sum(field(path, "voluntary_ctxt_switches")
               for path in glob.glob(f"/proc/{pid}/task/*/status"))


def test_idle(site):
    order = Client(site).order("alice@user.test")
    order.challenge().post()
    answer(site, order.challenge())
    order.certificate()
    time.sleep(3)
    roles = site.roles()
    before = {role: switches(pid) for role, pid in roles.items()}
    supervisor = switches(site.daemon.pid)
    time.sleep(SECONDS)
    with case("idle: no role wakes up more often than once a second"):
        for role, pid in roles.items():
            count = switches(pid) - before[role]
            say(f"{role}: {count} wake-ups in {SECONDS} s")
            assert count <= SECONDS, (role, count)
        assert switches(site.daemon.pid) - supervisor <= SECONDS
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
