#!/usr/bin/python3
"""The HTTPS front as a whole: where it listens, whom it takes for the client,
and that nobody is held up by idle, slow, half-open or broken connections."""

import collections
import contextlib
import json
import os
import random
import re
import shutil
import socket
import sqlite3
import ssl
import stat
import struct
import subprocess
import sys
import threading
import time

from acme import Client
from harness import (DEADLINE, USER, Skip, case, command, edit_config,
                     eventually, is_sanitized, memory, open_in, read_file, run)

# Long enough for a request of a machine that stands still for a while.
BODY_TIMEOUT = 15
LONG_TIMEOUT = "120s"
# As many as the machine can open in a minute, and not fewer than these.
OPENING = 60
IDLE_COUNT, IDLE_LEAST = 10000, 1000
# What a connection may cost, in octets: libmicrohttpd's buffer for head and
# answer, what GnuTLS keeps of a session, our own.
PER_CONNECTION = 32768 + 32768 + 4096


# --- one connection ------------------------------------------------------

def connect(site, source="127.0.0.1"):
    raw = socket.create_connection(("127.0.0.1", site.port("LAB_HTTPS")),
                                   timeout=DEADLINE, source_address=(source, 0))
    return site.tls.wrap_socket(raw, server_hostname="localhost")


def connect_unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE)
    s.connect(path)
    return s


def host(site):
    return f"Host: localhost:{site.port('LAB_HTTPS')}"


def head(site, line, *fields):
    return "\r\n".join([line, host(site), *fields, "", ""]).encode()


