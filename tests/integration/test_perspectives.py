#!/usr/bin/python3
"""Perspectives in networks of their own (pki.md 6, mpic-open-api.md): what
they see, what they are asked, and what becomes of an order when one of them,
or the CA itself, sees what an attacker shows."""

import base64
import concurrent.futures
import http.client
import json
import os
import signal
import socket
import ssl
import time
import warnings

from acme import Client
from harness import DEADLINE, case, children, edit_config, eventually, \
    in_time, kill, open_in, run
from letters import answer
from views import PORT, Authority, WorldSite, key_record

CAROL = "carol@plain.test"
PATH = "/countersign/perspective/1"
US = '0 issuemail "ca.test"'
NOBODY = '0 issuemail ";"'
OTHER_KEY = ("v=DKIM1; k=ed25519; p="
             + base64.b64encode(bytes(range(32))).decode())


def question(**more):
    return {"id": "A" * 22, "ca": ["ca.test"],
            "caa": {"domain": "user.test", "accounturi": "https://x/1",
                    "method": "email-reply-00"}} | more


class Peer:
    """A validator, as a perspective may meet one."""

    def __init__(self, site, view, client=None, version=None):
        self.view = view
        self.tls = ssl.create_default_context(cafile=site.pki.file)
        if version is not None:
            self.tls.maximum_version = version
        if client is not None:
            self.tls.load_cert_chain(*client)

    def request(self, body, method="POST", path=PATH, **headers):
        """(status, body)"""
        c = http.client.HTTPSConnection(self.view.address, PORT, timeout=DEADLINE,
                                        context=self.tls)
        try:
            c.request(method, path, body, headers)
            response = c.getresponse()
            return response.status, response.read()
        finally:
            c.close()

    def ask(self, expect=200, **more):
        status, body = self.request(json.dumps(question(**more)))
        assert status == expect, (status, body)
        return json.loads(body) if status == 200 else body.decode()


def selector(site):
    return f"{site.env['USER_DKIM_SELECTOR']}._domainkey.plain.test"


def ordered(site, mailbox=CAROL, who="CAROL"):
    """An order of a new account, whose reply is on its way."""
    order = Client(site).order(mailbox)
    challenge = order.challenge()
    challenge.post()
    answer(site, challenge, who)
    return order, challenge


def authz_of(order):
    url, = order.read()["authorizations"]
    return url.rpartition("/")[2]


def corroboration(site, order):
    """What is stored of the newest check."""
    (trace,), = site.query(
        "SELECT trace FROM caa WHERE authz_id = ? AND checked_at > 0 "
        "ORDER BY checked_at DESC LIMIT 1", authz_of(order))
    return json.loads(trace)["corroboration"]


def answers_of(site, order):
    return {p["code"]: p["answer"]
            for p in corroboration(site, order)["perspectives"]}


# --- a perspective alone ----------------------------------------------------

