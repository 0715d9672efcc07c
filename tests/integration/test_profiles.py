#!/usr/bin/python3
"""Certificate profiles: one certificate of each, looked at by openssl; one of
the configuration's own; the dates of an order; what is offered, withdrawn and
stopped on SIGHUP."""

import datetime
import json
import os
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import (ec, ed448,
                                                       ed25519, rsa)
from cryptography.hazmat.primitives.serialization import (Encoding,
                                                          NoEncryption,
                                                          PrivateFormat,
                                                          PublicFormat,
                                                          load_pem_private_key)
from cryptography.x509.oid import NameOID

from acme import Client, Order, new_key
from harness import (DEADLINE, case, command, edit_config, eventually,
                     read_file, run)
from letters import answer

ALICE = "alice@user.test"
STRICT, MULTIPURPOSE = "2.23.140.1.5.1.3", "2.23.140.1.5.1.2"
USAGE = {"digital_signature": False, "content_commitment": False,
         "key_encipherment": False, "data_encipherment": False,
         "key_agreement": False, "key_cert_sign": False, "crl_sign": False,
         "encipher_only": False, "decipher_only": False}
# Profile, key, what the request asks for, policy and usages as openssl says.
PROFILES = [
    ("mailbox-strict", new_key, None, STRICT,
     "Digital Signature, Key Agreement"),
    ("mailbox-multipurpose", new_key, None, MULTIPURPOSE,
     "Digital Signature, Key Agreement"),
    ("mailbox-signing", new_key, "digital_signature", STRICT,
     "Digital Signature"),
    ("mailbox-encryption", lambda: rsa.generate_private_key(65537, 2048),
     "key_encipherment", STRICT, "Key Encipherment"),
]


def csr(key, usage, digest=hashes.SHA256()):
    names = x509.SubjectAlternativeName([x509.RFC822Name(ALICE)])
    builder = (x509.CertificateSigningRequestBuilder()
               .subject_name(x509.Name([])).add_extension(names, False))
    if usage is not None:
        builder = builder.add_extension(
            x509.KeyUsage(**(USAGE | {usage: True})), True)
    return builder.sign(key, digest).public_bytes(Encoding.DER)


def post_order(client, **members):
    client.account()
    return client.post(client.url_of("newOrder"), {
        "identifiers": [{"type": "email", "value": ALICE}]} | members)


def new_order(client, **members):
    made = post_order(client, **members)
    assert made.status == 201, made
    return made, Order(client, made.headers["Location"], [ALICE])


def directory(site):
    client = Client(site)
    return client.request("GET", client.base + "/acme/directory").json


def write(path, octets):
    with open(path, "wb") as f:
        f.write(octets)


class Files:
    """A certificate, its key and its chain, for openssl."""

    def __init__(self, site, chain, key):
        self.root = f"{site.state}/ca/root.pem"
        self.leaf, self.rest = f"{site.folder}/leaf", f"{site.folder}/rest"
        self.key, self.text = f"{site.folder}/key", f"{site.folder}/text"
        self.cms = f"{site.folder}/cms"
        write(self.leaf, chain[0].public_bytes(Encoding.PEM))
        write(self.rest, b"".join(c.public_bytes(Encoding.PEM)
                                  for c in chain[1:]))
        write(self.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                                          NoEncryption()))
        write(self.text, b"hello\n")

    def extension(self, name):
        return command("openssl", "x509", "-in", self.leaf, "-noout", "-ext",
                       name).split("\n", 1)[1].strip()

    def verify(self, purpose, status=0):
        command("openssl", "verify", "-x509_strict", "-purpose", purpose,
                "-CAfile", self.root, "-untrusted", self.rest, self.leaf,
                status=status)

    def sign(self):
        command("openssl", "cms", "-sign", "-in", self.text, "-signer",
                self.leaf, "-inkey", self.key, "-certfile", self.rest,
                "-out", self.cms)
        assert "hello" in command("openssl", "cms", "-verify", "-in",
                                  self.cms, "-CAfile", self.root)

    def encrypt(self):
        command("openssl", "cms", "-encrypt", "-aes-256-cbc", "-in",
                self.text, "-out", self.cms, self.leaf)
        assert "hello" in command("openssl", "cms", "-decrypt", "-in",
                                  self.cms, "-recip", self.leaf, "-inkey",
                                  self.key)


