"""The mailbox that is validated: finds the challenge mail, sends replies."""

import base64
import email
import email.policy
import email.utils
import hashlib
import imaplib
import os
import smtplib
import subprocess
import time
import uuid
from urllib.parse import unquote, urlsplit

BEGIN = "-----BEGIN ACME RESPONSE-----"
END = "-----END ACME RESPONSE-----"
PATIENCE = 120.0    # seconds, with a mail server


def read_password(path):
    with open(path) as f:
        return f.read().strip()


class Imap:
    """imaps://user@host[:port][/folder]; imap:// means STARTTLS."""

    def __init__(self, url, password, tls):
        self.parts, self.password, self.tls = urlsplit(url), password, tls
        self.folder = unquote(self.parts.path.lstrip("/")) or "INBOX"

    def open(self):
        host, port = self.parts.hostname, self.parts.port
        if self.parts.scheme == "imaps":
            imap = imaplib.IMAP4_SSL(host, port or 993, ssl_context=self.tls,
                                     timeout=PATIENCE)
        else:
            imap = imaplib.IMAP4(host, port or 143, timeout=PATIENCE)
            imap.starttls(self.tls)
        imap.login(unquote(self.parts.username or ""), self.password)
        imap.select(self.folder, readonly=True)
        return imap

    def find(self, sender=None):
        """All messages from this address, oldest first; without one, all
        that look like challenge mails."""
        imap = self.open()
        try:
            words = ("FROM", f'"{sender}"') if sender else \
                ("SUBJECT", '"ACME: "')
            found = imap.search(None, *words)[1][0].split()
            return [imap.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in found]
        finally:
            imap.logout()


class Smtp:
    """smtp://user@host[:port]: STARTTLS; smtps://: TLS from the start."""

    def __init__(self, url, password, tls):
        self.parts, self.password, self.tls = urlsplit(url), password, tls

    def send(self, sender, recipient, message):
        """As a mail program does, it tries again what is put off."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.submit(sender, recipient, message)
            except smtplib.SMTPResponseException as e:
                if e.smtp_code >= 500 or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def submit(self, sender, recipient, message):
        host, port = self.parts.hostname, self.parts.port
        if self.parts.scheme == "smtps":
            smtp = smtplib.SMTP_SSL(host, port or 465, context=self.tls,
                                    timeout=PATIENCE)
        else:
            smtp = smtplib.SMTP(host, port or 587, timeout=PATIENCE)
            smtp.starttls(context=self.tls)
        with smtp:
            if self.parts.username:
                smtp.login(unquote(self.parts.username), self.password)
            smtp.sendmail(sender, recipient, message)


class Maildir:
    """Two folders of files: one message each. For tests."""

    def __init__(self, inbox, outbox):
        self.inbox, self.outbox = inbox, outbox

    def find(self, sender=""):
        found = []
        for folder in (f"{self.inbox}/new", f"{self.inbox}/cur", self.inbox):
            for name in sorted(os.listdir(folder)
                               if os.path.isdir(folder) else []):
                path = f"{folder}/{name}"
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        raw = f.read()
                    if sender.lower() in str(
                            email.message_from_bytes(raw)["From"]).lower():
                        found.append(raw)
        return found

    def send(self, _, recipient, message):
        name = f"{time.time_ns()}.{os.getpid()}"
        with open(f"{self.outbox}/.{name}", "wb") as f:
            f.write(b"Delivered-To: " + recipient.encode() + b"\r\n" + message)
        os.rename(f"{self.outbox}/.{name}", f"{self.outbox}/{name}")


class Hook:
    """A command of the user's: `COMMAND fetch FROM` prints the newest message
    from that address (or nothing yet), `COMMAND send FROM TO` sends its
    standard input."""

    def __init__(self, command):
        self.command = command

    def call(self, *words, data=b""):
        return subprocess.run(
            ["/bin/sh", "-c", f'{self.command} "$@"', self.command, *words],
            input=data, stdout=subprocess.PIPE, timeout=120, check=True).stdout

    def find(self, sender=None):
        raw = self.call("fetch", sender) if sender else b""
        return [raw] if raw.strip() else []

    def send(self, sender, recipient, message):
        self.call("send", sender, recipient, data=message)


def part1_of(message):
    return str(message["Subject"]).partition("ACME:")[2].strip()


class Mailbox:
    """An address, and a way to read and to write."""

    def __init__(self, address, reader, writer, wait):
        self.address = address
        self.reader, self.writer = reader, writer
        self.wait = wait
        self.seen = None        # token-part1 of mails that are spoken for

    def remember(self):
        """What lies in the mailbox before the first order is not ours."""
        if self.seen is None:
            self.seen = {part1_of(email.message_from_bytes(raw))
                         for raw in self.reader.find()}

    def challenge_mail(self, sender):
        """Waits for the mail of one challenge: (message, token-part1). Where
        one address sends for all challenges, it is the newest that nobody has
        asked for: so ask before the next order is made."""
        deadline = time.monotonic() + self.wait
        while True:
            for raw in reversed(self.reader.find(sender)):
                message = email.message_from_bytes(
                    raw, policy=email.policy.default)
                part1 = part1_of(message)
                if part1 and part1 not in self.seen:
                    self.seen.add(part1)
                    return message, part1
            if time.monotonic() > deadline:
                return None, None
            time.sleep(0.5)

    def reply(self, message, recipient, body, **fields):
        """Answers as a mail program does; fields are changed by name."""
        domain = self.address.rpartition("@")[2]
        header = {
            "From": self.address, "To": recipient,
            "Subject": f"Re: {message['Subject']}",
            "Date": email.utils.formatdate(),
            "Message-ID": f"<{uuid.uuid4()}@{domain}>",
            "In-Reply-To": str(message["Message-ID"]),
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=us-ascii",
        } | {k.replace("_", "-"): v for k, v in fields.items()}
        text = "".join(f"{k}: {v}\r\n" for k, v in header.items()
                       if v is not None)
        self.writer.send(self.address, recipient,
                         (text + "\r\n" + body).encode())


def response_block(digest):
    return f"{BEGIN}\r\n{digest}\r\n{END}\r\n"


def key_digest(part1, part2, thumbprint):
    """RFC 8823 3: for tokens whose parts are whole groups of base64url; the
    parts of others are joined as octets, as most clients read the text."""
    token = part1 + part2
    if len(part1) % 4:
        raw = [base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))
               for p in (part1, part2)]
        token = base64.urlsafe_b64encode(b"".join(raw)).decode().rstrip("=")
    digest = hashlib.sha256(f"{token}.{thumbprint}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