def test_answers(site):
    view = site.views[0]
    peer = Peer(site, view, site.client)
    with case("PK-53: CAA with its steps, DKIM key and MX, and whether DNSSEC "
              "proves them"):
        found = peer.ask(dkim={"selector": site.env["USER_DKIM_SELECTOR"],
                               "domain": "plain.test"},
                         mx={"domain": "user.test"})
        assert found["id"] == "A" * 22 and found["code"] == view.code
        caa = found["caa"]
        assert (caa["decision"], caa["reason"]) == ("permit", "issuemail")
        step, = caa["steps"]
        assert step["name"] == "user.test" and step["dnssec"] == "secure"
        assert base64.b64decode(step["records"][0]["value"]) == b"ca.test"
        record, = found["dkim"]["records"]
        assert b"p=" in base64.b64decode(record)
        assert found["dkim"]["dnssec"] == "insecure"
        assert found["mx"]["records"] == \
            [{"preference": 10, "name": "mx.user.test"}]
    with case("PK-49: nothing is kept from one question to the next"):
        view.dns_set("user.test", "CAA", NOBODY)
        assert peer.ask()["caa"]["decision"] == "deny"
        view.dns_set("user.test", "CAA", US)
        assert peer.ask()["caa"]["decision"] == "permit"
    with case("PK-30: what DNSSEC refutes is not looked for above"):
        found = peer.ask(caa=question()["caa"] | {"domain": "bogus.test"})
        assert found["caa"]["decision"] == "fail"
        assert [s["dnssec"] for s in found["caa"]["steps"]] == ["bogus"]
    with case("MP-1: a name server that says nothing: an answer in ten "
              "seconds all the same"), view.deaf():
        def fails():
            began = time.monotonic()
            assert peer.ask()["caa"]["decision"] == "fail"
            return time.monotonic() - began
        in_time(10, "its answer", fails)
    with case("questions that are none, and names that are nobody's"):
        for body in ("", "{", "[]", "{}", "\0" * 100, json.dumps(
                question(caa=None)), json.dumps(question(id="short"))):
            assert peer.request(body)[0] == 400, body
        for domain in ("localhost", "127.0.0.1", "printer.local", "a..b",
                       "USER.test", "user.test.", "1.2.3.4.in-addr.arpa"):
            caa = question()["caa"] | {"domain": domain}
            assert "domain" in peer.ask(400, caa=caa), domain
        assert "method" in peer.ask(
            400, caa=question()["caa"] | {"method": "dns-01"})
        assert peer.ask()["caa"]["decision"] == "permit"


def test_strangers(site):
    view = site.views[0]
    with case("PK-51: only who has a certificate of the right authority"):
        other = Authority(f"{site.folder}/mpic", "others")
        for client in (None, other.issue("stranger", "clientAuth"),
                       site.pki.issue("server", "serverAuth")):
            try:
                status, body = Peer(site, view, client).request("{}")
            except (ssl.SSLError, ConnectionError, http.client.HTTPException):
                continue    # refused by the handshake
            assert status == 403 and b"certificate" in body
    known = Peer(site, view, site.client)
    with case("MP-1: TLS 1.2 is the oldest"):
        assert Peer(site, view, site.client,
                    ssl.TLSVersion.TLSv1_2).request("{}")[0] == 400
        raw = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        raw.check_hostname, raw.verify_mode = False, ssl.CERT_NONE
        raw.set_ciphers("ALL:@SECLEVEL=0")
        raw.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        warnings.simplefilter("ignore", DeprecationWarning)
        raw.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            with socket.create_connection((view.address, PORT),
                                          DEADLINE) as s, \
                    raw.wrap_socket(s):
                raise AssertionError("took TLS 1.1")
        except (ssl.SSLError, ConnectionError):
            pass
    with case("one resource, one method, 4 KiB"):
        assert known.request("{}", path="/")[0] == 404
        assert known.request(None, method="GET")[0] == 405
        assert known.request(b" " * 4097)[0] == 413
        assert known.request(b" " * 1000000)[0] in (413,)
        assert known.ask()["caa"]["decision"] == "permit"
    with case("who says nothing, or little, is cut off; two hundred of them "
              "from one address keep nobody else away"):
        elsewhere = (site.views[1].outside, 0)
        idle = [socket.create_connection((view.address, PORT), DEADLINE,
                                         elsewhere)
                for _ in range(200)]
        try:
            assert known.ask()["caa"]["decision"] == "permit"
            for s in idle:
                try:
                    assert s.recv(1) == b""
                except ConnectionResetError:
                    pass
        finally:
            for s in idle:
                s.close()
    with case("many questions at once: all are answered, or told to wait"):
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            found = list(pool.map(
                lambda _: known.request(json.dumps(question()))[0],
                range(120)))
        assert set(found) <= {200, 429, 503} and found.count(200) >= 20, found
        eventually(lambda: known.request(json.dumps(question()))[0] == 200,
                   "an answer")
    with case("a process that is killed is there again"):
        pids = children(agent_pid(view))
        mark = view.mark()
        for pid in pids:
            kill(int(pid))
        eventually(lambda: view.log(mark).count("process ended") == len(pids)
                   and asks_well(known), "the perspective")
    with case("SIGHUP: another certificate, and no question lost"):
        mark = view.mark()
        view.write_config()
        os.kill(agent_pid(view), signal.SIGHUP)
        eventually(lambda: "certificate reloaded" in view.log(mark), "reload")
        assert known.ask()["caa"]["decision"] == "permit"
    with case("PK-202: both halves are confined"):
        assert view.log().count("event=confined files=yes calls=yes") >= 4
        status = open(f"/proc/{agent_pid(view)}/status").read()
        assert "NoNewPrivs:\t1" in status


