#!/usr/bin/python3 -B
"""lego (Go): its library decides when to renew. It knows no email-reply-00, so
the certificates are those of `countersign enroll`."""

from datetime import datetime, timedelta, timezone

from clients import CASE, Program, client_run, run_client
from enrolling import Enroll, last_json
from harness import read_file

PROGRAM = Program(
    "lego", "lego", tools=["go"],
    fetch=[["go", "mod", "download"]],
    build=[["go", "build", "-o", "when", "."]],
    words=["./when"],
    env={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"})


def moment(**more):
    at = datetime.now(timezone.utc) + timedelta(**more)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def when(site, e, **more):
    return client_run(site, PROGRAM, sleep=more.pop("sleep", 0),
                      certificate=read_file(e.path("cert.pem")), **more).done


def got(site, name):
    e = Enroll(site, name, f"alice+{name}@user.test")
    serial = last_json(e.automatic())["serial"]
    return e, serial


@CASE.of("AC-165, AC-166, AC-168: lego finds the window, and need not renew",
         needs=["renewalInfo"])
def usual(site):
    e, serial = got(site, "usual")
    told = when(site, e)
    assert told["renew_at"] == "", told
    assert moment(days=30) < told["start"] < told["end"], told
    assert told["retry_after"] == 21600, told
    assert told["certid"] == last_json(
        site.countersign("cert", "--json", serial))["certid"], told


@CASE.of("PK-192, PK-193: cert revoke --replace-by: lego's moment is between "
         "now and 12 hours before", needs=["renewalInfo"])
def moved(site):
    e, serial = got(site, "moved")
    by = moment(days=3)
    site.countersign("cert", "revoke", "--replace-by", by, serial)
    told = when(site, e, sleep=3 * 86400)
    assert told["start"] <= moment(), told
    assert told["start"] <= told["renew_at"] <= told["end"] \
        < moment(days=2, hours=13), told
    assert told["retry_after"] == 3600, told


@CASE.of("PK-192: a day or less is left, or it is revoked: lego renews at once",
         needs=["renewalInfo"])
def at_once(site):
    e, serial = got(site, "once")
    for words in ["--replace-by", moment(hours=20)], []:
        site.countersign("cert", "revoke", *words, serial)
        told = when(site, e)
        assert told["end"] < moment(), told
        assert "" < told["renew_at"] <= moment(), told


run_client(PROGRAM.prepare)
