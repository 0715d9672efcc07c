"""What somebody tries who has taken the web role over: rows written past the
program, with the login of `web` on PostgreSQL, on SQLite into the file.  Each
is refused by the database, or the issuer signs nothing and says so (PK-205).

A site has `forge(sql)`: True if the database took it.  The thief has an account
and a mailbox of his own, alice+eve@user.test, and wants bob@user.test's."""

import json
import os
import re
import secrets
import time

from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client, Order, b64, make_csr, new_key
from harness import case, command, eventually, read_file
from letters import answer

OWN = "alice+eve@user.test"
WANTED = "bob@user.test"
NOT_PROVEN = "validation not proven"
NO_REQUEST = "request not proven"
NOT_OURS = "certificate row not ours"


def ready(client, mailbox, who):
    """An order whose mailbox is validated."""
    order = client.order(mailbox)
    if order.read()["status"] != "ready":
        answer(client.site, order.challenge(), who)
        order.challenge().post()
        order.wait("ready")
    return order


def id_of(url):
    return url.rpartition("/")[2]


def authz_of(order):
    return id_of(order.read()["authorizations"][0])


class Forgery:
    """One of them, tried once: `taken` says whether the rows are there."""

    def __init__(self, site, *statements):
        self.site = site
        self.mark = site.mark()
        self.taken = all([site.forge(sql) for sql in statements])

    def issues_nothing(self, order, event, problem="unauthorized"):
        """After the rows were forged: the order ends, and the log says it."""
        found = order.wait("invalid")
        assert found["error"]["type"].endswith(f":{problem}"), found
        self.site.wait_event(event, self.mark, order=order.id)
        found = self.site.query("SELECT COUNT(*) FROM cert WHERE order_id = ? "
                                "AND issued_at > 0", order.id)
        assert int(found[0][0]) == 0, found


def make_valid(order):
    return (f"UPDATE authz SET valid_at = {int(time.time())}, "
            f"valid_until = {int(time.time()) + 86400} "
            f"WHERE id = '{authz_of(order)}'")


def test_valid(site):
    """The authorization is written valid; nobody answered the mail."""
    order = Client(site).order(WANTED)
    with case("PK-205: an authorization that web's login made valid"):
        forgery = Forgery(site, make_valid(order))
        assert forgery.taken
        assert order.read()["status"] == "ready"
        order.finalize()
        forgery.issues_nothing(order, NOT_PROVEN)


def test_reply(site, may_write):
    """With the reply of another challenge, seal and all, as evidence."""
    thief = Client(site)
    own, order = ready(thief, OWN, "ALICE"), thief.order(WANTED)
    challenge = order.challenge()
    with case("PK-205: a reply, its evidence and its seal, copied"):
        forgery = Forgery(
            site, make_valid(order),
            "INSERT INTO reply (id, source, uidvalidity, uid, challenge_id, "
            "arrival, recorded_at, verdict, code, detail, evidence, "
            "br_version, raw, raw_sha256, covered_hash, seal, is_disposed) "
            "SELECT 'forged', source, uidvalidity + 1, uid, "
            f"'{challenge.id}', arrival, recorded_at, verdict, code, detail, "
            "evidence, br_version, raw, raw_sha256, covered_hash, seal, "
            "is_disposed "
            f"FROM reply WHERE challenge_id = '{own.challenge().id}' "
            "AND verdict = 'match'")
        assert forgery.taken == may_write
        order.finalize()
        forgery.issues_nothing(order, NOT_PROVEN)


def new_order_row(client, mailbox, authz):
    """An order as newOrder would write it, for whatever authorization."""
    order = Order(client, f"{client.base}/acme/order/"
                  f"{b64(secrets.token_bytes(16))}", [mailbox])
    now = int(time.time())
    return order, (
        "INSERT INTO orders (id, account_id, profile, created_at, life_until, "
        "identifier_count) VALUES "
        f"('{order.id}', '{id_of(client.kid)}', 'mailbox-strict', {now}, "
        f"{now + 86400}, 1)",
        "INSERT INTO order_identifier (order_id, place, type, value, authz_id) "
        f"VALUES ('{order.id}', 0, 'email', '{mailbox}', '{authz}')")


def test_lent(site):
    """An order of the thief's stands on the victim's authorization."""
    victim, thief = Client(site), Client(site).account()
    authz = authz_of(ready(victim, WANTED, "BOB"))
    order, rows = new_order_row(thief, WANTED, authz)
    with case("PK-205: an order on another account's authorization"):
        forgery = Forgery(site, *rows)
        assert forgery.taken
        order.finalize()
        forgery.issues_nothing(order, NOT_PROVEN)


def test_renamed(site, may_write):
    """The thief's own authorization gets the victim's mailbox."""
    thief = Client(site)
    authz = authz_of(ready(thief, OWN, "ALICE"))
    order, rows = new_order_row(thief, WANTED, authz)
    with case("PK-205: an authorization that gets another mailbox"):
        forgery = Forgery(
            site, *rows, f"UPDATE authz SET mailbox = '{WANTED}', "
            f"ident_value = '{WANTED}' WHERE id = '{authz}'")
        assert forgery.taken == may_write
        if forgery.taken:
            order.finalize()
            forgery.issues_nothing(order, NOT_PROVEN)
        else:
            answered = order.finalize(expect=None)
            assert answered.status != 200 or \
                order.wait("invalid", "valid")["status"] == "invalid"


def octets(site, data):
    return f"'\\x{data.hex()}'::bytea" if site.is_pgsql else f"x'{data.hex()}'"


