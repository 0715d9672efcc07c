"""Orders, authorizations, the challenge and its mail."""

import contextlib
import re
import time
from datetime import datetime, timedelta, timezone

from checks_account import Change
from csr import make_csr, new_csr_key
from jose import Key, b64
from mailbox import BEGIN, END, key_digest
from report import Skip, check, table
from world import Order, invented

WRONG = "AQ" * 21 + "A"     # a digest, but nobody's


def parse_time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- newOrder -------------------------------------------------------------

@check("AC-95", "RFC 8555 7.4", "created: 201 with Location", needs="mail")
def created(w):
    answer = w.status(w.pending.answer, 201)
    w.need((answer.one("Location") or "").startswith("https://"),
           f"Location: {answer.all('Location')}", "201, Location")


@check("AC-96", "RFC 8555 7.1.3", "order object while pending", needs="mail")
def order_object(w):
    found = w.object(w.pending.answer, "status", "expires", "identifiers",
                     "authorizations", "finalize", status=201)
    w.need(found["status"] == "pending", found["status"], "pending")
    w.need("certificate" not in found and "error" not in found,
           f"{sorted(found)}", "neither certificate nor error")
    w.need(len(found["authorizations"]) == 1, repr(found["authorizations"]),
           "one authorization")
    w.need(parse_time(found["expires"]) > datetime.now(timezone.utc),
           found["expires"], "expires in the future")


@check("AC-88, AC-96", "RFC 8555 7.4", "identifiers as they were sent",
       needs="mail")
def identifiers(w):
    found = w.pending.json["identifiers"]
    w.seen = repr(found)
    w.need(found == [{"type": "email", "value": w.mailbox.address}], w.seen,
           "type email and the address")


@check("AC-100", "RFC 8555 7.4", "read of the order", needs="mail")
def read_order(w):
    answer = w.object(w.alice.post(w.pending.url), "status", "identifiers",
                      "authorizations", "finalize")
    w.need(answer["finalize"] == w.pending.finalize_url
           and answer["authorizations"] == w.pending.json["authorizations"],
           "other URLs than at its creation", "the same URLs")
    if w.strict:
        w.need(w.last.one("Location") == w.pending.url,
               f"Location: {w.last.all('Location')}", "Location: the order")


@check("AC-97, AC-102", "design", "expires: the authorization's within 24 "
       "hours, the order's not later", needs="mail")
def lives(w):
    authz, order = w.pending.authz(), w.pending.json
    ends = [parse_time(found["expires"]) for found in (authz, order)]
    w.seen = f"{authz['expires']}, {order['expires']}"
    day = datetime.now(timezone.utc) + timedelta(hours=24, minutes=5)
    w.need(ends[1] <= ends[0] <= day, w.seen, "order <= authorization <= "
           "24 hours from now")


def local(w):
    return w.mailbox.address.rpartition("@")[0] if w.mailbox else "alice"


def domain(w):
    return w.mailbox.address.rpartition("@")[2] if w.mailbox else "example.com"


def refused_order(w, answer, ours, rfc="4xx *"):
    """Refused; and if it was not, its mail is stopped."""
    if answer.status == 201:
        w.drop(Order(w.alice, answer))
        w.last = answer
    w.refused(answer, ours, rfc)


@table("AC-83", "RFC 8555 7.4", "identifiers", [
    ("missing", {}), ("empty", {"identifiers": []}),
    ("null", {"identifiers": None}), ("a string", {"identifiers": "x"})])
def no_identifiers(w, payload):
    w.refused(w.alice.post(w.directory["newOrder"], payload), "400 malformed")


@table("AC-85", "RFC 8555 7.4, RFC 8823 3", "identifier type", [
    ("Email (letter case)", "Email"), ("mailto", "mailto"),
    ("TNAuthList", "TNAuthList"), ("empty", "")])
def types(w, kind):
    refused_order(w, w.new_order(w.alice, f"{local(w)}@{domain(w)}",
                                 kind=kind),
                  "400 unsupportedIdentifier|malformed" if kind == "" else
                  "400 unsupportedIdentifier",
                  "4xx unsupportedIdentifier|malformed|rejectedIdentifier")


@table("AC-85", "design", "identifier type", [
    ("dns", "dns", "example.com"), ("ip", "ip", "192.0.2.1")])
