"""Finalize, certificates, renewal information, revocation."""

import base64
import re
import secrets
import threading
import warnings
from datetime import datetime, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from checks_http import head, path_of
from checks_mail import bobs_second, course, prove, reply_second
from checks_order import domain, local, parse_time, refused_order
from csr import load_chain, long_length, make_csr, names_evil, new_csr_key, \
    usage, version_one
from jose import Key, b64, compact
from report import Skip, check, table
from wire import read_answer
from world import JOSE, Order, invented


class Issued:
    """A certificate with its key and its order."""

    def __init__(self, order, key, answer):
        self.order, self.key, self.answer = order, key, answer
        self.url = order.read()["certificate"]
        self.chain = load_chain(answer.body)
        self.der = self.chain[0].public_bytes(Encoding.DER)
        self.revoked = False

    @property
    def certid(self):
        """RFC 9773 4.1."""
        leaf = self.chain[0]
        aki = leaf.extensions.get_extension_for_oid(
            ExtensionOID.AUTHORITY_KEY_IDENTIFIER).value.key_identifier
        serial = leaf.serial_number
        octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
        return f"{b64(aki)}.{b64(octets)}"


def finalize(w, order, csr):
    payload = csr if isinstance(csr, dict) else {"csr": b64(csr)}
    return order.account.post(order.finalize_url, payload)


def issue(w, order, key, csr):
    """Finalizes and downloads."""
    answer = finalize(w, order, csr)
    w.status(answer, 200)
    order.account.world.made.setdefault("finalize answer", answer)
    found = w.poll(order.account, order.url, ["valid", "invalid"], 120)
    w.need(found["status"] == "valid", repr(found), "valid")
    w.owned(order.account, found["certificate"])
    got = order.account.post(found["certificate"])
    w.status(got, 200)
    return Issued(order, key, got)


def proven(w):
    """Alice's order once it is ready."""
    prove(w)
    found = w.pending.read()["status"]
    if found not in ("ready", "valid", "processing"):
        raise Skip(f"the order is {found}")
    return w.pending


def first(w):
    """Alice's first certificate."""
    def make():
        order = proven(w)
        key = new_csr_key()
        return issue(w, order, key, make_csr(
            key, [w.mailbox.address], subject=names_evil()))
    return w.once("certificate", make)


def another(w, name, *bits):
    """One more certificate, if the mailbox need not be proven again."""
    def make():
        order = w.ready()
        key = new_csr_key()
        extensions = [(usage(*bits), True)] if bits else []
        return issue(w, order, key, make_csr(key, [w.mailbox.address],
                                             extensions=extensions))
    return w.once(name, make)


# --- finalize: what is refused --------------------------------------------

def refused_csr(w, csr, ours, rfc="4xx *"):
    order = proven(w)
    answer = finalize(w, order, csr)
    if answer.problem == "orderNotReady" and "orderNotReady" not in ours:
        raise Skip("the order is not ready any more")
    w.refused(answer, ours, rfc)


@table("AC-131", "RFC 8555 7.4", "csr", [
    ("missing", lambda d: {}), ("a number", lambda d: {"csr": 1}),
    ("null", lambda d: {"csr": None}), ("empty", lambda d: {"csr": ""}),
    ("PEM", lambda d: {"csr": "-----BEGIN CERTIFICATE REQUEST-----\n"
                       + base64.b64encode(d).decode()}),
    ("padded", lambda d: {"csr": b64(d) + "=" * (-len(b64(d)) % 4 or 4)})],
    needs="mail")
def csr_payloads(w, make):
    der = make_csr(new_csr_key(), [w.mailbox.address])
    payload = make(der)
    refused_csr(w, payload, "400 malformed" if payload.get("csr") != ""
                else "400 malformed|badCSR")


def broken(der):
    return der[:-1] + bytes([der[-1] ^ 1])


def rsa_key(bits):
    return rsa.generate_private_key(65537, bits)


def sha1_csr(w):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make_csr(new_csr_key(), [w.mailbox.address],
                            algorithm=hashes.SHA1())
    except Exception as e:
        raise Skip(f"cannot be made here: {e}") from e


