"""reply_ingest: a folder full of replies, from IMAP to verdicts.

See README.md. Everything here yields (variant, metric, value, runs).

Each reply answers a challenge of its own. The challenges are copies of a real
order's rows, and the replies are written and signed here, with a key of
user.test that is published for it: nothing of the product has a part in that.
"""

import base64
import contextlib
import email.utils
import hashlib
import os
import re
import resource
import secrets
import subprocess
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from acme import Client
from harness import eventually, log_time
from letters import block, challenge_mail, fill

COUNT = int(os.environ.get("BENCH_REPLIES", "10000"))
SELECTOR = "bench"
TOKEN = 24      # octets in a half


def b64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


# --- what stands in for orders and people --------------------------------

class Signer:
    """DKIM, simple/simple, RSA of 2048 bits."""

    def __init__(self, site):
        self.key = rsa.generate_private_key(65537, 2048)
        public = base64.b64encode(self.key.public_key().public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo)).decode()
        # The resolver keeps it, as ER-34 has it.
        site.lab("dns-set", f"{SELECTOR}._domainkey.user.test", "TXT", "3600",
                 f"v=DKIM1; k=rsa; p={public}")

    def sign(self, fields, body):
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        names = ":".join(f.split(":", 1)[0].lower() for f in fields)
        head = ("DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple;\r\n"
                f" d=user.test; s={SELECTOR}; h={names};\r\n"
                f" bh={digest};\r\n b=")
        signed = "".join(f + "\r\n" for f in fields) + head
        value = base64.b64encode(self.key.sign(
            signed.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
        return (head + "\r\n ".join(re.findall(".{1,70}", value)) + "\r\n"
                ).encode() + "".join(f + "\r\n" for f in fields).encode() \
            + b"\r\n" + body


class Challenges:
    """As many challenges as are wanted, like one that was really made."""

    def __init__(self, site):
        self.site = site
        self.signer = Signer(site)
        client = Client(site)
        order = client.order("alice+template@user.test")
        challenge = order.challenge()
        challenge.post()
        part1 = challenge_mail(site, challenge).part1
        self.thumbprint = client.thumbprint
        self.id = challenge.id
        client.close()
        stored, = site.query("SELECT token_part1_sha256 FROM challenge "
                             "WHERE id = ?", self.id)[0]
        assert stored == hashlib.sha256(part1.encode()).digest()
        assert len(part1) == len(b64url(bytes(TOKEN))), part1

    def row(self, db, table, column, value):
        cursor = db.execute(f"SELECT * FROM {table} WHERE {column} = ?",
                            (value,))
        return dict(zip((c[0] for c in cursor.description),
                        cursor.fetchone()))

    def insert(self, db, table, row):
        db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES "
                   f"({', '.join('?' * len(row))})", tuple(row.values()))

    def make(self, count, first):
        """Their replies, as octets."""
        with self.site.connection() as db:
            challenge = self.row(db, "challenge", "id", self.id)
            authz = self.row(db, "authz", "id", challenge["authz_id"])
            order = self.row(db, "orders", "id", authz["order_id"])
            place = self.row(db, "order_identifier", "authz_id", authz["id"])
            outbox = self.row(db, "outbox", "challenge_id", self.id)
            return [self.one(db, n, challenge, authz, order, place, outbox)
                    for n in range(first, first + count)]

    def one(self, db, n, challenge, authz, order, place, outbox):
        new = {name: b64url(secrets.token_bytes(16))
               for name in ("order", "authz", "challenge")}
        part1, part2 = (b64url(secrets.token_bytes(TOKEN)) for _ in "12")
        hashed = [hashlib.sha256(t.encode()).digest() for t in (part1, part2)]
        mailbox = f"alice+bench{n}@user.test"
        sender = challenge["from_address"].replace("@", f"{n}@", 1)
        message_id = f"<bench-{n}@ca.test>"
        self.insert(db, "orders", order | {"id": new["order"]})
        self.insert(db, "authz", authz | {
            "id": new["authz"], "order_id": new["order"], "mailbox": mailbox,
            "ident_value": mailbox})
        self.insert(db, "order_identifier", place | {
            "order_id": new["order"], "authz_id": new["authz"],
            "value": mailbox})
        self.insert(db, "challenge", challenge | {
            "id": new["challenge"], "authz_id": new["authz"],
            "token_part1_sha256": hashed[0], "token_part2": part2,
            "token_part2_sha256": hashed[1], "from_address": sender,
            "message_id": message_id})
        self.insert(db, "outbox", outbox | {
            "challenge_id": new["challenge"], "order_id": new["order"]})
        digest = b64url(hashlib.sha256(
            f"{part1}{part2}.{self.thumbprint}".encode()).digest())
        return self.signer.sign([
            f"From: {mailbox}", f"To: {sender}",
            f"Subject: Re: ACME: {part1}",
            f"Date: {email.utils.formatdate()}",
            f"Message-ID: <reply-{n}@user.test>",
            f"In-Reply-To: {message_id}", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=us-ascii"],
            block(digest).encode())


# --- measuring -----------------------------------------------------------

def children_cpu():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def process_cpu(pid):
    """Seconds of one that runs, its children not in it."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sweep(site, at_once, after):
    """(messages, seconds, octets) of loading all above a UID."""
    env = site.env
    done = subprocess.run(
        [f"{site.build}/tests/integration/mail_io_tool", "box",
         "localhost", env["CA_IMAPS_PORT"], "implicit", env["LAB_CA_CERT"],
         env["CA_IMAP_USER"], env["CA_IMAP_PASSWORD_FILE"]],
        input=f"connect 0\nsweep {after} {at_once}\n", text=True, check=True,
        stdout=subprocess.PIPE, timeout=600).stdout.splitlines()
    word, count, ms, octets = done[-1].split()
    assert word == "sweep", done
    return int(count), int(ms) / 1000, int(octets)


def status_kib(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"{name}:\s+(\d+)", f.read())[1])


def last_uid(site):
    return site.query("SELECT COALESCE(MAX(uid), 0) FROM reply")[0][0]


def ingest(site, challenges, count, first):
    """Yields what is measured with a folder of so many new replies."""
    variant = f"replies={count}"
    with contextlib.suppress(subprocess.TimeoutExpired):
        site.stop()
    after = last_uid(site)
    fill(site, challenges.make(count, first))
    sweep(site, 64, after)      # Dovecot has seen and indexed them
    before = children_cpu()
    found, seconds, octets = sweep(site, 64, after)
    assert found == count, (found, count)
    bare = count / seconds
    bare_cpu = children_cpu() - before
    found, seconds, _ = sweep(site, 1, after)
    assert found == count, (found, count)
    one_by_one = count / seconds
    mark = site.mark()
    site.start()
    opened = site.wait_event("mailbox open", mark, 60)
    pid = site.roles()["validator"]
    eventually(lambda: site.log(mark).count("event=reply ") >= count,
               "all verdicts", 600)
    events = site.events("reply", mark)
    verdicts = [e["verdict"] for e in events]
    assert verdicts.count("match") == count, site.query(
        "SELECT verdict, code, detail, COUNT(*) FROM reply GROUP BY 1, 2, 3")
    rate = count / (log_time(events[-1]) - log_time(opened))
    cpu = process_cpu(pid)
    yield variant, "octets_of_one", octets / count, count
    yield variant, "verdicts_per_s", rate, count
    yield variant, "bare_fetch_per_s", bare, count
    yield variant, "to_bare_fetch", rate / bare, count
    yield variant, "bare_fetch_one_by_one_per_s", one_by_one, count
    yield variant, "to_bare_fetch_one_by_one", rate / one_by_one, count
    yield variant, "validator_cpu_us_per_reply", 1e6 * cpu / count, count
    yield variant, "bare_fetch_cpu_us_per_reply", 1e6 * bare_cpu / count, count
    yield variant, "validator_resident_kib", status_kib(pid, "VmRSS"), 1
    yield variant, "validator_peak_kib", status_kib(pid, "VmHWM"), 1


def order_seconds(client, number):
    began = time.perf_counter()
    client.order(f"alice+order{number}@user.test")
    return time.perf_counter() - began


def orders_beside(site, challenges, count, first):
    """Orders of one client, one after the other, while a folder of so many is
    judged; then as many with nothing beside them."""
    variant = f"replies={count}"
    with contextlib.suppress(subprocess.TimeoutExpired):
        site.stop()
    fill(site, challenges.make(count, first))
    mark = site.mark()
    site.start()
    client = Client(site)
    client.account()
    site.wait_event("mailbox open", mark, 60)
    beside = []
    while site.log(mark).count("event=reply ") < count:
        beside.append(order_seconds(client, len(beside)))
    eventually(lambda: site.query("SELECT COUNT(*) FROM reply WHERE "
                                  "is_disposed = 0")[0][0] == 0,
               "nothing to be put away")
    alone = [order_seconds(client, len(beside) + n)
             for n in range(len(beside))]
    client.close()
    for name, times in (("beside", beside), ("alone", alone)):
        ms = sorted(1000 * s for s in times)
        yield variant, f"order_{name}_p50_ms", ms[len(ms) // 2], len(ms)
        yield variant, f"order_{name}_p90_ms", ms[9 * len(ms) // 10], len(ms)


def run(site):
    challenges = Challenges(site)
    first = 0
    for count in (max(COUNT // 10, 1), COUNT):
        yield from ingest(site, challenges, count, first)
        first += count
    yield from orders_beside(site, challenges, COUNT, first)
