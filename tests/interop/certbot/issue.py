"""One issuance with certbot's library `acme`, as certbot plug-ins for mail do
it: an own class for email-reply-00, the mailbox as an identifier of type dns,
since the library has no other. See ../clients.py for the conversation.

Options: directory, mailbox, others (more mailboxes); account and key (rsa,
ec), post (late, early), join (bytes, string), poll (library, or seconds), csr
(castle: the address as CN, emailAddress, rfc822Name and dNSName; plain:
without emailAddress), usage, profile, eab, then (revoke, renewal).
"""

import base64
import datetime
import email
import email.utils
import hashlib
import json
import os
import sys
import time

import josepy as jose
from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

# What a plug-in demands of the mail's DKIM signature.
SIGNED = {"from", "auto-submitted", "date", "message-id", "subject", "to"}


@challenges.ChallengeResponse.register
class EmailReply00Response(challenges.KeyAuthorizationChallengeResponse):
    typ = "email-reply-00"


@challenges.Challenge.register
class EmailReply00(challenges.KeyAuthorizationChallenge):
    typ = "email-reply-00"
    response_cls = EmailReply00Response
    from_addr: str = jose.field("from")

    def validation(self, account_key, part1=None, join="bytes"):
        part2 = self.encode("token")
        if join == "bytes":
            token = jose.b64encode(jose.b64decode(part1)
                                   + jose.b64decode(part2)).decode()
        else:
            token = part1 + part2
        thumbprint = jose.b64encode(account_key.thumbprint(
            hash_function=hashes.SHA256)).decode()
        digest = hashlib.sha256(f"{token}.{thumbprint}".encode()).digest()
        return jose.b64encode(digest).decode()


def ask(**question):
    print(json.dumps(question), flush=True)
    return json.loads(sys.stdin.readline())


def check(right, text):
    if not right:
        raise RuntimeError(text)


def check_dkim(message, sender):
    """No verification: the naive reading of a plug-in, which stumbles over
    blanks, folds and a semicolon at the end."""
    value = message.get_all("DKIM-Signature")[0]
    tags = {}
    for part in value.split(";"):
        name, text = part.split("=", 1)
        tags[name.strip()] = text
    names = set(tags["h"].split(":"))
    check(SIGNED <= names, f"DKIM h={tags['h']!r}")
    check(tags["d"] == sender.partition("@")[2], f"DKIM d={tags['d']!r}")


def read_mail(challenge, mailbox):
    octets = base64.b64decode(ask(ask="mail", **{
        "from": challenge.from_addr})["message"])
    message = email.message_from_bytes(octets)
    sender = email.utils.parseaddr(message["From"])[1]
    check(sender == challenge.from_addr, f"From: {message['From']}")
    check(message["To"] == mailbox, f"To: {message['To']}")
    check(message["Subject"].startswith("ACME: "), message["Subject"])
    check_dkim(message, sender)
    return message


def reply(challenge, mailbox, account_key, join):
    """As the plug-in writes it: what is missing the mail system adds."""
    mail = read_mail(challenge, mailbox)
    part1 = mail["Subject"].split(" ")[-1]
    digest = challenge.chall.validation(account_key, part1=part1, join=join)
    to = mail["Reply-To"] or mail["From"]
    text = (f"From: {mail['To']}\r\nTo: {to}\r\n"
            f"Subject: Re: {mail['Subject']}\r\n"
            f"In-Reply-To: {mail['Message-ID']}\r\n\r\n"
            f"-----BEGIN ACME RESPONSE-----\r\n{digest}\r\n"
            "-----END ACME RESPONSE-----\r\n")
    ask(ask="send", to=to, message=base64.b64encode(text.encode()).decode())


def prove(acme_client, order, account_key, options):
    """One mail after the other, then every POST, then every answer: asked
    for only as long as the authorization is pending."""
    posts = []
    for authzr in order.authorizations:
        challenge, = [c for c in authzr.body.challenges
                      if isinstance(c.chall, EmailReply00)]
        posts.append((challenge, challenge.chall.response(account_key)))
        if options.get("post") == "early":
            acme_client.answer_challenge(*posts.pop())
        reply(challenge, authzr.body.identifier.value, account_key,
              options.get("join", "bytes"))
    for post in posts:
        acme_client.answer_challenge(*post)
    pause = options.get("poll", "library")
    while pause != "library":
        authzr, _ = acme_client.poll(order.authorizations[-1])
        if authzr.body.status != messages.STATUS_PENDING:
            break
        time.sleep(pause)


