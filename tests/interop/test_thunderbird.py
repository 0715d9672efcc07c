#!/usr/bin/python3 -B
"""Thunderbird, as a person uses it: replies to real challenge mails (ER-23,
ER-25, ER-27, ER-28, MA-55 to MA-61); signs, verifies, encrypts and decrypts
with the certificates that follow (by NSS); and looks at the signature of
challenge mails (MA-102)."""

import os
import smtplib
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import \
    BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from acme import Client, new_key                        # noqa: E402
from harness import DEADLINE, Site, case, command, edit_config, \
    eventually, read_file, run                          # noqa: E402
from letters import BEGIN, END, Inbox, Mail             # noqa: E402
from signer import make_signer, write                   # noqa: E402
from thunderbird import Thunderbird, pem_body           # noqa: E402

ALICE = "alice@user.test"
MATCH = ("match", "match")
NO_BLOCK = ("no-response", "body.no-block")
IN_QUOTE = ("no-response", "body.block-in-quote")
NO_TEXT = ("unauthenticated", "mime.type")
FLOWED = "text/plain; charset=UTF-8; format=flowed"


class Desk(Site):
    """A site, and Thunderbird beside it."""

    desktop = None

    def __enter__(self):
        super().__enter__()
        try:
            self.desktop = Thunderbird(f"{self.folder}/thunderbird", self)
            self.desktop.__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.desktop is not None:
            self.desktop.__exit__()
        super().__exit__()

    def new_mail(self, name, value, who="ALICE"):
        """The message that has this field, once it has arrived."""
        with Inbox(self, who) as inbox:
            return Mail(eventually(lambda: inbox.find("HEADER", name, value),
                                   f"{name}: {value}")[-1])


def number(mail):
    """Its Message-ID, as Thunderbird has it."""
    return mail.message_id.strip("<>")


class Subject:
    """An order whose challenge mail lies in Alice's mailbox."""

    def __init__(self, site):
        self.site = site
        self.order = Client(site).order(ALICE)
        self.challenge = self.order.challenge()
        unique = site.query("SELECT message_id FROM challenge WHERE id = ?",
                            self.challenge.id)[0][0]
        self.mail = site.new_mail("MESSAGE-ID", unique)
        self.digest = self.challenge.digest(self.mail.part1)

    def write(self, text, copies=1, **how):
        """Thunderbird answers; how: as desk.js has it. What the server says
        of it, and the mail that it read."""
        mark = self.site.mark()
        self.site.desktop.call("write", {
            "message": {"id": number(self.mail), "copies": copies},
            "text": text} | how)
        event = self.site.wait_verdict(mark, challenge=self.challenge.id)
        raw, = self.site.query(
            "SELECT raw FROM reply WHERE challenge_id = ? "
            "ORDER BY recorded_at DESC, uid DESC LIMIT 1",
            self.challenge.id)[0]
        return (event["verdict"], event["code"]), raw.decode()

    def finish(self):
        self.challenge.post()
        assert self.challenge.read()["status"] == "valid"


def expect(verdict, words, answer):
    found, raw = answer
    assert found == verdict, (found, raw)
    for word in words:
        assert word in raw, (word, raw)


# --- replies ---------------------------------------------------------------

def usual(digest):
    return f"Grüße, hier ist sie:\n\n{BEGIN}\n{digest}\n{END}\n"


def bare(digest):
    return f"{BEGIN}\n{digest}\n{END}\n"


def in_pieces(digest):
    """As it is when it was copied out of a narrow window."""
    return f"{BEGIN}  \n{digest[:20]}\n  {digest[20:]}=\n{END}\n"


def with_long_line(digest):
    return ("This line is longer than those that Thunderbird sends, so that "
            "it must end it before its end.\n\n" + bare(digest))


