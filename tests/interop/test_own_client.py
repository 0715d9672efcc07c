#!/usr/bin/python3 -B
"""`countersign enroll` beside the clients of others: what they are asked for,
and the pause before the challenge mail that servers have by default."""

import os

from clients import CASE, certified, command, directory, run_client, verify
from harness import read_file


def enroll(site, name, *more, mailbox="alice@user.test", who="ALICE",
           uses=("sign", "encrypt")):
    env, folder = site.env, f"{site.folder}/{name}"
    os.makedirs(folder)
    said = command(
        f"{site.build}/countersign", "enroll", "--json", "--directory",
        directory(site), "--ca-file", env["LAB_CA_CERT"], "--mailbox",
        mailbox, "--account-key", f"{folder}/account.pem", "--key",
        f"{folder}/key.pem", "--out", f"{folder}/cert.pem", "--imap",
        f"localhost:{env['USER_IMAPS_PORT']}", "--imap-user",
        env[f"{who}_USER"], "--imap-password-file",
        env[f"{who}_PASSWORD_FILE"], "--smtp",
        f"localhost:{env['USER_SUBMISSION_PORT']}", "--smtp-user",
        env[f"{who}_USER"], "--smtp-password-file",
        env[f"{who}_PASSWORD_FILE"], "--mail-ca-file", env["LAB_CA_CERT"],
        "--timeout", "240", *more)
    public = command("openssl", "pkey", "-in", f"{folder}/key.pem", "-pubout")
    verify(site, read_file(f"{folder}/cert.pem"), [certified(mailbox)], public,
           uses)
    return said


@CASE.of("AC-116: as it comes, with the mail five seconds after newOrder")
def plain(site):
    enroll(site, "plain")


@CASE.of("PK-61, PK-68: for signing, for encryption, for both; RSA and EC")
def uses(site):
    enroll(site, "sign", "--usage", "sign", "--key-type", "rsa2048",
           uses=["sign"])
    enroll(site, "encrypt", "--usage", "encrypt", "--key-type", "rsa3072",
           uses=["encrypt"])
    enroll(site, "curve", "--usage", "encrypt", "--key-type", "p384",
           uses=["encrypt"])


@CASE.of("AC-88: the domain in upper case")
def upper_case(site):
    enroll(site, "upper", mailbox="alice@USER.TEST")


@CASE.of("a mailbox whose domain is not signed with DNSSEC")
def insecure(site):
    enroll(site, "insecure", mailbox="carol@plain.test", who="CAROL")


run_client(lambda: None, {"policy.challenge_mail_delay": "5s"})
