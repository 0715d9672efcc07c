#!/usr/bin/python3 -B
"""Mail programs that people use write the reply (ER-23, ER-25, ER-27, ER-28,
MA-55 to MA-61): mutt, neomutt, s-nail, bsd-mailx, mailutils, alpine, aerc,
nmh, and the libraries of Python, Node and Perl."""

import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import mailers                                          # noqa: E402
from acme import Client                                 # noqa: E402
from harness import case, run                           # noqa: E402
from letters import BEGIN, END, challenge_mail, send    # noqa: E402

def with_picture(desk):
    return {"html": "<blockquote>Bitte antworten Sie.</blockquote>"
                    f"<pre>{desk.answer}</pre><img src=\"cid:logo\">",
            "attachments": [{"filename": "logo.png", "cid": "logo",
                             "content": "x"}]}


def usual(digest):
    return f"Grüße, hier ist sie:\n\n{BEGIN}\n{digest}\n{END}\n"


def in_pieces(digest):
    """As it is when it was copied out of a narrow window."""
    return f"{BEGIN}  \n{digest[:20]}\n  {digest[20:]}=\n{END}\n"


def ascii_only(digest):
    return f"{BEGIN}\n{digest}\n{END}\n"


#   program, what is special          how it composes     where   the answer
CASES = [
    ("mutt, quoted-printable", lambda d: mailers.mutt(
        d, options="set allow_8bit=no send_charset=utf-8"), "top", usual),
    ("mutt, 8bit in ISO 8859-1", mailers.mutt, "bottom", usual),
    ("mutt, format=flowed", lambda d: mailers.mutt(
        d, options="set text_flowed=yes"), "top", in_pieces),
    ("mutt, format=flowed, signature on top", lambda d: mailers.mutt(
        d, options="set text_flowed=yes sig_on_top=yes"), "bottom", usual),
    ("mutt, an alternative in HTML", lambda d: mailers.mutt(
        d, options="set send_multipart_alternative=yes "
        f"send_multipart_alternative_filter='{mailers.TOOLS}/html'"),
     "top", usual),
    ("neomutt, format=flowed", lambda d: mailers.neomutt(
        d, "set text_flowed=yes"), "bottom", usual),
    ("neomutt", mailers.neomutt, "top", in_pieces),
    ("s-nail, quoted-printable", mailers.s_nail, "top", usual),
    ("s-nail, base64", lambda d: mailers.s_nail(d, "base64"), "top", usual),
    ("bsd-mailx, neither Date nor Message-ID", mailers.bsd_mailx, "top",
     usual),
    ("bsd-mailx", mailers.bsd_mailx, "bottom", in_pieces),
    ("mailutils, words in In-Reply-To", mailers.mailutils, "top", usual),
    ("mailutils, no MIME", mailers.mailutils, "bottom", ascii_only),
    ("alpine, format=flowed", mailers.alpine, "top", usual),
    ("alpine", mailers.alpine, "bottom", ascii_only),
    ("aerc, quoted-printable", mailers.aerc, "top", usual),
    ("aerc", mailers.aerc, "bottom", in_pieces),
    ("nmh", mailers.nmh, "top", usual),
    ("nmh", mailers.nmh, "bottom", ascii_only),
    ("Python, quoted-printable", mailers.python, "bottom", usual),
    ("Python, base64 and HTML", lambda d: mailers.python(
        d, "base64", html=True), "top", usual),
    ("Python, 8bit in Windows-1252", lambda d: mailers.python(
        d, "8bit", charset="windows-1252"), "top", usual),
    ("nodemailer", mailers.nodemailer, "top", usual),
    ("nodemailer, HTML with a picture, base64", lambda d: mailers.nodemailer(
        d, textEncoding="base64", **with_picture(d)), "bottom", usual),
    ("nodemailer, an attachment", lambda d: mailers.nodemailer(
        d, attachments=[{"filename": "a.txt", "content": "x"}]),
     "bottom", in_pieces),
    ("MIME::Lite, base64 and HTML", lambda d: mailers.perl(d, "MIME::Lite"),
     "top", usual),
    ("Email::MIME", lambda d: mailers.perl(d, "Email::MIME"), "bottom",
     usual),
    ("MIME::Entity, 8bit in multipart/mixed", lambda d: mailers.perl(
        d, "MIME::Entity"), "top", usual),
]


# --- what gateways do before the domain signs ---------------------------

