"""many: what a CA with very many certificates takes for an incident over all of
them, with the real roles.

See README.md. Everything here yields (variant, metric, value, runs).
"""

import os
import re
import subprocess
import threading
import time

from acme import Client
from harness import eventually
from letters import proven

COUNT = os.environ.get("BENCH_CERTIFICATES", "1000000")
ALONE = 100         # orders before it
LISTED = 10000      # entries of the list
MANY_SECS = 3600    # the longest that anything here may take
SETTINGS = {"issuer.max_per_hour": "1000000"}


def quantiles(name, seconds):
    ms = sorted(1000 * s for s in seconds)
    for part in 0.5, 0.9, 1.0:
        yield (f"{name}_p{100 * part:.0f}_ms", ms[int(part * (len(ms) - 1))],
               len(ms))


def order(client):
    began = time.monotonic()
    client.order("nobody@user.test")
    return time.monotonic() - began


class Orders(threading.Thread):
    """One newOrder after the other, until told to end."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.times = []
        self.end = threading.Event()
        self.start()

    def run(self):
        while not self.end.is_set():
            self.times.append(order(self.client))

    def stop(self):
        self.end.set()
        self.join()
        return self.times


def number(site, sql):
    return int(site.query(sql)[0][0])


def timed(act):
    began = time.monotonic()
    act()
    return time.monotonic() - began


def open_incident(site):
    """All certificates that there are."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    said = subprocess.run(
        [f"{site.build}/countersign", "incident", "-f", site.config, "open",
         "--cause", "terms", "--known", now, "--from",
         "2020-01-01T00:00:00Z"], check=True, timeout=MANY_SECS, text=True,
        stdout=subprocess.PIPE).stdout
    return int(re.search(r"certificates: (\d+)", said)[1])


def processor_time(site, role):
    with open(f"/proc/{site.roles()[role]}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def list_again(site):
    """So many have just been revoked: seconds until the list is out, until all
    of them are noted as listed, and of the issuer's processor."""
    mark, now, spent = site.mark(), int(time.time()), \
        processor_time(site, "issuer")
    site.query(f"UPDATE cert SET revoked_at = {now}, reason = 4, "
               f"revoked_by = 'operator', list_due_at = {now} WHERE id IN "
               "(SELECT id FROM cert WHERE issued_at > 0 "
               f"ORDER BY revoked_at DESC LIMIT {LISTED})")
    began = time.monotonic()
    site.reload()
    site.wait_event("revocation list", mark, seconds=MANY_SECS)
    out = time.monotonic() - began
    eventually(lambda: number(site, "SELECT COUNT(*) FROM cert "
                              "WHERE list_due_at IS NOT NULL") == 0,
               "all noted", MANY_SECS)
    return (out, time.monotonic() - began,
            processor_time(site, "issuer") - spent)


def run(site, variant):
    client = Client(site)
    proven(site, client).certificate()
    first = site.query("SELECT id FROM cert")[0][0]
    site.stop()
    subprocess.run([f"{site.build}/tests/bench/many_certs", site.config, first,
                    COUNT], check=True)
    yield variant, "start_s", timed(site.start), 1
    client = Client(site).account()
    for found in quantiles("order_alone", [order(client)
                                           for _ in range(ALONE)]):
        yield variant, *found
    wall, noted, spent = list_again(site)
    yield variant, "list_s", wall, 1
    yield variant, "list_noted_s", noted, 1
    yield variant, "list_issuer_cpu_s", spent, 1
    beside, began = Orders(client), time.monotonic()
    count = open_incident(site)
    yield variant, "open_s", time.monotonic() - began, 1
    yield variant, "certificates", count, 1
    for found in quantiles("order_beside_opening", beside.stop()):
        yield variant, *found
    beside, began = Orders(client), time.monotonic()
    eventually(lambda: number(site, "SELECT COUNT(*) FROM incident "
                              "WHERE told_to IS NOT NULL") == 0,
               "all notices", MANY_SECS)
    yield variant, "notices_s", time.monotonic() - began, 1
    yield variant, "notices", number(site, "SELECT COUNT(*) FROM notice"), 1
    for found in quantiles("order_beside_notices", beside.stop()):
        yield variant, *found
    yield variant, "status_s", timed(
        lambda: site.countersign("status", status=None)), 1
    yield variant, "show_s", timed(lambda: site.countersign(
        "incident", "show",
        site.query("SELECT id FROM incident")[0][0])), 1
