#!/usr/bin/python3
"""The happy path, in both orders: the reply first, the POST first."""

import re

from cryptography import x509

from acme import Client, new_key
from harness import case, command, run
from letters import all_mails, answer, challenge_mail


def check_chain(site, chain, mailbox):
    """By another program, and by another library."""
    folder = site.folder
    for name, part in ("leaf.pem", chain[:1]), ("rest.pem", chain[1:]):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(b"".join(pem(c) for c in part))
    command("openssl", "verify", "-x509_strict", "-purpose", "smimesign",
            "-CAfile", f"{site.state}/ca/root.pem",
            "-untrusted", f"{folder}/rest.pem", f"{folder}/leaf.pem")
    names = chain[0].extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == [mailbox], names


def pem(certificate):
    from cryptography.hazmat.primitives.serialization import Encoding
    return certificate.public_bytes(Encoding.PEM)


def test_challenge_mail(site):
    order = Client(site).order("alice@user.test")
    challenge = order.challenge()
    mail = challenge_mail(site, challenge)
    message = mail.message
    with case("ER-14, AC-120: one each of the fields, To is the mailbox"):
        for name in ("From", "To", "Subject", "Date", "Message-ID",
                     "Auto-Submitted", "MIME-Version", "Content-Type"):
            assert len(message.get_all(name)) == 1, (name, mail.raw)
        assert str(message["To"]) == "alice@user.test", mail.raw
        for name in ("Cc", "Bcc", "Reply-To"):
            assert message[name] is None, mail.raw
    with case("ER-15, AC-108: From is the challenge's address, with a tag"):
        assert str(message["From"]) == challenge.sender, mail.raw
        assert re.fullmatch(r"acme\+[a-z2-7]{26}@ca\.test",
                            challenge.sender), challenge.sender
    with case("ER-5, ER-16: the subject is the label and 32 characters"):
        assert re.fullmatch(r"ACME: [A-Za-z0-9_-]{32}", mail.subject), \
            mail.subject
        assert re.fullmatch(r"[A-Za-z0-9_-]{32}", challenge.token)
    with case("ER-17, MA-105: marked as automatic; bounces come to the tag"):
        assert message["Auto-Submitted"] == "auto-generated; type=acme"
        assert message["Return-Path"] == f"<{challenge.sender}>", mail.raw
    with case("ER-18: plain text first, HTML beside it, and no response in "
              "either"):
        parts = [p.get_content_type() for p in message.walk()]
        assert parts == ["multipart/alternative", "text/plain",
                         "text/html"], parts
        for part in list(message.walk())[1:]:
            text = part.get_content()
            assert "alice@user.test" in text and "ACME RESPONSE" not in text
    with case("ER-19, MA-100: signed with both keys; the receiver's own "
              "program says pass"):
        signatures = message.get_all("DKIM-Signature")
        assert ["rsa-sha256" in s for s in signatures] == [True, False]
        assert "ed25519-sha256" in signatures[1], signatures
        results = str(message["Authentication-Results"])
        assert "dkim=pass" in results, results
    with case("ER-6, AC-112: part1 is nowhere else in the mail"):
        assert mail.raw.count(mail.part1.encode()) == 1, mail.raw


def test_reply_first(site):
    client = Client(site)
    with case("AC-95: an order is pending"):
        order = client.order("alice@user.test")
        assert order.read()["status"] == "pending"
    with case("ER-32, AC-123: a reply alone leaves the challenge pending"):
        mark = site.mark()
        challenge = order.challenge()
        mail = answer(site, challenge)
        site.wait_event("reply", mark, challenge=challenge.id,
                        verdict="match")
        assert challenge.read()["status"] == "pending"
        assert order.read()["status"] == "pending"
    with case("ER-32, AC-122, AC-126: the POST completes it at once"):
        posted = challenge.post()
        assert posted["status"] == "valid" and posted["validated"], posted
        assert challenge.authz()["status"] == "valid"
        assert order.read()["status"] == "ready"
    with case("AC-143, AC-145: finalize gives the certificate in the same "
              "answer"):
        assert order.finalize().json["status"] == "valid"
    with case("AC-146, PK-148: the chain is good for signed mail"):
        chain = order.certificate()
        check_chain(site, chain, "alice@user.test")
        assert chain[0].public_key().public_numbers() == \
            order.key.public_key().public_numbers()
    with case("AC-130: a second finalize is refused"):
        answered = order.finalize(expect=403)
        assert answered.problem == "orderNotReady", answered
    with case("ER-9, AC-118: exactly one mail went out"):
        copies = all_mails(site, challenge.sender)
        assert [m.message_id for m in copies] == [mail.message_id]
    with case("ER-36, AC-103: the next order of this account is ready "
              "without a mail"):
        again = client.order("alice@user.test")
        assert again.read()["status"] == "ready"
        assert again.read()["authorizations"] == [challenge.authz_url]
        again.certificate()
        assert len(all_mails(site, challenge.sender)) == 1
    with case("AC-98, AC-103: another account has to answer a mail"):
        assert Client(site).order("alice@user.test").read()["status"] == \
            "pending"


def test_post_first(site):
    order = Client(site).order("bob@user.test")
    challenge = order.challenge()
    with case("AC-121, AC-122: the POST makes the challenge processing"):
        assert challenge.post()["status"] == "processing"
    with case("ER-32: the reply then completes it without another POST"):
        answer(site, challenge, "BOB")
        challenge.wait("valid")
        assert order.read()["status"] == "ready"
    with case("AC-143: a certificate for it"):
        check_chain(site, order.certificate(), "bob@user.test")


