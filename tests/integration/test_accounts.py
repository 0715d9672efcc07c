#!/usr/bin/python3
"""Accounts as clients and admins meet them: bound to a key that the admin
made, with another key, with too many orders for one page, ended."""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import threading

from acme import Client, b64, new_key
from harness import case, edit_config, run
from letters import all_mails, answer, challenge_mail



def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def binding(client, kid, key):
    """The externalAccountBinding of this client's key."""
    header = b64(json.dumps({"alg": "HS256", "kid": kid,
                             "url": client.url_of("newAccount")}))
    payload = b64(json.dumps(client.jwk))
    mac = hmac.digest(unb64(key), f"{header}.{payload}".encode(), "sha256")
    return {"protected": header, "payload": payload, "signature": b64(mac)}


def open_account(site, eab=None, key=None):
    """A new client and what the server said to its newAccount."""
    client = Client(site, key)
    payload = {"termsOfServiceAgreed": True}
    if eab is not None:
        payload["externalAccountBinding"] = binding(
            client, eab["kid"], eab["hmac_key"])
    said = client.post(client.url_of("newAccount"), payload, with_jwk=True)
    client.kid = said.headers.get("Location")
    return client, said


def try_order(client, *mailboxes):
    return client.post(client.url_of("newOrder"), {"identifiers": [
        {"type": "email", "value": m} for m in mailboxes]})


def eab(site, *words):
    return json.loads(site.countersign("eab", "new", "--json", *words))


def change_key(client, key):
    """keyChange to this key; the client signs with it from then on."""
    url = client.url_of("keyChange")
    new = Client(client.site, key)
    inner = json.loads(new.sign(url, {"account": client.kid,
                                      "oldKey": client.jwk}, "", True))
    header = json.loads(unb64(inner["protected"]))
    del header["nonce"]
    inner = sign_inner(new, header, inner["payload"])
    said = client.post(url, inner)
    if said.status == 200:
        client.key, client.jwk = key, new.jwk
        client.thumbprint = new.thumbprint
    return said


def sign_inner(client, header, payload):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import \
        decode_dss_signature
    protected = b64(json.dumps(header))
    r, s = decode_dss_signature(client.key.sign(
        f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256())))
    return {"protected": protected, "payload": payload,
            "signature": b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))}


