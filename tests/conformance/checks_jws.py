"""What a request must be before anybody looks at what it wants: JSON,
base64url, the JWS, its key, and which fault is told first."""

import hmac
import json
import secrets

from cryptography.hazmat.primitives.asymmetric import rsa

from jose import IdentityKey, Key, NoKey, RawRsaKey, b64, compact, \
    rsa_close_primes, rsa_small_factor, unb64
from report import Skip, check, table
from world import DROP, Order, invented

ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "Ed25519", "RS256"]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def read(w, **how):
    """A read of Alice's account that is right but for what is changed."""
    return w.alice.post(w.alice.kid, **how)


def update(w, octets, **how):
    """An update of Alice's account with this JSON text."""
    return w.alice.post(w.alice.kid, octets, **how)


# --- the outer JSON -------------------------------------------------------

def text_of(change):
    """Sends a signed read whose JSON text was changed."""
    def send(w):
        body = compact(w.sign(w.alice.kid, None, w.alice.key,
                              w.alice.kid)).encode()
        return w.send_jose(w.alice.kid, change(body), "alice")
    return send


def compact_form(body):
    found = json.loads(body)
    return ".".join(found[k] for k in ("protected", "payload",
                                       "signature")).encode()


# RFC 8259 9 lets a parser accept more; RFC 7515 5.2 does not for the header.
@table("AC-23", "design", "request body", [
    ("text after the object", lambda b: b + b"x"),
    ("a second object", lambda b: b + b"{}"),
    ("a comment", lambda b: b"/* */" + b),
    ("invalid UTF-8", lambda b: b[:-1] + b',"x":"\xff\xfe"}'),
    ("NaN", lambda b: b[:-1] + b',"x":NaN}'),
    ("a comma at the end", lambda b: b[:-1] + b",}"),
    ("single quotes", lambda b: b.replace(b'"', b"'"))])
def bad_json(w, change):
    w.refused(text_of(change)(w), "400 malformed")


@check("AC-23", "RFC 7515 7.2.2", "request body: an array")
def array_body(w):
    w.refused(text_of(lambda b: b"[" + b + b"]")(w), "400 malformed")


@check("AC-23", "design", "request body: byte-order mark")
def bom(w):
    w.refused(text_of(lambda b: b"\xef\xbb\xbf" + b)(w), "400 malformed")


@check("AC-31", "RFC 8555 6.2", "compact serialization")
def compact_jws(w):
    w.refused(text_of(compact_form)(w), "400 malformed")


@table("AC-23", "design", "payload", [
    ("text after the object", b'{"contact":[]}x'),
    ("invalid UTF-8", b'{"contact":[],"x":"\xff"}'),
    ("NaN", b'{"contact":[],"x":NaN}'),
    ("a comma at the end", b'{"contact":[],}')])
def bad_payload(w, octets):
    w.refused(update(w, octets), "400 malformed")


@check("AC-23", "RFC 8259 2", "payload: no JSON")
def no_json(w):
    w.refused(update(w, b"contact"), "400 malformed")


@table("AC-23", "RFC 7515 5.2", "protected header", [
    ("text after the object", lambda t: t + b"x"),
    ("invalid UTF-8", lambda t: t[:-1] + b',"x":"\xff"}'),
    ("an array", lambda t: b"[" + t + b"]"), ("empty", lambda t: b"")])
def bad_header(w, change):
    w.refused(read(w, protected=change), "400 malformed")


@check("AC-24", "design", "a member twice: in the JWS")
def twice_outer(w):
    w.refused(text_of(lambda b: b[:-1] + b',"payload":""}')(w),
              "400 malformed")


@check("AC-24", "RFC 7515 4", "a parameter twice: in the protected header")
def twice_header(w):
    w.refused(read(w, protected=lambda t: t[:-1] + b',"alg":"ES256"}'),
              "400 malformed")


@table("AC-24", "design", "a member twice: in the payload", [
    ("plainly", b'{"contact":[],"contact":[]}'),
    ("by an escape", b'{"contact":[],"\\u0063ontact":[]}'),
    ("deeper", b'{"x":{"y":1,"y":2}}')])