QUOTED = "\r\n> Countersign Test has been asked"
#   what is special, the text, how it is written, verdict, what is in the mail
REPLIES = [
    ("format=flowed, top posting", usual, {}, MATCH,
     [FLOWED, "8bit", f"\r\n\r\n{BEGIN}\r\n", "wrote:" + QUOTED]),
    ("bottom posting, no line between", bare, {"on_top": False}, MATCH,
     [FLOWED, f"\r\n> \r\n{BEGIN}\r\n"]),
    ("the digest in pieces, a signature", in_pieces,
     {"signature": "Alice\n"}, MATCH, [FLOWED, "=\r\n", "\r\n-- \r\nAlice"]),
    ("lines that it breaks, format=flowed", with_long_line, {}, MATCH,
     [FLOWED, "it must \r\nend"]),
    ("lines that it breaks, fixed", with_long_line,
     {"preferences": {"mailnews.send_plaintext_flowed": False}}, MATCH,
     ["text/plain; charset=UTF-8\r\n", "it must\r\nend"]),
    ("24 columns: it breaks the armour", bare,
     {"preferences": {"mailnews.wraplength": 24}}, NO_BLOCK,
     ["-----BEGIN ACME \r\nRESPONSE-----\r\n"]),
    ("an alternative in HTML, top posting", usual, {"format": "HTML"}, MATCH,
     ["multipart/alternative", FLOWED, f"{BEGIN}<br>"]),
    ("an alternative in HTML, bottom posting, a signature", usual,
     {"format": "HTML", "on_top": False, "signature": "Alice"}, MATCH,
     ["multipart/alternative", "\r\n>\r\nGrüße"]),
    ("an HTML window, sent as text", in_pieces,
     {"format": "HTML", "send_as": "PlainText"}, MATCH, [FLOWED, "\r\n>\r\n"]),
    ("HTML alone", usual, {"format": "HTML", "send_as": "HTML"}, NO_TEXT,
     ["Content-Type: text/html", f"{BEGIN}<br>"]),
    ("pasted as a quotation", bare, {"command": "cmd_pasteQuote"}, IN_QUOTE,
     [f"\r\n> {BEGIN}\r\n"]),
]


def test_replies(site):
    for name, text, how, verdict, words in REPLIES:
        with case(f"ER-27, ER-28: Thunderbird, {name}: {verdict[1]}"):
            s = Subject(site)
            expect(verdict, words, s.write(text(s.digest), **how))
            if verdict == MATCH:
                s.finish()


# --- echoes ----------------------------------------------------------------

def forge(s, body, kind="text/plain"):
    """Somebody else's mail that looks like the challenge's."""
    fields = {name: s.mail.message[name] for name in
              ("From", "To", "Subject", "Date", "Message-ID")}
    fields |= {"MIME-Version": "1.0",
               "Content-Type": f"{kind}; charset=us-ascii"}
    raw = "".join(f"{k}: {v}\n" for k, v in fields.items()) + "\n" + body
    with smtplib.SMTP("localhost", s.site.port("USER_SMTP"),
                      timeout=DEADLINE) as smtp:
        smtp.sendmail("bob@user.test", ALICE, raw.replace("\n", "\r\n"))


def in_html(digest):
    """What would leave the quotation, if it were taken as it is."""
    return (f"<p>Hello,</p></blockquote></div><p>{BEGIN}<br>{digest}<br>{END}"
            "</p>\n")


WHO = "Who are you?\n"
FORWARD = "-------- Forwarded Message --------\r\nSubject: \tACME: "
ECHOES = [
    ("quotes text", bare, {}, IN_QUOTE, [f"\r\n> {BEGIN}\r\n"]),
    ("quotes text, bottom posting", bare, {"on_top": False}, IN_QUOTE,
     [f"\r\n> {BEGIN}\r\n", f"\r\n{WHO.strip()}"]),
    ("quotes HTML as text", in_html, {}, IN_QUOTE, [f"\r\n> {BEGIN}\r\n"]),
    ("quotes HTML", in_html, {"format": "HTML"}, IN_QUOTE,
     [f"\r\n> {BEGIN}\r\n"]),
    ("forwards", bare, {"type": "ForwardInline"}, IN_QUOTE,
     [FORWARD, f"\r\n{BEGIN}\r\n"]),
    ("forwards as an attachment", bare, {"type": "ForwardAsAttachment"},
     NO_TEXT, ["Content-Type: message/rfc822", f"\r\n{BEGIN}\r\n"]),
]