def test_offered(site):
    with case("AC-161: without policy.profiles the default one alone is "
              "offered"):
        found = directory(site)["meta"]["profiles"]
        assert list(found) == ["mailbox-strict"], found
        refused = post_order(Client(site), profile="mailbox-signing")
        assert refused.status == 400, refused
        assert refused.problem == "invalidProfile", refused
    with case("AC-62, AC-161: SIGHUP: those of policy.profiles are offered, "
              "with their descriptions"):
        edit_config(site, policy__profile="mailbox-strict",
                    policy__profiles="{ mailbox-strict, mailbox-multipurpose,"
                    " mailbox-signing, mailbox-encryption }",
                    policy__allow_not_after="{ mailbox-strict }")
        site.reload()
        found = eventually(
            lambda: len(p := directory(site)["meta"]["profiles"]) > 1 and p,
            "the new directory")
        assert list(found) == [p[0] for p in PROFILES], found
        assert all(found.values()) and len(set(found.values())) == 4, found
    with case("AC-162: a key for external account binding without the default "
              "profile is told what that means"):
        said = "the default, mailbox-strict, is not in --profile"
        for profile in "mailbox-signing", "mailbox-strict,mailbox-signing":
            text = site.countersign("eab", "new", "--profile", profile)
            assert (said in text) == ("strict" not in profile), text


def test_each(site, client):
    # The first order proves the mailbox, the others stand on that.
    _, order = new_order(client)
    order.challenge().post()
    answer(site, order.challenge())
    order.wait("ready")
    for profile, make_key, usage, policy, usages in PROFILES:
        with case(f"AC-163: a certificate of {profile}"):
            made, order = new_order(client, profile=profile)
            assert made.json["profile"] == profile, made
            order.key = make_key()
            order.finalize(csr(order.key, usage))
            files = Files(site, order.certificate(), order.key)
            assert files.extension("certificatePolicies") == \
                f"Policy: {policy}"
            assert files.extension("keyUsage") == usages
            assert files.extension("extendedKeyUsage") == "E-mail Protection"
            signs = usages.startswith("Digital")
            files.verify("smimesign", 0 if signs else 2)
            if signs:
                files.sign()
            if usages != "Digital Signature":
                files.encrypt()
    with case("AC-162: an order that names none gets the default, and says "
              "so"):
        made, _ = new_order(client)
        assert made.json["profile"] == "mailbox-strict", made
    with case("AC-138: a request for what the profile excludes: badCSR, and "
              "the order stays ready"):
        _, order = new_order(client, profile="mailbox-signing")
        for usage in None, "key_agreement":
            refused = order.finalize(csr(order.key, usage), expect=400)
            assert refused.problem == "badCSR", refused
            assert refused.json["detail"].startswith(
                "the profile does not allow encryption"), refused
        assert order.read()["status"] == "ready"
        order.finalize(csr(order.key, "digital_signature"))
        order.wait("valid")


BOARD = """
profile board {
  description = "S/MIME certificate for members of the board"
  generation = multipurpose
  keys = { p-384, ed25519 }
  use = { signing, dual }
  subject = "cn+email"
  non_repudiation = yes
  client_auth = yes
  policy = 1.3.6.1.4.1.32473.7
  smime_capabilities = { aes-256-gcm, aes-256-cbc }
  validity_days = 30
}
"""