def read_reply(s):
    """Status, fields as text, body; the connection can go on."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = s.recv(65536)
        if not part:
            return 0, "", b""
        data += part
    top, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", top)
    while length and len(body) < int(length[1]):
        part = s.recv(65536)
        assert part, data
        body += part
    return int(top.split()[1]), top.decode(), body


def ask(site, s, line="GET /acme/directory HTTP/1.1", *fields):
    s.sendall(head(site, line, *fields))
    return read_reply(s)


def ask_once(site, source):
    """The status, or 0 when the connection is refused."""
    with contextlib.suppress(OSError, ssl.SSLError):
        with connect(site, source) as s:
            return ask(site, s)[0]
    return 0


def web_status(site, name):
    return memory(site.roles()["web"], name)


def restart(site, **options):
    site.stop()
    edit_config(site, **options)
    site.start()


# --- where it listens ----------------------------------------------------

def run_folder(site):
    """Where the user of the roles may make and remove sockets."""
    path = f"{site.folder}/run"
    os.makedirs(path, exist_ok=True)
    if os.getuid() == 0:
        import shutil
        shutil.chown(path, USER)
    return path


def refuses_to_start(site):
    mark = site.mark()
    with open(site.log_path, "ab") as log:
        status = subprocess.run(
            [f"{site.build}/countersignd", "-f", site.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            timeout=DEADLINE).returncode
    assert status == 1, status
    return site.log(mark)


def test_unix(site):
    folder = run_folder(site)
    path = f"{folder}/acme.sock"
    tcp = f"127.0.0.1:{site.port('LAB_HTTPS')}"
    both = f'{{ "{tcp}", "unix:{path}" }}'
    with case("AC-1: HTTP in clear on a Unix socket, TLS beside it"):
        restart(site, web__listen=both)
        with connect_unix(path) as s:
            for _ in range(3):
                status, _, body = ask(site, s)
                assert status == 200, body
        assert json.loads(body)["newNonce"].startswith("https://localhost:")
        with connect(site) as s:
            assert ask(site, s)[0] == 200
    with case("the socket: mode 0660, of the user of the roles"):
        st = os.stat(path)
        assert stat.S_ISSOCK(st.st_mode) and st.st_mode & 0o777 == 0o660
        if os.getuid() == 0:
            import pwd
            assert (st.st_uid, st.st_gid) == pwd.getpwnam(USER)[2:4]
    with case("AC-4, AC-5: what is refused over TLS is refused here"):
        for octets, wanted in (
                (head(site, "GET /acme/directory HTTP/1.1", "X-A: a\nX-B: b"),
                 400),
                (head(site, "POST /acme/new-order HTTP/1.1",
                      "Content-Type: application/jose+json",
                      "Content-Length: 9"), 408),
                (b"GET /acme/directory HTTP/1.1\r\nHost: evil\r\n\r\n", 421)):
            with connect_unix(path) as s:
                s.sendall(octets)
                status, top, _ = read_reply(s)
                assert status == wanted, top
                assert s.recv(1) == b""
    with case("AC-21: a peer on the Unix socket is believed"):
        for fields, client in (
                ([], "unix"),
                (["X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
                (["X-Forwarded-For: 192.0.2.7, 2001:DB8::1"], "2001:db8::1"),
                (["X-Forwarded-For: 192.0.2.7",
                  "x-forwarded-for: 192.0.2.8"], "192.0.2.8"),
                (["X-Forwarded-For: 192.0.2.7, unknown"], "unix")):
            mark = site.mark()
            with connect_unix(path) as s:
                assert ask(site, s, "GET /acme/directory HTTP/1.1",
                           *fields)[0] == 200
            site.wait_event("request", mark, client=client)
    with case("the socket is removed when the server stops"):
        site.stop()
        assert not os.path.exists(path)
    with case("a socket that a killed server left is replaced"):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()
        assert os.path.exists(path)
        site.start()
        with connect_unix(path) as s:
            assert ask(site, s)[0] == 200
    with case("when the web role is killed it listens there again"):
        os.kill(site.roles()["web"], 9)

        def answers():
            with contextlib.suppress(OSError), connect_unix(path) as s:
                return ask(site, s)[0] == 200
        eventually(answers, "the new web role")
        site.stop()
        assert not os.path.exists(path)
    with case("a socket that somebody listens at is left alone"):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()
            said = refuses_to_start(site)
            assert "another process listens there" in said, said
            assert os.path.exists(path)
        os.unlink(path)
    with case("a file that is no socket is left alone"):
        with open(path, "w") as f:
            f.write("precious")
        said = refuses_to_start(site)
        assert "exists and is no socket" in said, said
        assert read_file(path) == "precious"
        os.unlink(path)
    with case("a socket in a folder that does not exist: it says so"):
        edit_config(site, web__listen=f'{{ "unix:{folder}/none/x" }}')
        said = refuses_to_start(site)
        assert "No such file or directory" in said, said
    text = read_file(site.config)
    with case("with Unix sockets alone no certificate is needed"):
        edit_config(site, web__listen=f'{{ "unix:{path}" }}',
                    web__tls_certificate=None, web__tls_key=None)
        site.start()
        with connect_unix(path) as s:
            assert ask(site, s)[0] == 200
        site.reload()
    with case("one that comes with SIGHUP: web takes it, starts anew with it, "
              "or says that it cannot read the key, and does not die of that"):
        mark, key = site.mark(), f"{site.folder}/web.key"
        # Root may read it, and the user of the roles not.
        shutil.copyfile(site.env["LAB_HTTPS_KEY"], key)
        os.chmod(key, 0o600)
        with open(site.config, "w") as f:
            f.write(text)
        edit_config(site, web__listen=f'{{ "unix:{path}" }}',
                    web__tls_key=key)
        site.reload()
        # A second one is heard in the turn after that of the first.
        site.reload()
        with connect_unix(path) as s:
            assert ask(site, s)[0] == 200
        assert not [e for e in site.events("role ended", mark)
                    if "signal" in e], site.log(mark)
        site.stop()
    with case("but one is for HTTPS"):
        edit_config(site, web__listen=f'{{ "{tcp}" }}',
                    web__tls_certificate=None, web__tls_key=None)
        said = command(f"{site.build}/countersignd", "-n", "-f", site.config,
                       status=1)
        assert "web.tls_certificate: is missing" in said, said
        assert "web.tls_key: is missing" in said, said
    with open(site.config, "w") as f:
        f.write(text)
    edit_config(site, web__listen=f'{{ "{tcp}" }}')
    site.start()


def has_ipv6():
    with contextlib.suppress(OSError), \
            socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        return True


def test_addresses(site):
    port = site.port("LAB_HTTPS")
    with case("web.listen takes several addresses, IPv6 among them"):
        if not has_ipv6():
            raise Skip("this host has no ::1")
        restart(site, web__listen=f'{{ "127.0.0.1:{port}", "[::1]:{port}" }}')
        for address in "127.0.0.1", "::1":
            mark = site.mark()
            raw = socket.create_connection((address, port), timeout=DEADLINE)
            with site.tls.wrap_socket(raw, server_hostname="localhost") as s:
                assert ask(site, s)[0] == 200
            site.wait_event("request", mark, client=address)
    restart(site, web__listen=f'{{ "127.0.0.1:{port}" }}')


def start_activated(site, sockets, **environment):
    """As systemd does it: sockets from descriptor 3 on, LISTEN_PID the
    process itself."""
    program = (
        "import os, sys\n"
        "fds = [int(x) for x in sys.argv[1].split(',')]\n"
        "for i, fd in enumerate(fds): os.dup2(fd, 3 + i); os.close(fd)\n"
        "os.environ['LISTEN_FDS'] = str(len(fds))\n"
        "os.environ.setdefault('LISTEN_PID', str(os.getpid()))\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n")
    import fcntl
    fds = [fcntl.fcntl(s, fcntl.F_DUPFD, 50) for s in sockets]
    with open(site.log_path, "ab") as log:
        site.daemon = subprocess.Popen(
            [sys.executable, "-c", program, ",".join(map(str, fds)),
             f"{site.build}/countersignd", "-f", site.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds,
            env=os.environ | environment, start_new_session=True)
    for fd in fds:
        os.close(fd)


def test_activation(site):
    port = site.port("LAB_HTTPS")
    path = f"{run_folder(site)}/passed.sock"
    site.stop()
    edit_config(site, web__listen='{ "systemd" }')
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", port)))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(path)
        unix.listen()
        with case("systemd's sockets are served: TCP with TLS, Unix without"):
            mark = site.mark()
            start_activated(site, [tcp, unix])
            site.wait_event("ready", mark)
            with connect(site) as s:
                assert ask(site, s)[0] == 200
            with connect_unix(path) as s:
                assert ask(site, s)[0] == 200
        with case("only the web role has them, and not their variables"):
            mine = {os.readlink(f"/proc/self/fd/{s.fileno()}")
                    for s in (tcp, unix)}
            for role, pid in site.roles().items():
                assert (mine <= open_in(pid)) == (role == "web"), role
                assert not mine & open_in(pid) or role == "web", role
                assert "LISTEN_" not in read_file(f"/proc/{pid}/environ")
        with case("clients wait while the web role is started again"):
            os.kill(site.roles()["web"], 9)
            with connect(site) as s:
                assert ask(site, s)[0] == 200
        with case("systemd's Unix socket is systemd's to remove"):
            site.stop()
            assert os.path.exists(path)
        with case("systemd's sockets go on listening when the server stops"):
            for passed in (tcp, unix):
                assert passed.getsockopt(socket.SOL_SOCKET,
                                         socket.SO_ACCEPTCONN) == 1
            with socket.create_connection(("127.0.0.1", port), DEADLINE):
                pass
        with case("a socket that does not listen is refused"):
            with socket.socket() as other:
                start_activated(site, [other])
                assert site.daemon.wait(DEADLINE) == 1
            assert "is no stream that listens" in site.log(), site.log()
        with case("sockets for another process are not taken"):
            start_activated(site, [tcp], LISTEN_PID="1")
            assert site.daemon.wait(DEADLINE) == 1
            assert "no socket was passed" in site.log()
        with case("sockets without the entry: it says so"):
            edit_config(site, web__listen=f'{{ "127.0.0.1:{port}" }}')
            mark = site.mark()
            start_activated(site, [unix])
            assert site.daemon.wait(DEADLINE) == 1
            assert 'web.listen does not say' in site.log(mark)
    os.unlink(path)
    site.start()


# --- who asks ------------------------------------------------------------

def test_client_address(site):
    restart(site, web__trusted_proxies='{ "127.0.0.2", "192.0.2.0/24" }')
    for source, fields, client in (
            ("127.0.0.1", ["X-Forwarded-For: 198.51.100.1"], "127.0.0.1"),
            ("127.0.0.2", ["X-Forwarded-For: 198.51.100.1"], "198.51.100.1"),
            ("127.0.0.2", [], "127.0.0.2"),
            ("127.0.0.2", ["X-Forwarded-For: 10.0.0.1, 198.51.100.1, "
                           "192.0.2.200"], "198.51.100.1"),
            ("127.0.0.2", ["X-Forwarded-For: 198.51.100.1",
                           "X-Forwarded-For: 192.0.2.1, 127.0.0.2"],
             "198.51.100.1"),
            ("127.0.0.2", ["X-Forwarded-For: 198.51.100.1, \x1b[31m"],
             "127.0.0.2"),
            ("127.0.0.2", ["X-Forwarded-For: " + "1.1.1.1, " * 1700
                           + "198.51.100.1"], "198.51.100.1"),
            ("127.0.0.2", ["Forwarded: for=198.51.100.1",
                           "X-Real-IP: 198.51.100.1"], "127.0.0.2")):
        with case(f"AC-21: {source}, {str(fields)[:60]}: {client}"):
            mark = site.mark()
            with connect(site, source) as s:
                assert ask(site, s, "GET /acme/directory HTTP/1.1",
                           *fields)[0] == 200
            site.wait_event("request", mark, client=client)
    restart(site, web__trusted_proxies="{}")


# --- who holds up whom ---------------------------------------------------

def issue_some(site, count=20):
    """Another client's requests, reads and writes."""
    client = Client(site)
    for _ in range(count):
        client.read(client.account().kid)
        client.order("alice@user.test")
    client.close()


