"""`countersign enroll` as a person or a timer runs it."""

import json
import os

from harness import command, read_file


class Enroll:
    """Options for one run; files in a folder of its own."""

    def __init__(self, site, name, mailbox="alice@user.test", who="ALICE"):
        self.site = site
        self.who = who
        self.mailbox = mailbox
        self.folder = f"{site.folder}/{name}"
        os.makedirs(self.folder, exist_ok=True)

    def path(self, name):
        return f"{self.folder}/{name}"

    def words(self, *more):
        return [*self.server(), "--mailbox", self.mailbox, "--out",
                self.path("cert.pem"), *more]

    def server(self):
        env = self.site.env
        return ["env", f"XDG_STATE_HOME={self.folder}",
                f"{self.site.build}/countersign", "enroll", "--json",
                "--directory",
                f"https://localhost:{env['LAB_HTTPS_PORT']}/acme/directory",
                "--ca-file", env["LAB_CA_CERT"],
                "--account-key", self.path("account.pem"),
                "--key", self.path("key.pem")]

    def box(self):
        env = self.site.env
        return ["--imap", f"localhost:{env['USER_IMAPS_PORT']}",
                "--imap-user", env[f"{self.who}_USER"],
                "--imap-password-file", env[f"{self.who}_PASSWORD_FILE"],
                "--smtp", f"localhost:{env['USER_SUBMISSION_PORT']}",
                "--smtp-user", env[f"{self.who}_USER"],
                "--smtp-password-file", env[f"{self.who}_PASSWORD_FILE"],
                "--mail-ca-file", env["LAB_CA_CERT"]]

    def automatic(self, *more, status=0):
        return command(*self.words(*self.box(), "--timeout", "240", *more),
                       status=status)

    def renew(self, *more, status=0):
        """What a timer runs: the certificate says for whom it is."""
        return command(*self.server(), *self.box(), "--timeout", "240",
                       "--renew", self.path("cert.pem"), *more,
                       status=status)


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def check_certificate(site, e):
    """Another program: the chain, the key, a signature and back."""
    root, cert = f"{site.state}/ca/root.pem", e.path("cert.pem")
    command("openssl", "verify", "-purpose", "smimesign", "-CAfile", root,
            "-untrusted", cert, cert)
    text = command("openssl", "x509", "-in", cert, "-noout", "-email")
    assert text.strip() == e.mailbox, text
    with open(e.path("message"), "w") as f:
        f.write("Content-Type: text/plain\r\n\r\nHello.\r\n")
    command("openssl", "cms", "-sign", "-in", e.path("message"), "-signer",
            cert, "-inkey", e.path("key.pem"), "-certfile",
            f"{site.state}/ca/issuing.pem", "-out", e.path("signed"))
    command("openssl", "cms", "-verify", "-in", e.path("signed"), "-CAfile",
            root, "-out", e.path("verified"))
    assert read_file(e.path("message")) == read_file(e.path("verified"))