def twice_payload(w, octets):
    w.refused(update(w, octets), "400 malformed")


@table("AC-25", "design", "bounds of JSON", [
    ("17 nested arrays", b'{"x":' + b"[" * 17 + b"]" * 17 + b"}"),
    ("1100 elements", b'{"x":[' + b"0," * 1099 + b"0]}"),
    ("a number of 40 digits", b'{"x":' + b"1" * 40 + b"}")])
def bounds(w, octets):
    w.refused(update(w, octets), "400 malformed")


@table("AC-26", "RFC 8555 7.3.2, 7.4", "types of members", [
    ("contact is a string", "kid", {"contact": "mailto:a@b.example"}),
    ("contact has a number", "kid", {"contact": [1]}),
    ("status is a number", "kid", {"status": 1}),
    ("identifiers is an object", "newOrder", {"identifiers": {}}),
    ("identifiers has a string", "newOrder", {"identifiers": ["a@b.example"]}),
    ("type is a number", "newOrder",
     {"identifiers": [{"type": 1, "value": "a@b.example"}]}),
    ("value is missing", "newOrder", {"identifiers": [{"type": "email"}]}),
    ("value is null", "newOrder",
     {"identifiers": [{"type": "email", "value": None}]})])
def member_types(w, where, payload):
    url = w.alice.kid if where == "kid" else w.directory[where]
    w.refused(w.alice.post(url, payload),
              "400 malformed|invalidContact|unsupportedContact")


@table("AC-26", "design", "letter case of members counts", [
    ("Identifiers", lambda v: {"Identifiers": [
        {"type": "email", "value": v}]}),
    ("Type", lambda v: {"identifiers": [{"Type": "email", "value": v}]})])
def member_case(w, make):
    value = w.mailbox.address if w.mailbox else "conformance@host.invalid"
    answer = w.alice.post(w.directory["newOrder"], make(value))
    if answer.status == 201:
        w.drop(Order(w.alice, answer))
    w.refused(answer, "400 malformed")


@check("AC-26", "design", "null for an optional member counts as absent")
def null_member(w):
    w.status(update(w, {"contact": None}), 200)


@table("AC-27", "design", "strings", [
    ("U+0000", b'{"x":"a\\u0000b"}'),
    ("an unpaired surrogate", b'{"x":"\\ud800"}')])
def strings(w, octets):
    w.refused(update(w, octets), "400 malformed")


# A number of 32 digits, which no integer of a machine holds.
LARGE = 10 ** 31


@check("AC-28, AC-25", "RFC 8555 7.3", "unknown members of a payload are "
       "ignored, and not reflected")
def unknown_member(w):
    answer = w.status(update(w, {"contact": [], "x-unknown": LARGE}), 200)
    w.need("x-unknown" not in answer.json, repr(answer.body[:200]),
           "not reflected")


@check("AC-28", "RFC 7515 4", "unknown header parameters are ignored")
def unknown_parameter(w):
    w.status(read(w, header={"x-unknown": LARGE}), 200)


@check("AC-28", "RFC 7515 7.2.1", "unknown members of the JWS are ignored")
def unknown_jws_member(w):
    w.status(read(w, change=lambda b: b | {"x-unknown": 1}), 200)


# --- base64url ------------------------------------------------------------

def respell(text, how):
    """The same octets in another, or in no, spelling."""
    if how == "padding":
        return text + "=" * (-len(text) % 4 or 4)
    if how == "white space":
        return text[:4] + " " + text[4:]
    if how == "line end":
        return text + "\n"
    if how == "standard alphabet":
        return text.replace("-", "+").replace("_", "/")
    if how == "length of 1 modulo 4":
        return text + "A" * ((1 - len(text)) % 4 or 4)
    if how == "not ASCII":
        return text[:-1] + "é"
    last = ALPHABET.index(text[-1])
    return text[:-1] + ALPHABET[last ^ 1]


