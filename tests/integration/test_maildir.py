#!/usr/bin/python3
"""Replies that the mail server puts into a Maildir; no IMAP is configured."""

import os
import random
import signal
import time

from acme import Client
from harness import case, eventually, in_time, kill, run
from letters import answer, challenge_mail, compose, deliver, sign
from ways import MaildirSite

KILLS = int(os.environ.get("COUNTERSIGN_TEST_KILLS", "15"))


def names(site, folder="new"):
    path = f"{site.maildir}/{folder}"
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def subject(site, mailbox="alice@user.test"):
    order = Client(site, patient=True).order(mailbox)
    challenge = order.challenge()
    challenge.post()
    return order, challenge, challenge_mail(site, challenge)


def test_issue(site):
    with case("ER-21: a whole issuance through Postfix and a Maildir; the "
              "message is moved to its folder"):
        assert set(site.intakes()) == {"maildir:1"}, site.intakes()
        order = Client(site).order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        answer(site, challenge)
        order.certificate()
        eventually(lambda: names(site) == [], "the move")
        moved = names(site, ".Processed/cur")
        assert len(moved) == 1 and moved[0].endswith(":2,S"), moved
        assert site.query("SELECT source FROM reply") == \
            [(f"maildir:{site.maildir}",)]
    with case("ER-34: it is noticed at once"):
        def noticed():
            order, challenge, mail = subject(site)
            raw = sign(site, compose(challenge, mail))
            time.sleep(0.5)     # it idles
            began = time.monotonic()
            site.put(f"1700000000.{order.id}", raw.replace(b"\r\n", b"\n"))
            challenge.wait("valid")
            return time.monotonic() - began
        in_time(1, "the verdict", noticed)
    with case("MA-48: Postfix says in a field that there was no sender"):
        _, challenge, mail = subject(site)
        mark = site.mark()
        deliver(site, sign(site, compose(challenge, mail)), challenge.sender,
                sender="")
        event = site.wait_verdict(mark, challenge=challenge.id)
        assert (event["verdict"], event["code"]) == \
            ("unauthenticated", "hdr.automatic"), event
    with case("ER-24: a bounce ends the challenge"):
        Client(site).order("bounce@user.test").wait("invalid")


def test_check(site):
    def told():
        lines = site.countersign("check", status=None).splitlines()
        return [line for line in lines if "Maildir" in line][0]
    with case("countersign check tries it as the user of the roles"):
        assert told() == f"ok    Maildir {site.maildir}", told()
        os.chmod(f"{site.maildir}/cur", 0o500)
        assert "/cur: Permission denied: messages are renamed there" in told()
        os.chmod(f"{site.maildir}/cur", 0o700)
        os.chmod(f"{site.maildir}/new", 0o300)
        assert "/new: Permission denied" in told(), told()
        os.chmod(f"{site.maildir}/new", 0o700)


def test_hostile(site):
    with case("what cannot be read is left where it is and said; the others "
              "go on"):
        mark = site.mark()
        new = f"{site.maildir}/new"
        with open(f"{site.maildir}/tmp/1.root", "w") as f:
            f.write("From: a@b.test\n\nmine\n")
        os.chmod(f.name, 0o600)
        os.rename(f.name, f"{new}/1.root")
        os.symlink(site.database, f"{new}/2.link")
        os.mkfifo(f"{new}/3.pipe")
        os.mkdir(f"{new}/4.folder")
        site.put("5.good", b"From: a@b.test\n\nx\n")
        eventually(lambda: "5.good" not in names(site), "the good one")
        assert names(site) == ["1.root", "2.link", "3.pipe", "4.folder"]
        said = site.events("reply not read", mark)
        assert len(said) == 4, said
        assert "is no regular file" in said[3]["error"], said
        # Said once, not with each message.
        site.put("6.good", b"From: a@b.test\n\nx\n")
        eventually(lambda: "6.good" not in names(site), "the good one")
        assert len(site.events("reply not read", mark)) == 4
        wrong = site.countersign("check", status=1)
        assert f"WRONG Maildir {site.maildir}" in wrong, wrong
        assert "let the mail server deliver as the user" in wrong, wrong
        for name in ("1.root", "2.link", "3.pipe"):
            os.unlink(f"{new}/{name}")
        os.rmdir(f"{new}/4.folder")
    with case("MA-1, MA-2, MA-3: too large, NUL, CR: recorded, and away"):
        mark = site.mark()
        site.put("7.large", b"From: a@b.test\n" * 30000)
        site.put("8.nul", b"From: a@b.test\n\n\0\n")
        site.put("9.cr", b"From: a@b.test\r\n\r\nx\r\n")
        eventually(lambda: names(site) == [], "the move")
        codes = [row[0] for row in site.query(
            "SELECT code FROM reply WHERE code LIKE 'msg.%' ORDER BY code")]
        assert codes == ["msg.bare-cr", "msg.nul", "msg.too-large"], codes
        eventually(lambda: len(site.events("reply", mark)) >= 3, "the lines")
        assert len(site.events("reply", mark)) == 3


def test_away(site):
    with case("the folder goes away and comes back: said once, and mail is "
              "found"):
        mark = site.mark()
        os.rename(f"{site.maildir}/new", f"{site.maildir}/old")
        site.daemon.send_signal(signal.SIGHUP)
        site.wait_event("maildir", mark)
        order, challenge, mail = subject(site)
        raw = sign(site, compose(challenge, mail)).replace(b"\r\n", b"\n")
        with open(f"{site.maildir}/old/1700000001.x", "wb") as f:
            f.write(raw)
        os.chmod(f"{site.maildir}/old/1700000001.x", 0o644)
        time.sleep(2.5)
        assert len(site.events("maildir", mark)) == 1
        os.rename(f"{site.maildir}/old", f"{site.maildir}/new")
        site.wait_event("maildir open", mark)
        challenge.wait("valid")
        order.certificate()


def test_kill(site):
    with case(f"ER-21: {KILLS} times kill -9 while messages come: each is "
              "recorded once and moved away"):
        _, challenge, mail = subject(site)
        before = site.query("SELECT count(*) FROM reply")[0][0]
        for i in range(KILLS):
            pid = eventually(lambda: site.intakes().get("maildir:1"), "it")
            if i % 3 == 0:
                time.sleep(0.1)     # it idles; else it has just begun
            for k in range(4):
                raw = compose(challenge, mail,
                              Message_ID=f"<kill{i}-{k}@user.test>")
                site.put(f"17000001{i:02}.{k}", raw.replace(b"\r\n", b"\n"))
            time.sleep(random.uniform(0, 0.02))
            kill(pid)
            eventually(lambda: site.intakes().get("maildir:1") != pid,
                       "its end")
        eventually(lambda: names(site) == [], "all of them to be moved")
        after = site.query("SELECT count(*) FROM reply")[0][0]
        assert after == before + 4 * KILLS, (before, after)
        kept = [n for n in names(site, ".Processed/cur")
                if n.startswith("17000001")]
        assert len(kept) == 4 * KILLS, kept


run({}, test_issue, test_check, test_hostile, test_away, test_kill,
    kind=MaildirSite)
