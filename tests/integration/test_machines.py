#!/usr/bin/python3
"""Two machines work on one PostgreSQL database, behind a TCP balancer: what
one of them is told holds on the other at once, and what dies on one of them
goes on at the other (ER-10, ER-21, AC-118, PK-143, PK-145)."""

import contextlib
import copy
import itertools
import os
import re
import signal
import socket
import threading

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import test_storm
from acme import Client, b64
from harness import case, command, eventually, read_file, run
from letters import answer
from pgsite import PgSite

KILLS = test_storm.KILLS // 2


class Balancer:
    """Connections by turns to each of the machines that answer."""

    def __init__(self, here, backends):
        self.turns = itertools.cycle(backends)
        self.count = len(backends)
        self.only = None    # all go to this one
        self.socket = socket.create_server(here)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):  # it was closed
            while True:
                near, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(near,),
                                 daemon=True).start()

    def connect(self):
        for _ in range(self.count):
            with contextlib.suppress(OSError):
                return socket.create_connection(self.only or next(self.turns))
        return None

    def serve(self, near):
        far = self.connect()
        if far is None:
            near.close()
            return
        for pair in (near, far), (far, near):
            threading.Thread(target=pump, args=pair, daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def pump(source, sink):
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            sink.sendall(octets)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Machines(PgSite):
    """This one is the first machine; `second` is like it, with folders, a
    port, a host name and logins of its own."""

    def wanted_settings(self):
        found = super().wanted_settings()
        return found | {"web.listen": f"127.0.0.2:{self.port('LAB_HTTPS')}"}

    def init(self):
        super().init()
        port = self.port("LAB_HTTPS")
        self.addresses = [("127.0.0.2", port), ("127.0.0.3", port)]
        self.balancer = Balancer(("127.0.0.1", port), self.addresses)
        self.second = self.twin()
        self.both = [self, self.second]

    def twin(self):
        second = copy.copy(self)
        second.state = f"{self.folder}/second"
        second.config = f"{second.state}/countersign.conf"
        second.log_path = f"{self.folder}/second.log"
        second.program = f"{self.folder}/second-machine"
        command("cp", "-a", self.state, second.state)
        text = read_file(self.config).replace(self.state, second.state)
        with open(second.config, "w") as f:
            f.write(text.replace("127.0.0.2:", "127.0.0.3:"))
        with open(second.program, "w") as f:
            f.write("#!/bin/sh\nexec unshare --uts sh -c 'hostname second; "
                    f"exec {self.program} \"$@\"' countersignd \"$@\"\n")
        os.chmod(second.program, 0o755)
        return second

    def publish(self):
        super().publish()
        self.second.start()

    def __exit__(self, *why):
        with contextlib.suppress(Exception):
            self.second.stop()
        self.balancer.close()
        super().__exit__(*why)


@contextlib.contextmanager
def through(site, number):
    """All new connections go to this machine: 0, 1."""
    site.balancer.only = site.addresses[number]
    try:
        yield
    finally:
        site.balancer.only = None


def at(site, number, like=None):
    """A client whose connection leads to this machine; with the account of
    another one."""
    with through(site, number):
        client = Client(site, like and like.key)
        client.kid = like and like.kid
        client.connect()
    return client


def signed(client, url, nonce):
    """What the server says to a read with this nonce."""
    return client.request("POST", url, client.sign(url, None, nonce),
                          Content_Type="application/jose+json")


def test_nonces(site):
    first = at(site, 0).account()
    second = at(site, 1, first)
    with case("AC-59: a nonce of one machine is good at the other, and then at "
              "none of them"):
        for here, there in (first, second), (second, first):
            nonce = here.take_nonce()
            assert signed(there, first.kid, nonce).status == 200
            for again in here, there:
                got = signed(again, first.kid, nonce)
                assert got.problem == "badNonce", got
    with case("AC-59: of many that redeem one nonce at the same time, at both "
              "machines, one does"):
        clients = [at(site, i % 2) for i in range(8)]
        nonce, answers = first.take_nonce(), []
        body = first.sign(first.kid, None, nonce)
        threads = [threading.Thread(target=lambda c=c: answers.append(
            c.request("POST", first.kid, body,
                      Content_Type="application/jose+json").status))
            for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200] + [400] * 7, answers
    with case("AC-59: nor after both have been started again"):
        old = first.take_nonce()
        assert signed(first, first.kid, old).status == 200
        kept = first.take_nonce()
        for machine in site.both:
            machine.stop()
        for machine in site.both:
            machine.start()
        later = at(site, 1, first)
        assert signed(later, first.kid, old).problem == "badNonce"
        assert signed(later, first.kid, kept).status == 200


def spread(client):
    """The next request goes to another machine than the one before."""
    client.close()
    return client


def test_orders(site):
    marks = [machine.mark() for machine in site.both]
    with case("orders whose requests are spread over the machines"):
        client = Client(site)
        for i in range(6):
            order = spread(client).order(f"alice+spread{i}@user.test")
            challenge = order.challenge()
            spread(client)
            if i % 2:
                challenge.post()
            spread(client)
            answer(site, challenge)
            spread(client)
            challenge.post()
            spread(client)
            order.wait("ready")
            spread(client)
            order.finalize()
            spread(client)
            order.certificate()
    with case("AC-59: no nonce was refused"):
        for machine, mark in zip(site.both, marks):
            assert len(machine.events("request", mark)) > 10
            assert "status=400" not in machine.log(mark), machine.log(mark)
    with case("ER-21: both read the mailbox, each reply has one verdict, and "
              "that is no failure"):
        assert site.query("SELECT COUNT(*), COUNT(DISTINCT uid) FROM reply "
                          "WHERE verdict = 'match'") == [("6", "6")]
        for machine, mark in zip(site.both, marks):
            assert " error " not in machine.log(mark), machine.log(mark)


def test_told(site):
    """What one machine is told, the other obeys."""
    account = at(site, 0).account()
    there = at(site, 1, account)
    assert there.read(account.kid)["status"] == "valid"
    with case("AC-88: an account that is deactivated at one machine"):
        account.post(account.kid, {"status": "deactivated"}, 200)
        got = there.post(account.kid, None)
        assert got.problem == "unauthorized", got
    with case("PK-45: issuance that one machine's admin stops"):
        client = Client(site)
        order = client.order("alice+stopped@user.test")
        challenge = order.challenge()
        challenge.post()
        answer(site, challenge)
        order.wait("ready")
        site.second.countersign("stop", "issuance", "--all", "--reason", "test")
        for _ in site.both:
            spread(client)
            order.finalize(expect=503)
        site.countersign("resume", "issuance", "--all", "--reason", "tested")
        order.certificate()
    with case("PK-155, PK-161: a revocation at one machine is on the list that "
              "each of them serves, under one number"):
        leaf = order.certificate()[0]
        before = the_list(site)
        there = at(site, 1, client)
        there.post(there.url_of("revokeCert"),
                   {"certificate": b64(leaf.public_bytes(Encoding.DER))}, 200)
        for machine in site.both:
            found = eventually(
                lambda m=machine: (l := the_list(m))
                .get_revoked_certificate_by_serial_number(leaf.serial_number)
                and l, "the list")
            assert number(found) > number(before)
        assert the_list(site) == the_list(site.second)
        numbers = site.query("SELECT number, COUNT(*) FROM crl "
                             "GROUP BY number HAVING COUNT(*) > 1")
        assert numbers == [], numbers


def the_list(machine):
    with open(f"{machine.state}/state/issuing.crl", "rb") as f:
        return x509.load_der_x509_crl(f.read())


def number(crl):
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value \
        .crl_number


def test_one_left(site):
    client = Client(site, patient=True)
    with case("a machine loses its power: the other goes on alone"):
        order = client.order("alice+power@user.test")
        pids = [int(pid) for pid in site.second.everything()]
        # None of them hears that another one ends.
        for number in signal.SIGSTOP, signal.SIGKILL:
            for pid in pids:
                os.kill(pid, number)
        site.second.daemon.wait()
        spread(client)
        challenge = order.challenge()
        site.make_due()  # what the other had begun is due after its lease
        answer(site, challenge)
        challenge.post()
        order.wait("ready")
        order.certificate()
    with case("status says which machine is not heard of any more"):
        assert "not heard of" not in site.countersign("status", status=None)
        site.query("UPDATE role_life SET seen_at = seen_at - 600 "
                   "WHERE host = 'second'")
        said = site.countersign("status", status=1)
        assert re.search("WRONG roles: issuer, sender, validator imap, web on "
                         "second: not heard of since ", said), said
    with case("and speaks of it no more if the admin says that it is gone"):
        site.countersign("status", "--forget", "second")
        assert "second" not in site.countersign("status", status=None)
        said = site.countersign("status", "--forget", "second", status=1)
        assert "no machine of this name is known" in said, said
        site.second.start()
        assert "on second" in site.countersign("status", status=None)
        said = site.countersign("status", "--forget", "second", status=1)
        assert "stop countersignd there first" in said, said
    with case("and each role says again and again that it lives"):
        site.query("UPDATE role_life SET seen_at = started_at - 600")
        eventually(lambda: site.query("SELECT COUNT(*) FROM role_life "
                                      "WHERE seen_at < started_at") ==
                   [("0",)], "all of them")


def test_storm_on_both(site):
    test_storm.test_storm(site, site.both, KILLS)


if __name__ == "__main__":
    run({"policy.authz_valid_life": "0"}, test_nonces, test_orders, test_told,
        test_one_left, test_storm_on_both, kind=Machines)
