#!/usr/bin/python3 -B
"""acme4j (Java): its client with an own email-reply-00, and acme4j-smime
with its reading of the mail, its reply and its certificate request."""

import contextlib
import json
from datetime import datetime, timedelta, timezone

from clients import CASE, Missing, Program, Skip, client_run, eab_key, \
    issue, profiles, run_client, sent_mails, wrong_reply
from harness import read_file
from signer import make_signer

PROVIDERS = "META-INF/services/org.shredzone.acme4j.provider.ChallengeProvider"


def program(name, module, folder, build):
    """Maven only fetches; the compiler and the program read its answer."""
    return Program(
        name, "acme4j", tools=["java", "javac", "mvn"],
        fetch=[["mvn", "--batch-mode", "--quiet", "--update-snapshots",
                "--file", f"pom-{module}.xml", "dependency:build-classpath",
                "-Dmdep.outputFile=classpath"]],
        build=[["sh", "-c", "printf -- '-cp \"classes:%s\"\\n' "
                '"$(cat classpath)" >arguments'],
               ["javac", "@arguments", "-d", "classes", "-sourcepath",
                folder, "Issue.java"], *build],
        words=["java", "@arguments", "-XX:TieredStopAtLevel=1", "Issue"])


CLIENT = program("acme4j-client", "client", "plain", [
    ["javac", "@arguments", "-d", "classes", "plain/EmailReplyProvider.java"],
    ["install", "-D", "plain/services", f"classes/{PROVIDERS}"]])
SMIME = program("acme4j-smime", "smime", "smime", [])
missing = {}


def prepare():
    """One of the two may be missing; its cases are skipped by name."""
    for one in CLIENT, SMIME:
        try:
            one.prepare()
        except Missing as why:
            missing[one] = why


def of(name, needs=(), programs=(CLIENT, SMIME)):
    """A case for each of the two."""
    def keep(function):
        for one in programs:
            def tried(site, one=one):
                if one in missing:
                    raise Skip(missing[one])
                function(site, one)
            CASE.of(f"{one.name}: {name}", needs)(tried)
        return function
    return keep


@of("AC-123: the reply, then the POST; P-256 account")
def late(site, one):
    issue(site, one)


@of("AC-122: the POST, then the reply; RSA account; polls at once")
def early(site, one):
    issue(site, one, "BOB", post="early", account="rsa", poll="20",
          wait_verdict=False)


@of("AC-122: the POST overtakes the reply")
def overtaking(site, one):
    issue(site, one, wait_verdict=False)


@of("L-8: slow polling, four seconds between questions")
def slow(site, one):
    issue(site, one, post="early", poll="4000", wait_verdict=False)


@of("AC-110: halves joined as octets", programs=[CLIENT])
def octets(site, one):
    issue(site, one, join="bytes")


@of("AC-41: accounts with P-384, P-521")
def accounts(site, one):
    for account in "secp384r1", "secp521r1":
        issue(site, one, account=account)


@of("PK-68: RSA and P-384 keys for the mailbox")
def keys(site, one):
    for key in "rsa", "secp384r1":
        issue(site, one, key=key)


@of("L-7, L-15: the address as CN, emailAddress and dNSName too",
    programs=[CLIENT])
def names(site, one):
    issue(site, one, csr="names")


@of("PK-61: requests for signing and for encryption only; the address as CN",
    programs=[SMIME])
def uses(site, one):
    issue(site, one, key="rsa", csr="sign", uses=["sign"])
    issue(site, one, key="rsa", csr="encrypt", uses=["encrypt"])
    issue(site, one, csr="encrypt", uses=["encrypt"])


@contextlib.contextmanager
def signing(site, option, value):
    """The server signs its mails with S/MIME while the block runs, with that
    option of the sender; the root of its certificate."""
    before = read_file(site.config)
    certificate, key, root = make_signer(site.folder)
    options = "".join(f'\t{name} = "{text}"\n' for name, text in (
        (option, value), ("smime_certificate", certificate),
        ("smime_key", key)))

    def restart(text):
        site.stop()
        with open(site.config, "w") as f:
            f.write(text)
        site.start()

    restart(before.replace("sender {\n", "sender {\n" + options))
    try:
        yield root
    finally:
        restart(before)