def fitting(make, how):
    """An octet string whose encoding the change bites on: random filler of
    growing length is tried."""
    for size in range(200):
        text = make(secrets.token_hex(size % 40 + 1), size)
        encoded = b64(text)
        if how == "standard alphabet" and not set("-_") & set(encoded):
            continue
        if how in ("padding", "bits that must be zero") \
                and len(encoded) % 4 == 0:
            continue
        if how == "length of 1 modulo 4" and len(encoded) % 4 == 1:
            continue
        return text
    raise Skip("no text was found that this changes")


SPELLINGS = [("padding", "RFC 8555 6.1"), ("white space", "RFC 4648 3.3"),
             ("line end", "RFC 4648 3.3"),
             ("standard alphabet", "RFC 7515 2"),
             ("length of 1 modulo 4", "RFC 4648 4"),
             ("not ASCII", "RFC 4648 3.3"),
             ("bits that must be zero", "design")]


def base64url_check(how, source):
    @check("AC-29, AC-32", source, f"base64url of the protected header: {how}")
    def _(w):
        kid = w.alice.kid
        nonce = w.nonce()

        def make(filler, size):
            extra = "?>~" * (size % 5) + filler if how == \
                "standard alphabet" else filler
            return compact({"alg": "ES256", "nonce": nonce, "url": kid,
                            "kid": kid, "x": extra}).encode()

        text = respell(b64(fitting(make, how)), how)
        body = w.sign(kid, None, w.alice.key, kid, nonce="",
                      protected=lambda _: text)
        w.refused(w.send_jose(kid, body, "alice"), "400 malformed")

    @check("AC-29", source, f"base64url of the payload: {how}")
    def _(w):
        text = fitting(lambda filler, size: compact(
            {"x": filler + "?>~" * (size % 5)}).encode(), how)
        w.refused(w.alice.post(w.alice.kid, b"",
                               payload_text=respell(b64(text), how)),
                  "400 malformed")

    @check("AC-29, AC-45", source, f"base64url of the signature: {how}")
    def _(w):
        def change(body):
            return body | {"signature": respell(body["signature"], how)}
        for _ in range(20):
            body = w.sign(w.alice.kid, None, w.alice.key, w.alice.kid)
            if change(body) != body:
                break
        w.refused(w.send_jose(w.alice.kid, change(body), "alice"),
                  "400 malformed")


for _how, _source in SPELLINGS:
    base64url_check(_how, _source)


# --- the JWS --------------------------------------------------------------

@table("AC-30", "RFC 8555 6.2", "no JWS in a POST", [
    ("empty", b""), ("{}", b"{}"), ("null", b"null"), ("text", b"newOrder")])
def no_jws(w, body):
    w.refused(w.send_jose(w.directory["newOrder"], body), "400 malformed")


def without(member):
    return lambda b: {k: v for k, v in b.items() if k != member}


def general(body):
    return {"payload": body["payload"], "signatures": [
        {k: body[k] for k in ("protected", "signature")}]}


@table("AC-31", "RFC 8555 6.2", "form of the JWS", [
    ("unprotected header", lambda b: b | {"header": {"kid": "x"}}),
    ("general serialization", general),
    ("signature and signatures", lambda b: b | general(b)),
    ("without payload", without("payload")),
    ("without signature", without("signature")),
    ("without protected", without("protected")),
    ("signature is a number", lambda b: b | {"signature": 1}),
    ("protected is an object", lambda b: b | {"protected": {}})])
def jws_form(w, change):
    w.refused(read(w, change=change), "400 malformed")


@check("AC-31", "design", "form of the JWS: an empty unprotected header")
def empty_header(w):
    w.refused(read(w, change=lambda b: b | {"header": {}}), "400 malformed")


@check("AC-32", "RFC 7515 5.2", "the header's own spacing and order verify")
def own_spacing(w):
    def spaced(text):
        members = list(json.loads(text).items())[::-1]
        return json.dumps(dict(members), indent=3).encode()
    w.status(read(w, protected=spaced), 200)


@table("AC-33", "RFC 8555 6.2", "header parameters", [
    ("no alg", {"alg": DROP}, "400 malformed|badSignatureAlgorithm"),
    ("no url", {"url": DROP}, "400 malformed"),
    ("neither jwk nor kid", {"kid": DROP}, "400 malformed"),
    ("alg is a number", {"alg": 1}, "400 malformed|badSignatureAlgorithm"),
    ("url is a number", {"url": 1}, "400 malformed"),
    ("kid is a number", {"kid": 1}, "400 malformed")])
