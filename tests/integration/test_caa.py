#!/usr/bin/python3
"""CAA issuemail against a real authoritative server (pki.md 4): the whole
result table, the climb, aliases, DNSSEC, servers that are ill; and what a
client sees of it."""

import socket
import struct
import subprocess
import threading
import time

from acme import Client
from harness import DEADLINE, case, command, eventually, read_file, run
from letters import answer
from signed_zones import DAY, SignedZones, Zone, ended

ACCOUNT = "https://acme.ca.test/acme/acct/AAAA"
OTHER = "https://acme.ca.test/acme/acct/BBBB"
US = '0 issuemail "ca.test"'
NOBODY = '0 issuemail ";"'

# The record sets of 4.4 at the mailbox's own domain: reason, records.
SETS = [
    ("no-issuemail", '0 issue "other.test"'),
    ("no-issuemail", '0 issue ";"', '0 issuewild ";"'),
    ("not-authorized", NOBODY),
    ("not-authorized", '0 issuemail ""'),
    ("not-authorized", '0 issuemail "other.test"'),
    ("issuemail", US),
    ("issuemail", '0 issuemail "CA.Test"'),
    ("issuemail", '0 IssueMail "ca.test"'),
    ("not-authorized", '0 issuemail "ca.test."'),
    ("issuemail", NOBODY, US),
    ("not-authorized", '0 issuemail "%%%%%"'),
    ("issuemail", '0 issuemail "%%%%%"', US),
    ("issuemail", f'0 issuemail "ca.test; accounturi={ACCOUNT}"'),
    ("issuemail", f'0 issuemail "ca.test; AccountUri={ACCOUNT}"'),
    ("not-authorized", f'0 issuemail "ca.test; accounturi={OTHER}"'),
    ("not-authorized", f'0 issuemail "ca.test; accounturi={ACCOUNT}/"'),
    ("not-authorized", '0 issuemail "ca.test; accounturi='
                       f'{ACCOUNT.replace("https", "http")}"'),
    ("not-authorized", f'0 issuemail "ca.test; accounturi={ACCOUNT}; '
                       f'accounturi={ACCOUNT}"'),
    ("not-authorized", '0 issuemail "ca.test; accounturi=AAAA"'),
    ("issuemail", '0 issuemail "ca.test; validationmethods=email-reply-00"'),
    ("issuemail", '0 issuemail "ca.test;'
                  ' validationmethods=dns-01,email-reply-00"'),
    ("not-authorized", '0 issuemail "ca.test; validationmethods=dns-01"'),
    ("not-authorized", '0 issuemail "ca.test;'
                       ' validationmethods=Email-Reply-00"'),
    ("not-authorized", '0 issuemail "ca.test; validationmethods="'),
    ("not-authorized", f'0 issuemail "ca.test; accounturi={ACCOUNT}; '
                       'validationmethods=dns-01"'),
    ("issuemail", f'0 issuemail "ca.test; accounturi={OTHER}"', US),
    ("not-authorized", '0 issuemail "ca.test; foo=1"'),
    ("not-authorized", f'0 issuemail "ca.test; account-uri={ACCOUNT}"'),
    ("issuemail", '128 issuemail "ca.test"'),
    ("critical", '128 tbs "x"', US),
    ("critical", '1 tbs "x"', US),
    ("issuemail", '64 tbs "x"', US),
    ("no-issuemail", '0 tbs "x"'),
    ("no-issuemail", '128 iodef "mailto:a@b.test"'),
]
PERMITS = {"no-record", "no-issuemail", "issuemail"}


def result(reason):
    return "permit" if reason in PERMITS else "deny"


class Ill(threading.Thread):
    """The name server of sick.test: what a name's first label says. The apex
    allows us."""

    def __init__(self):
        super().__init__(daemon=True)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        self.asked = []

    def run(self):
        while True:
            packet, peer = self.udp.recvfrom(4096)
            reply = self.reply(packet)
            if reply is not None:
                self.udp.sendto(reply, peer)

    @staticmethod
    def question(packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode().lower())
            at += 1 + packet[at]
        kind, = struct.unpack(">H", packet[at + 1:at + 3])
        return labels, kind, packet[12:at + 5]

    def reply(self, packet):
        labels, kind, question = self.question(packet)
        first = labels[0]
        if kind == 257:
            self.asked.append(".".join(labels))
        answers, flags = [], 0x8400
        if first == "silent":
            return None
        if first == "garbage":
            return packet[:2] + b"\xff" * 10
        rcode = {"servfail": 2, "refused": 5, "notimp": 4}.get(first, 0)
        if first == "truncated":
            flags |= 0x0200      # and nobody listens on TCP
        if kind == 257 and not rcode:
            if first == "short":
                answers = [b"\0\x30issue"]   # a tag longer than the record
            elif first in ("sick", "good"):
                answers = [b"\0\x09issuemailca.test"]
        upwards = b""
        if first == "lame":      # it knows nobody but the root's servers
            flags = 0x8000
            upwards = b"\0" + struct.pack(">HHIH", 2, 1, 60, 9) \
                + b"\2ns\4test\0"
        head = packet[:2] + struct.pack(">5H", flags | rcode, 1, len(answers),
                                        bool(upwards), 0)
        return head + question + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(a)) + a
            for a in answers) + upwards


