#!/usr/bin/python3 -B
"""acme-client (Node.js), and a challenge of one's own on top of it."""

from clients import CASE, Program, client_run, eab_key, issue, profiles, \
    run_client, wrong_reply

PROGRAM = Program(
    "acme-client", "acme-client", tools=["node", "npm"],
    fetch=[["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]],
    build=[["node", "--check", "issue.js"]],
    words=["node", "issue.js"])


@CASE.of("AC-123: the reply, then the POST; halves joined as text; polls "
         "at once")
def late(site):
    issue(site, PROGRAM, post="late", join="string")


@CASE.of("AC-122: the POST, then the reply; halves joined as octets")
def early(site):
    issue(site, PROGRAM, "BOB", post="early", join="bytes",
          wait_verdict=False)


@CASE.of("AC-41, AC-110: accounts with RSA, P-384, P-521; halves joined "
         "either way")
def accounts(site):
    for account, join in (("rsa", "bytes"), ("P-384", "string"),
                          ("P-521", "bytes")):
        issue(site, PROGRAM, account=account, join=join)


@CASE.of("L-8: slow polling, four seconds between questions")
def slow(site):
    issue(site, PROGRAM, post="early", join="string", poll=4000)


@CASE.of("PK-68: an RSA key for the mailbox")
def rsa(site):
    issue(site, PROGRAM, join="string", key="rsa")


@CASE.of("L-7, L-15: the address as CN, emailAddress and dNSName too")
def names(site):
    issue(site, PROGRAM, join="string", csr="names")


@CASE.of("L-7: the identifier sent as dns")
def dns(site):
    issue(site, PROGRAM, join="string", csr="names", type="dns")


@CASE.of("PK-59, AC-140: the library's own request, with a dNSName only, is "
         "refused with the reason; the order stays ready")
def library(site):
    tried = issue(site, PROGRAM, join="string", csr="library")["tried"]
    assert "subjectAltName" in tried["refused"], tried
    assert tried["status"] == "ready", tried


@CASE.of("AC-88, L-16: the domain in upper case comes back as it was sent")
def upper_case(site):
    issue(site, PROGRAM, join="string", mailbox="alice@USER.Test")


@CASE.of("ER-31: after a wrong reply the client shows the reason")
def wrong(site):
    wrong_reply(site, PROGRAM, "digest is wrong", post="late", join="string")


@CASE.of("AC-86: the client shows why an identifier is refused")
def wildcard(site):
    refused = client_run(site, PROGRAM, mailbox="*@user.test", expect=1)
    assert "wildcards are not allowed" in refused.log, refused.log


@CASE.of("L-11: a binding to an external account is ignored where there are "
         "none")
def unknown_eab(site):
    done = issue(site, PROGRAM, join="string",
                 eab={"kid": "x", "key": "A" * 86})
    assert not done["bound"], done


@CASE.of("AC-78: an account bound to an external one", needs=["eab"])
def eab(site):
    done = issue(site, PROGRAM, join="string", eab=eab_key(site))
    assert done["bound"], done


@CASE.of("AC-162: asks for the profile that is offered",
         needs=["meta.profiles"])
def profile(site):
    done = issue(site, PROGRAM, join="string", profile=profiles(site)[0])
    assert done["profile"] == profiles(site)[0], done


@CASE.of("AC-162: the client shows that a profile is not offered")
def unknown_profile(site):
    refused = client_run(site, PROGRAM, profile="no-such", expect=1)
    assert "profile no-such is not offered" in refused.log, refused.log


@CASE.of("AC-81: another account key before the order",
         needs=["keyChange"])
def rollover(site):
    issue(site, PROGRAM, join="string", then="rollover")


@CASE.of("AC-159, AC-157: revokes what it got; once is enough",
         needs=["revokeCert"])
def revoke(site):
    again = issue(site, PROGRAM, join="string", then="revoke")["again"]
    assert "already revoked" in again, again


run_client(PROGRAM.prepare)
