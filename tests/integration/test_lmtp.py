#!/usr/bin/python3
"""Replies that the mail server delivers by LMTP; no IMAP is configured."""

import hashlib
import os
import random
import re
import signal
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from acme import Client
from harness import DEADLINE, ROLES, case, eventually, kill, run, say
from letters import answer, challenge_mail, compose, deliver, sign
from ways import InetSite, Lmtp, UnixSite

# Seconds; the most that can be configured.
DNS_TOTAL = 120
KILLS = int(os.environ.get("COUNTERSIGN_TEST_KILLS", "25"))
STRANGER = (b"From: eve@user.test\r\nTo: acme@ca.test\r\n"
            b"Subject: hello\r\nMessage-ID: <%d@user.test>\r\n\r\nHi.\r\n")


def stranger():
    return STRANGER % random.getrandbits(64)


def rows_of(site, raw):
    return site.query("SELECT verdict, code, raw_sha256, is_disposed "
                      "FROM reply WHERE raw_sha256 = ?",
                      hashlib.sha256(raw).digest())


def subject(site, mailbox="alice@user.test"):
    """An order, its challenge, and the mail of it."""
    order = Client(site, patient=True).order(mailbox)
    challenge = order.challenge()
    challenge.post()
    return order, challenge, challenge_mail(site, challenge)


def test_dns_down(site):
    """First: nothing is in the resolver's cache yet."""
    order, challenge, mail = subject(site)
    raw = sign(site, compose(challenge, mail))
    mark = site.mark()
    site.lab("stop-part", "dns")
    with case("MA-31: without DNS the reply is deferred, answered 250, and "
              "others do not wait for it"):
        began = time.monotonic()
        deliver(site, raw, challenge.sender)
        event = site.wait_event("reply", mark, challenge=challenge.id)
        assert event["verdict"] == "deferred", event
        with Lmtp(site) as other:
            assert other.deliver(stranger(), "acme@ca.test") == 250
        took = time.monotonic() - began
        assert took < DNS_TOTAL - 10, took
        eventually(lambda: "status=sent (250 2.0.0" in
                   site.lab_log("ca-postfix"), "Postfix's line")
    with case("MA-31: when DNS is back it is judged again, and counts"):
        site.lab("start-part", "dns")
        asked = 0

        def is_valid():
            """Without the pauses between judgements. (The library believes
            for a minute that there are no keys where it found none.)"""
            nonlocal asked
            if time.monotonic() > asked + 1:
                site.make_due(wait=False)
                asked = time.monotonic()
            return challenge.read()["status"] == "valid"
        eventually(is_valid, "the second judgement", 2 * DEADLINE)
        assert site.query("SELECT count(*) FROM reply WHERE challenge_id = ?",
                          challenge.id) == [(1,)]
        order.certificate()


def test_issue(site):
    with case("ER-21: a whole issuance by LMTP, through Postfix; nothing is "
              "left to be moved away"):
        assert set(site.intakes()) == {"lmtp", "deferred"}, site.intakes()
        order = Client(site).order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        answer(site, challenge)
        order.certificate()
        assert site.query("SELECT 1 FROM reply WHERE is_disposed = 0") == []
        assert "ok    LMTP" in site.countersign("check", status=None)
    with case("the socket is for its user and group only"):
        s = os.stat(site.socket)
        assert stat.S_IMODE(s.st_mode) == 0o660, oct(s.st_mode)
    with case("a folder that the mail server cannot pass: countersign check "
              "says so"):
        folder = os.path.dirname(site.socket)
        os.chmod(folder, 0o700)
        told = site.countersign("check", status=1)
        os.chmod(folder, 0o750)
        assert f"WRONG LMTP: group postfix cannot pass the folder {folder}" \
            in told, told


def test_strangers(site):
    with case("ER-23: mail about nothing is accepted and recorded; mail to "
              "others is refused"):
        raw = stranger()
        with Lmtp(site) as l:
            assert l.deliver(raw, "acme+nobody-has-this-tag@ca.test") == 250
            assert rows_of(site, raw)[0][0] == "unknown"
            assert l.ask("MAIL FROM:<a@b.test>") == 250
            assert l.ask("RCPT TO:<postmaster@ca.test>") == 550
            assert l.ask("RCPT TO:<acme@user.test>") == 550
            assert l.ask("DATA") == 503
    with case("one message to several addresses: an answer for each"):
        raw = stranger()
        with Lmtp(site) as l:
            l.open("a@b.test", "acme@ca.test", "acme+a@ca.test")
            l.send(raw)
            assert (l.answer(), l.answer()) == (250, 250)
            assert l.ask("QUIT") == 221
        assert len(rows_of(site, raw)) == 1
    with case("MA-1: over the limit: 552, also when its size is announced"):
        big = stranger() + b"x" * 70 + b"\r\n" * 140000
        with Lmtp(site) as l:
            assert l.deliver(big, "acme@ca.test") == 552
            assert l.ask(f"MAIL FROM:<a@b.test> SIZE={len(big)}") == 552
            assert l.ask("MAIL FROM:<a@b.test> SIZE=1000") == 250
        assert rows_of(site, big) == []


