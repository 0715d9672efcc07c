#!/usr/bin/python3
"""The three files that touch the network, alone, against the real thing:
Knot with DNSSEC, Postfix, Dovecot."""

import contextlib
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import harness
from harness import DEADLINE, LAB, case, command, eventually, find_build, \
    in_time, read_file, say


class Mail:
    """A laboratory without countersignd."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="countersign-test-",
                                       dir="/var/tmp")
        build = find_build()
        self.tool = f"{build}/tests/integration/mail_io_tool"
        # Only `make check` builds it by itself.
        command("make", "-C", build, "tests/integration/mail_io_tool")

    def __enter__(self):
        command(LAB, "start", f"{self.folder}/lab")
        self.env = json.loads(read_file(f"{self.folder}/lab/lab.json"))
        return self

    def __exit__(self, *_):
        keep = harness.failed > 0
        command(LAB, "stop" if keep else "remove", f"{self.folder}/lab",
                status=None)
        if keep:
            say(f"left to be looked at: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def lab(self, *words):
        return command(LAB, words[0], f"{self.folder}/lab", *words[1:])

    def server(self, host, port, mode, user="-", password="-"):
        env = self.env
        return [env[host], env[port], mode, env["LAB_CA_CERT"],
                env.get(user, user), env.get(password, password)]

    def relay(self, mode="starttls"):
        return self.server("CA_SUBMISSION_HOST", "CA_SUBMISSION_PORT", mode,
                           "CA_SUBMISSION_USER", "CA_SUBMISSION_PASSWORD_FILE")

    def imap(self, mode="implicit"):
        port = {"implicit": "CA_IMAPS_PORT",
                "starttls": "CA_IMAP_STARTTLS_PORT"}[mode]
        return self.server("CA_IMAP_HOST", port, mode, "CA_IMAP_USER",
                           "CA_IMAP_PASSWORD_FILE")

    def send(self, server, to, message, sender=None):
        return command(self.tool, "send", *server,
                       sender or self.env["CA_ADDRESS"], to, status=None,
                       input=message).strip()


class Box:
    """A session with the CA's mailbox."""

    def __init__(self, mail, server):
        self.process = subprocess.Popen(
            [mail.tool, "box", *server], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        assert self.process.wait(DEADLINE) == 0

    def begin(self, words):
        self.process.stdin.write((words + "\n").encode())
        self.process.stdin.flush()

    def end(self):
        return self.process.stdout.readline().decode().strip()

    def do(self, words):
        self.begin(words)
        return self.end()

    def message(self, uid, limit):
        found = self.do(f"message {uid} {limit}").split()
        assert found[0] == "message", found
        return (self.process.stdout.read(int(found[2]))
                if found[1] == "1" else None)

    def items(self, after):
        found = self.do(f"list {after}").split()
        assert found[0] == "items", found
        return [tuple(map(int, i.split(":"))) for i in found[1:]]


def letter(to, body="body\r\n", number=[0]):
    number[0] += 1
    return ("DKIM-Signature: v=1; a=rsa-sha256; b=no\r\n"
            "DKIM-Signature: v=1; a=ed25519-sha256; b=no\r\n"
            f"From: acme@ca.test\r\nTo: {to}\r\nSubject: ACME:\r\n one\r\n"
            "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{number[0]}@ca.test>\r\n\r\n" + body)


# --- DNS -----------------------------------------------------------------

def ask(mail, *questions, status=0):
    out = command(mail.tool, "dns", mail.env["LAB_UNBOUND_CONF"],
                  mail.env["LAB_TRUST_ANCHOR"], status=status,
                  input="".join(q + "\n" for q in questions))
    return [line.split(" ", 5) for line in out.splitlines()]


def test_dns(mail):
    mail.lab("dns-set", "text.user.test", "TXT", "60", "hello")
    mail.lab("dns-set", "alias.user.test", "CNAME", "60", "text.user.test.")
    mail.lab("dns-set", "out.plain.test", "CNAME", "60", "text.user.test.")
    expected = {
        "user.test MX": ("ok", "secure", "user.test"),
        "text.user.test TXT": ("ok", "secure", "text.user.test"),
        "alias.user.test TXT": ("ok", "secure", "text.user.test"),
        "none.user.test TXT": ("nxdomain", "secure", "none.user.test"),
        "text.user.test MX": ("nodata", "secure", "text.user.test"),
        "plain.test MX": ("ok", "insecure", "plain.test"),
        # An insecure alias into a secure zone proves nothing.
        "out.plain.test TXT": ("ok", "insecure", "text.user.test"),
        "bogus.test MX": ("bogus", "insecure", "bogus.test"),
    }
    answers = ask(mail, *expected)
    for (question, (status, secure, end)), answer in zip(expected.items(),
                                                         answers):
        with case(f"MA-31, PK-29: {question} is {status}, {secure}"):
            assert answer[:2] == [status, secure], answer
            assert answer[3] == end, answer
            if status in ("bogus", "nodata", "nxdomain"):
                assert answer[2] == "0", answer
    with case("ER-34: a key that was asked for is there at once"):
        def middle():
            times = [int(a[4]) for a in
                     ask(mail, *["text.user.test TXT"] * 50)]
            say(f"first {times[0]} ms, then at most {max(times[1:])} ms")
            return statistics.median(times[1:])
        in_time(6, "the middle of them (ms)", middle)
    with case("PK-31: no name server answers: temporary, in the total time"):
        def temporary():
            answer, = ask(mail, "user.test MX")
            assert answer[0] == "temporary", answer
            return int(answer[4]) / 1000
        mail.lab("stop-part", "dns")
        try:
            in_time(25, "the answer", temporary)
        finally:
            mail.lab("start-part", "dns")


# --- SMTP ----------------------------------------------------------------

def test_smtp(mail):
    alice = mail.env["ALICE_ADDRESS"]
    user = mail.server("USER_SUBMISSION_HOST", "USER_SMTP_PORT", "none")
    with case("ER-19: the relay takes it by STARTTLS and login"):
        body = ".\r\n..two\r\n.three\r\n\r\nlong " + "x" * 900 + "\r\n"
        sent = letter(alice, body)
        answer = mail.send(mail.relay(), alice, sent)
        assert re.match(r"accepted 250 2\.0\.0 \|", answer), answer
    with case("MA-105: what arrives is what was sent, octet for octet"):
        paths = f"{mail.env['LAB_DIR']}/user/dovecot/mail/{alice}/Maildir/new"
        found = eventually(lambda: command("find", paths, "-type", "f",
                                           status=None).split()
                           if shutil.os.path.isdir(paths) else [], "the mail")
        with open(found[0], "rb") as f:
            arrived = f.read().replace(b"\r\n", b"\n")
        assert arrived.endswith(sent.replace("\r\n", "\n").encode()), arrived
    outcomes = {
        f"nobody@{mail.env['USER_DOMAIN']}": "permanent 550 5.1.1 |",
        f"defer@{mail.env['USER_DOMAIN']}": "temporary 450 4.2.1 |",
    }
    for to, expected in outcomes.items():
        with case(f"ER-11: {to}: {expected}"):
            answer = mail.send(user, to, letter(to))
            assert answer.startswith(expected), answer
    with case("submit_check: a good login"):
        command(mail.tool, "check", *mail.relay())
    with case("submit_check, ER-11: a wrong login is ours, not the mailbox's"):
        wrong = mail.relay()
        wrong[5] = mail.env["ALICE_PASSWORD_FILE"]
        answer = command(mail.tool, "check", *wrong, status=1)
        assert "refused the login" in answer and "535" in answer, answer
        answer = mail.send(wrong, alice, letter(alice))
        assert answer.startswith("temporary 535"), answer
    with case("a certificate that does not fit: nothing is said"):
        wrong = mail.relay()
        wrong[3] = "/etc/ssl/certs/ca-certificates.crt"
        answer = mail.send(wrong, alice, letter(alice))
        assert answer.startswith("temporary") and "certificate" in answer, \
            answer
    with case("ER-11: the relay is down: temporary"):
        mail.lab("stop-part", "ca-postfix")
        try:
            answer = mail.send(mail.relay(), alice, letter(alice))
        finally:
            mail.lab("start-part", "ca-postfix")
        assert answer.startswith("temporary  |"), answer


# --- IMAP ----------------------------------------------------------------

def write(mail, tag="", body="body\r\n"):
    to = mail.env["CA_ADDRESS"].replace("@", f"+{tag}@" if tag else "@")
    text = letter(to, body)
    server = mail.server("CA_SMTP_HOST", "CA_SMTP_PORT", "none")
    answer = mail.send(server, to, text, "alice@user.test")
    assert answer.startswith("accepted"), answer
    return text


def test_imap(mail):
    with Box(mail, mail.imap()) as box:
        with case("ER-21: connected, UIDVALIDITY, an empty folder"):
            found = box.do("connect").split()
            assert found[0] == "connected" and int(found[1]) > 0, found
            assert box.items(0) == []
        with case("fetch_check: the folder for processed messages"):
            assert box.do("check") == "good"
            assert box.items(0) == []
        with case("IDLE tells of a message; it is there octet for octet"):
            box.begin("wait 60000")
            sent = write(mail, "tag", "dot\r\n.\r\nend\r\n")
            assert box.end() == "new"
            (uid, size, date), = box.items(0)
            assert abs(date - time.time()) < 600, date
            got = box.message(uid, 262144)
            assert len(got) == size, (len(got), size)
            assert got.endswith(sent.encode()), got
        with case("MA-1: one octet over the limit is not loaded"):
            assert box.message(uid, size - 1) is None
            assert box.message(uid, size) == got
            assert box.message(uid + 1000, size) is None
        with case("ER-21: moved away, the folder is empty, again is no fault"):
            assert box.do(f"dispose {uid}") == "disposed"
            assert box.do(f"dispose {uid}") == "disposed"
            assert box.items(0) == []
            assert box.items(uid) == []
        with case("nothing new: the wait ends by its time"):
            box.do("wait 100")
            box.items(0)
            assert box.do("wait 200") == "nothing"
        with case("ER-34: after the announcement, listed and in memory"):
            last = uid

            def some():
                nonlocal last
                times = []
                for _ in range(10):
                    box.begin(f"latency {last}")
                    write(mail)
                    found = box.end().split()
                    assert found[:2] == ["latency", "1"], found
                    times.append(int(found[2]))
                    last = box.items(last)[0][0]
                    box.do(f"dispose {last}")
                    box.items(last)
                say(f"median {statistics.median(times)} ms of {times}")
                return sorted(times)[2]
            # The others may have met a machine with much else to do.
            in_time(50, "three of ten (ms)", some)
        with case("the server goes away while idling, and comes back"):
            box.items(0)
            box.begin("wait 60000")
            time.sleep(0.5)
            mail.lab("stop-part", "ca-dovecot")
            try:
                answer = box.end()
                assert answer.startswith("failed busy"), answer
                assert box.do("connect").startswith("failed busy")
            finally:
                mail.lab("start-part", "ca-dovecot")
            assert box.do("connect").startswith("connected")
            assert box.items(last) == []
    with Box(mail, mail.imap("starttls")) as box:
        with case("the same by STARTTLS"):
            assert box.do("connect").startswith("connected")
    wrong = mail.imap()
    wrong[5] = mail.env["ALICE_PASSWORD_FILE"]
    with Box(mail, wrong) as box:
        with case("a wrong password is for a person to mend"):
            assert box.do("connect").startswith("failed unauthorized")
    wrong = mail.imap()
    wrong[3] = "/etc/ssl/certs/ca-certificates.crt"
    with Box(mail, wrong) as box:
        with case("a certificate of an authority that we do not know"):
            assert "certificate refused" in box.do("connect")


def main():
    with Mail() as mail:
        for test in (test_dns, test_smtp, test_imap):
            try:
                test(mail)
            except Exception as e:
                with case(test.__name__):
                    raise e
    print(f"1..{harness.count}")
    return 1 if harness.failed else 0


raise SystemExit(main())
