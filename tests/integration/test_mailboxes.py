#!/usr/bin/python3
"""Replies that come to several mailboxes, on servers as they are: one that is
down, one that hangs, one whose connection dies without a sign, ones that can
do little, and every way to log in (ER-21, MA-64)."""

import contextlib
import http.server
import json
import os
import re
import select
import shutil
import signal
import socket
import threading
import time
import urllib.parse

from acme import Client
from harness import DEADLINE, USER, case, command, deaf, eventually, in_time, \
    kill, read_file, run, say
from letters import challenge_mail, compose, deliver, send, sign

REPLIES = "replies@user.test"


# --- mailboxes -----------------------------------------------------------

def section(name, **options):
    lines = "".join(f"\t{k} = {v}\n" for k, v in options.items())
    return f"imap {name} {{\n{lines}}}\n"


def mailbox(site, name, user, port=None, secret=None, **options):
    """The configuration of a further mailbox at the user's mail server."""
    secret = secret or {"password": f'"{site.passwords[user]}"'}
    return section(name, host="localhost", port=port or site.port("USER_IMAPS"),
                   ca_file=f'"{site.env["LAB_CA_CERT"]}"', user=f'"{user}"',
                   **secret, **options)


def add_user(site, address):
    site.passwords[address] = site.lab("add-user", address).strip()


@contextlib.contextmanager
def restarted(site, *sections):
    """With these mailboxes in the configuration; the place in the log from
    which it is said what becomes of them."""
    before = read_file(site.config)
    site.stop()
    with open(site.config, "a") as f:
        f.write("".join(sections))
    mark = site.mark()
    site.start()
    try:
        yield mark
    finally:
        site.stop()
        with open(site.config, "w") as f:
            f.write(before)
        site.start()


def validators(site):
    """{"imap": pid, "imap:two": pid}"""
    return site.intakes()


def opened(site, user, mark):
    return eventually(
        lambda: [e for e in site.events("mailbox open", mark)
                 if f"//{user}@" in e["source"]], f"{user}'s mailbox")


NUMBER = [0]


def ordered(site, **how):
    """An order whose reply is written and signed, but not yet sent."""
    NUMBER[0] += 1
    order = Client(site, patient=True).order(
        f"alice+box{NUMBER[0]}@user.test")
    challenge = order.challenge()
    challenge.post()
    mail = challenge_mail(site, challenge)
    return order, challenge, sign(site, compose(challenge, mail, **how))


def verdict(site, mark, challenge, user):
    """What the validator of this user's mailbox said."""
    return eventually(
        lambda: [e["verdict"] for e in site.verdicts(mark)
                 if e.get("challenge") == challenge.id
                 and f"//{user}@" in e["source"]],
        f"the verdict from {user}")[-1]


# --- two mailboxes -------------------------------------------------------

def test_two(site):
    acme = site.env["CA_IMAP_USER"]
    with restarted(site, mailbox(site, "two", REPLIES)) as started:
        opened(site, REPLIES, started)
        with case("a validator for each mailbox"):
            assert validators(site).keys() == {"imap", "imap:two"}
        with case("countersign check names each mailbox"):
            text = site.countersign("check")
            assert re.search(r"(?m)^.*IMAP mailbox\b(?! two)", text), text
            assert "IMAP mailbox two" in text, text
        with case("ER-21: replies to either mailbox prove"):
            for user in (acme, REPLIES):
                order, challenge, raw = ordered(site)
                mark = site.mark()
                deliver(site, raw, challenge.sender if user == acme
                        else REPLIES)
                assert verdict(site, mark, challenge, user) == "match"
                order.certificate()
        with case("MA-64: the same reply in both counts once"):
            for body in (None, "no block here\r\n"):
                order, challenge, raw = ordered(
                    site, **({"body": body} if body else {}))
                mark = site.mark()
                for to in (challenge.sender, REPLIES):
                    deliver(site, raw, to)
                found = sorted(verdict(site, mark, challenge, user)
                               for user in (acme, REPLIES))
                if body is None:
                    assert "match" in found, found
                    assert set(found) <= {"match", "late", "repeated"}, found
                    order.certificate()
                else:
                    assert found == ["no-response", "repeated"], found
                    assert "subproblems" not in challenge.read()["error"]
        with case("one server is down: the other mailbox works on"):
            order, challenge, raw = ordered(site)
            with site.without("ca-dovecot"):
                mark = site.mark()
                begin = time.monotonic()
                deliver(site, raw, REPLIES)
                assert verdict(site, mark, challenge, REPLIES) == "match"
                say(f"{time.monotonic() - begin:.1f} s")
                order.certificate()
            opened(site, acme, mark)
        for name, user in (("imap:two", REPLIES), ("imap", acme)):
            with case(f"ER-21: {name} is killed; nothing is lost or doubled"):
                order, challenge, raw = ordered(site)
                mark = site.mark()
                before = validators(site)
                kill(before[name])
                deliver(site, raw, challenge.sender if user == acme
                        else REPLIES)
                assert verdict(site, mark, challenge, user) == "match"
                after = eventually(
                    lambda: v if (v := validators(site)).keys() ==
                    before.keys() else None, "both validators")
                assert {n for n in before if before[n] != after[n]} == {name}
                assert site.query(
                    "SELECT COUNT(*) FROM reply WHERE challenge_id = ?",
                    challenge.id) == [(1,)]
                order.certificate()
        with case("a reload reaches each of them at once"):
            def reloaded():
                mark = site.mark()
                site.daemon.send_signal(signal.SIGHUP)
                eventually(lambda: len(site.events("configuration reloaded",
                                                   mark)) == 5,
                           "five reloads")
            in_time(5, "five reloads", reloaded)
        with case("they stop at once"):
            stops_soon(site, 5)


