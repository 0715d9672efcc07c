"""Admins and their two factors (PK-206)."""

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import \
    BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat

from harness import command


class Admin:
    """An account with its two factors in files."""

    def __init__(self, site, name):
        self.site, self.name = site, name
        self.key = f"{site.folder}/{name}-key.pem"
        self.public = f"{site.folder}/{name}.pem"
        self.password = f"{site.folder}/{name}-password"
        self.passphrase = self.password
        with open(self.password, "w") as f:
            f.write(f"password of {name}\n")
        os.chmod(self.password, 0o400)
        private = ec.generate_private_key(ec.SECP256R1())
        with open(self.key, "wb") as f:
            os.chmod(self.key, 0o600)
            f.write(private.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8,
                BestAvailableEncryption(f"password of {name}".encode())))
        with open(self.public, "wb") as f:
            f.write(private.public_key().public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def factors(self):
        return ["--admin", self.name, "--admin-password-file", self.password,
                "--admin-key", self.key, "--admin-key-passphrase-file",
                self.passphrase]

    def run(self, *words, status=0, factors=None):
        return command(f"{self.site.build}/countersign",
                       *(self.factors() if factors is None else factors),
                       words[0], "-f",
                       self.site.config, *words[1:], status=status)

    def wanted(self, role, other=None):
        return ["add", "--role", role, "--client-key", (other or self).public,
                "--password-file", self.password, self.name]