def test_inherited(site):
    view = site.views[0]
    view.stop()
    with case("PK-202: what else it was started with is open in none of its "
              "processes"), open(__file__, encoding="utf-8") as stray:
        view.start(pass_fds=(stray.fileno(),))
        assert asks_well(Peer(site, view, site.client))
        for pid in [agent_pid(view), *children(agent_pid(view))]:
            assert os.path.realpath(__file__) not in open_in(pid), pid


def agent_pid(view):
    """`ip netns exec` becomes the program that it starts."""
    return view.daemon.pid


def asks_well(peer):
    try:
        return peer.request(json.dumps(question()))[0] == 200
    except (OSError, http.client.HTTPException):
        return False


# --- an order ---------------------------------------------------------------

def test_orders(site):
    with case("PK-46, PK-47: all agree: a certificate, and what they said is "
              "kept and can be counted again"):
        order, _ = ordered(site)
        order.certificate()
        kept = corroboration(site, order)
        assert kept["outcome"] == "reached" and kept["asked"] == 5
        assert len(kept["perspectives"]) == 5
        assert kept["request"]["dkim"]["domain"] == "plain.test"
    with case("MP-10, PK-55: countersign evidence counts it again"):
        site.countersign("evidence", "--verify", authz_of(order))
    with case("PK-46, MP-5: one place is shown an attacker's key: it "
              "dissents, which is said, and four are enough"):
        mark = site.mark()
        site.views[2].dns_set(selector(site), "TXT", OTHER_KEY)
        order, _ = ordered(site)
        order.certificate()
        eventually(lambda: site.events("perspective dissents", mark),
                   "the warning")
        assert site.events("perspective dissents", mark)[0]["perspective"] \
            == "sin"
    with case("PK-46, PK-28: two places see another key: no certificate"):
        site.views[3].dns_set(selector(site), "TXT", OTHER_KEY)
        order, challenge = ordered(site)
        found = challenge.wait("invalid")
        assert found["error"]["type"].endswith(":caa"), found
        assert "corroboration:" in found["error"]["detail"]
        assert not any(code in found["error"]["detail"]
                       for code in ("sin", "gru")), found
        assert corroboration(site, order)["outcome"] == "denied"


def test_hijacked(site):
    """The primary itself is lied to: what perspectives are for."""
    genuine = key_record(site)
    with case("PK-47: the CA is shown an attacker's DKIM key, and verifies "
              "the attacker's reply with it; the world sees the true one"):
        site.everywhere(selector(site), "TXT", OTHER_KEY)
        order, challenge = ordered(site)
        found = challenge.wait("invalid")
        assert found["error"]["type"].endswith(":caa"), found
        assert site.query("SELECT 1 FROM cert WHERE order_id = ?",
                          order.id) == []
        assert list(answers_of(site, order).values()).count("denies") >= 2
    site.everywhere(selector(site), "TXT", genuine)
    with case("the CA is shown no CAA; the world sees that nobody may"):
        site.everywhere("plain.test", "CAA", NOBODY)
        order, challenge = ordered(site)
        assert "corroboration:" in \
            challenge.wait("invalid")["error"]["detail"]
    with case("PK-48: the CA sees a denial: nobody is asked, and nobody "
              "overturns it"):
        site.everywhere("plain.test", "CAA")
        site.dns_set("plain.test", "CAA", NOBODY)
        time.sleep(2.2)     # for so long it may be known that there was none
        try:
            order, challenge = ordered(site)
            detail = challenge.wait("invalid")["error"]["detail"]
            assert "corroboration" not in detail, detail
        finally:
            site.lab("dns-del", "plain.test", "CAA")
    with case("PK-47: another set that permits agrees as well"):
        for view in site.views:
            view.dns_set("plain.test", "CAA", US, NOBODY)
        order, _ = ordered(site)
        order.certificate()
        site.everywhere("plain.test", "CAA")