def flipped(text):
    """Another letter case in the local part."""
    where = text.rpartition("@")
    return where[0].swapcase() + "@" + where[2]


CSRS = [
    ("AC-132", "RFC 8555 7.4", "no DER", lambda w: b"request"),
    ("AC-132", "RFC 2986 4", "octets after it", lambda w: make_csr(
        new_csr_key(), [w.mailbox.address]) + b"\0"),
    ("AC-132", "RFC 2986 4.1", "version 1", lambda w: version_one(
        new_csr_key(), [w.mailbox.address])),
    ("AC-132", "design", "BER length", lambda w: long_length(make_csr(
        new_csr_key(), [w.mailbox.address]))),
    ("AC-133", "RFC 8555 10.5", "signature broken", lambda w: broken(
        make_csr(new_csr_key(), [w.mailbox.address]))),
    ("AC-133", "design", "SHA-1", sha1_csr),
    ("AC-134", "RFC 8555 10.5", "RSA of 1024 bits", lambda w: make_csr(
        rsa_key(1024), [w.mailbox.address])),
    ("AC-135", "RFC 8555 11.1", "the account's key", lambda w: make_csr(
        w.alice.key.private, [w.mailbox.address])),
    ("AC-135", "design", "another account's key", lambda w: make_csr(
        w.bob.key.private, [w.mailbox.address])),
    ("AC-136", "RFC 8555 7.4", "an address more", lambda w: make_csr(
        new_csr_key(), [w.mailbox.address, f"x{local(w)}@{domain(w)}"])),
    ("AC-136", "RFC 8555 7.4", "another address", lambda w: make_csr(
        new_csr_key(), [f"x{local(w)}@{domain(w)}"])),
    ("AC-136", "RFC 8823 3", "no subjectAltName", lambda w: make_csr(
        new_csr_key(), [], subject=[(NameOID.EMAIL_ADDRESS,
                                     f"x{w.mailbox.address}")])),
    ("AC-136", "RFC 8555 7.4", "a dNSName", lambda w: make_csr(
        new_csr_key(), [w.mailbox.address],
        names=[x509.DNSName("example.com")])),
    ("AC-136", "RFC 8555 7.4", "a URI", lambda w: make_csr(
        new_csr_key(), [w.mailbox.address], names=[
            x509.UniformResourceIdentifier("https://example.com/")])),
    ("AC-136", "design", "local part in another case", lambda w: make_csr(
        new_csr_key(), [flipped(w.mailbox.address)])),
    ("AC-137", "design", "another address in the subject", lambda w:
     make_csr(new_csr_key(), [w.mailbox.address], subject=[
         (NameOID.EMAIL_ADDRESS, f"x{local(w)}@{domain(w)}")])),
    ("AC-138", "design", "key usage keyCertSign", lambda w: make_csr(
        new_csr_key(), [w.mailbox.address], extensions=[
            (usage("digital_signature", "key_cert_sign"), True)])),
    ("AC-138", "design", "Ed25519, and no key usage", lambda w: make_csr(
        ed25519.Ed25519PrivateKey.generate(), [w.mailbox.address])),
    ("AC-139", "design", "basicConstraints with CA", lambda w: make_csr(
        new_csr_key(), [w.mailbox.address], extensions=[
            (x509.BasicConstraints(True, None), True)])),
]


def csr_check(rules, source, name, make):
    @check(rules, source, f"CSR refused: {name}", needs="mail")
    def _(w):
        # An unfit order is noticed before a key is made for nothing.
        proven(w)
        refused_csr(w, make(w), "400 badCSR")


for _row in CSRS:
    csr_check(*_row)


@check("AC-140", "RFC 8555 7.4", "after badCSR the order is still ready",
       needs="mail")
def still_ready(w):
    w.seen = proven(w).read()["status"]
    if "certificate" in w.made:
        raise Skip("the order is finished")
    w.need(w.seen == "ready", w.seen, "ready")


# --- finalize: what is issued ---------------------------------------------

