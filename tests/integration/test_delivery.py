#!/usr/bin/python3
"""What becomes of the challenge mail: refused, bounced, delayed, sent once."""

from acme import Client
from harness import case, command, edit_config, eventually, run
from letters import all_mails, answer, challenge_mail, deliver


def test_refused(site):
    for mailbox, who in (("nobody@user.test", "an unknown user, 550"),
                         ("bounce@user.test", "a bounce later")):
        with case(f"ER-11, ER-24, MA-106: {who}: the order ends with "
                  "connection"):
            order = Client(site).order(mailbox)
            challenge = order.challenge()
            challenge.post()
            found = challenge.wait("invalid")
            assert found["error"]["type"].endswith(":connection"), found
            assert "5." in found["error"]["detail"], found
            assert challenge.authz()["status"] == "invalid"
            ended = order.read()
            assert ended["status"] == "invalid", ended
            assert ended["error"]["type"].endswith(":connection"), ended
        with case(f"AC-119: {who}: the remote server's words stay here"):
            assert "user.test" not in found["error"]["detail"], found
        with case(f"AC-119: {who}: the code is told in words"):
            assert "5.1.1 (there is no such mailbox)" in \
                found["error"]["detail"], found
        with case(f"{who}: order tells it"):
            story = site.story(order.url)
            assert any("failed" in step["what"] for step in story["steps"]), \
                story
            told = site.countersign("order", order.id)
            assert "there is no such mailbox" in told, told
    with case("AC-178: the relay repeats the mailbox, and the log does not"):
        challenge = Client(site).order("alice@nowhere.test").challenge()
        challenge.post()
        found = challenge.wait("invalid")
        log = site.log()
        assert "5.1.2 <(mailbox)>" in log and "alice@" not in log
    with case("AC-119: a domain that takes no mail is told as such"):
        assert found["error"]["type"].endswith(":dns"), found
        assert found["error"]["detail"] == \
            "no mail exchanger for nowhere.test", found


def report(sender, recipient, message_id):
    """A delivery status notification (RFC 3464) as anybody can write it."""
    return (f"From: MAILER-DAEMON@user.test\r\nTo: {sender}\r\n"
            "Subject: Undelivered\r\nDate: Mon, 02 Jan 2023 10:00:00 +0000\r\n"
            "Message-ID: <report@user.test>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=delivery-status;\r\n"
            '\tboundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
            "Sorry.\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n"
            "\r\nReporting-MTA: dns; mx.user.test\r\n\r\n"
            f"Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\n"
            "Status: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers"
            f"\r\n\r\nMessage-ID: {message_id}\r\n\r\n--b--\r\n").encode()


def test_forged_bounce(site):
    with case("ER-24, MA-106: a bounce that misses the tag ends nothing"):
        challenge = Client(site).order("alice@user.test").challenge()
        challenge.post()
        mail = challenge_mail(site, challenge)
        mark = site.mark()
        deliver(site, report("acme@ca.test", "alice@user.test",
                             mail.message_id), "acme@ca.test", "")
        event = site.wait_verdict(mark)
        assert event["verdict"] in ("unknown", "dsn-noted"), event
        assert challenge.read()["status"] == "processing"


def postfix(site, **options):
    """Changes the CA's Postfix. After a mere reload a process of before may
    take the next message yet."""
    command("postconf", "-c", f"{site.env['LAB_DIR']}/ca/postfix", "-e",
            *(f"{k}={v}" for k, v in options.items()))
    with site.without("ca-postfix"):
        pass


def test_delayed(site):
    """The relay took the mail, and cannot pass it on yet."""
    with case("ER-24, MA-106: a report of delay is noted, and the challenge "
              "goes on"):
        postfix(site, delay_warning_time="1s")
        mark = site.mark()
        order = Client(site).order("defer@user.test")
        challenge = order.challenge()
        challenge.post()
        event = site.wait_verdict(mark, order=order.id)
        assert (event["verdict"], event["code"]) == \
            ("dsn-delayed", "dsn.delayed"), event
        found = challenge.read()
        assert found["status"] == "processing", found
        postfix(site, delay_warning_time="0h")
    with case("AC-119, ER-11: the challenge says what is the matter"):
        assert found["error"]["type"].endswith(":connection"), found
        assert "delayed: 4.2.1 (" in found["error"]["detail"], found
        assert "user.test" not in found["error"]["detail"], found
        assert "delayed on its way" in site.countersign("order", order.id)


