#!/usr/bin/python3
"""Another CA issues, through CMP over HTTP and HTTPS (cmp_ca.py); the role
that speaks to it is killed at each message."""

import os
import signal

from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client
from cmp_ca import CmpCa
from handoff import (HandoffSite, confined, due, is_confirmed, overdue, ready,
                     revoke)
from harness import case, command, edit_config, eventually, run


class CmpSite(HandoffSite):
    ca = None

    def external(self):
        command("make", "-C", self.build, "tests/integration/cmp_tool")
        self.ca = CmpCa(self)
        return {"kind": "cmp", "cmp_url": self.ca.url,
                "cmp_certificate": self.ca.ra, "cmp_key": self.ca.ra_key,
                "cmp_server": self.ca.certificate,
                "ca_file": self.env["LAB_CA_CERT"]}

    def __exit__(self, *why):
        super().__exit__(*why)
        if self.ca is not None:
            self.ca.close()

    def stage(self, order):
        (stage,), = self.query("SELECT stage FROM handoff WHERE order_id = ?",
                               order.id)
        return stage

    def wait_stage(self, order, *stages):
        eventually(lambda: self.stage(order) in stages,
                   f"the hand-off {' or '.join(stages)}")


def kill_at(site, kind, after, begin):
    """begin() makes the role send such a message; it dies before it has an
    answer, and is started again."""
    stop = site.ca.stop_at(kind, after)
    begin()
    eventually(stop.reached.is_set, f"{kind} at the other CA")
    site.kill_role("upstream")
    stop.released.set()


def is_issued(site, order):
    """By the CA behind CMP, and delivered."""
    chain = order.certificate()
    path = f"{site.folder}/leaf.pem"
    with open(path, "wb") as f:
        f.write(chain[0].public_bytes(Encoding.PEM))
    command("openssl", "verify", "-CAfile", f"{site.state}/ca/root.pem",
            "-untrusted", f"{site.state}/ca/issuing.pem", "-purpose",
            "smimesign", path)
    return chain[0]


def is_refused(order):
    error = order.wait("invalid")["error"]
    assert error["type"].endswith(":serverInternal"), error
    assert "certificate" not in order.read()


def settle(site, how, order):
    site.countersign("handoff", how, order.id)
    site.reload()


def pending(site, client, polls=1):
    """An order on which the other CA works."""
    site.ca.set("waits", polls)
    order = ready(site, client)
    order.finalize()
    site.wait_stage(order, "pending")
    eventually(lambda: site.ca.kinds[-1:] == ["pollReq"], "the first poll")
    return order


def test_issue(site):
    ca, client = site.ca, Client(site)
    with case("PK-202, PK-223: confined, with a network and no programs"):
        assert confined(site) == ("yes", "yes")
    with case("PK-222: check asks the CMP server"):
        said = site.countersign("check", status=None)
        assert "ok    other CA" in said, said
        assert ca.kinds == ["genm"], ca.kinds
    with case("PK-222: a certificate from the template, over HTTP, confirmed"):
        with ca.counting(requests=1, transactions=1, issued=1, accepted=1):
            leaf = is_issued(site, ready(site, client))
        assert ca.kinds[1:] == ["cr", "certConf"], ca.kinds
    with case("PK-220: revoked through rr: 200 once it confirms"):
        with ca.counting(revoked=1):
            eventually(lambda: is_confirmed(client, leaf, reason=1),
                       "the confirmation")
        assert ca.seen()["reason"] == 1
        assert revoke(client, leaf).problem == "alreadyRevoked"
    with case("PK-218: processing while it works, then polled to the end"):
        with ca.counting(requests=1, transactions=1, issued=1, accepted=1):
            order = pending(site, client, 3)
            got = client.post(order.url, None, 200)
            assert got.json["status"] == "processing"
            eventually(lambda: ca.seen()["polls"] == 1, "a poll")
            for polls in (2, 3):
                due(site)
                eventually(lambda: ca.seen()["polls"] == polls, "a poll")
            is_issued(site, order)
    with case("PK-216, PK-222: another name in it: rejected in certConf, "
              "revoked, not delivered"):
        with ca.doing("alters"), ca.counting(
                requests=1, transactions=1, issued=1, rejected=1, revoked=1):
            mark = site.mark()
            order = ready(site, client)
            order.finalize()
            is_refused(order)
            site.wait_event("certificate not what was asked for", mark)
            site.wait_event("revocation confirmed", mark)
        assert ca.seen()["reason"] == 4


