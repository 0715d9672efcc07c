#!/usr/bin/python3
"""Revocation lists after changes behind the issuer's back and in front of it:
rows that say otherwise than their certificates, another URL, another CA."""

import os
import shutil

from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client, b64
from harness import case, command, edit_config, eventually, run
from letters import proven


def certificate(site, client):
    return proven(site, client).certificate()[0]


def revoke(client, leaf):
    der = leaf.public_bytes(Encoding.DER)
    client.post(client.url_of("revokeCert"), {"certificate": b64(der)}, 200)


def test_stray_row(site):
    client = Client(site)
    wrong, right = certificate(site, client), certificate(site, client)
    with case("L-62, L-65: a row with another number than its certificate is "
              "told, and keeps nothing else from the list"):
        mark, other = site.mark(), "33" * 17
        with site.connection() as db:
            db.execute("UPDATE cert SET serial = ? WHERE serial = ?",
                       (other, f"{wrong.serial_number:034x}"))
        revoke(client, wrong)
        told = site.wait_event("revocation row spoiled", mark)
        assert told["serial"] == other, told
        assert told["listed_as"] == f"{wrong.serial_number:034x}", told
        eventually(lambda: site.query(
            "SELECT result FROM audit WHERE event = 'revocation rows'")
            == [("spoiled",)], "the record")
        revoke(client, right)
        path = f"{site.state}/state/issuing.crl"

        def listed():
            text = command("openssl", "crl", "-inform", "DER", "-in", path,
                           "-noout", "-text")
            return [f"{c.serial_number:034X}" in text for c in (wrong, right)]
        eventually(lambda: listed() == [True, True], "both on the list")


def test_moved(site):
    site.stop()
    with case("PK-155, L-62: several lists are no start while a certificate "
              "names the former URL of the one"):
        edit_config(site, issuer__crl_url="http://crl.ca.test/new.crl")
        site.start()
        site.stop()
        edit_config(site, issuer__crl_shards="3")
        text = command(site.program, "-f", site.config, status=1)
        assert "(PK-155)" in text and "event=ready" not in text, text
        edit_config(site, issuer__crl_shards="1")


def test_other_ca(site):
    with case("PK-156: a CA that no section names any more is an alarm, and "
              "wrong in status"):
        words = ["--name", "Another", "--organization", "Other", "--country",
                 "XX", "--key-type", "p256"]
        for name, value in site.wanted_settings().items():
            words += ["--set", f"{name}={value}"]
        command(f"{site.build}/countersign", "init", "--dir",
                f"{site.folder}/other", *words)
        os.rename(f"{site.state}/ca", f"{site.folder}/former")
        shutil.move(f"{site.folder}/other/ca", f"{site.state}/ca")
        mark = site.mark()
        site.start()
        told = site.wait_event("CA without a section", mark)
        assert f"CA {told['ca']}: " in site.countersign("status",
                                                        status=None)


run({}, test_stray_row, test_moved, test_other_ca)
