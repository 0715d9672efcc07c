#!/usr/bin/python3
"""The HTTPS front, octet by octet: what a well-formed request is, which
fields every answer has, nonces under attack."""

import email
import json
import re
import socket
import ssl
import subprocess
import threading
import time

from acme import Client
from harness import Skip, case, run

BODY_TIMEOUT = 2
MAX_BODY = 16384


class Reply:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        self.raw = raw
        self.status = int(line.split()[1]) if line else 0
        self.fields = email.message_from_bytes(fields + b"\r\n\r\n")

    def all(self, name):
        return self.fields.get_all(name, [])

    def one(self, name):
        found = self.all(name)
        assert len(found) == 1, (name, self.raw[:600])
        return found[0]

    @property
    def problem(self):
        return json.loads(self.body)["type"].rpartition(":")[2]


def connect(site, context=None):
    raw = socket.create_connection(("localhost", site.port("LAB_HTTPS")))
    raw.settimeout(20)
    return (context or site.tls).wrap_socket(raw, server_hostname="localhost")


def read_all(s):
    data = b""
    try:
        while part := s.recv(65536):
            data += part
    except (ConnectionError, ssl.SSLError):
        pass
    return data


def exchange(site, octets):
    """Sends exactly this on a connection of its own; the answer."""
    with connect(site) as s:
        try:
            s.sendall(octets)
        except (ConnectionError, ssl.SSLError):
            pass    # it may have refused already
        return Reply(read_all(s))


def request(site, line, *fields, body=b"", host=True):
    """A request with these fields, that closes the connection."""
    lines = [line + " HTTP/1.1"]
    if host:
        lines.append(f"Host: localhost:{site.port('LAB_HTTPS')}")
    lines += [*fields, "Connection: close", "", ""]
    return exchange(site, "\r\n".join(lines).encode("latin-1") + body)


JOSE = "Content-Type: application/jose+json"


def post(site, target, body=b"{}", *fields):
    return request(site, f"POST {target}", JOSE,
                   f"Content-Length: {len(body)}", *fields, body=body)


