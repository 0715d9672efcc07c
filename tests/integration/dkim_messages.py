"""Messages for the DKIM oracles: a signer of their own, a generator of
well-formed messages, and damage of all kinds. See dkim_oracles."""

import base64
import hashlib
import os
import re
import subprocess
import time

try:
    import dkim
    import dkim.crypto
    import nacl.signing
except ImportError:
    dkim = None

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = os.path.join(HERE, "..", "data", "dkim")
DOMAIN = "user.test"


# --- keys ---------------------------------------------------------------------

def openssl(*args):
    return subprocess.run(("openssl",) + args, check=True,
                          capture_output=True).stdout


class RsaKey:
    algorithm = "rsa-sha256"

    def __init__(self, name):
        self.name = name
        path = os.path.join(KEYS, name + ".pem")
        pem = openssl("rsa", "-traditional", "-in", path)
        self.key = dkim.crypto.parse_pem_private_key(pem)
        self.public = base64.b64encode(
            openssl("pkey", "-in", path, "-pubout", "-outform", "DER")).decode()
        self.record = "v=DKIM1; k=rsa; p=" + self.public

    def sign(self, data):
        return dkim.crypto.RSASSA_PKCS1_v1_5_sign(hashlib.sha256(data),
                                                  self.key)


class Ed25519Key:
    algorithm = "ed25519-sha256"

    def __init__(self, name):
        self.name = name
        path = os.path.join(KEYS, name + ".pem")
        seed = openssl("pkey", "-in", path, "-outform", "DER")[-32:]
        self.key = nacl.signing.SigningKey(seed)
        self.secret = base64.b64encode(seed)    # as dkimpy wants it
        self.public = base64.b64encode(bytes(self.key.verify_key)).decode()
        self.record = "v=DKIM1; k=ed25519; p=" + self.public

    def sign(self, data):
        return self.key.sign(hashlib.sha256(data).digest()).signature


# --- a signer of its own ------------------------------------------------------------

def canon_body(kind, body):
    if kind == "relaxed":
        body = re.sub(rb"[ \t]+(?=\r\n)", b"", body)
        body = re.sub(rb"[ \t]+", b" ", body)
    while body.endswith(b"\r\n"):
        body = body[:-2]
    if body or kind == "simple":
        body += b"\r\n"
    return body


def canon_field(kind, field):
    """A field without its final CRLF, in canonical form without CRLF."""
    if kind == "simple":
        return field
    name, value = field.split(b":", 1)
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.lower() + b":" + value


def split_fields(header):
    return re.split(rb"\r\n(?![ \t])", header)


def signed_data(kind, fields, names, signature):
    left = list(fields)
    data = b""
    for name in names:
        for i in range(len(left) - 1, -1, -1):
            if left[i].split(b":", 1)[0].lower() == name.lower().encode():
                data += canon_field(kind, left.pop(i)) + b"\r\n"
                break
    return data + canon_field(kind, signature)


