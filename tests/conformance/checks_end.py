"""What must hold for every answer that came: looked at when all else is
done."""

import json
import re

from jose import unb64
from report import Skip, check
from wire import PROBLEM
from world import TYPES


def every(w, question, expected, kind="acme"):
    """The question of each answer: None, or what is wrong with it."""
    w.expected = expected
    bad, count = [], 0
    for answer in w.wire.answers:
        if kind and answer.kind != kind:
            continue
        count += 1
        fault = question(answer)
        if fault:
            bad.append((answer, fault))
    w.seen = f"{count} answers"
    if not count:
        raise Skip("no answers")
    if bad:
        answer, fault = bad[0]
        w.need(False, f"{len(bad)} of {count}; {answer.method} {answer.url}:"
               f" {fault}", expected, answer)


@check("AC-11", "RFC 8555 6.7, 7.1", "every answer: its media type")
def media_types(w):
    def look(a):
        if not a.body:
            return None
        said = a.media_type.lower()
        if a.status >= 400:
            return None if said == "application/problem+json" else said
        if said in ("application/pem-certificate-chain",
                    "application/pkix-cert"):
            return None
        return None if said == "application/json" else said
    every(w, look, "application/json, application/problem+json")


@check("AC-11", "design", "every answer: no parameter in its media type")
def no_charset(w):
    every(w, lambda a: a.one("Content-Type") if ";" in (
        a.one("Content-Type") or "") else None, "no charset")


@check("AC-13", "design", "every problem: Content-Language: en")
def languages(w):
    every(w, lambda a: f"{a.all('Content-Language')}" if a.status >= 400
          and a.all("Content-Language") != ["en"] else None, "en")


@check("AC-14", "design", "every answer: CORS fields")
def cors(w):
    def look(a):
        if a.all("Access-Control-Allow-Credentials"):
            return "Access-Control-Allow-Credentials"
        for name, value in (
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Expose-Headers",
                 "Link, Location, Replay-Nonce, Retry-After")):
            if a.one(name) != value:
                return f"{name}: {a.all(name)}"
        return None
    every(w, look, "Access-Control-Allow-Origin: *, the exposed fields")


@check("AC-15", "RFC 8555 7.1", "every answer but the directory: Link index")
def index(w):
    def look(a):
        if a.method == "OPTIONS" and not w.strict:
            return None
        if a.status >= 400 and not w.strict:
            return None
        links = a.links("index")
        if a.url == w.directory_url and a.status == 200:
            return "an index link" if links and w.strict else None
        # A revocation's answer is a resource too; only a GET of what ACME
        # does not define could be without.
        return None if w.directory_url in links else f"Link: {a.all('Link')}"
    every(w, look, f"Link: <{w.directory_url}>;rel=\"index\"")


@check("AC-16", "RFC 8555 7.5.1", "every challenge: Link up to its "
       "authorization")
def up(w):
    def look(a):
        if a.status != 200 or a.json.get("type") != "email-reply-00":
            return None
        return None if a.links("up") else f"Link: {a.all('Link')}"
    every(w, look, "Link: <authorization>;rel=\"up\"")


@check("AC-17, AC-169", "design", "every answer: Cache-Control")
def caching(w):
    renewal = w.directory.get("renewalInfo", " ")

    def look(a):
        said = a.one("Cache-Control") or ""
        if a.url == w.directory_url and a.status == 200 \
                and a.method in ("GET", "HEAD"):
            return None if said == "public, max-age=300" else repr(said)
        if a.url.startswith(renewal) and a.status == 200:
            return None if said.startswith("public, max-age=") else repr(said)
        if a.url == w.directory_url and a.status == 200:
            return None
        return None if said == "no-store" else repr(said)
    every(w, look, "no-store, but for the directory and renewalInfo")


@check("AC-18", "RFC 8555 6.5", "every successful POST: one Replay-Nonce")
def nonces(w):
    def look(a):
        found = len(a.all("Replay-Nonce"))
        if found > 1:
            return f"{found} nonces"
        if a.method == "POST" and a.status < 300:
            return None if found else "no Replay-Nonce"
        return None
    every(w, look, "one nonce")


@check("AC-18", "design", "every POST: Replay-Nonce; no other method but for "
       "newNonce")
def nonce_fields(w):
    def look(a):
        found = len(a.all("Replay-Nonce"))
        wanted = a.method == "POST" or (
            a.url == w.directory["newNonce"] and a.method in ("GET", "HEAD"))
        return None if found == wanted else f"{a.status}, {found} nonces"
    every(w, look, "a nonce for each POST")


@check("AC-19", "design", "every answer: HSTS, nosniff, no version")
def security(w):
    def look(a):
        if a.one("Strict-Transport-Security") != "max-age=31536000":
            return f"HSTS {a.all('Strict-Transport-Security')}"
        if a.one("X-Content-Type-Options") != "nosniff":
            return f"nosniff {a.all('X-Content-Type-Options')}"
        if re.search(r"\d", "".join(a.all("Server"))):
            return f"Server: {a.all('Server')}"
        return None
    every(w, look, "the security fields")


TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?"
                  r"([Zz]|[+-]\d\d:\d\d)")
TIMES = {"expires", "notBefore", "notAfter", "validated", "start", "end"}


