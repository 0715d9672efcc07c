#!/usr/bin/python3
"""The relay as one meets it: TLS from the first octet, SCRAM, greylisting,
refusal after DATA, sessions that end, and mailboxes beyond ASCII."""

import contextlib
import os
import re
import socketserver
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client, new_key
from harness import case, command, edit_config, eventually, \
    log_time, run
from letters import Mail, all_mails, answer, compose, send

SMTPUTF8_MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")


@contextlib.contextmanager
def relay_says(site, **settings):
    """Other settings for the CA's Postfix while the block runs."""
    place = f"{site.env['LAB_DIR']}/ca/postfix"
    with site.without("ca-postfix"):
        command("postconf", "-c", place, "-e",
                *[f"{k}={v}" for k, v in settings.items()])
    try:
        yield
    finally:
        with site.without("ca-postfix"):
            command("postconf", "-c", place, "-X", *settings)
            if "smtputf8_enable" in settings:
                command("postconf", "-c", place, "-e", "smtputf8_enable=yes")


class Policy:
    """A policy service for Postfix: answers what it is told to, and counts
    who asked (http://www.postfix.org/SMTPD_POLICY_README.html)."""

    def __init__(self, decide):
        policy = self
        self.asked = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                wanted = {}
                for line in self.rfile:
                    key, found, value = line.decode().strip().partition("=")
                    if found:
                        wanted[key] = value
                        continue
                    policy.asked.append(wanted)
                    self.wfile.write(
                        f"action={decide(wanted, policy.asked)}\n\n".encode())
                    wanted = {}

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def place(self):
        return f"check_policy_service inet:127.0.0.1:" \
               f"{self.server.server_address[1]}"


def greylist(wanted, asked):
    """Whom it has not seen before waits."""
    triplet = [(a["sender"], a["recipient"]) for a in asked]
    if triplet.count((wanted["sender"], wanted["recipient"])) < 2:
        return "450 4.2.0 Greylisted, see you later"
    return "DUNNO"


def test_implicit(site):
    with case("ER-10: TLS from the first octet and SCRAM: an order with its "
              "certificate"):
        order = Client(site).order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        answer(site, challenge)
        challenge.wait("valid")
        order.certificate()
        for words in "sasl_method=SCRAM-SHA-256", "postfix/submissions":
            eventually(lambda w=words: w in site.lab_log("ca-postfix"), words)
    with case("check: says that the relay works"):
        assert "ok    mail relay" in site.countersign("check", status=None)


def test_greylisting(site):
    with Policy(greylist) as policy, \
            relay_says(site, smtpd_sender_restrictions=policy.place):
        mark = site.mark()
        order = Client(site).order("alice@user.test")
        challenge = order.challenge()
        challenge.post()
        with case("ER-11: a greylisting relay: the order waits"):
            event = site.wait_event("challenge mail", mark, order=order.id)
            assert event["result"] == "temporary failure", event
            assert "450 4.2.0" in site.countersign("order", order.id)
            found = challenge.read()
            assert found["status"] == "processing", found
        with case("ER-11, AC-119: and its error says so, with the code"):
            assert found["error"]["type"].endswith(":connection"), found
            assert "delayed: 450 4.2.0" in found["error"]["detail"], found
        with case("ER-11: the pause is a minute"):
            (due,), = site.query(
                "SELECT due_at FROM outbox WHERE challenge_id = ?",
                challenge.id)
            assert 40 < due - log_time(event) <= 60, (due, event)
        with case("ER-10: then it leaves, once"):
            site.make_due()
            answer(site, challenge)
            challenge.wait("valid")
            assert len(all_mails(site, challenge.sender)) == 1
            assert "error" not in challenge.read()


def test_after_data(site):
    for says, result, status in (
            ("550 5.7.1 looks like spam", "permanent failure", "invalid"),
            ("451 4.7.1 try again", "temporary failure", "processing")):
        with Policy(lambda *_: says) as policy, \
                relay_says(site,
                           smtpd_end_of_data_restrictions=policy.place), \
                case(f"ER-11: after DATA the relay says {says[:3]}: {status}"):
            mark = site.mark()
            order = Client(site).order("alice@user.test")
            challenge = order.challenge()
            challenge.post()
            event = site.wait_event("challenge mail", mark, order=order.id)
            assert event["result"] == result, event
            found = challenge.wait(status)
            assert says[:9] in found["error"]["detail"], found
            assert "spam" not in found["error"]["detail"], found
            assert policy.asked, "the relay did not ask"
            assert all_mails(site, challenge.sender) == []


def test_session(site):
    def one():
        """When its mail had left."""
        mark = site.mark()
        challenge = Client(site).order("alice@user.test").challenge()
        challenge.post()
        mail = answer(site, challenge)
        challenge.wait("valid")
        copies = all_mails(site, challenge.sender)
        assert [m.message_id for m in copies] == [mail.message_id]
        # What the relay logs comes later than what it does.
        eventually(lambda: mail.message_id in site.lab_log("ca-postfix"),
                   "the relay's log")
        return log_time(site.wait_event("challenge mail", mark,
                                        challenge=challenge.id,
                                        result="accepted"))

    def connections():
        return len(re.findall(r"postfix/submissions/smtpd\S+ connect from",
                              site.lab_log("ca-postfix")))

    with case("ER-10: a session serves several messages"):
        for _ in range(10):
            left, before = [one()], connections()
            left += [one(), one()]
            more = connections() - before
            # The sender keeps an idle one for longer than that.
            if not more or max(left[1] - left[0], left[2] - left[1]) < 15:
                break
        assert not more, (more, left)
    with case("ER-10: a session that the relay has ended costs no message "
              "and doubles none"):
        one()
        with site.without("ca-postfix"):
            pass
        one()