def test_hanging(site):
    """A server that takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with restarted(site, mailbox(site, "mute", REPLIES, port=port)):
            with case("a mailbox whose server hangs holds up no start, and "
                      "no reply to another"):
                def again():
                    site.stop()
                    site.start()
                in_time(15, "another start", again)
                order, challenge, raw = ordered(site)
                mark = site.mark()
                deliver(site, raw, challenge.sender)
                assert verdict(site, mark, challenge,
                               site.env["CA_IMAP_USER"]) == "match"
                order.certificate()
            with case("nor does it hold up a stop"):
                stops_soon(site)


def test_absent(site):
    """A server that is not there, and nothing says so."""
    with deaf() as port, \
            restarted(site, mailbox(site, "absent", REPLIES, port=port)):
        with case("a stop does not wait for its connection"):
            stops_soon(site)


def stops_soon(site, seconds=15):
    """Connecting has 30 seconds."""
    def stopped():
        begin = time.monotonic()
        assert site.stop() == 0
        took = time.monotonic() - begin
        site.start()
        return took
    in_time(seconds, "the end", stopped)


# --- a connection that dies without a sign -------------------------------

class Wire(threading.Thread):
    """Forwards TCP to a port, until mute() makes it a firewall that forgot
    the connections it had: nothing passes, nothing is closed."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = {}
        self.count = 0
        self.lock = threading.Lock()

    def mute(self):
        with self.lock:
            self.pairs = {}

    def run(self):
        kept = []   # so that nothing is closed
        while True:
            with self.lock:
                pairs = dict(self.pairs)
            for s in select.select([self.listener, *pairs], [], [], 0.05)[0]:
                if s is self.listener:
                    ours = self.listener.accept()[0]
                    theirs = socket.create_connection(
                        ("127.0.0.1", self.target))
                    kept += [ours, theirs]
                    self.count += 1
                    with self.lock:
                        self.pairs |= {ours: theirs, theirs: ours}
                else:
                    self.forward(s, pairs[s])

    def forward(self, source, sink):
        with self.lock:
            if source not in self.pairs:
                return
        try:
            data = source.recv(65536)
            sink.sendall(data)
        except OSError:
            data = b""
        if not data:
            with self.lock:
                self.pairs.pop(source, None)
                self.pairs.pop(sink, None)
            for s in (source, sink):
                s.close()


def test_mute(site):
    wire = Wire(site.port("USER_IMAPS"))
    wire.start()
    with restarted(site, mailbox(site, "far", REPLIES,
                                 port=wire.port)) as started:
        opened(site, REPLIES, started)
        with case("IDLE that dies silently is noticed within 40 seconds, and "
                  "the reply is found on a new connection"):
            def noticed():
                order, challenge, raw = ordered(site)
                time.sleep(1)   # it idles
                count = wire.count
                mark, begin = site.mark(), time.monotonic()
                wire.mute()
                deliver(site, raw, REPLIES)
                event = eventually(lambda: site.events("mailbox", mark),
                                   "the end of the connection")[0]
                took = time.monotonic() - begin
                say(f"noticed after {took:.1f} s: {event['error']}")
                assert verdict(site, mark, challenge, REPLIES) == "match"
                assert wire.count == count + 1, wire.count
                order.certificate()
                return took
            in_time(43, "the end of the connection", noticed)


# --- servers that can do little ------------------------------------------

