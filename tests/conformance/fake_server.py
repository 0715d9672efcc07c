"""An ACME server in this process, for the suite's own test: it keeps the
rules, but for those that it is told to break.

    with Server({"replayed nonce"}) as s: ... s.directory ...

It is no example of a server: one lock, memory only, whoever can write into
its outbox is believed. `self.bad(name)` stands wherever a fault can be.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import ssl
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from email import message_from_bytes

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, \
    rsa
from cryptography.hazmat.primitives.asymmetric.utils import \
    encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, \
    NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jose import CURVES, SMALL, b64, unb64

TYPE = "urn:ietf:params:acme:error:"
ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "Ed25519", "RS256"]
MAX_BODY = 65536
ED_PRIME = 2 ** 255 - 19
PUBLIC = "GET, HEAD, POST, OPTIONS"
SIGNED = "POST, OPTIONS"
EAB_KID, EAB_KEY = "kid-1", b"k" * 64
USAGE_A = {"digital_signature", "content_commitment"}
USAGE_B = {"key_encipherment", "key_agreement"}


class Problem(Exception):
    def __init__(self, status, kind, detail, fields=(), **members):
        super().__init__(detail)
        self.status, self.kind, self.fields = status, kind, list(fields)
        self.body = {"type": TYPE + kind, "detail": detail,
                     "status": status} | members


def malformed(detail, status=400):
    return Problem(status, "malformed", detail)


class Response:
    def __init__(self, status=200, body=None, fields=(), raw=None, kind=None):
        self.status, self.fields = status, list(fields)
        self.raw = raw if raw is not None else b"" if body is None \
            else json.dumps(body).encode()
        self.kind = kind or "application/json"


def stamp(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def now():
    return datetime.now(timezone.utc).replace(microsecond=0)


def new_id():
    return b64(secrets.token_bytes(16))


# --- JSON, base64url, keys ------------------------------------------------

def measure(value, depth=1):
    """Depth and number of members; refuses strings that C would cut."""
    if isinstance(value, str) and ("\0" in value or any(
            0xd800 <= ord(c) < 0xe000 for c in value)):
        raise ValueError("string with a forbidden character")
    if isinstance(value, dict):
        inner = [*value.values(), *value]
    elif isinstance(value, list):
        inner = value
    else:
        return depth, 1
    found = [measure(v, depth + 1) for v in inner]
    return max([depth] + [d for d, _ in found]), 1 + sum(n for _, n in found)


def strict_json(octets, faults=frozenset()):
    def pairs(members):
        if len({k for k, _ in members}) != len(members) \
                and "duplicate members" not in faults:
            raise ValueError("duplicate member")
        return dict(members)

    def constant(name):
        raise ValueError(name)

    def integer(text):
        if len(text) > 32:
            raise ValueError("a number that is too long")
        return int(text)

    try:
        text = octets.decode("utf-8")
        if "trailing text" in faults:
            found = json.JSONDecoder(object_pairs_hook=pairs).raw_decode(
                text)[0]
        else:
            found = json.loads(text, object_pairs_hook=pairs,
                               parse_constant=constant, parse_int=integer)
        depth, count = measure(found)
    except (ValueError, RecursionError) as e:
        raise malformed("no JSON object") from e
    if not isinstance(found, dict) or depth > 16 or count > 1000:
        raise malformed("no JSON object, or one beyond the limits")
    return found


def strict_b64(text, what, faults=frozenset()):
    if "lenient base64url" in faults:
        return base64.urlsafe_b64decode(re.sub(r"[=\s]", "", text) + "==")
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text) \
            or len(text) % 4 == 1 or b64(unb64(text)) != text:
        raise malformed(f"{what} is not valid base64url")
    return unb64(text)


def bad_key(detail):
    return Problem(400, "badPublicKey", detail)


def jwk_octets(jwk, name):
    try:
        return strict_b64(jwk.get(name), name)
    except Problem as e:
        raise bad_key(f"member {name}") from e


class PublicKey:
    """A vetted key: kind, thumbprint, verify()."""

    def __init__(self, jwk, alg=None, faults=frozenset()):
        kind = jwk.get("kty")
        if kind not in ("EC", "RSA", "OKP"):
            raise bad_key("key type")
        if "weak keys" not in faults:
            if any(k in jwk for k in "d p q dp dq qi oth k".split()):
                raise bad_key("the JWK contains private key material")
            if alg and jwk.get("alg", alg) != alg or \
                    jwk.get("use", "sig") != "sig" or \
                    "verify" not in jwk.get("key_ops", ["verify"]):
                raise bad_key("the JWK is for something else")
        getattr(self, "parse_" + kind.lower())(jwk, faults)
        self.kind = kind
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        self.thumbprint = b64(hashlib.sha256(text.encode()).digest())

    def parse_ec(self, jwk, faults):
        found = [(a, *row) for a, row in CURVES.items()
                 if row[0] == jwk.get("crv")]
        if not found:
            raise bad_key("curve")
        self.alg, name, curve, self.hash, size = found[0]
        x, y = jwk_octets(jwk, "x"), jwk_octets(jwk, "y")
        if len(x) != size or len(y) != size:
            raise bad_key("EC coordinate has the wrong length")
        try:
            self.key = ec.EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"),
                curve()).public_key()
        except ValueError as e:
            raise bad_key("EC point is not valid") from e
        self.size = size
        self.jwk = {"crv": name, "kty": "EC", "x": b64(x), "y": b64(y)}

    def parse_rsa(self, jwk, faults):
        n = int.from_bytes(jwk_octets(jwk, "n"), "big")
        e = int.from_bytes(jwk_octets(jwk, "e"), "big")
        if "weak keys" not in faults:
            vet_rsa(n, e)
        self.alg = "RS256"
        try:
            self.key = rsa.RSAPublicNumbers(e, n).public_key()
        except ValueError as error:
            raise bad_key("RSA") from error
        self.jwk = {"kty": "RSA", "e": b64(e.to_bytes(
            (e.bit_length() + 7) // 8, "big")), "n": b64(n.to_bytes(
                (n.bit_length() + 7) // 8, "big"))}

    def parse_okp(self, jwk, faults):
        if jwk.get("crv") != "Ed25519":
            raise bad_key("curve")
        x = jwk_octets(jwk, "x")
        y = int.from_bytes(x, "little") & (1 << 255) - 1
        if len(x) != 32 or (y in (0, 1, ED_PRIME - 1) or y >= ED_PRIME) \
                and "weak keys" not in faults:
            raise bad_key("Ed25519 point")
        self.alg = "EdDSA"
        self.key = ed25519.Ed25519PublicKey.from_public_bytes(x)
        self.jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64(x)}

    def fits(self, alg):
        return alg == self.alg or (alg, self.alg) == ("Ed25519", "EdDSA")

    def verify(self, message, signature, faults=frozenset()):
        try:
            if self.kind == "EC":
                if "DER signatures" in faults and signature[:1] == b"\x30":
                    der = signature
                elif len(signature) != 2 * self.size:
                    return False
                else:
                    der = encode_dss_signature(
                        int.from_bytes(signature[:self.size], "big"),
                        int.from_bytes(signature[self.size:], "big"))
                self.key.verify(der, message, ec.ECDSA(self.hash()))
            elif self.kind == "RSA":
                self.key.verify(signature, message, padding.PKCS1v15(),
                                hashes.SHA256())
            else:
                self.key.verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def vet_rsa(n, e):
    if not 2048 <= n.bit_length() <= 4096 or n.bit_length() % 8 or \
            n % 2 == 0 or e % 2 == 0 or not 65537 <= e < 2 ** 64:
        raise bad_key("RSA key refused")
    if any(n % p == 0 for p in SMALL if p < 752):
        raise bad_key("RSA key refused: small factor")
    a = int_sqrt(n)
    for _ in range(110):
        rest = a * a - n
        if rest >= 0 and int_sqrt(rest) ** 2 == rest:
            raise bad_key("RSA key refused: close primes")
        a += 1


def int_sqrt(n):
    x = 1 << (n.bit_length() + 1) // 2
    while True:
        y = (x + n // x) // 2 if x else 0
        if y >= x:
            return x
        x = y


def public_jwk_print(key):
    """The thumbprint of a subject key; None for what no account can have."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).digest()