class Judge:
    """The product's climb and decision, without the product around it."""

    def __init__(self, site, stubs=None, anchors=None, patience=60000):
        """patience: how many milliseconds a name server may think."""
        command("make", "-C", site.build, "tests/integration/caa_tool")
        config = f"{site.folder}/caa-unbound.conf"
        with open(config, "w") as f:
            f.write(read_file(site.env["LAB_UNBOUND_CONF"]))
            for zone, port in (stubs or {}).items():
                f.write(f'stub-zone:\n    name: "{zone}"\n'
                        f"    stub-addr: 127.0.0.1@{port}\n")
        self.process = subprocess.Popen(
            [f"{site.build}/tests/integration/caa_tool", config,
             anchors or site.env["LAB_TRUST_ANCHOR"], str(patience),
             "ca.test"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()

    def ask(self, domain, account=ACCOUNT):
        """(result, reason, where found, questions)"""
        self.process.stdin.write(f"{domain} {account}\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        return (*words[:3], int(words[3]))


def test_table(site):
    with case("PK-25, PK-32 to PK-35, PK-39 to PK-42: every record set of the "
              "result table"), Judge(site) as judge:
        for number, (reason, *records) in enumerate(SETS):
            domain = f"set{number}.user.test"
            site.dns_set(domain, "CAA", *records)
            assert judge.ask(domain) == (result(reason), reason, domain, 1), \
                records
    with case("none up to the top-level domain: signed, unsigned"), \
            Judge(site) as judge:
        assert judge.ask("nobody.ca.test") == ("permit", "no-record", "-", 3)
        assert judge.ask("plain.test") == ("permit", "no-record", "-", 2)


def test_climb(site):
    with Judge(site) as judge:
        with case("4.4: no data at the host, the parent forbids"):
            site.dns_set("host.up.user.test", "TXT", "no CAA here")
            site.dns_set("up.user.test", "CAA", NOBODY)
            assert judge.ask("host.up.user.test")[:3] == \
                ("deny", "not-authorized", "up.user.test")
        with case("4.4: no such host, the parent allows"):
            site.dns_set("allow.user.test", "CAA", US)
            site.dns_set("near.allow.user.test", "CAA", NOBODY)
            assert judge.ask("none.allow.user.test")[:3] == \
                ("permit", "issuemail", "allow.user.test")
        with case("4.4: the nearest set counts alone"):
            site.dns_set("near.up.user.test", "CAA", US)
            assert judge.ask("near.up.user.test")[0] == "permit"
            assert judge.ask("near.allow.user.test")[0] == "deny"
        with case("4.4: an alias: its target's set is the host's"):
            site.dns_set("target.ca.test", "CAA", US)
            site.dns_set("alias.up.user.test", "CNAME", "target.ca.test.")
            assert judge.ask("alias.up.user.test")[:3] == \
                ("permit", "issuemail", "alias.up.user.test")
        with case("4.4: an alias: the target's parents are not climbed"):
            site.dns_set("bare.up.user.test", "TXT", "no CAA")
            site.dns_set("alias.ca.test", "CNAME", "bare.up.user.test.")
            assert judge.ask("alias.ca.test")[:2] == ("permit", "no-record")
        with case("4.2: DNAME is followed"):
            site.dns_set("moved.ca.test", "DNAME", "up.user.test.")
            assert judge.ask("near.moved.ca.test")[:2] == \
                ("permit", "issuemail")
        with case("4.2: aliases that lead in a circle, or too far: a failure"):
            site.dns_set("round.user.test", "CNAME", "about.user.test.")
            site.dns_set("about.user.test", "CNAME", "round.user.test.")
            assert judge.ask("round.user.test")[:2] == ("fail", "temporary")
            for i in range(12):
                site.dns_set(f"hop{i}.user.test", "CNAME",
                             f"hop{i + 1}.user.test.")
            site.dns_set("hop12.user.test", "CAA", US)
            assert judge.ask("hop0.user.test")[:2] == ("fail", "temporary")
            assert judge.ask("hop8.user.test")[:2] == ("permit", "issuemail")


def test_failures(site):
    ill = Ill()
    ill.start()
    site.dns_set("sick.test", "NS", "ns.test.")
    with Judge(site, {"sick.test": ill.port}, patience=6000) as judge:
        with case("PK-31: SERVFAIL, REFUSED, NOTIMP, silence, truncation "
                  "without TCP, garbage: refused after retries, although the "
                  "parent allows"):
            assert judge.ask("sick.test")[:2] == ("permit", "issuemail")
            for kind in ("servfail", "refused", "notimp", "silent",
                         "truncated", "garbage"):
                found = judge.ask(f"{kind}.sick.test")
                assert found == ("fail", "temporary", f"{kind}.sick.test", 3), \
                    (kind, found)
        with case("PK-31: a record that nobody can parse is a failure"):
            assert judge.ask("short.sick.test")[0] == "fail"
        with case("4.4: permitted at the host, the parent is ill: permitted"):
            assert judge.ask("good.servfail.sick.test")[:3] == \
                ("permit", "issuemail", "good.servfail.sick.test")
        # Last: it is remembered of the server.
        with case("PK-31: a lame server"):
            assert judge.ask("lame.sick.test") == \
                ("fail", "temporary", "lame.sick.test", 3)
    with case("PK-29, PK-30: a DNSSEC error at the host ends it at once, "
              "although the parent allows"), Judge(site) as judge:
        site.dns_set("test", "CAA", US)
        try:
            assert judge.ask("plain.test")[:3] == \
                ("permit", "issuemail", "test")
            for domain in ("bogus.test", "host.bogus.test"):
                found = judge.ask(domain)
                assert found == ("fail", "bogus", domain, 1), found
        finally:
            site.lab("dns-del", "test", "CAA")


# Zones as they are signed elsewhere. hidden.out.test is delegated without DS,
# in a gap of out.test's NSEC3 chain with opt-out.
ZONES = [
    Zone("out.test.", [f"out.test. 60 CAA {US}",
                       "hidden.out.test. 60 NS ns.test.",
                       "new.out.test. 60 NS ns.test.",
                       "new.out.test. 60 DS 12345 200 2 " + "AB" * 32],
         ["nsec3: on", "nsec3-opt-out: on", "nsec3-iterations: 0"]),
    Zone("hidden.out.test.", [f"deny.hidden.out.test. 60 CAA {NOBODY}"],
         signed_at=False),
    Zone("new.out.test.", [f"new.out.test. 60 CAA {NOBODY}"],
         signed_at=False),
    Zone("deep.test.", [f"deep.test. 60 CAA {US}"],
         ["nsec3: on", "nsec3-iterations: 2000"]),
    Zone("wild.test.", [f"wild.test. 60 CAA {US}",
                        f"*.wild.test. 60 CAA {NOBODY}",
                        "real.wild.test. 60 TXT here",
                        "a.b.ent.wild.test. 60 TXT here",
                        "old.wild.test. 60 DNAME hidden.out.test.",
                        "round.wild.test. 60 CNAME round.hidden.out.test.",
                        "far.wild.test. 60 CNAME far.hidden.out.test.",
                        "ill.wild.test. 60 CNAME over.test."],
         ["nsec3: on", "nsec3-iterations: 1"]),
    Zone("over.test.", [f"over.test. 60 CAA {US}"], signed_at=ended(1800)),
    Zone("past.test.", [f"past.test. 60 CAA {US}"], signed_at=ended(3 * DAY)),
    Zone("ahead.test.", [f"ahead.test. 60 CAA {US}"],
         signed_at=time.time() + DAY / 2),
]
ZONES[1].records += ["round.hidden.out.test. 60 CNAME round.wild.test.",
                     "far.hidden.out.test. 60 CNAME new.out.test."]
SEEN = [
    ("no DS in an opt-out gap: unsigned, not bogus", "hidden.out.test",
     "permit", "issuemail", "out.test"),
    ("and its own set counts", "deny.hidden.out.test",
     "deny", "not-authorized", "deny.hidden.out.test"),
    ("a name that does not exist in such a gap", "none.out.test",
     "permit", "issuemail", "out.test"),
    ("an algorithm that nobody knows: unsigned", "new.out.test",
     "deny", "not-authorized", "new.out.test"),
    ("more NSEC3 iterations than anybody counts: unsigned", "x.deep.test",
     "permit", "issuemail", "deep.test"),
    ("a wildcard", "x.wild.test", "deny", "not-authorized", "x.wild.test"),
    ("a name beside it", "real.wild.test", "permit", "issuemail", "wild.test"),
    ("an empty non-terminal, which no wildcard covers", "b.ent.wild.test",
     "permit", "issuemail", "wild.test"),
    ("a DNAME from a signed zone to one that is not", "deny.old.wild.test",
     "deny", "not-authorized", "deny.old.wild.test"),
    ("aliases through signed and unsigned zones", "far.wild.test",
     "deny", "not-authorized", "far.wild.test"),
    ("in a circle", "round.wild.test", "fail", "temporary", "round.wild.test"),
    ("signatures that ended half an hour ago", "over.test",
     "fail", "bogus", "over.test"),
    ("three days ago", "past.test", "fail", "bogus", "past.test"),
    ("that begin tomorrow", "ahead.test", "fail", "bogus", "ahead.test"),
    ("an alias to those that have ended", "ill.wild.test",
     "fail", "bogus", "ill.wild.test"),
]


def test_signed(site):
    port = site.port("LAB_SPARE1")
    with SignedZones(f"{site.folder}/signed", port, ZONES) as zones, \
            Judge(site, {z.name: port for z in ZONES}, zones.anchors) as judge:
        for what, domain, *expected in SEEN:
            with case(f"PK-29, PK-30: {what}"):
                found = judge.ask(domain)
                assert list(found[:3]) == expected, found


def set_many(site, zone, *records):
    """The CAA set of a zone's apex, by one process; dns_set() starts one for
    each record."""
    lines = [f"zone-begin {zone}", f"zone-unset {zone} @ CAA"]
    for record in records:
        lines.append(f"zone-set {zone} @ 0 CAA "
                     + record.replace('"', '\\"'))
    lines.append(f"zone-commit {zone}")
    said = command("knotc", "-c", f"{site.env['LAB_DIR']}/dns/knot.conf",
                   input="\n".join(lines) + "\n")
    assert "error" not in said, said
    for record in records[0], records[-1]:
        assert record in command(
            "knotc", "-c", f"{site.env['LAB_DIR']}/dns/knot.conf",
            "zone-read", zone, "@", "CAA"), record


def test_client(site):
    mailbox = "alice@user.test"
    client = Client(site)

    def ordered():
        order = client.order(mailbox)
        order.challenge().post()
        return order

    with case("PK-28: forbidden when the reply comes: the authorization ends "
              "with the reason"):
        site.dns_set("user.test", "CAA",
                     '0 issuemail "ca.test; account-uri=x"')
        order = ordered()
        challenge = order.challenge()
        answer(site, challenge)
        found = challenge.wait("invalid")
        assert found["error"]["type"].endswith(":caa"), found
        assert "account-uri" in found["error"]["detail"], found
        assert challenge.authz()["status"] == "invalid"
        assert order.read()["error"]["type"].endswith(":caa")
        assert "account-uri" in site.countersign("order", order.id)
    with case("PK-28: allowed when the reply comes, forbidden at finalize"):
        site.dns_set("user.test", "CAA", US)
        order = ordered()
        answer(site, order.challenge())
        order.wait("ready")
        eventually(lambda: site.query(
            "SELECT 1 FROM caa WHERE checked_at > 0 AND result = 'permit'"),
            "the early check")
        site.dns_set("user.test", "CAA", NOBODY)
        with site.connection() as db:    # as if it had grown too old
            db.execute("DELETE FROM caa")
        order.finalize()
        refused = order.wait("invalid", "valid")
        assert refused["error"]["type"].endswith(":caa"), refused
        assert site.query("SELECT 1 FROM cert WHERE order_id = ?",
                          order.id) == []
        # What the domain allows again needs no second reply (AC-103).
        site.dns_set("user.test", "CAA", US)
        with site.connection() as db:
            db.execute("DELETE FROM caa")
        client.order(mailbox).certificate()
    with case("4.4: a set of very many records, of which one permits"):
        set_many(site, "user.test", US,
                 *(f'0 iodef "mailto:{i}@user.test"' for i in range(800)))
        with site.connection() as db:
            db.execute("DELETE FROM caa")
        # It may have taken longer than the server waits for a request.
        client.close()
        mark = site.mark()
        client.order(mailbox).certificate()
        assert site.events("validation not proven", mark) == []
    with case("PK-40: accounturi with the account's own URL"):
        site.dns_set("user.test", "CAA",
                     f'0 issuemail "ca.test; accounturi={client.kid}"')
        with site.connection() as db:
            db.execute("DELETE FROM caa")
        client.order(mailbox).certificate()
    with case("PK-40: and another account with the same mailbox is refused"):
        other = Client(site)
        order = other.order(mailbox)
        challenge = order.challenge()
        challenge.post()
        answer(site, challenge)
        assert "another account" in \
            challenge.wait("invalid")["error"]["detail"]
    site.dns_set("user.test", "CAA", US)


run({}, test_table, test_climb, test_failures, test_signed, test_client)
