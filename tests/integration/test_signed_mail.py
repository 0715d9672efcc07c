#!/usr/bin/python3
"""The challenge mail with S/MIME and DKIM, as it arrives after real relays."""

import atexit
import os
import re
import shutil
import tempfile

import dkim
from cryptography import x509

from acme import Client
from harness import case, command, edit_config, eventually, read_file, \
    run
from letters import Inbox, Mail, compose, send
from signer import make_signer, write
from smime_reader import Refused, SignedMail, accept, agree

FOLDER = tempfile.mkdtemp(prefix="countersign-signer-")
atexit.register(shutil.rmtree, FOLDER)
CERTIFICATE, KEY, ROOT = make_signer(FOLDER)
PROTECTED = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]


# --- mails -----------------------------------------------------------------

def next_mail(site, client, **how):
    """(challenge, mail) of a new order."""
    order = client.order("alice@user.test", **how)
    challenge = order.challenge()
    site.wait_event("challenge mail", challenge=challenge.id,
                    result="accepted")
    unique = site.query("SELECT message_id FROM challenge WHERE id = ?",
                        challenge.id)[0][0]
    with Inbox(site) as inbox:
        found = eventually(
            lambda: inbox.find("HEADER", "MESSAGE-ID", unique), "the mail")
    return challenge, Mail(found[0])


def as_sent(mail):
    """Without what the user's mail server put on top."""
    raw = mail.raw
    return raw[raw.index(b"DKIM-Signature:"):]


def dkim_passes(site, raw):
    """dkimpy's word on both signatures."""
    records = {}
    for line in read_file(f"{site.state}/dkim-records.txt").splitlines():
        name, _, text = line.split(" ", 2)
        records[name.encode()] = "".join(re.findall(r'"([^"]*)"', text)) \
            if text.startswith('"') else text

    def txt(name, timeout=5):
        return records[name if isinstance(name, bytes) else name.encode()] \
            .encode()
    checker = dkim.DKIM(raw)
    return [checker.verify(idx=i, dnsfunc=txt) for i in range(2)]


def altered(raw, old, new):
    """The envelope only: the first place is there."""
    assert old in raw.split(b"\r\n\r\n")[0], old
    return raw.replace(old, new, 1)


CHANGES = [(b"From: acme@", b"From: evil@"), (b"To: alice@", b"To: bob@"),
           (b"Subject: ACME: ", b"Subject: ACME: A"),
           (b"\nDate: ", b"\nDate: Mon, "), (b"\nMessage-ID: <",
                                             b"\nMessage-ID: <x"),
           (b"; type=acme", b"; type=other")]


def check_both(site, mail):
    """What every signed mail must show, whichever form it has."""
    raw = as_sent(mail)
    assert dkim_passes(site, raw) == [True, True]
    results = str(mail.message["Authentication-Results"])
    assert "dkim=pass" in results, results
    assert all(len(line) <= 76 for line in raw.split(b"\r\n")
               if not line.startswith(b" h="))
    raw.decode("ascii")


def test_combined(site):
    client = Client(site)
    challenge, mail = next_mail(site, client)
    raw = as_sent(mail)
    with case("ER-19, MA-103: S/MIME inside DKIM; OpenDKIM and dkimpy pass "
              "both signatures, openssl the inner one"):
        check_both(site, mail)
        SignedMail(raw).verify(ROOT)
    with case("MA-102: openssl cms -verify reads the whole mail too"):
        write(f"{FOLDER}/mail", mail.raw)
        text = command("openssl", "cms", "-verify", "-in", f"{FOLDER}/mail",
                       "-CAfile", ROOT, "-purpose", "smimesign")
        assert "alice@user.test" in text, text
        os.unlink(f"{FOLDER}/mail")
    with case("MA-102: SHA-256; the intermediate is inside, the root is not"):
        cms = SignedMail(raw).cms
        assert cms.digest == bytes.fromhex("0609608648016503040201")
        inside = {x509.load_der_x509_certificate(c).subject.rfc4514_string()
                  for c in cms.certificates}
        assert inside == {"CN=Signer", "CN=Mail CA"}, inside
    with case("MA-102: RFC 9788 and RFC 7508 at once, the same fields"):
        assert agree(raw) == PROTECTED
        inner = dict(SignedMail(raw).inner)
        assert "Content-Transfer-Encoding" not in inner
        assert b"HP-Outer" not in raw
    with case("MA-102: the rules of acme4j's reader, strictly and relaxed"):
        for strict in True, False:
            found = accept(raw, ROOT, strict)
            assert found["FROM"] == challenge.sender == "acme@ca.test"
            assert found["SUBJECT"] == mail.subject
    with case("MA-102: one altered field of the envelope is detected, each"):
        for old, new in CHANGES:
            changed = altered(raw, old, new)
            for reader in agree, lambda r: accept(r, ROOT, True):
                try:
                    reader(changed)
                except Refused:
                    continue
                assert False, (old, reader)
    with case("MA-102: another root, or one octet of the text: refused"):
        for bad, root in (raw, f"{site.state}/ca/root.pem"), (
                raw.replace(b"Countersign", b"countersign"), ROOT):
            try:
                SignedMail(bad).verify(root)
            except Refused:
                continue
            assert False, "verified"
    with case("ER-18: who cannot read S/MIME sees the text"):
        plain = mail.message.get_body(("plain",)).get_content()
        assert "alice@user.test" in plain, plain
        assert "1. Reply to this message" in plain, plain
        parts = [p.get_content_type() for p in mail.message.walk()]
        assert parts == ["multipart/signed", "multipart/alternative",
                         "text/plain", "text/html",
                         "application/pkcs7-signature"], parts
    with case("ER-32: a reply to the fixed address proves the mailbox"):
        mark = site.mark()
        send(site, compose(challenge, mail), challenge.sender)
        site.wait_event("reply", mark, challenge=challenge.id,
                        verdict="match")
        assert challenge.post()["status"] == "valid"