@check("AC-143", "RFC 8555 7.4", "finalize: 200, the order, processing or "
       "valid", needs="mail")
def finalized(w):
    first(w)
    answer = w.see(w.made["finalize answer"], "200 processing or valid")
    w.need(answer.json.get("status") in ("processing", "valid"),
           f"{answer} {answer.json.get('status')}")
    if w.strict:
        w.need(answer.one("Location") == w.pending.url,
               f"Location: {answer.all('Location')}", "Location: the order")


@check("AC-96, AC-145", "RFC 8555 7.1.3", "order object when valid",
       needs="mail")
def valid_order(w):
    issued = first(w)
    found = w.pending.read()
    w.seen = ", ".join(found)
    w.need(found["status"] == "valid" and "certificate" in found
           and "error" not in found, repr(found),
           "valid, certificate, no error")
    w.need(found["identifiers"] == w.pending.json["identifiers"]
           and found["authorizations"] == w.pending.json["authorizations"],
           repr(found), "identifiers and authorizations unchanged")
    if w.strict:
        end = not_after(issued.chain[0])
        w.need(parse_time(found["expires"]) == end, found["expires"],
               f"expires = notAfter {end}")


@check("AC-130", "RFC 8555 7.4", "finalize again", needs="mail")
def finalize_again(w):
    first(w)
    w.refused(finalize(w, w.pending, make_csr(
        new_csr_key(), [w.mailbox.address])), "403 orderNotReady",
        "403 orderNotReady|malformed")


@check("AC-143", "RFC 8555 7.4", "two finalize at once: one certificate",
       needs="mail")
def finalize_race(w):
    order = w.ready()
    key = new_csr_key()
    csr = make_csr(key, [w.mailbox.address])
    texts = []
    for _ in range(2):
        nonce = w.wire.request("HEAD", w.directory["newNonce"]) \
            .one("Replay-Nonce")
        body = compact(w.sign(order.finalize_url, {"csr": b64(csr)},
                              w.alice.key, w.alice.kid,
                              nonce=nonce)).encode()
        texts.append(head(w, f"POST {path_of(w, order.finalize_url)}",
                          f"Content-Type: {JOSE}", "Connection: close",
                          f"Content-Length: {len(body)}") + body)
    answers, gate = [], threading.Barrier(2)

    def one(text):
        with w.wire.connect() as s:
            gate.wait(30)
            s.sendall(text)
            answers.append(read_answer(s.makefile("rb"), "POST", text, ""))

    threads = [threading.Thread(target=one, args=(t,)) for t in texts]
    for t in threads:
        w.wire.count()
        t.start()
    for t in threads:
        t.join()
    w.seen = " / ".join(map(str, answers))
    w.need(sorted(a.status for a in answers) == [200, 403]
           and "orderNotReady" in [a.problem for a in answers], w.seen,
           "200 and 403 orderNotReady")
    found = order.wait("valid", "invalid")
    w.need(found["status"] == "valid", repr(found), "valid")
    got = w.alice.post(found["certificate"])
    w.made["race certificate"] = Issued(order, key, got)


@table("AC-138", "RFC 8823 3.3", "certificate for", [
    ("signing only", "signing", ["digital_signature"],
     {"key_agreement", "key_encipherment"}),
    ("encryption only", "encryption", ["key_agreement"],
     {"digital_signature"})], needs="mail")
def key_usages(w, name, bits, never):
    first(w)
    issued = another(w, name, *bits)
    found = issued.chain[0].extensions.get_extension_for_class(
        x509.KeyUsage).value
    has = {n for n in ("digital_signature", "key_agreement",
                       "key_encipherment", "content_commitment")
           if getattr(found, n)}
    w.seen = ", ".join(sorted(has))
    w.need(set(bits) <= has and not has & never, w.seen,
           f"{bits}, not {sorted(never)}")


# --- the certificate ------------------------------------------------------

def not_after(certificate):
    return certificate.not_valid_after.replace(tzinfo=timezone.utc)