def restart(site):
    """Forgets who was silent, and is skipped for a minute."""
    site.stop()
    site.start()


def test_ill(site):
    first, second, deaf, liar, other = site.views
    with case("PK-52: one is down: the others are enough"):
        first.stop()
        order, _ = ordered(site)
        order.certificate()
        assert answers_of(site, order)["fra"] in ("silent", "pending")
    with case("MP-6, MP-7: two are down: the order waits, and is finished by "
              "a new round when one is back"):
        second.stop()
        order, challenge = ordered(site)
        site.wait_event("corroboration", authz=authz_of(order),
                        outcome="silent")
        error = eventually(lambda: challenge.read().get("error"),
                           "why it waits")
        assert error["type"].endswith(":serverInternal"), error
        assert error["detail"].startswith("corroboration:"), error
        assert challenge.read()["status"] == "processing"
        assert "waits for: other networks to confirm" in \
            site.countersign("order", order.id)
        assert order.read()["status"] == "pending"
        second.start()
        mark = site.mark()
        site.make_due()
        order.wait("ready")
        order.certificate()
        assert corroboration(site, order)["outcome"] == "reached"
        assert site.events("corroboration", mark)[-1]["agree"] >= "4"
        first.start()
    restart(site)
    with case("PK-52: one whose name server is deaf: nobody waits for it"), \
            deaf.deaf():
        for _ in range(5):
            began = time.monotonic()
            order, _ = ordered(site)
            order.certificate()
            took = time.monotonic() - began
            said = answers_of(site, order)["sin"]
            # After ten seconds it has an answer itself.
            if said == "pending" or took < 5:
                break
            restart(site)
        assert said == "pending", took
        eventually(lambda: site.query(
            "SELECT 1 FROM audit WHERE event = 'late perspective'"),
            "its late answer")
    with case("PK-51: one with a certificate of another authority is not "
              "believed, and an alarm"):
        mark = site.mark()
        liar.again(authority=Authority(f"{site.folder}/mpic2", "liars"))
        order, _ = ordered(site)
        order.certificate()
        eventually(lambda: any(
            e["perspective"] == "gru" for e in
            site.events("perspective not believed", mark)), "the alarm")
        liar.again()
    with case("MP-2: and one that answers under another's code"):
        mark = site.mark()
        other.again(code="iad")
        order, _ = ordered(site)
        order.certificate()
        eventually(lambda: any(
            "another code" in e["error"] for e in
            site.events("perspective not believed", mark)), "the alarm")
        other.again()
    restart(site)


def test_check(site):
    with case("MP-12: countersign check asks each of them"):
        found = site.countersign("check", status=None)
        for view in site.views:
            assert f"ok    perspective {view.code}" in found, found
        site.views[4].stop()
        found = site.countersign("check", status=1)
        assert "WRONG perspective jnb" in found, found
        assert "ok    perspective gru" in found, found
    with case("MP-12: when the server starts, one that is down is an alarm"):
        mark = site.mark()
        restart(site)
        eventually(lambda: [
            e["perspective"] for e in
            site.events("perspective does not answer", mark)] == ["jnb"],
            "the alarm")
        site.views[4].start()
    restart(site)


def test_record(site):
    with case("MP-8: with policy = record dissent is noted, and changes "
              "nothing"):
        edit_config(site, mpic__policy="record")
        site.reload()
        for view in site.views[:3]:
            view.dns_set(selector(site), "TXT", OTHER_KEY)
        order, _ = ordered(site)
        order.certificate()
        assert corroboration(site, order)["outcome"] == "denied"


run({}, test_answers, test_strangers, test_inherited, test_orders,
    test_hijacked, test_ill, test_check, test_record, kind=WorldSite)
