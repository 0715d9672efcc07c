"""What the tests of foreign ACME clients stand on.

A client is a small program in a folder of its own, written with the client's
library. Its one argument is a JSON object that says what to do; it knows no
mailbox. When it wants something of the user's mail system it writes a line
of JSON to its standard output and reads the answer from its standard input:

    {"ask": "mail", "from": A}          -> {"message": the challenge mail}
    {"ask": "send", "to": A, "message": M}
                                        -> {} when it was sent
    {"ask": "issued", "chain": C} -> {}    it has this now, and goes on when
                                           the test has done something to it
    {"ask": "done", ...}                   the end; what it has got

Messages are base64. Its standard error is its log, and what a person would
see; the exit status is 0 if it got what it wanted.

A test lists its cases with @CASE.of(...) and calls run_client(). If the
client cannot be had here (no toolchain, no registry), every one of them is
counted as skipped, by name.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import harness                                          # noqa: E402
from acme import Client, load_chain                     # noqa: E402
from cryptography import x509                           # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa   # noqa: E402
from cryptography.hazmat.primitives.serialization import \
    Encoding, PublicFormat                              # noqa: E402
from harness import Skip, case, command                 # noqa: E402
from letters import WRONG, Inbox, Mail, challenge_mail, send    # noqa: E402

BUILD = os.environ.get("COUNTERSIGN_INTEROP") or \
    f"{harness.SOURCE}/build/interop"
# What package clients say when a package is not what it was: no reason to
# skip anything.
TAMPERED = re.compile(r"EINTEGRITY|in sync|checksum mismatch|SECURITY ERROR|"
                      r"DO NOT MATCH THE HASHES|missing go.sum entry|"
                      r"updates to go.mod needed", re.I)
# One issuance, with a virtual machine's start and slow polling.
PATIENCE = 450


# --- getting a client ----------------------------------------------------

class Missing(Exception):
    """The client cannot be had here."""


class Program:
    """A client's program. `fetch`: commands that need a registry, `build`:
    commands that do not, both run in a copy of `folder` below BUILD."""

    def __init__(self, name, folder, tools, fetch, build, words, env=None):
        self.name = name
        self.source = f"{HERE}/{folder}"
        self.place = f"{BUILD}/{name}"
        self.tools = tools
        self.fetch = fetch
        self.build = build
        self.words = words
        self.env = dict(env or {})

    def digest(self):
        """Changes when it has to be built again."""
        found = hashlib.sha256(repr((self.fetch, self.build)).encode())
        for folder, folders, names in os.walk(self.source):
            folders.sort()
            for name in sorted(names):
                found.update(name.encode())
                with open(f"{folder}/{name}", "rb") as f:
                    found.update(f.read())
        return found.hexdigest()

    def prepare(self):
        for tool in self.tools:
            if shutil.which(tool) is None:
                raise Missing(f"there is no {tool}")
        stamp, digest = f"{self.place}.built", self.digest()
        with contextlib.suppress(FileNotFoundError):
            if harness.read_file(stamp) == digest:
                return
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(BUILD, exist_ok=True)
        shutil.copytree(self.source, self.place)
        for words in self.fetch:
            said = self.step(words)
            if said is not None:
                assert not TAMPERED.search(said), said
                raise Missing(f"{words[0]} cannot fetch it: "
                              f"{summary(said)}")
        for words in self.build:
            said = self.step(words)
            assert said is None, f"{' '.join(words)}:\n{said}"
        with open(stamp, "w") as f:
            f.write(digest)

    def step(self, words):
        """None, or what the command said when it failed."""
        done = subprocess.run(
            words, cwd=self.place, env=os.environ | self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=600)
        return done.stdout or "it failed" if done.returncode else None


def summary(said):
    """One line of it for the name of a skip, without addresses."""
    lines = [line for line in said.splitlines() if line.strip()]
    found = next((line for line in lines
                  if re.search(r"\berror\b|not found|could not", line,
                               re.I)),
                 lines[-1] if lines else "")
    found = re.sub(r"\x1b\[[0-9;]*m|\(?https?://\S+\)?", "", found)
    found = re.sub(r"^\[ERROR\] (.* for project \S+ )?", "", found)
    return found.replace("#", "").strip()[:240]


# --- the cases -----------------------------------------------------------

class Cases:
    def __init__(self):
        self.list = []

    def of(self, name, needs=()):
        """A case; `needs`: members of the directory, "meta.x" or "eab"."""
        def keep(function):
            self.list.append((name, needs, function))
            return function
        return keep


CASE = Cases()


def run_client(prepare, settings=None):
    try:
        prepare()
    except Missing as why:
        for name, _, _ in CASE.list:
            with case(name):
                raise Skip(why)
        print(f"1..{harness.count}")
        sys.exit(0)
    except Exception as why:
        with case("the client can be built"):
            raise why
        print(f"1..{harness.count}")
        sys.exit(1)

    def every_case(site):
        offered = offers(site)
        for name, needs, function in CASE.list:
            with case(name):
                for need in needs:
                    if need not in offered:
                        raise Skip(f"this server does not offer {need}")
                function(site)
        with case("no request had a server error for an answer"):
            bad = [e for e in site.events("request")
                   if e["status"].startswith("5")]
            assert not bad, bad

    harness.run(settings or {}, every_case)


def offers(site):
    """What the directory offers, in one set."""
    client = Client(site)
    client.url_of("newOrder")
    found = set(client.directory)
    found |= {f"meta.{name}" for name in client.directory["meta"]}
    if re.search(r"(?m)^  eab ", site.countersign_help()):
        found.add("eab")
    return found


def countersign_help(site):
    return command(f"{site.build}/countersign", "--help")


harness.Site.countersign_help = countersign_help


def profiles(site):
    client = Client(site)
    client.url_of("newOrder")
    return list(client.directory["meta"]["profiles"])


def eab_key(site):
    """A new key for external account binding, as an admin makes it."""
    made = json.loads(site.countersign("eab", "new", "--json"))
    return {"kid": made["kid"], "key": made["hmac_key"]}


# --- one run of a client -------------------------------------------------

def directory(site):
    return f"https://localhost:{site.env['LAB_HTTPS_PORT']}/acme/directory"


class Result:
    """How a client's program ended."""

    def __init__(self, status, done, log):
        self.status = status
        self.done = done
        self.log = log


