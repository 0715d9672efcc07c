"""Processes and ports of a laboratory.

Each part is one daemon in the foreground, leader of a session of its own.
Everything is ended by process id: the leader that was recorded when it was
started, and the members of its session.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time


class LabError(Exception):
    """Something the user of the laboratory has to know."""


def run(*argv, stdin=None):
    """Run a tool to its end; its standard output. Failure is a LabError."""
    try:
        done = subprocess.run(argv, input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed: "
                       "tests/lab/install-packages $(tests/lab/lab packages)")
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip()
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {said}")
    return done.stdout


# --- ports ---------------------------------------------------------------

# Below the range from which Linux takes source ports of connections.
FIRST_PORT, LAST_PORT, BLOCK = 20000, 32000, 20


def port_is_free(port):
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
        with socket.socket(socket.AF_INET, kind) as s:
            if kind == socket.SOCK_STREAM:
                # as the daemons do: TIME_WAIT is no obstacle
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def reserve_block(first):
    """Claim a block of ports against other starting laboratories.

    The claim is an abstract socket: it ends with this process, when the
    daemons themselves hold the ports."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0countersign-lab-ports-{first}")
    except OSError:
        claim.close()
        return None
    if all(port_is_free(p) for p in range(first, first + BLOCK)):
        return claim
    claim.close()
    return None


def pick_ports(preferred=None):
    """(first port of a free block, claim). The same as last time if free."""
    blocks = list(range(FIRST_PORT, LAST_PORT, BLOCK))
    random.shuffle(blocks)
    if preferred in blocks:
        blocks.insert(0, preferred)
    for first in blocks:
        claim = reserve_block(first)
        if claim:
            return first, claim
    raise LabError("no free block of ports on 127.0.0.1 "
                   f"between {FIRST_PORT} and {LAST_PORT}")


# --- processes -----------------------------------------------------------

def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as f:
        return f.read().strip()


def stat_of(pid):
    """What is needed of /proc/PID/stat; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return {"pid": int(pid), "state": fields[0], "session": int(fields[3]),
            "started": int(fields[19])}


def all_processes():
    found = (stat_of(name) for name in os.listdir("/proc") if name.isdigit())
    return [p for p in found if p and p["state"] not in "ZX"]


def argv_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().decode(errors="replace").rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def spawn(argv, log, more_environment=None):
    """Start a daemon; (its Popen, the record by which it can be found)."""
    with open(log, "ab") as out:
        try:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                     stdout=out, stderr=out, cwd="/",
                                     start_new_session=True,
                                     env=os.environ | (more_environment or {}))
        except FileNotFoundError:
            raise LabError(f"{argv[0]} is not installed: tests/lab/"
                           "install-packages $(tests/lab/lab packages)")
    stat = stat_of(child.pid)
    return child, {"pid": child.pid, "started": stat["started"],
                   "boot": boot_id()}


def is_alive(record):
    if not record or record["boot"] != boot_id():
        return False
    stat = stat_of(record["pid"])
    return bool(stat and stat["started"] == record["started"]
                and stat["state"] not in "ZX")


def sessions_of(record, argv, processes):
    """{session: when it began}: the one of the recorded leader, and that of
    a leader that was started but never recorded (it is told by its exact
    command line)."""
    found = {p["pid"]: p["started"] for p in processes
             if argv_of(p["pid"]) == argv}
    if record and record["boot"] == boot_id():
        leader = stat_of(record["pid"])
        if leader is None or leader["started"] == record["started"]:
            found[record["pid"]] = record["started"]
    return found


def send(process, number):
    now = stat_of(process["pid"])
    if now and now["started"] == process["started"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process["pid"], number)


def stop(parts, patience=30.0):
    """End parts, a list of (record, argv, signal): as asked, then by force.

    The leader gets the signal and ends its children; children that have lost
    their leader get it themselves."""
    sessions, signals = {}, {}
    processes = all_processes()
    for record, argv, number in parts:
        for session, since in sessions_of(record, argv, processes).items():
            sessions[session], signals[session] = since, number

    begin = time.monotonic()
    asked = set()
    while True:
        left = [p for p in all_processes() if p["session"] in sessions
                and p["started"] >= sessions[p["session"]]]
        if not left:
            return
        waited = time.monotonic() - begin
        if waited > 2 * patience:
            pids = " ".join(str(p["pid"]) for p in left)
            raise LabError(f"processes that do not end: {pids}")
        led = {p["pid"] for p in left if p["pid"] == p["session"]}
        for p in left:
            if waited > patience:
                send(p, signal.SIGKILL)
            elif p["pid"] not in asked and (
                    p["pid"] in led or p["session"] not in led):
                asked.add(p["pid"])
                send(p, signals[p["session"]])
        time.sleep(0.02)
