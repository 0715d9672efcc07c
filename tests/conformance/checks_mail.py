"""The challenge mail, replies before and after the POST, and the end of
authorizations."""

import contextlib
import re
import time
from datetime import datetime, timedelta, timezone

from checks_account import Change
from checks_order import domain, local, parse_time
from csr import make_csr, new_csr_key
from jose import Key, b64
from mailbox import BEGIN, END, key_digest
from report import Fault, Skip, check, table
from world import Order

WRONG = "AQ" * 21 + "A"     # a digest, but nobody's


# --- the mail, the reply before the POST ----------------------------------

def first_mail(w):
    """(message, token-part1) of Alice's first order."""
    if w.pending and "first mail" not in w.made:
        raise Skip("there is no challenge mail")
    return w.once("first mail", None)


@check("AC-116, AC-117", "RFC 8823 3.1", "the challenge mail arrives",
       needs="mail")
def mail(w):
    w.expected = "a mail from the challenge's from"
    try:
        message, _ = first_mail(w)
    except Skip as e:
        w.need(False, str(e))
    w.seen = str(message["Date"])


@check("AC-120", "RFC 8823 3.1", "Subject: ACME: and token-part1",
       needs="mail")
def subject(w):
    message, part1 = first_mail(w)
    w.seen = f"ACME: and {len(part1)} characters"
    w.need(re.fullmatch(r"ACME: [A-Za-z0-9_-]{22,}=*",
                        str(message["Subject"])), "something else",
           "ACME: and 22 characters or more")
    if w.strict:
        w.need(len(part1) == 32, w.seen, "32 characters")


@check("AC-108, AC-120", "RFC 8823 3.1", "From is the challenge's from, To "
       "the mailbox", needs="mail")
def mail_addresses(w):
    message, _ = first_mail(w)
    sender = w.pending.challenge()["from"]
    froms = [a.addr_spec for a in message["From"].addresses]
    tos = [a.addr_spec for a in message["To"].addresses]
    w.seen = f"{froms} {tos}"
    w.need(froms == [sender] and tos == [w.mailbox.address], w.seen,
           f"{sender}, {w.mailbox.address}")
    if w.strict:
        w.need(str(message["From"]) == sender and str(message["To"])
               == w.mailbox.address, w.seen, "no display names")


@check("AC-120", "RFC 8823 3.1", "Auto-Submitted: auto-generated; type=acme",
       needs="mail")
def auto_submitted(w):
    message, _ = first_mail(w)
    w.seen = str(message["Auto-Submitted"])
    w.need(re.fullmatch(r"auto-generated;\s*type=\"?acme\"?", w.seen),
           w.seen, "auto-generated; type=acme")


@check("AC-120", "RFC 8823 3.1", "signed: DKIM of the From domain, or S/MIME",
       needs="mail")
def signed(w):
    message, _ = first_mail(w)
    domain_of = str(message["From"].addresses[0].domain).lower()
    signatures = [re.sub(r"\s", "", str(s)) for s in
                  message.get_all("DKIM-Signature", [])]
    kinds = {p.get_content_type() for p in message.walk()}
    w.seen = f"{len(signatures)} DKIM, {sorted(kinds)}"
    smime = kinds & {"multipart/signed", "application/pkcs7-mime"}
    w.need(smime or any(f"d={domain_of};" in s + ";" for s in signatures),
           w.seen, f"DKIM of {domain_of}, or S/MIME")
    for s in signatures:
        fields = re.search(r"(?:^|;)h=([^;]*)", s)
        names = fields[1].lower().split(":") if fields else []
        w.need(set("from subject to date message-id auto-submitted".split())
               <= set(names), f"h={':'.join(names)}",
               "h= with from, subject, to, date, message-id, "
               "auto-submitted")


@check("AC-120", "design", "the body cannot be taken for a response",
       needs="mail")
def no_block(w):
    message, part1 = first_mail(w)
    text = message.as_string()
    w.expected, w.seen = "no ACME RESPONSE; token-part1 once", ""
    w.need(BEGIN not in text and END not in text, "a response block")
    w.need(text.count(part1) == 1, "token-part1 twice")