@contextlib.contextmanager
def dovecot(site, text):
    """The user's IMAP server, with more in its configuration."""
    path = f"{site.env['LAB_DIR']}/user/dovecot/dovecot.conf"
    before = read_file(path)
    site.lab("stop-part", "user-dovecot")
    with open(path, "a") as f:
        f.write(text)
    site.lab("start-part", "user-dovecot")
    try:
        yield
    finally:
        site.lab("stop-part", "user-dovecot")
        with open(path, "w") as f:
            f.write(before)
        site.lab("start-part", "user-dovecot")


def lying(site, user, folder="Maildir"):
    """{uid-ish name: flags} of the messages that lie in a folder."""
    path = f"{site.env['LAB_DIR']}/user/dovecot/mail/{user}/{folder}"
    found = {}
    for part in ("cur", "new"):
        with contextlib.suppress(OSError):
            for name in os.listdir(f"{path}/{part}"):
                base, _, flags = name.partition(":2,")
                found[base] = flags
    return found


def as_owner(site, user, *words):
    """A command to the IMAP server, as the mailbox's owner."""
    return command("doveadm", "-c",
                   f"{site.env['LAB_DIR']}/user/dovecot/dovecot.conf",
                   *words[:1], "-u", user, *words[1:])


def test_poor_server(site):
    kinds = {"IMAP4rev1": "T", "IMAP4rev1 UIDPLUS": None,
             "IMAP4rev1 IDLE MOVE": None}
    for number, (capability, flag) in enumerate(kinds.items()):
        user = f"poor{number}@user.test"
        add_user(site, user)
        with dovecot(site, "protocol imap {\n  imap_capability = "
                     f"{capability}\n}}\n"), \
                restarted(site, mailbox(site, "poor", user)) as started:
            opened(site, user, started)
            # Somebody else's, marked and not yet decided about.
            deliver(site, b"From: x@user.test\r\nTo: y\r\nSubject: theirs"
                    b"\r\n\r\nkept\r\n", user)
            eventually(lambda: len(lying(site, user, "Maildir/.Processed")),
                       "the first message to be put away")
            with case(f"ER-21: a server with {capability} only: read, judged, "
                      "put away"):
                order, challenge, raw = ordered(site)
                mark = site.mark()
                deliver(site, raw, user)
                assert verdict(site, mark, challenge, user) == "match"
                eventually(lambda: len(lying(
                    site, user, "Maildir/.Processed")) == 2, "the move")
                if flag is None:
                    eventually(lambda: not lying(site, user), "the move")
                else:
                    # Copied first, marked after it: a moment in between.
                    eventually(lambda: all(flag in flags for flags in
                                           lying(site, user).values()),
                               "the marks")
                    assert len(lying(site, user)) == 2
                order.certificate()
            with case(f"{capability}: nothing is read again"):
                mark = site.mark()
                kill(validators(site)["imap:poor"])
                opened(site, user, mark)
                time.sleep(1)
                assert not [e for e in site.events("reply", mark)
                            if f"//{user}@" in e["source"]]


def test_uidvalidity(site):
    user = "again@user.test"
    add_user(site, user)
    with restarted(site, mailbox(site, "again", user,
                                 disposal="flag")) as started:
        opened(site, user, started)
        order, challenge, raw = ordered(site, body="no block\r\n")
        mark = site.mark()
        deliver(site, raw, user)
        assert verdict(site, mark, challenge, user) == "no-response"
        with case("MA-64, ER-21: the folder is numbered anew: its messages "
                  "are read again and count no second time"):
            mark = site.mark()
            with site.without("user-dovecot"):
                path = (f"{site.env['LAB_DIR']}/user/dovecot/mail/{user}/"
                        "Maildir/dovecot-uidlist")
                text = read_file(path)
                changed = re.sub(r"\bV(\d+)", lambda m: f"V{int(m[1]) + 9}",
                                 text, count=1)
                assert changed != text
                with open(path, "w") as f:
                    f.write(changed)
                for name in ("dovecot.index", "dovecot.index.log",
                             "dovecot.index.cache"):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.dirname(path) + "/" + name)
            assert verdict(site, mark, challenge, user) == "repeated"
            assert len(site.query(
                "SELECT DISTINCT uidvalidity FROM reply WHERE source LIKE ?",
                f"%{user}%")) == 2
            assert "subproblems" not in challenge.read()["error"]


# --- logging in ----------------------------------------------------------

