#!/usr/bin/python3
"""Another issuing CA after the first: what the former one owes goes on, also
when its key was destroyed, and everybody says the same of it (PK-156,
PK-207)."""

import http.client
import os
import re
import shutil

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from acme import Client, b64
from admins import Admin
from harness import DEADLINE, case, command, edit_config, eventually, \
    read_file, run
from letters import proven


def certificate(site, client):
    return proven(site, client).certificate()[0]


def revoke(client, leaf, **more):
    der = leaf.public_bytes(Encoding.DER)
    return client.post(client.url_of("revokeCert"),
                       {"certificate": b64(der)} | more, 200)


def fetch(site, path, method="GET", body=None):
    link = http.client.HTTPConnection(
        "127.0.0.1", site.port("LAB_SPARE1"), timeout=DEADLINE)
    try:
        link.request(method, path, body)
        got = link.getresponse()
        return got.status, got.read()
    finally:
        link.close()


def the_list(site, path):
    status, der = fetch(site, path)
    assert status == 200, status
    return x509.load_der_x509_crl(der)


def lists(site, path, leaf):
    return the_list(site, path).get_revoked_certificate_by_serial_number(
        leaf.serial_number) is not None


def ocsp_says(site, leaf, ca):
    issuer = x509.load_pem_x509_certificate(
        read_file(f"{ca}/issuing.pem").encode())
    der = ocsp.OCSPRequestBuilder().add_certificate(
        leaf, issuer, hashes.SHA256()).build().public_bytes(Encoding.DER)
    status, body = fetch(site, "/ocsp", "POST", der)
    assert status == 200, status
    found = ocsp.load_der_ocsp_response(body)
    return found.certificate_status.name \
        if found.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL \
        else found.response_status.name


def another_ca(site):
    """In the place of the one that was: the section of the former one."""
    words = ["--name", "Countersign Second", "--organization", "Test",
             "--country", "XX", "--key-type", "p256"]
    for name, value in site.wanted_settings().items():
        words += ["--set", f"{name}={value}"]
    command(f"{site.build}/countersign", "init", "--dir",
            f"{site.folder}/other", *words)
    os.rename(f"{site.state}/ca", f"{site.state}/former")
    shutil.move(f"{site.folder}/other/ca", f"{site.state}/ca")
    shutil.copy(site.config, f"{site.state}/before.conf")
    edit_config(site, issuer__crl_url="http://crl.ca.test/second.crl",
                issuer__crl_file="state/second.crl",
                issuer__ca_issuers_url="http://crl.ca.test/second.cer",
                issuer__ocsp_folder="state/ocsp-second")
    with open(site.config, "a") as f:
        f.write("""
former_ca first {
	ca_certificate = former/issuing.pem
	ca_chain = former/root.pem
	ca_key = former/issuing-key.pem
	ca_key_passphrase = former/ca-passphrase
	crl_url = http://crl.ca.test/issuing.crl
	ca_issuers_url = http://crl.ca.test/issuing.cer
	crl_file = state/issuing.crl
	ocsp_url = http://ocsp.ca.test/ocsp
	ocsp_folder = state/ocsp
}
""")


def test_switch(site):
    client = site.client = Client(site)
    site.gone, site.kept = certificate(site, client), certificate(site, client)
    client.close()
    site.stop()
    another_ca(site)
    site.start()
    former = f"{site.state}/former"
    with case("PK-156: the other CA issues; the former one's list and answers "
              "go on"):
        site.new = certificate(site, client)
        assert "Second" in site.new.issuer.rfc4514_string()
        assert "Second" not in site.gone.issuer.rfc4514_string()
        eventually(lambda: ocsp_says(site, site.gone, former) == "GOOD",
                   "the former CA's answer")
        eventually(lambda: ocsp_says(site, site.new, f"{site.state}/ca")
                   == "GOOD", "the new CA's answer")
        assert not lists(site, "/issuing.crl", site.gone)
        assert not lists(site, "/second.crl", site.new)
    with case("PK-156: what the former one issued is revoked on its own list"):
        revoke(client, site.gone)
        eventually(lambda: lists(site, "/issuing.crl", site.gone), "its list")
        eventually(lambda: ocsp_says(site, site.gone, former) == "REVOKED",
                   "its answer")
        assert not lists(site, "/second.crl", site.gone)
    with case("PK-156: status and check know both"):
        for command_of in "status", "check":
            said = site.countersign(command_of, status=None)
            assert "ok    former CA first: list good until" in said, said
            assert "WRONG" not in said, said


def destroy(site):
    """By two, with the configuration of before, which names that key."""
    alice, vera = Admin(site, "alice"), Admin(site, "vera")
    site.countersign("admin", *alice.wanted("operator"))
    alice.run("admin", "list")
    alice.run("admin", *vera.wanted("approver"))
    vera.run("admin", "list")
    now, site.config = site.config, f"{site.state}/before.conf"
    text = read_file(site.config)
    with open(site.config, "w") as f:
        f.write(re.sub(r"\bca/(issuing|root|ca-pass)", r"former/\1", text))
    words = ["key", "destroy", "--witnesses", "Carol"]
    try:
        said = alice.run(*words, status=1)
        assert "--compromised" in said, said
        assert "asked for" in alice.run(*words, "--compromised")
        assert "destroyed: ca:" in vera.run(*words, "--compromised")
    finally:
        site.config = now


def test_destroyed(site):
    former = f"{site.state}/former"
    mark = site.mark()
    with case("PK-207: its key is destroyed while its certificates are valid"):
        destroy(site)
        assert not os.path.exists(f"{former}/issuing-key.pem")
    with case("PK-207: the issuer says so, and so do status and check, with "
              "what is to be done"):
        site.wait_event("former CA says nothing more", mark)
        for command_of in "status", "check":
            said = site.countersign(command_of, status=None)
            assert "WRONG former CA first: its key was destroyed" in said, \
                said
            assert "root-crl --revoke" in said, said
    last = the_list(site, "/issuing.crl")
    with case("PK-183: a revocation is taken; no list will show it, which "
              "status and check say"):
        site.client.close()
        revoke(site.client, site.kept)
        for command_of in "status", "check":
            assert "and 1 revoked since that list is on none" in \
                site.countersign(command_of, status=None)
    for how in ("with", "without"):
        with case(f"PK-156: after a start {how} the options of its key the "
                  "last list and the answers are served, from files that are "
                  "made again"):
            site.client.close()
            site.stop()
            if how == "without":
                edit_config_of_former(site)
            os.unlink(f"{site.state}/state/issuing.crl")
            site.start()
            eventually(lambda: fetch(site, "/issuing.crl")[0] == 200,
                       "the list")
            assert the_list(site, "/issuing.crl") == last
            assert lists(site, "/issuing.crl", site.gone)
            assert ocsp_says(site, site.gone, former) == "REVOKED"
            assert ocsp_says(site, site.kept, former) == "GOOD"
    with case("PK-156: the other CA is not concerned"):
        revoke(site.client, site.new)
        eventually(lambda: lists(site, "/second.crl", site.new), "its list")
        certificate(site, site.client)


def edit_config_of_former(site):
    text = read_file(site.config)
    with open(site.config, "w") as f:
        f.write(re.sub(r"\tca_key(_passphrase)? = former/.*\n", "", text))


run({"issuer.ocsp_url": "http://ocsp.ca.test/ocsp",
     "issuer.ocsp_folder": "state/ocsp",
     "web.status_listen": lambda env: f"127.0.0.1:{env['LAB_SPARE1_PORT']}"},
    test_switch, test_destroyed)