def client_run(site, program, who="ALICE", wait_verdict=True, digest=None,
               expect=0, issued=None, **options):
    """One conversation with the program. `wait_verdict`: it hears that its
    reply was sent only when the reply has been judged; `digest`: changes the
    reply on its way; `issued`: what happens to a certificate that it shows."""
    options = {"directory": directory(site), "type": "email",
               "mailbox": site.env[f"{who}_ADDRESS"]} | options
    env = os.environ | program.env | {
        "LAB_CA": site.env["LAB_CA_CERT"],
        "NODE_EXTRA_CA_CERTS": site.env["LAB_CA_CERT"],
        "SSL_CERT_FILE": site.env["LAB_CA_CERT"]}
    log = f"{site.folder}/{program.name}.log"
    done = None
    with open(log, "w") as errors:
        process = subprocess.Popen(
            [*program.words, json.dumps(options)], cwd=program.place,
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors, text=True, bufsize=1)
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            asked = json.loads(line)
            if asked["ask"] == "done":
                done = asked
                continue
            if asked["ask"] == "issued":
                issued(load_chain(asked["chain"].encode())[0])
                process.stdin.write("{}\n")
                continue
            mark = site.mark()
            answer = give(site, who, options["mailbox"], asked, digest)
            if asked["ask"] == "send" and wait_verdict:
                site.wait_verdict(mark)
            process.stdin.write(json.dumps(answer) + "\n")
    finally:
        watchdog.cancel()
        if done is None:
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(harness.DEADLINE)
        process.kill()
        process.stdout.close()
    said = harness.read_file(log)
    assert expect is None or process.wait() == expect, \
        f"{program.name}: exit {process.returncode}:\n{said[-3000:]}"
    return Result(process.returncode, done, said)


