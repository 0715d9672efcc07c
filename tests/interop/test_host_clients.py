#!/usr/bin/python3 -B
"""Debian's lego, dehydrated and uacme: clients for host names only. Nothing
for them here, and nothing of them may stay."""

import os
import shutil
import subprocess

from clients import CASE, PATIENCE, Client, Missing, Skip, command, \
    directory, run_client, sent_mails

REFUSED = "only identifiers of type email are supported"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def lego(site, name):
    return run(site, ["lego", "--server", directory(site), "--path",
                      f"{site.folder}/lego", "--email", "alice@user.test",
                      "--accept-tos", "--domains", name, "--http",
                      "--http.port", "127.0.0.1:0", "run"],
               LEGO_CA_CERTIFICATES=site.env["LAB_CA_CERT"])


def dehydrated(site, name):
    folder = f"{site.folder}/dehydrated"
    os.makedirs(f"{folder}/wellknown", exist_ok=True)
    with open(f"{folder}/config", "w") as f:
        f.write(f"CA={directory(site)}\nBASEDIR={folder}\n"
                f"WELLKNOWN={folder}/wellknown\n"
                f"CURL_OPTS='--cacert {site.env['LAB_CA_CERT']}'\n")
    command("dehydrated", "-f", f"{folder}/config", "--register",
            "--accept-terms")
    return run(site, ["dehydrated", "-f", f"{folder}/config", "--cron",
                      "--domain", name])


def uacme(site, name):
    """It trusts the system's certificates and no others: a file system of
    its own makes the laboratory's one of them."""
    trusting = ["unshare", "--mount", "sh", "-c",
                f"mount --bind '{site.env['LAB_CA_CERT']}' {BUNDLE} && "
                'exec "$@"', "sh", "uacme", "--confdir",
                f"{site.folder}/uacme", "--acme-url", directory(site),
                "--yes"]
    if not os.path.exists(f"{site.folder}/uacme"):
        command(*trusting, "new", "alice@user.test")
    return run(site, [*trusting, "issue", name])


def run(site, words, **env):
    done = subprocess.run(words, env=os.environ | env, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


CLIENTS = {"lego": lego, "dehydrated": dehydrated, "uacme": uacme}


def rows(site):
    """{"orders": 3, ...} for every table."""
    tables = site.query("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {table: site.query(f"SELECT count(*) FROM {table}")[0][0]
            for table, in tables}


def changed(before, after):
    return {table for table in after if after[table] != before.get(table)}


def of(name, *clients):
    """A case for each of the clients."""
    def keep(function):
        for client in clients or CLIENTS:
            def one(site, client=client):
                if shutil.which(client) is None:
                    raise Skip(f"there is no {client}")
                function(site, CLIENTS[client])
            CASE.of(f"{client}: {name}")(one)
        return function
    return keep


@of("AC-85: a host name is refused; the client ends with our words; only its "
    "account is left")
def host_name(site, client):
    before = rows(site)
    status, said = client(site, "user.test")
    assert status != 0, said
    assert REFUSED in said, said
    left = changed(before, rows(site))
    assert "account" in left, left
    # What tells of the account, and bounds what an address may ask.
    assert left <= {"account", "account_key", "audit", "audit_head",
                    "bucket"}, left


@of("AC-53, AC-85, PK-19: with an account that exists nothing but the record "
    "of the refusal is left")
def again(site, client):
    before = rows(site)
    status, said = client(site, "www.user.test")
    assert status != 0 and REFUSED in said, said
    after = rows(site)
    assert changed(before, after) <= {"audit", "audit_head", "bucket"}, after
    made = after["audit"] - before["audit"]
    events = site.query("SELECT event FROM audit ORDER BY seq DESC LIMIT ?",
                        made)
    assert events == [("order rejected",)], events


@of("L-7: a mailbox as a host name: offered email-reply-00 only, the client "
    "gives up, and no certificate comes of it", "lego", "dehydrated")
def mailbox(site, client):
    before = rows(site)
    status, said = client(site, "bob@user.test")
    assert status != 0, said
    assert "email-reply-00" in said, said
    assert "cert" not in changed(before, rows(site))


@of("a mailbox as a host name never leaves the client", "uacme")
def never(site, client):
    before = rows(site)
    status, said = client(site, "bob@user.test")
    assert status != 0 and "invalid character '@'" in said, said
    # (A mail of an earlier case may leave meanwhile.)
    after = rows(site)
    assert {"account", "orders", "authz"} <= set(after)
    assert not changed(before, after) & {"account", "orders", "authz"}, after


@CASE.of("lego: AC-105: deactivates the authorization that it cannot answer; "
         "no mail goes out, and the order ends")
def deactivation(site):
    if shutil.which("lego") is None:
        raise Skip("there is no lego")
    probe = Client(site)
    authz, = probe.order("alice+probe@user.test").read()["authorizations"]
    answer = probe.post(authz, {"status": "deactivated"})
    if answer.status != 200 and "does not offer" in answer.json["detail"]:
        raise Skip("this server does not offer deactivation")
    _, said = lego(site, "alice+lego@user.test")
    assert "Deactivating auth" in said, said
    assert "Unable to deactivate" not in said, said
    assert sent_mails(site, "alice+lego@user.test") == []


def prepare():
    if not any(shutil.which(name) for name in CLIENTS):
        raise Missing("there is none of " + ", ".join(CLIENTS))


run_client(prepare, {"policy.challenge_mail_delay": "5s"})