# --- the certificate authority --------------------------------------------

class Authority:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuer = x509.Name([x509.NameAttribute(
            NameOID.COMMON_NAME, "Fake Issuing CA")])
        root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME,
                                             "Fake Root")])
        root_key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.build(self.issuer, root, self.key,
                                      365 * 3).add_extension(
            x509.BasicConstraints(True, 0), True).sign(
                root_key, hashes.SHA256())

    def build(self, subject, issuer, key, days):
        public = getattr(key, "public_key", lambda: key)()
        begin = datetime.utcnow().replace(microsecond=0)
        return (x509.CertificateBuilder().subject_name(subject)
                .issuer_name(issuer).public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(begin)
                .not_valid_after(begin + timedelta(days=days)))

    def issue(self, key, names, usage):
        return (self.build(x509.Name([]), self.issuer, key, 365)
                .add_extension(x509.SubjectAlternativeName(
                    [x509.RFC822Name(n) for n in names]), True)
                .add_extension(x509.KeyUsage(**usage), True)
                .add_extension(x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(
                        self.key.public_key()), False)
                .sign(self.key, hashes.SHA256()))


def web_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime.utcnow() - timedelta(days=1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(1)
            .not_valid_before(begin).not_valid_after(begin + timedelta(3))
            .add_extension(x509.SubjectAlternativeName(
                [x509.DNSName("localhost")]), False)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(key, hashes.SHA256()))
    with open(f"{folder}/web.pem", "wb") as f:
        f.write(made.public_bytes(Encoding.PEM))
    with open(f"{folder}/web.key", "wb") as f:
        f.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                                  NoEncryption()))


# --- HTTP -----------------------------------------------------------------

class Request:
    def __init__(self, method, target, fields):
        self.method, self.target, self.fields = method, target, fields
        self.body = b""

    def all(self, name):
        return [v for k, v in self.fields if k == name.lower()]


