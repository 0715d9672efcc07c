"""Keys and JWS that may be as wrong as a check wants them."""

import base64
import hashlib
import hmac
import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, \
    rsa
from cryptography.hazmat.primitives.asymmetric.utils import \
    decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, \
    PublicFormat

CURVES = {"ES256": ("P-256", ec.SECP256R1, hashes.SHA256, 32),
          "ES384": ("P-384", ec.SECP384R1, hashes.SHA384, 48),
          "ES512": ("P-521", ec.SECP521R1, hashes.SHA512, 66)}
ORDER_P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
ORDER_ED25519 = 2 ** 252 + 27742317777372353535851937790883648493


def b64(data):
    """base64url without padding."""
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def digest_info(message):
    """PKCS #1 v1.5: the padded hash of a 2048-bit or other modulus."""
    return bytes.fromhex("3031300d060960864801650304020105000420") \
        + hashlib.sha256(message).digest()


class Key:
    """A private key with its algorithm: jwk, thumbprint, sign()."""

    def __init__(self, alg="ES256", private=None):
        self.alg = alg
        if private is not None:
            self.private = private
        elif alg in CURVES:
            self.private = ec.generate_private_key(CURVES[alg][1]())
        elif alg == "RS256":
            self.private = rsa.generate_private_key(65537, 2048)
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()
        self.jwk = self.make_jwk()

    def make_jwk(self):
        public = self.private.public_key()
        if self.alg in CURVES:
            name, _, _, size = CURVES[self.alg]
            at = public.public_numbers()
            return {"crv": name, "kty": "EC", "x": number(at.x, size),
                    "y": number(at.y, size)}
        if self.alg == "RS256":
            at = public.public_numbers()
            return {"e": number(at.e), "kty": "RSA", "n": number(at.n)}
        return {"crv": "Ed25519", "kty": "OKP",
                "x": b64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}

    @property
    def thumbprint(self):
        """RFC 7638."""
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return b64(hashlib.sha256(text.encode()).digest())

    def sign_der(self, message):
        """What libraries give: for ECDSA a DER structure."""
        if self.alg in CURVES:
            return self.private.sign(message, ec.ECDSA(CURVES[self.alg][2]()))
        if self.alg == "RS256":
            return self.private.sign(message, padding.PKCS1v15(),
                                     hashes.SHA256())
        return self.private.sign(message)

    def sign(self, message):
        signature = self.sign_der(message)
        if self.alg in CURVES:
            r, s = decode_dss_signature(signature)
            size = CURVES[self.alg][3]
            signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return signature


class RawRsaKey:
    """An RSA key of any shape, signed with by arithmetic alone."""

    alg = "RS256"

    def __init__(self, n, d, e=65537):
        self.n, self.d = n, d
        self.jwk = {"e": number(e), "kty": "RSA", "n": number(n)}

    def sign(self, message):
        size = (self.n.bit_length() + 7) // 8
        info = digest_info(message)
        padded = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" \
            + info
        signed = pow(int.from_bytes(padded, "big"), self.d, self.n)
        return signed.to_bytes(size, "big")


class IdentityKey:
    """The neutral point of Ed25519 as public key: R = S·B verifies for every
    message where a verifier does not refuse keys of small order."""

    alg = "EdDSA"
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64(b"\x01" + bytes(31))}

    def sign(self, _):
        seed = secrets.token_bytes(32)
        clamped = bytearray(hashlib.sha512(seed).digest()[:32])
        clamped[0] &= 248
        clamped[31] = clamped[31] & 63 | 64
        private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        r = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        s = int.from_bytes(clamped, "little") % ORDER_ED25519
        return r + s.to_bytes(32, "little")


class NoKey:
    """A public key that nobody can sign with; the signature is noise."""

    def __init__(self, alg, jwk, size=64):
        self.alg, self.jwk, self.size = alg, jwk, size

    def sign(self, _):
        return secrets.token_bytes(self.size)


def jws(key, protected, payload):
    """The flattened serialization as a dict. `protected` and `payload` are
    octets, or text that is used as it is (already encoded)."""
    first = protected if isinstance(protected, str) else b64(protected)
    second = payload if isinstance(payload, str) else b64(payload)
    return {"protected": first, "payload": second,
            "signature": b64(key.sign(f"{first}.{second}".encode()))}


def external_binding(eab_kid, mac_key, outer_url, public, alg="HS256",
                     **changes):
    """RFC 8555 7.3.4. Changes are header members; None takes one out."""
    header = {"alg": alg, "kid": eab_kid, "url": outer_url} | changes
    header = {k: v for k, v in header.items() if v is not None}
    first, second = b64(compact(header)), b64(compact(public))
    name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
    mac = hmac.digest(mac_key, f"{first}.{second}".encode(),
                      name.get(alg, "sha256"))
    return {"protected": first, "payload": second, "signature": b64(mac)}


# --- numbers for weak keys ------------------------------------------------

SMALL = [p for p in range(3, 2000, 2)
         if all(p % q for q in range(3, int(p ** 0.5) + 1, 2))]


def is_prime(n):
    if any(n % p == 0 for p in SMALL) or n % 2 == 0:
        return n in SMALL
    d, twos = n - 1, 0
    while d % 2 == 0:
        d, twos = d // 2, twos + 1
    for _ in range(8):
        x = pow(secrets.randbelow(n - 3) + 2, d, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def rsa_close_primes():
    """Two neighbouring primes: Fermat's method finds them at once."""
    p = rsa.generate_private_key(65537, 2048).private_numbers().p
    q = p + 2
    while not is_prime(q) or (q - 1) % 65537 == 0:
        q += 2
    return RawRsaKey(p * q, pow(65537, -1, (p - 1) * (q - 1)))


def rsa_small_factor(factor):
    """A 2048-bit modulus with one tiny prime factor, and two large ones."""
    p = rsa.generate_private_key(65537, 2048).private_numbers().p
    least = 2 ** 2047 // (factor * p) + 1
    q = least + secrets.randbelow(least - 2) | 1
    while not is_prime(q) or (q - 1) % 65537 == 0:
        q += 2
    phi = (factor - 1) * (p - 1) * (q - 1)
    return RawRsaKey(p * factor * q, pow(65537, -1, phi))
