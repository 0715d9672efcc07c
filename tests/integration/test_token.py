#!/usr/bin/python3
"""The issuing key in a PKCS#11 token: issuance by mail, and what happens while
the token is away, refuses, or is asked with a wrong PIN."""

import fcntl
import http.client
import os
import pty
import re
import signal
import termios
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

import hsm
from acme import Client, load_chain
from harness import DEADLINE, Skip, case, command, eventually, open_in, \
    read_file, run, say
from letters import answer

WORKERS = 4
OUTAGES = 3


SETTINGS = {"issuer.ocsp_url": "http://ocsp.ca.test/ocsp",
            "issuer.ocsp_folder": "state/ocsp"}


def fetch(site, path, method="GET", body=None):
    link = http.client.HTTPConnection("127.0.0.1", site.status_port,
                                      timeout=DEADLINE)
    try:
        link.request(method, path, body)
        got = link.getresponse()
        assert got.status == 200, got.status
        return got.read()
    finally:
        link.close()


def the_list(site):
    return x509.load_der_x509_crl(fetch(site, "/issuing.crl"))


def is_listed(site, leaf):
    return the_list(site).get_revoked_certificate_by_serial_number(
        leaf.serial_number) is not None


def ocsp_says(site, leaf):
    issuer = x509.load_pem_x509_certificate(
        read_file(f"{site.state}/ca/issuing.pem").encode())
    der = ocsp.OCSPRequestBuilder().add_certificate(
        leaf, issuer, hashes.SHA1()).build().public_bytes(Encoding.DER)
    return ocsp.load_der_ocsp_response(
        fetch(site, "/ocsp", "POST", der)).certificate_status.name


def prove(site, client, mailbox):
    """By mail; what is ordered for it afterwards needs none."""
    order = client.order(mailbox)
    challenge = order.challenge()
    challenge.post()
    answer(site, challenge)
    order.wait("ready")
    return order


class Worker(threading.Thread):
    """Orders one certificate after the other, until it is told to stop."""

    def __init__(self, client, mailbox, stop):
        super().__init__()
        self.client = client
        self.mailbox = mailbox
        self.stop = stop
        self.orders = []
        self.error = None

    def run(self):
        try:
            while not self.stop.is_set():
                order = self.client.order(self.mailbox)
                self.orders.append(order)
                order.wait("ready")
                order.finalize()
                order.wait("valid")
                time.sleep(0.05)
        except Exception as e:  # told by the main thread
            self.error = e


def start_workers(site, stop):
    workers = []
    for i in range(WORKERS):
        client, mailbox = Client(site), f"alice+worker{i}@user.test"
        prove(site, client, mailbox)
        workers.append(Worker(client, mailbox, stop))
    for worker in workers:
        worker.start()
    return workers


def end_workers(site, stop, workers):
    stop.set()
    site.make_due(wait=False)
    for worker in workers:
        worker.join(2 * DEADLINE)