def test_broken_bodies(site):
    client = Client(site)
    url = client.url_of("newAccount")
    before, = site.query("SELECT COUNT(*) FROM account")
    with case("AC-5: bodies cut anywhere, by a close or a reset, change "
              "nothing"):
        for i in range(60):
            body = client.sign(url, {}, client.take_nonce(),
                               with_jwk=True).encode()
            cut = random.randrange(len(body))
            s = connect(site)
            s.sendall(head(site, "POST /acme/new-acct HTTP/1.1",
                           "Content-Type: application/jose+json",
                           f"Content-Length: {len(body)}") + body[:cut])
            if i % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
            s.close()
        issue_some(site, 1)
        after, = site.query("SELECT COUNT(*) FROM account")
        assert after[0] == before[0] + 1, (before, after)
    with case("AC-25: 64 KiB of nested JSON is refused like a bracket"):
        for octets in b"[" * 65536, b'{"a":' * 13000, b"[" * 32768 + b"]" * 32768:
            with connect(site) as s:
                s.sendall(head(site, "POST /acme/new-acct HTTP/1.1",
                               "Content-Type: application/jose+json",
                               f"Content-Length: {len(octets)}") + octets)
                status, _, text = read_reply(s)
            assert status == 400 and b"malformed" in text, text


def test_slow_senders(site):
    line = head(site, "POST /acme/new-acct HTTP/1.1",
                "Content-Type: application/jose+json", "Content-Length: 9999")
    with case("AC-5: 300 that send an octet a second, 100 that only connect "
              "and 100 that sent half a head hold up nobody; each is ended"):
        def begin(source, octets):
            s = connect(site, source)
            s.sendall(octets)
            return s
        slow = [begin(f"127.0.0.{2 + i % 8}", line) for i in range(300)]
        half = [socket.create_connection(
            ("127.0.0.1", site.port("LAB_HTTPS")), timeout=DEADLINE)
                for _ in range(100)]
        heads = [begin(f"127.0.0.{10 + i % 8}", line[:40])
                 for i in range(100)]
        begun = time.monotonic()
        ended = threading.Event()

        def drip():
            while not ended.wait(1):
                for s in slow:
                    with contextlib.suppress(OSError):
                        s.sendall(b" ")
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            issue_some(site)
            statuses = []
            for s in slow:
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    statuses.append(read_reply(s)[0])
        finally:
            ended.set()
            thread.join()
        # (A client that goes on sending may have its answer overtaken by the
        # reset of the closed connection.)
        assert set(statuses) <= {0, 408} and \
            statuses.count(408) > len(slow) // 2, statuses
        for s in half + heads:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert s.recv(100) == b""
        assert time.monotonic() - begun < DEADLINE
        for s in slow + half + heads:
            s.close()


