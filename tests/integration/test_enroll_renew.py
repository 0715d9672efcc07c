#!/usr/bin/python3
"""`countersign enroll --renew`: it asks when, comes when it is time, and says
what it replaces."""

import glob
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone

from enrolling import Enroll, check_certificate, last_json
from harness import case, command, eventually, read_file, run
from letters import Inbox

NOT_YET = 3


def moment(secs):
    at = datetime.now(timezone.utc) + timedelta(seconds=secs)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def serial_of(e, name="cert.pem"):
    return command("openssl", "x509", "-in", e.path(name), "-noout",
                   "-serial").strip().partition("=")[2].lower()


def told(site, serial):
    return json.loads(site.countersign("cert", "--json", serial))


def kept(e):
    """What it keeps between runs."""
    return glob.glob(f"{e.folder}/countersign/renewal-*.json")


def may_ask_again(e):
    """As if Retry-After were over."""
    path, = kept(e)
    text = json.loads(read_file(path))
    with open(path, "w") as f:
        json.dump({**text, "ask_again": moment(-1)}, f)


def test_when(site):
    e = Enroll(site, "when")
    e.automatic()
    before = read_file(e.path("cert.pem"))
    serial = serial_of(e)
    with case("AC-168: not yet: exit status 3, and when it will be"):
        said = last_json(e.renew(status=NOT_YET))
        assert said["renewed"] is False, said
        assert said["window_start"] <= said["renew_at"] < said["window_end"]
        assert said["renew_at"] > moment(86400), said
        assert read_file(e.path("cert.pem")) == before
        assert told(site, serial)["status"] == "valid"
    with case("AC-165: the server is not asked again before Retry-After"):
        path, = kept(e)
        again = json.loads(read_file(path))["ask_again"]
        assert moment(5 * 3600) < again <= moment(6 * 3600), again
        site.stop()
        assert last_json(e.renew(status=NOT_YET))["renew_at"] == \
            said["renew_at"]
        site.start()
    with case("enroll --renew --force: before it is time, in its place, with "
              "the same key, saying what it replaces"):
        e.renew("--force")
        assert serial_of(e) != serial
        check_certificate(site, e)
        order = told(site, serial)["certid"]
        new = told(site, serial_of(e))["order"]
        assert json.loads(site.countersign("order", "--json", new))[
            "replaces"] == order
        assert not kept(e)
    with case("AC-170: what was replaced already gets another order, without "
              "a word of replacing"):
        with open(e.path("old.pem"), "w") as f:
            f.write(before)
        said = command(*e.server(), *e.box(), "--timeout", "240", "--renew",
                       e.path("old.pem"), "--out", e.path("new.pem"),
                       "--force")
        assert "this one is another" in said, said
        check = told(site, serial_of(e, "new.pem"))
        assert check["status"] == "valid", check
    with case("enroll --renew: what is no certificate is said to be none"):
        said = command(*e.server(), *e.box(), "--renew",
                       e.path("account.pem"), "--out", e.path("x.pem"),
                       status=1)
        assert "it is not a certificate in PEM" in said, said
        said = command(*e.server(), *e.box(), "--renew", e.path("no"),
                       status=1)
        assert e.path("no") in said, said


def test_wishes(site):
    with case("AC-162, AC-92: enroll asks for a profile, and for dates"):
        e = Enroll(site, "wishes", "bob@user.test", "BOB")
        wanted = moment(40 * 86400)
        e.automatic("--profile", "mailbox-multipurpose", "--not-after",
                    wanted)
        found = told(site, serial_of(e))
        assert found["profile"] == "mailbox-multipurpose", found
        assert found["not_after"] == wanted, found
    with case("AC-162: enroll names the profile that is not offered"):
        said = e.automatic("--force", "--profile", "none", status=1)
        assert "invalidProfile: profile none is not offered" in said, said
    with case("enroll: dates that make no sense are refused by name"):
        said = e.automatic("--not-after", "tomorrow", status=1)
        assert "--not-after tomorrow: write a time as" in said, said
        said = e.automatic("--not-before", moment(60), "--not-after",
                           moment(0), status=1)
        assert "--not-after is not after --not-before" in said, said


