#!/usr/bin/python3
"""Replies with S/MIME signatures, made by `openssl cms`, through the real
mail system: noted, required, and in place of DKIM."""

import os

from acme import Client
from harness import case, command, edit_config, read_file, run
from letters import block, challenge_mail, compose, deliver, sign

CONFIG = """
[ ca ]
default_ca = it
[ it ]
database = {0}/index.txt
crlnumber = {0}/crlnumber
default_md = sha256
default_crl_days = 5
[ root ]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[ alice ]
keyUsage = critical,digitalSignature
extendedKeyUsage = emailProtection
subjectAltName = email:alice@user.test
"""


class Authority:
    """A CA for mail, by openssl alone, and Alice's certificate."""

    def __init__(self, site, name):
        self.folder = f"{site.folder}/{name}"
        os.mkdir(self.folder, 0o755)
        self.root, self.key = self.path("root.pem"), self.path("root.key")
        self.crl = self.path("root.crl")
        self.write("openssl.cnf", CONFIG.format(self.folder))
        self.write("index.txt", "")
        self.write("crlnumber", "01\n")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     self.key, "-out", self.root, "-subj", f"/CN={name}",
                     "-days", "30", "-extensions", "root", "-config",
                     self.path("openssl.cnf"))
        self.make("alice")
        self.publish()

    def path(self, name):
        return f"{self.folder}/{name}"

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def openssl(self, *words):
        return command("openssl", *words)

    def make(self, who):
        request = self.path(f"{who}.csr")
        self.openssl("req", "-new", "-newkey", "rsa:2048", "-nodes",
                     "-keyout", self.path(f"{who}.key"), "-out", request,
                     "-subj", f"/CN={who}", "-config",
                     self.path("openssl.cnf"))
        self.openssl("x509", "-req", "-in", request, "-CA", self.root,
                     "-CAkey", self.key, "-CAcreateserial", "-days", "20",
                     "-extfile", self.path("openssl.cnf"), "-extensions",
                     who, "-out", self.path(f"{who}.pem"))

    def ca(self, *words):
        self.openssl("ca", "-config", self.path("openssl.cnf"), "-cert",
                     self.root, "-keyfile", self.key, *words)

    def publish(self):
        self.ca("-gencrl", "-out", self.crl)

    def revoke(self, who):
        self.ca("-revoke", self.path(f"{who}.pem"))
        self.publish()

    def sign(self, part, *options):
        """The MIME fields and the body of the signed message."""
        with open(self.path("part"), "wb") as f:
            f.write(part.encode())
        self.openssl("cms", "-sign", "-binary", "-crlfeol", "-in",
                     self.path("part"), "-signer", self.path("alice.pem"),
                     "-inkey", self.path("alice.key"), "-outform", "SMIME",
                     "-out", self.path("out"), *options)
        with open(self.path("out"), "rb") as f:
            return f.read()


class Subject:
    def __init__(self, site, mailbox="alice@user.test"):
        self.site = site
        self.order = Client(site).order(mailbox)
        self.challenge = self.order.challenge()
        self.challenge.post()
        self.mail = challenge_mail(
            site, self.challenge,
            "CAROL" if mailbox.startswith("carol") else "ALICE")

    def answer(self):
        return block(self.challenge.digest(self.mail.part1))

    def letter(self, authority, *options, protect=False):
        """A reply that is signed by S/MIME alone."""
        header = compose(self.challenge, self.mail, body="",
                         MIME_Version=None, Content_Type=None)
        part = "Content-Type: text/plain; charset=us-ascii"
        if protect:
            part += '; hp="clear"\r\n' + \
                f"From: {self.challenge.mailbox}\r\n" \
                f"To: {self.challenge.sender}\r\n" \
                f"Subject: Re: {self.mail.subject}"
        signed = authority.sign(f"{part}\r\n\r\n{self.answer()}", *options)
        return header.removesuffix(b"\r\n") + signed

    def deliver(self, raw):
        """To the CA; the event of its verdict."""
        mark = self.site.mark()
        deliver(self.site, raw, self.challenge.sender)
        event = self.site.wait_verdict(mark)
        return event["verdict"], event["code"]

    def evidence(self):
        return self.site.query(
            "SELECT evidence FROM reply WHERE challenge_id = ? "
            "ORDER BY recorded_at DESC, uid DESC LIMIT 1",
            self.challenge.url.rpartition("/")[2])[0][0]


def append(site, text):
    with open(site.config, "a") as f:
        f.write(text)