def course(w, done, *steps):
    """What a check stands on was not done by an earlier one (--only): it is
    done now. That it fails is told by the checks that are about it."""
    try:
        if not done():
            for step in steps:
                step(w)
    except Fault as e:
        raise Skip(f"it did not come to this: {e}") from e


def prove(w):
    """Alice's mailbox is proven."""
    course(w, lambda: "reply" in w.made or
           w.pending.read()["status"] != "pending",
           reply_alone, post_after, becomes_ready)


def fail(w):
    """Bob's first challenge is invalid."""
    course(w, lambda: w.bobs.challenge()["status"] == "invalid",
           wrong_digest)


@check("AC-123", "RFC 8823 3", "a right reply alone validates nothing",
       needs="mail")
def reply_alone(w):
    message, part1 = first_mail(w)
    challenge = w.pending.challenge()

    def reply():
        w.answer_mail(w.alice, challenge, message, part1)
        time.sleep(w.options.reply_wait)
        return True

    w.once("reply", reply)
    found = w.pending.challenge()["status"]
    w.seen = found
    w.need(found == "pending", found, "still pending")
    w.need(w.pending.read()["status"] == "pending", "the order moved",
           "order pending")


@check("AC-111, AC-122, AC-126", "RFC 8823 3, RFC 8555 7.5.1", "the POST "
       "after the reply makes it valid", needs="mail")
def post_after(w):
    if "reply" not in w.made:
        reply_alone(w)
    challenge = w.pending.challenge()
    answer = w.status(w.alice.post(challenge["url"], {}), 200)
    found = w.poll(w.alice, challenge["url"], ["valid", "invalid"],
                   w.mailbox.wait)
    w.seen = str(found.get("status"))
    w.need(found["status"] == "valid", repr(found), "valid")
    w.need("validated" in found, repr(found), "validated")
    w.need("error" not in found, repr(found), "no error")
    if w.strict:
        w.need(answer.json.get("status") in ("valid", "processing"),
               repr(answer.json), "valid at once")
        w.need(answer.one("Location") == challenge["url"],
               f"Location: {answer.all('Location')}", "Location")


@check("AC-97, AC-99, AC-101, AC-102", "RFC 8555 7.1.6", "then authorization "
       "valid, order ready", needs="mail")
def becomes_ready(w):
    prove(w)
    authz = w.poll(w.alice, w.pending.authz_url, ["valid", "invalid"], 10)
    order = w.pending.wait("ready", "invalid", seconds=30)
    w.seen = f"{authz['status']}, {order['status']}"
    w.need((authz["status"], order["status"]) == ("valid", "ready"), w.seen,
           "valid, ready")
    if w.strict:
        w.need(parse_time(order["expires"])
               >= parse_time(w.pending.json["expires"]), order["expires"],
               "expires does not move back (AC-97)")
        w.need(parse_time(authz["expires"]) <= datetime.now(timezone.utc)
               + timedelta(days=30), authz["expires"],
               "at most 30 days (AC-102)")
    kinds = [c for c in authz["challenges"] if c["status"] == "valid"]
    w.need(len(kinds) == 1, repr(authz), "the valid challenge is shown")


@check("AC-122", "RFC 8555 7.5.1", "a POST to a valid challenge changes "
       "nothing", needs="mail")
def post_again(w):
    prove(w)
    before = w.pending.challenge()
    if before["status"] != "valid":
        raise Skip(f"the challenge is {before['status']}")
    answer = w.alice.post(before["url"], {})
    if w.strict:
        w.status(answer, 200)
    w.see(answer)
    w.need(w.pending.challenge() == before, repr(w.pending.challenge()),
           "unchanged")


@check("AC-103", "RFC 8555 7.1.3", "the next order of the account is ready, "
       "or has a new pending authorization", needs="mail")
