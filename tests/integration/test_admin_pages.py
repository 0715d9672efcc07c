#!/usr/bin/python3
"""The pages for admins as browsers and curl find them, on PostgreSQL where
their role has a login of its own: who gets in, what strangers wrote, what is
shown and what never is (PK-7, PK-206)."""

import base64
import datetime
import html.parser
import http.client
import json
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, \
    load_pem_private_key

from acme import Client
from admins import Admin
from harness import DEADLINE, ROLES, case, command, eventually, in_time, \
    read_file, run
from letters import answer
from pgsite import PgSite


# http_admin.c's: of one peer, and of a socket.
PEER_MAX, SOCKET_MAX = 32, 64
TAGS = set("html head meta link title body a header p nav ul li form span "
           "button main h1 h2 h3 div strong time table caption thead tbody tr "
           "th td code bdi dl dt dd ol pre label input select option "
           "footer".split())


def ports(site):
    return [site.port(f"LAB_SPARE{i}") for i in (1, 2)]


class PagesSite(PgSite):
    login_roles = [*ROLES, "admin"]

    def init(self):
        self.settings["admin.listen"] = ",".join(
            [f"127.0.0.1:{port}" for port in ports(self)]
            + [f"unix:{self.folder}/sockets/admin"])
        # The web's is another file.
        self.admin_key = f"{self.folder}/admin.key"
        shutil.copy(self.env["LAB_HTTPS_KEY"], self.admin_key)
        self.settings["admin.tls_key"] = self.admin_key
        os.mkdir(f"{self.folder}/sockets")
        os.chmod(f"{self.folder}/sockets", 0o755)
        super().init()


class Reader(html.parser.HTMLParser):
    """What a browser makes of a page: elements, attributes, text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.names, self.text = set(), set(), ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


class Browser:
    """One admin's: a client certificate, or None, and cookies."""

    def __init__(self, site, admin=None):
        self.tls = ssl.create_default_context(cafile=site.env["LAB_CA_CERT"])
        self.port = ports(site)[0]
        self.cookie = None
        if admin is not None:
            self.tls.load_cert_chain(certificate(site, admin), admin.key,
                                     f"password of {admin.name}")

    def ask(self, path, method="GET", body=None, port=None, **headers):
        link = http.client.HTTPSConnection(
            "localhost", port or self.port, timeout=DEADLINE,
            context=self.tls)
        if self.cookie:
            headers["Cookie"] = self.cookie
        try:
            link.request(method, path, body, headers)
            got = link.getresponse()
            return got, got.read().decode()
        finally:
            link.close()

    def post(self, path, origin="own", **fields):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if origin:
            headers["Origin"] = self.own_origin if origin == "own" else origin
        got, text = self.ask(path, "POST", urllib.parse.urlencode(fields),
                             **headers)
        set_cookie = got.headers["Set-Cookie"]
        if set_cookie:
            self.cookie = set_cookie.partition(";")[0]
        return got, text

    @property
    def own_origin(self):
        return f"https://localhost:{self.port}"

    def log_in(self, name, password=None, **more):
        return self.post("/login", name=name,
                         password=password or f"password of {name}", **more)

    def page(self, path):
        got, text = self.ask(path)
        assert got.status == 200, (path, got.status, text)
        return text


def certificate(site, admin):
    """Self-signed, with the key that the account has."""
    path = f"{site.folder}/{admin.name}-client.pem"
    if not os.path.exists(path):
        key = load_pem_private_key(read_file(admin.key).encode(),
                                   f"password of {admin.name}".encode())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME,
                                             admin.name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(
            name).public_key(key.public_key()).serial_number(1) \
            .not_valid_before(now - datetime.timedelta(days=1)) \
            .not_valid_after(now + datetime.timedelta(days=30)) \
            .sign(key, hashes.SHA256())
        with open(path, "wb") as f:
            f.write(made.public_bytes(Encoding.PEM))
    return path


def audited(site, event, result):
    return int(site.query("SELECT count(*) FROM audit WHERE event = ? AND "
                          "result = ?", event, result)[0][0])


