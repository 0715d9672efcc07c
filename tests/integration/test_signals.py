#!/usr/bin/python3
"""What an admin does to a running server: SIGHUP, new TLS certificates,
SIGTERM, and what the service manager is told."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

from acme import Client
from harness import (DEADLINE, ROLES, case, children, command, edit_config,
                     eventually, in_time, read_file, run)
from letters import answer


def test_reload(site):
    with case("SIGHUP: what can change while running changes"):
        edit_config(site, policy__max_identifiers="1")
        site.reload()
        client = Client(site).account()
        refused = client.post(client.url_of("newOrder"), {
            "identifiers": [{"type": "email", "value": m} for m in
                            ("alice@user.test", "bob@user.test")]})
        assert refused.status in (400, 403), refused
        edit_config(site, policy__max_identifiers="10")
        site.reload()
        client.order("alice@user.test", "bob@user.test")
    with case("SIGHUP: what cannot is named, and stays as it was"):
        mark = site.mark()
        edit_config(site, web__threads="8")
        site.reload()
        said = [e["error"] for e in site.events("configuration", mark)]
        assert any("web.threads: changed, but only a restart" in text
                   for text in said), said
        edit_config(site, web__threads="4")
        site.reload()
    with case("SIGHUP: a mistake is named with its line, and the old "
              "configuration stays in use"):
        mark = site.mark()
        edit_config(site, policy__max_identifiers="many")
        site.reload()
        said = [e["error"] for e in site.events("configuration", mark)]
        assert any("countersign.conf:" in text and
                   "policy.max_identifiers: many is not a number" in text
                   for text in said), said
        assert site.roles().keys() == set(ROLES)
        client.order("alice@user.test", "bob@user.test")
        edit_config(site, policy__max_identifiers="10")
        site.reload()


def conf_of(site, role):
    """The hash of the configuration that a role goes by."""
    (sha256,), = site.query("SELECT conf_sha256 FROM role_life "
                            "WHERE role = ?", role)
    return sha256


def hash_of(site):
    with open(site.config, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def changes(site):
    """What the audit knows of configurations: (before, after), oldest first."""
    return site.query("SELECT detail ->> 'before', detail ->> 'after' "
                      "FROM audit WHERE event = 'configuration changed' "
                      "ORDER BY seq")


def test_one_decision(site):
    """Whatever happens to the file, and when: all roles have the same."""
    text = read_file(site.config)
    names = [words[words.index("--role") + 1]
             for words in site.processes().values()]
    with case("SIGHUP: the file is read once: what is put into its place "
              "before a role comes to it does not count"):
        known, mark, sender = len(changes(site)), site.mark(), \
            site.roles()["sender"]
        before = conf_of(site, "issuer")
        edit_config(site, policy__max_identifiers="9")
        taken = hash_of(site)
        os.kill(sender, signal.SIGSTOP)
        site.daemon.send_signal(signal.SIGHUP)
        site.wait_event("configuration taken", mark)
        edit_config(site, policy__max_identifiers="none")
        os.kill(sender, signal.SIGCONT)
        eventually(lambda: len(site.events("configuration reloaded", mark))
                   == len(names), "the reload")
        assert {e["sha256"] for e in
                site.events("configuration reloaded", mark)} == {taken}
        assert "event=configuration " not in site.log(mark), site.log(mark)
        assert changes(site)[known:] == [(before, taken)], changes(site)
    with case("one record, one refusal: a mistake is said once, by file and "
              "line, and no role reads it"):
        mark = site.mark()
        site.reload()
        refused, = site.events("configuration not reloaded", mark)
        assert re.match(r".*countersign\.conf:\d+: policy\.max_identifiers: ",
                        refused["error"]), refused
        assert site.log(mark).count(" is not a number") == 2
        assert not site.events("configuration reloaded", mark)
    with case("a role that is started again gets what the others have, "
              "whatever the file says"):
        mark = site.mark()
        site.kill_role("sender")
        site.wait_event("confined", mark)
        assert {conf_of(site, role) for role in ROLES if role != "validator"
                } == {taken}
        assert "error=" not in site.log(mark), site.log(mark)
        assert len(changes(site)) == known + 1
    with case("SIGHUP while another one is being decided: one after the "
              "other, with a record of each"):
        mark, hashes = site.mark(), [taken]
        with site.connection() as db:
            db.execute("BEGIN IMMEDIATE")
            edit_config(site, policy__max_identifiers="8")
            hashes.append(hash_of(site))
            site.daemon.send_signal(signal.SIGHUP)
            # It has been read when there is a child that tries it.
            eventually(lambda: set(map(int, children(site.daemon.pid)))
                       - set(site.processes()), "the trial")
            with open(site.config, "w") as f:
                f.write(text)
            hashes.append(hash_of(site))
            site.daemon.send_signal(signal.SIGHUP)
            site.daemon.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            assert not site.events("configuration taken", mark)
            db.rollback()
        # The row is there before the supervisor says so.
        site.wait_event("configuration taken", mark, sha256=hashes[2])
        eventually(lambda: conf_of(site, "issuer") == hashes[2], "the second")
        assert [e["sha256"] for e in
                site.events("configuration taken", mark)] == hashes[1:]
        assert changes(site)[known + 1:] == list(zip(hashes, hashes[1:]))
        eventually(lambda: {conf_of(site, role) for role in ("web", "sender")}
                   == {hashes[2]}, "the others")


def remarks(site, status):
    """What status says of the configuration: [(level, text)]."""
    done = subprocess.run([f"{site.build}/countersign", "status", "-f",
                           site.config, "--json"], stdout=subprocess.PIPE,
                          text=True, timeout=DEADLINE)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == any(r["level"] == "wrong" for r in found), found
    assert status is None or done.returncode == status, found
    return [(r["level"], r["text"]) for r in found
            if r["what"] == "configuration"]


def shows(site, level, words, status=None):
    return eventually(lambda: [text for found, text in remarks(site, status)
                               if found == level and words in text], words)


def write_key(site, text):
    with open(site.env["LAB_HTTPS_KEY"], "w") as f:
        f.write(text)


def test_shown(site):
    """What an admin who has not read the log is told (PK-19)."""
    with case("status: the file is what is in use, by its hash"):
        shows(site, "ok", hash_of(site))
    with case("status: it differs as soon as it is written; SIGHUP takes it"):
        used = hash_of(site)
        edit_config(site, policy__max_identifiers="7")
        text, = shows(site, "warn", "is not what is in use")
        assert hash_of(site) in text and used in text, text
        site.reload()
        shows(site, "ok", hash_of(site))
    with case("status: what only a restart applies is named"):
        edit_config(site, web__threads="8")
        site.reload()
        shows(site, "warn", "only a restart applies: web.threads")
        edit_config(site, web__threads="4")
        site.reload()
        eventually(lambda: {level for level, _ in remarks(site, None)}
                   == {"ok"}, "all well")
    key = read_file(site.env["LAB_HTTPS_KEY"])
    for mend in site.reload, site.stop:
        with case("status: a SIGHUP that was refused, when and why, is wrong "
                  "until one is taken, or the next start"):
            write_key(site, read_file(f"{site.state}/dkim-rsa.pem"))
            site.reload()
            text, = shows(site, "wrong", "SIGHUP was refused at ", status=1)
            assert "is not the key of" in text, text
            write_key(site, key)
            if mend() is not None:
                site.start()
            eventually(lambda: {level for level, _ in remarks(site, None)}
                       == {"ok"}, "all well")
    with case("a mistake in the file: why, by its line, is kept where the "
              "pages for admins find it"):
        edit_config(site, policy__max_identifiers="none")
        site.reload()
        (why, file_hash), = eventually(lambda: site.query(
            "SELECT refused, file_sha256 FROM conf_use "
            "WHERE refused_at > 0"), "the refusal")
        assert "policy.max_identifiers: none is not a number" in why, why
        eventually(lambda: site.query(
            "SELECT file_sha256 FROM conf_use") == [(hash_of(site),)],
            "the file's hash")
        edit_config(site, policy__max_identifiers="10")
        site.reload()
        eventually(lambda: not site.query(
            "SELECT 1 FROM conf_use WHERE refused_at > 0"), "the end of it")


def certificate_of(site):
    """What a new connection is shown."""
    with socket.create_connection(("localhost", site.port("LAB_HTTPS"))) as s:
        with site.tls.wrap_socket(s, server_hostname="localhost") as t:
            return t.getpeercert(True)


def replace_certificate(site):
    """A new key and certificate for the HTTPS server, same files."""
    tls = os.path.dirname(site.env["LAB_HTTPS_CERT"])
    new = f"{site.folder}/new"
    command("openssl", "req", "-config", f"{tls}/openssl.cnf", "-x509",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "30", "-subj", "/CN=localhost", "-keyout", f"{new}.key",
            "-out", f"{new}.pem", "-CA", f"{tls}/ca.pem",
            "-CAkey", f"{tls}/ca.key",
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "authorityKeyIdentifier=keyid",
            "-addext", "subjectAltName=DNS:localhost")
    for name, variable in ("key", "LAB_HTTPS_KEY"), ("pem", "LAB_HTTPS_CERT"):
        shutil.copyfile(f"{new}.{name}", site.env[variable])


def test_tls_reload(site):
    # The key is read again after root was given up: the admin lets the
    # service's user read it.
    if os.getuid() == 0:
        shutil.chown(site.env["LAB_HTTPS_KEY"], "nobody")
        folder = os.path.dirname(site.env["LAB_HTTPS_KEY"])
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    client = Client(site).account()
    with case("SIGHUP: a new TLS certificate is used for new connections, "
              "and a connection that is kept alive goes on"):
        before = certificate_of(site)
        kept = client.connection.sock
        replace_certificate(site)
        site.reload()
        now = eventually(lambda: (c := certificate_of(site)) != before and c,
                         "the new certificate")
        assert ssl.DER_cert_to_PEM_cert(now) == \
            read_file(site.env["LAB_HTTPS_CERT"])
        client.read(client.kid)
        assert client.connection.sock is kept
    with case("SIGHUP: a key that does not fit is named, and the old pair "
              "stays in use"):
        mark = site.mark()
        shutil.copyfile(f"{site.state}/dkim-rsa.pem",
                        site.env["LAB_HTTPS_KEY"])
        site.reload()
        eventually(lambda: "is not the key of" in site.log(mark),
                   "the complaint")
        assert certificate_of(site) == now
        shutil.copyfile(f"{site.folder}/new.key", site.env["LAB_HTTPS_KEY"])


def open_request(site, body, sent):
    """A POST of which only the first octets of the body have been sent."""
    raw = socket.create_connection(("localhost", site.port("LAB_HTTPS")))
    raw.settimeout(DEADLINE)
    s = site.tls.wrap_socket(raw, server_hostname="localhost")
    s.sendall((f"POST /acme/new-acct HTTP/1.1\r\n"
               f"Host: localhost:{site.port('LAB_HTTPS')}\r\n"
               "Content-Type: application/jose+json\r\n"
               "Expect: 100-continue\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode())
    # What comes now says that the server has read so far.
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        said += s.recv(1) or b"\r\n\r\n"
    assert said == b"HTTP/1.1 100 Continue\r\n\r\n", said
    s.sendall(body[:sent])
    return s


def is_listening(site):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", site.port("LAB_HTTPS"))) == 0


def seconds_to_stop(site):
    begun = time.monotonic()
    assert site.stop() == 0
    took = time.monotonic() - begun
    site.start()
    return took


def test_drain(site):
    with case("SIGTERM: what was begun is finished, then all ends with 0"):
        client = Client(site)
        body = client.sign(client.url_of("newAccount"),
                           {"termsOfServiceAgreed": True},
                           client.take_nonce(), with_jwk=True).encode()
        client.close()
        with open_request(site, body, 100) as s:
            mark = site.mark()
            pids = site.roles().values()
            site.daemon.terminate()
            site.wait_event("stopping", mark)
            s.sendall(body[100:])
            head = s.recv(4096)
        assert head.startswith(b"HTTP/1.1 201 "), head
        assert site.daemon.wait(DEADLINE) == 0
        assert not [p for p in pids if os.path.exists(f"/proc/{p}")]
        assert not is_listening(site)
        assert site.events("stopped", mark)
        assert not site.events("roles did not stop in time", mark)
    with case("what was acknowledged is there after the start"):
        site.start()
        answered = client.post(client.url_of("newAccount"),
                               {"onlyReturnExisting": True}, 200,
                               with_jwk=True)
        assert answered.headers["Location"]
    with case("SIGTERM: idle, it ends within two seconds"):
        in_time(2, "the end", lambda: seconds_to_stop(site))
    with case("SIGTERM: so it does when somebody has stopped a role"):
        def stopped():
            os.kill(site.roles()["validator"], signal.SIGSTOP)
            return seconds_to_stop(site)
        in_time(5, "the end", stopped)
    with case("SIGINT ends it like SIGTERM"):
        site.daemon.send_signal(signal.SIGINT)
        assert site.daemon.wait(DEADLINE) == 0
        site.start()


def test_ignored(site):
    with case("SIGHUP, SIGTERM: heard, too, when who started it ignores "
              "them, as nohup does"):
        def ignore():
            for number in signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD:
                signal.signal(number, signal.SIG_IGN)
        site.stop()
        site.start(preexec_fn=ignore)
        site.reload()
        assert site.stop() == 0
        site.start()


def test_no_reader(site):
    with case("PK-176: the log goes to a program, which ends: all goes on"):
        client = Client(site, patient=True).account()
        site.stop()
        reader, log = os.pipe()
        os.set_blocking(reader, False)
        site.daemon = subprocess.Popen(
            [site.program, "-f", site.config], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True)
        os.close(log)
        said = b""

        def is_ready():
            nonlocal said
            with contextlib.suppress(BlockingIOError):
                said += os.read(reader, 65536)
            return b"event=ready" in said or site.daemon.poll() is not None
        eventually(is_ready, "countersignd")
        os.close(reader)
        before = site.roles()
        # The supervisor tells of both, to nobody.
        site.daemon.send_signal(signal.SIGHUP)
        site.kill_role("sender")
        assert site.daemon.poll() is None
        after = site.roles()
        assert {role for role in before if before[role] != after[role]} \
            == {"sender"}, (before, after)
        assert client.read(client.kid)["status"] == "valid"
        assert site.stop() == 0
        site.start()


def test_supervisor_killed(site):
    with case("when the supervisor is killed its roles end, and a new start "
              "goes on from the rows"):
        client = Client(site, patient=True)
        order = client.order("alice+killed@user.test")
        challenge = order.challenge()
        challenge.post()
        site.kill_supervisor()
        site.start()
        answer(site, challenge)
        order.certificate()


def test_notify(site):
    with case("the service manager is told: READY, then STOPPING"):
        site.stop()
        path = f"{site.folder}/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(DEADLINE)
            os.environ["NOTIFY_SOCKET"] = path
            try:
                site.start()
            finally:
                del os.environ["NOTIFY_SOCKET"]
            assert s.recv(1000).startswith(b"READY=1")
            site.daemon.terminate()
            assert s.recv(1000).startswith(b"STOPPING=1")
            assert site.daemon.wait(DEADLINE) == 0
        site.start()


LINTER = """
linter lab {
    url = "http://127.0.0.1:9"
    lints = { certificate }
}
"""


def start_held(site):
    """Starts it, and stops its linters before they have said that they work:
    if they were quicker, or have not begun, once more."""
    def held():
        mark = site.mark()
        with open(site.log_path, "ab") as log:
            site.daemon = subprocess.Popen(
                [site.program, "-f", site.config], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        pid = eventually(lambda: site.roles().get("linter"), "the linters")
        os.kill(pid, signal.SIGSTOP)
        said = eventually(lambda: confined if {"web", "sender"} <= (
            confined := {e["role"] for e in site.events("confined", mark)})
            else None, "the others")
        if "linter" not in said:
            return pid
        site.stop()
        return None

    site.stop()
    return eventually(held, "linters that are stopped early enough")


def test_not_ready(site):
    """PK-19: a role that does not come up is when an admin looks."""
    text = read_file(site.config)
    with case("status: a SIGHUP that was refused, also before all roles are "
              "ready"):
        with open(site.config, "a") as f:
            f.write(LINTER)
        mark = site.mark()
        pid = start_held(site)
        edit_config(site, policy__max_identifiers="none")
        site.daemon.send_signal(signal.SIGHUP)
        eventually(lambda: site.query(
            "SELECT 1 FROM conf_use WHERE refused_at > 0"), "the refusal")
        assert not site.events("ready", mark), site.log(mark)
        with open(site.config, "w") as f:
            f.write(text)
        os.kill(pid, signal.SIGCONT)
        site.wait_event("ready", mark)
    site.stop()
    site.start()


def test_second_start(site):
    with case("a second server for the same database starts nothing and "
              "says why; the first goes on"):
        text = command(f"{site.build}/countersignd", "-f", site.config,
                       status=1)
        assert "another countersignd works on this database" in text, text
        Client(site).account()


# PK-19: what the life of a server leaves in the audit, and whom it is about.
# What orders, admins and keys leave is looked at where they are tested.
AUDITED = (("role started", "role:web"), ("role started", "role:issuer"),
           ("configuration changed", "configuration"),
           ("role crashed", "role:sender"),
           ("CA key activated", "ca:%"), ("CA key deactivated", "ca:%"),
           ("profile introduced", "profile:%"),
           ("revocation list signed", "%"), ("order received", "order:%"),
           ("certificate", "order:%"))


def test_audited(site):
    with case("PK-19: starts with their version, changed configurations and "
              "a role's crash are in the audit"):
        os.kill(site.roles()["sender"], signal.SIGKILL)
        for event, about in AUDITED:
            eventually(lambda event=event, about=about: site.query(
                "SELECT 1 FROM audit WHERE event = ? AND object LIKE ?",
                event, about), f"{event} {about}")
        (version,), = site.query(
            "SELECT DISTINCT detail ->> 'version' FROM audit "
            "WHERE event = 'role started'")
        said = command(f"{site.build}/countersignd", "--version")
        assert version and version in said, (version, said)
        for before, after in site.query(
                "SELECT detail ->> 'before', detail ->> 'after' FROM audit "
                "WHERE event = 'configuration changed'"):
            assert before != after and len(before) == len(after) == 64


run({}, test_reload, test_one_decision, test_shown, test_tls_reload,
    test_drain, test_ignored, test_no_reader, test_supervisor_killed,
    test_notify, test_not_ready, test_second_start, test_audited)
