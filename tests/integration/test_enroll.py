#!/usr/bin/python3
"""`countersign enroll`: the client for people and scripts, with the mailbox
in its own hands and by the user's hands."""

import json
import os
import re
import subprocess
import threading

from enrolling import Enroll, check_certificate, last_json
from harness import (case, command, edit_config, eventually, read_file,
                     run)
from letters import BEGIN, END, Inbox, Mail, WRONG, deliver, send, sign


def test_automatic(site):
    e = Enroll(site, "automatic")
    with case("enroll, automatic: a certificate that works"):
        said = e.automatic()
        check_certificate(site, e)
        found = last_json(said)
        assert found["mailbox"] == "alice@user.test", said
        serial = command("openssl", "x509", "-in", e.path("cert.pem"),
                         "-noout", "-serial").strip().partition("=")[2]
        assert int(found["serial"], 16) == int(serial, 16), said
    with case("enroll: keys are for nobody else"):
        for name in "key.pem", "account.pem":
            mode = os.stat(e.path(name)).st_mode & 0o777
            assert mode & 0o077 == 0, (name, oct(mode))
    with case("enroll: does not overwrite a certificate unless told to"):
        before = read_file(e.path("cert.pem"))
        said = e.automatic(status=1)
        assert "--force" in said, said
        assert read_file(e.path("cert.pem")) == before
    with case("ER-36: enroll again with --force, without another mail"):
        with Inbox(site) as inbox:
            mails = len(inbox.find("SUBJECT", "ACME:"))
            e.automatic("--force")
            assert read_file(e.path("cert.pem")) != before
            assert len(inbox.find("SUBJECT", "ACME:")) == mails
        check_certificate(site, e)


def test_formats(site):
    with case("enroll: RSA, PKCS#12 and another mailbox"):
        e = Enroll(site, "formats", "bob@user.test", "BOB")
        with open(e.path("password"), "w") as f:
            f.write("correct horse\n")
        os.chmod(e.path("password"), 0o600)
        e.automatic("--key-type", "rsa2048", "--p12", e.path("bob.p12"),
                    "--p12-password-file", e.path("password"))
        check_certificate(site, e)
        text = command("openssl", "pkcs12", "-in", e.path("bob.p12"),
                       "-passin", f"file:{e.path('password')}", "-nodes")
        assert text.count("BEGIN CERTIFICATE") >= 2, text
        assert "PRIVATE KEY" in text
    with case("enroll: checks the challenge mail's signature by DNS"):
        e = Enroll(site, "dns", "carol@plain.test", "CAROL")
        e.automatic("--dns-config", site.env["LAB_UNBOUND_CONF"],
                    "--dns-trust-anchor", site.env["LAB_TRUST_ANCHOR"])
        check_certificate(site, e)