class Server:
    mailbox = "alice@user.test"
    sender = "acme@ca.test"

    def __init__(self, faults=()):
        self.faults = frozenset(faults)
        self.lock = threading.RLock()
        self.nonces, self.spent = set(), set()
        self.accounts, self.orders, self.authzs, self.certs = {}, {}, {}, {}
        self.blocked, self.subjects = set(), set()
        self.eab_used = False
        self.requests = 0
        self.authority = Authority()

    def bad(self, name):
        return name in self.faults

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        for name in "in", "out":
            os.mkdir(f"{self.folder}/{name}")
        web_certificate(self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(f"{self.folder}/web.pem",
                                f"{self.folder}/web.key")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.base = f"https://localhost:{self.listener.getsockname()[1]}"
        self.directory = self.base + "/dir"
        self.live = True
        self.tls = context
        for target in self.accept, self.read_mail:
            threading.Thread(target=target, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.live = False
        self.listener.close()
        time.sleep(0.2)
        self.temporary.cleanup()

    def accept(self):
        while self.live:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,),
                             daemon=True).start()

    def serve(self, raw):
        try:
            raw.settimeout(30)
            with self.tls.wrap_socket(raw, server_side=True) as s:
                stream = s.makefile("rb")
                while self.one_request(s, stream):
                    pass
        except (OSError, ValueError):
            pass

    def one_request(self, s, stream):
        """True: the connection goes on."""
        try:
            request = self.read_request(stream)
        except Problem as e:
            s.sendall(self.format(None, self.problem(e, None), close=True))
            # What still comes is read, lest a reset overtakes the answer.
            s.settimeout(0.2)
            try:
                while s.recv(65536):
                    pass
            except OSError:
                pass
            return False
        if request is None:
            return False
        self.requests += 1
        with self.lock:
            response = self.answer(request)
        close = "close" in [v.lower() for v in request.all("connection")]
        s.sendall(self.format(request, response, close))
        return not close

    def read_request(self, stream):
        line = stream.readline(2050)
        if not line:
            return None
        if len(line) > 2048:
            raise malformed("request line", 414)
        words = line.decode("latin-1").rstrip("\r\n").split(" ")
        if len(words) != 3:
            raise malformed("request line")
        head, fields = b"", []
        while (line := stream.readline(20000)) not in (b"\r\n", b""):
            head += line
            if len(head) > 16384:
                raise malformed("header section", 431)
            text = line.decode("latin-1")
            if not self.bad("lenient framing") and (
                    not text.endswith("\r\n") or "\r" in text[:-2]
                    or "\0" in text or not re.match(
                        r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:", text)):
                raise malformed("header section")
            name, _, value = text.partition(":")
            fields.append((name.strip().lower(), value.strip()))
        request = Request(words[0], words[1], fields)
        self.read_body(request, stream)
        return request

    def read_body(self, request, stream):
        lengths = request.all("content-length")
        codings = request.all("transfer-encoding")
        if lengths and codings or len(set(lengths)) > 1 or \
                any(not v.isdigit() for v in lengths) or \
                any(c.lower() != "chunked" for c in codings):
            raise malformed("framing")
        if len(request.all("host")) != 1:
            raise malformed("host")
        if lengths:
            if int(lengths[0]) > MAX_BODY:
                raise malformed("body", 413)
            request.body = stream.read(int(lengths[0]))
        while codings:
            size = int(stream.readline(64).split(b";")[0] or b"0", 16)
            if len(request.body) + size > MAX_BODY:
                raise malformed("body", 413)
            request.body += stream.read(size)
            stream.readline(4)
            if size == 0:
                break

    def format(self, request, response, close):
        lines = [f"HTTP/1.1 {response.status} X"]
        fields = list(response.fields)
        if response.raw:
            fields.append(("Content-Type", response.kind))
        if response.status != 204:
            fields.append(("Content-Length", len(response.raw)))
        if close:
            fields.append(("Connection", "close"))
        lines += [f"{k}: {v}" for k, v in fields]
        body = b"" if request and request.method == "HEAD" else response.raw
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def problem(self, e, request):
        body = dict(e.body)
        if self.bad("wrong problem types"):
            body["type"] = TYPE + "notRegistered"
        if self.bad("status differs"):
            body["status"] = 418
        return Response(e.status, body, e.fields + [
            ("Content-Language", "en")], kind="application/json"
            if self.bad("problems as application/json")
            else "application/problem+json")

    # -- routing

    def answer(self, request):
        public = False
        try:
            self.check_host(request)
            allow, public, handle = self.route(request.target)
            if request.method == "OPTIONS":
                response = Response(204, fields=[
                    ("Allow", allow), ("Access-Control-Allow-Methods", allow),
                    ("Access-Control-Allow-Headers",
                     "Accept, Accept-Language, Content-Type"),
                    ("Access-Control-Max-Age", "86400")])
            elif request.method not in allow.split(", "):
                raise Problem(405, "malformed", "method",
                              [("Allow", allow)])
            else:
                response = handle(request)
        except Problem as e:
            response = self.problem(e, request)
        except Exception as e:      # a bug here must not look like a hang
            response = self.problem(Problem(500, "serverInternal", repr(e)),
                                    request)
        self.common(request, response)
        return response

    def common(self, request, response):
        """The fields of every answer."""
        add = response.fields.append
        names = {k for k, _ in response.fields}
        directory = request.target == "/dir" and response.status == 200
        if not directory and not self.bad("no index link"):
            add(("Link", f'<{self.directory}>;rel="index"'))
        if "Cache-Control" not in names:
            add(("Cache-Control", "public, max-age=300" if directory
                 and request.method in ("GET", "HEAD") else "no-store"))
        if (request.method == "POST" or request.target == "/nonce"
                and request.method in ("GET", "HEAD")) \
                and not (self.bad("no nonce after success")
                         and response.status < 300
                         and request.method == "POST"):
            add(("Replay-Nonce", self.new_nonce()))
        for field in (("Access-Control-Allow-Origin", "*"),
                      ("Access-Control-Expose-Headers",
                       "Link, Location, Replay-Nonce, Retry-After"),
                      ("Strict-Transport-Security", "max-age=31536000"),
                      ("X-Content-Type-Options", "nosniff")):
            add(field)

    def check_host(self, request):
        if request.all("host")[0].lower() != self.base[8:]:
            raise malformed("host", 421)

    def route(self, target):
        """(methods, whether public, handler)"""
        fixed = {
            "/dir": (PUBLIC, True, self.get_directory),
            "/nonce": (PUBLIC, True, self.get_nonce),
            "/acct": (SIGNED, False, self.new_account),
            "/order": (SIGNED, False, self.new_order),
            "/authz": (SIGNED, False, self.new_authz),
            "/revoke": (SIGNED, False, self.revoke),
            "/key": (SIGNED, False, self.key_change),
        }
        if target in fixed:
            return fixed[target]
        if target.startswith("/ari/"):
            return "GET, HEAD, OPTIONS", True, self.renewal
        match = re.fullmatch(r"/(a|o|z|c|x)/([A-Za-z0-9_-]{22})"
                             r"(/orders(?:\?cursor=\w+)?|/finalize)?", target)
        if match is None:
            raise malformed("no such resource", 404)
        kind, found, rest = match.groups()
        handler = {("a", None): self.account, ("o", None): self.order,
                   ("o", "/finalize"): self.finalize,
                   ("z", None): self.authz, ("c", None): self.challenge,
                   ("x", None): self.certificate}.get((kind, rest))
        if handler is None and kind == "a" and rest.startswith("/orders"):
            handler = self.orders_list
        if handler is None:
            raise malformed("no such resource", 404)
        return SIGNED, False, lambda request: handler(request, found)

    # -- nonces and signatures (steps 5 to 17)

    def new_nonce(self):
        nonce = b64(secrets.token_bytes(32))
        self.nonces.add(nonce)
        return nonce

    def use_nonce(self, header):
        nonce = header.get("nonce")
        refuse = Problem(400, "malformed" if self.bad("badNonce is malformed")
                         else "badNonce", "the nonce is not acceptable")
        if nonce is None:
            raise refuse
        if not isinstance(nonce, str):
            raise malformed("nonce")
        strict_b64(nonce, "nonce")
        if self.bad("replayed nonce") and nonce in self.nonces | self.spent:
            self.spent.add(nonce)
            return
        if nonce not in self.nonces:
            raise refuse
        if not self.bad("nonce unspent by failures"):
            self.nonces.discard(nonce)
        self.spent.add(nonce)

    def signed(self, request, needs="kid", payload="object"):
        """Who signed it, and the payload; payload: what it may be."""
        kinds = [v.lower() for v in request.all("content-type")]
        if (len(kinds) != 1 or not re.fullmatch(
                r"application/jose\+json(; ?charset=utf-8)?", kinds[0])) \
                and not self.bad("any media type"):
            raise malformed("Content-Type", 415)
        if request.all("content-encoding"):
            raise malformed("Content-Encoding", 415)
        jws = strict_json(request.body, self.faults)
        parts = self.members(jws)
        header = strict_json(parts[0], self.faults)
        self.check_header(header, needs)
        self.use_nonce(header)
        if header["url"] != self.base + request.target \
                and not self.bad("any url"):
            raise Problem(401, "unauthorized", "url")
        account, key = self.signer(header)
        if not key.fits(header["alg"]):
            raise bad_key("alg") if account is None else malformed("alg")
        message = f"{jws['protected']}.{jws['payload']}".encode()
        if not key.verify(message, parts[2], self.faults) \
                and not self.bad("no signature check"):
            raise malformed("JWS signature does not verify")
        if not self.bad("nonce unspent by failures"):
            self.nonces.discard(header["nonce"])
        elif not self.bad("replayed nonce"):
            self.nonces.discard(header["nonce"])
        if account and account["status"] != "valid" \
                and not self.bad("deactivated accounts live on"):
            raise Problem(401, "unauthorized", "account is deactivated")
        return account, key, self.payload(parts[1], payload), header

    def members(self, jws):
        names = "protected", "payload", "signature"
        if ("header" in jws or "signatures" in jws) \
                and not self.bad("unprotected header"):
            raise malformed("unprotected header, or several signatures")
        if any(not isinstance(jws.get(n), str) for n in names):
            raise malformed("JWS member is missing")
        return [strict_b64(jws[n], n, self.faults) for n in names]

    def check_header(self, header, needs):
        if ("crit" in header or "b64" in header) and not self.bad("crit"):
            raise malformed("crit or b64")
        if not isinstance(header.get("url"), str) or \
                not isinstance(header.get("alg"), str):
            raise malformed("alg or url is missing")
        has = [n for n in ("jwk", "kid") if n in header]
        if len(has) != 1 or not isinstance(
                header[has[0]], dict if has == ["jwk"] else str):
            raise malformed("jwk and kid")
        if has[0] not in needs:
            raise malformed(f"this resource needs {needs}")
        if header["alg"] not in ALGORITHMS:
            if self.bad("alg without algorithms"):
                raise Problem(400, "badSignatureAlgorithm", "algorithm")
            raise Problem(400, "badSignatureAlgorithm", "algorithm",
                          algorithms=ALGORITHMS)

    def signer(self, header):
        if "jwk" in header:
            return None, PublicKey(header["jwk"], header["alg"], self.faults)
        prefix = self.base + "/a/"
        kid = header["kid"]
        if not kid.startswith(prefix) or not re.fullmatch(
                r"[A-Za-z0-9_-]{22}", kid[len(prefix):]):
            raise malformed("kid")
        account = self.accounts.get(kid[len(prefix):])
        if account is None:
            raise Problem(400, "accountDoesNotExist", "no such account")
        return account, account["key"]

    def payload(self, octets, rule):
        if rule == "read" and octets:
            raise malformed("this resource can only be read")
        if rule == "object" and not octets:
            raise malformed("payload is empty")
        return strict_json(octets, self.faults) if octets else None

    # -- directory, nonce

    def get_directory(self, request):
        if request.method == "POST":
            self.signed(request, payload="read")
        found = {
            "newNonce": "/nonce", "newAccount": "/acct", "newOrder": "/order",
            "newAuthz": "/authz", "revokeCert": "/revoke", "keyChange":
            "/key", "renewalInfo": "/ari"}
        return Response(body={k: self.base + v for k, v in found.items()} | {
            "meta": {"externalAccountRequired": False, "profiles": {
                "mailbox": "S/MIME for a mailbox"}}})

    def get_nonce(self, request):
        if request.method == "POST":
            self.signed(request, payload="read")
        fields = [("Cache-Control", "max-age=60")] \
            if self.bad("cached nonces") else []
        return Response(200 if request.method == "HEAD" else 204,
                        fields=fields)

    # -- accounts

    def url(self, kind, found):
        return f"{self.base}/{kind}/{found}"

    def show_account(self, account):
        found = {"status": account["status"], "contact": account["contact"],
                 "termsOfServiceAgreed": True,
                 "orders": self.url("a", account["id"]) + "/orders"}
        if account.get("eab"):
            found["externalAccountBinding"] = account["eab"]
        return found | account.get("extra", {})

    def by_key(self, key):
        return next((a for a in self.accounts.values()
                     if a["key"].thumbprint == key.thumbprint), None)

    def new_account(self, request):
        _, key, payload, header = self.signed(request, "jwk")
        found = self.by_key(key)
        if found and not self.bad("a key makes two accounts"):
            if found["status"] != "valid":
                raise Problem(401, "unauthorized", "account is deactivated")
            return Response(201 if self.bad("existing account is 201")
                            else 200, self.show_account(found), [
                ("Location", self.url("a", found["id"]))])
        if payload.get("onlyReturnExisting") is True:
            raise Problem(400, "accountDoesNotExist", "no such account")
        spki = public_jwk_print(key.key)
        if spki in self.blocked or spki in self.subjects:
            raise bad_key("the key is in a certificate")
        account = {"id": new_id(), "key": key, "status": "valid",
                   "contact": self.contacts(payload) or []}
        if self.bad("unknown members reflected"):
            account["extra"] = payload
        if "externalAccountBinding" in payload:
            account["eab"] = self.binding(
                payload["externalAccountBinding"], key, header["url"])
        self.accounts[account["id"]] = account
        return Response(201, self.show_account(account), [
            ("Location", self.url("a", account["id"]))])

    def binding(self, eab, key, url):
        refuse = malformed("external account binding")
        try:
            protected = strict_json(unb64(eab["protected"]))
            given = PublicKey(strict_json(unb64(eab["payload"])))
            mac = unb64(eab["signature"])
        except (KeyError, TypeError, ValueError, Problem) as e:
            raise refuse from e
        names = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
        if protected.get("alg") not in names or \
                not isinstance(protected.get("kid"), str) or \
                set(protected) & {"jwk", "nonce", "crit", "b64"} or \
                protected.get("url") != url:
            raise refuse
        right = hmac.digest(EAB_KEY, f"{eab['protected']}.{eab['payload']}"
                            .encode(), names[protected["alg"]])
        if (protected["kid"] != EAB_KID or self.eab_used
                or not hmac.compare_digest(mac, right)) \
                and not self.bad("no MAC check"):
            raise Problem(403, "unauthorized", "binding refused")
        if given.thumbprint != key.thumbprint:
            raise refuse
        self.eab_used = True
        return eab

    def contacts(self, payload):
        found = payload.get("contact")
        if found is None:
            return None
        if not isinstance(found, list) or any(not isinstance(c, str)
                                              for c in found):
            raise malformed("contact must be an array of strings")
        faults = []
        for contact in found:
            scheme, colon, rest = contact.partition(":")
            if not colon or scheme.lower() != "mailto":
                faults.append((contact, "unsupportedContact"))
            elif not re.fullmatch(r"[A-Za-z0-9.+_-]+@([A-Za-z0-9-]+\.)+"
                                  r"[A-Za-z0-9-]+", rest) or \
                    len(contact) > 254:
                faults.append((contact, "invalidContact"))
        if len(found) > 10:
            raise Problem(400, "invalidContact", "too many")
        if faults and not self.bad("any contact"):
            raise Problem(400, faults[0][1], "contact", subproblems=[
                {"type": TYPE + kind, "detail": "contact"}
                for _, kind in faults])
        return found

    def account(self, request, found):
        account, _, payload, _ = self.signed(request, payload="any")
        if found != account["id"] and not self.bad("foreign objects readable"):
            raise Problem(403, "unauthorized", "another account")
        account = self.accounts.get(found, account)
        if payload:
            if not isinstance(payload.get("status", ""), str) or payload.get(
                    "status", "valid") not in ("valid", "deactivated"):
                raise malformed("status")
            contacts = self.contacts(payload)
            if contacts is not None:
                account["contact"] = contacts
            if payload.get("status") == "deactivated":
                account["status"] = "deactivated"
        return Response(body=self.show_account(account))

    def orders_list(self, request, found):
        account, *_ = self.signed(request, payload="read")
        if found != account["id"] and not self.bad("foreign objects readable"):
            raise Problem(403, "unauthorized", "another account")
        mine = [i for i, o in self.orders.items() if o["owner"] == found
                and o.get("error") is None]
        cursor = request.target.partition("?cursor=")[2]
        if cursor and not cursor.isdigit():
            raise malformed("unknown cursor")
        return Response(body={"orders": [self.url("o", i)
                                         for i in mine[:100]]})

    def key_change(self, request):
        account, _, payload, header = self.signed(request)
        parts = self.members(payload)
        inner = strict_json(parts[0])
        if "jwk" not in inner or not isinstance(inner["jwk"], dict) or \
                set(inner) & {"kid", "nonce", "crit", "b64"}:
            raise malformed("inner header")
        if inner.get("alg") not in ALGORITHMS:
            raise Problem(400, "badSignatureAlgorithm", "inner alg",
                          algorithms=ALGORITHMS)
        key = PublicKey(inner["jwk"], inner["alg"])
        message = f"{payload['protected']}.{payload['payload']}".encode()
        if not (key.fits(inner["alg"]) and key.verify(message, parts[2])) \
                and not self.bad("inner signature unchecked"):
            raise malformed("inner JWS signature")
        if inner.get("url") != header["url"]:
            raise malformed("inner url differs")
        asked = strict_json(parts[1])
        if asked.get("account") != header["kid"] or \
                not isinstance(asked.get("oldKey"), dict):
            raise malformed("account or oldKey")
        try:
            old = PublicKey(asked["oldKey"])
        except Problem as e:
            raise malformed("oldKey") from e
        if old.thumbprint != account["key"].thumbprint \
                and not self.bad("oldKey unchecked"):
            raise malformed("oldKey is not the account key")
        other = self.by_key(key)
        if other:
            raise Problem(409, "malformed", "the new key is in use", [
                ("Location", self.url("a", other["id"]))])
        if not self.bad("key change without effect"):
            account["former"] = account["key"]
            account["key"] = key
        return Response(body=self.show_account(account))

    # -- orders

    def identifier(self, item):
        """(type of the fault or None, canonical value)"""
        if not isinstance(item, dict) or not isinstance(
                item.get("type"), str) or not isinstance(
                item.get("value"), str):
            raise malformed("identifiers")
        value = item["value"]
        if item["type"] != "email":
            return "unsupportedIdentifier", None
        part, at, domain = value.rpartition("@")
        atom = r"[A-Za-z0-9!#$%&'+/=?^_`{|}~-]+"
        label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
        if part.startswith('"') or domain.startswith("[") or (
                at and domain == "localhost"):
            return "rejectedIdentifier", None
        if "*" in value and self.bad("wildcards"):
            return None, value
        if not re.fullmatch(rf"{atom}(\.{atom})*", part) or len(part) > 64 \
                or not re.fullmatch(rf"{label}(\.{label})+", domain.lower()) \
                or len(value) > 254 or domain.lower().startswith("xn--9"):
            return ("rejectedIdentifier" if self.bad("wrong refusal")
                    else "malformed"), None
        if domain.lower().endswith(".invalid"):
            return "rejectedIdentifier", None
        return None, f"{part}@{domain.lower()}"

    def check_identifiers(self, items):
        if not isinstance(items, list) or not items:
            raise malformed("identifiers must be a non-empty array")
        checked = [(item, *self.identifier(item)) for item in items]
        faults = [(item, kind) for item, kind, _ in checked if kind]
        if faults:
            kinds = {k for _, k in faults}
            raise Problem(
                403 if "rejectedIdentifier" in kinds else 400,
                kinds.pop() if len(kinds) == 1 else "compound", "refused",
                subproblems=[{"type": TYPE + k, "detail": "refused",
                              "identifier": i} for i, k in faults])
        values = list(dict.fromkeys(v for _, _, v in checked))
        if len(values) > 10:
            raise malformed("at most 10 identifiers per order")
        return values

    def new_authorization(self, account, value):
        found = next((z for z in self.authzs.values() if z["owner"]
                      == account["id"] and z["value"] == value
                      and z["status"] == "valid"), None)
        if found:
            return found
        authz = {"id": new_id(), "challenge": new_id(), "value": value,
                 "owner": account["id"], "status": "pending",
                 "chall": "pending", "part1": b64(secrets.token_bytes(24)),
                 "token": b64(secrets.token_bytes(24)), "verdict": None,
                 "expires": stamp(now() + timedelta(hours=24))}
        self.authzs[authz["id"]] = authz
        if value == self.mailbox:
            self.send_mail(authz)
        return authz

    def new_order(self, request):
        account, _, payload, _ = self.signed(request)
        values = self.check_identifiers(payload.get("identifiers"))
        if payload.get("notBefore") or payload.get("notAfter"):
            raise malformed("this profile does not support dates")
        profile = payload.get("profile", "mailbox")
        if profile != "mailbox":
            raise Problem(400, "invalidProfile", "not offered")
        replaces = payload.get("replaces")
        if replaces is not None:
            self.check_replaces(account, replaces, values)
        authzs = [self.new_authorization(account, v)["id"] for v in values]
        order = {"id": new_id(), "owner": account["id"], "authzs": authzs,
                 "identifiers": payload["identifiers"], "values": values,
                 "profile": profile, "replaces": replaces, "cert": None,
                 "created": now()}
        self.orders[order["id"]] = order
        return Response(201, self.show_order(order), [
            ("Location", self.url("o", order["id"]))])

    def check_replaces(self, account, certid, values):
        try:
            found = self.find_certid(certid)
        except Problem as e:
            raise malformed("replaces is not a CertID") from e
        if found is None:
            raise malformed("replaces names no certificate", 404)
        if found["owner"] != account["id"] \
                and not self.bad("foreign replaces"):
            raise Problem(403, "unauthorized", "another account's")
        if not set(found["values"]) & set(values):
            raise malformed("replaces shares no identifier")
        if found.get("replaced") and not self.bad("replaced twice"):
            raise Problem(409, "alreadyReplaced", "already replaced")
        found["replaced"] = True

    def order_status(self, order):
        if order["cert"]:
            return "valid"
        found = {self.authzs[i]["status"] for i in order["authzs"]}
        if found <= {"valid"}:
            return "ready"
        return "pending" if found <= {"valid", "pending"} else "invalid"

    def show_order(self, order):
        status = self.order_status(order)
        found = {"status": status, "identifiers": order["identifiers"],
                 "authorizations": [self.url("z", i)
                                    for i in order["authzs"]],
                 "finalize": self.url("o", order["id"]) + "/finalize",
                 "profile": order["profile"],
                 "expires": min(self.authzs[i]["expires"]
                                for i in order["authzs"])}
        if self.bad("times with fractions"):
            found["expires"] = "2100-01-01 00:00:00"
        if order["replaces"]:
            found["replaces"] = order["replaces"]
        if status == "valid":
            cert = self.certs[order["cert"]]
            found["certificate"] = self.url("x", order["cert"])
            found["expires"] = stamp(cert["leaf"].not_valid_after)
        if status == "invalid":
            errors = [self.authzs[i].get("error") for i in order["authzs"]]
            found |= {"error": e for e in errors if e}
        return found

    def mine(self, table, found, account):
        item = table.get(found)
        if item is None or item["owner"] != account["id"] \
                and not self.bad("foreign objects readable"):
            raise malformed("no such resource", 404)
        return item

    def waiting(self, *authzs):
        return [("Retry-After", "5")] if any(
            z["status"] == "pending" and z["chall"] == "processing"
            for z in authzs) else []

    def order(self, request, found):
        account, *_ = self.signed(request, payload="read")
        order = self.mine(self.orders, found, account)
        return Response(body=self.show_order(order), fields=[
            ("Location", self.url("o", found))] + self.waiting(
                *(self.authzs[i] for i in order["authzs"])))

    # -- authorizations and challenges

    def show_challenge(self, authz):
        found = {"type": "email-reply-00", "status": authz["chall"],
                 "url": self.url("c", authz["challenge"]),
                 "token": authz["token"], "from": self.sender}
        if authz["chall"] == "valid":
            found["validated"] = authz["validated"]
        if authz.get("error"):
            found["error"] = authz["error"]
        if self.bad("token-part1 shown"):
            found["hint"] = authz["part1"]
        return found

    def show_authz(self, authz):
        return {"identifier": {"type": "email", "value": authz["value"]},
                "status": authz["status"], "expires": authz["expires"],
                "challenges": [self.show_challenge(authz)]}

    def authz(self, request, found):
        account, _, payload, _ = self.signed(request, payload="any")
        authz = self.mine(self.authzs, found, account)
        if payload is not None:
            if payload.get("status") != "deactivated":
                raise malformed("only status deactivated")
            if authz["status"] not in ("pending", "valid", "deactivated"):
                raise malformed("the authorization is final")
            if not self.bad("deactivation without effect"):
                authz["status"] = "deactivated"
        return Response(body=self.show_authz(authz),
                        fields=self.waiting(authz))

    def new_authz(self, request):
        account, _, payload, _ = self.signed(request)
        item = payload.get("identifier")
        if not isinstance(item, dict):
            raise malformed("identifier")
        value = self.check_identifiers([item])[0]
        before = len(self.authzs)
        authz = self.new_authorization(account, value)
        return Response(201 if len(self.authzs) > before else 200,
                        self.show_authz(authz),
                        [("Location", self.url("z", authz["id"]))])

    def challenge(self, request, found):
        account, _, payload, _ = self.signed(request, payload="any")
        authz = next((z for z in self.authzs.values()
                      if z["challenge"] == found), None)
        authz = self.mine(self.authzs, authz["id"] if authz else "", account)
        if payload is not None:
            if authz["status"] in ("deactivated", "expired"):
                raise malformed("the authorization is over")
            if authz["chall"] == "pending":
                authz["chall"] = "processing"
            self.judge(authz)
        fields = [] if self.bad("no up link") else [
            ("Link", f'<{self.url("z", authz["id"])}>;rel="up"')]
        return Response(body=self.show_challenge(authz), fields=fields + [
            ("Location", self.url("c", found))] + self.waiting(authz))

    # -- mail

    def send_mail(self, authz):
        domain = self.sender.rpartition("@")[2]
        subject = "ACME: " + authz["part1"]
        automatic = "auto-generated; type=acme"
        if self.bad("mail not marked"):
            automatic = "no"
        signature = f"v=1; a=rsa-sha256; d={domain}; s=x; h=from:to:subject" \
            ":date:message-id:auto-submitted; bh=AA==; b=AA=="
        text = f"""From: {self.sender}
To: {authz['value']}
Subject: {subject}
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <{authz['challenge']}@{domain}>
Auto-Submitted: {automatic}
""" + ("" if self.bad("unsigned mail") else f"DKIM-Signature: {signature}\n") \
            + "\nSomebody asks for a certificate.\n"
        for _ in range(2 if self.bad("two mails") else 1):
            name = f"{self.folder}/in/{time.time_ns()}"
            with open(name + ".tmp", "w") as f:
                f.write(text)
            os.rename(name + ".tmp", name)

    def read_mail(self):
        while self.live:
            time.sleep(0.05)
            try:
                names = os.listdir(f"{self.folder}/out")
            except OSError:
                return
            for name in sorted(names):
                if not name.startswith("."):
                    path = f"{self.folder}/out/{name}"
                    with open(path, "rb") as f:
                        raw = f.read()
                    os.unlink(path)
                    with self.lock:
                        self.reply(message_from_bytes(raw))

    def reply(self, message):
        part1 = str(message["Subject"]).rpartition("ACME:")[2].strip()
        authz = next((z for z in self.authzs.values()
                      if z["part1"] == part1), None)
        if authz is None or authz["chall"] not in ("pending", "processing"):
            return
        text = message.get_payload().replace("\r\n", "\n")
        match = re.search(r"-----BEGIN ACME RESPONSE-----\n(.*)\n"
                          r"-----END ACME RESPONSE-----", text, re.S)
        wrong = {"type": TYPE + "incorrectResponse", "detail": "reply"}
        if match is None:
            if authz["chall"] == "processing":
                authz["error"] = wrong
            return
        account = self.accounts[authz["owner"]]
        right, former = (b64(hashlib.sha256(
            f"{part1}{authz['token']}.{key.thumbprint}".encode()).digest())
            for key in (account["key"], account.get("former",
                                                    account["key"])))
        if self.bad("former key proves"):
            right, former = former, right
        digest = re.sub(r"\s", "", match[1]).removesuffix("=")
        good = hmac.compare_digest(digest, right)
        if not good and digest == former:
            authz["error"] = wrong
            return
        authz["verdict"] = good
        if not good and not self.bad("second guess"):
            authz |= {"chall": "invalid", "status": "invalid",
                      "error": wrong}
        elif self.bad("reply alone validates"):
            authz["chall"] = "processing"
        self.judge(authz)

    def judge(self, authz):
        if authz["chall"] == "processing" and authz["verdict"]:
            authz |= {"chall": "valid", "status": "valid",
                      "validated": stamp(now())}
            authz.pop("error", None)

    # -- certificates

    def finalize(self, request, found):
        account, _, payload, _ = self.signed(request)
        order = self.mine(self.orders, found, account)
        status = self.order_status(order)
        if status != "ready" and not (self.bad("finalized twice")
                                      and status == "valid"):
            raise Problem(403, "orderNotReady", f"the order is {status}")
        if not isinstance(payload.get("csr"), str):
            raise malformed("csr is not base64url")
        der = strict_b64(payload["csr"], "csr")
        key, usage = self.check_csr(der, order, account)
        leaf = self.authority.issue(key, order["values"], usage)
        cert = {"id": new_id(), "owner": account["id"], "leaf": leaf,
                "values": order["values"], "revoked": None,
                "der": leaf.public_bytes(Encoding.DER)}
        self.certs[cert["id"]] = cert
        self.subjects.add(public_jwk_print(leaf.public_key()))
        order["cert"] = cert["id"]
        return Response(body=self.show_order(order), fields=[
            ("Location", self.url("o", found))])

    def check_csr(self, der, order, account):
        def refuse(detail):
            return Problem(400, "badCSR", detail)

        try:
            csr = x509.load_der_x509_csr(der)
            names = csr.extensions.get_extension_for_class(
                x509.SubjectAlternativeName).value
        except Exception as e:
            raise refuse("the CSR cannot be parsed") from e
        inner = csr.tbs_certrequest_bytes
        if der[1] == 0x84 or b"\x02\x01\x00" != inner[
                inner.index(b"\x02\x01"):][:3]:
            raise refuse("DER, version 0")
        key = csr.public_key()
        if not csr.is_signature_valid and not self.bad("unsigned CSR"):
            raise refuse("the CSR signature does not verify")
        if isinstance(csr.signature_hash_algorithm, hashes.SHA1) or \
                isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
            raise refuse("weak")
        spki = public_jwk_print(key)
        if spki in self.blocked or any(
                public_jwk_print(a["key"].key) == spki
                for a in self.accounts.values()) \
                and not self.bad("account keys in certificates"):
            raise refuse("the CSR uses an account key")
        mails = names.get_values_for_type(x509.RFC822Name)
        if len(mails) != len(list(names)) or \
                sorted(self.lower(m) for m in mails) != sorted(
                    order["values"]) and not self.bad("any CSR names"):
            raise refuse("the CSR addresses differ from the order")
        for attribute in csr.subject.get_attributes_for_oid(
                NameOID.EMAIL_ADDRESS):
            if attribute.value not in order["values"]:
                raise refuse("the subject names another address")
        return key, self.csr_usage(csr, key, refuse)

    def lower(self, mail):
        part, _, domain = mail.rpartition("@")
        return f"{part}@{domain.lower()}"

    def csr_usage(self, csr, key, refuse):
        asked = set()
        for extension in csr.extensions:
            if isinstance(extension.value, x509.KeyUsage):
                asked = {n for n in USAGE_A | USAGE_B | {
                    "key_cert_sign", "crl_sign", "data_encipherment"}
                    if getattr(extension.value, n)}
                if not asked or asked - USAGE_A - USAGE_B:
                    raise refuse("key usage not supported")
            if isinstance(extension.value, x509.BasicConstraints) \
                    and extension.value.ca:
                raise refuse("extension not supported")
        sign = not asked or asked & USAGE_A
        crypt = not asked or asked & USAGE_B
        if crypt and isinstance(key, ed25519.Ed25519PublicKey):
            raise refuse("the key cannot encrypt")
        names = ["digital_signature", "content_commitment",
                 "key_encipherment", "data_encipherment", "key_agreement",
                 "key_cert_sign", "crl_sign", "encipher_only",
                 "decipher_only"]
        is_rsa = isinstance(key, rsa.RSAPublicKey)
        wanted = {"digital_signature"} if sign else set()
        if crypt:
            wanted.add("key_encipherment" if is_rsa else "key_agreement")
        return {n: n in wanted for n in names}

    def certificate(self, request, found):
        account, *_ = self.signed(request, payload="read")
        cert = self.mine(self.certs, found, account)
        if "application/pkix-cert" in request.all("accept"):
            return Response(raw=cert["der"], kind="application/pkix-cert",
                            fields=[("Link", '<http://ca.test/i.cer>;'
                                     'rel="up"')])
        chain = [c.public_bytes(Encoding.PEM) for c in
                 (cert["leaf"], self.authority.certificate)]
        if self.bad("chain backwards"):
            chain.reverse()
        join = b"\n" if self.bad("blank lines in the chain") else b""
        return Response(raw=join.join(chain),
                        kind="application/pem-certificate-chain")

    # -- revocation, renewal

    def revoke(self, request):
        account, key, payload, header = self.signed(request, "jwk or kid")
        if not isinstance(payload.get("certificate"), str):
            raise malformed("certificate")
        der = strict_b64(payload["certificate"], "certificate")
        reason = payload.get("reason", 0)
        if not isinstance(reason, int):
            raise malformed("reason must be an integer")
        cert = next((c for c in self.certs.values() if c["der"] == der),
                    None)
        if cert is None:
            raise malformed("no such certificate", 404)
        self.check_authority(account, key, cert)
        if reason not in (0, 1, 3, 4, 5) and not self.bad("any reason"):
            raise Problem(400, "badRevocationReason", "allowed: 0 1 3 4 5")
        raised = account is None and reason == 1 and cert["revoked"] != 1
        if cert["revoked"] is not None and not raised \
                and not self.bad("revoked twice"):
            raise Problem(400, "alreadyRevoked", "already revoked")
        cert["revoked"] = reason
        if account is None and reason == 1:
            self.blocked.add(public_jwk_print(key.key))
        return Response(200)

    def check_authority(self, account, key, cert):
        if self.bad("anybody revokes"):
            return
        if account is None:
            if public_jwk_print(key.key) == public_jwk_print(
                    cert["leaf"].public_key()):
                return
        else:
            proven = {z["value"] for z in self.authzs.values()
                      if z["owner"] == account["id"]
                      and z["status"] == "valid"}
            if cert["owner"] == account["id"] or \
                    set(cert["values"]) <= proven:
                return
        raise Problem(403, "unauthorized", "not authorized to revoke this")

    def find_certid(self, certid):
        """The certificate, None, or malformed."""
        if not isinstance(certid, str) or certid.count(".") != 1:
            raise malformed("not a certificate identifier")
        aki, serial = (strict_b64(p, "CertID") for p in certid.split("."))
        if not aki or not serial or len(serial) > 20 or serial[0] & 128 or \
                serial == b"\0" or len(serial) > 1 and serial[0] == 0 \
                and not serial[1] & 128:
            raise malformed("not a certificate identifier")
        mine = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self.authority.key.public_key()).key_identifier
        number = int.from_bytes(serial, "big")
        return next((c for c in self.certs.values() if aki == mine
                     and c["leaf"].serial_number == number), None)

    def renewal(self, request):
        found = self.find_certid(request.target[len("/ari/"):])
        if found is None:
            raise malformed("no such certificate", 404)
        begin = found["leaf"].not_valid_before
        end = found["leaf"].not_valid_after
        life = (end - begin).total_seconds() + 1
        centre = end - timedelta(seconds=life / 3)
        if found["revoked"] is not None:
            centre = datetime.utcnow() - timedelta(days=30)
        half = timedelta(seconds=life / 100)
        window = {"start": stamp(centre - half), "end": stamp(centre + half)}
        if self.bad("window backwards"):
            window = {"start": window["end"], "end": window["start"]}
        return Response(body={"suggestedWindow": window}, fields=[
            ("Retry-After", "21600"),
            ("Cache-Control", "public, max-age=3600")])