def test_wrapped(site):
    edit_config(site, sender__smime_header_protection="wrapped")
    site.reload()
    client = Client(site)
    _, mail = next_mail(site, client)
    raw = as_sent(mail)
    with case("MA-102: wrapped after SIGHUP: message/rfc822, forwarded=no; "
              "both signatures verify"):
        check_both(site, mail)
        signed = SignedMail(raw)
        signed.verify(ROOT)
        assert signed.inner == [
            ("Content-Type", "message/rfc822; forwarded=no")]
        assert signed.cms.secure_header_fields() is None
    with case("MA-102: its inner fields are the outer ones to the octet"):
        envelope = raw[raw.index(b"\r\nFrom: ") + 2:]
        envelope = envelope[:envelope.index(b"Content-Type: ")]
        assert signed.inner_body.startswith(envelope), signed.inner_body
    with case("MA-102: the rules of acme4j's reader, strictly and relaxed"):
        for strict in True, False:
            assert accept(raw, ROOT, strict)["TO"] == "alice@user.test"
    with case("MA-102: one altered field of the envelope is detected, each"):
        for old, new in CHANGES:
            try:
                accept(altered(raw, old, new), ROOT, True)
            except Refused:
                continue
            assert False, old
    edit_config(site, sender__smime_header_protection="combined")
    site.reload()


def test_reply_to(site):
    """Signed, and with a tag: in Reply-To."""
    make_signer(FOLDER, "certificates@ca.test")
    edit_config(site, sender__from="certificates@ca.test",
                sender__reply_to="acme@ca.test", sender__tagged="yes")
    site.stop()
    site.start()
    client = Client(site)
    challenge, mail = next_mail(site, client)
    raw = as_sent(mail)
    answer_to = mail.message["Reply-To"]
    with case("ER-14, ER-15: From as configured, Reply-To with a tag"):
        assert challenge.sender == mail.message["From"] \
            == "certificates@ca.test"
        assert re.fullmatch("acme[+][a-z2-7]{26}@ca.test", answer_to)
    with case("ER-17: the envelope sender is the Reply-To address"):
        assert str(mail.message["Return-Path"]).strip("<>") == answer_to
    with case("ER-19, MA-102: both signatures cover Reply-To"):
        check_both(site, mail)
        assert sorted(agree(raw)) == sorted(PROTECTED + ["Reply-To"])
        assert accept(raw, ROOT, True)["FROM"] == challenge.sender
        changed = altered(raw, b"\nReply-To: acme+", b"\nReply-To: evil+")
        assert dkim_passes(site, changed) == [False, False]
        try:
            agree(changed)
        except Refused:
            pass
        else:
            assert False, "taken"
    with case("mail preview: Reply-To with a word for the tag"):
        text = site.countersign("mail", "preview")
        assert "\nReply-To: acme+TAG@ca.test\nSubject:" in text, text
    with case("ER-25: a reply to From is refused, one to Reply-To counts"):
        mark = site.mark()
        send(site, compose(challenge, mail), answer_to)
        site.wait_event("reply", mark, challenge=challenge.id,
                        verdict="unauthenticated", code="hdr.to-mismatch")
        send(site, compose(challenge, mail, To=answer_to), answer_to)
        site.wait_event("reply", mark, challenge=challenge.id,
                        verdict="match")
        assert challenge.post()["status"] == "valid"
    with case("ER-35: the evidence names it, and verifies"):
        text = site.countersign("evidence", challenge.authz_url.rpartition("/")[2], "--verify")
        assert f"  Reply-To: {answer_to}\n" in text, text
    with case("ER-24: a bounce at the tag ends the challenge"):
        order = client.order("bounce@user.test")
        challenge = order.challenge()
        challenge.post()
        eventually(lambda: challenge.read()["status"] == "invalid",
                   "the end of the challenge")
        assert "could not be delivered" in \
            challenge.read()["error"]["detail"], challenge.read()


def test_check(site):
    make_signer(FOLDER)
    edit_config(site, sender__from="acme@ca.test", sender__reply_to=None,
                sender__tagged="no")
    site.stop()
    site.start()
    with case("MA-102: countersign check and countersignd -n look at it"):
        assert "ok    S/MIME certificate" in site.countersign("check")
        assert "ok" in command(site.program, "-n", "-f", site.config)
    site.stop()
    for mailbox, days, why in (
            ("other@ca.test", 90, "rfc822Name is other@ca.test, but "
             "sender.from is acme@ca.test"),
            ("acme@ca.test", 0, "the certificate ended at")):
        with case(f"MA-102: a certificate of {mailbox}, {days} days: said "
                  "by -n and check, and no start"):
            make_signer(FOLDER, mailbox, days)
            text = command(site.program, "-n", "-f", site.config, status=1)
            assert "sender.smime_certificate: " in text and why in text, text
            text = site.countersign("check", status=1)
            assert "WRONG S/MIME certificate" in text and why in text, text
            text = command(site.program, "-f", site.config, status=1)
            assert why in text and "cannot start" in text, text
    with case("MA-102: one that ends soon: a warning, and check says so"):
        make_signer(FOLDER, days=20)
        mark = site.mark()
        site.start()
        assert site.events("S/MIME certificate ends soon", mark)
        assert "WRONG S/MIME certificate" in site.countersign(
            "check", status=1)


run({"sender.tagged": "no", "sender.smime_certificate": CERTIFICATE,
     "sender.smime_key": KEY,
     "sender.smime_header_protection": "combined",
     "policy.authz_valid_life": "0"},
    test_combined, test_wrapped, test_reply_to, test_check)
