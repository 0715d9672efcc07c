"""The laboratory's name server: Knot DNS with

    .           unsigned; knows only test., so that nothing leaves the machine
    test.       signed, the trust anchor
    ca.test.    signed, as is user.test.
    plain.test. unsigned and properly delegated: insecure
    bogus.test. signed, but its signatures have expired: bogus
"""

import os
import random
import shutil
import socket
import struct

from lab_proc import LabError, run

SIGNED = ["test.", "ca.test.", "user.test."]
BOGUS = "bogus.test."
ZONES = SIGNED + [BOGUS, "plain.test.", "."]
MAIL_ZONES = ["ca.test.", "user.test.", BOGUS, "plain.test."]

# The keys of bogus.test. have been in use, and its signatures were made, then.
LONG_AGO, SIGNED_ON = "1577836800", "1577923200"  # 1 and 2 January 2020


def zone_file(folder, zone):
    return f"{folder}/zones/{zone.rstrip('.') or 'root'}.zone"


def knot_config(folder, port, signed):
    lines = [
        "server:",
        f'    rundir: "{folder}/run"',
        "    user: knot:knot",
        f"    listen: 127.0.0.1@{port}",
        "    udp-workers: 1",
        "    tcp-workers: 1",
        "    background-workers: 1",
        "control:",
        f'    listen: "{folder}/run/knot.sock"',
        "log:",
        "  - target: stderr",
        "    any: info",
        "database:",
        f'    storage: "{folder}/db"',
        "policy:",
        "  - id: lab",
        "    algorithm: ecdsap256sha256",
        "    single-type-signing: on",
        "    manual: on",
        "template:",
        "  - id: default",
        f'    storage: "{folder}/zones"',
        "    journal-content: none",
        "    zonefile-sync: 0",
        "zone:",
    ]
    for zone in ZONES:
        lines += [f'  - domain: "{zone}"',
                  f'    file: "{zone_file(folder, zone)}"']
        if zone in signed:
            lines += ["    dnssec-signing: on", "    dnssec-policy: lab"]
    return "\n".join(lines) + "\n"


def unbound_config(folder, port):
    """For Countersign, OpenDKIM and unbound-host. A stub for each zone: a
    resolver that followed a delegation would ask port 53."""
    lines = [
        "server:",
        "    do-not-query-localhost: no",
        "    do-ip6: no",
        '    local-zone: "test." nodefault',
        f'    trust-anchor-file: "{folder}/trust-anchor"',
    ]
    for zone in ZONES:
        lines += ["stub-zone:", f'    name: "{zone}"',
                  f"    stub-addr: 127.0.0.1@{port}"]
    return "\n".join(lines) + "\n"


def txt(data):
    """A TXT record's text as character-strings of at most 255 octets."""
    octets = data.encode()
    pieces = [octets[i:i + 255] for i in range(0, len(octets), 255)] or [b""]
    return " ".join('"' + "".join(
        chr(o) if 32 <= o < 127 and chr(o) not in '"\\' else f"\\{o:03d}"
        for o in piece) + '"' for piece in pieces)


def soa_and_ns(zone):
    # The last field is the TTL of "no such name": changes are seen at once.
    return [f"{zone} 60 SOA ns.test. hostmaster.test. 1 3600 600 86400 1",
            f"{zone} 60 NS ns.test."]


def mail_records(zone):
    host = "mx." + zone
    records = soa_and_ns(zone) + [f"{zone} 60 MX 10 {host}",
                                  f"{host} 60 A 127.0.0.1"]
    if zone == "ca.test.":
        records += [f"{name}.ca.test. 60 A 127.0.0.1"
                    for name in ("imap", "smtp", "acme")]
    return records


def write_zone(folder, zone, records):
    with open(zone_file(folder, zone), "w") as f:
        f.write("\n".join(records) + "\n")


def make_key(config, zone, *timers):
    run("keymgr", "-c", config, zone, "generate", "ksk=yes", "zsk=yes",
        "algorithm=ECDSAP256SHA256", *timers)


def ds_record(config, zone):
    for line in run("keymgr", "-c", config, zone, "ds").splitlines():
        name, kind, tag, algorithm, digest_type, digest = line.split()
        if digest_type == "2":
            return f"{name} 60 DS {tag} {algorithm} {digest_type} {digest}"
    raise LabError(f"keymgr gave no SHA-256 DS record for {zone}")