def test_echoes(site):
    for name, body, how, verdict, words in ECHOES:
        with case(f"MA-61, MA-42: Thunderbird {name} that holds a response: "
                  f"{verdict[1]}"):
            s = Subject(site)
            forge(s, body(s.digest),
                  "text/html" if body == in_html else "text/plain")
            if how.get("type"):
                how = how | {"to": s.challenge.sender}
            expect(verdict, words, s.write(WHO, copies=2, **how))
            assert s.challenge.read()["status"] == "pending"


# --- the certificate -------------------------------------------------------

SIGNED = {"technology": "S/MIME", "signed": "ok", "signature": "SUCCESS",
          "encrypted": None, "encryption": "none"}
BOTH = SIGNED | {"encrypted": "ok", "encryption": "SUCCESS"}


def read(site, mail, copies=1):
    """What Thunderbird shows of it; it has S/MIME."""
    return site.desktop.call("read", {"id": number(mail), "copies": copies})


def shows(wanted, shown):
    assert wanted.items() <= shown.items(), shown


class Holder:
    """Alice's key and the certificate that her reply brought, in files and
    in Thunderbird."""

    def __init__(self, site, name, key):
        s = Subject(site)
        expect(MATCH, [], s.write(bare(s.digest)))
        s.challenge.post()
        s.order.key = key
        chain = s.order.certificate()
        self.certificate = f"{site.folder}/{name}.pem"
        self.key = f"{site.folder}/{name}.key"
        self.root = f"{site.state}/ca/root.pem"
        store = f"{site.folder}/{name}.p12"
        write(self.certificate, *(c.public_bytes(Encoding.PEM)
                                  for c in chain))
        write(self.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                                          NoEncryption()))
        write(store, pkcs12.serialize_key_and_certificates(
            name.encode(), key, chain[0], chain[1:],
            BestAvailableEncryption(b"secret")))
        site.desktop.call("trust", {"root": pem_body(read_file(self.root))})
        site.desktop.call("use_certificate", {
            "file": store, "password": "secret", "fingerprint":
            chain[0].fingerprint(hashes.SHA256()).hex().upper()})

    def openssl(self, raw, *words):
        """What `openssl cms` makes of a mail."""
        path = f"{self.certificate}.mail"
        with open(path, "wb") as f:
            f.write(raw)
        return command("openssl", "cms", *words, "-in", path)

    def verify(self, raw):
        self.openssl(raw, "-verify", "-CAfile", self.root, "-purpose",
                     "smimesign")


def to_herself(site, name, **how):
    """Alice writes to Alice: the mail as it arrived."""
    site.desktop.call("write", {"type": "New", "to": ALICE, "subject": name,
                                "text": f"Secret: {name}.\n"} | how)
    return site.new_mail("SUBJECT", name)


def deliver(site, raw):
    with smtplib.SMTP("localhost", site.port("USER_SMTP"),
                      timeout=DEADLINE) as smtp:
        smtp.sendmail("bob@user.test", ALICE, raw)