def test_own(site, client):
    with open(site.config, "a") as f:
        f.write(BOARD)
    edit_config(site, policy__profiles="{ mailbox-strict, "
                "mailbox-multipurpose, mailbox-signing, mailbox-encryption, "
                "board }")
    site.reload()
    with case("AC-161: a profile of the configuration is offered"):
        found = eventually(
            lambda: directory(site)["meta"]["profiles"].get("board"),
            "the new directory")
        assert found == "S/MIME certificate for members of the board", found
    with case("PK-122: SIGHUP too tells of what the CA's certificate lacks"):
        told = site.wait_event("profile.not-covered")
        assert told["detail"].startswith("profile board has client_auth"), told
    with case("PK-101, PK-103, PK-106, PK-109: its certificate is what the "
              "section says"):
        _, order = new_order(client, profile="board")
        order.key = ec.generate_private_key(ec.SECP384R1())
        order.finalize(csr(order.key, None))
        leaf = order.certificate()[0]
        files = Files(site, order.certificate(), order.key)
        assert files.extension("certificatePolicies").split() == [
            "Policy:", MULTIPURPOSE, "Policy:", "1.3.6.1.4.1.32473.7"]
        assert files.extension("keyUsage") == \
            "Digital Signature, Non Repudiation, Key Agreement"
        assert files.extension("extendedKeyUsage") == \
            "E-mail Protection, TLS Web Client Authentication"
        assert leaf.subject.rfc4514_string() == \
            f"1.2.840.113549.1.9.1={ALICE},CN={ALICE}", leaf.subject
        assert (leaf.not_valid_after - leaf.not_valid_before).days == 29
        files.verify("smimesign")
        files.sign()
        files.encrypt()
    with case("PK-68: Ed25519 where the profile takes it; what it does not "
              "take: badCSR, naming what it does"):
        _, order = new_order(client, profile="board")
        refused = order.finalize(csr(new_key(), None), expect=400)
        assert refused.problem == "badCSR", refused
        assert refused.json["detail"] == \
            "subject key refused: board accepts P-384, Ed25519", refused
        order.key = ed25519.Ed25519PrivateKey.generate()
        order.finalize(csr(order.key, "digital_signature", None))
        order.wait("valid")
        _, order = new_order(client, profile="mailbox-strict")
        refused = order.finalize(csr(
            ed25519.Ed25519PrivateKey.generate(), "digital_signature", None),
            expect=400)
        assert "mailbox-strict accepts RSA 2048" in refused.json["detail"], \
            refused


WIDE = """
profile wide {
  keys = { rsa-2048, ed448 }
  rsa_exponent = any
  subject_number = yes
}
"""


def public_octets(of):
    return of.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def wide_certificate(client, key, usage):
    _, order = new_order(client, profile="wide")
    order.key = key
    order.finalize(csr(key, usage, hashes.SHA256() if usage is None else None))
    return order.certificate()[0]


def test_wide(site, client):
    with open(site.config, "a") as f:
        f.write(WIDE)
    edit_config(site, policy__profiles="{ mailbox-strict, "
                "mailbox-multipurpose, mailbox-signing, mailbox-encryption, "
                "board, wide }")
    site.reload()
    eventually(lambda: directory(site)["meta"]["profiles"].get("wide"),
               "the new directory")
    with case("PK-68, PK-112: Ed448, and a serialNumber beside the mailbox"):
        key = ed448.Ed448PrivateKey.generate()
        leaf = wide_certificate(client, key, "digital_signature")
        assert public_octets(leaf) == public_octets(key)
        number, = leaf.subject.get_attributes_for_oid(
            NameOID.SERIAL_NUMBER)
        assert re.fullmatch("[0-9a-f]{32}", number.value), number
    with case("PK-70, PK-112: another exponent; the account's number again"):
        path = os.path.join(site.folder, "exponent.pem")
        command("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                "rsa_keygen_bits:2048", "-pkeyopt",
                "rsa_keygen_pubexp:65539", "-out", path)
        with open(path, "rb") as f:
            key = load_pem_private_key(f.read(), None)
        leaf = wide_certificate(client, key, None)
        assert leaf.public_key().public_numbers().e == 65539
        assert leaf.subject.get_attributes_for_oid(
            NameOID.SERIAL_NUMBER) == [number]
        _, order = new_order(client, profile="mailbox-strict")
        refused = order.finalize(csr(key, None), expect=400)
        assert refused.json["detail"] == "subject key refused: the RSA " \
            "exponent must be 65537", refused