def parameters(w, header, ours):
    w.refused(read(w, header=header), ours)


@check("AC-33", "RFC 8555 6.2", "header parameters: both jwk and kid")
def both_keys(w):
    w.refused(read(w, header={"jwk": w.alice.key.jwk}), "400 malformed")


@table("AC-34", "RFC 7515 4.1.11", "crit", [
    ("unknown extension", {"crit": ["exp"], "exp": 1}),
    ("empty", {"crit": []}), ("a string", {"crit": "exp"})])
def critical(w, header):
    w.refused(read(w, header=header), "400 malformed")


@table("AC-35", "RFC 8555 6.2", "b64", [("false", False)])
def unencoded(w, value):
    w.refused(read(w, header={"b64": value, "crit": ["b64"]}),
              "400 malformed")


@check("AC-35", "design", "b64: true")
def encoded(w):
    w.refused(read(w, header={"b64": True}), "400 malformed")


@check("AC-36", "design", "jku, x5u, typ are ignored")
def remote_keys(w):
    w.status(read(w, header={"jku": "https://127.0.0.1:9/", "typ": "JOSE",
                             "x5u": "https://127.0.0.1:9/"}), 200)


@check("AC-37", "RFC 8555 6.2", "newAccount with kid")
def account_kid(w):
    w.refused(w.alice.post(w.directory["newAccount"],
                           {"onlyReturnExisting": True}), "400 malformed")


@table("AC-37", "RFC 8555 6.2", "jwk where kid is needed", [
    ("newNonce", lambda w: w.directory["newNonce"]),
    ("the directory", lambda w: w.directory_url),
    ("the account", lambda w: w.alice.kid)])
def jwk_for_kid(w, url):
    w.refused(w.post(url(w), None, w.alice.key), "400 malformed")


def claims(alg):
    """The header names an algorithm; the signature is another's."""
    def send(w):
        return read(w, header={"alg": alg})
    return send


@table("AC-38", "RFC 8555 6.2", "algorithms refused", [
    (alg, alg) for alg in ("none", "HS256", "HS384", "HS512", "PS256",
                           "RS384", "RS512", "ES256K", "es256", "XX", "")])
def algorithms(w, alg):
    answer = w.refused(claims(alg)(w), "400 badSignatureAlgorithm",
                       "400 badSignatureAlgorithm" if alg not in (
                           "PS256", "RS384", "RS512", "ES256K", "")
                       else "4xx *")
    if answer.problem == "badSignatureAlgorithm":
        found = answer.json.get("algorithms")
        w.need(isinstance(found, list) and "ES256" in found,
               f"algorithms: {found!r}", "member algorithms with ES256")


@check("AC-38", "design", "member algorithms: what is switched on, in order")
def algorithms_member(w):
    answer = w.refused(claims("none")(w), "400 badSignatureAlgorithm")
    found = answer.json.get("algorithms")
    w.need(isinstance(found, list) and found == [
        a for a in ALGORITHMS if a in found], f"{found}", f"{ALGORITHMS}")


@check("AC-38", "RFC 8555 6.2", "an HMAC with the public key as its key")
def hmac_confusion(w):
    class Confused:
        alg = "HS256"

        def sign(self, message):
            return hmac.digest(compact(w.alice.key.jwk).encode(), message,
                            "sha256")

    w.refused(w.post(w.alice.kid, None, Confused(), w.alice.kid),
              "400 badSignatureAlgorithm", "400 badSignatureAlgorithm")


@table("AC-38, AC-39", "RFC 8555 6.2, 7.3", "an account with this algorithm", [
    ("ES256 (must)", "ES256"), ("RS256", "RS256"), ("ES384", "ES384"),
    ("ES512", "ES512"), ("EdDSA", "EdDSA"), ("Ed25519 (RFC 9864)",
                                             "Ed25519")])