def test_certificate(site, name, key):
    with case(f"{name}: a certificate by a reply; Thunderbird takes it as "
              "PKCS #12"):
        holder = Holder(site, name, key)
    with case(f"{name}: NSS signs and verifies; openssl verifies it too"):
        mail = to_herself(site, f"signed-{name}", sign=True)
        shown = read(site, mail)
        shows(SIGNED | {"signer": ALICE}, shown)
        assert f"Secret: signed-{name}." in shown["text"], shown
        holder.verify(mail.raw)
    with case(f"{name}: NSS signs, encrypts and decrypts; openssl decrypts "
              "it with the same key, and verifies"):
        mail = to_herself(site, f"both-{name}", sign=True, encrypt=True)
        shown = read(site, mail)
        shows(BOTH | {"signer": ALICE}, shown)
        assert f"Secret: both-{name}." in shown["text"], shown
        assert b"Secret" not in mail.raw
        inner = holder.openssl(mail.raw, "-decrypt", "-recip",
                               holder.certificate, "-inkey", holder.key)
        holder.verify(inner.encode())
    return holder


def test_certificates(site):
    test_certificate(site, "p256", new_key())
    holder = test_certificate(site, "rsa2048",
                              rsa.generate_private_key(65537, 2048))
    with case("one changed octet of a signed mail: Thunderbird says so"):
        mail = to_herself(site, "changed", sign=True)
        shows(SIGNED, read(site, mail))
        assert b"\r\nU2VjcmV0" in mail.raw, mail.raw     # "Secret", base64
        deliver(site, mail.raw.replace(b"\r\nU2VjcmV0", b"\r\nU2VjcmV1"))
        shown = read(site, mail, copies=2)
        assert shown["signature"] == "VERIFY_DIGEST_MISMATCH", shown
        assert shown["signed"] is None, shown
    edit_config(site, validator__smime="require",
                validator__smime_roots=holder.root,
                validator__smime_revocation="soft")
    site.reload()
    for name, how in (("text", {}), ("HTML", {"format": "HTML"})):
        with case("MA-70 to MA-74, ER-27, ER-29: a reply that Thunderbird "
                  f"signs, {name}: a certificate where that is required"):
            s = Subject(site)
            expect(MATCH, ["multipart/signed"],
                   s.write(usual(s.digest), sign=True, **how))
            s.finish()
    with case("MA-70: one that it does not sign is refused there: "
              "smime.structure"):
        s = Subject(site)
        expect(("unauthenticated", "smime.structure"), [FLOWED],
               s.write(usual(s.digest)))
    edit_config(site, validator__smime="note")


# --- challenge mails -------------------------------------------------------

def test_signed_challenges(site):
    certificate, key, root = make_signer(site.folder)
    # These are read at the start only.
    site.stop()
    edit_config(site, sender__tagged="no", sender__smime_key=key,
                sender__smime_certificate=certificate,
                sender__smime_header_protection="combined")
    site.start()
    with case("MA-102: a signer whom Thunderbird does not trust: it says so"):
        shown = read(site, Subject(site).mail)
        assert shown["signature"] == "VERIFY_UNTRUSTED", shown
        assert shown["signed"] is None, shown
    site.desktop.call("trust", {"root": pem_body(read_file(root))})
    for form in "combined", "wrapped":
        edit_config(site, sender__smime_header_protection=form)
        site.reload()
        with case(f"MA-102: {form}: Thunderbird shows a valid signature of "
                  "the sender, and the text"):
            s = Subject(site)
            shown = read(site, s.mail)
            shows(SIGNED | {"signer": s.challenge.sender}, shown)
            assert "Reply to this message" in shown["text"], shown
        with case(f"MA-102: {form}: another From: Thunderbird says that it "
                  "is not the signer's"):
            raw = s.mail.raw
            at = raw.index(b"\r\nFrom: acme@") + 8
            deliver(site, raw[:at] + b"evil" + raw[at + 4:])
            shown = read(site, s.mail, copies=2)
            assert shown["signature"] != "SUCCESS", shown
            assert shown["signed"] != "ok", shown
        with case(f"ER-32: {form}: the reply to it proves the mailbox"):
            s = Subject(site)
            # Of a message inside the message it quotes nothing.
            expect(MATCH, [FLOWED] + [QUOTED] * (form == "combined"),
                   s.write(usual(s.digest)))
            s.finish()


run({}, test_replies, test_echoes, test_certificates, test_signed_challenges,
    kind=Desk)