def not_before(certificate):
    return certificate.not_valid_before.replace(tzinfo=timezone.utc)


@check("AC-146", "RFC 8555 7.4.2, 9.1", "chain: strict PEM, nothing between",
       needs="mail")
def pem_form(w):
    body = first(w).answer.body
    w.seen = f"{len(body)} octets"
    w.need(first(w).answer.media_type == "application/pem-certificate-chain",
           first(w).answer.media_type, "application/pem-certificate-chain")
    one = rb"-----BEGIN CERTIFICATE-----\r?\n(?:[A-Za-z0-9+/]{64}\r?\n)*" \
        rb"[A-Za-z0-9+/]{1,64}={0,2}\r?\n-----END CERTIFICATE-----(?:\r?\n)?"
    w.need(re.fullmatch(rb"(?:" + one + rb")+", body),
           repr(body[:200]), "RFC 7468, no text, no blank line")
    if w.strict:
        w.need(b"\r" not in body and body.endswith(b"-----\n"), "line ends",
               "LF, and one at the end")


@check("AC-146", "RFC 8555 7.4.2", "chain: each certifies the one before",
       needs="mail")
def chain_order(w):
    chain = first(w).chain
    w.seen = f"{len(chain)} certificates"
    for lower, upper in zip(chain, chain[1:]):
        w.need(lower.issuer == upper.subject, f"{lower.issuer} / "
               f"{upper.subject}", "issuer = the next one's subject")
    if w.strict:
        w.need(len(chain) >= 2 and chain[-1].issuer != chain[-1].subject,
               w.seen, "the issuer too, no trust anchor")


@check("AC-145", "RFC 8823 3", "certificate: the addresses of the order, the "
       "key of the request", needs="mail")
def contents(w):
    issued = first(w)
    leaf = issued.chain[0]
    names = leaf.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    w.seen = repr(list(names))
    w.need([type(n) for n in names] == [x509.RFC822Name]
           and names.get_values_for_type(x509.RFC822Name)
           == [w.mailbox.address], w.seen, "rfc822Name of the mailbox, only")
    w.need(leaf.public_key().public_numbers()
           == issued.key.public_key().public_numbers(), "another key",
           "the request's key")
    uses = leaf.extensions.get_extension_for_class(
        x509.ExtendedKeyUsage).value
    w.need(ExtendedKeyUsageOID.EMAIL_PROTECTION in uses, repr(list(uses)),
           "emailProtection")


@check("AC-145", "design", "certificate: nothing of the request's subject",
       needs="mail")
def not_copied(w):
    w.seen = first(w).chain[0].subject.rfc4514_string()
    w.need("Copied From" not in w.seen, w.seen, "not copied")


@check("AC-147", "design", "Accept: application/pkix-cert: DER, Link up",
       needs="mail")
def der_download(w):
    issued = first(w)
    answer = w.status(w.alice.post(issued.url, fields=[
        ("Accept", "application/pkix-cert")]), 200)
    w.need(answer.media_type == "application/pkix-cert"
           and answer.body == issued.der, f"{answer.media_type}",
           "application/pkix-cert, the certificate")
    w.need(answer.links("up"), f"Link: {answer.all('Link')}", "Link up")


@table("AC-147", "design", "Accept", [
    ("text/html", "text/html"), ("*/*", "*/*"), ("garbage", ";;,q=x"),
    ("pkcs7", "application/pkcs7-mime"),
    ("chain above DER", "application/pkix-cert;q=0.1, "
     "application/pem-certificate-chain")], needs="mail")
def other_accept(w, accept):
    answer = w.alice.post(first(w).url, fields=[("Accept", accept)])
    w.status(answer, 200)
    w.need(answer.media_type == "application/pem-certificate-chain",
           answer.media_type, "the PEM chain, never 406")


@check("AC-147", "RFC 9110 5.3", "two Accept fields are one list",
       needs="mail")
def two_accept_fields(w):
    answer = w.status(w.alice.post(first(w).url, fields=[
        ("Accept", "application/pkix-cert"), ("Accept", "text/html")]), 200)
    w.need(answer.media_type == "application/pkix-cert", answer.media_type,
           "application/pkix-cert, as for one field with both")