def good_algorithms(w, alg):
    named = {"ES256": "alice", "RS256": "bob", "ES384": "gone",
             "ES512": "es512", "EdDSA": "eddsa", "Ed25519": "ed25519"}
    if f"account {named[alg]}" in w.made:
        account = w.account(named[alg], alg)
        w.see(account.created, "201")
        return
    account = w.new_account(named[alg], Key(alg))
    if account.created.problem in ("badSignatureAlgorithm", "badPublicKey") \
            and alg != "ES256" and not w.strict:
        raise Skip(f"not offered: {account.created}")
    w.status(account.created, 201, 200)
    w.made[f"account {named[alg]}"] = account
    if alg != "ES384":
        w.status(account.post(account.kid), 200)


@check("AC-39", "RFC 8555 6.2", "alg of another curve than jwk's")
def curve_mismatch(w):
    key = Key("ES256")
    key.alg = "ES384"
    jwk = key.jwk
    w.refused(new_key(w, NoKey("ES384", jwk, 96)), "400 badPublicKey",
              "400 badPublicKey|malformed|badSignatureAlgorithm")


@table("AC-39", "RFC 8555 6.2", "alg that does not fit the account's key", [
    ("RS256", "RS256"), ("ES384", "ES384"), ("EdDSA", "EdDSA")])
def kid_mismatch(w, alg):
    w.refused(read(w, header={"alg": alg}), "400 malformed")


# --- keys -----------------------------------------------------------------

def new_key(w, key):
    """newAccount that would create nothing, with this key."""
    return w.post(w.directory["newAccount"], {"onlyReturnExisting": True},
                  key)


def with_jwk(change):
    """A right P-256 signature under a JWK that was changed."""
    def make():
        key = Key("ES256")
        key.jwk = change(dict(key.jwk))
        return key
    return make


P256 = 2 ** 256 - 2 ** 224 + 2 ** 192 + 2 ** 96 - 1
BAD_KEYS = [
    ("P-256: point not on the curve", "RFC 7518 6.2.1", with_jwk(
        lambda j: j | {"y": b64(secrets.token_bytes(32))})),
    ("P-256: coordinate not below the prime", "RFC 7518 6.2.1", with_jwk(
        lambda j: j | {"x": b64((P256 + 1).to_bytes(32, "big"))})),
    ("P-256: (0, 0)", "RFC 7518 6.2.1", with_jwk(
        lambda j: j | {"x": b64(bytes(32)), "y": b64(bytes(32))})),
    ("P-256: coordinate of 33 octets", "RFC 7518 6.2.1.2", with_jwk(
        lambda j: j | {"x": b64(b"\0" + unb64(j["x"]))})),
    ("P-256: coordinate of 31 octets", "RFC 7518 6.2.1.2", with_jwk(
        lambda j: j | {"x": b64(unb64(j["x"])[:31])})),
    ("P-256: y is missing", "RFC 7518 6.2.1", with_jwk(
        lambda j: {k: v for k, v in j.items() if k != "y"})),
    ("unknown curve secp256k1", "RFC 8555 6.2", with_jwk(
        lambda j: j | {"crv": "secp256k1"})),
    ("Ed448", "RFC 8555 6.2", lambda: NoKey("EdDSA", {
        "kty": "OKP", "crv": "Ed448", "x": b64(bytes(57))}, 114)),
    ("X25519", "RFC 8037 3.1", lambda: NoKey("EdDSA", {
        "kty": "OKP", "crv": "X25519", "x": Key("EdDSA").jwk["x"]})),
    ("Ed25519: 31 octets", "RFC 8037 2", lambda: NoKey("EdDSA", {
        "kty": "OKP", "crv": "Ed25519", "x": b64(bytes(31))})),
    ("symmetric key", "RFC 8555 6.2", lambda: NoKey("ES256", {
        "kty": "oct", "k": b64(bytes(32))})),
    ("unknown kty", "RFC 8555 6.2", lambda: NoKey("ES256", {"kty": "XX"})),
    ("RSA of 1024 bits", "RFC 7518 3.3", lambda: small_rsa()),
]
WEAK_KEYS = [
    ("private member d", with_jwk(lambda j: j | {"d": b64(bytes(32))})),
    ("member k", with_jwk(lambda j: j | {"k": b64(bytes(32))})),
    ("alg in the JWK differs", with_jwk(lambda j: j | {"alg": "ES384"})),
    ("use: enc", with_jwk(lambda j: j | {"use": "enc"})),
    ("key_ops without verify", with_jwk(lambda j: j | {"key_ops": ["sign"]})),
    ("Ed25519: the neutral point", IdentityKey),
    ("Ed25519: y not below p", lambda: NoKey("EdDSA", {
        "kty": "OKP", "crv": "Ed25519",
        "x": b64((2 ** 255 - 19 + 3).to_bytes(32, "little"))})),
    ("RSA: exponent 3", lambda: small_exponent()),
    ("RSA: even exponent", lambda: changed_rsa("e", 65538)),
    ("RSA: even modulus", lambda: rsa_small_factor(2)),
    ("RSA: modulus divisible by 751", lambda: rsa_small_factor(751)),
    ("RSA: primes that are close", rsa_close_primes),
    ("RSA: modulus of 8192 bits", lambda: huge_rsa()),
]


