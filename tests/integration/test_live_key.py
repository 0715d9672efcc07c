#!/usr/bin/python3
"""The key of live OCSP answers in a token of its own, beside the one that has
the CA's key (PK-177)."""

import http.client
import os
import re
import signal
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

import hsm
from acme import Client
from harness import (DEADLINE, Skip, case, edit_config, eventually, read_file,
                     run, say)
from letters import answer

PIN = "the-pin-of-ocsp"
SETTINGS = {"issuer.ocsp_url": "http://ocsp.ca.test/ocsp",
            "issuer.ocsp_folder": "state/ocsp"}
NEVER = int("01" + "5a" * 16, 16)


class TwoTokens(hsm.TokenSite):
    def make_ocsp_token(self):
        before = set(os.listdir(self.tokens))
        self.as_owner("softhsm2-util", "--init-token", "--free", "--label",
                      "ocsp", "--so-pin", "so-secret", "--pin", PIN)
        made, = set(os.listdir(self.tokens)) - before
        self.ocsp_token = f"{self.tokens}/{made}"
        self.ocsp_pin_file = f"{self.state}/pin-of-ocsp"
        self.write_ocsp_pin(PIN)
        with open(self.config, "a") as f:
            f.write(f"""responder {{
\tkey_module = "{self.module}"
\tkey_token = "ocsp"
\tkey_label = "responder"
\tkey_id = "0c"
\tkey_pin = "{self.ocsp_pin_file}"
\tfiles = {{ "{self.hsm}" }}
}}
""")

    def write_ocsp_pin(self, pin):
        ca, self.pin_file = self.pin_file, self.ocsp_pin_file
        try:
            self.write_pin(pin)
        finally:
            self.pin_file = ca

    def does_not_start(self):
        mark = self.mark()
        try:
            self.start()
            raise RuntimeError("it started")
        except AssertionError:
            pass
        status = self.daemon.wait(DEADLINE)
        return status, self.log(mark)


def octets(serial):
    return serial.to_bytes(17, "big")


def ask(site, serial, nonce=True):
    issuer = x509.load_pem_x509_certificate(
        read_file(f"{site.state}/ca/issuing.pem").encode())
    b = ocsp.OCSPRequestBuilder().add_certificate(
        site.leaf, issuer, hashes.SHA256())
    if nonce:
        b = b.add_extension(x509.OCSPNonce(b"n" * 32), False)
    der = b.build().public_bytes(Encoding.DER).replace(
        octets(site.leaf.serial_number), octets(serial))
    link = http.client.HTTPConnection("127.0.0.1", site.status_port,
                                      timeout=DEADLINE)
    try:
        link.request("POST", "/ocsp", der)
        return ocsp.load_der_ocsp_response(link.getresponse().read())
    finally:
        link.close()


def word_of(got):
    return got.certificate_status.name \
        if got.response_status.name == "SUCCESSFUL" \
        else got.response_status.name


def says(site, serial, **how):
    return word_of(ask(site, serial, **how))


def answered(site, serial):
    """The first answer that is none of "try later": who has the key has a
    second for each, and is left alone for five after that (live_link.h)."""
    return eventually(
        lambda: word_of(got := ask(site, serial)) != "TRY_LATER" and got,
        "a live answer")


def key_of(site):
    """Of the certificate in a live answer."""
    return answered(site, NEVER).certificates[0].public_key().public_numbers()


def issues(site):
    site.client.close()
    order = site.client.order("alice@user.test")
    order.finalize()
    site.make_due(wait=False)
    order.wait("valid")


def remark_of(site, command, what):
    text = site.countersign(command, status=None)
    line, = [t for t in text.splitlines()
             if re.match(rf"\w+ +{what}(: |$)", t)]
    return line


def test_made(site):
    client = Client(site)
    order = client.order("alice@user.test")
    answer(site, order.challenge(), "ALICE")
    order.challenge().post()
    site.leaf, site.client = order.certificate()[0], client
    with case("PK-177: without the section the key is in memory, as before"):
        site.stop()
        edit_config(site, issuer__ocsp_mode="live")
        mark = site.mark()
        site.start()
        site.wait_event("OCSP answers are live", mark)
        assert "ocsp-signer" not in site.roles()
        line = remark_of(site, "status", "key of live OCSP answers")
        assert line.startswith("ok") and "in memory" in line, line
    site.stop()
    site.make_ocsp_token()
    with case("PK-177: a token without that key: nothing starts, and the line "
              "says what is missing"):
        status, said = site.does_not_start()
        assert status == 1, status
        assert "no private key has label responder and id 0c" in said, said
        line = remark_of(site, "check", "key of the OCSP responder")
        assert line.startswith("WRONG") and "no private key" in line, line
    with case("PK-177, PK-198: made inside its token, once, on record"):
        said = site.countersign("key", "make")
        assert "made: " in said and "CKA_EXTRACTABLE false" in said, said
        say(said.splitlines()[0])
        # SoftHSM's objects are files, here of root.
        for name in os.listdir(site.ocsp_token):
            site.give(f"{site.ocsp_token}/{name}")
        said = site.countersign("key", "make", status=1)
        assert "has a key with label responder" in said, said
        assert site.query("SELECT COUNT(*) FROM audit WHERE event = "
                          "'OCSP key made'") == [(1,)]
    with case("check looks at it"):
        line = remark_of(site, "check", "key of the OCSP responder")
        assert line.startswith("ok"), line


