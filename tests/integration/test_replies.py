#!/usr/bin/python3
"""Replies that are not as they should be: what each of them changes, which
is nothing but for the one that holds a wrong digest."""

from acme import Client
from harness import case, eventually, run
from letters import (BEGIN, END, WRONG, Inbox, block, challenge_mail, compose,
                     deliver, send, sign)


def other_digest(site, challenge, mail):
    return sign(site, compose(challenge, mail, digest=WRONG))


def unsigned(site, challenge, mail):
    return compose(challenge, mail)


def altered_body(site, challenge, mail):
    raw = sign(site, compose(challenge, mail, digest=WRONG))
    return raw.replace(WRONG.encode(), challenge.digest(mail.part1).encode())


def altered_subject(site, challenge, mail):
    raw = sign(site, compose(challenge, mail))
    return raw.replace(b"Subject: Re: ", b"Subject: Fw: ")


def from_somebody_else(site, challenge, mail):
    return sign(site, compose(challenge, mail, From="bob@user.test"), "BOB")


def from_other_domain(site, challenge, mail):
    """Signed well, but by a domain that is not that of From (MA-40)."""
    raw = sign(site, compose(challenge, mail, From="carol@plain.test"),
               "CAROL")
    return raw.replace(b"From: carol@plain.test", b"From: alice@user.test")


def two_senders(site, challenge, mail):
    return sign(site, compose(challenge, mail,
                              From="alice@user.test, bob@user.test"))


def through_a_list(site, challenge, mail):
    return sign(site, compose(challenge, mail,
                              List_Id="Friends <friends.user.test>"))


def by_way_of_a_list(site, challenge, mail):
    """As a list writes itself into From, its other fields taken out."""
    return sign(site, compose(challenge, mail,
                              From="'Mallory' via Friends <alice@user.test>"))


def automatic(site, challenge, mail):
    return sign(site, compose(challenge, mail,
                              Auto_Submitted="auto-replied"))


def passed_on(site, challenge, mail):
    """As a redirecting rule of Sieve does what somebody wrote to Alice in her
    name; her mail server signs it."""
    return sign(site, compose(challenge, mail,
                              X_Sieve_Redirected_From="alice@user.test",
                              Delivered_To="alice@user.test"))


def to_nobody(site, challenge, mail):
    return sign(site, compose(challenge, mail, To="acme@ca.test"))


def to_other_thread(site, challenge, mail):
    return sign(site, compose(challenge, mail,
                              In_Reply_To="<other@ca.test>"))


def without_block(site, challenge, mail):
    return sign(site, compose(challenge, mail, body="Yes, it is me.\r\n"))


def quoted_block(site, challenge, mail):
    lines = block(challenge.digest(mail.part1)).splitlines()
    return sign(site, compose(challenge, mail, body="".join(
        f"> {line}\r\n" for line in lines)))


def two_blocks(site, challenge, mail):
    return sign(site, compose(challenge, mail, body=block(WRONG)
                              + block(challenge.digest(mail.part1))))


def html_only(site, challenge, mail):
    return sign(site, compose(challenge, mail,
                              Content_Type="text/html; charset=us-ascii"))


def too_large(site, challenge, mail):
    filler = ("x" * 70 + "\r\n") * 4000
    return sign(site, compose(challenge, mail, body=block(
        challenge.digest(mail.part1)) + filler))


#   what the requirement says          the message          verdict
SOFT = [
    ("ER-29, ER-30: an unsigned reply", unsigned, "unauthenticated"),
    ("MA-27: a body changed after signing", altered_body,
     "unauthenticated"),
    ("MA-26: a subject changed after signing", altered_subject,
     "unauthenticated"),
    ("ER-25: another mailbox, itself well signed", from_somebody_else,
     "unauthenticated"),
    ("MA-40: a signature of another domain", from_other_domain,
     "unauthenticated"),
    ("ER-22, MA-45: two addresses in From", two_senders, "unauthenticated"),
    ("ER-26, MA-47: through a mailing list", through_a_list,
     "unauthenticated"),
    ("ER-26, MA-47: a list that writes itself into From", by_way_of_a_list,
     "unauthenticated"),
    ("MA-48: an automatic reply", automatic, "unauthenticated"),
    ("MA-48: what the mailbox has passed on", passed_on, "unauthenticated"),
    ("ER-25, MA-49: not to the challenge's address", to_nobody,
     "unauthenticated"),
    ("ER-25, MA-49: In-Reply-To is another mail", to_other_thread,
     "unauthenticated"),
    ("ER-28: no block at all", without_block, "no-response"),
    ("ER-28, MA-61: a quoted block", quoted_block, "no-response"),
    ("ER-28, MA-62: two blocks that differ", two_blocks, "no-response"),
    ("ER-27, MA-55: HTML and nothing else", html_only, "unauthenticated"),
    ("ER-22, MA-1: larger than the limit", too_large, None),
]


