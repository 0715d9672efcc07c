"""A name server with signed zones as they are seen, and as they are ill: Knot
DNS with zones, keys and times of signing that a test wants. Each signed zone
that is no other's child is a trust anchor of its own."""

import os
import shutil
import subprocess
import sys
import time

from harness import DEADLINE, SOURCE, eventually

sys.path.insert(0, f"{SOURCE}/tests/lab")
import lab_dns      # noqa: E402 (the path must be set first)
from lab_proc import run    # noqa: E402

DAY = 86400
LIFE = 14 * DAY     # of a signature, as Knot makes them
LONG_AGO = "1577836800"


class Zone:
    """`records` without SOA and NS. `denial`: lines of Knot's policy.
    `signed_at`: when its signatures are made, once; None: now, and by the
    server; False: it has none."""

    def __init__(self, name, records, denial=(), signed_at=None):
        self.name, self.records = name, records
        self.denial, self.signed_at = denial, signed_at

    @property
    def is_signed(self):
        return self.signed_at is not False

    @property
    def policy(self):
        return self.name.replace(".", "-")


class SignedZones:
    def __init__(self, folder, port, zones):
        self.folder, self.port, self.zones = folder, port, zones
        self.anchors = f"{folder}/anchors"
        self.server = None

    def __enter__(self):
        for name in ("zones", "db", "run", "made"):
            os.makedirs(f"{self.folder}/{name}")
        self.give()
        config = self.write_config("knot.conf", lambda z: z.signed_at is None)
        for zone in self.zones:
            if zone.is_signed:
                self.make_key(config, zone)
        for zone in self.zones:
            lab_dns.write_zone(self.folder, zone.name, self.all_of(zone))
        with open(self.anchors, "w") as f:
            for zone in self.zones:
                if zone.is_signed and not self.parent_of(zone):
                    f.write(lab_dns.ds_record(config, zone.name) + "\n")
        self.sign_at_times()
        self.give()
        with open(f"{self.folder}/log", "w") as log:
            self.server = subprocess.Popen(
                lab_dns.argv(self.folder), stdout=log, stderr=log)
        try:
            eventually(self.is_ready, "the name server of signed zones")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait(DEADLINE)

    def give(self):
        """To the user that the server and its tools become."""
        for top, _, files in os.walk(self.folder):
            for name in ("", *files):
                shutil.chown(os.path.join(top, name), "knot", "knot")

    def parent_of(self, zone):
        return next((z for z in self.zones
                     if zone.name.endswith("." + z.name)), None)

    def all_of(self, zone):
        return lab_dns.soa_and_ns(zone.name) + zone.records

    def write_config(self, name, is_signed):
        lines = ["server:", f'    rundir: "{self.folder}/run"',
                 "    user: knot:knot",
                 f"    listen: 127.0.0.1@{self.port}", "    udp-workers: 1",
                 "    tcp-workers: 1", "    background-workers: 1",
                 "control:", f'    listen: "{self.folder}/run/knot.sock"',
                 "log:", "  - target: stderr", "    any: info", "database:",
                 f'    storage: "{self.folder}/db"', "policy:"]
        for zone in self.zones:
            lines += [f"  - id: {zone.policy}",
                      "    algorithm: ecdsap256sha256",
                      "    single-type-signing: on", "    manual: on",
                      f"    rrsig-lifetime: {LIFE}"]
            lines += [f"    {line}" for line in zone.denial]
        lines += ["template:", "  - id: default", "    journal-content: none",
                  f'    storage: "{self.folder}/zones"',
                  "    zonefile-sync: 0", "zone:"]
        for zone in self.zones:
            path = lab_dns.zone_file(self.folder, zone.name)
            lines += [f'  - domain: "{zone.name}"', f'    file: "{path}"']
            if is_signed(zone):
                lines += ["    dnssec-signing: on",
                          f"    dnssec-policy: {zone.policy}"]
        path = f"{self.folder}/{name}"
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        return path

    @staticmethod
    def make_key(config, zone):
        timers = () if zone.signed_at is None else [
            f"{what}={LONG_AGO}"
            for what in ("created", "publish", "ready", "active")]
        lab_dns.make_key(config, zone.name, *timers)

    def sign_at_times(self):
        config = self.write_config("sign.conf", lambda z: bool(z.signed_at))
        for zone in self.zones:
            if zone.signed_at:
                run("kzonesign", "-c", config, "-t", str(int(zone.signed_at)),
                    "-o", f"{self.folder}/made", zone.name)
                made, = os.listdir(f"{self.folder}/made")
                os.replace(f"{self.folder}/made/{made}",
                           lab_dns.zone_file(self.folder, zone.name))

    def is_ready(self):
        for zone in self.zones:
            try:
                authoritative, rcode, answers = lab_dns.query(
                    self.port, zone.name, 6, 1.0)
            except OSError:
                return False
            if not authoritative or rcode != 0 or \
                    answers < (2 if zone.is_signed else 1):
                return False
        return True


def ended(seconds):
    """When signatures were made that ended so many seconds ago."""
    return time.time() - LIFE - seconds
