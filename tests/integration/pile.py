"""More messages at once than are judged before the first is recorded."""

import os
import signal

from acme import Client
from harness import case, eventually
from letters import challenge_mail, compose, fill, send


def number(site, query):
    return int(site.query(query)[0][0])


def test_pile(site):
    """A backlog: judged and recorded side by side, and killed in it."""
    count = 900
    with case("ER-21: kill -9 in a pile of messages: each has one verdict"):
        order = Client(site).order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        mail = challenge_mail(site, challenge)
        known = number(site, "SELECT count(*) FROM reply")

        def judged():
            return number(site, "SELECT count(*) FROM reply") - known

        pid = site.roles()["validator"]
        os.kill(pid, signal.SIGSTOP)
        fill(site, [b"From: a@user.test\r\nTo: acme@ca.test\r\n"
                    b"Subject: %d\r\n\r\n" % i for i in range(count)])
        send(site, compose(challenge, mail), challenge.sender)
        os.kill(pid, signal.SIGCONT)
        for some in (1, count // 3, count * 2 // 3):
            eventually(lambda: judged() >= some, f"{some} verdicts")
            site.kill_role("validator")
        challenge.wait("valid")
        eventually(lambda: judged() >= count + 1, "all verdicts")
        assert judged() == count + 1, judged()
        assert number(site, "SELECT count(*) FROM (SELECT DISTINCT source, "
                      "uidvalidity, uid FROM reply) each_once") == \
            known + count + 1
        order.certificate()
    with case("and what was judged is put away"):
        eventually(lambda: number(site, "SELECT count(*) FROM reply "
                                  "WHERE is_disposed = 0") == 0,
                   "the mailbox to be tidied")
