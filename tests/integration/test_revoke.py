#!/usr/bin/python3
"""Revocation over ACME and by the operator, and the list that tells of it."""

import json
import os
import re
import signal
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat)

from acme import Challenge, Client, b64, new_key
from harness import (case, command, edit_config, eventually, kill, read_file,
                     run)
from letters import Inbox, all_mails, answer, proven


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def serial(certificate):
    text = f"{certificate.serial_number:x}"
    return text.zfill(len(text) + len(text) % 2)


def crl_file(site):
    path = re.search(r'(?m)^\s*crl_file = "?([^"\n]+)"?$',
                     read_file(site.config))[1]
    return os.path.join(site.state, path)


def listed(site):
    """{serial: reason in openssl's words} of the published list."""
    path = crl_file(site)
    text = command("openssl", "crl", "-inform", "DER", "-in", path, "-noout",
                   "-text")
    command("openssl", "crl", "-inform", "DER", "-in", path, "-noout",
            "-CAfile", f"{site.state}/ca/issuing.pem", "-verify")
    found = {}
    for part in text.split("Serial Number: ")[1:]:
        reason = re.search(r"Reason Code: *\n *(.+)", part)
        found[part.split()[0].lower()] = reason[1] if reason else None
    return found


def certificate(site, client, mailbox):
    """An order's certificate; the first one of a mailbox by mail."""
    order = proven(site, client, mailbox)
    return order, order.certificate()[0]


def revoke(client, leaf, expect, with_jwk=False, **members):
    return client.post(client.url_of("revokeCert"),
                       {"certificate": b64(der(leaf)), **members}, expect,
                       with_jwk=with_jwk)


def wait_listed(site, leaf, reason):
    number = serial(leaf)
    eventually(lambda: listed(site).get(number, 0) == reason,
               f"{number} on the list with reason {reason}")


def test_accounts(site):
    client = Client(site)
    order, leaf = certificate(site, client, "alice@user.test")
    with case("AC-61: the directory names revokeCert"):
        assert client.url_of("revokeCert").endswith("/acme/revoke-cert")
    with case("AC-154: a stranger may not, and learns nothing"):
        stranger = Client(site).account()
        refused = revoke(stranger, leaf, 403)
        assert refused.problem == "unauthorized", refused
        refused = revoke(Client(site, new_key()), leaf, 403, with_jwk=True)
        assert refused.problem == "unauthorized", refused
    with case("AC-156: reasons that are not allowed"):
        for reason in (2, 6, 7, 8, 9, 10):
            refused = revoke(client, leaf, 400, reason=reason)
            assert refused.problem == "badRevocationReason", refused
    with case("AC-159: the account that obtained it revokes it"):
        done = revoke(client, leaf, 200, reason=4)
        assert done.body == b"" and done.headers["Content-Length"] == "0"
        assert "Content-Type" not in done.headers
        assert done.headers["Replay-Nonce"]
    with case("PK-158, PK-182: the list shows serial and reason, as openssl "
              "reads it"):
        wait_listed(site, leaf, "Superseded")
    with case("AC-157: twice is alreadyRevoked"):
        assert revoke(client, leaf, 400, reason=4).problem == "alreadyRevoked"
    with case("AC-150: order and certificate are what they were"):
        assert order.read()["status"] == "valid"
        assert der(order.certificate()[0]) == der(leaf)
    with case("PK-158: unspecified has no reason on the list"):
        _, other = certificate(site, client, "alice@user.test")
        revoke(client, other, 200, reason=0)
        wait_listed(site, other, None)


def test_key(site):
    client = Client(site)
    order, leaf = certificate(site, client, "bob@user.test")
    again = client.order("bob@user.test")
    again.key = order.key
    other = again.certificate()[0]
    with case("AC-158, PK-181: the key itself says that it is compromised: "
              "each certificate with it is revoked"):
        revoke(Client(site, order.key), leaf, 200, with_jwk=True, reason=1)
        wait_listed(site, leaf, "Key Compromise")
        wait_listed(site, other, "Key Compromise")
    with case("AC-44: the key gets no further certificate, of nobody"):
        for who in client, Client(site):
            order2 = who.order("bob@user.test")
            if order2.read()["status"] != "ready":
                answer(site, order2.challenge(), "BOB")
                order2.challenge().post()
            order2.wait("ready")
            order2.key = order.key
            refused = order2.finalize(expect=400)
            assert refused.problem == "badCSR", refused
            assert "compromised" in refused.json["detail"], refused
    with case("AC-44: countersign key list names it"):
        keys = [json.loads(line) for line in
                site.countersign("key", "list", "--json").splitlines()]
        assert len(keys) == 1 and "revoked certificate" in keys[0]["source"], \
            keys