def test_tls(site):
    with case("AC-1: no HTTP without TLS"):
        with socket.create_connection(("localhost",
                                       site.port("LAB_HTTPS"))) as s:
            s.settimeout(20)
            s.sendall(b"GET /acme/directory HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP/" not in read_all(s)
    for name, version in (("1.2", ssl.TLSVersion.TLSv1_2),
                          ("1.3", ssl.TLSVersion.TLSv1_3)):
        with case(f"AC-1: TLS {name} is spoken"):
            context = ssl.create_default_context(
                cafile=site.env["LAB_CA_CERT"])
            context.minimum_version = context.maximum_version = version
            with connect(site, context) as s:
                assert s.version() == f"TLSv{name}"
    with case("AC-1: TLS 1.1 is not"):
        context = ssl.create_default_context(cafile=site.env["LAB_CA_CERT"])
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            connect(site, context).close()
        except (ssl.SSLError, ConnectionError):
            pass
        else:
            raise AssertionError("TLS 1.1 was accepted")
    with case("AC-2: no early data is offered"):
        said = subprocess.run(
            ["openssl", "s_client", "-connect",
             f"localhost:{site.port('LAB_HTTPS')}", "-tls1_3", "-ign_eof"],
            input=f"GET /acme/directory HTTP/1.1\r\nHost: localhost:"
            f"{site.port('LAB_HTTPS')}\r\nConnection: close\r\n\r\n",
            capture_output=True, text=True, timeout=30).stdout
        assert "HTTP/1.1 200" in said, said
        assert set(re.findall(r"Max Early Data: (\d+)", said)) <= {"0"}, said


def test_authority(site):
    port = site.port("LAB_HTTPS")
    with case("AC-3: another host: 421"):
        for host in ("evil.example", f"localhost:{port}.evil.example",
                     "localhost:1", f"localhost.:{port}"):
            got = request(site, "GET /acme/directory", f"Host: {host}",
                          host=False)
            assert got.status == 421, (host, got.raw)
            assert got.problem == "malformed"
    with case("AC-3: no host, or two: 400"):
        assert request(site, "GET /acme/directory", host=False).status == 400
        assert request(site, "GET /acme/directory",
                       "Host: evil.example").status in (400, 421)
    with case("AC-3: letter case is nothing; forwarded fields are nothing"):
        got = request(site, "GET /acme/directory", f"Host: LocalHost:{port}",
                      "X-Forwarded-Host: evil.example",
                      "X-Forwarded-Proto: http",
                      "Forwarded: host=evil.example", host=False)
        assert got.status == 200 and b"evil" not in got.raw, got.raw
        base = f"https://localhost:{port}/acme/"
        assert all(url.startswith(base) for name, url
                   in json.loads(got.body).items() if name != "meta")


def test_framing(site):
    bad = [
        ("both lengths", "Content-Length: 2", "Transfer-Encoding: chunked"),
        ("two lengths", "Content-Length: 2", "Content-Length: 3"),
        ("a negative length", "Content-Length: -1"),
        ("a length that is no number", "Content-Length: 2x"),
    ]
    for name, *fields in bad:
        with case(f"AC-4: {name}: 400, and the connection is closed"):
            # No "Connection: close": the server must do it.
            text = "\r\n".join([
                "POST /acme/new-order HTTP/1.1",
                f"Host: localhost:{site.port('LAB_HTTPS')}", JOSE, *fields,
                "", "{}"])
            got = exchange(site, text.encode("latin-1"))
            assert got.status == 400, got.raw
    for name in "a NUL in a field", "a bare LF", "obsolete folding":
        with case(f"AC-4: {name}: 400"):
            raise Skip("libmicrohttpd 0.9.75 does not let it be seen")


def test_sizes(site):
    with case("AC-5: a request line over 2048 octets: 414"):
        for size, status in (2048 - len("GET  HTTP/1.1"), 404), (2049, 414):
            target = "/" + "x" * (size - 1)
            assert request(site, f"GET {target}").status == status, size
    with case("AC-5: a header section over 16384 octets: 431"):
        got = request(site, "GET /acme/directory", "X-A: " + "x" * 17000)
        assert got.status == 431, got.raw
        got = request(site, "GET /acme/directory", "X-A: " + "x" * 14000)
        assert got.status == 200, got.raw
    with case("AC-5: a body over the limit: 413, before it is read"):
        got = request(site, "POST /acme/new-order", JOSE,
                      f"Content-Length: {MAX_BODY + 1}")
        assert got.status == 413 and got.problem == "malformed", got.raw
        assert str(MAX_BODY) in json.loads(got.body)["detail"], got.raw
    with case("AC-5: a chunked body over the limit: 413, while it is read"):
        chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
        got = request(site, "POST /acme/new-order", JOSE,
                      "Transfer-Encoding: chunked",
                      body=chunk * 5 + b"0\r\n\r\n")
        assert got.status == 413, got.raw
    with case("AC-5: a body of the limit is read"):
        got = post(site, "/acme/new-order", b"x" * MAX_BODY)
        assert got.status == 400 and got.problem == "malformed", got.raw
    with case("AC-5: a body that comes an octet at a time is cut off"):
        begun = time.monotonic()
        with connect(site) as s:
            s.sendall(f"POST /acme/new-order HTTP/1.1\r\nHost: localhost:"
                      f"{site.port('LAB_HTTPS')}\r\n{JOSE}\r\n"
                      "Content-Length: 1000\r\n\r\n".encode())
            try:
                while time.monotonic() - begun < 15:
                    s.sendall(b" ")
                    time.sleep(0.2)
            except (ConnectionError, ssl.SSLError):
                pass
        assert time.monotonic() - begun < BODY_TIMEOUT + 5


def test_targets(site):
    for target in ("/acme//new-order", "/acme/new-order/", "/",
                   "/acme/new%2Dorder", "/acme/new-order?x=1",
                   "/acme/../acme/new-order", "/ACME/new-order", "/acme",
                   "/acme/order/x", "/acme/order/" + "=" * 22,
                   "/acme/nothing"):
        with case(f"AC-6, AC-174: {target}: 404"):
            got = post(site, target)
            assert got.status == 404 and got.problem == "malformed", got.raw
    with case("AC-7: other methods: 405 with what is allowed"):
        for line, allow in (
                ("PUT /acme/directory", "GET, HEAD, POST, OPTIONS"),
                ("DELETE /acme/new-nonce", "GET, HEAD, POST, OPTIONS"),
                ("GET /acme/new-order", "POST, OPTIONS"),
                ("GET /acme/order/AAAAAAAAAAAAAAAAAAAAAA", "POST, OPTIONS"),
                ("HEAD /acme/new-acct", "POST, OPTIONS")):
            got = request(site, line)
            assert got.status == 405, got.raw
            assert got.one("Allow") == allow, got.raw
    with case("AC-7: GET tells nothing about what exists"):
        order = Client(site).order("alice@user.test")
        real = request(site, "GET /acme/order/" + order.id)
        other = request(site, "GET /acme/order/AAAAAAAAAAAAAAAAAAAAAA")
        assert (real.status, real.body) == (other.status, other.body)
    with case("AC-8: HEAD is GET without its body"):
        get = request(site, "GET /acme/directory")
        head = request(site, "HEAD /acme/directory")
        assert head.status == 200 and head.body == b"", head.raw
        for name in ("Content-Type", "Content-Length", "Cache-Control"):
            assert get.one(name) == head.one(name)


def test_types(site):
    for field in ("X-None: 1", "Content-Type: application/json",
                  "Content-Type: application/jose",
                  "Content-Type: application/jose+json; charset=latin1",
                  f"{JOSE}\r\n{JOSE}"):
        with case(f"AC-9: {field!r}: 415"):
            got = request(site, "POST /acme/new-order", field,
                          "Content-Length: 2", body=b"{}")
            assert got.status == 415 and got.problem == "malformed", got.raw
    for field in ("Content-Type: APPLICATION/Jose+JSON",
                  f"{JOSE};charset=utf-8"):
        with case(f"AC-9: {field!r} is the type"):
            got = request(site, "POST /acme/new-order", field,
                          "Content-Length: 2", body=b"{}")
            assert got.status == 400, got.raw
    with case("AC-10: a content coding: 415"):
        got = post(site, "/acme/new-order", b"{}", "Content-Encoding: gzip")
        assert got.status == 415, got.raw
        got = post(site, "/acme/new-order", b"{}",
                   "Content-Encoding: identity")
        assert got.status == 400, got.raw
    with case("AC-23, AC-30: bodies that are no JWS: 400"):
        for body in (b"", b"[]", b"null", b"x", b"{}", b'{"a":1}x',
                     b"\xef\xbb\xbf{}", b"e30.e30.e30"):
            got = post(site, "/acme/new-order", body)
            assert got.status == 400 and got.problem == "malformed", body
    with case("AC-12: User-Agent may be missing, or odd; the log stays one "
              "line"):
        mark = site.mark()
        for agent in ("\x1b[31mred", "a\tb", "x" * 5000, "\xe4\xf6"):
            assert request(site, "GET /acme/directory",
                           f"User-Agent: {agent}").status == 200
        assert request(site, "GET /acme/directory").status == 200
        log = site.log(mark)
        assert log.isascii() and not re.search(r"[^\x20-\x7e\n]", log)
        assert "x" * 257 not in log


def sweep(site):
    """One answer of each kind: (name, answer)."""
    client = Client(site)
    order = client.order("alice@user.test")
    challenge = order.challenge()
    yield "directory", request(site, "GET /acme/directory")
    for method in "HEAD", "GET":
        yield f"{method} newNonce", request(site, f"{method} /acme/new-nonce")
    for name, url in (("account", client.kid), ("order", order.url),
                      ("authorization", challenge.authz_url),
                      ("challenge", challenge.url),
                      ("unknown order", order.url[:-4] + "AAAA")):
        body = client.sign(url, None, client.take_nonce()).encode()
        yield name, post(site, url.partition(str(site.port("LAB_HTTPS")))[2],
                         body)
    yield "404", post(site, "/acme/nothing")
    yield "405", request(site, "PUT /acme/new-order")
    yield "415", request(site, "POST /acme/new-order", "Content-Length: 0")
    yield "400", post(site, "/acme/new-order")
    yield "OPTIONS", request(site, "OPTIONS /acme/new-order",
                             "Origin: https://x.test")


def test_fields(site):
    port = site.port("LAB_HTTPS")
    answers = list(sweep(site))
    with case("AC-11: types of answers"):
        for name, got in answers:
            if not got.body:
                continue
            wanted = "application/json" if got.status < 300 \
                else "application/problem+json"
            assert got.one("Content-Type") == wanted, (name, got.raw)
    with case("AC-13, AC-192: problems are in English and know their status"):
        for name, got in answers:
            if got.status >= 400:
                assert got.one("Content-Language") == "en", (name, got.raw)
                assert json.loads(got.body)["status"] == got.status, name
    with case("AC-14: any origin may read, and what it needs"):
        for name, got in answers:
            assert got.one("Access-Control-Allow-Origin") == "*", name
            assert got.one("Access-Control-Expose-Headers") == \
                "Link, Location, Replay-Nonce, Retry-After", name
            assert not got.all("Access-Control-Allow-Credentials"), name
        got = dict(answers)["OPTIONS"]
        assert got.status == 204, got.raw
        assert got.one("Allow") == got.one("Access-Control-Allow-Methods") \
            == "POST, OPTIONS", got.raw
        assert got.one("Access-Control-Allow-Headers") == \
            "Accept, Accept-Language, Content-Type"
        assert got.one("Access-Control-Max-Age") == "86400"
    with case("AC-15: all but the directory link to it"):
        link = f'<https://localhost:{port}/acme/directory>;rel="index"'
        for name, got in answers:
            assert (link in got.all("Link")) == (name != "directory"), \
                (name, got.raw)
    with case("AC-16: a challenge links up"):
        links = dict(answers)["challenge"].all("Link")
        assert any(x.endswith(';rel="up"') and "/acme/authz/" in x
                   for x in links), links
    with case("AC-17: nothing but the directory may be kept"):
        for name, got in answers:
            wanted = "public, max-age=300" if name == "directory" \
                else "no-store"
            assert got.one("Cache-Control") == wanted, (name, got.raw)
    with case("AC-18: a nonce with each answer to a POST, and newNonce"):
        for name, got in answers:
            wanted = name not in ("directory", "405", "OPTIONS")
            assert len(got.all("Replay-Nonce")) == wanted, (name, got.raw)
    with case("AC-57: newNonce: 200 for HEAD, 204 for GET"):
        assert dict(answers)["HEAD newNonce"].status == 200
        assert dict(answers)["GET newNonce"].status == 204
    with case("AC-19: security fields; no version is told"):
        for name, got in answers:
            assert got.one("Strict-Transport-Security") == \
                "max-age=31536000", name
            assert got.one("X-Content-Type-Options") == "nosniff", name
            assert not re.search(r"\d", "".join(got.all("Server"))), name
    with case("AC-20: times are whole seconds in UTC"):
        for name, got in answers:
            for text in re.findall(rb'"expires":"([^"]*)"', got.body):
                assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                                    text), (name, text)
            for text in got.all("Retry-After"):
                assert text.isdigit(), (name, text)
    with case("AC-21: a client cannot choose its address in the log"):
        mark = site.mark()
        request(site, "GET /acme/directory", "X-Forwarded-For: 192.0.2.1")
        assert site.events("request", mark)[0]["client"] == "127.0.0.1"


