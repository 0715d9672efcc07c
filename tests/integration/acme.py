"""A small ACME client that does exactly what a test tells it, no more."""

import base64
import hashlib
import http.client
import json
import ssl
import time
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import \
    decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from harness import DEADLINE, eventually

PROBLEM = "urn:ietf:params:acme:error:"
# Seconds after which a connection is not used again: the server ends those
# that are idle, and may be about to.
IDLE = 1


def b64(octets):
    if isinstance(octets, str):
        octets = octets.encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def make_csr(key, *mailboxes):
    """A certificate request for these mailboxes, DER."""
    names = x509.SubjectAlternativeName([x509.RFC822Name(m)
                                         for m in mailboxes])
    return (x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([])).add_extension(names, False)
            .sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def load_chain(pem):
    """Debian's version of the library has no function for it."""
    end = b"-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate(part + end)
            for part in pem.split(end) if part.strip()]


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body
        kind = response.headers.get("Content-Type", "")
        self.json = json.loads(body) if body and kind.endswith("json") \
            else None

    @property
    def problem(self):
        """The type of the problem document, without its prefix."""
        found = (self.json or {}).get("type", "")
        return found.removeprefix(PROBLEM)

    def __str__(self):
        return f"{self.status} {self.body[:500]!r}"


class Challenge:
    """One mailbox of an order: its authorization and its challenge."""

    def __init__(self, client, authz_url):
        self.client = client
        self.authz_url = authz_url
        authz = self.authz()
        found = authz["challenges"][0]
        self.mailbox = authz["identifier"]["value"]
        self.url = found["url"]
        self.id = found["url"].rpartition("/")[2]
        self.token = found["token"]
        self.sender = found["from"]

    def authz(self):
        return self.client.read(self.authz_url)

    def read(self):
        return self.client.read(self.url)

    def post(self):
        """Says that the reply is on its way."""
        return self.client.post(self.url, {}, 200).json

    def digest(self, part1):
        """What the reply must hold (ER-8, AC-111)."""
        text = f"{part1}{self.token}.{self.client.thumbprint}"
        return b64(hashlib.sha256(text.encode()).digest())

    def wait(self, *statuses):
        return eventually(lambda: (c := self.read())["status"] in statuses
                          and c, f"challenge {' or '.join(statuses)}")


class Order:
    def __init__(self, client, url, mailboxes):
        self.client = client
        self.url = url
        self.id = url.rpartition("/")[2]
        self.mailboxes = mailboxes
        self.key = new_key()

    def read(self):
        return self.client.read(self.url)

    def challenges(self):
        return [Challenge(self.client, url)
                for url in self.read()["authorizations"]]

    def challenge(self):
        found, = self.challenges()
        return found

    def wait(self, *statuses, seconds=DEADLINE):
        return eventually(lambda: (o := self.read())["status"] in statuses
                          and o, f"order {' or '.join(statuses)}", seconds)

    def finalize(self, csr=None, expect=200):
        csr = csr or make_csr(self.key, *self.mailboxes)
        return self.client.post(self.url + "/finalize", {"csr": b64(csr)},
                                expect)

    def certificate(self):
        """Finalizes if that has not happened, waits, downloads: the chain."""
        if self.wait("ready", "processing", "valid")["status"] == "ready":
            self.finalize()
        answer = self.client.post(self.wait("valid")["certificate"], None, 200)
        return load_chain(answer.body)


class Client:
    """An account and a connection. `patient`: goes on when the server is
    away for a moment, asking again until it answers."""

    def __init__(self, site, key=None, patient=False):
        self.site = site
        self.key = key or new_key()
        self.patient = patient
        self.connection = None
        self.used = 0       # when, by the monotonic clock
        self.nonce = None
        self.kid = None
        self.base = f"https://localhost:{site.env['LAB_HTTPS_PORT']}"
        self.directory = None
        numbers = self.key.public_key().public_numbers()
        self.jwk = {"crv": "P-256", "kty": "EC",
                    "x": b64(numbers.x.to_bytes(32, "big")),
                    "y": b64(numbers.y.to_bytes(32, "big"))}
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        self.thumbprint = b64(hashlib.sha256(text.encode()).digest())

    # -- HTTP

    def connect(self):
        self.close()
        self.connection = http.client.HTTPSConnection(
            "localhost", self.site.port("LAB_HTTPS"), context=self.site.tls,
            timeout=DEADLINE)
        self.connection.connect()

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def request_once(self, method, target, body, headers):
        if self.connection is None or time.monotonic() > self.used + IDLE:
            self.connect()
        try:
            self.connection.request(method, target, body, headers)
            response = self.connection.getresponse()
            answer = Answer(response, response.read())
        except (OSError, ssl.SSLError, http.client.HTTPException):
            self.close()
            raise
        self.used = time.monotonic()
        self.nonce = answer.headers.get("Replay-Nonce", self.nonce)
        return answer

    def request(self, method, url, body=None, **headers):
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        fields = {k.replace("_", "-"): v for k, v in headers.items()}
        deadline = time.monotonic() + (DEADLINE if self.patient else 0)
        while True:
            try:
                return self.request_once(method, target, body, fields)
            except (OSError, http.client.HTTPException):
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def url_of(self, name):
        """From the directory, which is read once."""
        if self.directory is None:
            self.directory = self.request(
                "GET", self.base + "/acme/directory").json
        return self.directory[name]

    # -- JWS

    def sign(self, url, payload, nonce, with_jwk=False):
        header = {"alg": "ES256", "nonce": nonce, "url": url}
        header |= {"jwk": self.jwk} if with_jwk else {"kid": self.kid}
        body = "" if payload is None else json.dumps(payload)
        parts = b64(json.dumps(header)), b64(body)
        r, s = decode_dss_signature(self.key.sign(
            ".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
        return json.dumps({"protected": parts[0], "payload": parts[1],
                           "signature": b64(r.to_bytes(32, "big")
                                            + s.to_bytes(32, "big"))})

    def take_nonce(self):
        if self.nonce is None:
            self.request("HEAD", self.url_of("newNonce"))
        nonce, self.nonce = self.nonce, None
        return nonce

    def post(self, url, payload, expect=None, with_jwk=False, **headers):
        """A signed request; payload None: a read. badNonce is tried again
        (AC-56)."""
        tries, deadline = 10, time.monotonic() + DEADLINE
        while True:
            body = self.sign(url, payload, self.take_nonce(), with_jwk)
            answer = self.request("POST", url, body,
                                  Content_Type="application/jose+json",
                                  **headers)
            if answer.problem == "badNonce" and tries > 0:
                tries -= 1
            elif self.patient and answer.status in (500, 503) and \
                    time.monotonic() < deadline:
                time.sleep(0.05)
            else:
                break
        assert expect is None or answer.status == expect, \
            f"{url}: not {expect}: {answer}"
        return answer

    def read(self, url):
        return self.post(url, None, 200).json

    # -- ACME

    def account(self):
        if self.kid is None:
            answer = self.post(self.url_of("newAccount"),
                               {"termsOfServiceAgreed": True}, with_jwk=True)
            assert answer.status in (200, 201), answer
            self.kid = answer.headers["Location"]
        return self

    def order(self, *mailboxes):
        self.account()
        answer = self.post(self.url_of("newOrder"), {
            "identifiers": [{"type": "email", "value": m}
                            for m in mailboxes]}, 201)
        return Order(self, answer.headers["Location"], mailboxes)