def other_types(w, kind, value):
    answer = w.new_order(w.alice, value, kind=kind)
    refused_order(w, answer, "400 unsupportedIdentifier")
    if w.strict:
        subs = answer.json.get("subproblems") or []
        w.need([s.get("identifier") for s in subs]
               == [{"type": kind, "value": value}], repr(subs),
               "a subproblem with the identifier")


@table("AC-84", "design", "more identifiers than a server can want", [
    ("101", 101)])
def too_many(w, count):
    refused_order(w, w.new_order(w.alice, *[
        f"{local(w)}+{i}@{domain(w)}" for i in range(count)]),
        "400 malformed")


# The value in terms of the mailbox, so that no stranger gets mail from a
# server that accepts what it should not. RFC: what is no Mailbox of RFC 5321.
ADDRESSES = [
    ("empty", "", "malformed", "RFC 8823 3"),
    ("no @", "{l}", "malformed", "RFC 8823 3"),
    ("no local part", "@{d}", "malformed", "RFC 8823 3"),
    ("no domain", "{l}@", "malformed", "RFC 8823 3"),
    ("two @", "a@{l}@{d}", "malformed", "RFC 8823 3"),
    ("* alone", "*@{d}", "malformed", "RFC 8823 3"),
    ("* in the local part", "{l}*@{d}", "malformed", "RFC 8823 3"),
    ("* in the domain", "{l}@*.{d}", "malformed", "RFC 8823 3"),
    ("dot first", ".{l}@{d}", "malformed", "RFC 5321 4.1.2"),
    ("dot last", "{l}.@{d}", "malformed", "RFC 5321 4.1.2"),
    ("two dots", "{l}..x@{d}", "malformed", "RFC 5321 4.1.2"),
    ("two dots in the domain", "{l}@x..{d}", "malformed", "RFC 5321 4.1.2"),
    ("hyphen first in the domain", "{l}@-x.{d}", "malformed",
     "RFC 5321 4.1.2"),
    ("dot at the end", "{l}@{d}.", "malformed", "RFC 5321 4.1.2"),
    ("one label", "{l}@localhost", "rejectedIdentifier", "design"),
    ("address literal", "{l}@[192.0.2.1]", "rejectedIdentifier", "design"),
    ("quoted", '"{l} x"@{d}', "rejectedIdentifier", "design"),
    ("quoted needlessly", '"{l}"@{d}', "rejectedIdentifier", "design"),
    ("display name", "A B <{l}@{d}>", "malformed", "RFC 8823 3"),
    ("mailto:", "mailto:{l}@{d}", "malformed", "RFC 8823 3"),
    ("header injection", "{l}@{d}\r\nBcc: x@{d}", "malformed",
     "RFC 5321 4.1.2"),
    ("a blank", "{l}@x {d}", "malformed", "RFC 5321 4.1.2"),
    ("a comment", "{l}(x)@{d}", "malformed", "RFC 8823 3"),
    ("two addresses", "{l}@{d},x@{d}", "malformed", "RFC 8823 3"),
    ("local part of 65 octets", "a" * 65 + "@{d}", "malformed",
     "RFC 5321 4.5.3.1.1"),
    ("label of 64 octets", "{l}@" + "a" * 64 + ".{d}", "malformed",
     "RFC 1035 2.3.4"),
    ("domain of 256 octets", "{l}@" + "aaaaaaa." * 32 + "{d}", "malformed",
     "RFC 1035 2.3.4"),
    ("xn-- that is no Punycode", "{l}@xn--99999999.{d}", "malformed",
     "design"),
    ("zero-width joiner", "{l}@x\u200dy.{d}", "malformed", "design"),
    ("DEL", "{l}\x7f@{d}", "malformed", "RFC 5321 4.1.2"),
]


def address_check(name, value, kind, source):
    @check("AC-86" if "*" in name else "AC-87", source,
           f"address refused: {name}")
    def _(w):
        text = value.replace("{l}", local(w)).replace("{d}", domain(w))
        answer = w.new_order(w.alice, text)
        status = 403 if kind == "rejectedIdentifier" else 400
        refused_order(w, answer, f"{status} {kind}",
                      "4xx malformed|rejectedIdentifier|"
                      "unsupportedIdentifier")


for _row in ADDRESSES:
    address_check(*_row)


@check("AC-90", "design", "address refused: .invalid (reserved)")
def reserved(w):
    answer = w.new_order(w.alice, "conformance@host.invalid")
    if answer.status == 201 and domain(w).rpartition(".")[2] in (
            "test", "invalid", "localhost", "internal"):
        w.drop(Order(w.alice, answer))
        raise Skip("reserved domains are allowed here")
    refused_order(w, answer, "403 rejectedIdentifier")


