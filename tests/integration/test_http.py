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
from concurrent.futures import ThreadPoolExecutor

from acme import Client
from harness import DEADLINE, case, edit_config, eventually, run

# Of test_slow, all of whose clients wait at once.
BODY_TIMEOUT = 10
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

    @property
    def detail(self):
        return json.loads(self.body)["detail"]

    @property
    def without_date(self):
        return re.sub(rb"\r\nDate: [^\r]*", b"", self.raw)


def connect(site, context=None):
    raw = socket.create_connection(("localhost", site.port("LAB_HTTPS")))
    raw.settimeout(DEADLINE)
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
            s.settimeout(DEADLINE)
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
            capture_output=True, text=True, timeout=DEADLINE).stdout
        assert "HTTP/1.1 200" in said, said
        assert set(re.findall(r"Max Early Data: (\d+)", said)) <= {"0"}, said


class WholeUrls(Client):
    def request_once(self, method, target, body, headers):
        return super().request_once(method, self.base + target, body, headers)


def test_authority(site):
    port = site.port("LAB_HTTPS")
    with case("AC-3: another host: 421"):
        for host in ("evil.example", f"localhost:{port}.evil.example",
                     "localhost:1", f"localhost.:{port}", "", "localhost",
                     f"localhost:{port}:443", f"user@localhost:{port}"):
            got = request(site, "GET /acme/directory", f"Host: {host}",
                          host=False)
            assert got.status == 421, (host, got.raw)
            assert got.problem == "malformed"
    with case("AC-3: no host, or two: 400"):
        assert request(site, "GET /acme/directory", host=False).status == 400
        assert request(site, "GET /acme/directory",
                       "Host: evil.example").status in (400, 421)
    with case("AC-3: a target that is a URL (RFC 9112 3.2.2): its host counts, "
              "not the field"):
        for url in f"https://localhost:{port}", f"HTTPS://LocalHost:{port}":
            for host in f"localhost:{port}", "evil.example":
                got = request(site, f"GET {url}/acme/directory",
                              f"Host: {host}", host=False)
                assert got.status == 200, (url, host, got.raw)
        for url in ("https://evil.example", "https://localhost",
                    f"https://u@localhost:{port}", "https://",
                    f"http://localhost:{port}"):
            got = request(site, f"GET {url}/acme/directory")
            assert got.status == 421, (url, got.raw)
        got = request(site, f"GET https://localhost:{port}/acme/directory",
                      host=False)
        assert got.status == 400, got.raw
        got = request(site, f"GET https://localhost:{port}")
        assert got.status == 404, got.raw
    with case("AC-50: the url of a JWS is compared with base_url and path"):
        WholeUrls(site).account()
    with case("AC-3: letter case is nothing; forwarded fields are nothing"):
        got = request(site, "GET /acme/directory", f"Host: LocalHost:{port}",
                      "X-Forwarded-Host: evil.example",
                      "X-Forwarded-Proto: http",
                      "Forwarded: host=evil.example", host=False)
        assert got.status == 200 and b"evil" not in got.raw, got.raw
        base = f"https://localhost:{port}/acme/"
        assert all(url.startswith(base) for name, url
                   in json.loads(got.body).items() if name != "meta")


def head(site, line, *fields, host=True, end="\r\n"):
    """Octets of a request's head; nothing is added to the fields."""
    lines = [line]
    if host:
        lines.append(f"Host: localhost:{site.port('LAB_HTTPS')}")
    return "".join(x + end for x in [*lines, *fields, ""]).encode("latin-1")


def is_refused(site, octets):
    """400, and the connection is closed although nobody asked for it: a
    second request behind it is not answered."""
    got = exchange(site, octets + head(site, GET))
    assert got.status == 400, got.raw
    # (libmicrohttpd sends the head of some of its own refusals twice: decision
    # 0062.)
    assert got.one("Connection") == "close", got.raw
    assert b"HTTP/1.1 200" not in got.raw, got.raw


POST = "POST /acme/new-order HTTP/1.1"
GET = "GET /acme/directory HTTP/1.1"


