#!/usr/bin/python3
"""What an operator does when something went wrong: issuance is stopped,
a set of certificates is revoked."""

import hashlib
import json
import os
import re
import signal
import threading
import time
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, \
    PublicFormat

from acme import Client, b64, make_csr
from admins import Admin
from harness import case, command, edit_config, eventually, run
from letters import answer


def key_id_above(certificate):
    return certificate.extensions.get_extension_for_class(
        x509.AuthorityKeyIdentifier).value.key_identifier


def certid(certificate):
    """RFC 9773 4.1, from the certificate alone."""
    n = certificate.serial_number
    return f"{b64(key_id_above(certificate))}.{b64(n.to_bytes(n.bit_length() // 8 + 1, 'big'))}"


def leaf_of(site, client, mailbox):
    order = client.order(mailbox)
    if order.read()["status"] != "ready":
        answer(site, order.challenge(), mailbox.partition("@")[0].upper())
        order.challenge().post()
    return order.certificate()[0]


def told(site, leaf):
    text = f"{leaf.serial_number:x}"
    return json.loads(site.countersign(
        "cert", "--json", text.zfill(len(text) + len(text) % 2)))


def days_ago(days):
    at = datetime.now(timezone.utc) - timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_stop(site):
    client = Client(site)
    leaf = leaf_of(site, client, "alice@user.test")
    with case("PK-45: stopped: finalize says 503 and when to come back, also "
              "after a restart"):
        site.countersign("stop", "issuance", "--domain", "user.test",
                         "--reason", "a test")
        order = client.order("alice@user.test")
        for _ in range(2):
            refused = client.post(order.read()["finalize"],
                                  {"csr": b64(b"x")}, 503)
            assert refused.problem == "serverInternal", refused
            assert refused.headers["Retry-After"] == "300", refused
            assert order.read()["status"] == "ready"
            client.close()
            site.stop()
            site.start()
        text = site.countersign("stop", "issuance", "--list")
        assert re.match("domain user.test  since .*: a test", text), text
    with case("PK-183: revocation goes on meanwhile"):
        client.post(client.url_of("revokeCert"),
                    {"certificate": b64(leaf.public_bytes(Encoding.DER)),
                     "reason": 4}, 200)
    with case("PK-45: what makes no sense is refused and changes nothing"):
        for words in (["--all"], ["--reason", "x"],
                      ["--profile", "none", "--reason", "x"],
                      ["--domain", "a@user.test", "--reason", "x"],
                      ["--domain", "user.test", "--reason", "again"],
                      ["--issuer", "xyz", "--reason", "x"],
                      ["--issuer", "abcd", "--reason", "x"]):
            site.countersign("stop", "issuance", *words, status=1)
        assert key_id_above(leaf).hex() in site.countersign(
            "stop", "issuance", "--issuer", "abcd", "--reason", "x", status=1)
        site.countersign("resume", "issuance", "--all", "--reason", "x",
                         status=1)
        assert text == site.countersign("stop", "issuance", "--list")
        for act in ("stop", "resume"):
            site.countersign(act, "issuance", "--reason", "x",
                             "--issuer", key_id_above(leaf).hex().upper())
        assert text == site.countersign("stop", "issuance", "--list")
    with case("PK-45: resumed, the order goes on; PK-204: also while the "
              "issuer holds lists back, which an admin lifts"):
        with site.connection() as db:
            db.execute("INSERT INTO issuance_stop VALUES "
                       "('signing', 'lists', 'too many', 'issuer', 1)")
        site.countersign("resume", "issuance", "--domain", "user.test",
                         "--reason", "tested")
        assert order.certificate()
        assert "signing lists  since" in \
            site.countersign("stop", "issuance", "--list")
        site.countersign("resume", "issuance", "--signing", "answers",
                         "--reason", "x", status=1)
        site.countersign("resume", "issuance", "--signing", "lists",
                         "--reason", "tested")
        assert "not stopped" in site.countersign("stop", "issuance", "--list")