def reuse(w):
    prove(w)
    w.pending.wait("ready", "valid", seconds=30)
    found = w.order(w.alice)
    status = found.read()["status"]
    w.seen = status
    if w.strict:
        w.need(status == "ready" and found.authz_url == w.pending.authz_url,
               f"{status} {found.authz_url}", "ready, the same "
               "authorization")
    elif status == "pending":
        w.need(found.authz_url != w.pending.authz_url, found.authz_url,
               "a new authorization")
        w.drop(found)
    else:
        w.need(status == "ready", status, "ready or pending")


@check("AC-89", "design", "spellings of the domain are one identifier",
       needs="mail")
def merged(w):
    prove(w)
    w.pending.wait("ready", "valid", seconds=30)
    other = f"{local(w)}@{domain(w).upper()}"
    answer = w.new_order(w.alice, w.mailbox.address, other,
                         w.mailbox.address)
    w.status(answer, 201)
    order = Order(w.alice, answer)
    found = answer.json["authorizations"]
    w.seen = f"{len(found)} authorizations"
    if len(found) != 1:
        w.drop(order)
    w.need(len(found) == 1, w.seen, "one")


@check("AC-88", "design", "an order shows the domain as it was sent; the "
       "authorization is found", needs="mail")
def shown_as_sent(w):
    prove(w)
    w.pending.wait("ready", "valid", seconds=30)
    other = f"{local(w)}@{domain(w).upper()}"
    answer = w.status(w.new_order(w.alice, other), 201)
    order = Order(w.alice, answer)
    if order.read()["status"] == "pending":
        w.drop(order)
    w.need(answer.json["identifiers"] == [{"type": "email", "value": other}],
           repr(answer.json["identifiers"]), other)
    w.need(answer.json["status"] == "ready", answer.json["status"], "ready")


# --- newAuthz -------------------------------------------------------------

@check("AC-106", "RFC 8555 7.4.1", "newAuthz: a valid one is returned, or a "
       "new one is made", needs="mail newAuthz")
def new_authz(w):
    prove(w)
    if w.pending.authz()["status"] != "valid":
        raise Skip("there is no valid authorization")
    answer = w.alice.post(w.directory["newAuthz"], {
        "identifier": {"type": "email", "value": w.mailbox.address}})
    w.status(answer, 200, 201)
    w.need(answer.one("Location"), "no Location", "Location")
    if answer.status == 201 and answer.json.get("status") == "pending":
        w.alice.post(answer.one("Location"), {"status": "deactivated"})
    if w.strict:
        w.need(answer.status == 200 and answer.one("Location")
               == w.pending.authz_url, f"{answer} "
               f"{answer.all('Location')}", "200, the valid authorization")


@table("AC-106", "RFC 8555 7.4.1", "newAuthz", [
    ("identifiers (plural)", lambda w: {"identifiers": []}, "400 malformed"),
    ("no identifier", lambda w: {}, "400 malformed"),
    ("a string", lambda w: {"identifier": "x"}, "400 malformed"),
    ("type dns", lambda w: {"identifier": {"type": "dns", "value":
                                           "example.com"}},
     "400 unsupportedIdentifier"),
    ("*", lambda w: {"identifier": {"type": "email", "value":
                                    f"*@{domain(w)}"}}, "400 malformed"),
    ("one label", lambda w: {"identifier": {
        "type": "email", "value": f"{local(w)}@localhost"}},
     "403 rejectedIdentifier")], needs="newAuthz")
def bad_new_authz(w, make, ours):
    w.refused(w.alice.post(w.directory["newAuthz"], make(w)), ours)


# --- the POST before the reply (Bob) --------------------------------------

@check("AC-121, AC-122, AC-190", "RFC 8555 7.5.1", "POST before the mail was "
       "answered: 200, processing or still pending", needs="mail")