def test_framing(site):
    for fields in (
            ("Content-Length: 2", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "Content-Length: 2"),
            ("Content-Length: 2", "Content-Length: 3"),
            ("Content-Length: 2", "content-length: 2"),
            ("Content-Length: 2, 2",), ("Content-Length: 2,",),
            ("Content-Length: -1",), ("Content-Length: +2",),
            ("Content-Length: 2x",), ("Content-Length: 0x2",),
            ("Content-Length:",), ("Content-Length: 2 2",),
            ("Content-Length : 2",), ("Content-Length\t: 2",),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
            ("Transfer-Encoding: gzip, chunked",),
            ("Transfer-Encoding: chunked, chunked",),
            ("Transfer-Encoding: identity",), ("Transfer-Encoding: xchunked",),
            ("Transfer-Encoding:",), ("Transfer-Encoding : chunked",),
            ("Transfer-Encoding: \x0bchunked",),
            ("Transfer-Encoding: chunked ",), ("Transfer-Encoding: chunked\t",),
            ("Transfer-Encoding: chunked\r\n\tx",)):
        with case(f"AC-4: {fields!r}: 400, and the connection is closed"):
            is_refused(site, head(site, POST, JOSE, *fields) + b"{}")
    with case("AC-4: Transfer-Encoding in HTTP/1.0: 400"):
        is_refused(site, head(site, "POST /acme/new-order HTTP/1.0", JOSE,
                              "Transfer-Encoding: chunked",
                              "Connection: keep-alive")
                   + b"2\r\n{}\r\n0\r\n\r\n")
    for name, fields in (
            ("a NUL in a value", ["X-A: a\0b"]),
            ("a NUL at the end of a value", ["X-A: a\0"]),
            ("a NUL in a name", ["X-\0A: a"]),
            ("a NUL that makes up for a bare LF", ["X-A: a\0", "X-B: b\nX-C: c"]),
            ("a blank that makes up for a bare LF", ["X-A:  a\nX-B: b"]),
            ("a bare CR in a value", ["X-A: a\rb"]),
            ("a bare CR before CRLF", ["X-A: a\r"]),
            ("a bare LF between fields", ["X-A: a\nX-B: b"]),
            ("a bare LF and a hidden field", ["X-A: a\nContent-Length: 2"]),
            ("a folded line", ["X-A: a\r\n b"]),
            ("a folded line with a tab", ["X-A: a\r\n\tb", "X-B: c"]),
            ("a folded line at the end", ["X-B: c", "X-A: a\r\n b"]),
            ("an empty folded line", ["X-A: a\r\n "]),
            ("a blank before the first field", [" X-A: a"]),
            ("a blank before the colon", ["X-A : a"]),
            ("a blank in a name", ["X A: a"]),
            ("no name", [": a"]), ("no colon", ["X-A"]),
            ("a name that is no token", ["X(A): a"]),
            ("two hosts", ["Host: evil.example"])):
        with case(f"AC-4: {name}: 400, and the connection is closed"):
            is_refused(site, head(site, GET, *fields))
    with case("AC-4: a blank before the very first field: 400"):
        is_refused(site, f"{GET}\r\n Host: localhost:"
                   f"{site.port('LAB_HTTPS')}\r\n\r\n".encode())
    with case("AC-4: only bare LFs: 400"):
        is_refused(site, head(site, GET, "X-A: a", end="\n"))
    with case("AC-4: a bare LF after the request line, or at the end: 400"):
        good = head(site, GET, "X-A: a")
        is_refused(site, good.replace(b"\r\n", b"\n", 1))
        is_refused(site, good[:-2] + b"\n")
        is_refused(site, good[:-4] + b"\n\r\n")
        is_refused(site, good[:-4] + b"\n\n")
    for line in ("GET  /acme/directory HTTP/1.1", "GET /acme/directory\0 HTTP/1.1",
                 "GET /acme/directory\r HTTP/1.1", "GET /acme/directory HTTP/1.1 ",
                 "GET /acme/directory HTTP/1.x", "GET /acme/directory",
                 "GET\t/acme/directory HTTP/1.1", "GET /a b HTTP/1.1"):
        with case(f"AC-4: {line!r} is no request line"):
            got = exchange(site, head(site, line)
                           + head(site, GET))
            # libmicrohttpd says nothing to some of them.
            assert got.status in (0, 400) and \
                got.raw.count(b"HTTP/1.1 ") <= 1, got.raw
    with case("AC-4: what is well-formed is taken: blanks around values, "
              "none, an empty value, every token"):
        for fields in (["X-A:a"], ["X-A:   a"], ["X-A:\ta \t"], ["X-A:"],
                       ["X-A: "], ["!#$%&'*+-.^_`|~09aZ: a"],
                       ["X-A: \xe4\xff"], ["X-%d: %d" % (i, i)
                                             for i in range(100)],
                       ["Cookie: a=b; c=d"]):
            got = exchange(site, head(site, GET, "Connection: close", *fields))
            assert got.status == 200, (fields, got.raw)
        got = exchange(site, b"\r\n" + head(site, GET, "Connection: close"))
        assert got.status == 200, got.raw
        got = exchange(site, head(site, "GET /acme/directory HTTP/1.0"))
        assert got.status == 200, got.raw
    with case("AC-4: a chunked body is read, and the connection closed"):
        got = exchange(site, head(site, POST, JOSE,
                                  "Transfer-Encoding: Chunked")
                       + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"
                       + head(site, GET))
        assert got.status == 400 and "JWS" in got.detail, got.raw
        assert got.raw.count(b"HTTP/1.1 ") == 1, got.raw
    with case("AC-4: a broken chunk: 400"):
        for body in (b"x\r\n", b"-1\r\n{", b"2\r\n{}}\r\n", b"\r\n{}",
                     b"ffffffffffffffffffff\r\n", b"0x2\r\n{}\r\n"):
            got = exchange(site, head(site, POST, JOSE,
                                      "Transfer-Encoding: chunked") + body)
            assert got.status in (400, 413), (body, got.raw)


