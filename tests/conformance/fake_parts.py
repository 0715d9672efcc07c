"""What the suite's own server is made of: strict JSON and base64url, keys,
problems, a certificate authority."""

import base64
import hashlib
import json
import re
import secrets
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
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