class ByHand:
    """A person at the terminal: copies the subject, pastes the block."""

    def __init__(self, e):
        self.process = subprocess.Popen(
            e.words("--manual", "--timeout", "240"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            bufsize=1)
        self.watchdog = threading.Timer(300, self.process.kill)
        self.watchdog.start()

    def read_until(self, pattern):
        text = ""
        for line in self.process.stderr:
            text += line
            if found := re.search(pattern, text, re.S):
                return found
        raise AssertionError(f"no {pattern} in: {text}")

    def end(self):
        out, err = self.process.communicate(timeout=300)
        self.watchdog.cancel()
        return self.process.returncode, out, err


def wait_mail(site, sender, who="ALICE"):
    with Inbox(site, who) as inbox:
        return Mail(eventually(lambda: inbox.find("HEADER", "FROM", sender),
                               "the challenge mail")[0])


BLOCK = rf"{BEGIN}\n(\S+)\n{END}\n"


def reply_text(mail, sender, mailbox, digest):
    return (f"From: {mailbox}\r\nTo: {sender}\r\n"
            f"Subject: Re: {mail.subject}\r\n"
            "Date: Mon, 02 Jan 2023 10:00:00 +0000\r\n"
            f"Message-ID: <{digest}@user.test>\r\n"
            f"\r\n{BEGIN}\r\n{digest}\r\n{END}\r\n").encode()


def test_binding(site):
    edit_config(site, policy__eab_required="yes")
    site.reload()
    e = Enroll(site, "binding")
    with case("AC-76: enroll says what a server wants that binds accounts"):
        said = e.automatic(status=1)
        assert "--eab-kid and --eab-key-file" in said, said
    with case("AC-77: enroll with a key from countersign eab new"):
        made = json.loads(site.countersign("eab", "new", "--json", "--allow",
                                           "alice@user.test"))
        key = made["hmac_key"]
        with open(e.path("eab.key"), "w", opener=lambda p, f:
                  os.open(p, f, 0o600)) as f:
            f.write(key + "\n")
        words = ["--eab-kid", made["kid"], "--eab-key-file", e.path("eab.key")]
        said = e.automatic(*words[:2], status=1)
        assert "--eab-key-file" in said, said
        e.automatic(*words)
        check_certificate(site, e)
    edit_config(site, policy__eab_required="no")
    site.reload()


def test_by_hand(site):
    with case("enroll, by hand: the subject in, the block out, then it "
              "waits"):
        e = Enroll(site, "hand", "alice+hand@user.test")
        person = ByHand(e)
        sender = person.read_until(r"from +(acme\+\S+@ca\.test)")[1]
        mail = wait_mail(site, sender)
        person.process.stdin.write("nonsense\n")
        person.process.stdin.write(f"Subject: {mail.subject}\n")
        digest = person.read_until(BLOCK)[1]
        send(site, reply_text(mail, sender, e.mailbox, digest), sender,
             sender=e.mailbox)
        status, out, err = person.end()
        assert status == 0, err
        assert last_json(out)["mailbox"] == e.mailbox
        check_certificate(site, e)
    with case("ER-31: a wrong reply ends it, and enroll says why"):
        e = Enroll(site, "wrong", "alice+wrong@user.test")
        person = ByHand(e)
        sender = person.read_until(r"from +(acme\+\S+@ca\.test)")[1]
        mail = wait_mail(site, sender)
        person.process.stdin.write(f"{mail.subject}\n")
        person.read_until(BLOCK)
        deliver(site, sign(site, reply_text(mail, sender, e.mailbox, WRONG)),
                sender)
        status, _, err = person.end()
        assert status == 1, err
        assert "wrong" in err and "run the same command again" in err, err
        assert not os.path.exists(e.path("cert.pem"))


def test_refused(site):
    with case("ER-11: enroll for an unknown mailbox ends soon, with the "
              "reason"):
        e = Enroll(site, "nobody", "nobody@user.test")
        said = e.automatic(status=1)
        assert "5.1.1" in said, said
        assert not os.path.exists(e.path("cert.pem"))
    with case("enroll names what the server refuses"):
        e = Enroll(site, "list", "*@user.test")
        said = e.automatic(status=1)
        assert "wildcards are not allowed" in said, said
    with case("enroll trusts no server by accident"):
        e = Enroll(site, "trust")
        words = e.words(*e.box())
        place = words.index("--ca-file")
        said = command(*words[:place], *words[place + 2:], status=1)
        assert "certificate" in said, said
    with case("enroll: a wrong password is said to be one"):
        e = Enroll(site, "password", "alice+password@user.test")
        with open(e.path("wrong"), "w") as f:
            f.write("wrong\n")
        os.chmod(e.path("wrong"), 0o600)
        said = e.automatic("--imap-password-file", e.path("wrong"), status=1)
        assert re.search("login|password", said), said
    with case("enroll: a reply that is refused for want of a login: what to "
              "give"):
        e = Enroll(site, "nobody", "alice+nobody@user.test")
        words = e.words(*e.box(), "--timeout", "240")
        place = words.index("--smtp-user")
        said = command(*words[:place], *words[place + 4:], status=1)
        assert "give --smtp-password-file" in said, said
    with case("enroll names every wrong option at once"):
        said = command(f"{site.build}/countersign", "enroll", "--directory",
                       "http://x.test", "--key-type", "rsa1", status=1)
        for word in "--directory", "--key-type", "--mailbox", "--out":
            assert word in said, said


run({}, test_automatic, test_binding, test_formats, test_by_hand, test_refused)