def test_envelope(site):
    _, challenge, mail = subject(site)
    with case("MA-48: an answer without envelope sender is automatic"):
        mark = site.mark()
        raw = sign(site, compose(challenge, mail))
        deliver(site, raw, challenge.sender, sender="")
        event = site.wait_verdict(mark, challenge=challenge.id)
        assert (event["verdict"], event["code"]) == \
            ("unauthenticated", "hdr.automatic"), event
    with case("ER-24, MA-106: a bounce from the user's mail system, by the "
              "address it comes to, ends the challenge"):
        order = Client(site).order("bounce@user.test")
        found = order.wait("invalid")
        assert found["error"]["type"].endswith(":connection"), found


def test_smuggling(site):
    with case("MA-3: what ends no message for a strict server ends none "
              "here"):
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r",
                    b"\r.\r\n", b"\n.\r"):
            raw = stranger() + b"a" + end + (
                b"MAIL FROM:<admin@user.test>\r\nRCPT TO:<acme@ca.test>\r\n"
                b"DATA\r\nFrom: admin@user.test\r\n\r\nx\r\n")
            with Lmtp(site) as l:
                l.open("a@b.test", "acme@ca.test")
                l.say(raw + b".\r\n")
                assert l.answer() == 250, end
                # One answer, not two; and the next is for what follows.
                assert l.ask("VRFY x") == 252, end
        rows = site.query("SELECT code FROM reply WHERE code LIKE 'msg.bare%'")
        assert len(rows) == 7, rows


def test_hostile(site):
    with case("garbage, NUL, giant lines, 10,000 recipients: bounded "
              "answers, and a good client is served meanwhile"):
        with Lmtp(site) as l:
            l.say(b"LHLO x\r\n" + b"NOOP " + b"x" * 3000000 + b"\r\n")
            assert (l.answer(), l.answer()) == (250, 500)
            l.say(b"NO\0OP\r\nNOOP\n\r\n")
            assert (l.answer(), l.answer()) == (500, 500)
            l.say(b"MAIL FROM:<>\r\n")
            assert l.answer() == 250
            writer = threading.Thread(target=l.say, args=(
                b"RCPT TO:<acme@ca.test>\r\n" * 10000,))
            writer.start()
            got = [l.answer() for _ in range(10000)]
            writer.join()
            assert got == [250] * 100 + [452] * 9900
            l.say(b"XYZZY\r\n" * 50)
            got = [l.answer() for _ in range(18)]
            assert got == [500] * 17 + [421], got
            assert l.answer() == 0
        with Lmtp(site) as l:
            assert l.ask("GET / HTTP/1.1") == 421
            assert l.answer() == 0
    with case("answers that nobody reads are not kept in memory"):
        with Lmtp(site) as l:
            l.socket.settimeout(2)
            sent = 0
            try:
                while sent < 50_000_000:
                    sent += l.socket.send(b"NOOP\r\n" * 10000)
            except TimeoutError:
                pass
            assert sent < 50_000_000, sent
    with case("60 connections that say nothing, or one octet at a time: "
              "others are served"):
        idle = [Lmtp(site) for _ in range(60)]
        for i, l in enumerate(idle):
            l.say("LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<acme@ca.test>\r\n"
                  "DATA\r\nx"[:i * 2 % 60])
        with Lmtp(site) as l:
            assert l.deliver(stranger(), "acme@ca.test") == 250
        for l in idle:
            l.close()
        with Lmtp(site) as l:
            assert l.deliver(stranger(), "acme@ca.test") == 250


def test_again(site):
    order, challenge, mail = subject(site)
    raw = sign(site, compose(challenge, mail))
    with case("ER-21: the connection breaks before 250; delivered again, it "
              "is the same message"):
        with Lmtp(site) as l:
            l.open("alice@user.test", challenge.sender)
            l.send(raw)
        eventually(lambda: rows_of(site, raw), "the row")
        for _ in range(3):
            with Lmtp(site) as l:
                assert l.deliver(raw, challenge.sender) == 250
        # Slow name servers put a judgement off; they do not change it.
        eventually(lambda: [r[0] for r in rows_of(site, raw)] == ["match"],
                   "the verdict")
        order.certificate()


