#!/usr/bin/python3
"""Certificate requests: refused ones leave the order ready, right ones give
what was ordered; CAA records that forbid end the order."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client, b64, make_csr, new_key
from harness import case, command, run
from letters import answer


def csr(key, names, hash=hashes.SHA256(), subject=()):
    name = x509.Name([x509.NameAttribute(oid, value)
                      for oid, value in subject])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names),
                                        False)
    return builder.sign(key, hash).public_bytes(Encoding.DER)


def ready(site, mailbox="alice@user.test"):
    order = Client(site).order(mailbox)
    challenge = order.challenge()
    challenge.post()
    answer(site, challenge)
    order.wait("ready")
    return order


def flip(der):
    """The last bit of the signature."""
    return der[:-1] + bytes([der[-1] ^ 1])


MAIL = x509.RFC822Name("alice@user.test")


def bad_requests():
    key = new_key()
    email = x509.NameOID.EMAIL_ADDRESS
    return [
        ("PK-58: another address",
         csr(key, [x509.RFC822Name("bob@user.test")])),
        ("PK-58: one address more",
         csr(key, [MAIL, x509.RFC822Name("bob@user.test")])),
        ("PK-8, PK-82: the same in another letter case",
         csr(key, [x509.RFC822Name("Alice@user.test")])),
        ("PK-59: no name at all", csr(key, [])),
        ("PK-58: a name of another type",
         csr(key, [MAIL, x509.DNSName("user.test")])),
        ("PK-60: another address in the subject",
         csr(key, [MAIL], subject=[(email, "bob@user.test")])),
        ("PK-57: a signature that does not verify",
         flip(csr(key, [MAIL]))),
        ("PK-56: octets after the end", csr(key, [MAIL]) + b"\0"),
        ("PK-70: RSA with 1024 bits",
         csr(rsa.generate_private_key(65537, 1024), [MAIL])),
        ("PK-68: a curve that is not offered",
         csr(ec.generate_private_key(ec.SECP256K1()), [MAIL])),
        ("PK-68: Ed25519 cannot encrypt",
         csr(ed25519.Ed25519PrivateKey.generate(), [MAIL], None)),
    ]


# Each name that is wrong is a subproblem of its own (RFC 8555 6.7.1).
NAMES = ("PK-58", "PK-8", "PK-60")


def test_refused(site):
    order = ready(site)
    for name, der in bad_requests():
        with case(f"{name}: badCSR, and the order stays ready (AC-140)"):
            refused = order.finalize(der, expect=400)
            assert refused.problem == "badCSR", refused
            assert refused.json["detail"], refused
            names = refused.json.get("subproblems", [])
            assert bool(names) == name.startswith(NAMES), refused
            for one in names:
                assert one["type"].endswith(":badCSR"), one
            assert order.read()["status"] == "ready"
    with case("AC-131: what is not base64url of DER is malformed"):
        for bad in (None, 7, "-----BEGIN CERTIFICATE REQUEST-----",
                    b64(csr(new_key(), [MAIL])) + "="):
            refused = order.client.post(order.url + "/finalize", {"csr": bad},
                                        400)
            assert refused.problem == "malformed", refused
    with case("AC-140: a right request then gives the certificate"):
        order.certificate()


def test_accepted(site):
    for name, key in (
            ("RSA 2048", rsa.generate_private_key(65537, 2048)),
            ("P-384", ec.generate_private_key(ec.SECP384R1()))):
        with case(f"PK-68: {name} is certified"):
            order = ready(site)
            order.key = key
            chain = order.certificate()
            assert chain[0].public_key().public_numbers() == \
                key.public_key().public_numbers()
    with case("AC-136, L-16: the domain in upper case is the same"):
        order = ready(site)
        order.finalize(csr(order.key, [x509.RFC822Name("alice@USER.TEST")]))
        names = order.certificate()[0].extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.RFC822Name) == \
            ["alice@user.test"]
    with case("PK-78: its key once more, for another mailbox: warned of"):
        again = order.client.order("alice+key@user.test")
        again.challenge().post()
        answer(site, again.challenge())
        again.key, mark = order.key, site.mark()
        again.certificate()
        site.wait_event("key in several certificates", mark, order=again.id,
                        other_mailboxes="yes", signs_and_encrypts="no")
    with case("PK-57: RSA with PSS, as openssl req makes it"):
        made = f"{site.folder}/pss.der"
        command("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes",
                "-keyout", f"{site.folder}/pss.pem", "-subj", "/", "-addext",
                "subjectAltName=email:alice@user.test", "-sigopt",
                "rsa_padding_mode:pss", "-outform", "DER", "-out", made)
        order = ready(site)
        with open(made, "rb") as f:
            order.finalize(f.read())
        order.certificate()


def test_state(site):
    with case("AC-130: an order that is not ready cannot be finalized"):
        order = Client(site).order("alice@user.test")
        assert order.finalize(expect=403).problem == "orderNotReady"
    with case("AC-175: another account sees nothing of it"):
        other = Client(site).account()
        assert other.post(order.url, None).status == 404
        assert other.post(order.url + "/finalize", {
            "csr": b64(make_csr(new_key(), "alice@user.test"))}).status == 404


def test_caa(site):
    # A name of its own for each: nothing of them is in any cache.
    for i, (name, records) in enumerate((
            ("names another CA", ['0 issuemail "other.test"']),
            ("names nobody", ['0 issuemail ";"']),
            ("PK-40: names another account",
             ['0 issuemail "ca.test; accounturi=https://x.test/1"']),
            ("PK-41: names another method",
             ['0 issuemail "ca.test; validationmethods=http-01"']),
            ("PK-32: a critical record that we do not know",
             ['0 issuemail "ca.test"', '128 future "x"']))):
        with case(f"AC-144, PK-25: CAA {name}: the order ends with caa"):
            site.dns_set("user.test", "CAA", *records)
            order = Client(site).order(f"alice+no{i}@user.test")
            challenge = order.challenge()
            challenge.post()
            answer(site, challenge)
            # With the reply, before anything is finalized (PK-28).
            ended = order.wait("invalid")
            assert ended["error"]["type"].endswith(":caa"), ended
            assert site.query("SELECT 1 FROM cert WHERE order_id = ?",
                              order.id) == []
    for i, (name, records) in enumerate((
            ("PK-34: issue and issuewild say nothing about mail",
             ['0 issue ";"', '0 issuewild ";"']),
            ("PK-41: names this CA and this method",
             ['0 issuemail "other.test"', '0 issuemail "ca.test; '
              'validationmethods=email-reply-00"']))):
        with case(f"AC-144, {name}: a certificate"):
            site.dns_set("user.test", "CAA", *records)
            ready(site, f"alice+yes{i}@user.test").certificate()
    with case("AC-144, PK-40: CAA names the account by its URL"):
        client = Client(site).account()
        site.dns_set("user.test", "CAA",
                     f'0 issuemail "ca.test; accounturi={client.kid}"')
        order = client.order("alice+uri@user.test")
        order.challenge().post()
        answer(site, order.challenge())
        order.certificate()


run({}, test_refused, test_accepted, test_state, test_caa)