def test_issues(site):
    client = Client(site)
    with case("PK-196, PK-197: a certificate by mail, signed in the token"):
        order = prove(site, client, "alice@user.test")
        chain = order.certificate()
        with open(f"{site.folder}/chain.pem", "wb") as f:
            f.writelines(c.public_bytes(Encoding.PEM) for c in chain)
        command("openssl", "verify", "-purpose", "smimesign", "-CAfile",
                f"{site.state}/ca/root.pem", "-untrusted",
                f"{site.folder}/chain.pem", f"{site.folder}/chain.pem")
        site.leaf = chain[0]
        site.client = client
    with case("PK-202: the issuer is confined as one with a key in a file, "
              "and only the signer has the module"):
        for role in "issuer", "signer":
            event, = [e for e in site.events("confined") if e["role"] == role]
            assert (event["files"], event["calls"]) == ("yes", "yes"), event
        module = os.path.realpath(site.module)
        pids = site.roles()
        assert module in read_file(f"/proc/{pids['signer']}/maps")
        assert module not in read_file(f"/proc/{pids['issuer']}/maps")
        for pid in pids["issuer"], pids["signer"]:
            said = read_file(f"/proc/{pid}/status")
            assert "\nSeccomp:\t2\n" in said and \
                "\nCapEff:\t0000000000000000\n" in said, said
        found = open_in(pids["issuer"])
        inet = read_file("/proc/net/tcp") + read_file("/proc/net/tcp6")
        assert not [f for f in found if f.startswith("socket:") and
                    f" {f[8:-1]} " in inet], found
        assert not [f for f in open_in(pids["signer"]) if "state/" in f]
    with case("PK-199: root's PIN file is read, and is root's afterwards"):
        if os.getuid() == 0:
            assert os.stat(site.pin_file).st_uid == 0
        assert hsm.PIN not in site.log()
    with case("PK-151, PK-168: list and OCSP answers are signed in it, too"):
        the_list(site)
        assert ocsp_says(site, site.leaf) == "GOOD"
    with case("check: all is well"):
        said = site.countersign("check")
        assert "ok    issuing CA\n" in said, said


def test_outage(site):
    """One outage, looked at closely."""
    mark = site.mark()
    held = site.client.order("alice@user.test")
    with site.without_token():
        with case("PK-200: while the token is away an order waits"):
            held.finalize()
            site.wait_event("token away", mark)
            for tries in range(2, 5):
                site.make_due(wait=False)
                eventually(lambda: len(site.events("token away", mark))
                           >= tries, "another try")
                assert held.read()["status"] == "processing"
            assert site.roles().get("issuer"), "the issuer ended"
        with case("PK-200: the log says so, each time it is tried, with what "
                  "to do and when the next try is"):
            lines = site.events("token away", mark)
            assert len(lines) >= 3, lines
            for i, line in enumerate(lines[:3]):
                assert f"tried again in {2 ** i} s" in line["next"], line
                assert "look after the token" in line["next"], line
        with case("PK-200: check says so"):
            said = site.countersign("check", status=1)
            line, = [t for t in said.splitlines()
                     if t.startswith("WRONG issuing CA")]
            assert "token" in line, line
            say(line)
        with case("PK-200: another mailbox is proven by mail meanwhile"):
            other = prove(site, site.client, "alice+other@user.test")
            other.finalize()
            assert other.read()["status"] == "processing"
        with case("PK-200: list and OCSP answers go on being served; a "
                  "revocation is taken, and only the list waits with it"):
            before = the_list(site).last_update
            site.countersign("cert", "--revoke", "--reason", "4",
                             f"{site.leaf.serial_number:034x}")
            # The responder's key is not in the token.
            eventually(lambda: ocsp_says(site, site.leaf) == "REVOKED",
                       "the answer")
            assert the_list(site).last_update == before
    with case("PK-200: it comes back, and the log says so"):
        site.wait_event("token back", mark)
    with case("PK-200: what waited is signed: nothing is lost"):
        site.make_due(wait=False)
        for order in held, other:
            order.wait("valid")
            rows = site.query("SELECT der IS NOT NULL FROM cert "
                              "WHERE order_id = ?", order.id)
            assert rows == [(1,)], rows
    with case("PK-157, PK-169: the revocation is published"):
        eventually(lambda: is_listed(site, site.leaf), "the list")
        assert ocsp_says(site, site.leaf) == "REVOKED"
    with case("check: all is well again"):
        assert "ok    issuing CA\n" in site.countersign("check")