def test_binding(site):
    with case("AC-79: a key of 64 octets, shown once"):
        made = eab(site, "--comment", "the mail team", "--allow",
                   "user.test,bob@plain.test")
        assert len(unb64(made["hmac_key"])) == 64
        said = site.countersign("eab", "list") + site.countersign(
            "eab", "show", "--json", made["kid"])
        assert "the mail team" in said and "usable" in said, said
        assert made["hmac_key"] not in said
    with case("AC-76: where it is required, no account without it"):
        edit_config(site, policy__eab_required="yes")
        site.reload()
        _, said = open_account(site)
        assert said.status == 403, said
        assert said.problem == "externalAccountRequired", said
    with case("AC-78: two at once, one account"):
        answers = []

        def knock():
            answers.append(open_account(site, made))

        threads = [threading.Thread(target=knock) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        good = [c for c, said in answers if said.status == 201]
        assert len(good) == 1, [str(said) for _, said in answers]
        assert {said.problem for _, said in answers
                if said.status != 201} == {"unauthorized"}
    client = good[0]
    with case("AC-64: the account shows its binding and its orders"):
        account = client.read(client.kid)
        assert account["orders"] == client.kid + "/orders", account
        assert account["externalAccountBinding"]["payload"], account
    with case("AC-78, AC-90: orders within its list only"):
        assert try_order(client, "alice@user.test").status == 201
        assert try_order(client, "bob@plain.test").status == 201
        said = try_order(client, "carol@plain.test")
        assert said.problem == "rejectedIdentifier", said
    with case("a key that could not be shown is withdrawn"):
        with open("/dev/full", "w") as full:
            said = subprocess.run(
                [f"{site.build}/countersign", "eab", "new", "-f", site.config],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert said.returncode == 1, said
        kid = re.search(r"(\S+): could not be shown, and is withdrawn again",
                        said.stderr)[1]
        shown = json.loads(site.countersign("eab", "show", "--json", kid))
        assert shown["state"] == "withdrawn", shown
    with case("a key that is withdrawn opens nothing; its account stays"):
        other = eab(site, "--reusable", "--expires", "1d")
        bound, said = open_account(site, other)
        assert said.status == 201, said
        text = site.countersign("eab", "revoke", other["kid"])
        assert "1 account opened with it stays" in text, text
        assert open_account(site, other)[1].problem == "unauthorized"
        bound.read(bound.kid)
        text = site.countersign("eab", "revoke", other["kid"], status=1)
        assert "nothing was changed" in text, text
    with case("what cannot be meant is refused, with what would be right"):
        for words, what in (
                (("--allow", "not a domain"), "write a domain"),
                (("--expires", "tomorrow"), "such as 30d"),
                (("--limit", "new_orders"), "NAME=VALUE"),
                (("--limit", "colour=5"), "NAME=VALUE"),
                (("--profile", "tls"), "offers mailbox-strict")):
            text = site.countersign("eab", "new", *words, status=1)
            assert what in text, (words, text)
    edit_config(site, policy__eab_required="no")
    site.reload()


def test_key_change(site):
    client = Client(site)
    with case("AC-82: an answer for the key that the mail was sent under "
              "decides nothing"):
        order = client.order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        former = client.thumbprint
        challenge_mail(site, challenge)
        assert change_key(client, new_key()).status == 200
        current, client.thumbprint = client.thumbprint, former
        mark = site.mark()
        answer(site, challenge)
        site.wait_event("reply", mark, challenge=challenge.id,
                        verdict="stale-key")
        client.thumbprint = current
        assert challenge.read()["status"] == "processing"
    with case("AC-82: one for the new key is a match"):
        answer(site, challenge)
        challenge.wait("valid")
    with case("AC-81, AC-82: the validation outlives the next change, and "
              "the certificate comes"):
        assert change_key(client, new_key()).status == 200
        assert order.read()["status"] == "ready"
        order.certificate()
    with case("AC-81: and serves another order"):
        again = client.order("alice@user.test")
        assert again.read()["status"] == "ready"
        again.certificate()
    with case("AC-80: a key that has an account is refused, and whose it is"):
        other = Client(site).account()
        said = change_key(client, other.key)
        assert said.status == 409, said
        assert said.headers["Location"] == other.kid
    with case("countersign account tells of it"):
        text = site.countersign("account", client.kid)
        assert text.count("before:") == 2 and former in text, text


def test_orders_list(site):
    with case("AC-75: pages of the orders, each with a signed url"):
        client = Client(site)
        client.order("alice@user.test")
        seen, url = [], client.kid + "/orders"
        said = client.post(url, None, 200)
        seen += said.json["orders"]
        assert len(seen) == 1 and seen[0].startswith(client.base), seen
        assert client.post(url + "?cursor=x", None).status == 400
        assert Client(site).account().post(url, None).status == 403
        shown = json.loads(site.countersign(
            "account", "--json", "--orders", client.kid))
        assert [o["order"] for o in shown["orders"]] == [
            seen[0].rpartition("/")[2]], shown


def test_end(site):
    with case("AC-73: no mail leaves for an account that has ended"):
        client = Client(site)
        sender = site.roles()["sender"]
        os.kill(sender, signal.SIGSTOP)
        try:
            order = client.order("alice@user.test")
            challenge = order.challenge()
            said = client.post(client.kid, {"status": "deactivated"}, 200)
        finally:
            os.kill(sender, signal.SIGCONT)
        assert said.json["status"] == "deactivated", said
        site.make_due()
        assert site.query("SELECT COUNT(*) FROM outbox WHERE "
                          "due_at IS NOT NULL AND order_id = ?",
                          order.id) == [(0,)]
        assert not all_mails(site, challenge.sender)
    with case("AC-49, AC-73: and it is for ever"):
        for url in client.kid, order.url, challenge.url:
            assert client.post(url, None).status == 401
        assert open_account(site, key=client.key)[1].status == 401
        text = site.countersign("account", "--deactivate", client.kid,
                                status=1)
        assert "nothing was changed" in text, text
    with case("AC-73: a late reply changes nothing"):
        client = Client(site)
        order = client.order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        challenge_mail(site, challenge)
        client.post(client.kid, {"status": "deactivated"}, 200)
        mark = site.mark()
        answer(site, challenge)
        site.wait_event("reply", mark, challenge=challenge.id,
                        verdict="late")
        assert site.query("SELECT valid_at FROM authz WHERE order_id = ?",
                          order.id) == [(0,)]
    with case("AC-74: the operator revokes"):
        client = Client(site)
        order = client.order("alice@user.test")
        text = site.countersign("account", "--revoke", client.kid)
        assert "revoked; 1 authorization ended" in text, text
        said = client.post(order.url, None)
        assert said.status == 401 and said.problem == "unauthorized", said
        listed = site.countersign("accounts", "--status", "revoked")
        assert client.kid.rpartition("/")[2] in listed, listed
    with case("PK-14: the operator gives it another contact"):
        client = Client(site)
        order = client.order("alice@user.test")
        for wrong in (["--contact", "no mailbox"],
                      ["--contact", "a@b.test,c@d.test"],
                      ["--contact", "none", "--revoke"],
                      ["--contact", "a@b.test", "--contact", "none"]):
            site.countersign("account", *wrong, client.kid, status=1)
        assert order.read()["status"] == "pending"
        text = site.countersign("account", "--contact", "new@user.test",
                                "--contact", "b@user.test", client.kid)
        assert "; 1 authorization revoked" in text, text
        assert client.read(client.kid)["contact"] == [
            "mailto:new@user.test", "mailto:b@user.test"]
        shown = site.countersign("account", client.kid)
        assert "\ncontact:  mailto:new@user.test, mailto:b@user.test\n" \
            in shown, shown
        assert order.read()["status"] == "invalid"
        site.countersign("account", "--contact", "none", client.kid)
        assert client.read(client.kid).get("contact", []) == []
        shown = site.countersign("account", client.kid)
        assert "\ncontact:  none\n" in shown, shown
        details = site.query("SELECT actor, detail FROM audit WHERE event = "
                             "'account contact changed' ORDER BY seq")
        assert [json.loads(d) for _, d in details] == [
            {"authorizations": 1}, {"authorizations": 0}], details
        assert all(a.startswith("operator:") for a, _ in details), details
    with case("PK-19: the audit trail has all of it"):
        events = [e for e, in site.query(
            "SELECT event FROM audit WHERE event LIKE '%account%' "
            "OR event LIKE 'EAB%'")]
        for event in ("account created", "account deactivated",
                      "account revoked", "account key changed",
                      "EAB key created", "EAB key withdrawn"):
            assert event in events, event


def test_terms(site):
    with case("AC-72: changed terms bind, until the holder agrees"):
        client = Client(site).account()
        edit_config(site, tos_url="https://ca.test/terms/2",
                    tos_binding="yes",
                    tos_change_url="https://ca.test/agree")
        site.reload()
        said = try_order(client, "alice@user.test")
        assert said.problem == "userActionRequired", said
        assert said.json["instance"] == "https://ca.test/agree", said
        client.read(client.kid)
        text = site.countersign("account", client.kid)
        assert "--agree-terms" in text, text
        site.countersign("account", "--agree-terms", client.kid)
        assert try_order(client, "alice@user.test").status == 201
    with case("PK-10: another document at the same place binds as well; which "
              "one was agreed to is recorded"):
        for document in "1", "2":
            digest = hashlib.sha256(document.encode()).hexdigest()
            edit_config(site, tos_sha256=digest)
            site.reload()
            said = try_order(client, "alice@user.test")
            assert said.problem == "userActionRequired", said
            assert said.json["instance"] == "https://ca.test/agree", said
            text = site.countersign("account", client.kid)
            assert "but not to https://ca.test/terms/2 as it is now" in text
            site.countersign("account", "--agree-terms", client.kid)
            assert try_order(client, "alice@user.test").status == 201
            text = site.countersign("account", client.kid)
            assert f"SHA-256 {digest}" in text and "but not" not in text, text
        made = Client(site).account()
        assert digest in site.countersign("account", made.kid)


# The limits are other tests' business.
LIMITS = {f"limits.{name}": "none" for name in (
    "mails_to_mailbox", "mails_to_known_mailbox", "mails_by_address",
    "new_accounts", "mails_to_domain")}

run({"policy.challenge_mail_delay": "1s"} | LIMITS, test_binding,
    test_key_change, test_orders_list, test_end, test_terms)