@check("AC-148", "RFC 8555 7.4.2", "alternate chains have the same "
       "certificate", needs="mail")
def alternates(w):
    issued = first(w)
    links = issued.answer.links("alternate")
    if not links:
        raise Skip("not offered: alternate chains")
    for url in links[:5]:
        w.owned(w.alice, url)
        answer = w.status(w.alice.post(url), 200)
        w.need(load_chain(answer.body)[0] == issued.chain[0],
               "another certificate", "the same certificate")


@check("AC-7", "RFC 8555 6.3", "unsigned GET of a certificate", needs="mail")
def get_certificate(w):
    w.refused(w.wire.request("GET", first(w).url), "405 malformed", "405 *")


@check("AC-149, AC-175", "design", "another account's certificate: as one "
       "that does not exist", needs="mail")
def foreign_certificate(w):
    url = first(w).url
    theirs, none = w.bob.post(url), w.bob.post(invented(url))
    w.refused(theirs, "404 malformed")
    w.need((theirs.status, theirs.body) == (none.status, none.body),
           f"{theirs} / {none}", "the same answer")


@check("AC-51", "design", "a certificate with {}", needs="mail")
def certificate_update(w):
    w.refused(w.alice.post(first(w).url, {}), "400 malformed")


@check("AC-151", "design", "a certificate has Content-Length", needs="mail")
def length(w):
    answer = first(w).answer
    w.seen = str(answer.all("Content-Length"))
    w.need((answer.one("Content-Length") or "").isdigit(), w.seen,
           "Content-Length")


@check("AC-135", "design", "newAccount with a certificate's key",
       needs="mail")
def certificate_key(w):
    w.refused(w.post(w.directory["newAccount"],
                     {"termsOfServiceAgreed": True},
                     Key("ES256", first(w).key)), "400 badPublicKey")


# --- renewal information --------------------------------------------------

def renewal(w, certid):
    return w.see(w.wire.request("GET", w.directory["renewalInfo"] + "/"
                                + certid))


@check("AC-165", "RFC 9773 4.2", "renewalInfo: suggestedWindow, Retry-After",
       needs="mail renewalInfo")
def window(w):
    answer = renewal(w, first(w).certid)
    found = w.object(answer, "suggestedWindow")["suggestedWindow"]
    start, end = parse_time(found["start"]), parse_time(found["end"])
    w.seen = f"{found['start']} - {found['end']}"
    w.need(start < end, w.seen, "start before end")
    w.need((answer.one("Retry-After") or ""), "none", "Retry-After")
    if w.strict:
        w.need(answer.one("Retry-After") == "21600",
               str(answer.all("Retry-After")), "Retry-After: 21600")


@check("AC-168", "design", "renewalInfo: where the window lies",
       needs="mail renewalInfo")
def window_place(w):
    leaf = first(w).chain[0]
    found = w.object(renewal(w, first(w).certid),
                     "suggestedWindow")["suggestedWindow"]
    start, end = parse_time(found["start"]), parse_time(found["end"])
    life = (not_after(leaf) - not_before(leaf)).total_seconds() + 1
    part = 3 if life >= 10 * 86400 else 2
    centre = not_after(leaf).timestamp() - life / part
    middle = (start.timestamp() + end.timestamp()) / 2
    width = (end - start).total_seconds()
    w.seen = f"centre {middle - centre:+.0f} s, width {width:.0f} s"
    w.need(abs(middle - centre) <= 2 and abs(width - life / 50) <= 2, w.seen,
           f"centre notAfter - life/{part}, width {life / 50:.0f} s")


@check("AC-165, AC-18", "RFC 9773 4.1", "renewalInfo needs no signature, and"
       " gives no nonce", needs="mail renewalInfo")
def unsigned(w):
    answer = w.status(renewal(w, first(w).certid), 200)
    w.need(not answer.all("Replay-Nonce") or not w.strict, "Replay-Nonce",
           "no nonce")