def open_many(site, count, found):
    """TLS connections, 400 of a source address, each tenth after a request.
    On a machine that takes long whoever has been idle for some time asks
    (again), so that none is cut before all are there."""
    errors, end = [], time.monotonic() + OPENING

    def some(numbers):
        waiting = collections.deque()   # (since when, connection)
        try:
            for i in numbers:
                if time.monotonic() > end and len(found) >= IDLE_LEAST:
                    break
                s = connect(site, f"127.0.1.{1 + i // 400}")
                found.append(s)
                if i % 10 == 0:
                    assert ask(site, s)[0] == 200
                waiting.append((time.monotonic(), s))
                while time.monotonic() - waiting[0][0] > OPENING / 2:
                    s = waiting.popleft()[1]
                    assert ask(site, s)[0] == 200
                    waiting.append((time.monotonic(), s))
        except Exception as e:
            errors.append(e)
    threads = [threading.Thread(target=some, args=(range(k, count, 4),))
               for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors


def test_idle(site):
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(IDLE_COUNT, hard - 2000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sanitized = is_sanitized()
    if sanitized:
        count = min(count, IDLE_LEAST)
    restart(site, web__body_timeout=LONG_TIMEOUT,
            web__max_connections=str(count + 1000))
    idle = []
    with case(f"AC-5: with {count} idle TLS connections others are served, "
              "and memory stays below the bound"):
        issue_some(site, 5)
        base = web_status(site, "VmRSS")
        open_many(site, count, idle)
        if len(idle) < count:
            print(f"# {len(idle)} in {OPENING} s")
            count = len(idle)
        assert count >= IDLE_LEAST, count
        issue_some(site)
        grown = web_status(site, "VmRSS") - base
        print(f"# {grown // count} octets a connection")
        assert sanitized or grown < count * PER_CONNECTION, grown
        fds = len(os.listdir(f"/proc/{site.roles()['web']}/fd"))
        assert fds > count, fds
    with case("AC-5: and the idle ones are still served"):
        for s in random.sample(idle, 200):
            assert ask(site, s)[0] == 200
    with case("AC-5: when they leave, all is as before"):
        for s in idle:
            s.close()
        eventually(lambda: len(os.listdir(
            f"/proc/{site.roles()['web']}/fd")) < 300, "the descriptors")
        issue_some(site, 5)
    restart(site, web__body_timeout=f"{BODY_TIMEOUT}s",
            web__max_connections="2000")


def test_bodies_in_memory(site):
    restart(site, web__body_timeout=LONG_TIMEOUT)
    with case("AC-5: 500 bodies that are almost complete: memory stays below "
              "the bound"):
        issue_some(site, 5)
        base = web_status(site, "VmRSS")
        open_ones = []
        size = 65536
        for i in range(500):
            s = connect(site, f"127.0.2.{1 + i // 400}")
            open_ones.append(s)
            s.sendall(head(site, "POST /acme/new-acct HTTP/1.1",
                           "Content-Type: application/jose+json",
                           f"Content-Length: {size}") + b" " * (size - 1))
        grown = web_status(site, "VmRSS") - base
        print(f"# {grown // 500} octets a connection")
        # A body that grows leaves what it grew out of: twice its size.
        bound = 500 * (PER_CONNECTION + 4 * size)
        assert is_sanitized() or grown < bound, (grown, bound)
        for s in open_ones:
            s.close()
        issue_some(site, 1)
    restart(site, web__body_timeout=f"{BODY_TIMEOUT}s")


def overload(site):
    """(answers, seconds for the refusals) of more than there is room for,
    while nothing can be written. They are connected before that: to greet
    them all takes its time."""
    clients = [Client(site) for _ in range(24)]
    bodies = []
    for c in clients:
        url = c.url_of("newAccount")
        bodies.append(c.sign(url, {"termsOfServiceAgreed": True},
                             c.take_nonce(), with_jwk=True).encode())
    replies = []
    links = [connect(site) for _ in bodies]

    def one(s, body):
        with s:
            s.sendall(head(site, "POST /acme/new-acct HTTP/1.1",
                           "Content-Type: application/jose+json",
                           f"Content-Length: {len(body)}") + body)
            replies.append(read_reply(s))

    db = sqlite3.connect(site.database, timeout=DEADLINE,
                         isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    threads = [threading.Thread(target=one, args=a)
               for a in zip(links, bodies)]
    try:
        for thread in threads:
            thread.start()
        # Refusals do not wait for the database.
        eventually(lambda: len(replies) >= len(bodies) - 4 - 1 - 4,
                   "the refusals")
        early = list(replies)
        with connect(site) as s:    # reads go on
            assert ask(site, s)[0] == 200
    finally:
        db.execute("ROLLBACK")
        db.close()
        took = time.monotonic() - begun
        for thread in threads:
            thread.join()
    assert took >= 8 or {r[0] for r in early} == {503}, early
    return replies, took


def test_overload(site):
    restart(site, web__max_waiting="4", web__body_timeout=LONG_TIMEOUT)
    with case("AC-194: with too many waiting to be written: 503, with "
              "Retry-After and a nonce, at once; who waits is served"):
        for _ in range(5):
            replies, took = overload(site)
            # After ten seconds nobody waits for the database any more.
            if took < 8:
                break
        assert took < 8, took
        statuses = [r[0] for r in replies]
        assert set(statuses) == {201, 503}, statuses
        assert statuses.count(201) >= 5, statuses
        for status, top, body in replies:
            assert re.search(r"(?m)^Replay-Nonce: \S+", top), top
            if status == 503:
                assert re.search(r"(?m)^Retry-After: [1-9]\d*\r?$", top), top
                assert json.loads(body)["type"] == \
                    "urn:ietf:params:acme:error:serverInternal", body
    restart(site, web__max_waiting="1000",
            web__body_timeout=f"{BODY_TIMEOUT}s")


def test_limits(site):
    with case("AC-5: connections of one address are limited, others are "
              "not"):
        restart(site, web__max_per_address="10", web__threads="1",
                web__body_timeout=LONG_TIMEOUT)
        mine = [connect(site, "127.0.3.1") for _ in range(10)]
        assert ask_once(site, "127.0.3.1") == 0
        with connect(site, "127.0.3.2") as s:
            assert ask(site, s)[0] == 200
        for s in mine:
            s.close()
        eventually(lambda: ask_once(site, "127.0.3.1") == 200,
                   "a connection of the address that has left")
    with case("AC-21: a trusted proxy is not"):
        restart(site, web__trusted_proxies='{ "127.0.3.0/24" }')
        mine = [connect(site, "127.0.3.1") for _ in range(20)]
        for s in mine:
            assert ask(site, s)[0] == 200
            s.close()
        restart(site, web__max_per_address="500", web__threads="4",
                web__trusted_proxies="{}")
    with case("AC-5: when all connections are taken by idle ones, who comes "
              "waits until one is cut"):
        restart(site, web__max_connections="16", web__threads="2",
                web__body_timeout=f"{BODY_TIMEOUT}s")
        mine = [connect(site, f"127.0.3.{i}") for i in range(1, 17)]
        assert ask_once(site, "127.0.3.99") == 200
        for s in mine:
            s.close()
    with case("AC-5: the limit is for all sockets together"):
        port = site.port("LAB_HTTPS")
        path = f"{run_folder(site)}/acme.sock"
        restart(site, web__listen=f'{{ "127.0.0.1:{port}", "unix:{path}" }}',
                web__body_timeout=LONG_TIMEOUT)
        mine = []

        def is_full():
            # One that asks takes a place itself, and gives it back.
            mine.append(connect_unix(path))
            return ask_once(site, "127.0.3.98") == 0
        eventually(is_full, "the limit")
        assert len(mine) >= 16, len(mine)
        for s in mine:
            s.close()
        eventually(lambda: ask_once(site, "127.0.3.98") == 200, "room")
        restart(site, web__max_connections="2000", web__threads="4",
                web__listen=f'{{ "127.0.0.1:{port}" }}',
                web__body_timeout=f"{BODY_TIMEOUT}s")
    with case("a limit of open files that is too low is said at the start"):
        site.stop()
        edit_config(site, web__max_connections="5000")
        said = command("/bin/sh", "-c",
                       'ulimit -n 3000 && exec setpriv '
                       '--bounding-set=-sys_resource '
                       '--inh-caps=-sys_resource "$@"', "sh",
                       f"{site.build}/countersignd", "-f", site.config,
                       status=1)
        assert re.search(r"web.max_connections = 5000 needs \d+ open files, "
                         r"but this process may have 3000", said), said
        edit_config(site, web__max_connections="2000")
        site.start()


run({"web.body_timeout": f"{BODY_TIMEOUT}s", "web.max_body": "65536",
     "web.trusted_proxies": "127.0.0.9", "web.max_connections": "2000",
     "web.max_per_address": "500", "web.max_waiting": "1000",
     "web.threads": "4"},
    test_unix, test_addresses, test_activation, test_client_address,
    test_broken_bodies, test_slow_senders, test_overload, test_limits,
    test_bodies_in_memory, test_idle)
