#!/usr/bin/python3
"""`countersign enroll` against servers that are not as they should be: what
they send is not taken, and the last line says why. No laboratory: the server
is here, and no mail is sent."""

import contextlib
import os
import sys
import tempfile

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

import harness
from harness import case, command, find_build
from odd_acme import CA, CHAIN, Answer, OddServer, pem, refusal

MAILBOX = "alice@user.test"
SECONDS = "120"


@contextlib.contextmanager
def enrolled(answers=None, status=1):
    """What the command said, the server, and the file that it may have
    made."""
    with tempfile.TemporaryDirectory() as folder, \
            OddServer(folder, MAILBOX, answers) as server:
        out = f"{folder}/cert.pem"
        said = command(
            "env", f"XDG_STATE_HOME={folder}",
            f"{find_build()}/countersign", "enroll", "--manual",
            "--directory", server.url("/directory"), "--ca-file",
            server.ca_file, "--mailbox", MAILBOX, "--out", out, "--timeout",
            SECONDS, status=status, input="")
        assert os.path.exists(out) == (status == 0), said
        yield said, server


def refuses(name, answers, *words):
    with case(f"enroll: {name}"):
        with enrolled(answers) as (said, _):
            for word in words:
                assert word in said.splitlines()[-1], said


def certificate(make):
    return {"/certificate": lambda server, _: Answer(make(server), kind=CHAIN)}


def always(answer):
    return lambda *_: answer


def test_good():
    with case("enroll: a server that does it right"):
        with enrolled(status=0) as (said, server):
            assert "issued:" in said, said
            assert server.asked[-1] == "/certificate", server.asked


def test_certificates():
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    for name, how, words in (
            ("for another mailbox", {"names": ["bob@user.test"]},
             "names a mailbox that is not ours"),
            ("for one more", {"names": [MAILBOX, "bob@user.test"]},
             "names a mailbox that is not ours"),
            ("for another spelling of it (AC-88)",
             {"names": ["Alice@user.test"]},
             "names a mailbox that is not ours"),
            ("for another key", {"public": stranger}, "for another key"),
            ("of a CA", {"is_ca": True}, "not usable"),
            ("for servers", {"uses": [ExtendedKeyUsageOID.SERVER_AUTH]},
             "not for mail"),
            ("that has expired", {"days": -2}, "has expired")):
        names = how.pop("names", [])
        refuses(f"a certificate {name}", certificate(
            lambda s, names=names, how=how: s.chain(*names, **how)), words)


def test_chains():
    for name, make, words in (
            ("is the certificate alone", lambda s: pem(s.leaf()),
             "lacks its issuer's"),
            ("is upside down", lambda s: pem(s.ca.certificate, s.leaf()),
             "for another key"),
            ("ends with a CA of that name, not that key",
             lambda s: pem(s.leaf(), CA().certificate), "not in order"),
            ("goes on with one that certifies nothing",
             lambda s: s.chain() + pem(CA().certificate), "not in order"),
            ("is too long", lambda s: s.chain() + pem(*[s.ca.certificate] * 9),
             "cannot be read"),
            ("has a text before it", lambda s: b"see: \n" + s.chain(),
             "not a chain in PEM"),
            ("has something else than certificates in it",
             lambda s: s.chain() + b"-----BEGIN PRIVATE KEY-----\nAAAA\n"
             b"-----END PRIVATE KEY-----\n", "not a chain in PEM"),
            ("is empty", lambda s: b"", "lacks its issuer's")):
        refuses(f"a chain that {name}", certificate(make), words)
    refuses("a certificate of another media type",
            {"/certificate": lambda s, _: Answer(
                s.chain(), kind="application/pkix-cert")}, CHAIN)