def test_dates(site, client):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    begin = now + datetime.timedelta(hours=1)
    end = now + datetime.timedelta(days=7)
    with case("AC-92, AC-20: dates with an offset are shown in UTC and are "
              "the certificate's"):
        made, order = new_order(
            client, notBefore=begin.astimezone(east).isoformat(),
            notAfter=end.isoformat())
        for found in made.json, order.read():
            assert found["notBefore"] == f"{begin:%Y-%m-%dT%H:%M:%SZ}", found
            assert found["notAfter"] == f"{end:%Y-%m-%dT%H:%M:%SZ}", found
        leaf = order.certificate()[0]
        assert leaf.not_valid_before == begin.replace(tzinfo=None)
        assert leaf.not_valid_after == end.replace(tzinfo=None)
    with case("AC-92: beyond the longest validity, or of a profile without "
              "dates: malformed"):
        late = now + datetime.timedelta(days=366)
        for members in ({"notAfter": late.isoformat()},
                        {"notAfter": end.isoformat(),
                         "profile": "mailbox-multipurpose"}):
            refused = post_order(client, **members)
            assert refused.status == 400, refused
            assert refused.problem == "malformed", refused


def test_withdrawn(site, client):
    _, kept = new_order(client, profile="mailbox-multipurpose")
    _, stopped = new_order(client, profile="mailbox-multipurpose")
    with case("AC-164: withdrawn on SIGHUP, it gets no new orders, and the "
              "earlier ones finish"):
        edit_config(site, policy__profiles="{ mailbox-strict }")
        site.reload()
        refused = eventually(
            lambda: (r := post_order(
                client, profile="mailbox-multipurpose")).status == 400 and r,
            "the withdrawal")
        assert refused.problem == "invalidProfile", refused
        assert refused.json["detail"] == \
            "profile mailbox-multipurpose is not offered", refused
        kept.certificate()
    with case("AC-142: stopped, they are refused, and stay ready"):
        edit_config(site, policy__profiles_stopped="{ mailbox-multipurpose }")
        site.reload()
        refused = stopped.finalize(expect=400)
        assert refused.problem == "invalidProfile", refused
        assert refused.json["detail"] == \
            "profile mailbox-multipurpose is no longer offered", refused
        assert stopped.read()["status"] == "ready"
    with case("a profile that there is not: named with those that there are, "
              "and the old configuration stays"):
        mark = site.mark()
        edit_config(site, policy__profiles="{ mailbox-strict, smime }")
        site.reload()
        said = [e["error"] for e in site.events("configuration", mark)]
        assert any("policy.profiles: smime is no profile; there are "
                   "mailbox-strict, mailbox-multipurpose" in text
                   for text in said), said
        assert list(directory(site)["meta"]["profiles"]) == \
            ["mailbox-strict"]


LINTER = """
linter lab {
  exec = { "%s", "%%t" }
  version = { /bin/echo, "lab 1.0" }
}
"""


SCRIPT = """#!/bin/sh
case $(cat) in *BEGIN*) ;; *) exit 1 ;; esac
printf '{"e_for_%s":{"result":"RESULT"}}' "$1"
"""


def write_linter(path, result):
    with open(f"{path}.new", "w") as f:
        f.write(SCRIPT.replace("RESULT", result))
    os.chmod(f"{path}.new", 0o755)
    os.rename(f"{path}.new", path)


