"""The laboratory's certification authority and the certificates of its
servers, made with the openssl command."""

import os

from lab_proc import run

# No system configuration, so that every machine makes the same certificates.
CONFIG = """[req]
prompt = no
distinguished_name = name
[name]
"""

SERVERS = {
    "ca-mail": ["mx.ca.test", "imap.ca.test", "smtp.ca.test"],
    "user-mail": ["mx.user.test", "imap.user.test", "smtp.user.test",
                  "mx.plain.test"],
    "https": ["acme.ca.test"],
}


def issue(folder, name, subject, extensions, *signer):
    argv = ["openssl", "req", "-config", f"{folder}/openssl.cnf", "-x509",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-sha256", "-days", "825", "-subj", subject,
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"]
    for extension in extensions:
        argv += ["-addext", extension]
    run(*argv, *signer)
    os.chmod(f"{folder}/{name}.key", 0o600)


def setup(folder):
    os.makedirs(folder)
    with open(f"{folder}/openssl.cnf", "w") as f:
        f.write(CONFIG)
    issue(folder, "ca", "/CN=Laboratory TLS CA",
          ["basicConstraints=critical,CA:TRUE",
           "keyUsage=critical,keyCertSign,cRLSign",
           "subjectKeyIdentifier=hash"])
    for name, hosts in SERVERS.items():
        names = ",".join("DNS:" + h for h in hosts + ["localhost"])
        issue(folder, name, f"/CN={hosts[0]}",
              ["basicConstraints=critical,CA:FALSE",
               "keyUsage=critical,digitalSignature",
               "extendedKeyUsage=serverAuth",
               "authorityKeyIdentifier=keyid",
               f"subjectAltName={names},IP:127.0.0.1"],
              "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key")