class Load(threading.Thread):
    """Orders certificates for a mailbox that is proven, one after the other,
    until it is told to end; the one that was stopped goes on when it can."""

    def __init__(self, client, mailbox, end):
        super().__init__()
        self.client, self.mailbox, self.end = client, mailbox, end
        self.done, self.error = 0, None

    def run(self):
        try:
            # Not so fast that the ceiling (issuer.max_per_hour) stops it.
            while not self.end.wait(0.1):
                self.one()
        except Exception as e:  # told by the main thread
            self.error = e

    def one(self):
        order = self.client.order(self.mailbox)
        csr = b64(make_csr(order.key, self.mailbox))
        while True:
            said = self.client.post(order.read()["finalize"], {"csr": csr})
            if said.status == 200:
                break
            assert said.status == 503 and \
                said.problem == "serverInternal", said
            if self.end.wait(0.1):
                return
        order.wait("valid")
        self.done += 1


def issued_after(site, seq):
    return site.query("SELECT COUNT(*) FROM audit WHERE result = 'issued' "
                      "AND seq > ?", seq)[0][0]


def test_stop_under_load(site):
    end, workers = threading.Event(), []
    for mailbox in "alice@user.test", "bob@user.test":
        client = Client(site)
        leaf_of(site, client, mailbox)
        workers.append(Load(client, mailbox, end))
    for worker in workers:
        worker.start()
    with case("PK-45: stopped during load: nothing is issued from the commit "
              "on, also not by an issuer that is killed and comes back"):
        eventually(lambda: all(w.done > 1 or w.error for w in workers),
                   "certificates of both")
        site.countersign("stop", "issuance", "--all", "--reason", "a test")
        stopped, = site.query("SELECT MAX(seq) FROM audit "
                              "WHERE event = 'issuance stopped'")[0]
        assert issued_after(site, stopped) == 0
        time.sleep(1)
        site.kill_role("issuer")
        time.sleep(1)
        assert issued_after(site, stopped) == 0
        assert all(w.is_alive() for w in workers), [w.error for w in workers]
    with case("PK-45: resumed: what waited is issued, each once"):
        site.countersign("resume", "issuance", "--all", "--reason", "tested")
        before = [w.done for w in workers]
        eventually(lambda: all(w.done > n or w.error for w, n
                               in zip(workers, before)), "certificates again")
        end.set()
        for worker in workers:
            worker.join()
            assert worker.error is None, worker.error
        assert site.query("SELECT COUNT(*) FROM cert GROUP BY order_id "
                          "HAVING COUNT(*) > 1") == []


def test_incident(site):
    client = Client(site)
    leaf = leaf_of(site, client, "alice@user.test")
    other = leaf_of(site, client, "carol@plain.test")
    with case("PK-185: mistakes, and a dry run, open nothing"):
        for words in (["--cause", "none", "--known", days_ago(0)],
                      ["--cause", "terms", "--known", days_ago(-1)],
                      ["--cause", "terms", "--known", "today"],
                      ["--cause", "terms"]):
            site.countersign("incident", "open", *words, "--domain",
                             "plain.test", status=1)
        # A shell's variable that is not set, a time that is no limit: not
        # everything.
        for words in (["--domain", ""], ["--account", ""], ["--rules", ""],
                      ["--to", "1970-01-01T00:00:00Z"]):
            said = site.countersign("incident", "open", "--cause", "terms",
                                    "--known", days_ago(0), *words, status=1)
            assert words[0] in said, said
        site.countersign("incident", "open", "--cause", "terms", "--known",
                         days_ago(0), status=1)
        said = site.countersign("incident", "open", "--cause", "terms",
                                "--known", days_ago(0), "--domain",
                                "plain.test", "--dry-run")
        assert "certificates: 1;" in said, said
        for words, wanted in ((["--lint", "L-31"], "refuses none of"),
                              (["--lint", "L-31", "--rules", "1"], "itself"),
                              (["--lint", "L-999"], "no such lint")):
            said = site.countersign("incident", "open", "--cause",
                                    "misissued", "--known", days_ago(0),
                                    *words, status=1)
            assert wanted in said, said
        assert "no incident" in site.countersign("incident", "list")
    with case("PK-187: a faulty validation: the next order asks again"):
        assert client.order("carol@plain.test").read()["status"] == "ready"
        said = site.countersign("incident", "open", "--cause", "validation",
                                "--known", days_ago(0), "--domain",
                                "plain.test")
        assert "authorizations dropped: 1" in said, said
        ident = said.split()[1].rstrip(":")
        assert client.order("carol@plain.test").read()["status"] == "pending"
    with case("PK-192, PK-193: less than a day is left: at once"):
        url = client.url_of("renewalInfo")
        got = Client(site).request("GET", f"{url}/{certid(other)}")
        assert got.headers["Retry-After"] == "3600", got
        assert got.json["suggestedWindow"]["end"] < days_ago(0), got
        got = Client(site).request("GET", f"{url}/{certid(leaf)}")
        assert got.headers["Retry-After"] == "3600", got
        assert got.json["suggestedWindow"]["start"] > days_ago(0), got
    with case("PK-185: one admin alone does not cancel it"):
        site.countersign("incident", "cancel", ident)
        said = site.countersign("incident", "cancel", ident, status=1)
        assert "another admin" in said, said
        assert told(site, other)["status"] == "valid"
    with case("PK-185: at the deadline the set is revoked, and nothing else"):
        late = ["incident", "open", "--cause", "terms", "--known",
                days_ago(6), "--domain", "plain.test"]
        said = site.countersign(*late, status=1)
        assert "add --now" in said, said
        said = site.countersign(*late, "--now")
        ident = said.split()[1].rstrip(":")
        eventually(lambda: json.loads(site.countersign(
            "incident", "show", "--json", ident))["status"] == "finished",
            "the end of the incident")
        found = told(site, other)
        assert found["status"] == "revoked" and found["reason"] == 9, found
        assert found["revoked_by"] == f"incident:{ident}", found
        assert told(site, leaf)["status"] == "valid"


