#!/usr/bin/python3
"""DKIM keys in zones that are signed with NSEC3: there, not there, in a gap of
opt-out, by a wildcard, behind signatures that have ended; and what becomes of
the replies (MA-30, MA-31)."""

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import \
    Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, \
    PublicFormat

from acme import Client
from harness import Site, case, edit_config, read_file, run
from letters import challenge_mail, compose, deliver
from signed_zones import DAY, SignedZones, Zone, ended

BASE = "_domainkey.user.test"
KEY = Ed25519PrivateKey.generate()
OTHER = Ed25519PrivateKey.generate()


def record(name, key=KEY):
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return (f'{name}.{BASE}. 60 TXT "v=DKIM1; k=ed25519; '
            f'p={base64.b64encode(raw).decode()}"')


def zone(label, *records, **how):
    return Zone(f"{label}.{BASE}.", list(records), **how)


NSEC3 = ["nsec3: on", "nsec3-iterations: 0"]
# A selector may have several labels: each zone has the keys of some.
ZONES = [
    zone("dense", record("here.dense"),
         f"bare.dense.{BASE}. 60 A 127.0.0.1",
         f"a.b.dense.{BASE}. 60 A 127.0.0.1",
         f"far.dense.{BASE}. 60 CNAME here.ended.{BASE}.", denial=NSEC3),
    zone("gap", record("here.gap"), f"cut.gap.{BASE}. 60 NS ns.test.",
         denial=NSEC3 + ["nsec3-opt-out: on"]),
    zone("cut.gap", record("here.cut.gap"), signed_at=False),
    zone("wild", record("*.wild"), record("own.wild", OTHER),
         f"bare.wild.{BASE}. 60 A 127.0.0.1", denial=NSEC3),
    zone("deep", record("*.deep"),
         denial=["nsec3: on", "nsec3-iterations: 2000"]),
    zone("ended", record("here.ended"), denial=NSEC3, signed_at=ended(DAY)),
]

#   what the requirement says    selector    validated
FOUND = [
    ("MA-30, MA-31: a key", "here.dense", "true"),
    ("MA-31: a key of a zone with opt-out", "here.gap", "true"),
    ("MA-31: a key below a delegation in a gap of opt-out", "here.cut.gap",
     "false"),
    ("MA-31: a key by a wildcard", "any.wild", "true"),
    ("MA-31: a key by a wildcard, several labels below", "x.y.wild",
     "true"),
]
REFUSED = [
    ("MA-30: no such name", "none.dense", "key.none"),
    ("MA-30: no such name in a gap of opt-out", "none.gap", "key.none"),
    ("MA-30: a name without keys", "bare.dense", "key.none"),
    ("MA-30: a name that only has others below", "b.dense", "key.none"),
    ("MA-30: a name without keys, which no wildcard stands for", "bare.wild",
     "key.none"),
    ("MA-27: a name beside the wildcard has its own key", "own.wild",
     "dkim.signature"),
]
BOGUS = [
    ("MA-31: signatures that ended a day ago", "here.ended"),
    ("MA-31: that no such name is there, in such a zone", "none.ended"),
    ("MA-31: an alias into such a zone", "far.dense"),
]


def relaxed(field):
    name, text = field.split(":", 1)
    return f"{name.lower()}:{' '.join(text.split())}"


def sign(message, selector):
    """relaxed/relaxed; the body is one that this leaves as it is."""
    header, body = message.decode().split("\r\n\r\n", 1)
    fields = header.split("\r\n")
    names = [field.split(":", 1)[0] for field in fields]
    bh = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    own = (f"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "
           f"d=user.test; s={selector}; h={':'.join(names)}; bh={bh}; b=")
    data = "\r\n".join(relaxed(field) for field in [*fields, own])
    b = KEY.sign(hashlib.sha256(data.encode()).digest())
    return f"{own}{base64.b64encode(b).decode()}\r\n".encode() + message


class KeySite(Site):
    """The validator's resolver asks the server of these zones for them."""

    def init(self):
        self.zones = SignedZones(f"{self.folder}/signed",
                                 self.port("LAB_SPARE1"), ZONES)
        self.zones.__enter__()
        super().init()

    def __exit__(self, *why):
        try:
            super().__exit__(*why)
        finally:
            if hasattr(self, "zones"):
                self.zones.__exit__()

    def wanted_settings(self):
        config, anchors = (f"{self.folder}/{name}"
                           for name in ("unbound.conf", "anchors"))
        with open(config, "w") as f:
            f.write(read_file(self.env["LAB_UNBOUND_CONF"]))
            for z in ZONES:
                f.write(f'stub-zone:\n    name: "{z.name}"\n    stub-addr: '
                        f"127.0.0.1@{self.zones.port}\n")
        with open(anchors, "w") as f:
            f.write(read_file(self.env["LAB_TRUST_ANCHOR"])
                    + read_file(self.zones.anchors))
        return super().wanted_settings() | {
            "validator.dns_config": config,
            "validator.dns_trust_anchor": anchors}


class Asked:
    """An order of Alice's whose challenge mail has arrived."""

    def __init__(self, site):
        self.site = site
        self.order = Client(site).order("alice@user.test")
        self.challenge = self.order.challenge()
        self.mail = challenge_mail(site, self.challenge)

    def reply(self, selector):
        """Signed with that selector; the mark of the log before it."""
        mark = self.site.mark()
        deliver(self.site,
                sign(compose(self.challenge, self.mail), selector),
                self.challenge.sender)
        return mark

    def verdict(self, selector):
        return self.site.wait_verdict(self.reply(selector))["code"]

    def secure(self, verify=()):
        """What the evidence says of the key's answer."""
        authz = self.order.read()["authorizations"][0].rpartition("/")[2]
        told = self.site.countersign("evidence", "--json", *verify, authz)
        return re.findall(r'_domainkey\.user\.test",[^{}]*'
                          r'"secure": *(true|false)', told)


def test_found(site):
    for what, selector, secure in FOUND:
        with case(f"{what}; the issuer and the evidence find the same"):
            asked = Asked(site)
            assert asked.verdict(selector) == "match"
            asked.challenge.post()
            asked.order.certificate()
            found = asked.secure(["--verify"])
            assert found and set(found) == {secure}, found


def test_refused(site):
    asked = Asked(site)
    for what, selector, code in REFUSED:
        with case(what):
            found = asked.verdict(selector)
            assert found == code, found


def test_bogus(site):
    asked = Asked(site)
    for what, selector in BOGUS:
        with case(f"{what}: put off, not refused"):
            found = site.wait_event("reply", asked.reply(selector))
            assert (found["verdict"], found["code"]) == \
                ("deferred", "dns.bogus"), found


def test_required(site):
    site.stop()
    edit_config(site, validator__require_dnssec="yes")
    site.start()
    with case("MA-31: require_dnssec passes over a key in a gap of opt-out, "
              "and a wildcard's where nobody counts so many iterations"):
        asked = Asked(site)
        assert asked.verdict("here.cut.gap") == "dns.insecure"
        assert asked.verdict("any.deep") == "dns.insecure"
    with case("MA-31: and takes one by a wildcard"):
        assert asked.verdict("any.wild") == "match"


run({}, test_found, test_refused, test_bogus, test_required, kind=KeySite)