class Subject:
    """An order of Alice's whose challenge mail has arrived."""

    def __init__(self, site, posted=True):
        self.site = site
        self.order = Client(site).order("alice@user.test")
        self.challenge = self.order.challenge()
        if posted:
            self.challenge.post()
        self.mail = challenge_mail(site, self.challenge)

    def deliver(self, raw, verdict=None, recipient=None):
        """To the CA; the event of its verdict."""
        mark = self.site.mark()
        deliver(self.site, raw, recipient or self.challenge.sender)
        wanted = {"verdict": verdict} if verdict else {}
        event = self.site.wait_verdict(mark, **wanted)
        assert len(self.site.verdicts(mark)) == 1
        return event

    def story_details(self):
        steps = self.site.story(self.order.url)["steps"]
        return " ".join(step.get("detail", "") for step in steps)

    def reply_well(self):
        return self.deliver(sign(self.site,
                                 compose(self.challenge, self.mail)))


def test_soft(site):
    for name, make, verdict in SOFT:
        with case(f"{name}: {verdict or 'about nothing'}, and the challenge "
                  "goes on"):
            s = Subject(site)
            event = s.deliver(make(site, s.challenge, s.mail))
            found = s.challenge.read()
            assert found["status"] == "processing", (event, found)
            if verdict is None:
                assert event["verdict"] in ("unknown", "unauthenticated"), \
                    event
                continue
            assert event["verdict"] == verdict, event
            # ER-30, AC-124, AC-129: shown, in our own words
            wanted = {"unauthenticated": "unauthorized",
                      "no-response": "incorrectResponse"}[verdict]
            assert found["error"]["type"].endswith(wanted), found
            assert event["code"] in s.story_details(), event


def test_error_shown(site):
    s = Subject(site, posted=False)
    with case("ER-30, AC-124: while pending the failed reply is not shown"):
        s.deliver(unsigned(site, s.challenge, s.mail), "unauthenticated")
        found = s.challenge.read()
        assert found["status"] == "pending" and "error" not in found, found
    with case("ER-30, MA-85, AC-124: it is shown from the POST on"):
        s.challenge.post()
        found = s.challenge.read()
        assert found["error"]["type"].endswith(":unauthorized"), found
        assert "DKIM" in found["error"]["detail"], found
        assert found["error"]["detail"].endswith(" (dkim.none)"), found
    with case("AC-124: a second one makes the error a compound one"):
        s.deliver(unsigned(site, s.challenge, s.mail), "unauthenticated")
        error = s.challenge.read()["error"]
        assert error["type"].endswith(":compound"), error
        assert len(error["subproblems"]) == 2, error
    with case("ER-30: a right reply still proves the mailbox"):
        assert s.reply_well()["verdict"] == "match"
        found = s.challenge.read()
        assert found["status"] == "valid" and "error" not in found, found
        s.order.certificate()


def test_wrong_digest(site):
    s = Subject(site)
    with case("ER-31, AC-127: an authenticated wrong digest ends it"):
        s.deliver(other_digest(site, s.challenge, s.mail), "mismatch")
        found = s.challenge.read()
        assert found["status"] == "invalid", found
        assert found["error"]["type"].endswith(":incorrectResponse"), found
        assert s.challenge.authz()["status"] == "invalid"
        order = s.order.read()
        assert order["status"] == "invalid", order
        assert order["error"]["type"].endswith(":incorrectResponse"), order
    with case("ER-31, ER-33: one chance only: the right one comes late"):
        assert s.reply_well()["verdict"] == "late"
        assert s.order.read()["status"] == "invalid"
    with case("AC-113: part1 is erased, its hash stays"):
        assert site.query("SELECT 1 FROM part1 WHERE challenge_id = ?",
                          s.challenge.id) == []
        assert site.query("SELECT 1 FROM spool WHERE challenge_id = ?",
                          s.challenge.id) == []


def test_wrong_digest_before_post(site):
    with case("ER-31: before the POST it ends the challenge as well"):
        s = Subject(site, posted=False)
        s.deliver(other_digest(site, s.challenge, s.mail), "mismatch")
        assert s.challenge.read()["status"] == "invalid"


def test_duplicates(site):
    s = Subject(site)
    raw = sign(site, compose(s.challenge, s.mail))
    with case("ER-33, AC-114: the same reply again changes nothing"):
        assert s.deliver(raw)["verdict"] == "match"
        before = s.challenge.read()
        assert s.deliver(raw)["verdict"] in ("late", "repeated")
        assert s.challenge.read() == before
        s.order.certificate()
    with case("MA-64: a refused reply, sent again, is no second attempt"):
        s = Subject(site)
        raw = without_block(site, s.challenge, s.mail)
        s.deliver(raw, "no-response")
        before = s.challenge.read()
        assert s.deliver(raw)["verdict"] == "repeated"
        assert s.challenge.read() == before