def test_drop(site):
    client = Client(site)
    leaf_of(site, client, "alice@user.test")

    def status():
        return client.order("alice@user.test").read()["status"]

    with case("PK-15: those of another domain or time stay"):
        for words in (["--domain", "plain.test"], ["--domain", "ser.test"],
                      ["--to", days_ago(1)], ["--from", days_ago(-1)],
                      ["--method", "email-reply-00", "--to", days_ago(1)]):
            said = site.countersign("authz", "--revoke", "--reason", "x",
                                    *words)
            assert said == "authorizations revoked: 0\n", said
        for words in (["--domain", ""], ["--domain", "user.test."],
                      ["--to", "1970-01-01T00:00:00Z"],
                      ["--method", "dns-01"], ["--method", ""]):
            site.countersign("authz", "--revoke", "--reason", "x", *words,
                             status=1)
        for words in (["--all"], ["--revoke", "--all"],
                      ["--revoke", "--all", "--domain", "user.test",
                       "--reason", "x"],
                      ["--revoke", "--from", "now", "--reason", "x"]):
            site.countersign("authz", *words, status=1)
        assert status() == "ready"
    with case("PK-15: of a domain: the next order asks for a new reply"):
        said = site.countersign("authz", "--revoke", "--reason", "x",
                                "--domain", "USER.test", "--from", days_ago(1),
                                "--to", days_ago(-1))
        assert int(said.rpartition(" ")[2]) >= 1, said
        assert status() == "pending"
    with case("PK-15: of a method, which the audit log names"):
        leaf_of(site, client, "alice@user.test")
        assert status() == "ready"
        said = site.countersign("authz", "--revoke", "--reason", "x",
                                "--method", "email-reply-00")
        assert int(said.rpartition(" ")[2]) >= 1, said
        assert status() == "pending"
        detail, = site.query("SELECT detail FROM audit WHERE event = "
                             "'authorizations revoked' "
                             "ORDER BY seq DESC LIMIT 1")[0]
        assert json.loads(detail) == {"method": "email-reply-00",
                                      "reason": "x"}, detail


def weak_list(*leaves):
    """As tools/weak-keys writes it, of keys on curves."""
    lines = "".join(sorted(hashlib.sha256(leaf.public_key().public_bytes(
        Encoding.X962, PublicFormat.UncompressedPoint)).hexdigest()[:20] + "\n"
        for leaf in leaves))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return f"countersign weak keys 1 {digest}\n{lines}"


def drafts(site):
    return re.findall(r"(?m)^(\S+)  draft  weak-key ",
                      site.countersign("incident", "list"))


