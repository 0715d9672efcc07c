"""An ACME server of its own, for clients to be tried against: it proves
nothing, believes everybody, and each of its answers can be another one."""

import base64
import datetime
import http.server
import json
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, \
    NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PROBLEM = "urn:ietf:params:acme:error:"
JSON = "application/json"
CHAIN = "application/pem-certificate-chain"


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(*certificates):
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def certify(signer, issuer, subject, public, days=300, is_ca=False, names=(),
            uses=(ExtendedKeyUsageOID.EMAIL_PROTECTION,)):
    """A certificate that only differs from a good one where it is told to."""
    now = datetime.datetime.now(datetime.timezone.utc)
    first = now + datetime.timedelta(days=min(-1, days - 30))
    made = x509.CertificateBuilder().subject_name(name_of(subject)) \
        .issuer_name(name_of(issuer)).public_key(public) \
        .serial_number(x509.random_serial_number()).not_valid_before(first) \
        .not_valid_after(now + datetime.timedelta(days=days)) \
        .add_extension(x509.BasicConstraints(is_ca, None), True) \
        .add_extension(x509.KeyUsage(
            not is_ca, False, False, False, not is_ca, is_ca, is_ca, False,
            False), True) \
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public),
                       False) \
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            signer.public_key()), False)
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(
            [x509.RFC822Name(n) for n in names]), False)
    if uses and not is_ca:
        made = made.add_extension(x509.ExtendedKeyUsage(uses), False)
    return made.sign(signer, hashes.SHA256())


class CA:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = certify(self.key, "Odd CA", "Odd CA",
                                   self.key.public_key(), is_ca=True)

    def issue(self, public, *names, **how):
        return certify(self.key, "Odd CA", "odd", public, names=names, **how)


class Answer:
    def __init__(self, body=b"", status=200, kind=JSON, **fields):
        self.body = body if isinstance(body, bytes) else \
            json.dumps(body).encode()
        self.status = status
        self.fields = {"Content-Type": kind} | {
            name.replace("_", "-"): value for name, value in fields.items()}


def refusal(kind, status=400, **members):
    return Answer({"type": PROBLEM + kind, "detail": "because"} | members,
                  status, "application/problem+json")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        odd = self.server.odd
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            found = odd.answer(self.path, body, self)
            if found is not None:
                self.give(found, odd.next_nonce())
        except OSError:
            self.close_connection = True

    def give(self, found, nonce):
        self.send_response(found.status)
        fields = {"Replay-Nonce": nonce,
                  "Content-Length": str(len(found.body))} | found.fields
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(found.body)

    do_GET = do_HEAD = do_POST = answer


class OddServer:
    """Serves while the block runs. `answers`: {a path: a function of the
    server, the payload and the handler that gives an Answer, or writes itself
    and gives None}."""

    def __init__(self, folder, mailbox, answers=None):
        self.mailbox = mailbox
        self.answers = answers or {}
        self.ca = CA()
        self.ca_file = f"{folder}/tls.pem"
        self.asked = []
        self.public = None
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.odd = self
        self.http.socket = self.make_tls(folder).wrap_socket(
            self.http.socket, server_side=True,
            do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.http.serve_forever)

    def make_tls(self, folder):
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        made = x509.CertificateBuilder().subject_name(name_of("odd")) \
            .issuer_name(name_of("odd")).public_key(key.public_key()) \
            .serial_number(1) \
            .not_valid_before(now - datetime.timedelta(days=1)) \
            .not_valid_after(now + datetime.timedelta(days=30)) \
            .add_extension(x509.SubjectAlternativeName(
                [x509.DNSName("localhost")]), False) \
            .sign(key, hashes.SHA256())
        with open(self.ca_file, "wb") as f:
            f.write(pem(made))
        with open(f"{folder}/tls.key", "wb") as f:
            f.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                                      NoEncryption()))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.ca_file, f"{folder}/tls.key")
        return tls

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def url(self, path):
        return f"https://localhost:{self.http.server_port}{path}"

    def next_nonce(self):
        return f"nonce{len(self.asked)}"

    # -- what a good server says

    def directory(self, **meta):
        return {"newNonce": self.url("/nonce"),
                "newAccount": self.url("/account"),
                "newOrder": self.url("/new-order"), "meta": meta}

    def order(self, status, **more):
        return {"status": status, "expires": "2100-01-01T00:00:00Z",
                "identifiers": [{"type": "email", "value": self.mailbox}],
                "authorizations": [self.url("/authz")],
                "finalize": self.url("/finalize")} | more

    def valid(self):
        return self.order("valid", certificate=self.url("/certificate"))

    def leaf(self, *names, public=None, **how):
        return self.ca.issue(public or self.public, *(names or
                                                      [self.mailbox]), **how)

    def chain(self, *names, **how):
        return pem(self.leaf(*names, **how), self.ca.certificate)

    def good(self, path):
        return {
            "/directory": lambda: Answer(self.directory()),
            "/nonce": Answer,
            "/account": lambda: Answer({"status": "valid"},
                                       Location=self.url("/account/1")),
            "/new-order": lambda: Answer(self.order("ready"), 201,
                                         Location=self.url("/order")),
            "/order": lambda: Answer(self.valid()),
            "/finalize": lambda: Answer(self.valid()),
            "/certificate": lambda: Answer(self.chain(), kind=CHAIN),
        }.get(path, lambda: refusal("malformed", 404))()

    def answer(self, path, body, handler):
        self.asked.append(path)
        payload = None
        if body:
            payload = json.loads(unb64(json.loads(body)["payload"]) or b"null")
        if path == "/finalize":
            self.public = x509.load_der_x509_csr(
                unb64(payload["csr"])).public_key()
        if path in self.answers:
            return self.answers[path](self, handler)
        return self.good(path)


__all__ = ["CA", "CHAIN", "Answer", "OddServer", "pem", "refusal"]