def test_load(site):
    """Away and back, again and again, while certificates are ordered."""
    stop = threading.Event()
    workers = start_workers(site, stop)
    mark = site.mark()
    try:
        for _ in range(OUTAGES):
            time.sleep(2)
            away = site.mark()
            with site.without_token():
                site.wait_event("token away", away)
                time.sleep(2)
            site.make_due(wait=False)
        for _ in range(site.signer_kills):
            site.kill_role("signer")
            time.sleep(0.5)
    finally:
        end_workers(site, stop, workers)
    orders = [order for worker in workers for order in worker.orders]
    say(f"{len(orders)} orders; away {len(site.events('token away', mark))}, "
        f"back {len(site.events('token back', mark))} times in the log")
    with case("PK-200: under load: every order ends valid"):
        for worker in workers:
            if worker.error:
                raise worker.error
            assert not worker.is_alive(), "an order never ended"
        assert site.events("token away", mark)
        for order in orders:
            assert order.read()["status"] == "valid", order.url
    with case("PK-143, PK-145: each with one certificate, no number twice"):
        serials = set()
        for order in orders:
            chain = load_chain(order.client.post(
                order.read()["certificate"], None, 200).body)
            rows = site.query("SELECT serial FROM cert WHERE order_id = ?",
                              order.id)
            assert [int(r[0], 16) for r in rows] == [chain[0].serial_number]
            serials.add(chain[0].serial_number)
        assert len(serials) == len(orders)
    with case("no order was given up, nothing failed for another reason"):
        said = site.log(mark)
        for event in ("certificate not issued", "certificate refused",
                      "certificate uncertain", "token refuses"):
            assert f'event="{event}"' not in said, event
        ended = site.events("role ended", mark)
        assert [e["which"] for e in ended] == ["signer"] * site.signer_kills


def pin_from(site, line):
    """Another way to the PIN than its file."""
    text = re.sub(r"(?m)^\tkey_pin\w* = .*$", f"\t{line}",
                  read_file(site.config))
    with open(site.config, "w") as f:
        f.write(text)


def pipe_with(pin):
    """The end to read it from."""
    end, to = os.pipe()
    os.write(to, f"{pin}\n".encode())
    os.close(to)
    return end


def start_with_descriptor(site, pin):
    """What the two were; the first, which nothing names, has the PIN, too."""
    ends = [pipe_with(pin), pipe_with(pin)]
    pin_from(site, f"key_pin_fd = {ends[1]}")
    try:
        site.start(pass_fds=ends)
        return [os.readlink(f"/proc/self/fd/{n}") for n in ends]
    finally:
        for end in ends:
            os.close(end)


def start_at_terminal(site, pin):
    """What the terminal has shown."""
    ours, theirs = pty.openpty()
    shown, status = [], []

    def person():
        while "PIN of token ca" not in "".join(shown):
            shown.append(os.read(ours, 1000).decode())
        status.append(read_file(f"/proc/{site.daemon.pid}/status"))
        os.write(ours, f"{pin}\n".encode())

    typing = threading.Thread(target=person, daemon=True)
    typing.start()
    try:
        site.start(stdin=theirs, preexec_fn=lambda: fcntl.ioctl(
            0, termios.TIOCSCTTY, 0))
        typing.join(DEADLINE)
        shown.append(os.read(ours, 1000).decode())
    finally:
        os.close(theirs)
        os.close(ours)
    # No dumps, no new rights: before there is a PIN.
    assert "NoNewPrivs:\t1\n" in status[0], status
    return "".join(shown)


def does_not_start(site, pin):
    try:
        start_with_descriptor(site, pin)
        raise RuntimeError("it started")
    except AssertionError:
        pass
    assert site.daemon.wait(DEADLINE) == 78, site.daemon.returncode


def issues(site):
    site.client.close()
    order = site.client.order("alice@user.test")
    order.finalize()
    site.make_due(wait=False)
    order.wait("valid")


