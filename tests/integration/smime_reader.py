"""Reads a signed challenge mail as clients do, with nothing of the product.

accept() obeys the rules of acme4j-smime's reader: what it takes, that takes,
strictly or relaxed. The signature is openssl's to verify; the message is cut
by hand, for the octets under it matter; CMS and RFC 7508 are read as DER.
"""

import base64
import re
import subprocess
import tempfile

SECURE_HEADER_FIELDS = bytes.fromhex("060b2a864886f70d0109100237")
IGNORED = {"CONTENT-TYPE", "MIME-VERSION", "RECEIVED"}
NEEDED = {"FROM", "TO", "SUBJECT"}


class Refused(Exception):
    pass


# --- DER -------------------------------------------------------------------

def elements(data):
    """[(tag, body, whole)], all of data."""
    found, at = [], 0
    while at < len(data):
        n, head = data[at + 1], 2
        if n > 0x80:
            head += n & 0x7f
            n = int.from_bytes(data[at + 2:at + head], "big")
        whole = data[at:at + head + n]
        assert len(whole) == head + n, "cut off"
        found.append((whole[0], whole[head:], whole))
        at += len(whole)
    return found


def only(data, tag):
    (found, body, _), = elements(data)
    assert found == tag, (found, tag)
    return body


class Cms:
    """A SignedData with one signer."""

    def __init__(self, der):
        parts = elements(only(elements(only(der, 0x30))[1][1], 0x30))
        by_tag = {tag: body for tag, body, _ in parts}
        self.certificates = [whole for _, _, whole in elements(by_tag[0xa0])]
        signers = elements(parts[-1][1])
        if len(signers) != 1:
            raise Refused("not one signer")
        signer = elements(signers[0][1])
        assert [t for t, _, _ in signer][3] == 0xa0, "no signed attributes"
        self.digest = elements(signer[2][1])[0][2]
        self.attributes = {}
        for _, body, _ in elements(signer[3][1]):
            oid, values = elements(body)
            value, = elements(values[1])
            self.attributes[oid[2]] = value[2]

    def secure_header_fields(self):
        """None, or (relaxed?, [(name, value, status)])."""
        value = self.attributes.get(SECURE_HEADER_FIELDS)
        if value is None:
            return None
        members = {tag: body for tag, body, _ in elements(only(value, 0x31))}
        found = []
        for _, body, _ in elements(members[0x30]):
            parts = elements(body)
            assert [tag for tag, _, _ in parts[:2]] == [0x1a, 0x0c], parts
            status = int.from_bytes(parts[2][1], "big") if parts[2:] else 0
            found.append((parts[0][1].decode("ascii"),
                          parts[1][1].decode("utf-8"), status))
        return members[0x0a] == b"\1", found


# --- the message -----------------------------------------------------------

def split(raw):
    """([(name, value)], body); values folded as they are, without the blank
    behind the colon."""
    head, body = raw.split(b"\r\n\r\n", 1)
    fields = re.findall(rb"(?m)^([!-9;-~]+):[ \t]*((?:.*?)"
                        rb"(?:\r\n[ \t].*?)*)\r$", head + b"\r")
    return [(n.decode(), v.decode()) for n, v in fields], body


def field(fields, name):
    value, = [v for n, v in fields if n.lower() == name.lower()]
    return value


def parameter(value, name):
    return re.search(rf';\s*{name}="?([^";\s]+)', value)[1]


