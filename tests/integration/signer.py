"""The certificate and key of a signer of challenge mails, as an admin would
have them from some other CA."""

import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def issue(name, issuer, key, issuer_key, extensions, days=90):
    begin = datetime.datetime.utcnow() - datetime.timedelta(hours=1)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer.subject if issuer else name, name, key.public_key(),
        x509.random_serial_number(), begin,
        begin + datetime.timedelta(days=days))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(
            extension, (x509.BasicConstraints, x509.KeyUsage)))
    return builder.sign(issuer_key, hashes.SHA256())


def usage(*names):
    return x509.KeyUsage(**{name: name in names for name in (
        "digital_signature", "content_commitment", "key_encipherment",
        "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
        "encipher_only", "decipher_only")})


def write(path, *pieces):
    with open(path, "wb") as f:
        f.write(b"".join(pieces))
    os.chmod(path, 0o400)


def make_signer(folder, mailbox="acme@ca.test", days=90):
    """(certificates, key, root): files in the folder."""
    paths = [f"{folder}/signer.{end}" for end in ("pem", "key", "root")]
    pem = serialization.Encoding.PEM
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    ca = [x509.BasicConstraints(True, None), usage("key_cert_sign")]
    root = issue("Mail Root", None, keys[0], keys[0], ca, 900)
    middle = issue("Mail CA", root, keys[1], keys[0], ca, 900)
    leaf = issue("Signer", middle, keys[2], keys[1], [
        usage("digital_signature"),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]),
        x509.SubjectAlternativeName([x509.RFC822Name(mailbox)])], days)
    write(paths[0], *(c.public_bytes(pem) for c in (leaf, middle, root)))
    write(paths[1], keys[2].private_bytes(
        pem, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    write(paths[2], root.public_bytes(pem))
    return paths
