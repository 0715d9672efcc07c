#!/usr/bin/python3
"""MA-101: a server starts only with DKIM keys that the DNS has, unless the
DNS does not answer."""

import contextlib
import os

from acme import Client
from harness import DEADLINE, case, children, command, edit_config, \
    eventually, in_time, read_file, run
from letters import challenge_mail


def records(site):
    found = {}
    for line in read_file(f"{site.state}/dkim-records.txt").splitlines():
        name, _, data = line.split(" ", 2)
        found[name.rstrip(".")] = data
    return found


@contextlib.contextmanager
def published(site, name, *data):
    """Another record for one of the keys while the block runs; or none."""
    ours = records(site)[name]
    site.lab("dns-del", name, "TXT")
    if data:
        site.dns_set(name, "TXT", *data)
    try:
        yield
    finally:
        site.dns_set(name, "TXT", ours)


def refused(site):
    text = command(site.program, "-f", site.config, status=1)
    assert "event=\"cannot start\"" in text, text
    assert "event=ready" not in text, text
    return text


def test_wrong(site):
    site.stop()
    ours = records(site)
    rsa, ed = "cs-rsa._domainkey.ca.test", "cs-ed25519._domainkey.ca.test"
    cases = [("no record", rsa, [], "publish ours"),
             ("no record for the second key", ed, [], "publish ours"),
             ("another key", rsa, [ours[rsa][:60] + (
                 "A" if ours[rsa][60] != "A" else "B") + ours[rsa][61:]],
              "sign.key-not-published"),
             ("a revoked key", ed, ["v=DKIM1; k=ed25519; p="], "revoked"),
             ("t=y", ed, [ours[ed].strip('"') + "; t=y"], "t=y")]
    for what, name, data, why in cases:
        with case(f"MA-101: {what}: no start, and the record to publish"):
            with published(site, name, *data):
                text = refused(site)
            assert "code=sign.key-not-published" in text, text
            assert why in text and f"{name}:" in text, text
            assert ours[name].strip('"') in text, text
    with case("MA-101: that is said within 20 seconds"):
        with published(site, rsa):
            in_time(20, "the refusal", lambda: refused(site) and None)
    with case("MA-101: where the relay signs it is a warning"):
        edit_config(site, sender__relay_signs="yes")
        mark = site.mark()
        with published(site, rsa):
            site.start()
        event = site.events("DKIM key not published", mark)
        assert len(event) == 1, event
        assert " warning " in site.log(mark).split(
            'event="DKIM key not published"')[0].splitlines()[-1]
        site.stop()
        edit_config(site, sender__relay_signs="no")


def askers(site):
    """Children that are no role."""
    return set(map(int, children(site.daemon.pid))) - set(site.processes())


def test_silent(site):
    # A DNS that is away answers no sooner if more is waited for.
    edit_config(site, validator__dns_try_ms="500",
                validator__dns_total_ms="1500")
    with case("MA-101: a DNS that does not answer: a warning, and a start"):
        mark = site.mark()
        with site.without("dns"):
            site.start()
            assert site.events("DKIM key not looked up", mark)
            asker, = askers(site)
            eventually(lambda: "\nUid:\t65534\t65534\t65534\t65534\n" in
                       read_file(f"/proc/{asker}/status"),
                       "rights to be given up")
    with case("MA-101: it is asked again, and the answer is logged"):
        # The pause grows with the time for which there was no answer.
        site.wait_event("DKIM keys are published", mark, 2 * DEADLINE)
        eventually(lambda: not askers(site), "the end of the child")
    with case("the server works meanwhile and afterwards"):
        challenge_mail(site, Client(site).order("alice@user.test")
                       .challenge())
        site.stop()
    with case("MA-101: a definite no that comes late is an error, not an "
              "end"):
        mark = site.mark()
        with published(site, "cs-rsa._domainkey.ca.test"):
            with site.without("dns"):
                site.start()
            site.wait_event("DKIM key not published", mark, 2 * DEADLINE)
        assert site.daemon.poll() is None
        site.stop()
    with case("the child that asks ends with the server, and holds nothing "
              "back"):
        with site.without("dns"):
            site.start()
            asker, = askers(site)
            # The next start finds nobody at its ports, too.
            site.kill_supervisor()
            eventually(lambda: not os.path.exists(f"/proc/{asker}"),
                       "its end")
        site.start()


run({}, test_wrong, test_silent)