def test_domains(site):
    with case("MA-31: a DKIM key that DNSSEC does not secure will do"):
        order = Client(site).order("carol@plain.test")
        order.challenge().post()
        answer(site, order.challenge(), "CAROL")
        check_chain(site, order.certificate(), "carol@plain.test")


def test_several(site):
    client = Client(site)
    with case("ER-4, AC-116: several mailboxes in one order, one mail after "
              "the other, each answered, one certificate"):
        order = client.order("alice@user.test", "bob@user.test",
                             "alice@user.test")
        first, second = order.challenges()
        answer(site, first, "ALICE")
        answer(site, second, "BOB")
        first.post()
        assert order.read()["status"] == "pending"
        second.post()
        chain = order.certificate()
        names = chain[0].extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value
        assert sorted(names.get_values_for_type(x509.RFC822Name)) == \
            ["alice@user.test", "bob@user.test"]
    with case("AC-116: the second mail of an order waits for the first; a "
              "POST lets it go at once"):
        order = Client(site).order("alice@user.test", "bob@user.test")
        first, second = order.challenges()
        challenge_mail(site, first)
        assert all_mails(site, second.sender, "BOB") == []
        second.post()
        challenge_mail(site, second, "BOB")


def test_story(site):
    with case("orders and order tell what happened"):
        order = Client(site).order("alice+story@user.test")
        challenge = order.challenge()
        answer(site, challenge)
        challenge.post()
        order.certificate()
        assert f"{order.id} " in site.countersign("orders")
        assert order.id not in site.countersign("orders", "--pending")
        story = site.story(order.url)
        assert story["status"] == "valid", story
        assert story["waits_for"] == "nothing: the certificate was issued", \
            story
        steps = [step["what"] for step in story["steps"]]
        for wanted in ("order came", "accepted by the relay",
                       "proved the mailbox", "is validated", "CAA of",
                       "certificate request", "was issued"):
            assert any(wanted in step for step in steps), (wanted, steps)
    with case("the order of an unknown id is refused"):
        site.countersign("order", "AAAAAAAAAAAAAAAAAAAAAA", status=1)
    with case("AC-135, PK-65: the key of an account is no subject key"):
        key = new_key()
        Client(site, key).account()
        order = Client(site).order("alice+key@user.test")
        answer(site, order.challenge())
        order.challenge().post()
        order.wait("ready")
        order.key = key
        assert order.finalize(expect=400).problem == "badCSR"


ID = r"[A-Za-z0-9_-]{22}"
PATHS = {
    "newNonce": "/acme/new-nonce", "newAccount": "/acme/new-acct",
    "newOrder": "/acme/new-order", "newAuthz": "/acme/new-authz",
    "revokeCert": "/acme/revoke-cert", "keyChange": "/acme/key-change",
    "renewalInfo": "/acme/renewal-info",
}


def test_paths(site):
    """From the directory to the certificate, by what each answer names."""
    client = Client(site).account()
    base = client.base

    def path(url):
        assert url.startswith(base + "/"), url
        return url.removeprefix(base)

    with case("AC-173: the directory's paths, and no others"):
        client.url_of("newOrder")
        urls = {k: path(v) for k, v in client.directory.items()
                if isinstance(v, str)}
        assert urls == PATHS, urls
    with case("AC-173: account, orders, order, finalize, authorization, "
              "challenge, certificate"):
        assert re.fullmatch(f"/acme/acct/{ID}", path(client.kid))
        account = client.post(client.kid, None, 200).json
        assert path(account["orders"]) == path(client.kid) + "/orders"
        order = client.order("alice@user.test")
        challenge = order.challenge()
        answer(site, challenge)
        challenge.post()
        order.certificate()
        found = order.read()
        assert re.fullmatch(f"/acme/order/{ID}", path(order.url))
        assert path(found["finalize"]) == path(order.url) + "/finalize"
        authz, = found["authorizations"]
        assert re.fullmatch(f"/acme/authz/{ID}", path(authz))
        assert re.fullmatch(f"/acme/chall/{ID}", path(challenge.url))
        assert re.fullmatch(f"/acme/cert/{ID}", path(found["certificate"]))
    with case("AC-173: each of them answers, and links lead nowhere else"):
        listed = client.post(account["orders"], None, 200).json["orders"]
        assert order.url in listed, listed
        for url in (client.kid, account["orders"], order.url, authz,
                    challenge.url, found["certificate"]):
            got = client.post(url, None, 200)
            for link in re.findall(r"<([^>]*)>", got.headers.get("Link", "")):
                assert re.fullmatch(
                    f"/acme/(directory|authz/{ID}|cert/{ID}(/[0-9]+)?)",
                    path(link)), link
        for url in found["finalize"], *client.directory.values():
            if isinstance(url, str) and "renewal-info" not in url:
                # What is for POST alone says so; nothing is missing.
                got = Client(site).request("GET", url)
                assert got.status in (200, 204, 405), (url, got)


# Once more with the logins of the roles: test_grants.py.
TESTS = [test_challenge_mail, test_reply_first, test_post_first, test_domains,
         test_several, test_story, test_paths]

if __name__ == "__main__":
    run({}, *TESTS)
