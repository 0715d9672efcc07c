#!/usr/bin/python3 -B
"""acmez (Go): its client, its solver interface and its reply."""

from clients import CASE, Program, client_run, eab_key, issue, profiles, \
    run_client, wrong_reply

PROGRAM = Program(
    "acmez", "acmez", tools=["go"],
    fetch=[["go", "mod", "download", "github.com/mholt/acmez/v3",
            "golang.org/x/crypto", "golang.org/x/net", "golang.org/x/text"]],
    build=[["go", "build", "-o", "issue", "."]],
    words=["./issue"],
    env={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"})


@CASE.of("AC-123: the reply, then the POST; polls every 250 ms; empty "
         "subject")
def late(site):
    issue(site, PROGRAM)


@CASE.of("AC-122: the POST, then the reply; polls every 20 ms")
def early(site):
    issue(site, PROGRAM, "BOB", post="early", poll=20, wait_verdict=False)


@CASE.of("AC-122: the POST overtakes the reply")
def overtaking(site):
    issue(site, PROGRAM, wait_verdict=False, poll=20)


@CASE.of("L-8: slow polling, four seconds between questions")
def slow(site):
    issue(site, PROGRAM, post="early", wait_verdict=False, poll=4000)


@CASE.of("AC-41: accounts with RSA, P-384, P-521")
def accounts(site):
    for account in "rsa", "P-384", "P-521":
        issue(site, PROGRAM, account=account)


@CASE.of("PK-68: RSA and P-384 keys for the mailbox")
def keys(site):
    for key in "rsa", "P-384":
        issue(site, PROGRAM, key=key)


@CASE.of("L-7, L-15: the address as CN, emailAddress and dNSName too")
def names(site):
    issue(site, PROGRAM, post="early", csr="names")


@CASE.of("AC-88, L-16: the domain in upper case comes back as it was sent")
def upper_case(site):
    issue(site, PROGRAM, mailbox="alice@User.TEST", post="early")


@CASE.of("AC-123: a mailbox whose domain is not signed with DNSSEC")
def insecure(site):
    issue(site, PROGRAM, "CAROL")


@CASE.of("ER-31: after a wrong reply the client shows the reason")
def wrong(site):
    wrong_reply(site, PROGRAM, "digest is wrong")


@CASE.of("AC-86: the client shows why an identifier is refused")
def wildcard(site):
    refused = client_run(site, PROGRAM, mailbox="*@user.test", expect=1)
    assert "wildcards are not allowed" in refused.log, refused.log


@CASE.of("L-11: a binding to an external account is ignored where there are "
         "none")
def unknown_eab(site):
    issue(site, PROGRAM, eab={"kid": "x", "key": "A" * 86})


@CASE.of("AC-78: an account bound to an external one", needs=["eab"])
def eab(site):
    assert issue(site, PROGRAM, eab=eab_key(site))["bound"]


@CASE.of("AC-162: asks for the profile that is offered",
         needs=["meta.profiles"])
def profile(site):
    issue(site, PROGRAM, profile=profiles(site)[0])


@CASE.of("AC-106: its pre-authorization sends a bare identifier; it shows "
         "why that is refused", needs=["newAuthz"])
def preauthorization(site):
    refused = client_run(site, PROGRAM, then="preauthz", expect=1)
    assert "new-authz: HTTP 400" in refused.log, refused.log
    assert "each identifier must be an object" in refused.log, refused.log


@CASE.of("AC-81: another account key before the order", needs=["keyChange"])
def rollover(site):
    issue(site, PROGRAM, then="rollover")


@CASE.of("AC-159, AC-157: revokes what it got; once is enough; "
         "by the account and by the certificate's key",
         needs=["revokeCert"])
def revoke(site):
    for then in "revoke", "disown":
        again = issue(site, PROGRAM, then=then)["again"]
        assert "already revoked" in again, again


@CASE.of("AC-165, AC-170: asks when to renew, and replaces the certificate",
         needs=["renewalInfo"])
def renew(site):
    done = issue(site, PROGRAM, then="renew")
    assert done["start"] < done["end"], done


run_client(PROGRAM.prepare)