def test_recheck(site):
    client = Client(site)
    leaf = leaf_of(site, client, "bob@user.test")
    with case("PK-188: a new list of weak keys, and the issuer looks at all "
              "certificates: a draft, and an alarm"):
        path = f"{site.folder}/weak-keys"
        with open(path, "w") as f:
            f.write(weak_list(leaf))
        assert not drafts(site)
        site.stop()
        edit_config(site, policy__weak_keys=path)
        mark = site.mark()
        site.start()
        ident, = eventually(lambda: drafts(site), "the draft")
        event = site.wait_event("certificates found that must go", mark)
        assert event["incident"] == ident, event
        text = site.countersign("incident", "show", ident)
        assert "how many: 1\n" in text, text
        assert "its key is on the list of weak keys" in text, text
        assert told(site, leaf)["status"] == "valid"
        assert "revoke_at" not in told(site, leaf)
    with case("PK-188, PK-185: confirmed it is an incident as any"):
        site.countersign("incident", "confirm", ident)
        found = json.loads(site.countersign("incident", "show", "--json",
                                            ident))
        assert found["status"] == "open" and found["notices"] >= 1, found
        assert told(site, leaf)["revoke_at"] == found["deadline"]
        site.countersign("incident", "confirm", ident, status=1)


def logins(site, result):
    return site.query("SELECT count(*) FROM audit WHERE event = 'admin login' "
                      "AND result = ?", result)[0][0]


