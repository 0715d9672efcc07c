"""The user's side of the mail: finds the challenge mail, writes replies.

Nothing here is taken from the product: the messages are read by Python's
parser and signed by the laboratory's OpenDKIM.
"""

import email
import email.policy
import email.utils
import imaplib
import os
import re
import smtplib
import time
import uuid

from harness import DEADLINE, eventually, say

BEGIN = "-----BEGIN ACME RESPONSE-----"
END = "-----END ACME RESPONSE-----"
WRONG = "AQ" * 21 + "A"     # a digest, but nobody's


class Inbox:
    """A user's mailbox by IMAP; who is "ALICE", "BOB", ..."""

    def __init__(self, site, who="ALICE", port="USER_IMAPS"):
        self.imap = imaplib.IMAP4_SSL("localhost", site.port(port),
                                      ssl_context=site.tls, timeout=DEADLINE)
        self.imap.login(site.env[f"{who}_USER"], site.password(who))
        self.imap.select("INBOX", readonly=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.imap.logout()
        except (OSError, imaplib.IMAP4.error):
            pass

    def find(self, *search):
        """All messages that fit, as octets."""
        self.imap.noop()
        found = self.imap.search(None, *search)[1][0].split()
        return [self.imap.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in found]


class Mail:
    """The challenge mail as it lies in the user's mailbox."""

    def __init__(self, raw):
        self.raw = raw
        self.message = email.message_from_bytes(raw,
                                                policy=email.policy.default)
        self.message_id = self.message["Message-ID"]
        self.subject = self.message["Subject"]
        self.part1 = self.subject.removeprefix("ACME: ")


def all_mails(site, sender, who="ALICE"):
    """Every copy of the challenge mail from this tagged address."""
    with Inbox(site, who) as inbox:
        return [Mail(raw) for raw in inbox.find("HEADER", "FROM", sender)]


def challenge_mail(site, challenge, who="ALICE", seconds=DEADLINE, to="@"):
    """Waits for the mail of one challenge. (Where all have one sender, `to`
    says which.)"""
    ident = getattr(challenge, "id", None)  # other people's clients tell none
    asked, put_off = time.monotonic(), site.put_off(ident)

    def look():
        nonlocal asked, put_off
        found = inbox.find("HEADER", "FROM", challenge.sender,
                           "HEADER", "TO", to)
        # A relay that is busy puts the mail off, each time for longer.
        if not found and time.monotonic() > asked + 5:
            if put_off < (now := site.put_off(ident)):
                put_off = now
                say(f"the mail of {challenge.sender} was put off")
                site.hurry(ident)
            asked = time.monotonic()
        return found

    with Inbox(site, who) as inbox:
        found = eventually(look, f"the mail of {challenge.sender}", seconds)
    return Mail(found[0])


def block(digest):
    return f"{BEGIN}\r\n{digest}\r\n{END}\r\n"


def compose(challenge, mail, digest=None, body=None, **fields):
    """A reply as a program writes it. Fields are changed or added by name
    (From="..."), or left out (In_Reply_To=None)."""
    if body is None:
        body = block(digest or challenge.digest(mail.part1))
    header = {
        "From": challenge.mailbox, "To": challenge.sender,
        "Subject": f"Re: {mail.subject}",
        "Date": email.utils.formatdate(),
        "Message-ID": f"<{uuid.uuid4()}@user.test>",
        "In-Reply-To": mail.message_id,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=us-ascii",
    } | {k.replace("_", "-"): v for k, v in fields.items()}
    lines = [f"{k}: {v}\r\n" for k, v in header.items() if v is not None]
    return ("".join(lines) + "\r\n" + body).encode()


def code_of(refusal):
    if isinstance(refusal, smtplib.SMTPRecipientsRefused):
        return max(code for code, _ in refusal.recipients.values())
    return refusal.smtp_code


def send(site, message, recipient, who="ALICE", sender=None, signed=True):
    """Through the user's mail system, which signs it with DKIM or not. As a
    mail program does, what the system puts off is sent once more."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            return submit(site, message, recipient, who, sender, signed)
        except (smtplib.SMTPResponseException,
                smtplib.SMTPRecipientsRefused) as e:
            if code_of(e) >= 500 or time.monotonic() > deadline:
                raise
            say(f"put off: {e}")
            time.sleep(1)


def submit(site, message, recipient, who, sender, signed):
    port = "USER_SUBMISSION" if signed else "USER_UNSIGNED"
    with smtplib.SMTP("localhost", site.port(port),
                      timeout=DEADLINE) as smtp:
        smtp.starttls(context=site.tls)
        smtp.login(site.env[f"{who}_USER"], site.password(who))
        smtp.sendmail(sender or site.env[f"{who}_ADDRESS"], recipient,
                      message)


def sign(site, message, who="ALICE"):
    """What the user's mail system would have sent: the message with its
    DKIM signature. (It is sent to Bob, and fetched there.)"""
    unique = email.message_from_bytes(message)["Message-ID"]
    send(site, message, site.env["BOB_ADDRESS"], who)
    with Inbox(site, "BOB") as inbox:
        raw = eventually(lambda: inbox.find("HEADER", "MESSAGE-ID", unique),
                         "the signed message")[-1]
    return raw[raw.index(b"DKIM-Signature:"):]


def deliver(site, message, recipient, sender="alice@user.test"):
    """Straight to the CA's mail server, as it is."""
    with smtplib.SMTP("localhost", site.port("CA_SMTP"),
                      timeout=DEADLINE) as smtp:
        smtp.sendmail(sender, recipient, message, ["BODY=8BITMIME"])


def answer(site, challenge, who="ALICE", **how):
    """Waits for the challenge mail and replies to it as it should be."""
    mail = challenge_mail(site, challenge, who)
    send(site, compose(challenge, mail, **how), challenge.sender, who)
    return mail


def proven(site, client, mailbox="alice@user.test"):
    """An order for a mailbox, which is proven by mail the first time."""
    order = client.order(mailbox)
    if order.read()["status"] != "ready":
        answer(site, order.challenge(),
               re.match("[a-z]+", mailbox)[0].upper())
        order.challenge().post()
    return order


def fill(site, letters):
    """Into the CA's mailbox, as files: a pile that is there at once."""
    base = f"{site.env['LAB_DIR']}/ca/dovecot/mail"
    folder = f"{base}/{os.listdir(base)[0]}/Maildir"
    like = os.stat(folder)
    for number, raw in enumerate(letters):
        name = f"{int(time.time())}.M{number}P{len(letters)}.pile"
        path = f"{folder}/tmp/{name}"
        with open(path, "wb") as f:
            f.write(raw)
        os.chown(path, like.st_uid, like.st_gid)
        os.rename(path, f"{folder}/new/{name}")