def kill_all(site):
    for pid in [site.daemon.pid, *site.roles().values()]:
        kill(pid)
    site.kill_supervisor()


def test_kill(site):
    client = Client(site, patient=True)
    _, leaf = certificate(site, client, "carol@plain.test")
    with case("AC-159, PK-182: killed after the answer, before the list: it "
              "is on the list of the next start"):
        os.kill(site.roles()["issuer"], signal.SIGSTOP)
        revoke(client, leaf, 200, reason=5)
        assert serial(leaf) not in listed(site)
        kill_all(site)
        client.close()
        site.start()
        wait_listed(site, leaf, "Cessation Of Operation")
        assert revoke(client, leaf, 400).problem == "alreadyRevoked"
    with case("PK-156: a list that was lost from its folder comes again"):
        os.unlink(crl_file(site))
        eventually(lambda: os.path.exists(crl_file(site)), "the list")
        assert serial(leaf) in listed(site)


def save(path, octets):
    with open(path, "wb") as f:
        f.write(octets)
    return path


def report(client, method, body=None):
    """(status, text) of /acme/report."""
    got = client.request(method, f"{client.base}/acme/report", body,
                         Content_Type="application/pkcs10")
    return got.status, got.body.decode()


def settled(site, number, kind):
    """Is the report closed?"""
    shown = json.loads(site.countersign("report", "show", "--json",
                                        str(number)))
    assert shown["proof"] == kind, shown
    return shown["state"] == "closed" and shown["decision"] == "revoke"


def told(site, number):
    with Inbox(site, "ALICE") as inbox:
        return inbox.find("SUBJECT",
                          f'"Problem report {number}: decision"')


