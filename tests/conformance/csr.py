"""Certificate requests, good ones and others."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

USAGES = ["digital_signature", "content_commitment", "key_encipherment",
          "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
          "encipher_only", "decipher_only"]
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def new_csr_key():
    return ec.generate_private_key(ec.SECP256R1())


def usage(*names):
    return x509.KeyUsage(**{n: n in names for n in USAGES})


def mailbox_names(mailboxes):
    return [x509.RFC822Name(m) for m in mailboxes]


def make_csr(key, mailboxes, names=(), subject=(), extensions=(),
             algorithm=None):
    """DER. names: further general names; subject: (NameOID, text) pairs;
    extensions: (extension, critical) pairs."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(o, t) for o, t in subject]))
    general = [*mailbox_names(mailboxes), *names]
    if general:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(general), False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    if algorithm is None and not isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def tlv(tag, content):
    n = len(content)
    length = bytes([n]) if n < 128 else \
        bytes([128 + (n.bit_length() + 7) // 8]) \
        + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + content


def sign_again(key, inner):
    """A CertificationRequest around changed contents, P-256."""
    signature = key.sign(inner, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, inner + ECDSA_SHA256 + tlv(3, b"\0" + signature))


def version_one(key, mailboxes):
    """A request whose version is 1 where only 0 exists; rightly signed."""
    good = x509.load_der_x509_csr(make_csr(key, mailboxes))
    inner = good.tbs_certrequest_bytes
    at = inner.index(b"\x02\x01\x00")
    return sign_again(key, inner[:at] + b"\x02\x01\x01" + inner[at + 3:])


def long_length(der):
    """The outer length with a superfluous octet: BER, not DER."""
    size = int.from_bytes(der[2:2 + der[1] - 128], "big") \
        if der[1] > 128 else der[1]
    content = der[-size:]
    return b"\x30\x84" + size.to_bytes(4, "big") + content


def names_evil():
    """A subject of which nothing may reach the certificate."""
    return [(NameOID.ORGANIZATION_NAME, "Copied From The Request")]


def load_chain(pem):
    end = b"-----END CERTIFICATE-----"
    return [x509.load_pem_x509_certificate(part + end)
            for part in pem.split(end) if part.strip()]