def test_admins(site):
    alice, bob, vera, ann = (Admin(site, name) for name in
                             ("alice", "bob", "vera", "ann"))
    stop = ["stop", "issuance", "--all", "--reason", "x"]
    resume = ["resume", "issuance", "--all", "--reason", "x"]
    ident = site.countersign(
        "incident", "open", "--cause", "terms", "--known", days_ago(0),
        "--domain", "user.test").split()[1].rstrip(":")
    site.countersign("incident", "cancel", ident)
    with case("PK-206: the first admin is made without one, and then none"):
        said = site.countersign("admin", *ann.wanted("auditor"), status=1)
        assert "begin with an operator" in said, said
        # With the wrong file: nobody is locked out.
        said = site.countersign("admin", *alice.wanted("operator", bob))
        assert "counts from the first command on" in said, said
        alice.run("admin", "list", status=1)
        site.countersign("orders")
        site.countersign("admin", *alice.wanted("operator"))
        assert "waits for a first command" in alice.run("admin", "list",
                                                        factors=[])
        assert "waits" not in alice.run("admin", "list")
        said = site.countersign("admin", *vera.wanted("approver"), status=1)
        assert "is an admin's" in said, said
        said = site.countersign(*stop, status=1)
        assert "--admin NAME" in said, said
        assert logins(site, "refused") == 3
        site.countersign("orders")
    with case("PK-206: until there are two, one adds another alone"):
        alice.run("admin", *vera.wanted("approver"))
        vera.run("admin", "list")
    with case("PK-206: then one asks and another approves, of whom one is an "
              "approver"):
        alice.run("admin", *bob.wanted("approver"))
        bob.run(*stop, status=1)
        said = alice.run("admin", "approve", "bob", status=1)
        assert "another admin" in said, said
        vera.run("admin", "approve", "bob")
        vera.run("admin", *ann.wanted("auditor"))
        vera.run("admin", "approve", "ann", status=1)
        alice.run("admin", "approve", "ann")
    with case("PK-206: both factors, or nothing; PK-19: on record"):
        before = logins(site, "ok"), logins(site, "refused")
        one = alice.factors()
        for factors in (one[:4], one[:2] + one[4:],
                        one[:3] + [bob.password] + one[4:],
                        one[:5] + [bob.key, one[6], bob.password]):
            said = alice.run(*stop, status=1, factors=factors)
            assert "not accepted" in said, said
        assert logins(site, "refused") == before[1] + 4
        alice.run("stop", "issuance", "--list", factors=[], status=0)
    def wait(until):
        with site.connection() as db:
            db.execute("UPDATE admin_try SET until_at = ?", (until,))

    with case("PK-206: who was wrong too often waits, also when right"):
        (count, until), = site.query(
            "SELECT failures, until_at FROM admin_try WHERE name = 'alice'")
        assert count == 4 and until > 0, (count, until)
        wait(until + 1000)
        said = alice.run(*stop, status=1)
        assert "too many wrong tries" in said, said
        assert logins(site, "ok") == before[0]
        wait(until)
        eventually(lambda: "issuance stopped: all" in alice.run(
            *stop, status=None), "the end of the pause")
    with case("PK-20: the record says which admin acted"):
        (actor,), = site.query("SELECT actor FROM audit WHERE event = "
                               "'issuance stopped' ORDER BY seq DESC LIMIT 1")
        assert actor == "admin:alice", actor
        bob.run(*resume)
    with case("PK-206: an auditor reads, and changes nothing"):
        said = ann.run(*stop, status=1)
        assert "which only reads" in said, said
        ann.run("incident", "list")
        before = logins(site, "ok")
        ann.run("admin", "list")
        assert logins(site, "ok") == before + 1
    with case("PK-206: a program that signs"):
        signer = f"{site.folder}/signer"
        with open(signer, "w") as f:
            f.write(f"#!/bin/sh\nexec openssl dgst -sha256 -sign {bob.key} "
                    f"-passin file:{bob.password}\n")
        os.chmod(signer, 0o755)
        bob.run("stop", "issuance", "--list", factors=[
            *bob.factors()[:4], "--admin-signer", signer])
    with case("PK-206, PK-185: what a system account asked for does not count; "
              "two accounts do, in either order"):
        assert "asked for" in vera.run("incident", "cancel", ident)
        said = vera.run("incident", "cancel", ident, status=1)
        assert "another admin" in said, said
        assert "cancelled" in alice.run("incident", "cancel", ident)
    with case("PK-206: a password is changed by its own admin"):
        old = alice.factors()
        new = f"{site.folder}/new-password"
        with open(new, "w") as f:
            f.write("another long password\n")
        os.chmod(new, 0o400)
        bob.run("admin", "passwd", "--password-file", new, "alice", status=1)
        alice.run("admin", "passwd", "--password-file", new, "alice")
        alice.run("stop", "issuance", "--list", factors=old, status=1)
        old[3] = new
        alice.run("stop", "issuance", "--list", factors=old)
    with case("PK-206: a client key is replaced, and its end told before"):
        soon = int(time.time()) + 7 * 86400
        with site.connection() as db:
            db.execute("UPDATE admin_key SET not_after = ? WHERE name IN "
                       "('alice', 'bob')", (soon,))
            db.execute("UPDATE admin_key SET not_after = 1 WHERE name = 'ann'")
        said = alice.run("admin", "list", factors=[])
        assert "client certificate of bob ends at" in said, said
        said = site.countersign("check", status=None)
        assert "warn  admins: the client certificate of ann has expired" in \
            said, said
        said = ann.run("admin", "list", status=1)
        assert "another account" in said and "disable ann" in said, said
        new = Admin(site, "ann-2")
        said = bob.run("admin", "key", "--client-key", new.public, "ann",
                       status=1)
        assert "only that admin names the own client key" in said, said
        with site.connection() as db:
            db.execute("UPDATE admin_key SET not_after = 0 WHERE name = 'ann'")
        said = ann.run("admin", "key", "--client-key", new.public, "ann")
        assert "first command that it signs" in said, said
        ann.key, ann.passphrase = new.key, new.password
        ann.run("admin", "list")
        new = Admin(site, "bob-2")
        bob.run("admin", "key", "--client-key", new.public, "bob")
        bob.run("stop", "issuance", "--list")
        bob.key, bob.passphrase = new.key, new.password
        assert "of bob" not in bob.run("admin", "list")
    with case("PK-206: who is disabled is nobody; the last two stay"):
        vera.run("admin", "disable", "bob")
        said = bob.run(*stop, status=1)
        assert "not accepted" in said, said
        said = vera.run("admin", "disable", "alice", status=1)
        assert "no two would be left" in said, said
    with case("PK-206: the signatures on record are verified again"):
        said = ann.run("admin", "verify", "vera")
        assert "each by a key of this admin's" in said, said
        ann.run("admin", "verify", "bob")
        assert "password of" not in site.log()


run({}, test_stop, test_stop_under_load, test_incident, test_drop,
    test_recheck, test_admins)