def read_replies(s, count):
    """Answers on one connection, in their order."""
    data = b""
    replies = []
    while len(replies) < count:
        end = data.find(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", data[:end]) \
            if end >= 0 else None
        size = end + 4 + int(length[1] if length else 0)
        if end >= 0 and len(data) >= size:
            replies.append(Reply(data[:size]))
            data = data[size:]
            continue
        part = s.recv(65536)
        assert part, (replies, data)
        data += part
    assert not data, data
    return replies


def test_pipelining(site):
    client = Client(site).account()
    with case("AC-4: requests sent at once are answered each, in order"):
        target = "/acme/acct/" + client.kid.rpartition("/")[2]
        octets, wanted = b"", []
        for i in range(20):
            body = client.sign(client.kid, None, client.take_nonce()).encode()
            octets += head(site, f"POST {target} HTTP/1.1", JOSE,
                           f"Content-Length: {len(body)}") + body
            octets += head(site, GET)
            octets += head(site, f"GET /nothing/{i} HTTP/1.1")
            body = client.sign(client.kid, {}, client.take_nonce()).encode()
            octets += head(site, f"POST {target} HTTP/1.1", JOSE,
                           f"Content-Length: {len(body)}") + body
            wanted += [200, 200, 404, 200]
        with connect(site) as s:
            s.sendall(octets)
            got = read_replies(s, len(wanted))
        assert [r.status for r in got] == wanted, got
        for i, reply in enumerate(got):
            name = (b'"status":"valid"', b'"newNonce"', b"no such resource",
                    b'"status":"valid"')[i % 4]
            assert name in reply.body, reply.raw
    with case("AC-4: one request cut into single octets is one request"):
        with connect(site) as s:
            for octet in head(site, GET):
                s.sendall(bytes([octet]))
            assert read_replies(s, 1)[0].status == 200


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
        lines = head(site, GET, "Connection: close", "X-A: ")
        for size, status in (16384, 200), (16385, 431):
            fill = size + len(GET) - len(lines)
            got = exchange(site, lines[:-4] + b"x" * fill + b"\r\n\r\n")
            assert got.status == status, (size, got.raw)
        for fields in ["X-A: " + "x" * 200000], ["a: b"] * 20000:
            got = exchange(site, head(site, GET, *fields))
            assert got.status == 431, got.raw
        got = exchange(site, head(site, f"GET /{'x' * 200000} HTTP/1.1"))
        assert got.status == 414, got.raw
    with case("AC-5: a body over the limit: 413, before it is read"):
        got = request(site, "POST /acme/new-order", JOSE,
                      f"Content-Length: {MAX_BODY + 1}")
        assert got.status == 413 and got.problem == "malformed", got.raw
        assert str(MAX_BODY) in json.loads(got.body)["detail"], got.raw
    with case("AC-5: the answer to a body over the limit arrives even while "
              "it is sent"):
        body = b"x" * 4000000
        for fields in ([f"Content-Length: {len(body)}"],
                       ["Transfer-Encoding: chunked"]):
            if "chunked" in fields[0]:
                body = b"3d0900\r\n" + body
            got = exchange(site, head(site, POST, JOSE, *fields) + body)
            assert got.status == 413 and got.problem == "malformed", got.raw
            assert got.detail == \
                f"request body exceeds {MAX_BODY} octets", got.raw
    with case("AC-5: a chunked body over the limit: 413, while it is read"):
        with connect(site) as s:
            s.sendall(head(site, POST, JOSE, "Transfer-Encoding: chunked"))
            for _ in range(5):
                s.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            # There is no last chunk.
            got = Reply(read_all(s))
        assert got.status == 413 and got.problem == "malformed", got.raw
        check_fields(site, got)
    with case("AC-5: a body of the limit is read"):
        got = post(site, "/acme/new-order", b"x" * MAX_BODY)
        assert got.status == 400 and got.problem == "malformed", got.raw
        got = request(site, "POST /acme/new-order", JOSE,
                      "Transfer-Encoding: chunked",
                      body=b"4000\r\n" + b"x" * MAX_BODY
                      + b"\r\n0\r\n\r\n")
        assert got.status == 400 and got.problem == "malformed", got.raw


def check_fields(site, got):
    """What every answer has (AC-14, AC-15, AC-17 to AC-19)."""
    assert got.one("Connection").lower() == "close", got.raw
    assert int(got.one("Content-Length")) == len(got.body), got.raw
    assert got.one("Content-Type") == "application/problem+json", got.raw
    assert got.one("Cache-Control") == "no-store", got.raw
    assert got.one("Access-Control-Allow-Origin") == "*", got.raw
    assert got.one("X-Content-Type-Options") == "nosniff", got.raw
    assert got.one("Replay-Nonce") and got.one("Link") and got.one("Date")
    assert json.loads(got.body)["status"] == got.status, got.raw


def slow(site, octets, drip=b"", every=0.2):
    """Sends a beginning, then an octet now and then (or nothing) until the
    server has had enough; its last words and after how many seconds."""
    begun = time.monotonic()
    with connect(site) as s:
        s.sendall(octets)
        s.settimeout(every)
        data = b""
        while time.monotonic() - begun < DEADLINE:
            try:
                s.sendall(drip)
            except (ConnectionError, ssl.SSLError):
                drip = b""  # it has been cut, and may have said why
            try:
                part = s.recv(65536)
                if not part:
                    break
                data += part
            except TimeoutError:
                pass
            except (ConnectionError, ssl.SSLError):
                break
        else:
            raise AssertionError("it was never cut")
    return Reply(data), time.monotonic() - begun


def test_slow(site):
    """The other tests have much time for each request."""
    site.stop()
    edit_config(site, web__body_timeout=f"{BODY_TIMEOUT}s")
    site.start()
    with ThreadPoolExecutor(16) as pool:
        judge_slow(site, pool)


def judge_slow(site, pool):
    begin = head(site, POST, JOSE, "Content-Length: 1000")
    chunked = head(site, POST, JOSE, "Transfer-Encoding: chunked")
    bodies = [(name, pool.submit(slow, site, octets, drip))
              for name, octets, drip in (
                  ("comes an octet at a time", begin, b" "),
                  ("stops", begin + b"{", b""), ("never begins", begin, b""),
                  ("comes in chunks of an octet", chunked, b"1\r\n \r\n"),
                  ("stops in a chunk", chunked + b"10\r\n{", b""))]
    others = [(name, pool.submit(slow, site, octets, drip))
              for name, octets, drip in (
                  ("a head that comes an octet at a time", b"GET /", b"x"),
                  ("a header section without an end", begin[:-2], b"x"),
                  ("a header section that stops", begin[:-2], b""),
                  ("a connection without a request", b"", b""),
                  ("a chunked body of framing alone", chunked + b"1;", b"x"))]
    for name, told in bodies:
        with case(f"AC-5: a body that {name}: 408"):
            got, seconds = told.result()
            assert got.status == 408 and got.problem == "malformed", got.raw
            assert got.detail == "the request body did not arrive within " \
                f"{BODY_TIMEOUT} seconds", got.raw
            check_fields(site, got)
            assert seconds >= BODY_TIMEOUT - 0.1, seconds
    with case("AC-5: a second request on a connection has a time of its own"):
        with connect(site) as s:
            began = time.monotonic()
            while time.monotonic() - began < 2 * BODY_TIMEOUT:
                s.sendall(head(site, GET))
                assert read_replies(s, 1)[0].status == 200
                time.sleep(BODY_TIMEOUT * 0.3)
            s.sendall(begin)
            got = Reply(read_all(s))
            assert got.status == 408, got.raw
    with case("AC-52: route, method and type come before the body"):
        for line, field, status in (
                ("POST /nothing HTTP/1.1", JOSE, 404),
                ("PUT /acme/new-order HTTP/1.1", JOSE, 405),
                (POST, "Content-Type: text/plain", 415)):
            got, _ = slow(site, head(site, line, field, "Content-Length: 9"))
            assert got.status == status, got.raw
            got = exchange(site, head(site, line, field,
                                      "Transfer-Encoding: chunked")
                           + b"5000\r\n" + b"x" * 0x5000)
            assert got.status == status, got.raw
    for name, told in others:
        with case(f"AC-5: {name} is cut off"):
            got, _ = told.result()
            assert got.status in (0, 408), got.raw
    with case("AC-1: a connection without TLS is cut off too"):
        with socket.create_connection(("localhost",
                                       site.port("LAB_HTTPS"))) as s:
            s.settimeout(DEADLINE)
            assert s.recv(100) == b""


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
        challenge = order.challenge()
        for url in (order.url, order.url + "/finalize", challenge.url,
                    challenge.authz_url, order.client.kid):
            target = url.partition(str(site.port("LAB_HTTPS")))[2]
            invented = re.sub(r"/[\w-]{22}(?=/|$)", "/" + "A" * 22, target)
            assert invented != target
            for method in "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "X":
                real = request(site, f"{method} {target}")
                other = request(site, f"{method} {invented}")
                assert real.status in (204, 405), real.raw
                assert real.without_date == other.without_date, \
                    (real.raw, other.raw)
    with case("AC-7, AC-14: OPTIONS on everything says the row"):
        for target, row in (
                ("directory", "GET, HEAD, POST, OPTIONS"),
                ("new-nonce", "GET, HEAD, POST, OPTIONS"),
                *((t, "POST, OPTIONS") for t in
                  ("new-acct", "new-order", "acct/" + "A" * 22,
                   "order/" + "A" * 22, "order/" + "A" * 22 + "/finalize",
                   "authz/" + "A" * 22, "chall/" + "A" * 22,
                   "cert/" + "A" * 22))):
            got = request(site, f"OPTIONS /acme/{target}")
            assert got.status == 204 and got.body == b"", got.raw
            assert got.one("Allow") == row, got.raw
            assert got.one("Access-Control-Allow-Methods") == row, got.raw
            assert not got.all("Replay-Nonce"), got.raw
        assert request(site, "OPTIONS *").status == 404
        assert request(site, "OPTIONS /acme/nothing").status == 404
    with case("AC-8: HEAD is GET without its body"):
        for target in ("directory", "nothing", "new-order"):
            get = request(site, f"GET /acme/{target}")
            got = request(site, f"HEAD /acme/{target}")
            assert got.body == b"", got.raw
            if target == "new-order":   # its text names the method
                assert got.status == get.status == 405
                continue
            assert got.without_date == \
                get.without_date[:-len(get.body)], (got.raw, get.raw)


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
        for order in ("gzip", "identity"), ("identity", "gzip"):
            got = post(site, "/acme/new-order", b"{}",
                       *(f"Content-Encoding: {x}" for x in order))
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
        eventually(lambda: len(site.events("request", mark)) >= 5, "lines")
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
    with case("AC-8, AC-51, AC-57: each answer is the one that is meant"):
        found = {name: got.status for name, got in answers}
        assert found == {
            "directory": 200, "HEAD newNonce": 200, "GET newNonce": 204,
            "account": 200, "order": 200, "authorization": 200,
            "challenge": 200, "unknown order": 404, "404": 404, "405": 405,
            "415": 415, "400": 400, "OPTIONS": 204}, found
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
        told = [name for name, got in answers if b'"expires":' in got.body]
        assert told == ["order", "authorization"], told
        for name, got in answers:
            for text in re.findall(rb'"expires":"([^"]*)"', got.body):
                assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                                    text), (name, text)
            for text in got.all("Retry-After"):
                assert text.isdigit(), (name, text)
    with case("AC-21: a client cannot choose its address in the log"):
        mark = site.mark()
        request(site, "GET /acme/directory", "X-Forwarded-For: 192.0.2.1")
        # The line may come after the answer.
        site.wait_event("request", mark, target="/acme/directory")
        assert {e["client"] for e in site.events("request", mark)} == \
            {"127.0.0.1"}


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
        gate = threading.Barrier(32, timeout=DEADLINE)
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


run({"web.body_timeout": "60s", "web.max_body": str(MAX_BODY)},
    test_tls, test_authority, test_framing, test_pipelining, test_sizes,
    test_targets, test_types, test_fields, test_nonces, test_slow)