def test_request(site):
    """The victim's order gets the thief's key; the victim signed nothing."""
    order = ready(Client(site), WANTED, "BOB")
    csr = octets(site, make_csr(new_key(), WANTED))
    now = int(time.time())
    with case("PK-205: an order that is finalized by hand"):
        forgery = Forgery(
            site, f"UPDATE orders SET csr = {csr}, csr_jws = {csr}, csr_at = "
            f"{now}, issue_due_at = {now} WHERE id = '{order.id}'")
        assert forgery.taken
        site.reload()
        forgery.issues_nothing(order, NO_REQUEST)


def test_account_key(site):
    """The victim's account gets the thief's key: every request is good then,
    and the replies are not about that key."""
    victim, thief = Client(site), Client(site)
    ready(victim, WANTED, "BOB")
    with case("PK-205: an account that gets another key"):
        forgery = Forgery(
            site, f"UPDATE account SET jwk = '{json.dumps(thief.jwk)}', "
            f"thumbprint = '{thief.thumbprint}' "
            f"WHERE id = '{id_of(victim.kid)}'")
        assert forgery.taken
        thief.kid = victim.kid
        order = thief.order(WANTED)
        assert order.read()["status"] == "ready"
        order.finalize()
        forgery.issues_nothing(order, NOT_PROVEN)
    with case("PK-205: and a request for the change that nobody signed"):
        forgery = Forgery(
            site, "INSERT INTO account_key (account_id, place, thumbprint, "
            "jwk, request, retired_at) VALUES "
            f"('{id_of(victim.kid)}', 0, '{victim.thumbprint}', "
            f"'{json.dumps(victim.jwk)}', {octets(site, b'{}')}, 1)")
        assert forgery.taken
        order = thief.order(WANTED)
        order.finalize()
        order.wait("invalid")
        assert "not proven" in site.log(forgery.mark)


def test_caa(site, may_write):
    """A CAA check that looks younger than it is."""
    order = ready(Client(site), OWN, "ALICE")
    authz = authz_of(order)
    eventually(lambda: site.query("SELECT 1 FROM caa WHERE authz_id = ? "
                                  "AND checked_at > 0", authz), "CAA")
    with case("PK-205: a CAA check that was touched"):
        forgery = Forgery(site, "UPDATE caa SET checked_at = checked_at + 1 "
                          f"WHERE authz_id = '{authz}'")
        assert forgery.taken == may_write
        order.finalize()
        if forgery.taken:
            forgery.issues_nothing(order, NOT_PROVEN)
        else:
            order.wait("valid")


def test_certificate_row(site, may_write):
    """What the issuer would sign, written by somebody else."""
    thief = Client(site)
    ready(thief, OWN, "ALICE").certificate()
    order = ready(thief, OWN, "ALICE")
    number = "7f" * 17
    columns = ("account_id, ca_label, profile, profile_sha256, tbs, "
               "signature_alg, lint_report, evidence, br_version, "
               "spki_sha256, not_before, not_after, reserved_at, shard")
    with case("PK-205: a certificate that waits for its signature"):
        forgery = Forgery(
            site, f"INSERT INTO cert (id, order_id, serial, {columns}) "
            f"SELECT 'forged', '{order.id}', '{number}', {columns} "
            "FROM cert WHERE issued_at > 0 LIMIT 1")
        assert forgery.taken == may_write
        order.finalize()
        if forgery.taken:
            forgery.issues_nothing(order, NOT_OURS, "serverInternal")
        else:
            order.wait("valid")


def serial(leaf):
    text = f"{leaf.serial_number:x}"
    return text.zfill(len(text) + len(text) % 2)


def revoke(client, leaf):
    der = leaf.public_bytes(Encoding.DER)
    client.post(client.url_of("revokeCert"),
                {"certificate": b64(der), "reason": 4}, 200)


def is_listed(site, leaf):
    path = re.search(r'(?m)^\s*crl_file = "?([^"\n]+)"?$',
                     read_file(site.config))[1]
    text = command("openssl", "crl", "-inform", "DER", "-noout", "-text",
                   "-in", os.path.join(site.state, path))
    return serial(leaf).upper() in text


def test_revocation(site):
    """A revocation that is on the list, taken back."""
    client = Client(site)
    order = ready(client, OWN, "ALICE")
    leaf = order.certificate()[0]
    where = f"WHERE order_id = '{order.id}'"
    revoke(client, leaf)
    eventually(lambda: is_listed(site, leaf), "the list")
    with case("PK-205: a revocation that is taken back stays on the list"):
        forgery = Forgery(site, "UPDATE cert SET revoked_at = 0, reason = 0, "
                          f"list_due_at = NULL {where}")
        assert forgery.taken
        # Whatever comes next makes the issuer write a list.
        other = ready(client, OWN, "ALICE").certificate()[0]
        revoke(client, other)
        eventually(lambda: "L-66" in site.log(forgery.mark), "the alarm")
        assert is_listed(site, leaf) and not is_listed(site, other)
    with case("and once the row is mended, the list goes on"):
        site.query(f"UPDATE cert SET revoked_at = 1, reason = 4 {where}")
        eventually(lambda: is_listed(site, other), "the list")
        assert is_listed(site, leaf)


def all_of(may_write):
    """The tests, for run(); may_write: the database refuses nothing."""
    def with_rights(test):
        def run(site):
            test(site, may_write)
        run.__name__ = test.__name__
        return run
    return [test_valid, with_rights(test_reply), test_lent,
            with_rights(test_renamed), test_request, test_account_key,
            with_rights(test_caa), with_rights(test_certificate_row),
            test_revocation]
