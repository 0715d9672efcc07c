#!/usr/bin/python3
"""ER-6, AC-112, PK-7: token halves and passwords, looked for in everything
that the program writes, after orders that went all ways."""

import os

from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat)

from acme import Client, b64, load_chain
from harness import ROLES, case, eventually, open_in, read_file, run
from letters import WRONG, answer, challenge_mail, compose, deliver, sign


class Ears(Client):
    """Keeps every answer that this account gets."""

    def __init__(self, site):
        super().__init__(site)
        self.heard = []

    def request_once(self, method, target, body, headers):
        got = super().request_once(method, target, body, headers)
        self.heard.append((target, f"{got.headers}\n{got.body}"))
        return got


def orders_of_all_kinds(site):
    """[(client, order, challenge, part1)], in every final state and none."""
    found = []

    def begin(mailbox):
        client = Ears(site)
        order = client.order(mailbox)
        challenge = order.challenge()
        mail = challenge_mail(site, challenge)
        found.append((client, order, challenge, mail.part1))
        return order, challenge, mail

    order, challenge, mail = begin("alice+1@user.test")     # issued
    challenge.post()
    answer(site, challenge)
    order.certificate()

    order, challenge, mail = begin("alice+2@user.test")     # wrong digest
    challenge.post()
    deliver(site, sign(site, compose(challenge, mail, digest=WRONG)),
            challenge.sender)
    challenge.wait("invalid")

    order, challenge, mail = begin("alice+3@user.test")     # not proven
    challenge.post()
    mark = site.mark()
    deliver(site, compose(challenge, mail), challenge.sender)
    site.wait_verdict(mark)
    challenge.read()

    begin("alice+4@user.test")                              # only the mail

    return found


def holds(text, secrets):
    return [secret for secret in secrets if secret in text]


def keys_sent(site):
    """What a client sent by mistake, in the forms in which it was sent."""
    client = Client(site)
    order = client.order("alice+5@user.test")
    challenge = order.challenge()
    challenge.post()
    answer(site, challenge)
    order.wait("ready")
    der = order.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8,
                                  NoEncryption())
    refused = order.finalize(der, expect=400)
    assert refused.problem == "badCSR", refused
    order.certificate()
    return [der, b64(der).encode(),
            order.key.private_numbers().private_value.to_bytes(32, "big")]


def published(site, orders):
    """What anybody may fetch, with one certificate revoked."""
    client, order, _, _ = orders[0]
    leaf = load_chain(client.post(order.read()["certificate"], None,
                                  200).body)[0]
    client.post(client.url_of("revokeCert"),
                {"certificate": b64(leaf.public_bytes(Encoding.DER))}, 200)
    number = leaf.serial_number.to_bytes(17, "big")

    def look():
        with open(f"{site.state}/state/issuing.crl", "rb") as f:
            octets = f.read()
        return number in octets and octets

    found = [eventually(look, "the list")]
    stranger = Client(site)
    for path in "/", "/acme/directory", "/issuing.crl":
        found.append(stranger.request("GET", stranger.base + path).body)
    return found


def test_secrets(site):
    orders = orders_of_all_kinds(site)
    part1 = [p for _, _, _, p in orders]
    part2 = [c.token for _, _, c, _ in orders]
    digests = [c.digest(p) for _, _, c, p in orders]
    passwords = [site.password("CA_IMAP"), site.password("CA_SUBMISSION"),
                 read_file(f"{site.state}/ca/ca-passphrase").strip(),
                 read_file(f"{site.state}/seal.key").strip(),
                 read_file(f"{site.state}/eab.key").strip()]
    assert all(len(p) >= 8 for p in passwords)
    secrets = part1 + part2 + digests + passwords

    with case("ER-6, PK-7: orders and order show none of them"):
        said = site.countersign("orders") \
            + site.countersign("orders", "--json")
        for _, order, _, _ in orders:
            said += site.countersign("order", order.id)
            said += site.countersign("order", "--json", order.id)
        assert not holds(said, secrets)
    with case("check shows none of them"):
        assert not holds(site.countersign("check", status=None), secrets)
    with case("ER-6, AC-112: part1 is in no HTTP answer"):
        for client, _, _, _ in orders:
            for target, text in client.heard:
                assert not holds(text, part1 + digests + passwords), target
    with case("AC-112: part2 goes to its owner only, in authorization and "
              "challenge only"):
        for i, (client, _, _, _) in enumerate(orders):
            for target, text in client.heard:
                allowed = [part2[i]] if target.startswith(
                    ("/acme/authz/", "/acme/chall/")) else []
                assert set(holds(text, part2)) <= set(allowed), target
    with case("AC-149, AC-175: another account reads none of it"):
        stranger = Ears(site).account()
        for _, order, challenge, _ in orders:
            for url in (order.url, challenge.authz_url, challenge.url):
                assert stranger.post(url, None).status == 404
    with case("AC-7: nobody reads anything without signing"):
        for _, order, challenge, _ in orders:
            for url in (order.url, challenge.authz_url, challenge.url):
                assert stranger.request("GET", url).status == 405
    with case("passwords are in no command line and no environment"):
        for pid in [site.daemon.pid, *site.roles().values()]:
            for name in "cmdline", "environ":
                assert not holds(read_file(f"/proc/{pid}/{name}"), passwords)
    with case("only the roles that need them have secret files open, and "
              "none runs as root"):
        for role, pid in site.roles().items():
            status = read_file(f"/proc/{pid}/status")
            if os.getuid() == 0:
                assert "Uid:\t0" not in status, role
            assert not [f for f in open_in(pid)
                        if f.endswith((".pem", ".key"))]
    with case("AC-113, ER-7: when an order has ended part1 and the spooled "
              "mail are not in the store"):
        left = {row[0] for row in site.query(
            "SELECT challenge_id FROM part1")}
        ended = [c.id for _, _, c, _ in orders[:2]]
        assert not left & set(ended), (left, ended)
        spooled = {row[0] for row in site.query(
            "SELECT challenge_id FROM spool")}
        assert not spooled & set(ended), (spooled, ended)
    with case("ER-6: audit records show none of them"):
        rows = str(site.query("SELECT * FROM audit"))
        assert "challenge mail" in rows
        assert not holds(rows, secrets)
    with case("PK-66: a private key in place of a request is refused, and "
              "kept nowhere"):
        keys = keys_sent(site)
        assert not holds(site.log().encode(), keys)
    with case("PK-150: of a certificate only its number is published, once it "
              "is revoked"):
        for octets in published(site, orders):
            assert b"user.test" not in octets and b"alice" not in octets
    with case("AC-113: after a stop the file itself holds nothing of an "
              "order that has ended, but for the replies that are evidence"):
        site.stop()
        with open(site.database, "rb") as f:
            octets = f.read()
        assert not holds(octets, keys), "PK-66"
        with site.connection() as db:
            kept = b"".join(raw for raw, in db.execute(
                "SELECT raw FROM reply WHERE raw IS NOT NULL"))
        for _, _, _, p in orders[:2]:
            # a reply's subject holds it, and the reply must be kept (ER-35)
            assert octets.count(p.encode()) <= kept.count(p.encode()), p
        site.start()
    with case("ER-6, AC-112, PK-7: the log, at its most talkative, holds "
              "none of them"):
        log = site.log()
        assert all(f"role={role}" in log for role in ROLES)
        assert not holds(log, secrets)


run({"log_level": "debug"}, test_secrets)
