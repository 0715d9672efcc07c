#!/usr/bin/python3
"""A whole installation is lost and comes back from its backup; then a CA that
a ceremony made takes over."""

import os
import re
import shutil

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client, b64
from harness import case, command, edit_config, eventually, read_file, run
from letters import answer

SECRET = "secret of a single operator"


def certificate(site, client, mailbox):
    order = client.order(mailbox)
    if order.read()["status"] != "ready":
        answer(site, order.challenge(),
               re.match("[a-z]+", mailbox)[0].upper())
        order.challenge().post()
    return order.certificate()[0]


def listed(site):
    path = re.search(r'(?m)^\s*crl_file = "?([^"\n]+)"?$',
                     read_file(site.config))[1]
    with open(os.path.join(site.state, path), "rb") as f:
        return {entry.serial_number
                for entry in x509.load_der_x509_crl(f.read())}


def test_restore(site):
    client = Client(site)
    client.account()
    old = certificate(site, client, "alice@user.test")
    backup = f"{site.folder}/backup"
    with case("PK-211: lost, restored, and it issues again"):
        site.stop()
        # Owners and modes are part of it: keys that others can read are
        # refused.
        command("cp", "-a", site.state, backup)
        shutil.rmtree(site.state)
        assert not os.path.exists(site.database)
        command("cp", "-a", backup, site.state)
        site.start()
        client = Client(site, client.key)
        client.account()
        new = certificate(site, client, "bob@user.test")
        assert new.serial_number != old.serial_number
    with case("PK-211: and revokes what was issued before"):
        client.post(client.url_of("revokeCert"),
                    {"certificate": b64(old.public_bytes(Encoding.DER))}, 200)
        eventually(lambda: old.serial_number in listed(site), "the list")
        assert new.serial_number not in listed(site)
    with case("PK-153: a database that was emptied is not taken for a new one"):
        site.stop()
        command("cp", "-a", site.state, f"{backup}2")
        for end in "-wal", "-shm":
            if os.path.exists(site.database + end):
                os.unlink(site.database + end)
        os.truncate(site.database, 0)
        said = command(site.program, "-f", site.config, status=1)
        assert "the database knows nothing of this CA, which has signed " \
            "list number" in said, said
        shutil.rmtree(site.state)
        command("cp", "-a", f"{backup}2", site.state)
        site.start()
        assert old.serial_number in listed(site)


def ca(site, *words, typed=()):
    return command(f"{site.build}/countersign", "ca", *words, "--first", "Ann",
                   "--single-operator", "--private", "--online-root",
                   input="".join(f"{line}\n" for line in typed))


def test_ceremony_ca(site):
    folder = f"{site.folder}/ceremony"
    subject = ["--name", "Ceremony", "--organization", "Test", "--country",
               "XX"]
    with case("PK-209: the service issues from a CA of the ceremony"):
        ca(site, "init", "--dir", folder, *subject,
           "--crl-url", "http://crl.ca.test/root.crl",
           "--root-url", "http://crl.ca.test/root.cer",
           typed=["yes", SECRET, SECRET, "yes", "yes"]
           + ["yes", SECRET, "yes", "yes"])
        site.stop()
        edit_config(site, issuer__ca_certificate=f"{folder}/issuing/issuing.pem",
                    issuer__ca_chain=f"{folder}/issuing/root.pem",
                    issuer__ca_key=f"{folder}/issuing/issuing-key.pem",
                    issuer__ca_key_passphrase=f"{folder}/issuing/ca-passphrase")
        os.chmod(folder, 0o755)
        os.chmod(f"{folder}/issuing", 0o755)
        site.start()
        client = Client(site)
        client.account()
        leaf = certificate(site, client, "alice@user.test")
        with open(f"{site.folder}/leaf.pem", "wb") as f:
            f.write(leaf.public_bytes(Encoding.PEM))
        command("openssl", "verify", "-purpose", "smimesign", "-CAfile",
                f"{folder}/root/root.pem", "-untrusted",
                f"{folder}/issuing/issuing.pem", f"{site.folder}/leaf.pem")


run({}, test_restore, test_ceremony_ca)
