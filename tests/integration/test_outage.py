#!/usr/bin/python3
"""Parts of the world are away for a while: nothing is lost, nothing doubled.
"""

import os
import re
import signal

from acme import Client
from harness import DEADLINE, ROLES, case, edit_config, eventually, kill, run
from letters import answer, challenge_mail, compose, send
from pile import test_pile


def patience(site, try_ms, total_ms):
    """For the DNS: little while it is away, else as much as may be needed."""
    site.stop()
    edit_config(site, validator__dns_try_ms=try_ms,
                validator__dns_total_ms=total_ms)
    site.start()


def test_dns_down(site):
    """First: nothing is in the resolver's cache yet."""
    order = Client(site).order("alice@user.test")
    challenge = order.challenge()
    challenge.post()
    mail = challenge_mail(site, challenge)
    with case("MA-31, ER-30: without DNS the reply is deferred, not refused"):
        mark = site.mark()
        # The user's mail system asks the DNS too, so it sends before.
        with site.without("ca-dovecot"):
            send(site, compose(challenge, mail), challenge.sender)
            eventually(lambda: ": removed" in site.lab_log("user-postfix"),
                       "the reply to leave")
            site.lab("stop-part", "dns")
        event = site.wait_event("reply", mark, challenge=challenge.id)
        assert event["verdict"] == "deferred", event
        assert challenge.read()["status"] == "processing"
    with case("MA-31: who looks sees that the reply came, and why it waits"):
        said = site.countersign("orders", "--pending")
        assert re.search(r"waits for: the reply from alice@user\.test to be "
                         r"judged again: \S", said), said
        assert "1 for a reply to be judged again (" in \
            site.countersign("status", status=None)
    with case("MA-31: when DNS is back it is judged again, and counts"):
        site.lab("start-part", "dns")
        # The resolver asks a silent server again after half a minute, and
        # after each look in vain the pause is as long as the wait was.
        eventually(lambda: challenge.read()["status"] == "valid",
                   "the next look", 2 * DEADLINE)
        assert site.query("SELECT count(*) FROM reply WHERE challenge_id = ?",
                          challenge.id) == [(1,)]
        order.certificate()


def test_caa_without_dns(site):
    with case("AC-144, PK-31: without an answer about CAA the order ends "
              "with dns, and nothing is signed"):
        client = Client(site, patient=True)
        order = client.order("alice+caa@user.test")
        challenge = order.challenge()
        answer(site, challenge)
        challenge.post()
        order.wait("ready")
        site.wait_event("caa", authz=challenge.authz_url.rpartition("/")[2])
        patience(site, "300", "900")
        with site.connection() as db:   # the check is too old to be used
            db.execute("UPDATE caa SET checked_at = checked_at - 7200 "
                       "WHERE checked_at > 0")
        with site.without("dns"):
            assert order.finalize().json["status"] == "processing"
            ended = eventually(lambda: site.make_due() or
                               (o := order.read())["status"] != "processing"
                               and o, "the end")
        assert ended["status"] == "invalid", ended
        assert ended["error"]["type"].endswith(":dns"), ended
        assert site.query("SELECT 1 FROM cert WHERE order_id = ?",
                          order.id) == []
    with case("PK-27: with DNS again, the check is made anew and the "
              "certificate issued"):
        patience(site, None, None)
        client.order("alice+caa@user.test").certificate()


def test_imap_restart(site):
    with case("ER-21: the IMAP server is restarted in the middle of IDLE"):
        order = Client(site).order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        mail = challenge_mail(site, challenge)
        mark = site.mark()
        with site.without("ca-dovecot"):
            site.wait_event("mailbox", mark)
            # The CA's mail server keeps the reply meanwhile.
            send(site, compose(challenge, mail), challenge.sender)
            eventually(lambda: re.search(
                r"(warn |WRONG) roles: validator imap on \S+ cannot do its "
                r"work since \S+: .*Connection refused",
                site.countersign("status", status=None)), "the trouble")
        site.wait_event("mailbox open", mark)
        eventually(lambda: "cannot do its work" not in site.countersign(
            "status", status=None), "no trouble")
        challenge.wait("valid")
        order.certificate()


def test_server_down(site):
    with case("a reply that comes while countersignd is down is found at "
              "the next start"):
        client = Client(site)
        order = client.order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        mail = challenge_mail(site, challenge)
        assert site.stop() == 0
        send(site, compose(challenge, mail), challenge.sender)
        client.close()
        site.start()
        client.patient = True
        challenge.wait("valid")
        order.certificate()


def test_validator_frozen(site):
    with case("ER-34: a validator that stood still catches up with several "
              "replies"):
        orders = [Client(site).order(f"alice+{i}@user.test")
                  for i in range(3)]
        challenges = [order.challenge() for order in orders]
        mails = [challenge_mail(site, c) for c in challenges]
        for challenge in challenges:
            challenge.post()
        pid = site.roles()["validator"]
        os.kill(pid, signal.SIGSTOP)
        try:
            for challenge, mail in zip(challenges, mails):
                send(site, compose(challenge, mail), challenge.sender)
        finally:
            os.kill(pid, signal.SIGCONT)
        for challenge, order in zip(challenges, orders):
            challenge.wait("valid")
            order.certificate()