def test_sizes():
    giant = b'{"status":"valid","x":"' + b"A" * (4 << 20) + b'"}'

    def endless(_, handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:
            handler.wfile.write(b"1000\r\n" + b" " * 4096 + b"\r\n")

    for path in "/directory", "/account", "/new-order", "/finalize", \
            "/certificate":
        refuses(f"4 MiB for {path}", {path: always(Answer(giant))},
                "larger than it should be")
    refuses("a directory without an end", {"/directory": endless},
            "larger than it should be")


def test_memory():
    padding = "A" * 200000
    sizes = []

    def look(server, _):
        process, = harness.children(os.getpid())
        sizes.append(harness.memory(process))
        if len(sizes) == 3:
            return refusal("serverInternal", 503, detail=padding)
        if len(sizes) < 6:
            return Answer(server.order("processing", x=padding),
                          Retry_After="1")
        return Answer(server.valid())

    with case("enroll: an order that is asked for again and again, and a "
              "server that is busy, leave nothing in memory"):
        with enrolled({"/finalize": lambda s, _: Answer(
                s.order("processing")), "/order": look}, status=0):
            grown = sizes[-1] - sizes[1]
            assert harness.is_sanitized() or grown < 1 << 20, sizes


def test_redirects():
    for status in 301, 302, 303, 307, 308:
        for path in "/directory", "/new-order", "/certificate":
            with case(f"enroll: {status} for {path} is not followed"):
                with enrolled({path: lambda s, _: Answer(
                        b"", status, Location=s.url("/elsewhere"))}) as (
                            said, server):
                    assert f"refers to {server.url('/elsewhere')}" in said
                    assert "/elsewhere" not in server.asked


def test_nonces():
    with case("AC-56: enroll: badNonce for ever: some tries, then the end"):
        with enrolled({"/account": always(refusal("badNonce"))}) as (
                said, server):
            assert "badNonce: because" in said, said
            assert 1 < server.asked.count("/account") < 10, server.asked
    for nonce in "", "a b", "a=", "A" * 10000:
        refuses(f"a nonce {nonce[:8]!r}", {
            "/directory": lambda s, _, n=nonce: Answer(
                s.directory(), Replay_Nonce=n),
            "/nonce": always(Answer(Replay_Nonce=nonce))}, "gives no nonce")


def test_shapes():
    for name, make, words in (
            ("is no object", lambda s: [], "is not a JSON object"),
            ("names a member twice", lambda s: b'{"a":1,"\\u0061":2}',
             "duplicate member a"),
            ("names http", lambda s: s.directory() | {
                "newNonce": "http://localhost/"}, "no https URL"),
            ("names a file", lambda s: s.directory() | {
                "newOrder": "file:///etc/passwd"}, "no https URL"),
            ("names a URL with a line end", lambda s: s.directory() | {
                "newOrder": s.url("/x\r\nHost: y")}, "no https URL")):
        refuses(f"a directory that {name}", {
            "/directory": lambda s, _, make=make: Answer(make(s))}, words)
    for meta in {"profiles": ["a", "b"]}, {"profiles": "a"}, \
            {"termsOfService": 1}, {"externalAccountRequired": "yes"}:
        with case(f"enroll: meta {meta} says nothing"):
            with enrolled({"/directory": lambda s, _: Answer(
                    s.directory(**meta))}, status=0) as (said, _):
                assert "issued:" in said, said


def test_orders():
    for name, make, words in (
            ("without a status", lambda s: s.order(None), "no status"),
            ("of an unknown status", lambda s: s.order("fine"), "no status"),
            ("without authorizations",
             lambda s: s.order("ready", authorizations=[]), "authorizations"),
            ("that finalizes elsewhere, by http",
             lambda s: s.order("ready", finalize="http://localhost/"),
             "not an https URL"),
            ("that is invalid, in odd words",
             lambda s: s.order("invalid", error={
                 "type": "\x1b[2J", "detail": "\u202eno"}), "invalid")):
        refuses(f"an order {name}", {
            "/new-order": lambda s, _, make=make: Answer(
                make(s), 201, Location=s.url("/order"))}, words)
    with case("enroll: what a server says changes nothing on the terminal"):
        with enrolled({"/new-order": always(refusal(
                "malformed", detail="\x1b[2J\u202e"))}) as (said, _):
            assert "\x1b" not in said and "\u202e" not in said, repr(said)
    for name, change, words in (
            ("for another mailbox", {"identifier": {
                "type": "email", "value": "bob@user.test"}}, "not asked for"),
            ("without a challenge", {"challenges": []}, "RFC 8823"),
            ("with half a token", {"token": "A"}, "no token"),
            ("from an address with a line end",
             {"from": "a@ca.test\r\nBcc: b@ca.test"}, "control character")):
        refuses(f"an authorization {name}", {
            "/new-order": lambda s, _: Answer(
                s.order("pending"), 201, Location=s.url("/order")),
            "/authz": lambda s, _, change=change: Answer(
                authorization(s, **change))}, words)


def authorization(server, **change):
    challenge = {"type": "email-reply-00", "status": "pending",
                 "url": server.url("/challenge"), "token": "A" * 32,
                 "from": "acme@ca.test"}
    challenge |= {k: v for k, v in change.items() if k in challenge}
    return {"status": "pending", "challenges": [challenge],
            "identifier": {"type": "email", "value": MAILBOX}} | {
                k: v for k, v in change.items() if k not in challenge}


for test in test_good, test_certificates, test_chains, test_sizes, \
        test_memory, test_redirects, test_nonces, test_shapes, test_orders:
    test()
print(f"1..{harness.count}")
sys.exit(1 if harness.failed else 0)