def test_kill(site):
    ca, client = site.ca, Client(site)
    once = {"requests": 1, "transactions": 1, "issued": 1}
    with case("PK-217: kill -9 after sending, before the CA has it: sent "
              "again in the same transaction, issued once"):
        with ca.counting(**once, accepted=1):
            order = ready(site, client)
            kill_at(site, "cr", False, order.finalize)
            is_issued(site, order)
    with case("PK-217: kill -9 after the CA has issued: it says so, and the "
              "order is held; nothing is issued twice"):
        with ca.counting(requests=2, transactions=1, issued=1):
            order = ready(site, client)
            kill_at(site, "cr", True, order.finalize)
            site.wait_stage(order, "held")
            assert order.read()["status"] == "processing"
            assert order.id in site.countersign("handoff")
            settle(site, "--fail", order)
            is_refused(order)
    with case("PK-217: kill -9 between the answer and certConf: confirmed, "
              "not asked for again"):
        with ca.counting(**once, accepted=1):
            order = ready(site, client)
            kill_at(site, "certConf", False, order.finalize)
            is_issued(site, order)
    with case("PK-217: kill -9 after the CA has certConf: whether it counts "
              "nobody can say; revoked, not delivered"):
        with ca.counting(**once, accepted=1, revoked=1):
            order = ready(site, client)
            mark = site.mark()
            kill_at(site, "certConf", True, order.finalize)
            is_refused(order)
            site.wait_event("revocation confirmed", mark)
    with case("PK-217, PK-218: kill -9 while polling: polled, not asked for "
              "again"):
        with ca.counting(**once, accepted=1):
            order = pending(site, client, 2)
            kill_at(site, "pollReq", False, lambda: due(site))
            overdue(site)
            is_issued(site, order)
        assert ca.kinds[-4:] == ["pollReq", "pollReq", "pollReq",
                                 "certConf"], ca.kinds
    with case("PK-217: kill -9 after the CA has answered a poll: it wants "
              "the nonce of the answer that is lost; held, then sent anew"):
        with ca.counting(requests=2, transactions=2, issued=1, accepted=1):
            before = ca.seen()["requests"]
            order = pending(site, client, 3)
            kill_at(site, "pollReq", True, lambda: due(site))
            overdue(site)
            site.wait_stage(order, "held")
            assert ca.seen()["requests"] == before + 1
            ca.set("waits", 0)
            settle(site, "--resend", order)
            is_issued(site, order)


def test_answers(site):
    """None is believed that is not the answer to this message (PK-222)."""
    ca, client = site.ca, Client(site)
    with case("PK-222: a certificate over HTTPS"):
        edit_config(site, external__cmp_url=ca.tls_url)
        site.stop()
        site.start()
        with ca.counting(requests=1, transactions=1, issued=1, accepted=1):
            leaf = is_issued(site, ready(site, client))
    with case("PK-222: signed by another key in the CA's name: no certConf, "
              "the order is held"):
        with ca.counting(requests=2, transactions=1, issued=1):
            mark = site.mark()
            order = ready(site, client)
            with ca.doing("other"):
                order.finalize()
                site.wait_event("upstream failed", mark)
            due(site)
            site.wait_stage(order, "held")
            settle(site, "--fail", order)
            is_refused(order)
    with case("PK-222: another message's nonce: not believed"):
        with ca.counting(requests=1, transactions=1):
            mark = site.mark()
            order = pending(site, client, 3)
            ca.spoil = "pollReq", lambda _: ca.answers[-2]
            due(site)
            said = site.wait_event("upstream failed", mark)
            ca.spoil = None
            assert "recipnonce unmatched" in said["error"], said
            site.wait_stage(order, "pending")
        ca.set("waits", 0)
    # The first of all answers was to the genm of `countersign check`.
    asked = False
    for what, spoil, error in (
            ("transactionID", lambda _: ca.answers[0],
             "transactionid unmatched"),
            ("protection", lambda answer: answer[:-1] +
             bytes([answer[-1] ^ 1]), "error validating protection"),
            ("type", lambda _: b"<html>not found</html>",
             "is no CMP message")):
        with case(f"PK-220, PK-222: a confirmation of the wrong {what}: "
                  "not believed, asked again"):
            mark = site.mark()
            ca.spoil = "rr", spoil
            if asked:
                due(site)
            else:
                asked = not is_confirmed(client, leaf, reason=1)
            # One that was under way may still speak of the former mistake.
            eventually(lambda why=error: [
                e for e in site.events("revocation not confirmed", mark)
                if why in e["error"]], error)
            assert not is_confirmed(client, leaf, reason=1)
    with case("PK-220: the one that is right is"):
        ca.spoil = None
        due(site)
        eventually(lambda: is_confirmed(client, leaf, reason=1),
                   "the confirmation")


run({}, test_issue, test_kill, test_answers, kind=CmpSite)