def small_rsa():
    return Key("RS256", rsa.generate_private_key(65537, 1024))


def small_exponent():
    return Key("RS256", rsa.generate_private_key(3, 2048))


def changed_rsa(member, value):
    key = Key("RS256")
    key.jwk = dict(key.jwk, **{member: b64(value.to_bytes(3, "big"))})
    return key


def huge_rsa():
    n = 1 << 8191 | secrets.randbits(8190) | 1
    return NoKey("RS256", RawRsaKey(n, 1).jwk, 1024)


def key_check(name, source, make):
    rules = "AC-43" if name.startswith(("Ed25519", "Ed448", "X25519")) else \
        "AC-42" if name.startswith("RSA") else \
        "AC-41" if name.startswith("P-256") else "AC-40"

    @check(rules, source, f"key refused: {name}")
    def _(w):
        key = make()
        answer = new_key(w, key)
        if answer.problem == "accountDoesNotExist" and not w.strict:
            # Some look at the key only when an account is to be made.
            answer = w.post(w.directory["newAccount"],
                            {"termsOfServiceAgreed": True}, key)
        w.refused(answer, "400 badPublicKey",
                  "400 badPublicKey|malformed|badSignatureAlgorithm")


for _name, _source, _make in BAD_KEYS:
    key_check(_name, _source, _make)
for _name, _make in WEAK_KEYS:
    key_check(_name, "design", _make)


@check("AC-40", "RFC 7517 4", "unknown members of a JWK are ignored")
def jwk_members(w):
    key = Key("ES256")
    key.jwk = key.jwk | {"x-unknown": 1, "kid": "mine", "use": "sig",
                         "alg": "ES256", "key_ops": ["verify"]}
    w.refused(new_key(w, key), "400 accountDoesNotExist",
              "400 accountDoesNotExist")


@check("AC-41, AC-47", "RFC 7518 6.2.1.2", "P-256 with a zero octet first in x"
       " is one key, the same at each request")
def leading_zero(w):
    while True:
        key = Key("ES256")
        if key.private.public_key().public_numbers().x < 1 << 248:
            break
    w.refused(new_key(w, key), "400 accountDoesNotExist",
              "400 accountDoesNotExist")


@check("AC-42", "design", "RSA with a superfluous zero octet is the same key")
def rsa_zero(w):
    key = Key("RS256", w.bob.key.private)
    key.jwk = dict(key.jwk, n=b64(b"\0" + unb64(key.jwk["n"])))
    answer = w.status(new_key(w, key), 200)
    w.need(answer.one("Location") == w.bob.kid, f"{answer.all('Location')}",
           "the account of that key")


@check("AC-47", "RFC 7638", "the order of a JWK's members is nothing")
def jwk_order(w):
    key = Key("ES256", w.alice.key.private)
    key.jwk = dict(sorted(key.jwk.items(), reverse=True))
    answer = w.status(new_key(w, key), 200)
    w.need(answer.one("Location") == w.alice.kid, f"{answer.all('Location')}",
           "the account of that key")