def test_door(site):
    alice, ann = Admin(site, "alice"), Admin(site, "ann")
    site.countersign("admin", *alice.wanted("operator"))
    alice.run("status", status=None)
    alice.run("admin", *ann.wanted("auditor"))
    ann.run("admin", "list")
    with case("PK-206: without a certificate nobody gets in"):
        nobody = Browser(site)
        got, text = nobody.ask("/")
        assert got.status == 303 and got.headers["Location"] == "/login"
        got, text = nobody.ask("/login")
        assert "no client\ncertificate" in text and "<form" not in text, text
        got, text = nobody.log_in("alice")
        assert got.status == 403 and not nobody.cookie, text
    with case("PK-206: nor with a wrong password, another's certificate, a "
              "form from elsewhere"):
        browser = Browser(site, alice)
        assert browser.log_in("alice", "wrong password")[0].status == 403
        assert browser.log_in("ann")[0].status == 403
        assert browser.log_in("alice", origin=None)[0].status == 403
        assert browser.log_in("alice", origin="https://evil.test")[0] \
            .status == 403
        assert browser.ask("/orders")[0].status == 303
        assert browser.ask("/api/orders")[0].status == 401
        assert not browser.cookie
    with case("PK-206: with both factors; PK-19: on record"):
        got, _ = browser.log_in("alice")
        assert got.status == 303 and got.headers["Location"] == "/"
        assert re.fullmatch(
            r"__Host-countersign=[\w-]{43}; Path=/; Secure; HttpOnly; "
            r"SameSite=Strict", got.headers["Set-Cookie"])
        assert "Status" in browser.page("/")
        assert audited(site, "admin page login", "ok") == 1
        assert audited(site, "admin page login", "refused") == 3
    with case("a session on another certificate ends"):
        thief = Browser(site, ann)
        thief.cookie = browser.cookie
        assert thief.ask("/")[0].status == 303
        assert audited(site, "admin page session", "refused") == 1
        assert browser.ask("/")[0].status == 303
        assert browser.log_in("alice")[0].status == 303
    with case("a session ends with the log-out, and with the account"):
        own = Browser(site, ann)
        own.log_in("ann")
        own.page("/")
        kept = own.cookie
        assert own.post("/logout")[0].status == 303
        own.cookie = kept
        assert own.ask("/")[0].status == 303
        own.log_in("ann")
        alice.run("admin", "disable", "ann")
        assert own.ask("/")[0].status == 303
    with case("not from the ACME server, and no ACME here"):
        assert browser.ask("/orders", port=site.port("LAB_HTTPS"))[0] \
            .status == 404
        assert browser.ask("/acme/directory")[0].status == 404
    return browser


def check_page(text, *wanted):
    read = Reader(text)
    assert read.tags <= TAGS, read.tags - TAGS
    assert not [n for n in read.names if n.startswith("on")
                or n == "style"], read.names
    for one in wanted:
        assert one in read.text, (one, text)


HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;"


def test_pages(site, browser):
    client = Client(site)
    order = client.order("alice@user.test")
    ident = order.url.rpartition("/")[2]
    with case("PK-7: an order on the way, without its token"):
        part2 = order.challenge().read()["token"]
        answer(site, order.challenge(), "ALICE")
        order.challenge().post()
        order.certificate()
        story = browser.page(f"/orders/{ident}")
        check_page(story, "the certificate was issued", "alice@user.test",
                   "a reply proved the mailbox", "countersign evidence")
        told = json.loads(browser.page(f"/api/orders/{ident}"))
        assert told["status"] == "valid" and told["order"] == ident, told
        everything = story + "".join(browser.page(p) for p in (
            "/", "/orders", "/reports", "/incidents", "/api/status",
            "/api/orders", "/api/reports", "/api/incidents"))
        assert part2 not in everything
    with case("what is looked for"):
        page = browser.page("/orders?mailbox=alice@USER.test&state=valid")
        check_page(page, ident)
        for query in ("mailbox=bob@user.test", "state=pending"):
            check_page(browser.page(f"/orders?{query}"), "There are none.")
        listed = json.loads(browser.page(
            f"/api/orders?account={told['account']}"))
        assert [o["order"] for o in listed["orders"]] == [ident], listed
    with case("what strangers wrote is text"):
        site.query("UPDATE outbox SET relay_answer = ?", HOSTILE)
        site.query("UPDATE reply SET detail = ?", HOSTILE)
        site.query("UPDATE authz SET mailbox = ?", HOSTILE)
        site.query("INSERT INTO report (number, text, reporter, received_at, "
                   "entered_at, entered_by) VALUES (7, ?, ?, 1, 1, 'x')",
                   HOSTILE, HOSTILE)
        for path in (f"/orders/{ident}", "/orders", "/reports/7"):
            check_page(browser.page(path), HOSTILE)
        check_page(browser.page("/"), "overdue")
        check_page(browser.page("/reports"), "Report 7")
        got, text = browser.ask(
            "/orders?mailbox=" + urllib.parse.quote(HOSTILE))
        assert got.status == 400
        check_page(text)
    with case("fields of each answer"):
        for path in ("/", "/nothing", "/login", "/style.css", "/api/status"):
            got, _ = browser.ask(path)
            assert "frame-ancestors 'none'" in \
                got.headers["Content-Security-Policy"]
            assert got.headers["Cache-Control"] == "no-store"
            assert got.headers["X-Content-Type-Options"] == "nosniff"
    with case("the same as countersign status"):
        told = json.loads(browser.page("/api/status"))["remarks"]
        said = [json.loads(line) for line in site.countersign(
            "status", "--json", status=None).splitlines()]
        names = {r["what"] for r in said} - {"countersignd"}
        assert names == {r["what"] for r in told}, (names, told)