def test_pin_in_no_file(site):
    with case("PK-199: the PIN from an inherited descriptor, and again for a "
              "signer that was killed"):
        site.stop()
        stray, named = start_with_descriptor(site, hsm.PIN)
        issues(site)
        if os.getuid() == 0:
            assert named not in open_in(site.daemon.pid)
            for pid, words in site.processes().items():
                assert not {stray, named} & open_in(pid), words
        # SoftHSM's files are not torn by one that waits.
        time.sleep(0.5)
        site.kill_role("signer")
        issues(site)
    with case("PK-199: no process shows it, and check, which has no terminal, "
              "says what it has not looked at"):
        for pid in site.daemon.pid, *site.processes():
            for name in "cmdline", "environ":
                assert hsm.PIN not in read_file(f"/proc/{pid}/{name}")
        assert hsm.PIN not in site.log()
        said = command("setsid", "--wait", f"{site.build}/countersign",
                       "check", "-f", site.config)
        assert "warn  key of the issuing CA: not looked at" in said, said
    with case("PK-199: a wrong one is tried once, and nothing is started"):
        site.stop()
        mark = site.mark()
        does_not_start(site, "not-the-pin")
        refused, = site.events("token refuses", mark)
        assert "CKR_PIN_INCORRECT" in refused["error"], refused
    with case("PK-199: at the terminal a person types it, which is a login by "
              "hand"):
        pin_from(site, "key_pin_ask = yes")
        shown = start_at_terminal(site, hsm.PIN)
        assert hsm.PIN not in shown, shown
        issues(site)
    site.stop()
    pin_from(site, f'key_pin = "{site.pin_file}"')
    site.start()
    site.client.close()


def test_wrong_pin(site):
    """Last: the token remembers."""
    with case("PK-199: a signer that starts with a wrong PIN tries it once, "
              "and is left down"):
        mark = site.mark()
        site.write_pin("not-the-pin")
        os.kill(site.roles()["signer"], signal.SIGKILL)
        line = site.wait_event("role stays down", mark)
        assert "SIGHUP" in line["next"], line
        time.sleep(3)
        said, = site.events("role cannot start", mark)
        assert "CKR_PIN_INCORRECT" in said["error"], said
        assert "signer" not in site.roles()
    with case("PK-200: the issuer stays up, and what is ordered waits"):
        issuer = site.roles()["issuer"]
        order = site.client.order("alice@user.test")
        order.finalize()
        site.wait_event("signer away", mark)
        assert order.read()["status"] == "processing"
        assert site.roles()["issuer"] == issuer
    with case("PK-199: the right one is not tried before a login by hand, "
              "since the token counts"):
        site.write_pin(hsm.PIN)
        mark = site.mark()
        site.daemon.send_signal(signal.SIGHUP)
        site.wait_event("role stays down", mark)
        said, = site.events("role cannot start", mark)
        assert "until a login by hand" in said["error"], said
        line = [t for t in site.countersign("check", status=1).splitlines()
                if t.startswith("WRONG issuing CA")]
        assert "until a login by hand" in line[0], line
    with case("PK-199: the server does not start with it either, and says so "
              "to the service manager"):
        site.stop()
        mark = site.mark()
        try:
            site.start()
            raise RuntimeError("it started")
        except AssertionError:
            pass
        assert site.daemon.wait(DEADLINE) == 78, site.daemon.returncode
        assert "until a login by hand" in site.log(mark)
    with case("PK-199: after it everything goes on"):
        site.log_in_by_hand()
        site.start()
        site.make_due(wait=False)
        eventually(lambda: site.query(
            "SELECT der IS NOT NULL FROM cert WHERE order_id = ?", order.id)
            == [(1,)], "the certificate that waited")


def test_remote(_):
    """RSA, and a token that is another process, killed under load."""
    with hsm.RemoteTokenSite(SETTINGS) as site:
        for test in test_issues, test_outage, test_load:
            test(site)


if hsm.missing():
    with case("a token"):
        raise Skip(f"{hsm.missing()} is not installed")
    print("1..1")
else:
    run(SETTINGS, test_issues, test_outage, test_load, test_pin_in_no_file,
        test_wrong_pin, test_remote, kind=hsm.TokenSite)