def send_until_taken(site, raw, recipient):
    """As a mail server: whatever is not answered 250 is delivered again.
    How often that was needed."""
    tries = 0
    while True:
        tries += 1
        try:
            with Lmtp(site) as l:
                l.open("alice@user.test", recipient)
                l.send(raw)
                if l.answer() == 250:
                    return tries
        except (OSError, AssertionError):
            time.sleep(0.02)


def test_kill(site):
    seed = int(os.environ.get("COUNTERSIGN_TEST_SEED", time.time_ns()))
    random.seed(seed)
    say(f"seed {seed}")
    _, challenge, mail = subject(site)
    again = lost = 0
    with case(f"ER-21: {KILLS} times kill -9 between the end of DATA and "
              "250: each message is recorded once, none is lost"):
        for i in range(KILLS):
            raw = compose(challenge, mail, Message_ID=f"<kill{i}@user.test>")
            pid = eventually(lambda: site.intakes().get("lmtp"), "lmtp")
            delay = random.uniform(0, 0.012)
            try:
                with Lmtp(site) as l:
                    l.open("alice@user.test", challenge.sender)
                    l.send(raw)
                    time.sleep(delay)
                    os.kill(pid, signal.SIGKILL)
                    acknowledged = l.answer() == 250
            except (OSError, AssertionError):
                acknowledged = False
            recorded = len(rows_of(site, raw))
            assert recorded or not acknowledged, "an empty promise"
            lost += recorded and not acknowledged
            again += send_until_taken(site, raw, challenge.sender)
            assert len(rows_of(site, raw)) == 1
        found = site.query("SELECT soft_count FROM challenge WHERE id = ?",
                           challenge.id)
        assert found == [(min(KILLS, 5),)], found
        say(f"committed, but 250 lost: {lost}; attempts: {again}")
        assert again > 0


def test_storm(site):
    with case("ER-21: through Postfix, 100 at once, while the process is "
              "killed: all are delivered, each once, the good ones count"):
        good = [subject(site, f"alice+{i}@user.test") for i in range(6)]
        letters = [(sign(site, compose(c, m)), c.sender) for _, c, m in good]
        count = site.query("SELECT count(*) FROM reply")[0][0]
        letters += [(stranger(), f"acme+{i}@ca.test") for i in range(94)]
        random.shuffle(letters)
        mark = len(site.lab_log("ca-postfix"))
        stopped = site.intakes()["lmtp"]
        os.kill(stopped, signal.SIGSTOP)
        # Postfix has them all before the first is taken. (Of so many clients
        # at once it would wait for none longer than ten seconds.)
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda letter: deliver(site, *letter), letters))
        time.sleep(0.5)
        os.kill(stopped, signal.SIGCONT)
        for _ in range(5):
            time.sleep(random.uniform(0.02, 0.15))
            pid = site.intakes().get("lmtp")
            if pid:
                kill(pid)
            time.sleep(0.15)
        # Not those of challenge mails, which Postfix may just be logging.
        eventually(lambda: len(re.findall(
            r"postfix/lmtp\S*: .*status=sent \(250 2\.0\.0",
            site.lab_log("ca-postfix")[mark:])) == 100, "all deliveries")
        assert site.query("SELECT count(*) FROM reply")[0][0] == count + 100
        for order, _, _ in good:
            order.certificate()
    with case("and the server is well afterwards"):
        eventually(lambda: site.roles().keys() == set(ROLES) and
                   len(site.processes()) == len(ROLES) + 1, "all roles")


def test_inet(site):
    site.query("UPDATE role_life SET seen_at = started_at - 600 "
               "WHERE role = 'validator lmtp'")
    with case("a whole issuance over a port of this host"):
        with InetSite() as other:
            order = Client(other).order("alice@user.test")
            challenge = order.challenge()
            challenge.post()
            answer(other, challenge)
            order.certificate()
    with case("PK-19: without mail the role says again and again that it "
              "lives"):
        eventually(lambda: site.query(
            "SELECT COUNT(*) FROM role_life WHERE role = 'validator lmtp' "
            "AND seen_at >= started_at") == [(1,)], "a sign of life", 150)


def test_stop(site):
    with case("SIGTERM: an open connection is told, and the socket is gone"):
        with Lmtp(site) as l:
            assert l.ask("LHLO mx") == 250
            assert site.stop() == 0
            assert l.answer() == 421
        assert not os.path.exists(site.socket)
        site.start()
        with Lmtp(site) as l:
            assert l.deliver(stranger(), "acme@ca.test") == 250


run({"validator.dns_total_ms": str(DNS_TOTAL * 1000)},
    test_dns_down, test_issue, test_strangers, test_envelope, test_smuggling,
    test_hostile, test_again, test_kill, test_storm, test_stop,
    test_inet,
    kind=UnixSite)
