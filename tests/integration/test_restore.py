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
from letters import proven

SECRET = "secret of a single operator"


def certificate(site, client, mailbox):
    return proven(site, client, mailbox).certificate()[0]


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def list_file(site):
    path = re.search(r'(?m)^\s*crl_file = "?([^"\n]+)"?$',
                     read_file(site.config))[1]
    return os.path.join(site.state, path)


def the_list(site):
    return x509.load_der_x509_crl(read_bytes(list_file(site)))


def listed(site):
    return {entry.serial_number for entry in the_list(site)}


def number_of(site):
    return the_list(site).extensions.get_extension_for_class(
        x509.CRLNumber).value.crl_number


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


def restore_database(site, backup):
    site.stop()
    for end in "", "-wal", "-shm":
        if os.path.exists(site.database + end):
            os.unlink(site.database + end)
    command("cp", "-a", backup, site.database)


def test_older(site):
    """The database is lost, and its backup is of before the revocations of one
    certificate that is in it and one that is not."""
    client = Client(site)
    client.account()
    known = certificate(site, client, "alice+older@user.test")
    site.stop()
    backup = f"{site.folder}/older.db"
    command("cp", "-a", site.database, backup)
    site.start()
    client = Client(site, client.key)
    client.account()
    both = {c.serial_number for c in (
        known, certificate(site, client, "alice+older@user.test"))}
    for serial in both:
        site.countersign("cert", "revoke", "--reason", "4", f"{serial:034x}")
    eventually(lambda: both <= listed(site), "the list")
    number, before = number_of(site), listed(site)
    restore_database(site, backup)
    with case("L-66: a backup that is older than the list takes no revocation "
              "back, and the log says how to go on"):
        mark = site.mark()
        site.start()
        eventually(lambda: "countersign crl take" in site.log(mark),
                   "the log")
        assert (number_of(site), listed(site)) == (number, before)
    with case("PK-153, L-66: then the list is taken over, and the next one has "
              "all of it and a greater number"):
        said = site.countersign("crl", "take")
        assert "revoked now: 1;" in said and "database: 1\n" in said, said
        site.stop()
        site.start()
        eventually(lambda: number_of(site) > number, "the next list")
        assert listed(site) == before
        said = site.countersign("cert", f"{known.serial_number:034x}")
        assert "reason: superseded" in said, said
        client = Client(site, client.key)
        client.account()
        certificate(site, client, "alice+older@user.test")


def run_ahead(site, serial):
    """As if the service had signed with a clock that is a year ahead."""
    site.stop()
    year = 366 * 86400
    site.query(f"UPDATE cert SET reserved_at = reserved_at + {year}, "
               f"issued_at = issued_at + {year} WHERE serial = ?",
               f"{serial:034x}")
    site.query(f"UPDATE crl SET this_update = this_update + {year}, "
               f"next_update = next_update + {year} WHERE number = "
               "(SELECT MAX(number) FROM crl)")
    site.start()


def test_clock(site):
    client = Client(site)
    client.account()
    ahead = certificate(site, client, "alice+ahead@user.test").serial_number
    with case("PK-147: after a clock that was ahead nothing is signed, and "
              "status says what to do"):
        run_ahead(site, ahead)
        said = site.countersign("status", status=1)
        assert re.search("WRONG clock: .* countersign clock shows", said), said
        eventually(lambda: "countersign clock shows" in site.log(), "the log")
    with case("PK-147: only the very moment is set aside"):
        said = site.countersign("clock")
        moment = re.search(r"newest moment on record is (\S+)\. ", said)[1]
        assert "1  of them signed" in said, said
        other = re.sub("^[0-9]+", lambda m: str(int(m[0]) + 1), moment)
        said = site.countersign("clock", "--set-aside", other, "--reason",
                                "a test", status=1)
        assert "another one than was given" in said, said
    with case("PK-147: then it is, what was signed is revoked, and the issuer "
              "goes on"):
        number = number_of(site)
        said = site.countersign("clock", "--set-aside", moment, "--reason",
                                "a test")
        assert "revokes 1 certificates now" in said, said
        eventually(lambda: ahead in listed(site), "the list")
        assert number_of(site) > number
        client = Client(site, client.key)
        client.account()
        certificate(site, client, "alice+again@user.test")
        said = site.countersign("clock")
        assert "No number and no list is of a moment to come" in said, said
        assert "clock" not in re.findall(r"WRONG (\w+):", site.countersign(
            "status", status=None))