class Introspection(http.server.BaseHTTPRequestHandler):
    """Which tokens are good (RFC 7662, as Dovecot asks)."""

    tokens = {}

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        user = self.tokens.get(query["token"][0])
        body = json.dumps({"active": user is not None, "email": user}).encode()
        self.send_response(200 if user else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


OAUTH = """
auth_mechanisms = plain login scram-sha-1 scram-sha-256 xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {file}
}}
"""


def test_logins(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Introspection)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    oauth = f"{site.folder}/oauth2.conf.ext"
    with open(oauth, "w") as f:
        f.write("introspection_mode = get\nintrospection_url = "
                f"http://127.0.0.1:{server.server_port}/?token=\n"
                "username_attribute = email\nactive_attribute = active\n"
                "active_value = true\n")
    os.chmod(oauth, 0o644)
    token = f"{site.folder}/token"
    program = f"{site.folder}/print-token"
    with open(program, "w") as f:
        f.write(f'#!/bin/sh\ncat "$1" && echo x >>{site.folder}/runs\n')
    os.chmod(program, 0o755)
    with open(f"{site.folder}/runs", "w") as f:
        os.chmod(f.name, 0o666)

    def tokens(name):
        Introspection.tokens = {
            f"{name}-{n}": f"{n}@user.test" for n in ("file", "made")}
        for n in ("file", "made"):
            with open(f"{token}-{n}", "w") as f:
                f.write(f"{name}-{n}\n")
            # Read when the role is no longer root.
            shutil.chown(f"{token}-{n}", USER)
            os.chmod(f"{token}-{n}", 0o600)

    tokens("first")
    ways = {
        "auto": ("SCRAM-SHA-256", None, {}),
        "plain": ("PLAIN", None, {"auth": "plain"}),
        "login": ("LOGIN", None, {"auth": "login"}),
        "scram": ("SCRAM-SHA-256", None, {"auth": "scram"}),
        "file": ("OAUTHBEARER", {"token_file": f'"{token}-file"'}, {}),
        "made": ("XOAUTH2", {"token_command":
                             f'{{"{program}", "{token}-made"}}'},
                 {"auth": "xoauth2"}),
    }
    for name in ways:
        add_user(site, f"{name}@user.test")
    sections = [mailbox(site, name, f"{name}@user.test", secret=secret, **how)
                for name, (_, secret, how) in ways.items()]
    with dovecot(site, OAUTH.format(file=oauth)), \
            restarted(site, *sections) as started:
        for name, (method, _, _) in ways.items():
            with case(f"logs in by {method} ({name})"):
                opened(site, f"{name}@user.test", started)
                eventually(lambda: re.search(
                    rf"Login: user=<{name}@user.test>, method={method},",
                    site.lab_log("user-dovecot")), "the login")
        with case("a server that offers SCRAM-SHA-1 and PLAIN gets SCRAM"):
            path = f"{site.env['LAB_DIR']}/user/dovecot/dovecot.conf"
            text = read_file(path)
            with open(path, "w") as f:
                f.write(text.replace("scram-sha-256 ", ""))
            mark = site.mark()
            site.lab("stop-part", "user-dovecot")
            site.lab("start-part", "user-dovecot")
            opened(site, "auto@user.test", mark)
            eventually(lambda: "<auto@user.test>, method=SCRAM-SHA-1," in
                       site.lab_log("user-dovecot"), "the login")
        with case("a token that the server refuses is made anew, and one in "
                  "a file is read anew"):
            for n in ("file", "made"):
                opened(site, f"{n}@user.test", mark)
            runs = len(read_file(f"{site.folder}/runs").split())
            assert runs == 1, runs      # kept across the restart
            tokens("second")
            mark = site.mark()
            site.lab("stop-part", "user-dovecot")
            site.lab("start-part", "user-dovecot")
            for n in ("file", "made"):
                opened(site, f"{n}@user.test", mark)
            runs = len(read_file(f"{site.folder}/runs").split())
            assert runs == 2, runs
        with case("a wrong token: the log says what the server said, and not "
                  "the token"):
            Introspection.tokens = {}
            text = site.countersign("check", status=1)
            line = next(i for i in text.splitlines()
                        if "refused the login of file@user.test" in i)
            say(line)
            assert "invalid_token" in text, text
            assert "second-" not in text + site.log(), text
        with case("no password and no token is in the log"):
            log = site.log()
            for path in site.passwords.values():
                assert read_file(path).strip() not in log
    server.shutdown()


def prepare(site):
    site.passwords = {}
    add_user(site, REPLIES)


run({}, prepare, test_two, test_hanging, test_absent, test_mute,
    test_poor_server, test_uidvalidity, test_logins)