def test_replace_by(site):
    e = Enroll(site, "incident", "alice+incident@user.test")
    e.automatic()
    serial = serial_of(e)
    e.renew(status=NOT_YET)
    with case("cert revoke --replace-by: times that cannot be are refused, and "
              "change nothing"):
        for words in (["--replace-by", moment(-60)],
                      ["--replace-by", "tomorrow"],
                      ["--replace-by", moment(4000 * 86400)],
                      ["--reason", "1", "--replace-by", moment(2 * 86400)],
                      ["--reason", "2", "--replace-by", moment(3600)]):
            site.countersign("cert", "revoke", *words, serial, status=1)
        site.countersign("cert", "--replace-by", moment(60), serial, status=1)
        assert "no incident" in site.countersign("incident", "list")
        assert "revoke_at" not in told(site, serial)
    with case("PK-185, PK-192: cert revoke --replace-by moves the window of "
              "this certificate to now"):
        by = moment(3 * 86400)
        said = site.countersign("cert", "revoke", "--reason", "4",
                                "--replace-by", by, "--json", serial)
        found = last_json(said)
        assert found["status"] == "valid", said
        assert found["revoke_at"] == by, said
        ident = re.search(r"incident (\S+):", said)[1]
        shown = json.loads(site.countersign("incident", "show", "--json",
                                            ident))
        assert shown["certificates"] == 1, shown
        assert shown["deadline"] == by, shown
        e.renew(status=NOT_YET)  # Retry-After: it has not asked again
        may_ask_again(e)
        said = last_json(e.renew(status=NOT_YET))
        assert said["window_start"] <= moment(0), said
        end = parsed(by) - timedelta(hours=12)
        assert parsed(said["window_end"]) == end, said
        assert said["ask_again"] <= moment(3600), said
    with case("RFC 9773: the moment in the window is the certificate's own"):
        start = parsed(said["window_start"])
        part = int.from_bytes(hashlib.sha256(
            found["certid"].encode()).digest()[:4], "big") / 2**32
        assert abs(start + (end - start) * part - parsed(said["renew_at"])) \
            <= timedelta(seconds=1), said
    with case("PK-192, AC-171: a day before the end the client renews at once, "
              "by mail, and the operator sees that it has followed"):
        site.countersign("cert", "revoke", "--replace-by", moment(7200),
                         serial)
        # The server remembers no proof: a mail is needed.
        site.countersign("authz", "--revoke", "--reason", "x", "--domain",
                         "user.test")
        may_ask_again(e)
        with Inbox(site) as inbox:
            mails = len(inbox.find("SUBJECT", "ACME:"))
            e.renew()
            assert len(inbox.find("SUBJECT", "ACME:")) == mails + 1
        assert serial_of(e) != serial
        check_certificate(site, e)
        shown = json.loads(site.countersign("incident", "show", "--json",
                                            ident))
        assert shown["replaced"] == 1 and shown["revoked"] == 0, shown
    with case("PK-185: so long before the time that was said that the list is "
              "out by then, the old one is revoked, the new one is not"):
        begins, by = moment(3), moment(3 + 3600 + 300)
        site.countersign("cert", "revoke", "--reason", "5", "--replace-by", by,
                         serial)
        eventually(lambda: told(site, serial)["status"] == "revoked",
                   "the revocation")
        found = told(site, serial)
        assert by > found["revoked"] >= begins and found["reason"] == 5, found
        assert "revoke_at" not in found, found
        assert told(site, serial_of(e))["status"] == "valid"
        site.countersign("cert", "revoke", "--replace-by", moment(60), serial,
                         status=1)
    with case("PK-185, PK-193: the incidents that had nothing else to revoke "
              "end with it, not at their deadlines; nobody is hurried any "
              "more"):
        def statuses():
            with site.connection() as db:
                idents = [i for i, in db.execute("SELECT id FROM incident")]
            return [json.loads(site.countersign(
                "incident", "show", "--json", i))["status"] for i in idents]
        eventually(lambda: statuses() == ["finished"] * 3, "their ends")
        said = last_json(e.renew(status=NOT_YET))
        assert said["ask_again"] > moment(3600), said


run({"policy.profiles": "mailbox-strict, mailbox-multipurpose",
     "policy.allow_not_after": "mailbox-multipurpose"},
    test_when, test_wishes, test_replace_by)