@check("AC-91", "RFC 8555 6.7.1", "several bad identifiers: subproblems name "
       "them, the top level does not")
def several_bad(w):
    values = [f"*@{domain(w)}", f".x@{domain(w)}"]
    answer = w.new_order(w.alice, *values)
    refused_order(w, answer, "400 malformed", "4xx *")
    w.need("identifier" not in answer.json, repr(answer.body[:300]),
           "no identifier at the top")
    subs = answer.json.get("subproblems")
    if subs is None and not w.strict:
        return
    w.need(isinstance(subs, list) and all(
        isinstance(s.get("type"), str) for s in subs), repr(subs),
        "subproblems with types")
    named = [s.get("identifier", {}).get("value") for s in subs]
    w.need(named == values or not w.strict, f"{named}", f"{values}")


@check("AC-91", "design", "bad identifiers of two types: compound, 403 if one"
       " is rejected")
def compound(w):
    answer = w.new_order(w.alice, f"*@{domain(w)}", f"{local(w)}@localhost")
    if answer.status == 201:
        w.drop(Order(w.alice, answer))
    w.see(answer, "403 compound")
    w.need((answer.status, answer.problem) == (403, "compound"), w.seen)


@check("AC-91", "design", "one bad among good ones: its type, one subproblem,"
       " no order")
def one_bad(w):
    answer = w.new_order(w.alice, f"{local(w)}@{domain(w)}", f"*@{domain(w)}")
    refused_order(w, answer, "400 malformed")
    subs = answer.json.get("subproblems") or []
    w.need(len(subs) == 1, f"{len(subs)} subproblems", "one subproblem")


@check("AC-22", "design", "hostile text is cut and escaped in detail")
def hostile(w):
    text = "\x1b[31m" + "x" * 5000 + "@" + domain(w)
    answer = w.new_order(w.alice, text)
    w.refused(answer, "400 malformed")
    detail = str(answer.json.get("detail"))
    w.need(len(detail) < 400 and detail.isprintable(), detail[:200],
           "a short printable detail")


def in_days(days):
    when = datetime.now(timezone.utc) + timedelta(days=days)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@table("AC-92", "RFC 8555 7.4", "dates that cannot be", [
    ("notAfter is no date", lambda: {"notAfter": "tomorrow"}),
    ("notAfter before notBefore",
     lambda: {"notBefore": in_days(2), "notAfter": in_days(1)}),
    ("notAfter in the past", lambda: {"notAfter": in_days(-1)}),
    ("29 February of no leap year",
     lambda: {"notAfter": "2027-02-29T00:00:00Z"}),
    ("notAfter in a hundred years", lambda: {"notAfter": in_days(36500)})],
    needs="mail")
def bad_dates(w, make):
    answer = w.new_order(w.alice, w.mailbox.address, **make())
    refused_order(w, answer, "400 malformed")


@check("AC-92", "RFC 8555 7.4", "notAfter: refused, or reflected",
       needs="mail")
def not_after(w):
    when = in_days(10)
    answer = w.new_order(w.alice, w.mailbox.address, notAfter=when)
    if answer.status == 201:
        w.drop(Order(w.alice, answer))
        w.see(answer, "4xx, or 201 with notAfter")
        w.need(answer.json.get("notAfter") == when,
               f"notAfter: {answer.json.get('notAfter')}")
        return
    w.refused(answer, "400 malformed")


@check("AC-162", "draft-ietf-acme-profiles 4", "unknown profile",
       needs="mail")
def bad_profile(w):
    if not w.has("profiles") and not w.strict:
        raise Skip("not offered: profiles")
    for name in "no-such-profile", "":
        refused_order(w, w.new_order(w.alice, w.mailbox.address,
                                     profile=name), "400 invalidProfile",
                      "4xx invalidProfile")


@check("AC-93", "design", "bad identifier and unknown profile: the "
       "identifier is told", needs="profiles")
def profile_later(w):
    refused_order(w, w.new_order(w.alice, f"*@{domain(w)}",
                                 profile="no-such-profile"), "400 malformed")


@check("AC-161", "draft-ietf-acme-profiles 3", "profiles in the directory",
       needs="profiles")
def profiles(w):
    w.seen = ", ".join(w.meta["profiles"])
    w.need(all(isinstance(v, str) for v in w.meta["profiles"].values()),
           repr(w.meta["profiles"]), "names with descriptions")
    if w.strict:
        w.need(all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", n)
                   for n in w.meta["profiles"]), w.seen, "plain names")


