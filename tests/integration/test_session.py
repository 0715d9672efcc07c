#!/usr/bin/python3
"""The challenge mail on its way to the relay: the SMTP session as a relay
sees it (MA-105), and its DKIM signatures before others (MA-100)."""

import functools
import re
import socketserver
import subprocess
import threading
import time

import dkim

from acme import Client
from harness import case, command, edit_config, log_time, read_file, run

FIELDS = ["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date",
          "In-Reply-To", "References", "Message-ID", "Auto-Submitted",
          "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
OTHERS = ["Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "List-Id",
          "List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post",
          "List-Owner", "List-Archive", "List-Unsubscribe-Post"]


# --- a relay that offers everything, and writes down what is said ----------

class Relay(socketserver.StreamRequestHandler):
    chunks = b""

    def say(self, *lines):
        self.wfile.write("".join(f"{x}\r\n" for x in lines).encode())

    def data(self):
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line[:1] == b"."
                         else line)
        self.server.mails.append(b"".join(lines))
        self.say("250 2.0.0 taken")

    def handle(self):
        self.say("220 relay.test ESMTP")
        while line := self.rfile.readline():
            self.server.commands.append(line)
            word = line.split()[0].upper() if line.split() else b""
            if word == b"EHLO":
                self.say("250-relay.test", "250-8BITMIME", "250-SMTPUTF8",
                         "250-DSN", "250-PIPELINING", "250-CHUNKING",
                         "250 SIZE 10000000")
            elif word == b"DATA":
                self.data()
            elif word == b"BDAT":
                self.chunks += self.rfile.read(int(line.split()[1]))
                if line.upper().rstrip().endswith(b"LAST"):
                    self.server.mails.append(self.chunks)
                    self.chunks = b""
                self.say("250 2.0.0 taken")
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 2.1.0 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@functools.cache
def captured(site):
    """(challenge, commands, mail, when) of an order whose relay is ours."""
    with Server(("127.0.0.1", 0), Relay) as server:
        server.commands, server.mails = [], []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site.stop()
        edit_config(site, sender__relay_host="127.0.0.1",
                    sender__relay_port=str(server.server_address[1]),
                    sender__relay_tls="none", sender__relay_user=None,
                    sender__relay_password=None)
        site.start()
        challenge = Client(site).order("alice@user.test").challenge()
        sent = site.wait_event("challenge mail", challenge=challenge.id)
        server.shutdown()
    mail, = server.mails
    return challenge, server.commands, mail, log_time(sent)


# --- three verifiers -------------------------------------------------------

def txt_records(site):
    return dict((name, data.strip('"')) for name, _, data in (
        line.split(" ", 2) for line in read_file(
            f"{site.state}/dkim-records.txt").splitlines()))