def walk(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


@check("AC-20", "RFC 8555 7.1.3, RFC 3339", "every time in JSON")
def times(w):
    def look(a):
        if a.status >= 300:
            return None
        for name, value in walk(a.json):
            if name in TIMES and isinstance(value, str):
                match = TIME.fullmatch(value)
                if not match or (w.strict and (match[1] or match[2] != "Z"
                                               or "t" in value)):
                    return f"{name}: {value}"
        return None
    every(w, look, "RFC 3339" + (", whole seconds, Z" if w.strict else ""))


@check("AC-20", "RFC 9110 10.2.3", "every Retry-After")
def retry_after(w):
    def look(a):
        for value in a.all("Retry-After"):
            if not value.isdigit() and (w.strict or not re.match(
                    r"[A-Z][a-z]{2}, \d\d ", value)):
                return value
        return None
    every(w, look, "seconds" + ("" if w.strict else " or a date"), None)


@check("AC-100, AC-190", "design", "Retry-After while an order is processing, "
       "not in final states")
def retry_states(w):
    def look(a):
        if a.status != 200 or "finalize" not in a.json:
            return None
        has = bool(a.all("Retry-After"))
        status = a.json.get("status")
        if status in ("pending", "ready"):
            return None
        wanted = status == "processing"
        return None if has == wanted else f"{status}: {has}"
    every(w, look, "Retry-After in processing, not in valid and invalid")


@check("AC-192", "RFC 8555 6.7, RFC 9457 3.1", "every problem document: type,"
       " detail, status")
def problems(w):
    def look(a):
        if a.status < 400 or not a.body:
            return "no problem document" if a.status >= 400 and w.strict \
                and a.method != "HEAD" else None
        found = a.json
        if not isinstance(found.get("type"), str):
            return f"type: {found.get('type')!r}"
        if "status" in found and found["status"] != a.status:
            return f"status {found['status']} in a {a.status}"
        if "detail" in found and not isinstance(found["detail"], str):
            return f"detail: {found['detail']!r}"
        if w.strict:
            extra = set(found) - {"type", "detail", "status", "subproblems",
                                  "instance", "algorithms"}
            if extra or not {"type", "detail", "status"} <= set(found):
                return f"members {sorted(found)}"
        return None
    every(w, look, "RFC 9457")


@check("AC-38, AC-80", "RFC 8555 6.2", "every badSignatureAlgorithm: which "
       "algorithms would be right")
def algorithms(w):
    def look(a):
        if a.problem != "badSignatureAlgorithm":
            return None
        listed = a.json.get("algorithms")
        right = isinstance(listed, list) and listed and \
            all(isinstance(name, str) for name in listed)
        return None if right else f"algorithms: {listed!r}"
    every(w, look, "algorithms in each")


@check("AC-193", "RFC 8555 6.7, 9.7.4", "every type below "
       "urn:ietf:params:acme:error: is registered")
def vocabulary(w):
    known = TYPES | {"invalidProfile"}

    def look(a):
        for name, value in walk(a.json):
            if name == "type" and isinstance(value, str) and \
                    value.startswith(PROBLEM) and \
                    value.removeprefix(PROBLEM) not in known:
                return value
        return None
    every(w, look, "registered types", None)


@check("AC-194", "RFC 9110 15.6", "no answer was a server's error")
def no_failures(w):
    def look(a):
        if a.status >= 500 and (a.status, a.kind) != (501, "raw"):
            return f"{a} for {a.sent[-300:]!r}"
        return None
    every(w, look, "never 5xx", None)


@check("AC-191", "RFC 8555 6.6", "every 429: rateLimited, Retry-After")
def rate_limited(w):
    seen = [a for a in w.wire.answers if a.status == 429]
    if not seen:
        raise Skip("no limit was met")
    for a in seen:
        w.see(a, "429 rateLimited, Retry-After")
        w.need(a.problem == "rateLimited" and a.all("Retry-After"),
               f"{a}, Retry-After: {a.all('Retry-After')}", answer=a)


def said(octets, depth=3):
    """What a request says, with its payload and the one inside of that."""
    text = octets.decode("utf-8", "replace")
    try:
        inner = unb64(json.loads(octets[octets.index(b"{"):])["payload"])
    except (ValueError, KeyError, TypeError):
        return text
    return text + (said(inner, depth - 1) if depth else "")


@check("AC-177", "RFC 8555 10.5", "no answer to one account names an object "
       "of another")
def taint(w):
    def look(a):
        if a.account is None:
            return None
        text = a.body.decode("utf-8", "replace") \
            + " ".join(a.all("Location") + a.all("Link"))
        for url, owner in w.owners.items():
            if owner != a.account and a.url != url and not a.url.startswith(
                    url + "/") and json.dumps(url)[1:-1] in text and \
                    url not in said(a.sent) and \
                    not (a.url == w.directory.get("keyChange")
                         and url in a.all("Location")):
                return f"{a.account} sees {url} of {owner}"
        return None
    every(w, look, "only one's own URLs")


@check("AC-112", "RFC 8823 6", "token-part1 is in no answer")
def secrets(w):
    if not w.secrets:
        raise Skip("no challenge mail was read")

    def look(a):
        text = a.dump() + a.body.decode("utf-8", "replace")
        return "token-part1" if any(s in text for s in w.secrets) else None
    every(w, look, "never", None)