@check("AC-161", "design", "profiles are offered")
def profiles_offered(w):
    w.seen = repr(w.meta.get("profiles"))
    w.need(w.has("profiles"), w.seen, "meta.profiles")


@check("AC-162", "draft-ietf-acme-profiles 4", "the order shows its profile",
       needs="mail profiles")
def order_profile(w):
    found = w.pending.json.get("profile")
    w.seen = str(found)
    w.need(found in w.meta["profiles"] or (found is None and not w.strict),
           w.seen, "a profile of the directory")


@check("AC-83, AC-28", "RFC 8555 7.4", "server's members sent by a client "
       "are ignored")
def server_members(w):
    answer = w.alice.post(w.directory["newOrder"], {
        "identifiers": [], "status": "valid", "authorizations": None,
        "finalize": "", "certificate": "", "expires":
        "0001-01-01T00:00:00Z"})
    w.refused(answer, "400 malformed")


# --- the authorization and the challenge before the mail ------------------

@check("AC-101", "RFC 8555 7.1.4", "authorization object", needs="mail")
def authz_object(w):
    found = w.object(w.alice.post(w.pending.authz_url), "identifier",
                     "status", "challenges")
    w.need(found["status"] == "pending", found["status"], "pending")
    w.need("expires" in found or not w.strict, f"{sorted(found)}", "expires")
    ident = found["identifier"]
    w.need(ident.get("type") == "email" and ident.get("value", "").lower()
           == w.mailbox.address.lower(), repr(ident), "the identifier")
    w.need(not found.get("wildcard"), repr(found), "no wildcard")
    kinds = [c.get("type") for c in found["challenges"]]
    w.need("email-reply-00" in kinds, f"{kinds}", "email-reply-00")
    if w.strict:
        w.need(kinds == ["email-reply-00"], f"{kinds}",
               "only email-reply-00")


@check("AC-104", "RFC 8555 7.5.1, 6.3", "reads of the authorization change "
       "nothing", needs="mail")
def reads(w):
    found = [w.pending.authz() for _ in range(3)]
    w.seen = found[0]["status"]
    w.need(found[0] == found[1] == found[2], repr(found), "the same object")


@check("AC-108", "RFC 8823 3", "challenge object: url, status, token, from",
       needs="mail")
def challenge_object(w):
    found = w.pending.challenge()
    w.seen = ", ".join(found)
    for name in ("type", "url", "status", "token", "from"):
        w.need(isinstance(found.get(name), str), repr(found),
               "type, url, status, token, from")
    w.need(re.fullmatch(r"[^\s<>@]+@[^\s<>@]+", found["from"]),
           found["from"], "a bare address")
    w.need(found["status"] == "pending", found["status"], "pending")
    if w.strict:
        w.need(found["from"] == found["from"].lower(), found["from"],
               "lower case")


@check("AC-109, AC-110", "RFC 8823 3", "token-part2: base64url, 128 bits or "
       "more", needs="mail")
def token2(w):
    token = w.pending.challenge()["token"]
    w.seen = f"{len(token)} characters"
    w.need(re.fullmatch(r"[A-Za-z0-9_-]{22,}", token), repr(token),
           "22 characters or more")
    if w.strict:
        w.need(len(token) == 32, w.seen, "32 characters")


@check("AC-51, AC-108", "RFC 8555 7.5.1", "a read of the challenge starts "
       "nothing", needs="mail")
def read_challenge(w):
    challenge = w.pending.challenge()
    answer = w.object(w.alice.post(challenge["url"]), "type", "url",
                      "status", "token")
    w.need(answer == challenge, f"{answer}", "as in the authorization")
    w.need(w.pending.challenge()["status"] == "pending", "it changed",
           "still pending")


@check("AC-175", "RFC 8555 10.5", "objects of another account answer as ones "
       "that do not exist", needs="mail")