def dkimpy(records, raw):
    def txt(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        return records[name].encode()

    checker = dkim.DKIM(raw)
    return [checker.verify(idx=i, dnsfunc=txt) for i in range(2)]


def by_program(program, records, raw):
    head = f"case ca.test {int(time.time())} {len(records)} {len(raw)}\n"
    head += "".join(f"{name.rstrip('.')}\t{text}\n"
                    for name, text in records.items())
    return subprocess.run([program], input=head.encode() + raw, check=True,
                          capture_output=True).stdout.decode().strip()


def verifiers(site):
    """[(name, does the mail pass?)]; each signature alone for libopendkim and
    ours, which are content with one."""
    records = txt_records(site)
    programs = [f"tests/integration/dkim_{which}"
                for which in ("own", "opendkim")]
    command("make", "-C", site.build, *programs, timeout=600)

    def both(program):
        def verify(raw):
            first = raw.index(b"DKIM-Signature:")
            second = raw.index(b"\nDKIM-Signature:", first) + 1
            end = raw.index(b"\nFrom:", second) + 1
            return [by_program(program, records, part) == "pass" for part in (
                raw[:second] + raw[end:], raw[:first] + raw[second:])]
        return verify

    return [("dkimpy", lambda raw: dkimpy(records, raw))] + [
        (name, both(f"{site.build}/{name}")) for name in programs]


def refolded(raw):
    """As a relay may write the fields: other blanks, other line ends."""
    head, body = raw.split(b"\r\n\r\n", 1)
    start = head.index(b"\r\nFrom:")
    head = head[:start] + re.sub(rb"(?<=[:;]) ", b"\r\n\t  ", head[start:])
    return head + b"\r\n\r\n" + body


# --- the tests -------------------------------------------------------------

def test_session(site):
    challenge, commands, mail, _ = captured(site)
    head, body = mail.split(b"\r\n\r\n", 1)
    names = re.findall(rb"(?m)^([!-9;-~]+):", head)
    with case("MA-105, ER-17: the envelope sender is the tagged From, "
              "without BODY, SMTPUTF8 or anything else"):
        mail_from = [c for c in commands if c[:4].upper() == b"MAIL"]
        assert len(mail_from) == 1, commands
        assert re.fullmatch(
            rb"MAIL FROM:<%s>( SIZE=\d+)?\r\n" % re.escape(
                challenge.sender.encode()), mail_from[0]), mail_from
        to = [c for c in commands if c[:4].upper() == b"RCPT"]
        assert to == [b"RCPT TO:<alice@user.test>\r\n"], to
        assert not any(b"SMTPUTF8" in c or b"8BITMIME" in c
                       for c in commands), commands
        assert re.fullmatch(r"acme\+[a-z2-7]{26}@ca\.test", challenge.sender)
    with case("MA-105: marked as automatic; nothing of lists or tracking"):
        assert b"\r\nAuto-Submitted: auto-generated; type=acme\r\n" in head
        assert b"\r\nX-Auto-Response-Suppress: All\r\n" in head
        for name in names:
            assert not re.match(rb"(?i)precedence|list-|feedback-id|"
                                rb"x-mailer|x-campaign", name), name
        assert sorted(names) == sorted(
            [b"DKIM-Signature"] * 2 + [b"From", b"To", b"Subject", b"Date",
                                       b"Message-ID", b"Auto-Submitted",
                                       b"X-Auto-Response-Suppress",
                                       b"MIME-Version", b"Content-Type"])
    with case("MA-105: the Message-ID is under the domain of From"):
        assert re.search(rb"\r\nMessage-ID: <[0-9a-f]{32}@ca\.test>\r\n",
                         head), head
    with case("MA-104: seven bits, CRLF, lines of at most 76 octets"):
        assert max(mail) < 0x80
        assert b"\n" not in mail.replace(b"\r\n", b"")
        assert all(len(line) <= 76 for line in body.split(b"\r\n"))


def test_dkim(site):
    challenge, _, mail, sent_at = captured(site)
    tags = [dict(re.findall(r"(\w+)=([^;]*)", re.sub(r"\s+", "", f)))
            for f in re.findall(r"DKIM-Signature:((?:.*\r\n)(?:[ \t].*\r\n)*)",
                                mail.decode())]
    with case("MA-100: rsa-sha256 first, ed25519-sha256 second; which tags, "
              "and what they say"):
        assert [t["a"] for t in tags] == ["rsa-sha256", "ed25519-sha256"]
        expires = site.query("SELECT a.expires_at FROM authz a JOIN challenge "
                             "c ON c.authz_id = a.id WHERE c.id = ?",
                             challenge.id)[0][0]
        for t in tags:
            assert set(t) == {"v", "a", "c", "d", "s", "t", "x", "h", "bh",
                              "b"}
            assert t["c"] == "relaxed/relaxed" and t["d"] == "ca.test"
            assert abs(int(t["t"]) - sent_at) < 60
            assert int(t["x"]) == expires
    with case("MA-100: each listed name as often as it is there and once "
              "more"):
        there = [n.lower() for n in re.findall(
            r"(?m)^([!-9;-~]+):", mail.decode().split("\r\n\r\n")[0])]
        for t in tags:
            listed = t["h"].lower().split(":")
            assert set(listed) == {n.lower() for n in FIELDS + OTHERS}
            for name in set(listed):
                assert listed.count(name) == there.count(name) + 1, name
    for name, verify in verifiers(site):
        with case(f"MA-100: {name}: both signatures pass, also when a relay "
                  "has refolded the header"):
            assert verify(mail) == [True, True]
            assert verify(b"Received: from x by y\r\n" + mail) == [True, True]
            assert verify(refolded(mail)) == [True, True]
        with case(f"MA-100: {name}: any listed field that is added breaks "
                  "both"):
            for extra in FIELDS + OTHERS:
                line = f"{extra}: x\r\n".encode()
                below = mail.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n", 1)
                for changed in line + mail, below:
                    assert verify(changed) == [False, False], extra


run({"policy.authz_valid_life": "0"}, test_session, test_dkim)