def test_linter(site, client):
    path = f"{site.folder}/linter"
    write_linter(path, "nonsense")
    with open(site.config, "a") as f:
        f.write(LINTER % path)
    mark = site.mark()
    site.reload()
    site.wait_event("linters change", mark, sections="1")
    with case("PK-140: check tells a linter that gives no verdict"):
        said = site.countersign("check", status=1)
        assert "WRONG linter lab: its answer is no verdict" in said, said
    with case("PK-136: while it fails there is no certificate, and the order "
              "waits"):
        _, order = new_order(client)
        order.finalize(csr(order.key, None))
        site.wait_event("linter failed", mark)
        assert order.read()["status"] == "processing"
        assert site.query("SELECT id FROM cert WHERE order_id = ?",
                          order.url.rsplit("/", 1)[1]) == []
    with case("PK-140, PK-18: once it works, its words are kept"):
        write_linter(path, "pass")
        # The pause between two tries has grown to a minute at most.
        order.wait("valid", seconds=2 * DEADLINE)
        (report,), = site.query("SELECT lint_report FROM cert WHERE "
                                "order_id = ?",
                                order.url.rsplit("/", 1)[1])
        found = json.loads(report)["external"]
        assert found == [{
            "linter": "lab", "version": "lab 1.0", "result": "pass",
            "findings": [],
            "output": '{"e_for_MAILBOX-STRICT":{"result":"pass"}}'}], found
        said = site.countersign("check", status=None)
        assert "ok    linter lab: lab 1.0" in said, said
    with case("PK-24: a sample is drawn, examined and recorded; its seed "
              "draws it again"):
        said = site.countersign("audit", "sample", "--since",
                                "2020-01-01T00:00:00Z", "--json")
        lines = [json.loads(line) for line in said.splitlines()]
        head, rest = lines[0], lines[1:]
        assert head["certificates"] == head["drawn"] == len(rest), head
        assert not any(check["finding"] for line in rest
                       for check in line["checks"]), said
        assert site.countersign(
            "audit", "sample", "--since", head["since"], "--until",
            head["until"], "--seed", head["seed"], "--json") == said
        recorded = site.query("SELECT result, detail FROM audit WHERE "
                              "event = 'audit sample' ORDER BY seq")
        assert [row[0] for row in recorded] == ["drawn", "ok"] * 2, recorded
        assert json.loads(recorded[0][1]) == head, recorded
        write_linter(path, "warn")
        said = site.countersign(
            "audit", "sample", "--since", head["since"], status=2)
        assert "! linter lab, lab 1.0: e_for_MAILBOX-STRICT (warning)" \
            in said, said
    with case("PK-140: another section on SIGHUP, and none at all"):
        write_linter(path, "error")
        edit_linters(site, LINTER % path,
                     (LINTER % path).replace("linter lab", "linter other"))
        _, order = new_order(client)
        mark = site.mark()
        order.finalize(csr(order.key, None))
        refused = site.wait_event("certificate not issued", mark)
        assert "lint other:e_for_MAILBOX-STRICT" in refused["error"], refused
        edit_linters(site, (LINTER % path).replace("linter lab",
                                                   "linter other"), "")
        # One that the linter was just asked about waits behind the others.
        order.wait("valid", seconds=2 * DEADLINE)
        assert not [e for e in site.events("role ended")
                    if e["which"] == "linter"]


def edit_linters(site, old, new):
    text = read_file(site.config)
    assert old in text, text
    with open(site.config, "w") as f:
        f.write(text.replace(old, new))
    mark = site.mark()
    site.reload()
    site.wait_event("linters change", mark)


def test_all(site):
    client = Client(site)
    test_offered(site)
    test_each(site, client)
    test_own(site, client)
    test_wide(site, client)
    test_dates(site, client)
    test_linter(site, client)
    test_withdrawn(site, client)


run({"limits.certificates": "none", "limits.new_orders": "none"}, test_all)
