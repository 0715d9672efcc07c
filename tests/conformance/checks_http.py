"""Transport: TLS, hosts, framing, sizes, targets, methods, media types; the
directory and nonces."""

import json
import re
import socket
import ssl
import threading
import time
import warnings

from jose import ORDER_P256, Key, b64, unb64
from report import Skip, check, table
from wire import NoAnswer, read_answer
from world import DROP, JOSE, invented

LONGEST_BODY = 262145       # above every bound that max_body may have


def head(w, line, *fields, host=True, agent=True):
    """A request's text up to its blank line."""
    lines = [line + " HTTP/1.1"]
    if host:
        lines.append(f"Host: {w.wire.authority}")
    if agent:
        lines.append("User-Agent: acme-conformance/1")
    return "\r\n".join([*lines, *fields]).encode("latin-1") + b"\r\n\r\n"


def path_of(w, url):
    return "/" + url.split("/", 3)[3] if url.count("/") > 2 else "/"


def raw(w, octets):
    """The answer to exactly this. A server that closes without a word has
    refused it too: status 0."""
    try:
        return w.see(w.wire.exchange(octets))
    except NoAnswer:
        return None


def refused_raw(w, octets, ours, rfc="4xx *"):
    answer = raw(w, octets)
    if answer is None:
        w.expected, w.seen = ours, "connection closed"
        return
    w.refused(answer, ours, rfc)


# --- TLS ------------------------------------------------------------------

@check("AC-1", "RFC 8555 6.1", "no ACME without TLS on this port")
def plain_http(w):
    w.expected = "no HTTP answer of the ACME server"
    with socket.create_connection((w.wire.host, w.wire.port), 20) as s:
        s.settimeout(20)
        s.sendall(head(w, f"GET {path_of(w, w.directory_url)}"))
        try:
            got = s.recv(65536)
        except OSError:
            got = b""
    w.seen = repr(got[:60])
    w.need(b"newNonce" not in got and not got.startswith(b"HTTP/1.1 200"),
           w.seen)