def signed(site, one, mode, option, value):
    """It takes what we sign, and nothing under another root; the mail."""
    mailbox = f"alice+{mode}@user.test"
    with signing(site, option, value) as root:
        ended = client_run(site, one, mailbox=mailbox, mail=mode, root=root,
                           expect=None)
        mail, = sent_mails(site, mailbox)
        assert mail.message.get_content_type() == "multipart/signed"
        assert ended.status == 0, ended.log
        other = client_run(site, one, mailbox=f"alice+not{mode}@user.test",
                           mail=mode, root=f"{site.state}/ca/root.pem",
                           expect=None)
        assert "AcmeInvalidMessageException" in other.log, other.log
    return mail


@of("MA-102: the mail's S/MIME signature is verified, strictly", programs=[SMIME])
def strict(site, one):
    signed(site, one, "strict", "tagged", "no")


@of("MA-102, ER-14: the mail's S/MIME signature is verified, relaxed; the "
    "tag is in Reply-To", programs=[SMIME])
def relaxed(site, one):
    mail = signed(site, one, "relaxed", "reply_to", "acme@ca.test")
    assert mail.message["From"] == "acme@ca.test"
    assert mail.message["Reply-To"].startswith("acme+")


@of("AC-88, L-16: the domain in upper case", programs=[CLIENT])
def upper_case(site, one):
    issue(site, one, mailbox="alice@USER.test")


@of("ER-31: after a wrong reply the client shows the reason")
def wrong(site, one):
    wrong_reply(site, one, "digest is wrong")


@of("AC-86: the client shows why an identifier is refused")
def wildcard(site, one):
    refused = client_run(site, one, mailbox="*@user.test", expect=1)
    assert "wildcards are not allowed" in refused.log, refused.log


@of("L-11: a binding to an external account is ignored where there are none")
def unknown_eab(site, one):
    assert not issue(site, one, eab={"kid": "x", "key": "A" * 86})["bound"]


@of("AC-78: an account bound to an external one", needs=["eab"])
def eab(site, one):
    assert issue(site, one, eab=eab_key(site))["bound"]


@of("AC-162: asks for the profile that is offered", needs=["meta.profiles"])
def profile(site, one):
    issue(site, one, profile=profiles(site)[0])


@of("AC-106: a mailbox proved before there is an order", needs=["newAuthz"])
def preauthorization(site, one):
    issue(site, one, then="preauthz")


@of("AC-81: another account key before the order", needs=["keyChange"])
def rollover(site, one):
    issue(site, one, then="rollover")


@of("AC-159, AC-157: revokes what it got; once is enough",
    needs=["revokeCert"])
def revoke(site, one):
    again = issue(site, one, then="revoke")["again"]
    assert "already revoked" in again, again


@of("AC-165, AC-170: asks when to renew, and replaces the certificate",
    needs=["renewalInfo"])
def renew(site, one):
    done = issue(site, one, then="renew")
    assert done["start"] < done["end"], done


@of("PK-192, AC-170, AC-171: called by cert revoke --replace-by, it renews, by "
    "mail", needs=["renewalInfo"])
def follow(site, one):
    mailbox = f"alice+{one.name}@user.test"
    serials = []

    def called(leaf):
        text = f"{leaf.serial_number:x}"
        serials.append(text.zfill(len(text) + len(text) % 2))
        by = datetime.now(timezone.utc) + timedelta(hours=12)
        site.countersign("cert", "revoke", "--replace-by",
                         by.strftime("%Y-%m-%dT%H:%M:%SZ"), serials[0])
        # The server remembers no proof: only a mail helps.
        site.countersign("authz", "--revoke", "--reason", "x", "--domain",
                         "user.test")

    done = issue(site, one, mailbox=mailbox, then="follow", issued=called)
    assert done["before"] is False and done["after"] is True, done
    assert len(sent_mails(site, mailbox)) == 2
    old, = serials
    told = json.loads(site.countersign("cert", "--json", old))
    assert told["status"] == "valid" and "revoke_at" in told, told
    listed = [json.loads(line) for line in
              site.countersign("orders", "--json").splitlines()]
    assert [o for o in listed if o.get("replaces") == told["certid"]], listed


run_client(prepare)