@check("AC-167", "RFC 9773 4.1", "renewalInfo of an unknown serial: 404",
       needs="mail renewalInfo")
def unknown_serial(w):
    aki = first(w).certid.partition(".")[0]
    w.refused(renewal(w, aki + "." + b64(b"\x01" + secrets.token_bytes(15))),
              "404 malformed", "4xx *")


@check("AC-167", "RFC 9773 4.1", "renewalInfo of an unknown issuer",
       needs="renewalInfo")
def unknown_issuer(w):
    w.refused(renewal(w, b64(secrets.token_bytes(20)) + ".AQ"),
              "404 malformed", "4xx *")


AKI = "whC0OzE6Bm45631FRb5T4D0RRBk"
CERTIDS = [("padding", AKI + "=.AIA"), ("negative serial", AKI + ".gA"),
           ("zero octet too many", AKI + ".AAE"), ("serial 0", AKI + ".AA"),
           ("no dot", AKI), ("two dots", AKI + "..AQ"),
           ("no key identifier", ".AQ"), ("no serial", AKI + "."),
           ("bits that must be zero", AKI + ".AR"),
           ("serial of 21 octets", AKI + "." + "AQEB" * 7),
           ("standard alphabet", AKI[:-4] + "+%2FAQ.AQ")]


@table("AC-166", "RFC 9773 4.1", "renewalInfo of what is no CertID", CERTIDS,
       needs="renewalInfo")
def bad_certids(w, certid):
    ours = "400|404 malformed" if "%" in certid else "400 malformed"
    w.refused(renewal(w, certid), ours, "4xx *")


@check("AC-7, AC-166", "RFC 9773 4.1", "renewalInfo: POST", needs="mail "
       "renewalInfo")
def post_renewal(w):
    url = w.directory["renewalInfo"] + "/" + first(w).certid
    w.refused(w.alice.post(url, {}), "405 malformed")


def replacing(w, account, certid, mailbox=None):
    answer = w.new_order(account, mailbox or w.mailbox.address,
                         replaces=certid)
    return answer


@table("AC-170", "RFC 9773 5", "replaces is no CertID",
       [(n, c) for n, c in CERTIDS if "%" not in c][:6],
       needs="mail renewalInfo")
def bad_replaces(w, certid):
    refused_order(w, replacing(w, w.alice, certid), "400 malformed")


@check("AC-170", "RFC 9773 5", "replaces names no certificate",
       needs="mail renewalInfo")
def replaces_nothing(w):
    aki = first(w).certid.partition(".")[0]
    refused_order(w, replacing(w, w.alice, aki + "."
                               + b64(b"\x01" + secrets.token_bytes(15))),
                  "404 malformed")


@check("AC-170", "RFC 9773 5", "replaces names another account's certificate",
       needs="mail renewalInfo")
def replaces_foreign(w):
    answer = replacing(w, w.bob, first(w).certid)
    if answer.status == 201:
        w.drop(Order(w.bob, answer))
    w.refused(answer, "403 unauthorized")


@check("AC-170", "RFC 9773 5", "replaces shares no identifier",
       needs="mail renewalInfo")
def replaces_other_name(w):
    answer = replacing(w, w.alice, first(w).certid,
                       f"{local(w)}+conformance@{domain(w)}")
    refused_order(w, answer, "400 malformed")


@check("AC-171", "RFC 9773 5", "replaces: accepted once and shown",
       needs="mail renewalInfo")
def replaces_once(w):
    first(w)
    certid = first(w).certid
    answer = w.status(replacing(w, w.alice, certid), 201)
    w.made["replacement"] = order = Order(w.alice, answer)
    found = order.read()
    if found["status"] == "pending":
        w.notes.append("the replacement order stays pending")
    w.seen = f"replaces: {answer.json.get('replaces')}"
    w.need(answer.json.get("replaces") == certid
           and found.get("replaces") == certid, w.seen, certid)


@check("AC-170", "RFC 9773 5", "replaces a second time: alreadyReplaced",
       needs="mail renewalInfo")