def test_strangers(site):
    with case("ER-23: a message about nothing here is recorded, not kept"):
        mark = site.mark()
        send(site, b"From: alice@user.test\r\nTo: acme@ca.test\r\n"
             b"Subject: ACME: " + b"x" * 32 + b"\r\n"
             b"Message-ID: <stranger@user.test>\r\n\r\nHello.\r\n",
             "acme@ca.test")
        event = site.wait_verdict(mark)
        assert event["verdict"] == "unknown", event
        rows = site.query("SELECT raw, challenge_id FROM reply WHERE uid = ?",
                          int(event["uid"]))
        assert rows == [(None, None)], rows


def test_leniency(site):
    mixed = ("--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--b--\r\n")
    good = [
        ("ER-23: any prefix, white space in the token, = at its end",
         lambda c, m: {"Subject": f"AW: Re: {m.subject[:20]} "
                       f"{m.subject[20:]}="}),
        ("ER-25: no In-Reply-To", lambda c, m: {"In_Reply_To": None}),
        ("ER-3: From in another letter case, with a name",
         lambda c, m: {"From": "Alice <ALICE@User.Test>"}),
        ("ER-28: a folded digest with = and text around it",
         lambda c, m: {"body": "Hello,\r\n\r\n" + BEGIN + "  \r\n"
                       + c.digest(m.part1)[:20] + "\r\n"
                       + c.digest(m.part1)[20:] + "=\r\n" + END
                       + "\r\n\r\n> quoted\r\n"}),
        ("ER-27: multipart/alternative", lambda c, m: {
            "Content_Type": 'multipart/alternative; boundary="b"',
            "body": "--b\r\nContent-Type: text/plain\r\n\r\n"
            + block(c.digest(m.part1)) + "\r\n" + mixed}),
    ]
    for name, how in good:
        with case(f"{name}: accepted"):
            s = Subject(site)
            raw = compose(s.challenge, s.mail, **how(s.challenge, s.mail))
            assert s.deliver(sign(site, raw))["verdict"] == "match"
            assert s.challenge.read()["status"] == "valid"


def test_stop(site):
    with case("AC-189: STOP from the holder ends the mails; from others, or "
              "quoted, it does not"):
        s = Subject(site)
        s.challenge.post()
        stop = compose(s.challenge, s.mail, body="stop \r\n\r\n> text\r\n")
        assert s.deliver(stop)["verdict"] == "unauthenticated"
        quoted = compose(s.challenge, s.mail, body="No.\r\n\r\n> STOP\r\n")
        assert s.deliver(sign(site, quoted))["verdict"] == "no-response"
        assert "no mailbox" in site.countersign("suppress", "--list")
        assert s.deliver(sign(site, stop))["verdict"] == "no-response"
        assert "alice@user.test" in site.countersign("suppress", "--list")
        said, = [step for step in site.story(s.order.url)["steps"]
                 if step["what"] == "alice@user.test was put on the "
                 "suppression list"]
        assert said["detail"].endswith(", by reply"), said
        client = Client(site).account()
        answer = client.post(client.url_of("newOrder"), {"identifiers": [
            {"type": "email", "value": "Alice+x@user.test"}]})
        assert (answer.status, answer.problem) == \
            (403, "rejectedIdentifier"), answer
        # The answer itself still counts, and the admin can lift it.
        assert s.deliver(sign(site, compose(s.challenge, s.mail)))[
            "verdict"] == "match"
        site.countersign("suppress", "--lift", "alice@user.test")
    with case("AC-189: STOP counts when the challenge has ended, too, but "
              "only signed, and no copy of one that was lifted"):
        late = sign(site, compose(s.challenge, s.mail, body="STOP\r\n"))
        assert s.deliver(compose(s.challenge, s.mail, body="STOP\r\n"))[
            "verdict"] == "late"
        assert "no mailbox" in site.countersign("suppress", "--list")
        assert s.deliver(late)["verdict"] == "late"
        assert "alice@user.test" in site.countersign("suppress", "--list")
        site.countersign("suppress", "--lift", "alice@user.test")
        assert s.deliver(late)["verdict"] == "late"
        assert "no mailbox" in site.countersign("suppress", "--list")


def test_read_once(site):
    with case("ER-21: every message is read once and moved away"):
        rows = site.query("SELECT uid FROM reply")
        assert len(set(rows)) == len(rows) > 10
        eventually(lambda: site.query("SELECT 1 FROM reply WHERE "
                                      "is_disposed = 0") == [], "the move")
        with Inbox(site, "CA_IMAP", "CA_IMAPS") as inbox:
            assert inbox.find("ALL") == []
            assert inbox.imap.select("Processed", True)[1] == \
                [str(len(rows)).encode()]
    with case("ER-35: a match is kept with the reply and its evidence"):
        rows = site.query("SELECT raw, evidence, seal FROM reply "
                          "WHERE verdict = 'match'")
        assert rows and all(all(row) for row in rows)


run({}, test_soft, test_error_shown, test_wrong_digest,
    test_wrong_digest_before_post, test_duplicates, test_strangers,
    test_leniency, test_stop, test_read_once)