# --- signatures -----------------------------------------------------------

def signature(change):
    def send(w):
        def redo(body):
            return body | {"signature": b64(change(
                unb64(body["signature"])))}
        return read(w, change=redo)
    return send


@table("AC-45", "RFC 7518 3.4", "signature", [
    ("zero r and s", signature(lambda s: bytes(64))),
    ("cut short", signature(lambda s: s[:-1])),
    ("longer", signature(lambda s: s + b"\0")),
    ("one bit changed", signature(lambda s: s[:-1] + bytes([s[-1] ^ 1]))),
    ("empty", signature(lambda s: b""))])
def bad_signature(w, send):
    w.refused(send(w), "400 malformed")


@check("AC-45", "RFC 7518 3.4", "signature: DER instead of r and s")
def der_signature(w):
    class Der(Key):
        def sign(self, message):
            return self.sign_der(message)

    w.refused(w.post(w.alice.kid, None, Der("ES256", w.alice.key.private),
                     w.alice.kid), "400 malformed")


@check("AC-45", "RFC 8555 6.2", "signature: made with another key")
def other_key(w):
    w.refused(w.post(w.alice.kid, None, Key("ES256"), w.alice.kid),
              "400 malformed", "4xx *")


@check("AC-45", "RFC 7515 5.2", "signature: over another payload")
def other_payload(w):
    w.refused(update(w, {"contact": []}, change=lambda b: b | {
        "payload": b64(b'{"status":"deactivated"}')}), "400 malformed")


# --- kid, url, POST-as-GET ------------------------------------------------

@table("AC-48", "RFC 8555 6.2", "kid", [
    ("relative", lambda u: "/" + u.split("/", 3)[3],
     "400 malformed", "4xx *"),
    ("bare id", lambda u: u.rpartition("/")[2], "400 malformed", "4xx *"),
    ("another host", lambda u: "https://evil.example/"
     + u.split("/", 3)[3], "400 malformed", "4xx *"),
    ("of no account", invented, "400 accountDoesNotExist",
     "400|401|403 accountDoesNotExist|malformed|unauthorized"),
    ("empty", lambda u: "", "400 malformed", "4xx *")])
def kids(w, change, ours, rfc):
    w.refused(w.post(w.alice.kid, None, w.alice.key,
                     change(w.alice.kid)), ours, rfc)


@check("AC-48", "RFC 8555 6.2", "kid of another account")
def foreign_kid(w):
    w.refused(w.post(w.bob.kid, None, Key(w.bob.key.alg), w.bob.kid),
              "400 malformed")


@table("AC-50", "RFC 8555 6.4", "url that is not the request's", [
    ("http", lambda u: u.replace("https:", "http:", 1)),
    ("slash at the end", lambda u: u + "/"),
    ("a query", lambda u: u + "?x=1"),
    ("another resource", lambda u: u + "x"),
    ("another host", lambda u: "https://evil.example/"
     + u.split("/", 3)[3])])
def urls(w, change):
    w.refused(read(w, header={"url": change(w.alice.kid)}),
              "401 unauthorized", "4xx *")


@table("AC-50", "design", "url spelled otherwise", [
    ("host in upper case", lambda u: "/".join(
        [p.upper() if i == 2 else p for i, p in enumerate(u.split("/"))])),
    ("a percent-encoded letter", lambda u: u[:-1] + f"%{ord(u[-1]):02x}")])
def url_spellings(w, change):
    changed = change(w.alice.kid)
    if changed == w.alice.kid:
        raise Skip("the URL has no letter to change")
    w.refused(read(w, header={"url": changed}), "401 unauthorized")


@table("AC-51", "RFC 8555 6.3", "what cannot be read", [
    (n, n) for n in ("newOrder", "newAuthz", "keyChange", "revokeCert")])
def not_readable(w, name):
    if not w.has(name):
        raise Skip(f"not offered: {name}")
    w.refused(w.alice.post(w.directory[name]), "400 malformed")


