#!/usr/bin/python3
"""Mails that tell subscribers of an incident, or that a certificate can be
renewed, as they arrive."""

import json
import re
import time
from datetime import datetime, timedelta, timezone

from enrolling import Enroll, last_json
from harness import case, command, eventually, kill, run
from letters import Inbox, Mail

SUBJECTS = {"en": "Your certificate must be replaced",
            "de": "Ihr Zertifikat muss ersetzt werden"}


RENEWALS = {"en": "It is time to renew your certificate",
            "de": "Ihr Zertifikat sollte erneuert werden"}


def moment(**more):
    at = datetime.now(timezone.utc) + timedelta(**more)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def enroll(site, mailbox, *more, who="ALICE"):
    """The serial number of a new certificate, from an account of its own."""
    e = Enroll(site, re.sub(r"\W", "-", mailbox), mailbox, who)
    return last_json(e.automatic(*more))["serial"]


def open_incident(site, *selector):
    said = site.countersign("incident", "open", "--cause", "terms", "--known",
                            moment(), *selector)
    return said.split()[1].rstrip(":")


def shown(site, ident):
    return json.loads(site.countersign("incident", "show", "--json", ident))


def due(site):
    """What waits for its next attempt is due now."""
    with site.connection() as db:
        db.execute("UPDATE notice SET due_at = 1 WHERE due_at IS NOT NULL")
    site.reload()


def all_told(site, ident):
    """However often the relay puts off one of them."""
    def look():
        found = shown(site, ident)
        return found["notices"] == found["notices_sent"] \
            + found["notices_failed"] and found or due(site)
    return eventually(look, "the end of the mails")


def notices(site, mailbox, who="ALICE", subjects=SUBJECTS):
    """Those that lie in the inbox."""
    with Inbox(site, who) as inbox:
        return [Mail(raw) for language in subjects for raw in inbox.find(
            "HEADER", "TO", mailbox, "SUBJECT",
            f'"{subjects[language]}"')]


def wait_notice(site, mailbox, who="ALICE", subjects=SUBJECTS):
    return eventually(lambda: notices(site, mailbox, who, subjects),
                      f"the mail to {mailbox}")


def text_of(mail, kind="plain"):
    return mail.message.get_body((kind,)).get_content()


def test_told(site):
    enroll(site, "alice@user.test", "--language", "de", "--contact",
           "mailto:carol@plain.test")
    enroll(site, "bob@user.test", who="BOB")
    site.countersign("suppress", "bob@user.test")
    ident = open_incident(site, "--domain", "user.test")
    found = all_told(site, ident)
    with case("PK-185: a mail to the mailbox, in its language, says until when"):
        mail, = wait_notice(site, "alice@user.test")
        assert mail.subject == SUBJECTS["de"], mail.subject
        year = found["deadline"][:4]
        for kind in "plain", "html":
            text = text_of(mail, kind)
            for word in "alice@user.test", "widerrufen", year:
                assert word in text, text
        assert mail.message["Auto-Submitted"] == "auto-generated"
        assert mail.message["From"] == "acme@ca.test"
        assert "d=ca.test" in str(mail.message["DKIM-Signature"]), mail.raw
    with case("PK-185: a mail to the contact of the account"):
        mail, = wait_notice(site, "carol@plain.test", "CAROL")
        assert mail.subject == SUBJECTS["en"], mail.subject
    with case("AC-90, AC-189: none to a mailbox on the suppression list, and "
              "the operator is told"):
        assert not notices(site, "bob@user.test", "BOB")
        assert (found["notices"], found["notices_sent"],
                found["notices_failed"]) == (3, 2, 1), found
        text = site.countersign("incident", "show", ident)
        assert "mails: 3 (sent: 2, failed: 1, bounced: 0)" in text, text
        site.countersign("suppress", "--lift", "bob@user.test")
    with case("PK-185: a dry run sends none"):
        open_incident(site, "--domain", "user.test", "--dry-run")
        with site.connection() as db:
            assert db.execute("SELECT COUNT(*) FROM notice").fetchone()[0] == 3
    with case("PK-185: cert revoke --replace-by tells the one that it is about"):
        serial = enroll(site, "alice+one@user.test")
        site.countersign("cert", "revoke", "--replace-by", moment(days=3),
                         serial)
        mail, = wait_notice(site, "alice+one@user.test")
        assert mail.subject == SUBJECTS["en"], mail.subject
        assert len(notices(site, "alice@user.test")) == 1