def sign_long_ago(folder, port):
    config = f"{folder}/sign-bogus.conf"
    with open(config, "w") as f:
        f.write(knot_config(folder, port, [BOGUS]))
    run("kzonesign", "-c", config, "-t", SIGNED_ON, "-o", f"{folder}/signed",
        BOGUS)
    made = os.listdir(f"{folder}/signed")
    if len(made) != 1:
        raise LabError(f"kzonesign wrote {made} instead of one zone")
    os.replace(f"{folder}/signed/{made[0]}", zone_file(folder, BOGUS))


def setup(folder, port, dkim_records):
    """Configuration, keys and zones. dkim_records: {zone: [record]}."""
    for name in ("zones", "db", "run", "signed"):
        os.makedirs(f"{folder}/{name}")
    config = f"{folder}/knot.conf"
    with open(config, "w") as f:
        f.write(knot_config(folder, port, SIGNED))
    for name in ("", "zones", "db", "run", "signed"):
        shutil.chown(f"{folder}/{name}", "knot", "knot")

    for zone in SIGNED:
        make_key(config, zone)
    make_key(config, BOGUS, f"created={LONG_AGO}", f"publish={LONG_AGO}",
             f"ready={LONG_AGO}", f"active={LONG_AGO}")
    for zone in MAIL_ZONES:
        write_zone(folder, zone, mail_records(zone)
                   + dkim_records.get(zone, []))
    write_zone(folder, "test.", soa_and_ns("test.")
               + ["ns.test. 60 A 127.0.0.1"]
               + [f"{zone} 60 NS ns.test." for zone in MAIL_ZONES]
               + [ds_record(config, zone)
                  for zone in ("ca.test.", "user.test.", BOGUS)])
    write_zone(folder, ".", [". 60 SOA ns.test. hostmaster.test. "
                             "1 3600 600 86400 1", ". 60 NS ns.test.",
                             "test. 60 NS ns.test.",
                             "ns.test. 60 A 127.0.0.1"])
    sign_long_ago(folder, port)
    with open(f"{folder}/trust-anchor", "w") as f:
        f.write(ds_record(config, "test.") + "\n")
    with open(f"{folder}/unbound.conf", "w") as f:
        f.write(unbound_config(folder, port))
    for top, folders, files in os.walk(folder):
        for name in folders + files:
            shutil.chown(os.path.join(top, name), "knot", "knot")


def argv(folder):
    return ["/usr/sbin/knotd", "-c", f"{folder}/knot.conf"]


# --- asking --------------------------------------------------------------

def query(port, name, kind, timeout=10.0):
    """Ask once over UDP, with DO set: (authoritative, rcode, answers)."""
    labels = [part.encode() for part in name.rstrip(".").split(".") if part]
    wire = b"".join(bytes([len(part)]) + part for part in labels) + b"\0"
    ident = random.randrange(65536)
    packet = (struct.pack(">6H", ident, 0, 1, 0, 0, 1) + wire
              + struct.pack(">2H", kind, 1)
              + b"\0" + struct.pack(">2HIH", 41, 1232, 0x8000, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(("127.0.0.1", port))
        s.send(packet)
        answer = s.recv(4096)
    got, flags, _, answers = struct.unpack(">4H", answer[:8])
    if got != ident:
        raise OSError("an answer to another question")
    return bool(flags & 0x0400), flags & 15, answers


def is_ready(port):
    """Every zone is loaded, and signed where it should be."""
    for zone in ZONES:
        authoritative, rcode, answers = query(port, zone, 6)
        wanted = 1 if zone in ("plain.test.", ".") else 2
        if not authoritative or rcode != 0 or answers < wanted:
            return False
    return True


# --- changing ------------------------------------------------------------

NOTHING_THERE = ("no such node", "no such record", "not exists")


def zone_of(name):
    name = name.rstrip(".").lower() + "."
    holders = [z for z in ZONES if z != "."
               and (name == z or name.endswith("." + z))]
    if not holders:
        raise LabError(f"{name} is in none of the zones {' '.join(ZONES)}")
    return max(holders, key=len), name


def change(folder, name, kind, ttl, data):
    """Replace the record set by data (none: delete it); knot signs."""
    zone, name = zone_of(name)

    def knotc(*words):
        return run("knotc", "-c", f"{folder}/knot.conf", *words)

    knotc("zone-begin", zone)
    try:
        try:
            knotc("zone-unset", zone, name, kind)
        except LabError as e:
            if not any(words in str(e) for words in NOTHING_THERE):
                raise
        for item in data:
            rdata = txt(item) if kind == "TXT" else item
            knotc("zone-set", zone, name, str(ttl), kind, rdata)
        knotc("zone-commit", zone)
    except LabError:
        knotc("zone-abort", zone)
        raise