def replaces_twice(w):
    course(w, lambda: "replacement" in w.made, replaces_once)
    refused_order(w, replacing(w, w.alice, first(w).certid),
                  "409 alreadyReplaced", "409 alreadyReplaced")


# --- revocation -----------------------------------------------------------

def revoke(w, payload, account=None, key=None):
    url = w.directory["revokeCert"]
    if key is not None:
        return w.post(url, payload, key)
    return (account or w.alice).post(url, payload)


def certificate(issued, **members):
    return {"certificate": b64(issued.der)} | members


@table("AC-152", "RFC 8555 7.6", "revokeCert", [
    ("no certificate", lambda d: {}),
    ("a number", lambda d: {"certificate": 1}),
    ("PEM", lambda d: {"certificate": "-----BEGIN CERTIFICATE-----\n"
                       + base64.b64encode(d).decode()}),
    ("padded", lambda d: {"certificate": b64(d) + "=" * (
        -len(b64(d)) % 4 or 4)}),
    ("no DER", lambda d: {"certificate": "AAAA"})], needs="mail revokeCert")
def bad_revocations(w, make):
    w.refused(revoke(w, make(first(w).der)), "400|404 malformed")


@table("AC-26, AC-152", "RFC 8555 7.6", "revokeCert with reason", [
    ("a string", b'"1"'), ("1.5", b"1.5"), ("an array", b"[1]")],
    needs="mail revokeCert")
def reason_types(w, text):
    payload = b'{"certificate":"' + b64(first(w).der).encode() \
        + b'","reason":' + text + b"}"
    w.refused(revoke(w, payload), "400 malformed|badRevocationReason")


@check("AC-26", "design", "revokeCert with reason 1.0", needs="mail "
       "revokeCert")
def reason_fraction(w):
    w.refused(revoke(w, b'{"certificate":"' + b64(first(w).der).encode()
                     + b'","reason":1.0}'), "400 malformed")


def reason_check(reason):
    # 7 is not used in RFC 5280; above 10 nothing is defined.
    source = "RFC 8555 7.6" if reason in (-1, 7, 11) else "design"

    @check("AC-156", source, f"revokeCert with reason {reason}",
           needs="mail revokeCert")
    def _(w):
        w.refused(revoke(w, certificate(first(w), reason=reason)),
                  "400 badRevocationReason",
                  "4xx badRevocationReason|malformed")


for _reason in (-1, 2, 6, 7, 8, 9, 10, 11):
    reason_check(_reason)


@check("AC-154", "RFC 8555 7.6", "revokeCert by an account without authority",
       needs="mail revokeCert")
def no_authority(w):
    stranger = w.account("es512", "ES512")
    w.refused(revoke(w, certificate(first(w)), stranger), "403 unauthorized",
              "4xx unauthorized|malformed")


@check("AC-154", "RFC 8555 7.6", "revokeCert by another key",
       needs="mail revokeCert")
def wrong_key(w):
    w.refused(revoke(w, certificate(first(w)), key=Key("ES256")),
              "403 unauthorized", "4xx unauthorized|malformed")


@check("AC-154", "RFC 8555 7.6", "revokeCert by the account's key as jwk",
       needs="mail revokeCert")
def account_key(w):
    w.refused(revoke(w, certificate(first(w)), key=w.alice.key),
              "403 unauthorized", "4xx unauthorized|malformed")


@check("AC-153", "design", "revokeCert of a look-alike: 404",
       needs="mail revokeCert")
def look_alike(w):
    der = broken(first(w).der)
    w.refused(revoke(w, {"certificate": b64(der)}), "404 malformed")


@check("AC-44, AC-154", "RFC 8555 7.6", "after all of this the certificate is"
       " not revoked", needs="mail revokeCert renewalInfo")
def not_revoked(w):
    found = w.object(renewal(w, first(w).certid),
                     "suggestedWindow")["suggestedWindow"]
    w.seen = found["start"]
    w.need(parse_time(found["start"]) > not_before(first(w).chain[0]),
           w.seen, "a window in the future of its issuance")