def test_answers(site):
    mark = site.mark()
    site.start()
    site.wait_event("OCSP answers are live", mark)
    with case("PK-177: answers with a nonce and unknown, signed in the token"):
        assert word_of(answered(site, site.leaf.serial_number)) == "GOOD"
        got = answered(site, NEVER)
        assert word_of(got) == "UNKNOWN"
        assert got.extensions.get_extension_for_class(x509.OCSPNonce)
        certificate = got.certificates[0]
        usage = certificate.extensions.get_extension_for_class(
            x509.ExtendedKeyUsage).value
        assert list(usage) == [x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]
        assert certificate.extensions.get_extension_for_class(
            x509.OCSPNoCheck)
    with case("PK-177, PK-202: a process of its own has the module, and the "
              "one that reads what clients send has not"):
        pids = site.roles()
        module = os.path.realpath(site.module)
        for role, has in {"ocsp-signer": True, "signer": True,
                          "responder": False, "issuer": False}.items():
            assert (module in read_file(f"/proc/{pids[role]}/maps")) == has, \
                role
            event = [e for e in site.events("confined", mark)
                     if e["role"] == role][-1]
            assert (event["files"], event["calls"]) == ("yes", "yes"), event
        assert PIN not in site.log() and hsm.PIN not in site.log()
    with case("status shows it"):
        line = remark_of(site, "status", "key of live OCSP answers")
        assert line.startswith("ok") and "in token ocsp" in line, line


def test_ends(site):
    key = key_of(site)
    with case("PK-177: the responder killed: the same key, certified once"):
        before = site.query("SELECT COUNT(*) FROM responder")
        mark = site.mark()
        os.kill(site.roles()["responder"], signal.SIGKILL)
        site.wait_event("OCSP answers are live", mark)
        assert key_of(site) == key
        assert site.query("SELECT COUNT(*) FROM responder") == before
    with case("PK-177: who has the key killed: answers go on"):
        # SoftHSM's files are not torn by one that waits.
        time.sleep(0.5)
        site.kill_role("ocsp-signer")
        eventually(lambda: says(site, NEVER) == "UNKNOWN", "an answer")
        assert key_of(site) == key
    with case("PK-171, PK-200: its token away: what needs it is told to try "
              "later, all else goes on"):
        mark = site.mark()
        away = f"{site.hsm}/away"
        os.rename(site.ocsp_token, away)
        try:
            eventually(lambda: says(site, NEVER) == "TRY_LATER",
                       "its absence")
            line = site.wait_event("token away", mark)
            assert line["role"] == "ocsp-signer", line
            assert says(site, site.leaf.serial_number,
                        nonce=False) == "GOOD"
            issues(site)
            assert "WRONG" in remark_of(site, "check",
                                        "key of the OCSP responder")
        finally:
            os.rename(away, site.ocsp_token)
        eventually(lambda: says(site, NEVER) == "UNKNOWN", "its return")
        site.wait_event("token back", mark)
        assert key_of(site) == key
    with case("PK-177: a reload leaves it as it is"):
        site.reload()
        assert word_of(answered(site, NEVER)) == "UNKNOWN"
    with case("what the section says is taken at a start only"):
        mark = site.mark()
        text = read_file(site.config)
        with open(site.config, "w") as f:
            f.write(text.replace('key_id = "0c"', 'key_id = "0d"'))
        site.daemon.send_signal(signal.SIGHUP)
        eventually(lambda: "responder.key_id" in site.log(mark), "the word")
        with open(site.config, "w") as f:
            f.write(text)


def test_wrong_pin(site):
    """Last: the token remembers."""
    with case("PK-199: a wrong PIN is tried once; the CA's signer and all "
              "others go on"):
        mark = site.mark()
        site.write_ocsp_pin("not-the-pin")
        time.sleep(0.5)
        os.kill(site.roles()["ocsp-signer"], signal.SIGKILL)
        line = site.wait_event("role stays down", mark)
        assert line["which"] == "ocsp-signer" and "SIGHUP" in line["next"]
        said, = site.events("role cannot start", mark)
        assert "CKR_PIN_INCORRECT" in said["error"], said
        assert says(site, NEVER) == "TRY_LATER"
        assert says(site, site.leaf.serial_number, nonce=False) == "GOOD"
        issues(site)
    with case("PK-177: the PIN of the CA's token is not a way in"):
        edit_ok = read_file(site.config)
        with open(site.config, "w") as f:
            f.write(edit_ok.replace(site.ocsp_pin_file, site.pin_file))
        said = site.countersign("check", status=1)
        assert "responder.key_pin: is the file of a CA's PIN" in said, said
        with open(site.config, "w") as f:
            f.write(edit_ok)
    with case("PK-199: after a login by hand and SIGHUP answers are live "
              "again"):
        site.write_ocsp_pin(PIN)
        site.as_owner("pkcs11-tool", "--module", hsm.SOFTHSM, "--token-label",
                      "ocsp", "--login", "--pin", PIN, "--list-objects")
        site.daemon.send_signal(signal.SIGHUP)
        eventually(lambda: says(site, NEVER) == "UNKNOWN", "answers")


if hsm.missing():
    with case("a token"):
        raise Skip(f"{hsm.missing()} is not installed")
    print("1..1")
else:
    run(SETTINGS, test_made, test_answers, test_ends, test_wrong_pin,
        kind=TwoTokens)