def post_first(w):
    challenge = w.bobs.challenge()
    answer = w.status(w.bob.post(challenge["url"],
                                 {"keyAuthorization": "x"}), 200)
    found = answer.json
    w.seen = str(found.get("status"))
    w.need(found.get("status") in ("processing", "pending"), repr(found),
           "processing")
    w.need("keyAuthorization" not in found, repr(found), "not reflected")
    if w.strict:
        w.need(found["status"] == "processing", w.seen, "processing")
        for url in challenge["url"], w.bobs.authz_url, w.bobs.url:
            answer = w.bob.post(url)
            w.need(answer.all("Retry-After"), f"{url}: no Retry-After",
                   "Retry-After for challenge, authorization, order", answer)


@check("AC-118, AC-122", "RFC 8555 8.2", "POST again: no change, no second "
       "mail", needs="mail")
def post_twice(w):
    challenge = w.bobs.challenge()
    for _ in range(3):
        w.status(w.bob.post(challenge["url"], {}), 200)
    message, part1 = w.once("second mail", None)
    time.sleep(2)
    found = [m for m in w.mailbox.reader.find(challenge["from"])
             if part1.encode() in m]
    w.seen = f"{len(found)} mails"
    w.need(len(found) == 1, w.seen, "one mail")


@check("AC-124, AC-129", "design", "a reply without a response leaves it "
       "processing, with error", needs="mail")
def no_response(w):
    course(w, lambda: w.bobs.challenge()["status"] != "pending", post_first)
    challenge = w.bobs.challenge()
    message, part1 = w.once("second mail", None)
    w.answer_mail(w.bob, challenge, message, part1,
                  body="I am away until Monday.\r\n")
    deadline = time.monotonic() + w.mailbox.wait
    while time.monotonic() < deadline:
        found = w.bobs.challenge()
        if "error" in found or found["status"] != "processing":
            break
        time.sleep(1)
    w.seen = f"{found['status']} {found.get('error')}"
    w.need(found["status"] == "processing", w.seen, "processing")
    kind = str((found.get("error") or {}).get("type")).rpartition(":")[2]
    w.need(kind == "incorrectResponse", w.seen,
           "processing, error incorrectResponse")
    w.need("Monday" not in str(found["error"]), w.seen,
           "nothing of the message in error")


@check("AC-124, AC-127", "RFC 8823 6", "a wrong digest ends it: challenge, "
       "authorization, order invalid, with error", needs="mail")
def wrong_digest(w):
    course(w, lambda: w.bobs.challenge()["status"] != "pending", post_first)
    challenge = w.bobs.challenge()
    message, part1 = w.once("second mail", None)
    w.answer_mail(w.bob, challenge, message, part1, digest=WRONG)
    found = w.poll(w.bob, challenge["url"], ["valid", "invalid"],
                   w.mailbox.wait)
    w.seen = f"{found['status']} {found.get('error')}"
    w.need(found["status"] == "invalid", w.seen, "invalid")
    w.need(isinstance(found.get("error"), dict)
           and isinstance(found["error"].get("type"), str), w.seen,
           "invalid, error")
    authz, order = w.bobs.authz(), w.bobs.read()
    w.need((authz["status"], order["status"]) == ("invalid", "invalid"),
           f"{authz['status']}, {order['status']}",
           "authorization and order invalid")
    if w.strict:
        w.need(found["error"]["type"].endswith(":incorrectResponse"), w.seen,
               "incorrectResponse")
        w.need("status" not in found["error"], w.seen,
               "no status in error (AC-192)")
        w.need("error" in order, repr(order), "order with error (AC-96)")


@check("AC-114, AC-124", "RFC 8823 6", "a right reply after a wrong one is "
       "too late", needs="mail")
def late(w):
    fail(w)
    challenge = w.bobs.challenge()
    if challenge["status"] != "invalid":
        raise Skip(f"the challenge is {challenge['status']}")
    message, part1 = w.once("second mail", None)
    w.answer_mail(w.bob, challenge, message, part1)
    time.sleep(w.options.reply_wait)
    w.seen = w.bobs.challenge()["status"]
    w.need(w.seen == "invalid", w.seen, "still invalid")


@check("AC-122", "RFC 8555 7.1.6", "POST to an invalid challenge: nothing "
       "begins again", needs="mail")