def test_note(site):
    good = Authority(site, "good")
    with case("MA-73: without roots a signature is noted, and nothing more"):
        s = Subject(site)
        raw = sign(site, s.letter(good))
        assert s.deliver(raw) == ("match", "match")
        assert '"smime.chain"' in s.evidence()
    edit_config(site, validator__smime_roots=good.root,
                validator__smime_crls=f'{{ "{good.crl}" }}')
    site.reload()
    with case("MA-70 to MA-74: a good signature is noted as such"):
        s = Subject(site)
        raw = sign(site, s.letter(good))
        assert s.deliver(raw) == ("match", "match")
        assert '"smime.accepted"' in s.evidence(), s.evidence()
        s.order.certificate()
    with case("MA-59, ER-27: signed data proves nothing where no signature "
              "that counts says that it is"):
        s = Subject(site)
        raw = sign(site, s.letter(good, "-nodetach"))
        assert s.deliver(raw) == ("unauthenticated", "mime.inconsistent")
    with case("countersign check looks at roots and lists"):
        found = site.countersign("check", status=None)
        assert "ok    S/MIME roots and lists" in found, found
    return good


def test_require(site, good):
    bad = Authority(site, "bad")
    edit_config(site, validator__smime="require")
    site.reload()
    refused = [
        ("MA-70: no S/MIME signature", "smime.structure",
         lambda s: compose(s.challenge, s.mail)),
        ("MA-73: a CA that nobody named", "smime.chain",
         lambda s: s.letter(bad)),
        ("MA-72: SHA-1", "smime.algorithm",
         lambda s: s.letter(good, "-md", "sha1")),
        ("MA-72: no signed attributes", "smime.signed-attributes",
         lambda s: s.letter(good, "-noattr")),
    ]
    for name, code, make in refused:
        with case(f"{name}: {code}"):
            s = Subject(site)
            assert s.deliver(sign(site, make(s))) == \
                ("unauthenticated", code)
            error = s.challenge.read()["error"]
            assert error["type"].endswith(":unauthorized"), error
    for name, options in [("detached", []), ("opaque", ["-nodetach"]),
                          ("opaque, streamed in BER",
                           ["-nodetach", "-stream"]),
                          ("RSA-PSS", ["-keyopt",
                                       "rsa_padding_mode:pss"]),
                          ("signer by key identifier", ["-keyid"])]:
        with case(f"MA-70 to MA-72, ER-27, ER-29: {name}: a certificate"):
            s = Subject(site)
            assert s.deliver(sign(site, s.letter(good, *options))) == \
                ("match", "match")
            s.order.certificate()


def test_instead(site, good):
    edit_config(site, validator__smime="note")
    append(site, "\ndomain user.test {\n\tsmime_instead_of_dkim = yes\n}\n")
    site.reload()
    with case("MA-76: in place of DKIM, From and Subject protected: a "
              "certificate"):
        for options in [], ["-nodetach"]:
            s = Subject(site)
            raw = s.letter(good, *options, protect=True)
            assert s.deliver(raw) == ("match", "match")
            s.order.certificate()
    with case("ER-35, MA-86: countersign evidence verifies it again, and "
              "says who signed"):
        authz = s.challenge.authz_url.rpartition("/")[2]
        text = site.countersign("evidence", "--verify", authz)
        for words in ("S/MIME signature", "result: smime.accepted",
                      "in place of DKIM: yes", "for the From address: yes",
                      "verified again from what is stored: ok"):
            assert words in text, (words, text)
    with case("MA-76: not without protection of From and Subject"):
        s = Subject(site)
        assert s.deliver(s.letter(good)) == ("unauthenticated", "dkim.none")
        assert '"smime.header-mismatch"' in s.evidence()
    with case("MA-75: a Subject that was changed"):
        s = Subject(site)
        raw = s.letter(good, protect=True)
        at = raw.index(b"Subject: Re: ")
        raw = raw[:at] + b"Subject: Fw: " + raw[at + 13:]
        assert s.deliver(raw) == ("unauthenticated", "dkim.none")
        assert '"smime.header-mismatch"' in s.evidence()
    with case("MA-76: not for a domain that is not listed"):
        s = Subject(site, "carol@plain.test")
        assert s.deliver(s.letter(good, protect=True)) == \
            ("unauthenticated", "dkim.none")
    with case("MA-73: revoked, as the list says that is read on SIGHUP"):
        good.revoke("alice")
        s = Subject(site)
        site.reload()
        assert s.deliver(s.letter(good, protect=True)) == \
            ("unauthenticated", "dkim.none")
        assert '"smime.revoked"' in s.evidence()


def test_check(site, good):
    with case("countersign check names a list that cannot be read"):
        with open(good.crl, "w") as f:
            f.write("broken\n")
        found = site.countersign("check", status=1)
        assert f"WRONG S/MIME roots and lists: {good.crl}" in found, found
    with case("what decides needs its roots: file, line, what would be "
              "right"):
        edit_config(site, validator__smime_roots=None)
        found = command(site.program, "-n", "-f", site.config, status=1)
        assert "smime_instead_of_dkim: needs validator.smime_roots" in \
            found, found
        line = read_file(site.config).splitlines().index(
            "\tsmime_instead_of_dkim = yes") + 1
        assert f":{line}: " in found, found


def test_all(site):
    good = test_note(site)
    test_require(site, good)
    test_instead(site, good)
    test_check(site, good)


run({}, test_all)
