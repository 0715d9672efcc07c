"""Sites whose replies come in without IMAP: the CA's Postfix delivers to
countersignd by LMTP, or into a Maildir that it reads."""

import os
import pwd
import shutil
import socket

from harness import DEADLINE, USER, Site, command

NO_IMAP = {f"validator.imap_{name}": None
           for name in ("host", "port", "ca_file", "user", "password")}


class OtherSite(Site):
    """Without IMAP; Postfix is told how to deliver before anything comes."""

    def wanted_settings(self):
        self.settings = NO_IMAP | self.way() | self.settings
        return super().wanted_settings()

    def init(self):
        super().init()
        self.postconf(**self.transport())

    def postconf(self, **settings):
        folder = f"{self.env['LAB_DIR']}/ca/postfix"
        command("postconf", "-c", folder, "-e",
                *(f"{k}={v}" for k, v in settings.items()))
        self.lab("stop-part", "ca-postfix")
        self.lab("start-part", "ca-postfix")

    def folder_of_roles(self, name):
        """A folder that belongs to the user of the roles."""
        path = f"{self.folder}/{name}"
        os.mkdir(path, 0o700)
        shutil.chown(path, USER)
        return path


class UnixSite(OtherSite):
    """Postfix delivers to a Unix socket."""

    many = {"lmtp_destination_concurrency_limit": "100",
            "initial_destination_concurrency": "50"}

    def way(self):
        queue = os.path.realpath(f"{self.env['LAB_DIR']}/ca/queue")
        folder = f"{queue}/countersign"
        os.mkdir(folder)
        shutil.chown(folder, USER, "postfix")
        os.chmod(folder, 0o750)
        self.socket = f"{folder}/lmtp"
        return {"validator.lmtp_listen": f"unix:{self.socket}",
                "validator.lmtp_group": "postfix"}

    def transport(self):
        """As countersignd(8) has it: the file as seen from the chroot."""
        others = f"hash:{self.env['LAB_DIR']}/ca/postfix/transport"
        return {"transport_maps":
                "inline:{{acme@ca.test = lmtp:unix:countersign/lmtp}} "
                + others} | self.many


class InetSite(OtherSite):
    """Postfix delivers to a port of this host."""

    def way(self):
        self.port_number = self.port("LAB_SPARE1")
        return {"validator.lmtp_listen": f"127.0.0.1:{self.port_number}"}

    def transport(self):
        return {"virtual_transport":
                f"lmtp:inet:127.0.0.1:{self.port_number}"}


class MaildirSite(OtherSite):
    """Postfix's virtual(8) writes into a Maildir, as the user of the roles."""

    def way(self):
        self.maildir = self.folder_of_roles("mail") + "/acme"
        return {"validator.maildir": self.maildir,
                "validator.maildir_line_ends": "lf"}

    def init(self):
        super().init()
        # Postfix would make it with the first message.
        for part in ("", "/new", "/cur", "/tmp"):
            self.folder_of_roles(f"mail/acme{part}")

    def transport(self):
        owner = pwd.getpwnam(USER)
        return {"virtual_transport": "virtual",
                "virtual_mailbox_base": os.path.dirname(self.maildir),
                "virtual_mailbox_maps": "inline:{acme@ca.test=acme/}",
                "virtual_uid_maps": f"static:{owner.pw_uid}",
                "virtual_gid_maps": f"static:{owner.pw_gid}",
                "virtual_mailbox_limit": "0",
                "virtual_minimum_uid": "1"}

    def put(self, name, text):
        """A file in new/, as the mail server puts it there."""
        path = f"{self.maildir}/tmp/{name}"
        with open(path, "wb") as f:
            f.write(text)
        shutil.chown(path, USER)
        os.rename(path, f"{self.maildir}/new/{name}")


class Lmtp:
    """An LMTP client that says what it is told to, octet by octet."""

    def __init__(self, site, timeout=DEADLINE):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(site.socket)
        self.stream = self.socket.makefile("rb")
        self.greeting = self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def answer(self):
        """The code of one answer; 0: the connection has ended."""
        while True:
            line = self.stream.readline()
            if not line:
                return 0
            if line[3:4] == b" ":
                return int(line[:3])

    def say(self, octets):
        if isinstance(octets, str):
            octets = octets.encode()
        self.socket.sendall(octets)

    def ask(self, line):
        self.say(line + "\r\n")
        return self.answer()

    def open(self, sender, *recipients):
        """Up to 354."""
        assert self.ask("LHLO mx.ca.test") == 250
        assert self.ask(f"MAIL FROM:<{sender}>") == 250
        for recipient in recipients:
            assert self.ask(f"RCPT TO:<{recipient}>") == 250
        assert self.ask("DATA") == 354

    def send(self, raw):
        """The message to its end; dots doubled."""
        text = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:]
        self.say(text + b".\r\n")

    def deliver(self, raw, recipient, sender="alice@user.test"):
        self.open(sender, recipient)
        self.send(raw)
        return self.answer()