def new_key(kind):
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def new_csr(key, options):
    mailbox = options["mailbox"]
    mailboxes = [mailbox, *options.get("others", [])]
    names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, mailbox)]
    if options.get("csr", "castle") == "castle":
        names.append(x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, mailbox))
    builder = x509.CertificateSigningRequestBuilder(x509.Name(names)) \
        .add_extension(x509.SubjectAlternativeName(
            [*map(x509.RFC822Name, mailboxes),
             *map(x509.DNSName, mailboxes)]), False)
    if options.get("usage"):
        wanted = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment",
             "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only"), False)
        wanted |= dict.fromkeys(options["usage"], True)
        builder = builder.add_extension(x509.KeyUsage(**wanted), True)
    return builder.sign(key, hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM)


def new_account_key(kind):
    key = new_key("ec" if kind == "ec" else "rsa")
    if kind == "ec":
        return jose.JWKEC(key=key), jose.ES256
    return jose.JWKRSA(key=key), jose.RS256


def register(options):
    key, alg = new_account_key(options.get("account"))
    net = client.ClientNetwork(key, alg=alg, verify_ssl=os.environ["LAB_CA"],
                               user_agent="countersign-interop")
    directory = client.ClientV2.get_directory(options["directory"], net)
    acme_client = client.ClientV2(directory, net)
    binding = None
    if options.get("eab"):
        binding = messages.ExternalAccountBinding.from_data(
            key.public_key(), options["eab"]["kid"], options["eab"]["key"],
            directory)
    account = acme_client.new_account(messages.NewRegistration.from_data(
        email="alice@user.test", terms_of_service_agreed=True,
        external_account_binding=binding))
    return acme_client, key, account


def order_for(acme_client, csr, options):
    if options.get("profile"):
        return acme_client.new_order(csr, profile=options["profile"])
    return acme_client.new_order(csr)


def revoke(acme_client, pem):
    """Twice; what the second time gave."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    if hasattr(jose, "ComparableX509"):
        from OpenSSL import crypto
        certificate = jose.ComparableX509(
            crypto.X509.from_cryptography(certificate))
    acme_client.revoke(certificate, 4)
    try:
        acme_client.revoke(certificate, 4)
    except messages.Error as e:
        return str(e)
    return None


def run(options):
    acme_client, account_key, account = register(options)
    key = new_key(options.get("key"))
    order = order_for(acme_client, new_csr(key, options), options)
    done = {"identifier": order.body.identifiers[0].to_json(),
            "bound": bool(account.body.external_account_binding)}
    check(order.body.identifiers[0].value == options["mailbox"],
          "the identifier came back as another one")
    prove(acme_client, order, account_key, options)
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=300)
    order = acme_client.poll_and_finalize(order, deadline)
    done["chain"] = order.fullchain_pem
    check(done["chain"].count("BEGIN CERTIFICATE") >= 2,
          "certbot needs leaf and chain")
    done["public"] = key.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    if options.get("then") == "revoke":
        done["again"] = revoke(acme_client, done["chain"])
    if options.get("then") == "renewal":
        when, _ = acme_client.renewal_time(done["chain"].encode())
        done["when"] = when and when.timestamp()
    print(json.dumps({"ask": "done"} | done), flush=True)


def tell(error):
    """As certbot shows it: a failed authorization has its reason inside."""
    if isinstance(error, errors.ValidationError):
        for authzr in error.failed_authzrs:
            for challenge in authzr.body.challenges:
                print(challenge.error, file=sys.stderr)
    print(f"{type(error).__name__}: {error}", file=sys.stderr)


if __name__ == "__main__":
    try:
        run(json.loads(sys.argv[1]))
    except (errors.Error, messages.Error, RuntimeError) as e:
        tell(e)
        sys.exit(1)