def test_nonces(site):
    client = Client(site).account()
    with case("AC-55, AC-56: a nonce is good once; the refusal brings "
              "another that is good"):
        nonce = client.take_nonce()
        for wanted in (None, "badNonce"):
            body = client.sign(client.kid, None, nonce)
            got = client.request("POST", client.kid, body,
                                 Content_Type="application/jose+json")
            assert (got.problem or None) == wanted, got
        client.read(client.kid)
    with case("AC-59: of 32 connections with one nonce exactly one wins"):
        nonce = client.take_nonce()
        body = client.sign(client.kid, None, nonce).encode()
        target = "/acme/acct/" + client.kid.rpartition("/")[2]
        text = (f"POST {target} HTTP/1.1\r\nHost: localhost:"
                f"{site.port('LAB_HTTPS')}\r\n{JOSE}\r\nConnection: close\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        gate = threading.Barrier(32)
        statuses = []

        def one():
            with connect(site) as s:
                gate.wait()
                s.sendall(text)
                statuses.append(Reply(read_all(s)).status)

        threads = [threading.Thread(target=one) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] + [400] * 31, statuses
    with case("AC-59: after a restart no earlier nonce is good, used or not"):
        unused = client.take_nonce()
        client.close()
        site.stop()
        site.start()
        for old in nonce, unused:
            got = client.request("POST", client.kid,
                                 client.sign(client.kid, None, old),
                                 Content_Type="application/jose+json")
            assert got.problem == "badNonce", got


run({"web.body_timeout": f"{BODY_TIMEOUT}s", "web.max_body": str(MAX_BODY)},
    test_tls, test_authority, test_framing, test_sizes, test_targets,
    test_types, test_fields, test_nonces)