def test_fixed_address(site):
    """Last: nothing here is sent from an address with a tag any more."""
    edit_config(site, sender__tagged="no")
    site.reload()
    order = Client(site).order("bounce@user.test")
    challenge = order.challenge()
    with case("ER-24: a bounce to an address without tag is known by the "
              "Message-ID that it quotes, and ends nothing"):
        assert challenge.sender == "acme@ca.test", challenge.sender
        mark = site.mark()
        challenge.post()
        event = site.wait_verdict(mark, order=order.id)
        assert (event["verdict"], event["code"]) == \
            ("dsn-noted", "dsn.failed"), event
        found = challenge.read()
        assert found["status"] == "processing", found
        assert "(there is no such mailbox)" in found["error"]["detail"], found
    with case("ER-24: one that quotes another is about nothing here"):
        mark = site.mark()
        deliver(site, report("acme@ca.test", "alice@user.test",
                             "<guess@ca.test>"), "acme@ca.test", "")
        assert site.wait_verdict(mark)["verdict"] == "unknown"


def test_relay_down(site):
    order = Client(site).order("alice@user.test")
    challenge = order.challenge()
    with case("ER-11, AC-117: with the relay down the order stands"):
        challenge_mail(site, challenge)     # the first one left
        mark = site.mark()
        with site.without("ca-postfix"):
            order = Client(site).order("alice@user.test")
            challenge = order.challenge()
            challenge.post()
            site.wait_event("challenge mail", mark, order=order.id,
                            result="temporary failure")
            found = challenge.read()
            assert found["status"] == "processing", found
    with case("ER-11, AC-119: meanwhile the challenge says what happened"):
        assert found["error"]["type"].endswith(":connection"), found
        assert "delayed" in found["error"]["detail"], found
        assert "wait" in site.countersign("order", order.id)
    with case("ER-10, AC-118: then the mail leaves, once"):
        site.make_due()
        mail = answer(site, challenge)
        challenge.wait("valid")
        copies = all_mails(site, challenge.sender)
        assert [m.message_id for m in copies] == [mail.message_id]
        assert "error" not in challenge.read()
        order.certificate()


def test_receiver_down(site):
    with case("ER-10: the receiver is away; the relay keeps the mail"):
        client = Client(site)
        mark = site.mark()
        with site.without("user-postfix"):
            order = client.order("alice@user.test")
            challenge = order.challenge()
            challenge.post()
            site.wait_event("challenge mail", mark, order=order.id,
                            result="accepted")
        answer(site, challenge)
        challenge.wait("valid")
        assert len(all_mails(site, challenge.sender)) == 1


def test_expiry(site):
    with case("ER-7, AC-128: after 24 hours the order has ended, part1 is "
              "gone and a reply comes too late"):
        order = Client(site).order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        mail = challenge_mail(site, challenge)
        with site.connection() as db:
            for sql in ("UPDATE authz SET created_at = created_at - 86400, "
                        "expires_at = expires_at - 86400 WHERE order_id = ?",
                        "UPDATE orders SET created_at = created_at - 86400 "
                        "WHERE id = ?",
                        "UPDATE outbox SET expires_at = expires_at - 86400 "
                        "WHERE order_id = ?"):
                db.execute(sql, (order.id,))
            db.execute("UPDATE part1 SET expires_at = expires_at - 86400 "
                       "WHERE challenge_id = ?", (challenge.id,))
        found = challenge.read()
        assert found["status"] == "invalid", found
        assert found["error"]["type"].endswith(":incorrectResponse"), found
        assert order.read()["status"] == "invalid"
        mark = site.mark()
        answer(site, challenge)
        event = site.wait_verdict(mark, challenge=challenge.id)
        assert event["verdict"] == "expired", event
        assert mail.part1 not in str(found)
        site.reload()
        eventually(lambda: site.query("SELECT 1 FROM part1 WHERE "
                                      "challenge_id = ?", challenge.id) == [],
                   "the end of part1")


run({}, test_refused, test_forged_bounce, test_delayed, test_relay_down,
    test_receiver_down, test_expiry, test_fixed_address)
