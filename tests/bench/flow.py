"""acme_flow: complete orders per second, and signed requests per second.

See README.md. Everything here yields (variant, metric, value, runs).
"""

import contextlib
import json
import os
import re
import statistics
import subprocess
import time

SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
CONNECTIONS = [1, 8, 64]
ACCOUNTS = 64
WARM_UP = max(1.0, SECONDS / 10)
JWS_ROUNDS = 3
JWS_SECONDS = min(1.0, SECONDS / 20)

# What would otherwise end the measurement before its time: limits are far
# away, but counted.
MANY = "1000000"
SETTINGS = {
    "issuer.max_per_hour": MANY,
    "limits.request_rate": MANY,
    "limits.request_burst": MANY,
    "limits.pending_authorizations": "100000",
} | {f"limits.{name}": f"{MANY}/1h" for name in (
    "new_accounts", "new_orders", "mails_to_domain", "mails_by_account",
    "mails_by_address", "mails_total")}


def settings():
    """Of the configuration; BENCH_SETTINGS="section.option=value ..." adds
    to them."""
    words = os.environ.get("BENCH_SETTINGS", "").split()
    return SETTINGS | dict(word.split("=", 1) for word in words)


def syncs_per_second(folder):
    """What the disk below the database can do at most: one page, made
    durable, one at a time."""
    path = f"{folder}/sync"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        count, begun = 0, time.monotonic()
        while time.monotonic() < begun + 0.5:
            os.pwrite(fd, os.urandom(4096), 0)
            os.fdatasync(fd)
            count += 1
        return count / (time.monotonic() - begun)
    finally:
        os.close(fd)
        os.unlink(path)


# --- the processes -------------------------------------------------------

def processes(site):
    """{"web": pid, ...}: supervisor and roles."""
    return {"supervisor": site.daemon.pid} | site.roles()


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- orders --------------------------------------------------------------

def start_with_load(site):
    """The same installation, started with what stands in for mail."""
    site.stop()     # it made the database
    site.program = f"{site.build}/tests/bench/acme_roles"
    os.environ["COUNTERSIGND"] = f"{site.build}/countersignd"
    site.start()
    return int(site.events("mailbox owners")[0]["pid"])


def run_load(site, connections):
    done = subprocess.run(
        [f"{site.build}/tests/bench/acme_load",
         f"https://localhost:{site.env['LAB_HTTPS_PORT']}",
         site.env["LAB_CA_CERT"], str(connections), str(WARM_UP),
         str(SECONDS), str(ACCOUNTS)],
        stdout=subprocess.PIPE, check=True, text=True,
        timeout=10 * (SECONDS + WARM_UP) + 60)
    return json.loads(done.stdout)


def one_level(site, owners, connections):
    pids = processes(site) | {"mailbox_owners": owners}
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    clients = os.times().children_user + os.times().children_system
    got = run_load(site, connections)
    clients = os.times().children_user + os.times().children_system - clients
    spent = {name: cpu_seconds(pid) - before[name]
             for name, pid in pids.items()} | {"clients": clients}
    assert processes(site) | {"mailbox_owners": owners} == pids, \
        "a role was started again meanwhile"

    variant = f"connections={connections}"
    orders, seconds = got["order"]["count"], got["counted_us"] / 1e6
    assert orders > 0, "no order ended in time"
    yield variant, "orders_per_s", orders / seconds, orders
    kinds = {name: v for name, v in got.items() if isinstance(v, dict)}
    requests = sum(v["count"] for k, v in kinds.items() if k != "order")
    yield variant, "requests_per_s", requests / seconds, requests
    yield variant, "polls_per_order", kinds["poll"]["count"] / orders, orders
    for kind, times in kinds.items():
        for p in ("p50", "p95", "p99"):
            yield variant, f"{kind}_{p}_ms", times[p] / 1000, times["count"]
    # Warm-up included, on both sides.
    for name, s in spent.items():
        yield (variant, f"{name}_cpu_ms_per_order",
               1000 * s / got["all_orders"], got["all_orders"])
    resident = {name: resident_kib(pid) for name, pid in pids.items()
                if name != "mailbox_owners"}
    for name, kib in resident.items():
        yield variant, f"{name}_resident_kib", kib, 1
    yield variant, "all_resident_kib", sum(resident.values()), 1


def orders(site):
    """`site` is a Site that was entered, with settings()."""
    owners = start_with_load(site)
    for connections in CONNECTIONS:
        yield from one_level(site, owners, connections)
    with contextlib.suppress(subprocess.TimeoutExpired):
        site.stop()


# --- signatures ----------------------------------------------------------

OPENSSL_NAMES = {"ES256": "ecdsap256", "RS256": "rsa2048",
                 "EdDSA": "ed25519"}


def openssl_rates():
    """Verifications per second by `openssl speed`."""
    text = subprocess.run(
        ["openssl", "speed", "-mr", "-seconds",
         str(max(1, round(JWS_SECONDS))), *OPENSSL_NAMES.values()],
        check=True, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL).stdout
    # The last field of each line; F2 is RSA, F4 ECDSA, F6 EdDSA.
    found = dict(re.findall(r"(?m)^\+(F[246]):.*:([0-9.]+)$", text))
    return {"RS256": float(found["F2"]), "ES256": float(found["F4"]),
            "EdDSA": float(found["F6"])}


def our_rates(build):
    """{("ES256", "cached"): per second, ...}"""
    text = subprocess.run(
        [f"{build}/tests/bench/jws_rate", str(JWS_SECONDS)],
        check=True, text=True, stdout=subprocess.PIPE).stdout
    return {(alg, way): float(rate) for alg, way, rate in
            (line.split() for line in text.splitlines())}


def signatures(build):
    """Medians of a few rounds, in turn: so both meet the same machine."""
    ours, theirs = [], []
    for _ in range(JWS_ROUNDS):
        theirs.append(openssl_rates())
        ours.append(our_rates(build))
    for alg in OPENSSL_NAMES:
        base = statistics.median(r[alg] for r in theirs)
        yield alg, "openssl_speed_per_s", base, JWS_ROUNDS
        for way in ("parse", "cached", "import"):
            rate = statistics.median(r[alg, way] for r in ours)
            yield alg, f"{way}_per_s", rate, JWS_ROUNDS
            if way != "parse":
                yield alg, f"{way}_to_openssl", rate / base, JWS_ROUNDS