def handshake(w, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = context.maximum_version = version
    try:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with w.wire.connect(context) as s:
            return s.version()
    except (ssl.SSLError, OSError):
        return None


@check("AC-1", "design", "TLS 1.1 is refused")
def old_tls(w):
    got = handshake(w, ssl.TLSVersion.TLSv1_1)
    w.need(got is None, f"{got}", "no handshake")


@check("AC-1", "RFC 9325 3.1.1", "TLS 1.2 or 1.3 is spoken")
def new_tls(w):
    got = [handshake(w, v) for v in (ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3)]
    w.seen = ", ".join(filter(None, got))
    w.need(any(got), "neither", "TLSv1.2 or TLSv1.3")


# --- hosts and framing ----------------------------------------------------

@table("AC-3", "design", "Host of another server", [
    ("another name", "evil.example"),
    ("our name as a prefix", "{}.evil.example"),
    ("another port", "{name}:1")])
def other_host(w, host):
    host = host.format(w.wire.authority, name=w.wire.host)
    answer = w.wire.exchange(head(w, f"GET {path_of(w, w.directory_url)}",
                                  f"Host: {host}", "Connection: close",
                                  host=False))
    w.refused(answer, "421 malformed")


@check("AC-3", "RFC 9112 3.2", "HTTP/1.1 without Host")
def no_host(w):
    refused_raw(w, head(w, f"GET {path_of(w, w.directory_url)}",
                        "Connection: close", host=False), "400")


@check("AC-3", "design", "X-Forwarded-Host and Forwarded change no URL")
def forwarded(w):
    answer = w.wire.request("GET", w.directory_url, [
        ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http"),
        ("Forwarded", "host=evil.example;proto=http")])
    w.status(answer, 200)
    w.need(answer.json == w.directory, repr(answer.body[:200]),
           "the same directory")


# What the body's length is; and what the header section is.
LENGTHS = [
    ("two Content-Length", "Content-Length: 2\r\nContent-Length: 3"),
    ("a negative Content-Length", "Content-Length: -1"),
    ("a Content-Length that is no number", "Content-Length: 2x"),
    ("an unknown Transfer-Encoding", "Transfer-Encoding: x"),
]
SECTIONS = [
    ("a blank before the colon", "RFC 9112 5.1", "X-A : b"),
    ("NUL in a field", "RFC 9110 5.5", "X-A: a\0b"),
    ("a bare CR in a field", "RFC 9112 2.2", "X-A: a\rX-B: b"),
    ("a bare LF between fields", "design", "X-A: a\nX-B: b"),
    ("obsolete line folding", "RFC 9112 5.2", "X-A: a\r\n b"),
]


def bad_length(w, fields):
    """An ACME server answers a well-framed {} with 400 too: what tells the
    two apart is that the connection ends here."""
    octets = head(w, f"POST {path_of(w, w.directory['newOrder'])}",
                  f"Content-Type: {JOSE}", fields) + b"{}"
    answer = raw(w, octets)
    w.expected = "4xx or 501, closed"
    if answer is None:
        w.seen = "connection closed"
        return
    ours = (400,) if w.strict and "coding: x" not in fields else \
        (400, 411, 413, 415, 501)
    w.need(answer.status in ours and answer.closed, f"{answer.status}, "
           f"{'closed' if answer.closed else 'open'}")


@table("AC-4", "RFC 9112 6.3", "framing", LENGTHS)
def lengths(w, fields):
    bad_length(w, fields)


@check("AC-4", "design", "framing: Content-Length and Transfer-Encoding")
def both_lengths(w):
    bad_length(w, "Content-Length: 2\r\nTransfer-Encoding: chunked")


def section_check(name, source, field):
    @check("AC-4", source, f"framing: {name}")
    def _(w):
        answer = raw(w, head(w, f"GET {path_of(w, w.directory_url)}", field,
                             "Connection: close"))
        if name == "obsolete line folding" and not w.strict:
            # A recipient may replace it by blanks instead.
            w.status(answer, 400, 200)
        elif answer is None:
            w.expected, w.seen = "400", "connection closed"
        else:
            w.status(answer, 400)


for _row in SECTIONS:
    section_check(*_row)


@table("AC-5", "design", "limits", [
    ("request line of 2049 octets", "line", 414),
    ("header section of 17000 octets", "header", 431),
    ("body above every limit, by Content-Length", "body", 413)])
def too_large(w, what, status):
    path = path_of(w, w.directory["newOrder"])
    octets = {
        "line": lambda: head(w, "GET /" + "x" * 2100, "Connection: close"),
        "header": lambda: head(w, f"GET {path_of(w, w.directory_url)}",
                               "X-A: " + "x" * 17000, "Connection: close"),
        "body": lambda: head(w, f"POST {path}", f"Content-Type: {JOSE}",
                             f"Content-Length: {LONGEST_BODY}",
                             "Connection: close"),
    }[what]()
    answer = w.see(w.wire.exchange(octets))
    w.status(answer, status)


@check("AC-5", "design", "a chunked body above every limit")
def too_large_chunked(w):
    path = path_of(w, w.directory["newOrder"])
    size = LONGEST_BODY + 4096
    octets = head(w, f"POST {path}", f"Content-Type: {JOSE}",
                  "Transfer-Encoding: chunked", "Connection: close") \

    w.wire.count()
    w.expected = "413, or the connection is closed"
    with w.wire.connect() as s:
        s.settimeout(60)
        try:
            s.sendall(octets)
            for _ in range(0, size, 4096):
                s.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            s.sendall(b"0\r\n\r\n")
        except OSError:
            pass
        try:
            answer = read_answer(s.makefile("rb"), "POST", octets, "")
        except (NoAnswer, OSError, ValueError):
            w.seen = "connection closed"
            return
    w.see(answer)
    w.need(answer.status == 413, w.seen)


@check("AC-5", "design", "a body that never ends is cut off (--slow)")
def slow_body(w):
    if not w.options.slow:
        raise Skip("up to 125 s: give --slow")
    octets = head(w, f"POST {path_of(w, w.directory['newOrder'])}",
                  f"Content-Type: {JOSE}", "Content-Length: 1000")
    w.wire.count()
    begun = time.monotonic()
    with w.wire.connect() as s:
        s.sendall(octets)
        try:
            while time.monotonic() - begun < 125:
                s.sendall(b" ")
                time.sleep(0.5)
        except OSError:
            pass
    took = time.monotonic() - begun
    w.seen = f"after {took:.0f} s"
    w.need(took < 125, "still open after 125 s", "408 or closed in 120 s")


# --- targets and methods --------------------------------------------------

@table("AC-6", "design", "another spelling of a target is no resource", [
    ("doubled slash", lambda p: p.replace("/", "//", 2)[1:]
     if p.count("/") > 1 else "/" + p),
    ("slash at the end", lambda p: p + "/"),
    ("percent-encoded letter", lambda p: p[:-1] + f"%{ord(p[-1]):02x}"),
    ("query", lambda p: p + "?x=1"),
    ("dot segments", lambda p: "/x/.." + p),
    ("upper case", lambda p: p.upper())])
def spelling(w, change):
    url = w.directory["newOrder"]
    path = path_of(w, url)
    answer = w.send_jose(url[:-len(path)] + change(path), b"{}")
    w.refused(answer, "404 malformed")


def kind_of(w):
    """What lies outside of ACME need not answer in its way."""
    return "acme" if w.strict else "raw"


@check("AC-6", "RFC 9110 15.5.5", "a target that is nothing: 404")
def nothing(w):
    url = w.directory["newOrder"].rpartition("/")[0] + "/no-such-thing"
    w.refused(w.send_jose(url, b"{}", kind=kind_of(w)), "404 malformed",
              "404")


def allowed(answer):
    return {m.strip() for m in (answer.one("Allow") or "").split(",")}


@check("AC-7", "RFC 8555 6.3", "GET of newOrder: 405")
def get_signed(w):
    answer = w.wire.request("GET", w.directory["newOrder"])
    w.refused(answer, "405 malformed", "405 *")


@check("AC-7", "RFC 9110 15.5.6", "405 lists the methods in Allow")
def allow_field(w):
    answer = w.see(w.wire.request("GET", w.directory["newOrder"]))
    w.need("POST" in allowed(answer), f"Allow: {answer.all('Allow')}",
           "Allow with POST")
    if w.strict:
        w.need(allowed(answer) == {"POST", "OPTIONS"},
               f"Allow: {answer.all('Allow')}", "Allow: POST, OPTIONS")


@table("AC-7", "design", "other methods", [
    ("PUT directory", "PUT", None, {"GET", "HEAD", "POST", "OPTIONS"}),
    ("DELETE newNonce", "DELETE", "newNonce",
     {"GET", "HEAD", "POST", "OPTIONS"}),
    ("HEAD newAccount", "HEAD", "newAccount", {"POST", "OPTIONS"}),
    ("PATCH newAccount", "PATCH", "newAccount", {"POST", "OPTIONS"})])
def methods(w, method, name, allow):
    url = w.directory[name] if name else w.directory_url
    answer = w.status(w.wire.request(method, url), 405)
    w.need(allowed(answer) == allow, f"Allow: {answer.all('Allow')}",
           f"405, Allow: {', '.join(sorted(allow))}")


@check("AC-7", "RFC 8555 6.3, 10.5", "GET tells nothing of what exists")
def get_reveals(w):
    order = w.pending
    real = w.wire.request("GET", order.url)
    other = w.wire.request("GET", invented(order.url))
    w.see(real, "405, the same for both")
    w.need((real.status, real.problem) == (other.status, other.problem)
           and real.status == 405, f"{real} / {other}")


@check("AC-8", "RFC 9110 9.3.2", "HEAD directory: the fields without a body")
def head_directory(w):
    got = w.wire.request("GET", w.directory_url)
    only = w.status(w.wire.request("HEAD", w.directory_url, fresh=True), 200)
    for name in ("Content-Type", "Content-Length", "Cache-Control"):
        w.need(not only.all(name) or only.all(name) == got.all(name),
               f"{name}: {got.all(name)} / {only.all(name)}",
               "the fields of GET")


# --- media types ----------------------------------------------------------

@table("AC-9", "RFC 8555 6.2", "request media type", [
    ("none", None), ("application/json", "application/json"),
    ("application/jose", "application/jose"), ("text/plain", "text/plain")])
def wrong_type(w, kind):
    answer = w.alice.post(w.alice.kid, content_type=kind)
    w.refused(answer, "415 malformed", "415|400 *")


@table("AC-9", "design", "request media type", [
    ("charset=latin1", f"{JOSE}; charset=latin1"),
    ("another parameter", f"{JOSE}; version=1")])
def wrong_parameter(w, kind):
    w.refused(w.alice.post(w.alice.kid, content_type=kind),
              "415 malformed")


@check("AC-9", "design", "request media type: repeated")
def repeated_type(w):
    w.refused(w.send_jose(w.directory["newOrder"], b"{}",
                          fields=[("Content-Type", JOSE)]), "415 malformed")


@table("AC-9", "RFC 9110 8.3.1", "request media type that is right", [
    ("upper case", "APPLICATION/JOSE+JSON")])
def right_type(w, kind):
    w.status(w.alice.post(w.alice.kid, content_type=kind), 200)


@check("AC-9", "design", "request media type that is right: charset=utf-8")
def with_charset(w):
    w.status(w.alice.post(w.alice.kid, content_type=f"{JOSE}; charset=utf-8"),
             200)


@check("AC-10", "design", "Content-Encoding: gzip")
def gzip_body(w):
    w.refused(w.alice.post(w.alice.kid,
                           fields=[("Content-Encoding", "gzip")]),
              "415 malformed")


@table("AC-12", "design", "User-Agent is never a reason to refuse", [
    ("escape characters", "\x1b[31mred"), ("long", "x" * 3000),
    ("empty", "")])
def agents(w, text):
    w.status(w.wire.request("GET", w.directory_url, [("User-Agent", text)]),
             200)


@check("AC-12", "design", "User-Agent may be missing")
def no_agent(w):
    octets = head(w, f"GET {path_of(w, w.directory_url)}",
                  "Connection: close", agent=False)
    w.status(w.wire.exchange(octets, url=w.directory_url, kind="acme"),
             200)


@check("AC-13", "RFC 9110 12.5.4", "Accept-Language: xx is no error")
def language(w):
    w.status(w.alice.post(w.alice.kid, fields=[("Accept-Language", "xx")]),
             200)


@check("AC-14", "design", "preflight: 204 with what is allowed")
def preflight(w):
    answer = w.status(w.wire.request("OPTIONS", w.directory["newOrder"], [
        ("Origin", "https://app.example"),
        ("Access-Control-Request-Method", "POST")]), 204)
    for name, value in (
            ("Allow", "POST, OPTIONS"),
            ("Access-Control-Allow-Methods", "POST, OPTIONS"),
            ("Access-Control-Allow-Headers",
             "Accept, Accept-Language, Content-Type"),
            ("Access-Control-Max-Age", "86400")):
        w.need(answer.one(name) == value, f"{name}: {answer.all(name)}",
               f"{name}: {value}")
    w.need(not answer.all("Replay-Nonce"), "Replay-Nonce", "no nonce")


@check("AC-17", "RFC 8555 7.2", "newNonce must not be stored by caches")
def nonce_no_store(w):
    for method in "HEAD", "GET":
        answer = w.see(w.wire.request(method, w.directory["newNonce"],
                                      fresh=True))
        said = ", ".join(answer.all("Cache-Control"))
        w.need("no-store" in said, f"{method}: {said!r}", "no-store")


# --- newNonce, and nonces -------------------------------------------------

@check("AC-57", "RFC 8555 7.2", "newNonce: HEAD 200, GET 204, each a nonce")
def new_nonce(w):
    found = []
    for method, status in ("HEAD", 200), ("GET", 204):
        answer = w.status(w.wire.request(method, w.directory["newNonce"],
                                         fresh=True), status)
        w.need(len(answer.all("Replay-Nonce")) == 1 and not answer.body,
               f"{answer.all('Replay-Nonce')} {answer.body[:50]!r}",
               "one nonce, no body")
        found += answer.all("Replay-Nonce")
    w.seen = "200, 204"
    w.need(found[0] != found[1], "twice the same nonce", "another each time")


@check("AC-54", "RFC 8555 6.5.1", "Replay-Nonce is base64url")
def nonce_form(w):
    got = w.wire.request("HEAD", w.directory["newNonce"]).one("Replay-Nonce")
    w.seen = got or ""
    w.need(got and re.fullmatch(r"[A-Za-z0-9_-]+", got), repr(got),
           "base64url")
    if w.strict:
        w.need(len(got) == 43, got, "43 characters")


@check("AC-55", "RFC 8555 6.5", "a nonce is good once")
def replayed_nonce(w):
    nonce = w.nonce()
    first = w.alice.post(w.alice.kid, nonce=nonce)
    w.status(first, 200)
    w.refused(w.alice.post(w.alice.kid, nonce=nonce), "400 badNonce",
              "400 badNonce")


@check("AC-46, AC-55", "RFC 8555 6.5", "the very same octets sent again")
def replayed_request(w):
    body = json.dumps(w.sign(w.alice.kid, None, w.alice.key,
                             w.alice.kid)).encode()
    w.status(w.send_jose(w.alice.kid, body, "alice"), 200)
    w.refused(w.send_jose(w.alice.kid, body, "alice"), "400 badNonce",
              "400 badNonce")


@check("AC-46", "RFC 7518 3.4", "the other form of an ECDSA signature (r, n-s)"
       " is a replay too")
def malleable(w):
    body = w.sign(w.alice.kid, None, w.alice.key, w.alice.kid)
    w.status(w.send_jose(w.alice.kid, dict(body), "alice"), 200)
    signature = unb64(body["signature"])
    s = ORDER_P256 - int.from_bytes(signature[32:], "big")
    body["signature"] = b64(signature[:32] + s.to_bytes(32, "big"))
    w.refused(w.send_jose(w.alice.kid, body, "alice"), "400 badNonce",
              "400 badNonce")


@table("AC-55", "RFC 8555 6.5", "bad nonces", [
    ("missing", None, "400 badNonce", "400|403 badNonce|malformed"),
    ("never issued", "Q29uZm9ybWFuY2UtdGVzdC1ub25jZS1ub3QteW91cnM",
     "400 badNonce", "400 badNonce"),
    ("shortened", "c2hvcnQtbm9u", "400 badNonce", "400 badNonce"),
    ("outside of base64url", "abc=+/", "400 malformed",
     "400 badNonce|malformed"),
    ("a number", 1, "400 malformed", "4xx *"),
    ("empty", "", "400 badNonce", "400 badNonce|malformed")])
def bad_nonces(w, nonce, ours, rfc):
    w.refused(w.alice.post(w.alice.kid, nonce=DROP if nonce is None
                           else nonce), ours, rfc)


@check("AC-55", "design", "a nonce with bits that must be zero")
def nonce_bits(w):
    nonce = w.nonce()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
        "0123456789-_"
    if len(nonce) % 4 == 0:
        raise Skip("its nonces have no unused bits")
    last = alphabet[alphabet.index(nonce[-1]) ^ 1]
    w.refused(w.alice.post(w.alice.kid, nonce=nonce[:-1] + last),
              "400 malformed")


@check("AC-56", "RFC 8555 6.5", "badNonce brings a nonce that is good")
def helpful(w):
    answer = w.alice.post(w.alice.kid, nonce="AAAA")
    w.refused(answer, "400 badNonce", "400 badNonce")
    again = answer.one("Replay-Nonce")
    w.need(again, "no Replay-Nonce", "Replay-Nonce")
    w.status(w.alice.post(w.alice.kid, nonce=again), 200)


@check("AC-55", "RFC 8555 6.5", "a request that failed has spent its nonce")
def spent(w):
    nonce = w.nonce()
    other = Key("ES256")
    answer = w.post(w.alice.kid, None, other, w.alice.kid, nonce=nonce)
    w.need(400 <= answer.status < 500, str(answer), "4xx")
    w.refused(w.alice.post(w.alice.kid, nonce=nonce), "400 badNonce",
              "400 badNonce")


@check("AC-59", "RFC 8555 6.5", "of 12 connections with one nonce one wins")
def race(w):
    body = json.dumps(w.sign(w.alice.kid, None, w.alice.key,
                             w.alice.kid)).encode()
    octets = head(w, f"POST {path_of(w, w.alice.kid)}",
                  f"Content-Type: {JOSE}", f"Content-Length: {len(body)}",
                  "Connection: close") + body
    answers, gate = [], threading.Barrier(12)

    def one():
        try:
            with w.wire.connect() as s:
                gate.wait(30)
                s.sendall(octets)
                answers.append(read_answer(s.makefile("rb"), "POST", octets,
                                           w.alice.kid))
        except (OSError, NoAnswer, threading.BrokenBarrierError):
            gate.abort()

    for _ in range(12):
        w.wire.count()
    threads = [threading.Thread(target=one) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if len(answers) < 12:
        raise Skip(f"only {len(answers)} of 12 connections were served")
    won = sum(a.status == 200 for a in answers)
    lost = sum(a.problem == "badNonce" for a in answers)
    w.seen = f"{won} won, {lost} badNonce"
    w.need((won, lost) == (1, 11), w.seen, "1 won, 11 badNonce")


@check("AC-60", "RFC 8555 6.5", "a nonce is good for any account and resource")
def scope(w):
    bob = w.bob
    answer = w.alice.post(w.alice.kid)
    nonce = answer.one("Replay-Nonce")
    w.need(nonce, "no Replay-Nonce", "Replay-Nonce")
    w.status(bob.post(bob.kid, nonce=nonce), 200)


@check("AC-60", "design", "a Replay-Nonce field in a request is "
       "nothing")
def nonce_field(w):
    w.status(w.alice.post(w.alice.kid, fields=[("Replay-Nonce", "AAAA")]),
             200)


# --- the directory --------------------------------------------------------

@check("AC-61", "RFC 8555 7.1.1", "directory members, absolute https URLs")
def directory(w):
    answer = w.see(w.wire.request("GET", w.directory_url))
    found = w.object(answer, "newNonce", "newAccount", "newOrder",
                     "revokeCert", "keyChange")
    for name, url in found.items():
        if name == "meta":
            continue
        w.need(isinstance(url, str) and url.startswith("https://"),
               f"{name}: {url!r}", "https URLs")


@check("AC-61", "RFC 9773 3", "renewalInfo has no slash at its end",
       needs="renewalInfo")
def renewal_slash(w):
    w.seen = w.directory["renewalInfo"]
    w.need(not w.seen.endswith("/"), w.seen, "no slash")


@check("AC-61", "design", "renewalInfo is offered")
def renewal_offered(w):
    w.seen = ", ".join(w.directory)
    w.need("renewalInfo" in w.directory, w.seen, "renewalInfo")


@check("AC-61", "design", "newAuthz that is not offered: 404")
def no_new_authz(w):
    if w.has("newAuthz"):
        raise Skip("it is offered")
    url = w.directory["newOrder"].rpartition("/")[0] + "/new-authz"
    w.refused(w.alice.post(url, {}), "404 malformed")


@check("AC-62", "RFC 8555 7.1.1", "types in meta")
def meta(w):
    kinds = {"termsOfService": str, "website": str, "caaIdentities": list,
             "externalAccountRequired": bool, "profiles": dict}
    w.expected, w.seen = "types as in the RFC", ", ".join(w.meta)
    for name, kind in kinds.items():
        if name in w.meta:
            w.need(isinstance(w.meta[name], kind),
                   f"{name}: {w.meta[name]!r}")
    if w.strict:
        w.need("externalAccountRequired" in w.meta, w.seen,
               "externalAccountRequired is always told")
        w.need(None not in w.meta.values() and w.meta.get("caaIdentities")
               != [], w.seen, "what is not set is left out")


@check("AC-63", "RFC 8555 6.3", "a signed read of the directory is the same")
def directory_post(w):
    answer = w.status(w.alice.post(w.directory_url), 200)
    w.need(answer.json == w.directory, repr(answer.body[:200]),
           "the same object")


@check("AC-51, AC-57", "RFC 8555 6.3, 7.2", "a signed read of newNonce")
def nonce_post(w):
    answer = w.status(w.alice.post(w.directory["newNonce"]), 200, 204)
    if w.strict:
        w.status(answer, 204)
    w.need(answer.all("Replay-Nonce"), "no Replay-Nonce", "a nonce")