def tables_with(site, secret):
    """Those in which the octets are anywhere, as text or as octets."""
    tables = [row[0] for row in site.query(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert len(tables) > 20, tables
    wanted = f"strpos(t::text, '{secret.hex()}') > 0"
    if secret.isascii():
        wanted += f" OR strpos(t::text, '{secret.decode()}') > 0"
    return [row[0] for row in site.query(" UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table} t "
        f"WHERE {wanted})" for table in tables))]


def cut(links):
    """Those that the server has ended: nobody has asked it anything yet."""
    return select.select(links, [], [], 0)[0]


def full_house(site, own):
    """As many are cut off as come to a place that one peer has taken; which of
    them come first is not for us to say. How long that took: the server gives
    each of them a time, too."""
    began = time.monotonic()
    links = [socket.create_connection(("127.0.0.1", own[i % 2]))
             for i in range(PEER_MAX)]
    other = None
    try:
        for count, port in enumerate(own, 1):
            links.append(socket.create_connection(("127.0.0.1", port)))
            eventually(lambda n=count: len(cut(links)) >= n,
                       "one to be cut off")
        other = socket.create_connection(("127.0.0.1", own[0]),
                                         source_address=("127.0.0.2", 0))
        time.sleep(0.5)
        stay = len(cut(links)) == len(own) and not cut([other])
        took = time.monotonic() - began
        assert stay or took > 10, cut(links)
        return took
    finally:
        for link in filter(None, (*links, other)):
            link.close()


def is_let_in(browser):
    try:
        return browser.ask("/login")[0].status == 200
    except ConnectionError:
        return False


def full_socket(site, browser):
    """The first of too many stays, and others get in by another way. How long
    that took, as above."""
    began = time.monotonic()
    links = [socket.socket(socket.AF_UNIX) for _ in range(SOCKET_MAX + 9)]
    try:
        for link in links:
            link.connect(f"{site.folder}/sockets/admin")
        # The server may not have seen yet that the full house is gone.
        eventually(lambda: is_let_in(browser), "a place")
        stay = links[0] not in cut(links)
        took = time.monotonic() - began
        assert stay or took > 10
        return took
    finally:
        for link in links:
            link.close()


def test_connections(site, browser):
    with case("AC-21: one peer does not get all connections"):
        in_time(10, "a full house", lambda: full_house(site, ports(site)))
    with case("a Unix socket has its own"):
        in_time(10, "a full socket", lambda: full_socket(site, browser))


def test_curl(site, browser):
    """Other clients: octets that are no form, too many of them; TLS."""
    with case("too long, broken, odd"):
        got, text = browser.post("/login", name="x" * 5000, password="y")
        assert got.status == 413, text
        assert browser.ask("/login", "POST", "name=%zz&password=1",
                           Origin=browser.own_origin)[0].status == 400
        got, _ = browser.ask("/", "DELETE")
        assert got.status == 405 and got.headers["Allow"] == "GET, HEAD", \
            got.headers
        assert browser.ask("/orders", "HEAD")[1] == ""
    with case("old TLS is refused"):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"localhost:{browser.port}",
             "-tls1_1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=DEADLINE)
        assert done.returncode != 0, done.stdout
    with case("through a Unix socket, as over ssh"):
        said = command(
            "curl", "-sS", "--max-time", "180", "--unix-socket",
            f"{site.folder}/sockets/admin", "--cacert", site.env["LAB_CA_CERT"],
            "-o", "/dev/null", "-w", "%{http_code}", "https://localhost/login")
        assert said == "200", said
    with case("no secret of the sessions is in the log or the database"):
        token = browser.cookie.partition("=")[2]
        raw = base64.urlsafe_b64decode(token + "=")
        assert token not in site.log()
        assert "password of" not in site.log()
        # What is there is found, as text and as octets.
        salt = bytes.fromhex(
            site.query("SELECT encode(salt, 'hex') FROM admin LIMIT 1")[0][0])
        assert "audit" in tables_with(site, b"admin page login")
        assert "admin" in tables_with(site, salt)
        for secret in (token.encode(), raw, b"password of"):
            assert tables_with(site, secret) == [], secret
    with case("PK-19: what strangers tried is on record, at the end at last"):
        stranger = Browser(site)
        for _ in range(12):
            assert stranger.log_in("alice")[0].status == 403
        assert audited(site, "admin page login", "several") == 0
        site.stop()
        site.start()
        assert audited(site, "admin page login", "several") == 1
    with case("a restart ends the sessions"):
        assert browser.ask("/")[0].status == 303


def test_renewed(site):
    with case("SIGHUP: a key that does not fit is taken by no role"):
        key, mark = read_file(site.admin_key), site.mark()
        shutil.copyfile(f"{site.state}/dkim-rsa.pem", site.admin_key)
        site.reload()
        refused, = site.events("configuration refused", mark)
        assert re.match("admin.tls_certificate: .*is not the key of",
                        refused["error"]), refused
        assert not site.events("configuration taken", mark)
        with open(site.admin_key, "w") as f:
            f.write(key)
        site.reload()
        assert site.events("configuration taken", mark), site.log(mark)


def test_all(site):
    browser = test_door(site)
    test_pages(site, browser)
    test_connections(site, browser)
    test_curl(site, browser)
    test_renewed(site)


if __name__ == "__main__":
    run({"admin.tls_certificate": lambda env: env["LAB_HTTPS_CERT"]},
        test_all, kind=PagesSite)