# --- beyond ASCII --------------------------------------------------------

def utf8_mails(site, challenge):
    place = f"{site.env['UTF8_MAILDIR']}/new"
    found = []
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(place):
            with open(f"{place}/{name}", "rb") as f:
                raw = f.read()
            if challenge.sender.encode() in raw:
                found.append(raw)
    return found


def utf8_csr(key, mailbox):
    octets = mailbox.encode()
    value = bytes([0x0c, len(octets)]) + octets
    names = x509.SubjectAlternativeName(
        [x509.OtherName(SMTPUTF8_MAILBOX, value)])
    return (x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([])).add_extension(names, False)
            .sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def test_utf8(site):
    mailbox = site.env["UTF8_ADDRESS"]
    order = Client(site).order(mailbox)
    challenge = order.challenge()
    challenge.post()
    with case("ER-20: the mail to a mailbox beyond ASCII arrives"):
        raw, = eventually(lambda: utf8_mails(site, challenge), "the mail")
        assert f"\nTo: {mailbox}\n".encode() in raw, raw[:2000]
        mail = Mail(raw)
    with case("ER-20, MA-100: with the DKIM signature as it left"):
        assert b"DKIM-Signature:" in raw
        assert b"dkim=pass" in raw, raw[:1500]
    with case("ER-25: its reply is understood"):
        # The envelope is Bob's: the way back has no SMTPUTF8.
        letter = compose(challenge, mail).decode().encode()
        send(site, letter, challenge.sender, "BOB")
        challenge.wait("valid")
    with case("PK-79: and the certificate names it"):
        key = new_key()
        order.wait("ready")
        order.finalize(utf8_csr(key, mailbox))
        leaf = order.certificate()[0]
        names = leaf.extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value
        other, = names.get_values_for_type(x509.OtherName)
        assert other.type_id == SMTPUTF8_MAILBOX
        assert other.value.endswith(mailbox.encode()), other.value


def test_no_utf8(site):
    mailbox = site.env["UTF8_ADDRESS"]
    with relay_says(site, smtputf8_enable="no"):
        with case("ER-20: a relay without SMTPUTF8: a permanent failure that "
                  "says why"):
            order = Client(site).order(mailbox)
            challenge = order.challenge()
            challenge.post()
            found = challenge.wait("invalid")
            assert found["error"]["type"].endswith(":connection"), found
            assert "does not offer SMTPUTF8" in found["error"]["detail"], \
                found
            assert order.read()["status"] == "invalid"
            assert utf8_mails(site, challenge) == []
        with case("ER-20: check says it before anybody orders"):
            found = site.countersign("check", status=None)
            assert "WRONG mail relay" in found and "SMTPUTF8" in found, found
        with case("MA-105: others are served as ever"):
            challenge = Client(site).order("alice@user.test").challenge()
            challenge.post()
            answer(site, challenge)
            challenge.wait("valid")
    with case("ER-1: with utf8_mailboxes = no such an order is refused"):
        edit_config(site, policy__utf8_mailboxes="no")
        site.reload()
        client = Client(site)
        client.account()
        refused = client.post(client.url_of("newOrder"), {
            "identifiers": [{"type": "email", "value": mailbox}]}, 403)
        assert refused.problem == "rejectedIdentifier", refused


# --- what an admin reads -------------------------------------------------

def test_check(site):
    wrong = [
        ("a relay that is not there", {"sender__relay_port": "1"},
         "Connection refused"),
        ("STARTTLS where TLS comes first",
         {"sender__relay_tls": "starttls"}, "implicit TLS would be right"),
        ("TLS first where STARTTLS is spoken",
         {"sender__relay_port": site.env["CA_SUBMISSION_PORT"]},
         "STARTTLS (usual on 587)"),
        ("an authority that is not trusted",
         {"sender__relay_ca_file": None}, "certificate refused"),
        ("a name that is none", {"sender__relay_host": "relay.invalid"},
         "relay.invalid"),
        ("the password of somebody else",
         {"sender__relay_password": site.env["ALICE_PASSWORD_FILE"]},
         "refused the login of acme by SCRAM-SHA-256: 535"),
        ("a mechanism that is not offered",
         {"sender__relay_password": None,
          "sender__relay_auth": "xoauth2",
          "sender__relay_token": site.env["CA_SUBMISSION_PASSWORD_FILE"]},
         "offers no login by XOAUTH2; it offers"),
    ]
    with open(site.config) as f:
        before = f.read()
    for name, options, expected in wrong:
        with case(f"check: {name}: says what failed"):
            edit_config(site, **options)
            found = site.countersign("check", status=None)
            line = [line for line in found.splitlines()
                    if "mail relay" in line]
            assert line and line[0].startswith("WRONG"), found
            assert expected in line[0], line[0]
        with open(site.config, "w") as f:
            f.write(before)


run({"sender.relay_tls": "implicit",
     "sender.relay_port": lambda env: env["CA_SUBMISSIONS_PORT"]},
    test_implicit, test_greylisting, test_after_data,
    test_session, test_utf8, test_no_utf8, test_check)
