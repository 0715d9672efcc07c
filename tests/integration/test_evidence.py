#!/usr/bin/python3
"""What proves a mailbox, as an admin and an auditor see it."""

import base64
import json
import os
import subprocess

import dkim

from acme import Client
from harness import DEADLINE, case, edit_config, eventually, run
from letters import answer


def proven(site):
    """An authorization that became valid, by its id."""
    order = Client(site).order("alice@user.test")
    challenge = order.challenge()
    answer(site, challenge)
    challenge.post()
    challenge.wait("valid")
    return challenge.authz_url.rpartition("/")[2]


def reply_of(site, authz):
    return subprocess.run(
        [f"{site.build}/countersign", "evidence", "--reply", "-f",
         site.config, authz], check=True, stdout=subprocess.PIPE).stdout


def record_of(told):
    """The key record that the signature was judged by."""
    signature = next(s for s in told["judgement"]["signatures"]
                     if s["result"] == "pass")
    return (signature["dns"]["name"],
            base64.b64decode(signature["key_record"]))


def encrypted(site, authz, raw):
    """To somebody who is not here, and back."""
    crt, key = f"{site.folder}/auditor.crt", f"{site.folder}/auditor.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
         "/CN=Auditor", "-keyout", key, "-out", crt], check=True,
        stderr=subprocess.DEVNULL)
    os.chmod(crt, 0o644)
    edit_config(site, evidence__encrypt_to=crt)
    site.query("UPDATE authz SET valid_until = 1 WHERE id = ?", authz)
    site.start()
    eventually(lambda: site.query(
        "SELECT COUNT(*) FROM reply WHERE is_wrapped = 0") == [(0,)],
        "the encryption")
    site.stop()
    for words in ("--verify", "--reply"):
        text = site.countersign("evidence", words, authz, status=1)
        assert "the stored reply is encrypted: --key FILE" in text, text
    text = site.countersign("evidence", "--verify", "--key", key, authz)
    assert "verified again from what is stored: ok" in text, text
    told = json.loads(site.countersign("evidence", "--json", authz))
    assert "raw" not in told["reply"]
    # Other programs open it too.
    assert subprocess.run(
        ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey",
         key, "-recip", crt],
        input=base64.b64decode(told["reply"]["raw_cms"]),
        check=True, stdout=subprocess.PIPE).stdout == raw
    site.query("UPDATE reply SET raw = ?, is_wrapped = 0", raw)


def test_evidence(site):
    authz = proven(site)
    with case("ER-35, MA-86: the text tells of the mail, the key, each check"):
        text = site.countersign("evidence", authz)
        for words in ("alice@user.test", "SHA-256 of token-part1",
                      "SHA-256 of token-part2", "relay's answer: ",
                      "key record at: ", "secured by DNSSEC: ",
                      "resolver: libunbound", "v=DKIM1",
                      "pass  hdr.from-mismatch", "pass  match"):
            assert words in text, (words, text)
    with case("MA-86: the JSON holds all that another program needs to verify "
              "the signature without the DNS"):
        told = json.loads(site.countersign("evidence", "--json", authz))
        raw = base64.b64decode(told["reply"]["raw"])
        assert raw == reply_of(site, authz)
        name, record = record_of(told["reply"]["evidence"])
        asked = []

        def dns(question, **_):
            asked.append(question.decode().rstrip("."))
            return record
        assert dkim.verify(raw, dnsfunc=dns), raw
        assert asked == [name], (asked, name)
    with case("ER-35: without DNS and without the daemon it verifies again"):
        site.stop()
        with site.without("dns"):
            text = site.countersign("evidence", "--verify", authz)
            assert "verified again from what is stored: ok" in text, text
            assert "validator's seal: checked" in text, text
    with case("PK-21, PK-22: the chain verifies, and nothing is due"):
        text = site.countersign("audit", "verify")
        assert "are as they were written" in text, text
        assert "signatures of gaps and heads: ok" in text, text
        assert site.query("SELECT COUNT(*) FROM audit WHERE event = "
                          "'audit signatures begin'") == [(1,)]
        for line in site.countersign("purge", "--json").splitlines():
            told = json.loads(line)
            assert told["purged"] == 0, told
        site.query("UPDATE audit SET result = 'no' WHERE seq = 2")
        text = site.countersign("audit", "verify", status=1)
        assert "audit: row 2 was changed" in text, text
    with case("PK-21: another program verifies the head"):
        parts = [f"{site.state}/head", f"{site.state}/head.sig"]
        for part, option in zip(parts, ([], ["--signature"])):
            with open(part, "wb") as out:
                subprocess.run([f"{site.build}/countersign", "audit", "head",
                                *option, "-f", site.config], stdout=out,
                               check=True, timeout=DEADLINE)
        openssl = ["openssl", "dgst", "-sha256", "-verify",
                   f"{site.state}/audit-public.pem", "-signature", parts[1],
                   parts[0]]
        subprocess.run(openssl, check=True, timeout=DEADLINE)
        with open(parts[0], "ab") as out:
            out.write(b"more")
        assert subprocess.run(openssl, timeout=DEADLINE).returncode == 1
    with case("PK-23: encrypted at the end of its use; with the key it "
              "verifies"):
        encrypted(site, authz, raw)
    with case("MA-86: a changed reply does not, and the status says so"):
        site.query("UPDATE reply SET raw = CAST(REPLACE(CAST(raw AS TEXT), "
                   "'END ACME', 'END ACMF') AS BLOB)")
        text = site.countersign("evidence", "--verify", authz, status=1)
        assert "stored: NO" in text, text
        assert "not what was judged" in text, text
        told = json.loads(site.countersign("evidence", "--verify", "--json",
                                           authz, status=1))
        assert told["verification"]["verified"] is False
    with case("an unknown id is said to be one, with what to do"):
        text = site.countersign("evidence", "nothing", status=1)
        assert "there is no such authorization" in text, text


run({}, test_evidence)
