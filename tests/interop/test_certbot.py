#!/usr/bin/python3 -B
"""certbot's Python library, Debian's old one and a new one, with a class for
email-reply-00 as plug-ins have it."""

import importlib.util

from clients import CASE, Missing, Program, client_run, eab_key, issue, \
    Skip, profiles, run_client, wrong_reply

PYTHON = "/usr/bin/python3"
DEBIAN = Program("certbot-debian", "certbot", tools=[PYTHON], fetch=[],
                 build=[], words=[PYTHON, "issue.py"])
NEW = Program(
    "certbot-new", "certbot", tools=[PYTHON],
    fetch=[[PYTHON, "-m", "venv", "venv"],
           ["venv/bin/pip", "install", "--quiet", "--no-deps",
            "--disable-pip-version-check", "-r", "requirements.txt"]],
    build=[["venv/bin/python", "-c", "import acme.client"]],
    words=["venv/bin/python", "issue.py"])
missing = {}


def prepare():
    """One of the two may be missing; its cases are skipped by name."""
    for program in DEBIAN, NEW:
        try:
            program.prepare()
            if program is DEBIAN and not importlib.util.find_spec("josepy"):
                raise Missing("there is no python3-acme")
        except Missing as why:
            missing[program] = why


def with_each(name, needs=()):
    """A case for Debian's version, and one for the new one."""
    def keep(function):
        for program in DEBIAN, NEW:
            def one(site, program=program):
                if program in missing:
                    raise Skip(missing[program])
                function(site, program)
            CASE.of(f"{program.name}: {name}", needs)(one)
        return function
    return keep


@with_each("AC-16, AC-123, L-7: the reply, then the POST; halves joined as "
           "octets; a dns identifier, and the address as CN, emailAddress, "
           "rfc822Name and dNSName")
def late(site, program):
    done = issue(site, program)
    assert done["identifier"] == {"type": "dns", "value": "alice@user.test"}


@with_each("AC-16, AC-122: the POST, then the reply; halves joined as text; "
           "the authorization stays pending until then")
def early(site, program):
    issue(site, program, "BOB", post="early", join="string",
          wait_verdict=False)


@with_each("L-8: polls at once, again and again")
def immediate(site, program):
    issue(site, program, post="early", poll=0.02, wait_verdict=False)


@with_each("L-8: slow polling, four seconds between questions")
def slow(site, program):
    issue(site, program, post="early", poll=4, wait_verdict=False)


@with_each("PK-68: a P-256 key for the mailbox; no emailAddress")
def elliptic(site, program):
    issue(site, program, key="ec", csr="plain")


@with_each("PK-61: every key usage that the plug-in offers")
def usage(site, program):
    signs, encrypts = "digital_signature", "key_encipherment"
    for names, uses in (
            ([signs], ["sign"]), ([encrypts], ["encrypt"]),
            ([signs, "content_commitment", encrypts], ["sign", "encrypt"]),
            ([signs, encrypts, "key_agreement"], ["sign", "encrypt"])):
        issue(site, program, usage=names, uses=uses)


@with_each("AC-116, ER-4: three mailboxes in one order; one mail after the "
           "other, and the POSTs at the end")
def several(site, program):
    issue(site, program, others=["alice+two@user.test",
                                 "alice+three@user.test"])


@with_each("AC-41: an account with a P-256 key")
def account(site, program):
    issue(site, program, account="ec")


@with_each("ER-31: after a wrong reply the client shows the reason")
def wrong(site, program):
    wrong_reply(site, program, "digest is wrong")


@with_each("AC-86: the client shows why an identifier is refused")
def wildcard(site, program):
    refused = client_run(site, program, mailbox="*@user.test", expect=1)
    assert "wildcards are not allowed" in refused.log, refused.log


@with_each("AC-85: a host name is refused, and the client shows why")
def host_name(site, program):
    refused = client_run(site, program, mailbox="user.test", expect=1)
    assert "unsupportedIdentifier" in refused.log, refused.log


@with_each("L-11: a binding to an external account is ignored where there "
           "are none")
def unknown_eab(site, program):
    done = issue(site, program, eab={"kid": "x", "key": "A" * 86})
    assert not done["bound"], done


@with_each("AC-78: an account bound to an external one", needs=["eab"])
def eab(site, program):
    assert issue(site, program, eab=eab_key(site))["bound"]


@CASE.of("certbot-new: AC-162: asks for the profile that is offered",
         needs=["meta.profiles"])
def profile(site):
    if NEW in missing:
        raise Skip(missing[NEW])
    issue(site, NEW, profile=profiles(site)[0])


@CASE.of("certbot-new: AC-165: asks when to renew", needs=["renewalInfo"])
def renewal(site):
    if NEW in missing:
        raise Skip(missing[NEW])
    assert issue(site, NEW, then="renewal")["when"] is not None


@with_each("AC-159, AC-157: revokes what it got; once is enough",
           needs=["revokeCert"])
def revoke(site, program):
    again = issue(site, program, then="revoke")["again"]
    assert "already revoked" in again, again


run_client(prepare)