class Signature:
    """Tags in random order and folding; b= with its value left out."""

    def __init__(self, rng, key, canon, names, bh, selector):
        tags = [("v", "1"), ("a", key.algorithm), ("d", DOMAIN),
                ("s", selector), ("bh", bh)]
        if canon != ("simple", "simple") or rng.random() < 0.5:
            tags.append(("c", "/".join(canon)))
        sep = rng.choice([":", ": ", " : ", ":\r\n ", " :\r\n\t"])
        tags.append(("h", sep.join(names)))
        if rng.random() < 0.3:
            tags.append(("i", rng.choice(["@", "alice@", "a@sub."]) + DOMAIN))
        if rng.random() < 0.3:
            tags.append(("q", "dns/txt"))
        if rng.random() < 0.4:
            tags.append(("t", str(int(time.time()) - 100)))
            tags.append(("x", str(int(time.time()) + 86400)))
        if rng.random() < 0.2:
            tags.append(("darn", "anything at all"))
        if rng.random() < 0.4:
            rng.shuffle(tags)
        self.at = rng.choice([0, len(tags), len(tags), len(tags) // 2])
        self.tags = tags
        self.folds = [rng.choice([" ", "\r\n\t", "", "\r\n  ", "  "])
                      for _ in range(len(tags) + 1)]
        # dkimpy does not find b= right behind the colon.
        self.folds[0] = self.folds[0] or " "
        self.semicolon = rng.random() < 0.3
        self.width = rng.choice([0, 0, 20, 60, 72])
        self.name = rng.choice(["DKIM-Signature", "DKIM-Signature",
                                "Dkim-Signature"])

    def field(self, b):
        if self.width:
            b = "\r\n\t".join(b[i:i + self.width]
                              for i in range(0, len(b), self.width))
        tags = list(self.tags)
        tags.insert(self.at, ("b", b))
        text = ";".join(f + n + "=" + v
                        for f, (n, v) in zip(self.folds, tags))
        return (self.name + ":" + text + (";" if self.semicolon else "")
                ).encode()


def sign(rng, message, key, canon, names, selector="sel"):
    header, body = message.split(b"\r\n\r\n", 1)
    bh = base64.b64encode(
        hashlib.sha256(canon_body(canon[1], body)).digest()).decode()
    s = Signature(rng, key, canon, names, bh, selector)
    data = signed_data(canon[0], split_fields(header), names, s.field(""))
    b = base64.b64encode(key.sign(data)).decode()
    return s.field(b) + b"\r\n" + message


# --- messages --------------------------------------------------------------------------

WORDS = ["a", "word", "another", "grüße", "日本", "\udce4\udcff", "=", "x;y", "1:2", "--", "b=",
         "DKIM-Signature:", ".", "From", "\"q\"", "(c)"]


def octets(text):
    return text.encode("utf-8", "surrogateescape")


def blank(rng):
    return rng.choice([" "] * 6 + ["  ", "\t", " \t ", "\r\n ", "\r\n\t "])


def value(rng):
    kind = rng.random()
    if kind < 0.08:
        return ""
    if kind < 0.16:
        return rng.choice([" ", "\t", "\r\n x", "\r\n\ty"])
    text = rng.choice([" ", " ", "", "\r\n "])
    text += blank(rng).join(rng.choice(WORDS)
                            for _ in range(rng.randint(1, 8)))
    return text + rng.choice(["", "", "", " ", "\t", "  "])


def make_fields(rng):
    fields = [
        "From: Alice <alice@" + DOMAIN + ">",
        "To:" + blank(rng) + "acme@ca.test",
        "Subject:" + value(rng),
        "Date: Mon, 02 Mar 2026 10:00:00 +0000",
        "Message-ID: <%d@%s>" % (rng.randrange(10**9), DOMAIN),
    ]
    for name in ["Cc", "In-Reply-To", "References", "MIME-Version",
                 "Content-Type", "Content-Transfer-Encoding"]:
        if rng.random() < 0.5:
            fields.append(name + ":" + value(rng))
    for _ in range(rng.randint(0, 5)):
        fields.append(rng.choice(["X-A", "x-a", "Received", "X-Long-Name"]) +
                      ":" + value(rng))
    rng.shuffle(fields)
    # A field body of white space only is one line of it, not several.
    return [f for f in fields if not re.search(r"\r\n[ \t]*(\r\n|$)", f)]


def make_body(rng):
    if rng.random() < 0.1:
        return ""
    lines = []
    for _ in range(rng.randint(0, 12)):
        kind = rng.random()
        if kind < 0.25:
            lines.append("")
        elif kind < 0.35:
            lines.append(rng.choice([" ", "\t", " \t  "]))
        else:
            lines.append(rng.choice(["", " ", "\t"]) +
                         rng.choice([" ", "  ", "\t", " \t "]).join(
                             rng.choice(WORDS)
                             for _ in range(rng.randint(1, 10))) +
                         rng.choice(["", "", " ", "\t "]))
    for _ in range(rng.choice([0, 0, 0, 1, 2])):    # a run inside
        at = rng.randint(0, len(lines))
        lines[at:at] = [rng.choice(["", " "])] * rng.randint(2, 30)
    lines += [""] * rng.choice([0, 0, 1, 3, 40])
    return "".join(line + "\r\n" for line in lines)


def make_names(rng, fields):
    present = [f.split(":", 1)[0] for f in fields]
    names = ["From", "Subject", "Date"]
    for name in present:
        if name not in names and rng.random() < 0.6:
            names.append(name)
    if rng.random() < 0.4:
        names += rng.sample(names, rng.randint(1, len(names)))
    if rng.random() < 0.4:
        names += rng.sample(["Sender", "Reply-To", "List-Id", "X-None"], 2)
    if rng.random() < 0.5:
        rng.shuffle(names)
    case = rng.choice([str, str.lower, str.upper])
    return [case(n) for n in names]


class Case:
    """A message, what the DNS says, and whom it excuses (MA-90)."""

    def __init__(self, message, records, note, domain=DOMAIN, now=None,
                 excused=None):
        self.message = message
        self.records = records
        self.note = note
        self.domain = domain
        self.now = int(time.time()) if now is None else now
        self.excused = excused

    def text(self):
        head = "case %s %d %d %d\n" % (self.domain, self.now,
                                       len(self.records), len(self.message))
        for name, record in self.records:
            head += name + "\t" + record + "\n"
        return octets(head) + self.message


def read_cases(data):
    """What dkim_corpus wrote, or a fuzzer (tests/fuzz/passes.h), which excuses
    nobody by name: "*"."""
    cases = []
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        _, domain, now, count, length, note, excused = \
            data[at:end].decode().split(" ")
        at = end + 1
        records = []
        for _ in range(int(count)):
            end = data.index(b"\n", at)
            name, text = data[at:end].decode("utf-8", "surrogateescape") \
                .split("\t", 1)
            records.append((name, text))
            at = end + 1
        cases.append(Case(data[at:at + int(length)], records, note, domain,
                          int(now), None if excused == "*" else
                          excused.split(",")))
        at += int(length)
    return cases


def unsigned(rng):
    """A well-formed message with no signature yet."""
    fields = make_fields(rng)
    return Case(octets("\r\n".join(fields) + "\r\n\r\n" + make_body(rng)),
                [], "unsigned")


CANONS = [(h, b) for h in ("simple", "relaxed") for b in ("simple", "relaxed")]


def make_case(rng, keys):
    fields = make_fields(rng)
    message = octets("\r\n".join(fields) + "\r\n\r\n" + make_body(rng))
    names = make_names(rng, fields)
    records, notes = [], []
    # Some systems sign with two keys; one good signature is enough.
    for selector in rng.choice((["sel"], ["sel"], ["sel"], ["two", "sel"])):
        key = rng.choice(keys)
        canon = rng.choice(CANONS)
        message = sign(rng, message, key, canon, names, selector)
        records.append(("%s._domainkey.%s" % (selector, DOMAIN), key.record))
        notes.append("%s %s" % (key.algorithm, "/".join(canon)))
    return Case(message, records, ", ".join(notes))


# --- damage ----------------------------------------------------------------------------------

def damage_octet(rng, m):
    i = rng.randrange(len(m))
    return m[:i] + bytes([m[i] ^ (1 << rng.randrange(8))]) + m[i + 1:]


def damage_blank(rng, m):
    at = [i for i, c in enumerate(m) if c in b" \t"]
    i = rng.choice(at)
    return m[:i] + rng.choice([b"", b"  ", b"\t", b"\r\n "]) + m[i + 1:]


def damage_tag(rng, m):
    """Something in the signature's tags is replaced or added."""
    end = m.index(b"\r\n", m.index(b"b="))
    head, rest = m[:end], m[end:]
    what, by = rng.choice([
        (b"v=1", b"v=2"), (b"v=1", b"v=1.0"), (b"rsa-sha256", b"rsa-sha1"),
        (b"d=", b"D="), (b"relaxed", b"simple"), (b"simple", b"relaxed"),
        (b"c=", b"c=x"), (b";", b";;"), (b";", b"; l=5;"), (b";", b";q=x/y;"),
        (b";", b"; d=other.test;"), (b";", b"; x=1;"), (b"s=sel", b"s=s el"),
        (b"bh=", b"bh=="), (b"b=", b"b =  "), (b"t=", b"t=9"),
        (b"h=", b"h=:"), (b"i=", b"i=x"), (b";", b";zz=1;"),
    ])
    i = head.find(what)
    return m if i < 0 else head[:i] + by + head[i + len(what):] + rest


def damage_field(rng, m):
    extra = rng.choice([b"From: eve@evil.test", b"Subject: other", b"X-A: 1",
                        b"Date: now", b"To: me@here.test", b"X-B:"]) + b"\r\n"
    end = m.index(b"\r\n\r\n") + 2
    return extra + m if rng.random() < 0.5 else m[:end] + extra + m[end:]


def damage_body(rng, m):
    return m + rng.choice([b"\r\n", b" \r\n", b"more\r\n", b"\r\n\r\n", b"x",
                           b"\t\r\n \r\n"])


DAMAGES = [damage_octet, damage_blank, damage_tag, damage_field, damage_body]


def damage_record(rng, record):
    return rng.choice([
        record.replace("v=DKIM1", "v=DKIM2"), record.replace("k=", "K="),
        record + "; t=y", record + "; t=s", record + "; h=sha1",
        record + "; s=tlsrpt", record + "; h=sha1:sha256", record + ";",
        record.replace("p=", "p= "), record[:-3], record[:-4] + "AAAA",
        record.replace("k=rsa; ", ""), "k=rsa; " + record.split("; ", 2)[2],
        record + "; p=", record + " ",
    ])


def damaged(rng, case):
    message, records = case.message, case.records
    if rng.random() < 0.15:
        records = [(n, damage_record(rng, r)) for n, r in records]
        note = "record"
    else:
        how = rng.choice(DAMAGES)
        message = how(rng, message)
        note = how.__name__
    return Case(message, records, case.note + " " + note)