@check("AC-154, AC-159", "RFC 8555 7.6", "revokeCert by the account: 200, no "
       "body", needs="mail revokeCert")
def by_account(w):
    answer = w.status(revoke(w, certificate(first(w), reason=4)), 200)
    first(w).revoked = True
    w.need(answer.body == b"" or not w.strict, repr(answer.body[:100]),
           "no body")


@check("AC-157", "RFC 8555 7.6", "revokeCert again", needs="mail revokeCert")
def revoked_again(w):
    course(w, lambda: first(w).revoked, by_account)
    w.refused(revoke(w, certificate(first(w))), "400 alreadyRevoked",
              "4xx alreadyRevoked")


@check("AC-154, AC-157", "RFC 8555 7.6", "without authority nothing is told "
       "of a revoked certificate", needs="mail revokeCert")
def still_hidden(w):
    course(w, lambda: first(w).revoked, by_account)
    stranger = w.account("es512", "ES512")
    w.refused(revoke(w, certificate(first(w)), stranger), "403 unauthorized")


@check("AC-150", "RFC 8555 7.4.2", "a revoked certificate can still be read,"
       " unchanged", needs="mail revokeCert")
def read_revoked(w):
    course(w, lambda: first(w).revoked, by_account)
    answer = w.status(w.alice.post(first(w).url), 200)
    w.need(answer.body == first(w).answer.body, "it changed", "unchanged")


@check("AC-168", "RFC 9773 4.2", "renewalInfo of a revoked certificate: a "
       "window that has begun", needs="mail revokeCert renewalInfo")
def revoked_window(w):
    course(w, lambda: first(w).revoked, by_account)
    found = w.object(renewal(w, first(w).certid),
                     "suggestedWindow")["suggestedWindow"]
    w.seen = f"{found['start']} - {found['end']}"
    w.need(parse_time(found["start"]) < parse_time(found["end"]), w.seen,
           "start before end")
    if w.strict:
        w.need(parse_time(found["start"]) <= datetime.now(timezone.utc),
               w.seen, "start in the past")


@check("AC-157, AC-158", "design", "by its key with reason 1 the reason of a "
       "revoked certificate changes", needs="mail revokeCert")
def to_compromise(w):
    course(w, lambda: first(w).revoked, by_account)
    w.status(revoke(w, certificate(first(w), reason=1),
                    key=Key("ES256", first(w).key)), 200)
    w.made["compromised"] = first(w).key


@check("AC-44, AC-158", "design", "then the key can make no account",
       needs="mail revokeCert")
def blocked_account(w):
    course(w, lambda: "compromised" in w.made, to_compromise)
    answer = w.post(w.directory["newAccount"], {"termsOfServiceAgreed": True},
                    Key("ES256", w.made["compromised"]))
    if answer.status == 200:
        raise Skip("an account had this key already (AC-135)")
    w.refused(answer, "400 badPublicKey")


@check("AC-44, AC-158", "design", "... and no certificate",
       needs="mail revokeCert")
def blocked_csr(w):
    course(w, lambda: "compromised" in w.made, to_compromise)
    w.refused(finalize(w, w.ready(), make_csr(
        w.made["compromised"], [w.mailbox.address])), "400 badCSR")


@check("AC-37, AC-154", "RFC 8555 7.6", "revokeCert by the certificate's key",
       needs="mail revokeCert")
def by_key(w):
    first(w)
    issued = another(w, "signing", "digital_signature")
    w.status(revoke(w, certificate(issued),
                    key=Key("ES256", issued.key)), 200)
    w.refused(revoke(w, certificate(issued)), "400 alreadyRevoked",
              "4xx alreadyRevoked")


@check("AC-154", "RFC 8555 7.6", "revokeCert by an account that is authorized"
       " for all its addresses", needs="mail revokeCert")
def by_authorized(w):
    first(w)
    order, _ = bobs_second(w)
    course(w, lambda: order.authz()["status"] == "valid", reply_second)
    issued = another(w, "encryption", "key_agreement")
    w.status(revoke(w, certificate(issued), w.bob), 200)