def ca(site, *words, typed=()):
    return command(f"{site.build}/countersign", "ca", *words, "--first", "Ann",
                   "--single-operator", "--private", "--online-root",
                   input="".join(f"{line}\n" for line in typed))


def make_ca(site, folder, name):
    """A ceremony, and a configuration that uses what it made."""
    ca(site, "init", "--dir", folder, "--name", name, "--organization",
       "Test", "--country", "XX", "--crl-url", "http://crl.ca.test/root.crl",
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


def test_ceremony_ca(site):
    folder = f"{site.folder}/ceremony"
    with case("PK-209: the service issues from a CA of the ceremony"):
        make_ca(site, folder, "Ceremony")
        bundle = f"{site.folder}/ceremony.tar"
        command(f"{site.build}/countersign", "ca", "bundle", "--dir", folder,
                "--out", bundle)
        said = command(f"{site.build}/countersign", "ca", "record", "-f",
                       site.config, bundle)
        assert "first list of the issuing CA is taken over" in said, said
        site.start()
        client = Client(site)
        client.account()
        leaf = certificate(site, client, "alice@user.test")
        with open(f"{site.folder}/leaf.pem", "wb") as f:
            f.write(leaf.public_bytes(Encoding.PEM))
        command("openssl", "verify", "-purpose", "smimesign", "-CAfile",
                f"{folder}/root/root.pem", "-untrusted",
                f"{folder}/issuing/issuing.pem", f"{site.folder}/leaf.pem")
    with case("PK-209: its first list is published as it was made"):
        first = read_bytes(f"{folder}/issuing/issuing.crl")
        eventually(lambda: read_bytes(list_file(site)) == first, "the list")
        assert number_of(site) == 1
    with case("PK-209: the next one has the next number, and the first one "
              "given again changes nothing"):
        site.countersign("cert", "--revoke", "--reason", "4",
                         f"{leaf.serial_number:034x}")
        eventually(lambda: leaf.serial_number in listed(site), "the list")
        assert number_of(site) == 2
        said = command(f"{site.build}/countersign", "ca", "record", "-f",
                       site.config, bundle)
        assert "all of it is on record" in said, said
        assert site.query("SELECT MIN(number), MAX(number) FROM crl WHERE "
                          "ca_label = (SELECT ca_label FROM cert WHERE "
                          "serial = ?)", f"{leaf.serial_number:034x}") \
            == [(1, 2)]
    with case("PK-19: a folder with the restored key has a record of its own"):
        other = restored_folder(site, folder)
        for n, found in (1, "is of another folder"), (2, "all of it is on"):
            said = command(f"{site.build}/countersign", "ca", "record", "-f",
                           site.config, other)
            assert found in said, (n, said)
        assert site.query("SELECT COUNT(*) FROM audit WHERE event = "
                          "'ceremony folder added'") == [(1,)]


def restored_folder(site, folder):
    """The issuing CA's key in a folder of its own, without a transcript: the
    bundle of it."""
    there, bundle = f"{site.folder}/restored", f"{site.folder}/restored.tar"
    words = ("import", "--dir", there, "--certificate",
             f"{folder}/issuing/issuing.pem", "--root",
             f"{folder}/root/root.pem", "--private")
    command(f"{site.build}/countersign", "ca", *words, status=1)
    for name in "issuing-key.pem", "ca-passphrase":
        command("cp", "-p", f"{folder}/issuing/{name}", there)
    command(f"{site.build}/countersign", "ca", *words)
    command(f"{site.build}/countersign", "ca", "bundle", "--dir", there,
            "--out", bundle)
    return bundle


def test_not_recorded(site):
    with case("PK-209: a service that was not told of the ceremony makes no "
              "second list of number 1"):
        folder = f"{site.folder}/untold"
        make_ca(site, folder, "Untold")
        site.start()
        own = x509.load_pem_x509_certificate(
            read_bytes(f"{folder}/issuing/issuing.pem"))
        eventually(lambda: the_list(site).issuer == own.subject, "its list")
        assert number_of(site) == 2
        assert x509.load_der_x509_crl(
            read_bytes(f"{folder}/issuing/issuing.crl")).extensions \
            .get_extension_for_class(x509.CRLNumber).value.crl_number == 1


run({}, test_restore, test_older, test_clock, test_ceremony_ca, test_not_recorded)