@table("AC-51", "design", "what can only be read, with {}", [
    ("directory", lambda w: w.directory_url),
    ("newNonce", lambda w: w.directory["newNonce"]),
    ("order", lambda w: w.pending.url)])
def only_readable(w, url):
    w.refused(w.alice.post(url(w), {}), "400 malformed")


@table("AC-51", "RFC 8555 6.3, 7.3.2", "payload that is no object", [
    ("array", b"[]"), ("null", b"null"), ("string", b'"x"'), ("1", b"1")])
def no_object(w, octets):
    w.refused(update(w, octets), "400 malformed")


# --- which fault is told first --------------------------------------------

STALE = "Q29uZm9ybWFuY2UtdGVzdC1ub25jZS1ub3QteW91cnM"


def bad(body):
    return body | {"signature": b64(bytes(64))}


def two(w, what):
    """A request to Alice's account with these faults at once."""
    how, kid, url, key = {}, w.alice.kid, w.alice.kid, w.alice.key
    header, account = {}, w.alice
    payload = None
    if "deactivated" in what:
        account = w.gone
        kid, url, key = account.kid, account.kid, account.key
    if "absent" in what:
        url = invented(w.pending.url)
    if "object" in what:
        payload = {}
    if "404" in what:
        url = w.directory["newOrder"].rpartition("/")[0] + "/no-such-thing"
    if "415" in what:
        how["content_type"] = "application/json"
    if "json" in what:
        how["change"] = lambda b: compact(b).encode() + b"x"
    if "members" in what:
        how["change"] = without("signature")
    if "payload" in what:
        how["payload_text"] = "AA=="
    if "crit" in what:
        header["crit"] = ["x"]
    if "keys" in what:
        header["jwk"] = key.jwk
    if "alg" in what:
        header["alg"] = "none"
    if "nonce" in what:
        how["nonce"] = STALE
    if "url" in what:
        header["url"] = url + "x"
    if "kid" in what:
        kid = invented(kid)
    if "fit" in what:
        header["alg"] = "RS256"
    if "signature" in what:
        how["change"] = bad
    return w.post(url, payload, key, kid, header=header, **how)


PAIRS = [
    ("no resource before the media type", "404 415", "404 malformed"),
    ("media type before JSON", "415 json", "415 malformed"),
    ("members of the JWS before alg", "members alg", "400 malformed"),
    ("base64url of the payload before alg", "payload alg", "400 malformed"),
    ("crit before alg", "crit alg", "400 malformed"),
    ("kid and jwk before alg", "keys alg", "400 malformed"),
    ("crit before the nonce", "crit nonce", "400 malformed"),
    ("alg before the nonce", "alg nonce", "400 badSignatureAlgorithm"),
    ("alg before url", "alg url", "400 badSignatureAlgorithm"),
    ("nonce before url", "nonce url", "400 badNonce"),
    ("nonce before kid", "nonce kid", "400 badNonce"),
    ("nonce before the signature", "nonce signature", "400 badNonce"),
    ("nonce before the account's status", "nonce deactivated",
     "400 badNonce"),
    ("url before kid", "url kid", "401 unauthorized"),
    ("url before the signature", "url signature", "401 unauthorized"),
    ("kid before whether alg fits", "kid fit", "400 accountDoesNotExist"),
    ("kid before the signature", "kid signature", "400 accountDoesNotExist"),
    ("signature before the account's status", "signature deactivated",
     "400 malformed"),
    ("signature before what exists", "signature absent", "400 malformed"),
    ("account's status before what exists", "deactivated absent",
     "401 unauthorized"),
    ("payload before what exists", "absent object", "400 malformed"),
]


@table("AC-52", "design", "order of checks", PAIRS)
def pairs(w, what, ours):
    w.refused(two(w, what.split()), ours)


@check("AC-53", "design", "a request with a bad signature makes no account")
def nothing_made(w):
    key = Key("ES256")
    w.need(w.post(w.directory["newAccount"], {"termsOfServiceAgreed": True},
                  key, change=bad).status >= 400, w.seen, "refused")
    w.refused(new_key(w, key), "400 accountDoesNotExist",
              "400 accountDoesNotExist")