class SignedMail:
    def __init__(self, raw):
        self.fields, body = split(raw)
        kind = field(self.fields, "Content-Type")
        if not kind.startswith("multipart/signed;"):
            raise Refused("not signed")
        assert parameter(kind, "protocol") == "application/pkcs7-signature"
        assert parameter(kind, "micalg") == "sha-256"
        line = b"--" + parameter(kind, "boundary").encode()
        parts = (b"\r\n" + body).split(b"\r\n" + line)
        assert parts[0] == b"" and parts[-1].startswith(b"--"), "boundaries"
        self.content, signature = [p.removeprefix(b"\r\n")
                                   for p in parts[1:-1]]
        self.inner, self.inner_body = split(self.content)
        fields, text = split(signature)
        assert field(fields, "Content-Type").startswith(
            "application/pkcs7-signature")
        self.der = base64.b64decode(text)
        self.cms = Cms(self.der)

    def verify(self, root):
        """openssl's word; the signer's certificate."""
        with tempfile.TemporaryDirectory() as folder:
            for name, data in ("content", self.content), ("cms", self.der):
                with open(f"{folder}/{name}", "wb") as f:
                    f.write(data)
            done = subprocess.run(
                ["openssl", "cms", "-verify", "-binary", "-inform", "DER",
                 "-in", f"{folder}/cms", "-content", f"{folder}/content",
                 "-CAfile", root, "-purpose", "smimesign",
                 "-signer", f"{folder}/signer", "-out", "/dev/null"],
                capture_output=True, text=True)
            if done.returncode != 0:
                raise Refused(done.stderr)
            with open(f"{folder}/signer", "rb") as f:
                return f.read()


# --- acme4j's rules --------------------------------------------------------

class Known:
    """The fields of the envelope, and which of them can be trusted."""

    def __init__(self, fields):
        self.rows = [[n, v, False] for n, v in fields
                     if n.upper() not in IGNORED]

    def confirm(self, name, value, relaxed):
        def plain(text):
            return " ".join(text.split()) if relaxed else text

        def same(row):
            name_fits = row[0].lower() == name.lower() if relaxed \
                else row[0] == name
            return name_fits and plain(row[1]) == plain(value)

        fit = [row for row in self.rows if same(row)]
        if not fit:
            raise Refused(f"{name} is not what was signed")
        for row in fit:
            row[2] = True

    def replace(self, name, value):
        self.rows = [r for r in self.rows
                     if r[2] or r[0].lower() != name.lower()]
        self.rows.append([name, value, True])

    def trusted(self, name):
        found = [v.strip() for n, v, ok in self.rows
                 if ok and n.upper() == name]
        if len(found) != 1:
            raise Refused(f"{len(found)} protected {name}")
        return found[0]


def accept(raw, root, strict):
    """{"FROM": ...} if acme4j-smime would take it, or Refused."""
    from cryptography import x509
    mail = SignedMail(raw)
    signer = x509.load_pem_x509_certificate(mail.verify(root))
    known = Known(mail.fields)
    if field(mail.inner, "Content-Type").startswith("message/rfc822"):
        for name, value in split(mail.inner_body)[0]:
            if name.upper() in IGNORED:
                continue
            if strict:
                known.confirm(name, value, False)
            else:
                known.replace(name, value)
    secured = mail.cms.secure_header_fields()
    if secured is not None:
        for name, value, status in secured[1]:
            assert status == 0, "not duplicated"
            known.confirm(name, value, secured[0])
    found = {name: known.trusted(name) for name in NEEDED}
    names = signer.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    mailboxes = names.get_values_for_type(x509.RFC822Name)
    if mailboxes[0].lower() != found["FROM"].lower():
        raise Refused("not signed by its sender")
    automatic = [v.lower() for n, v, _ in known.rows
                 if n.lower() == "auto-submitted"]
    if not any(v.split(";")[0] == "auto-generated" for v in automatic):
        raise Refused("not automatic")
    return found


def agree(raw):
    """RFC 9788 and RFC 7508: each protected field is in both forms, and the
    envelope has it once and just so. The names."""
    mail = SignedMail(raw)
    assert parameter(field(mail.inner, "Content-Type"), "hp") == "clear"
    copies = [(n, v) for n, v in mail.inner
              if not n.startswith("Content-")]
    relaxed, secured = mail.cms.secure_header_fields()
    assert relaxed
    if [(n, " ".join(v.split()), 0) for n, v in copies] != secured:
        raise Refused("the two forms differ")
    for name, value in copies:
        if [v for n, v in mail.fields if n.lower() == name.lower()] != [value]:
            raise Refused(f"{name} is not what was signed")
    return [name for name, _ in copies]