def test_killed(site):
    mailboxes = [f"alice+kill{i}@user.test" for i in range(6)]
    time.sleep(1)
    since = moment()
    for mailbox in mailboxes:
        enroll(site, mailbox)
    with case("PK-185, ER-10: the sender and the server die by kill -9 while "
              "the relay is away: one mail to each"):
        with site.without("ca-postfix"):
            mark = site.mark()
            ident = open_incident(site, "--from", since)
            site.wait_event("notice", mark)
            for _ in range(3):
                site.kill_role("sender")
            site.kill_supervisor()
            site.start()
        found = all_told(site, ident)
        assert found["notices_sent"] == len(mailboxes), found
        for mailbox in mailboxes:
            wait_notice(site, mailbox)
        time.sleep(1)
        for mailbox in mailboxes:
            assert len(notices(site, mailbox)) == 1, mailbox
    with case("PK-185, ER-10: killed while it sends: whatever arrives twice "
              "has one Message-ID"):
        ident = open_incident(site, "--from", since)
        for _ in range(5):
            pid = site.roles().get("sender")
            if pid is not None:
                kill(pid)
            time.sleep(0.15)
            with site.connection() as db:
                db.execute("UPDATE notice SET due_at = 1 "
                           "WHERE due_at IS NOT NULL")
        eventually(lambda: "sender" in site.roles(), "a new sender")
        assert all_told(site, ident)["notices_sent"] == len(mailboxes)
        for mailbox in mailboxes:
            eventually(lambda: len({m.message_id for m in
                                    notices(site, mailbox)}) == 2,
                       f"the second mail to {mailbox}")
    with case("PK-185: cancelled by two: what has not been sent is not sent"):
        with site.without("ca-postfix"):
            ident = open_incident(site, "--from", since)
            site.countersign("incident", "cancel", ident)
            command("env", "SUDO_USER=daemon", f"{site.build}/countersign",
                    "incident", "-f", site.config, "cancel", ident)
        found = shown(site, ident)
        assert found["status"] == "cancelled", found
        assert found["notices_failed"] == len(mailboxes), found


def age(site, serials):
    """They are in their renewal windows, and what was proven has ended."""
    with site.connection() as db:
        for serial in serials:
            db.execute("UPDATE cert SET not_before = not_before - 70 * 86400, "
                       "not_after = not_before + 30 * 86400 - 1, "
                       "notice_at = 1 WHERE serial = ?", (serial.lower(),))
        db.execute("UPDATE authz SET valid_until = 1 WHERE valid_at > 0")


def test_renewal(site):
    mailboxes = [f"alice+renew{i}@user.test" for i in range(4)]
    serials = [enroll(site, m, "--language", "de") for m in mailboxes]
    with case("PK-191, ER-10: the window opens while the relay is away, and "
              "the sender and the server die by kill -9: one mail to each"):
        with site.without("ca-postfix"):
            age(site, serials)
            site.reload()
            eventually(lambda: site.query(
                "SELECT COUNT(*) FROM notice WHERE about LIKE 'renewal:%' "
                "AND attempts > 0")[0][0], "the first attempt")
            site.kill_role("sender")
            site.kill_supervisor()
            site.start()
        with site.connection() as db:
            # Nor does another look at them make another.
            db.execute("UPDATE cert SET notice_at = 1")
        eventually(lambda: due(site) or site.query(
            "SELECT 1 FROM notice WHERE due_at IS NOT NULL") == [],
            "the end of the mails")
        for mailbox in mailboxes:
            mail, = wait_notice(site, mailbox, subjects=RENEWALS)
            assert mail.subject == RENEWALS["de"], mail.subject
            for kind in "plain", "html":
                text = text_of(mail, kind)
                assert mailbox in text and "erneuern" in text, text
            assert mail.message["From"] == "acme@ca.test"
            assert "d=ca.test" in str(mail.message["DKIM-Signature"])
        eventually(lambda: site.query("SELECT COUNT(*) FROM cert "
                                      "WHERE notice_at = 1") == [(0,)],
                   "another look at them")
        time.sleep(1)
        for mailbox in mailboxes:
            assert len(notices(site, mailbox, subjects=RENEWALS)) == 1


run({}, test_told, test_killed, test_renewal)