def proofs(site, client):
    folder = site.folder
    private = f"{folder}/private.pem"

    def issued():
        order, leaf = certificate(site, client, "alice+operator@user.test")
        save(private, order.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        save(f"{folder}/leaf.pem", leaf.public_bytes(Encoding.PEM))
        return leaf

    def block(leaf, *words):
        said = site.countersign("key", "block", *words)
        assert "certificates revoked: 1" in said, said
        wait_listed(site, leaf, "Key Compromise")

    with case("PK-77: a signature over a line that names key and CA"):
        leaf = issued()
        line = site.countersign("key", "text", "--spki", f"{folder}/leaf.pem")
        save(f"{folder}/line", line.encode())
        command("openssl", "dgst", "-sha256", "-sign", private, "-out",
                f"{folder}/signature", f"{folder}/line")
        with open(f"{folder}/signature", "rb") as f:
            signature = f.read()
        save(f"{folder}/wrong", signature[:-1] + bytes([signature[-1] ^ 1]))
        said = site.countersign("key", "block", "--spki",
                                f"{folder}/leaf.pem", "--signature",
                                f"{folder}/wrong", status=1)
        assert "no signature" in said, said
        assert serial(leaf) not in listed(site)
        block(leaf, "--spki", f"{folder}/leaf.pem", "--signature",
              f"{folder}/signature")
    with case("PK-77: a request whose subject says so, and no other"):
        leaf = issued()
        for name, is_proof in (("Alice", False),
                               ("Proof of Key Compromise for us", True)):
            command("openssl", "req", "-new", "-key", private, "-subj",
                    f"/CN={name}", "-out", f"{folder}/proof.pem")
            if is_proof:
                block(leaf, "--proof", f"{folder}/proof.pem")
            else:
                said = site.countersign("key", "block", "--proof",
                                        f"{folder}/proof.pem", status=1)
                assert "does not say" in said, said
    with case("PK-77: the private key itself"):
        leaf = issued()
        block(leaf, "--proof", private)
        assert "proof: private key" in site.countersign("key", "list")
    with case("PK-184: report add --proof revokes and is closed"):
        leaf = issued()
        said = site.countersign("report", "add", "--proof", private, "--from",
                                "bob@user.test")
        assert "certificates revoked: 1" in said, said
        wait_listed(site, leaf, "Key Compromise")
        number = re.search("report ([0-9]+)", said)[1]
        assert settled(site, number, "private key")
    with case("PK-184: what is missing, or too much, is said"):
        for words, why in ((("--proof", private, private), "no TEXT"),
                           ((), "needs TEXT"),
                           (("--proof", private, "--serial", serial(leaf)),
                            "without --serial")):
            said = site.countersign("report", "add", *words, status=1)
            assert why in said, said
    with case("PK-184: a stranger proves it over HTTP, as GET says, and no "
              "person is needed"):
        leaf = issued()
        assert "Never send the private key" in report(client, "GET")[1]
        status, said = report(client, "POST", read_file(private).encode())
        assert status == 400 and "do not send it" in said, said
        assert serial(leaf) not in listed(site)
        command("openssl", "req", "-new", "-key", private, "-subj",
                "/CN=Proof of Key Compromise", "-out", f"{folder}/proof.pem")
        with open(f"{folder}/proof.pem", "rb") as f:
            status, said = report(client, "POST", f.read())
        assert status == 200, said
        wait_listed(site, leaf, "Key Compromise")
        number = json.loads(said)["report"]
        eventually(lambda: settled(site, number, "request"),
                   "the issuer to close it")
        eventually(lambda: told(site, number), "the notice")


def test_operator(site):
    client = Client(site)
    order, leaf = certificate(site, client, "alice+operator@user.test")
    number = serial(leaf)
    with case("countersign cert tells about a certificate, by serial and id"):
        told = json.loads(site.countersign("cert", "--json", number))
        assert told["status"] == "valid", told
        assert told["mailboxes"] == ["alice+operator@user.test"], told
        assert told["order"] == order.id, told
        text = site.countersign("cert", told["certificate"])
        assert f"certificate {number}: valid" in text, text
        colons = ":".join(re.findall("..", number.upper()))
        assert told == json.loads(site.countersign("cert", "--json", colons))
    with case("PK-158, PK-179: reasons that no list can carry are refused"):
        for reason in "2", "6", "7", "8", "10", "-1", "x":
            said = site.countersign("cert", "--revoke", "--reason", reason,
                                    number, status=1)
            assert "reason" in said, said
        site.countersign("cert", "--reason", "4", number, status=1)
    with case("PK-179: the operator's own reason; the issuer wakes up by "
              "itself"):
        told = json.loads(site.countersign("cert", "--json", "--revoke",
                                           "--reason", "9", number))
        assert told["status"] == "revoked", told
        assert told["revoked_by"].startswith("operator:"), told
        assert told["reason"] == 9, told
        wait_listed(site, leaf, "Privilege Withdrawn")
        said = site.countersign("cert", "--revoke", number, status=1)
        assert "already revoked" in said, said
    with case("PK-77: key block revokes every certificate with the key"):
        order, leaf = certificate(site, client, "alice+operator@user.test")
        path = f"{site.folder}/key.pem"
        with open(path, "wb") as f:
            f.write(leaf.public_bytes(Encoding.PEM))
        said = site.countersign("key", "block", "--spki", path, "--reason",
                                "seen on a public server")
        assert "certificates revoked: 1" in said, said
        wait_listed(site, leaf, "Key Compromise")
        hexadecimal = said.split()[1].rstrip(";")
        said = site.countersign("key", "block", "--spki", hexadecimal,
                                "--reason", "again")
        assert "certificates revoked: 0" in said, said
        said = site.countersign("key", "list")
        assert f"{hexadecimal}" in said, said
        assert "reason: seen on a public server" in said, said
    proofs(site, client)
    with case("key block says what is wrong"):
        why = ["--reason", "x"]
        for words, wanted in ((["key", "block"], "--spki"),
                              (["key", "block", "--spki", hexadecimal],
                               "--reason"),
                              (["key", "block", "--spki", "/nowhere", *why],
                               "/nowhere"),
                              (["key", "block", "--spki", site.config, *why],
                               "holds no certificate"),
                              (["key", "frob"], "frob"),
                              (["key", "block", "--proof", path, *why],
                               "without proof"),
                              (["key", "block", "--proof", path],
                               "no private key"),
                              (["key", "block", "--spki", path,
                                "--signature", path], "no signature"),
                              (["key", "text"], "--spki"),
                              (["key", "block", "--spki", hexadecimal, *why,
                                "--account", "nobody"], "no such account")):
            said = site.countersign(*words, status=1)
            assert wanted in said, said
        said = site.countersign("cert", "00ff", status=1)
        assert "no certificate" in said, said


def test_authorizations(site):
    client = Client(site).account()
    with case("AC-106: newAuthz, answered by mail, makes an order ready"):
        created = client.post(client.url_of("newAuthz"), {"identifier": {
            "type": "email", "value": "carol@plain.test"}}, 201)
        url = created.headers["Location"]
        challenge = Challenge(client, url)
        answer(site, challenge, "CAROL")
        challenge.post()
        challenge.wait("valid")
        order = client.order("carol@plain.test")
        assert order.read()["status"] == "ready"
        assert order.read()["authorizations"] == [url]
        assert len(all_mails(site, challenge.sender, "CAROL")) == 1
    with case("AC-106: admins see it marked"):
        lines = [json.loads(line) for line in
                 site.countersign("orders", "--json").splitlines()]
        found, = [o for o in lines if o.get("preauthorization")]
        assert found["status"] == "valid", found
    with case("AC-107: the operator revokes it"):
        ident = url.rpartition("/")[2]
        said = site.countersign("authz", "--revoke", ident)
        assert "revoked" in said, said
        assert client.read(url)["status"] == "revoked"
        assert order.read()["status"] == "invalid"
        said = site.countersign("authz", "--revoke", ident, status=1)
        assert "nothing to revoke" in said, said
        told = json.loads(site.countersign("authz", "--json", ident))
        assert told["status"] == "revoked", told
    with case("AC-105: the client deactivates one"):
        order = client.order("alice@user.test")
        url, = order.read()["authorizations"]
        done = client.post(url, {"status": "deactivated"}, 200)
        assert done.json["status"] == "deactivated", done
        assert order.read()["status"] == "invalid"


def type_of(client, url, *accepted):
    """The media type of a download that sends an Accept field for each."""
    body = client.sign(url, None, client.take_nonce())
    client.connect()
    client.connection.putrequest("POST", urlsplit(url).path)
    client.connection.putheader("Content-Type", "application/jose+json")
    client.connection.putheader("Content-Length", str(len(body)))
    for text in accepted:
        client.connection.putheader("Accept", text)
    client.connection.endheaders(body.encode())
    with client.connection.getresponse() as response:
        response.read()
        client.nonce = response.headers["Replay-Nonce"]
        return response.headers["Content-Type"]


def switch_ca(site):
    """Another installation's CA issues from now on; ours is a former one."""
    folder = os.path.join(site.folder, "second")
    words = [f"{site.build}/countersign", "init", "--dir", folder,
             "--name", "Second", "--organization", "Test", "--country", "XX",
             "--key-type", "p256"]
    for name, value in site.wanted_settings().items():
        words += ["--set", f"{name}={value}"]
    command(*words)
    os.rename(f"{folder}/ca", f"{site.state}/ca-second")
    edit_config(site, **{
        f"issuer__{option}": f"ca-second/{name}" for option, name in (
            ("ca_certificate", "issuing.pem"), ("ca_chain", "root.pem"),
            ("root_crl", "root.crl"), ("ca_key", "issuing-key.pem"),
            ("ca_key_passphrase", "ca-passphrase"))},
        issuer__crl_url="http://crl.ca.test/second.crl",
        issuer__ca_issuers_url="http://crl.ca.test/second.cer",
        issuer__crl_file="state/second.crl")
    with open(site.config, "a") as f:
        f.write("""
former_ca first {
    ca_certificate = ca/issuing.pem
    ca_chain = ca/root.pem
    ca_key = ca/issuing-key.pem
    ca_key_passphrase = ca/ca-passphrase
    crl_url = "http://crl.ca.test/issuing.crl"
    ca_issuers_url = "http://crl.ca.test/issuing.cer"
    crl_file = state/issuing.crl
}
""")


def test_switch(site):
    client = Client(site, patient=True)
    order, leaf = certificate(site, client, "alice@user.test")
    url = order.read()["certificate"]
    before = client.post(url, None, 200)
    site.stop()
    switch_ca(site)
    site.start()
    with case("AC-150: after a switch to another CA a certificate is what it "
              "was, with its chain"):
        assert client.post(url, None, 200).body == before.body
    with case("AC-147: and its issuer is the one that it had"):
        found = client.post(url, None, 200, Accept="application/pkix-cert")
        assert found.body == der(leaf)
        up, = [link for link in found.headers.get_all("Link")
               if 'rel="up"' in link]
        assert up == '<http://crl.ca.test/issuing.cer>;rel="up"', up
    with case("AC-147: several Accept fields are one list (RFC 9110 5.3)"):
        chain, plain = ("application/pem-certificate-chain",
                        "application/pkix-cert")
        assert type_of(client, url, plain, "text/html") == plain
        assert type_of(client, url, f"{plain};q=0.5", chain) == chain
        assert type_of(client, url, f"{chain};q=0.5", plain) == plain
    with case("AC-146: new ones have the other chain"):
        later = client.order("alice@user.test").certificate()
        assert later[0].issuer == later[1].subject != leaf.issuer, later
    with case("AC-153: the account revokes it as before"):
        revoke(client, leaf, 200)


run({}, test_accounts, test_key, test_kill, test_operator,
    test_authorizations, test_switch)