class From:
    """As much of a challenge as letters.py looks at."""

    def __init__(self, sender):
        self.sender = sender


def give(site, who, mailbox, asked, digest):
    if asked["ask"] == "mail":
        # Without a tag all challenges have one sender.
        to = "@" if "+" in asked["from"] else mailbox
        mail = challenge_mail(site, From(asked["from"]), who, to=to)
        return {"message": base64.b64encode(mail.raw).decode()}
    assert asked["ask"] == "send", asked
    message = base64.b64decode(asked["message"])
    if digest is not None:
        message = re.sub(rb"(?m)^[\w-]{43}(?=\r?$)", digest.encode(), message)
    send(site, message, asked["to"], who, sender=mailbox)
    return {}


def verify(site, pem, mailboxes, public, uses):
    """OpenSSL trusts it for the uses, and for no other; the names are the
    mailboxes alone; the key is the client's."""
    chain = load_chain(pem.encode())
    assert len(chain) >= 2, "the chain is the certificate alone"
    folder = site.folder
    for name, part in ("leaf.pem", chain[:1]), ("rest.pem", chain[1:]):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(b"".join(c.public_bytes(Encoding.PEM) for c in part))
    purposes = {"smimesign": "sign" in uses}
    # For encryption OpenSSL 3.0 knows RSA keys only.
    if isinstance(chain[0].public_key(), rsa.RSAPublicKey):
        purposes["smimeencrypt"] = "encrypt" in uses
    for purpose, wanted in purposes.items():
        command("openssl", "verify", "-x509_strict", "-purpose", purpose,
                "-CAfile", f"{site.state}/ca/root.pem", "-untrusted",
                f"{folder}/rest.pem", f"{folder}/leaf.pem",
                status=0 if wanted else 2)
    names = chain[0].extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    assert list(names) == [x509.RFC822Name(m) for m in mailboxes], names
    own = chain[0].public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert own.split() == public.split(), (own, public)


def issue(site, program, who="ALICE", uses=("sign", "encrypt"), **options):
    """A complete issuance; what the program said at its end."""
    result = client_run(site, program, who, **options)
    mailboxes = [options.get("mailbox", site.env[f"{who}_ADDRESS"]),
                 *options.get("others", [])]
    done = result.done
    assert done is not None, result.log
    verify(site, done["chain"], [certified(m) for m in mailboxes],
           done["public"], uses)
    return done


def certified(mailbox):
    """How the mailbox is spelled in a certificate: the domain in small
    letters (AC-88)."""
    local, _, domain = mailbox.rpartition("@")
    return f"{local}@{domain.lower()}"


def wrong_reply(site, program, *wanted, **options):
    """The digest is wrong: the order ends, and the client says why."""
    result = client_run(site, program, digest=WRONG, expect=None,
                        mailbox="alice+wrong@user.test", **options)
    assert result.status != 0 and result.done is None, result.done
    for word in wanted:
        assert word in result.log, (word, result.log[-2000:])


def sent_mails(site, mailbox, who="ALICE"):
    """The challenge mails that reached one address of a user."""
    with Inbox(site, who) as inbox:
        return [Mail(raw) for raw in inbox.find(
            "HEADER", "TO", mailbox, "SUBJECT", "ACME:")]


__all__ = ["BUILD", "CASE", "PATIENCE", "Client", "Missing", "Program", "Skip",
           "certified", "client_run", "command", "directory", "eab_key",
           "issue", "profiles", "run_client", "sent_mails", "verify",
           "wrong_reply"]