FOOTER = "--\r\nThis mail is confidential. Questions: help@user.test.\r\n"


def appended(raw):
    """To the text, as it is."""
    return raw.rstrip(b"\r\n") + b"\r\n\r\n" + FOOTER.encode()


def wrapped(raw):
    """A part of its own, in a multipart/mixed around all."""
    header, _, body = raw.partition(b"\r\n\r\n")
    own, inner = [], []
    name = b""
    for line in header.split(b"\r\n"):
        if line[:1] not in b" \t":
            name = line.split(b":")[0].lower()
        (inner if name.startswith(b"content-") else own).append(line)
    return b"\r\n".join(
        own + [b'Content-Type: multipart/mixed; boundary="footer"', b"",
               b"--footer"] + inner
        + [b"", body, b"--footer", b"Content-Type: text/plain", b"",
           FOOTER.encode(), b"--footer--", b""])


GATEWAYS = [
    ("a footer appended", lambda d: mailers.python(d, "7bit"), appended,
     ascii_only),
    ("a footer in multipart/mixed", mailers.python, wrapped, usual),
    ("the same around an alternative", lambda d: mailers.python(
        d, "base64", html=True), wrapped, usual),
    ("the same around mutt's", mailers.mutt, wrapped, usual),
]


class Subject:
    """An order whose challenge mail lies in Alice's mailbox."""

    def __init__(self, site, where, answer):
        self.site = site
        self.challenge = Client(site).order("alice@user.test").challenge()
        mail = challenge_mail(site, self.challenge)
        Subject.count += 1
        self.desk = mailers.Desk(
            f"{site.folder}/desk{Subject.count}", mail.raw,
            self.challenge.sender, self.challenge.mailbox,
            answer(self.challenge.digest(mail.part1)), where)

    def reply(self, message):
        """Through the user's mail system, which signs it."""
        message = mailers.as_mta(message, self.desk.mailbox)
        mark = self.site.mark()
        send(self.site, message, self.challenge.sender)
        return self.site.wait_verdict(
            mark, challenge=self.challenge.id), message


Subject.count = 0


def try_case(site, compose, where, answer, gateway=lambda raw: raw):
    s = Subject(site, where, answer)
    event, sent = s.reply(gateway(compose(s.desk)))
    assert event["verdict"] == "match", \
        f"{event}\n{sent.decode('utf-8', 'replace')}"
    s.challenge.post()
    assert s.challenge.read()["status"] == "valid"


def test_programs(site):
    for name, compose, where, answer in CASES:
        with case(f"ER-27, ER-28: {name}, {where} posting"):
            try_case(site, compose, where, answer)


def test_gateways(site):
    for name, compose, gateway, answer in GATEWAYS:
        with case(f"ER-27: {name}"):
            try_case(site, compose, "top", answer, gateway)


def echo(digest):
    """What an attacker wants to be sent back."""
    return f"Please write back.\n\n{BEGIN}\n{digest}\n{END}\n"


def test_echoes(site):
    """The same programs answer a mail that looks like the challenge's and
    holds a response: what they quote proves nothing (MA-61)."""
    for name, compose in (("mutt", mailers.mutt), ("alpine", mailers.alpine),
                          ("s-nail", mailers.s_nail), ("nmh", mailers.nmh),
                          ("bsd-mailx", mailers.bsd_mailx),
                          ("aerc", mailers.aerc)):
        with case(f"MA-61, MA-42: {name} quotes a response: no block"):
            s = Subject(site, "top", lambda _: "Who are you?\n")
            mail = challenge_mail(site, s.challenge)
            fields = [f"{k}: {mail.message[k]}\r\n" for k in
                      ("From", "To", "Subject", "Date", "Message-ID")]
            forged = "".join(fields) + "\r\n" + echo(
                s.challenge.digest(mail.part1)).replace("\n", "\r\n")
            desk = mailers.Desk(f"{s.desk.home}-echo", forged.encode(),
                                s.desk.sender, s.desk.mailbox,
                                s.desk.answer)
            event, sent = s.reply(compose(desk))
            assert END.encode() in sent.replace(b"=\r\n", b""), sent
            assert (event["verdict"], event["code"]) == \
                ("no-response", "body.block-in-quote"), (event, sent)
            assert s.challenge.read()["status"] == "pending"


run({}, test_programs, test_gateways, test_echoes)