def foreign(w):
    challenge = w.pending.challenge()
    urls = {"order": (w.pending.url, None),
            "authorization": (w.pending.authz_url, None),
            "challenge": (challenge["url"], None),
            "challenge POST": (challenge["url"], {}),
            "finalize": (w.pending.finalize_url, {"csr": "AA"})}
    for name, (url, payload) in urls.items():
        theirs = w.bob.post(url, payload)
        none = w.bob.post(invented(url), payload)
        w.see(theirs)
        w.need(theirs.status >= 400, f"{name}: {theirs}", "4xx", theirs)
        if not w.strict:
            continue
        w.need((theirs.status, theirs.problem) == (404, "malformed"),
               f"{name}: {theirs}", "404 malformed", theirs)
        w.need((theirs.status, theirs.body) == (none.status, none.body),
               f"{name}: {theirs} / {none}", "the same answer", theirs)
        skip = ("date", "replay-nonce", "keep-alive", "connection")
        fields = [[(k, v) for k, v in a.fields if k.lower() not in skip]
                  for a in (theirs, none)]
        w.need(fields[0] == fields[1], f"{name}: {fields}",
               "the same fields", theirs)
    w.need(w.pending.read()["status"] == "pending", "the order changed",
           "nothing changed")


@check("AC-175", "RFC 8555 10.5", "another's authorization cannot be "
       "deactivated", needs="mail")
def foreign_authz(w):
    answer = w.bob.post(w.pending.authz_url, {"status": "deactivated"})
    w.refused(answer, "404 malformed")
    w.need(w.pending.authz()["status"] == "pending", "it is not pending",
           "still pending")


@table("AC-105", "RFC 8555 7.5.2", "authorization update", [
    ("status valid", {"status": "valid"}),
    ("status revoked", {"status": "revoked"}), ("{}", {}),
    ("status is a number", {"status": 1})], needs="mail")
def authz_updates(w, payload):
    answer = w.alice.post(w.pending.authz_url, payload)
    if w.strict:
        w.refused(answer, "400 malformed")
    else:
        w.see(answer, "refused or ignored")
    w.need(w.pending.authz()["status"] == "pending", "it is not pending",
           "still pending")


@check("AC-130", "RFC 8555 7.4", "finalize of a pending order",
       needs="mail")
def early_finalize(w):
    csr = make_csr(new_csr_key(), [w.mailbox.address])
    w.refused(w.alice.post(w.pending.finalize_url, {"csr": b64(csr)}),
              "403 orderNotReady", "403 orderNotReady")


@check("AC-98, AC-177", "RFC 8823 3", "another account's order for the same "
       "mailbox has an authorization and a token of its own", needs="mail")
def own_authz(w):
    mine, theirs = w.pending, w.bobs
    w.seen = f"{mine.authz_url} / {theirs.authz_url}"
    w.need(mine.authz_url != theirs.authz_url, w.seen, "two")
    w.need(mine.challenge()["token"] != theirs.challenge()["token"],
           "the same token", "two tokens")


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


@check("AC-111, AC-122, AC-126", "RFC 8823 3, RFC 8555 7.5.1", "the POST after the "
       "reply makes it valid", needs="mail")
def post_after(w):
    w.need("reply" in w.made, "the reply was not sent", "a reply")
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


@check("AC-97, AC-99, AC-101, AC-102", "RFC 8555 7.1.6", "then authorization valid, order "
       "ready", needs="mail")
def becomes_ready(w):
    authz = w.poll(w.alice, w.pending.authz_url, ["valid", "invalid"], 10)
    order = w.pending.wait("ready", "invalid", seconds=10)
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
    w.pending.wait("ready", "valid", seconds=5)
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
    w.pending.wait("ready", "valid", seconds=5)
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
    w.pending.wait("ready", "valid", seconds=5)
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


@check("AC-124, AC-129", "design", "a reply without a response leaves it processing, "
       "with error", needs="mail")
def no_response(w):
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
    if w.bobs.read()["status"] != "invalid":
        raise Skip("the order is not invalid")
    csr = make_csr(new_csr_key(), [w.mailbox.address])
    w.refused(w.bob.post(w.bobs.finalize_url, {"csr": b64(csr)}),
              "403 orderNotReady", "403 orderNotReady|malformed")


@check("AC-105", "RFC 8555 7.5.2", "an invalid authorization cannot be "
       "deactivated", needs="mail")
def deactivate_invalid(w):
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
        if w.alice.read(url)["status"] != "deactivated":
            raise Skip("the authorization is not deactivated")
        answer = w.status(w.alice.post(url, {"status": "deactivated"}), 200)
        w.need(answer.json.get("status") == "deactivated",
               repr(answer.body[:300]), "deactivated")

    @check("AC-99, AC-141", "RFC 8555 7.1.6, 7.4", "... and the order that "
           "was ready because of it is invalid, and cannot be finalized",
           needs="mail")
    def unfinished(w):
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