def post_invalid(w):
    fail(w)
    challenge = w.bobs.challenge()
    if challenge["status"] != "invalid":
        raise Skip(f"the challenge is {challenge['status']}")
    answer = w.bob.post(challenge["url"], {})
    if w.strict:
        w.status(answer, 200)
    w.see(answer)
    w.need(w.bobs.challenge()["status"] == "invalid", "not invalid",
           "still invalid")


@check("AC-130", "RFC 8555 7.4", "finalize of an invalid order", needs="mail")
def finalize_invalid(w):
    fail(w)
    if w.bobs.read()["status"] != "invalid":
        raise Skip("the order is not invalid")
    csr = make_csr(new_csr_key(), [w.mailbox.address])
    w.refused(w.bob.post(w.bobs.finalize_url, {"csr": b64(csr)}),
              "403 orderNotReady", "403 orderNotReady|malformed")


@check("AC-105", "RFC 8555 7.5.2", "an invalid authorization cannot be "
       "deactivated", needs="mail")
def deactivate_invalid(w):
    fail(w)
    if w.bobs.authz()["status"] != "invalid":
        raise Skip("the authorization is not invalid")
    answer = w.bob.post(w.bobs.authz_url, {"status": "deactivated"})
    if w.strict:
        w.refused(answer, "400 malformed")
    w.see(answer)
    w.need(w.bobs.authz()["status"] == "invalid", "it changed",
           "still invalid")


def bobs_second(w):
    def make():
        order = w.order(w.bob)
        challenge = order.challenge()
        w.status(w.bob.post(challenge["url"], {}), 200)
        message, part1 = w.mail_of(challenge)
        digest = key_digest(part1, challenge["token"], w.bob.key.thumbprint)
        if w.strict:
            digest = f"{digest[:20]}\r\n {digest[20:]}="
        w.answer_mail(w.bob, challenge, message, part1, digest=digest)
        return order, challenge
    return w.once("Bob's second order", make)


@check("AC-122, AC-124", "RFC 8823 3", "POST first: the right reply completes"
       " it without another POST", needs="mail")
def reply_second(w):
    order, challenge = bobs_second(w)
    found = w.poll(w.bob, challenge["url"], ["valid", "invalid"],
                   w.mailbox.wait)
    w.seen = str(found["status"])
    w.need(found["status"] == "valid", repr(found), "valid")
    w.need(order.wait("ready", "invalid")["status"] == "ready", "not ready",
           "order ready")


@check("AC-125", "design", "... also where its digest is folded and padded",
       needs="mail")
def folded(w):
    _, challenge = bobs_second(w)
    w.seen = w.bob.read(challenge["url"])["status"]
    w.need(w.seen == "valid", w.seen, "valid")


# --- the end of authorizations (after the certificates) -------------------