def test_role_restart(site):
    for role in ROLES:
        with case(f"{role} is started again when it dies"):
            mark = site.mark()
            site.kill_role(role)
            site.wait_event("role ended", mark, which=role)
    with case("and an order still goes through"):
        order = Client(site, patient=True).order("alice+after@user.test")
        order.challenge().post()
        answer(site, order.challenge())
        order.certificate()


def test_relay_down(site):
    with case("ER-11: status says that the relay takes no mail"), \
            site.without("ca-postfix"):
        mark = site.mark()
        order = Client(site, patient=True).order("alice+relay@user.test")
        site.wait_event("challenge mail", mark, order=order.id,
                        result="temporary failure")
        assert "mail relay" not in site.countersign("status", status=None)
        site.query("UPDATE authz SET created_at = created_at - 1000 "
                   "WHERE order_id = ?", order.id)
        said = site.countersign("status", status=1)
        assert re.search("WRONG mail relay: does not take challenge mails: 1, "
                         r"the first since \S+: .*Connection refused", said), \
            said
    with case("and no more when it is back, and the order goes through"):
        site.make_due()
        order.challenge().post()
        answer(site, order.challenge())
        order.certificate()
        assert "mail relay" not in site.countersign("status", status=None)


def test_role_cannot_start(site):
    """Started again and again, it never gets so far as to say that it runs;
    but the row of the one before it says so for ever."""
    def status(wanted):
        return eventually(lambda: re.search(
            wanted, site.countersign("status", status=None)), wanted)

    key = site.env["LAB_HTTPS_KEY"]
    others = ", ".join(sorted(set(ROLES) - {"web", "validator"})
                       + ["validator imap"])
    os.rename(key, key + ".away")
    try:
        mark = site.mark()
        kill(site.roles()["web"])
        site.wait_event("role cannot start", mark, role="web")
        with case("PK-19: status says which role does not come back"):
            site.query("UPDATE role_life SET seen_at = seen_at - 600")
            status(r"WRONG roles: .*\bweb on \S+: not heard of since \S+: "
                   "does not start, hangs, or cannot write the database")
        with case("and the others say again and again that they live"):
            status(f"ok +roles: {others} run\n")
    finally:
        os.rename(key + ".away", key)
    with case("it is said no more when the role runs again"):
        status(f"ok +roles: {others}, web run\n")
        assert "not heard of" not in site.countersign("status", status=None)


def test_web_without_writing(site):
    """Somebody has the lock, as on a full disk nothing can be written; that
    takes longer than the ten seconds that web waits for it."""
    client = Client(site, patient=True).account()
    new_order = client.url_of("newOrder")
    wanted = {"identifiers": [{"type": "email", "value": "alice@user.test"}]}
    # Of crashes within a minute there is one record.
    site.query("UPDATE role_life SET crash_told_at = 0")
    mark = site.mark()
    with site.connection() as db:
        db.execute("BEGIN IMMEDIATE")
        kill(site.roles()["web"])
        client.close()
        site.wait_event("start not recorded", mark, role="web")
        with case("PK-176: a web that dies while nothing can be written "
                  "comes back, and answers what changes nothing"):
            assert client.read(client.kid)["status"] == "valid"
        with case("AC-194, PK-19: it changes nothing before its start is on "
                  "record, and says when to come again"):
            client.patient = False
            answer = client.post(new_order, wanted, 503)
            assert answer.problem == "serverInternal", answer
            assert int(answer.headers["Retry-After"]) > 0
        db.rollback()
    site.wait_event("start recorded", mark, role="web")
    client.patient = True
    with case("PK-19: orders are taken when what happened is on record"):
        client.post(new_order, wanted, 201)
        crashed, ordered = (site.query(
            f"SELECT MAX(seq) FROM audit WHERE {where}")[0][0] for where in (
                "event = 'role crashed' AND object = 'role:web'",
                "event = 'order received'"))
        assert crashed < ordered, (crashed, ordered)


def test_database_moved(site):
    """As by an admin who forgets to stop the server before a restore."""
    client = Client(site).account()
    new_order = client.url_of("newOrder")
    wanted = {"identifiers": [{"type": "email", "value": "alice@user.test"}]}
    mark = site.mark()
    os.rename(site.database, site.database + ".away")
    try:
        with case("AC-179: nothing is acknowledged that the next start would "
                  "not know, while the database has been moved away"):
            answer = client.post(new_order, wanted, 503)
            assert int(answer.headers["Retry-After"]) > 0
            said = site.log(mark)
            assert "moved away or replaced while it is in use" in said, said
    finally:
        os.rename(site.database + ".away", site.database)
    with case("and when it is back, orders go on"):
        url = client.post(new_order, wanted, 201).headers["Location"]
        assert site.query("SELECT 1 FROM orders WHERE id = ?",
                          url.rpartition("/")[2]) == [(1,)]


run({}, test_dns_down, test_caa_without_dns, test_imap_restart,
    test_server_down, test_validator_frozen, test_pile, test_role_restart,
    test_relay_down, test_role_cannot_start, test_web_without_writing,
    test_database_moved)