def deactivations():
    @check("AC-105", "RFC 8555 7.5.2", "deactivation of a valid "
           "authorization", needs="mail")
    def valid_authz(w):
        prove(w)
        url = w.pending.authz_url
        with contextlib.suppress(Skip):
            w.once("unfinished order", w.ready)
        answer = w.status(w.alice.post(url, {"status": "deactivated"}), 200)
        w.need(answer.json.get("status") == "deactivated",
               repr(answer.body[:300]), "deactivated")
        w.need(w.alice.read(url)["status"] == "deactivated", "not so",
               "deactivated")

    @check("AC-105", "design", "deactivation again: 200, unchanged",
           needs="mail")
    def again(w):
        url = w.pending.authz_url
        course(w, lambda: w.alice.read(url)["status"] == "deactivated",
               valid_authz)
        if w.alice.read(url)["status"] != "deactivated":
            raise Skip("the authorization is not deactivated")
        answer = w.status(w.alice.post(url, {"status": "deactivated"}), 200)
        w.need(answer.json.get("status") == "deactivated",
               repr(answer.body[:300]), "deactivated")

    @check("AC-99, AC-141", "RFC 8555 7.1.6, 7.4", "... and the order that "
           "was ready because of it is invalid, and cannot be finalized",
           needs="mail")
    def unfinished(w):
        course(w, lambda: w.pending.authz()["status"] == "deactivated",
               valid_authz)
        if "unfinished order" not in w.made:
            raise Skip("there is no such order")
        order = w.once("unfinished order", None)
        if order.authz()["status"] != "deactivated":
            raise Skip("the authorization is not deactivated")
        answer = order.account.post(order.finalize_url, {"csr": b64(make_csr(
            new_csr_key(), [w.mailbox.address]))})
        w.refused(answer, "403 orderNotReady", "403 orderNotReady")
        w.seen = order.read()["status"]
        w.need(w.seen == "invalid", w.seen, "invalid")

    def last_order(w):
        course(w, lambda: w.pending.authz()["status"] == "deactivated",
               valid_authz)
        if w.pending.authz()["status"] != "deactivated":
            raise Skip("the valid authorization could not be deactivated")
        return w.once("last order", lambda: w.order(w.alice))

    @check("AC-103, AC-98", "RFC 8555 7.5.2", "after it the next order needs "
           "a new proof", needs="mail")
    def new_proof(w):
        order = last_order(w)
        w.seen = order.json["status"]
        w.need(w.seen == "pending" and order.authz_url
               != w.pending.authz_url, w.seen, "pending, new authorization")

    @check("AC-105, AC-99", "RFC 8555 7.5.2, 7.1.6", "deactivation of a "
           "pending authorization: the order is invalid", needs="mail")
    def pending_authz(w):
        order = last_order(w)
        challenge = order.challenge()
        answer = w.status(w.alice.post(order.authz_url,
                                       {"status": "deactivated"}), 200)
        w.need(answer.json.get("status") == "deactivated",
               repr(answer.body[:300]), "deactivated")
        w.seen = order.read()["status"]
        w.need(w.seen == "invalid", w.seen, "order invalid")
        after = w.alice.post(challenge["url"], {})
        w.refused(after, "400 malformed", "4xx *")

    @check("AC-82, AC-111", "RFC 8555 7.3.5, 8.1", "keyChange between mail "
           "and reply: the new key's digest is right", needs="mail keyChange")
    def key_between(w):
        order, challenge, message, part1 = waiting(w)
        w.answer_mail(w.bob, challenge, message, part1)
        found = w.poll(w.bob, challenge["url"], ["valid", "invalid"],
                       w.mailbox.wait)
        w.seen = found["status"]
        w.need(w.seen == "valid", repr(found), "valid")


def waiting(w):
    """Bob's order whose key was changed after its mail."""
    def make():
        if "Bob's second order" in w.made:
            before, _ = w.once("Bob's second order", None)
            w.bob.post(before.authz_url, {"status": "deactivated"})
        order = w.order(w.bob)
        if order.json["status"] != "pending":
            raise Skip(f"the order is {order.json['status']}")
        challenge = order.challenge()
        message, part1 = w.mail_of(challenge)
        w.status(w.bob.post(challenge["url"], {}), 200)
        old = w.bob.key
        answer = Change(w, w.bob, Key("ES256")).send()
        if answer.status != 200:
            raise Skip(f"the key could not be changed: {answer}")
        if w.strict:
            stale_reply(w, order, challenge, message, part1, old)
        return order, challenge, message, part1
    return w.once("order with a changed key", make)


def stale_reply(w, order, challenge, message, part1, old):
    """Neither success nor failure, but told (AC-82, AC-124)."""
    digest = key_digest(part1, challenge["token"], old.thumbprint)
    w.answer_mail(w.bob, challenge, message, part1, digest=digest)
    deadline = time.monotonic() + w.mailbox.wait
    while True:
        found = order.challenge()
        if "error" in found or found["status"] != "processing":
            break
        if time.monotonic() > deadline:
            break
        time.sleep(1)
    w.need(found["status"] == "processing" and "error" in found,
           repr(found), "the former key's digest: processing, error")
