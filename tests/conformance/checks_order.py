"""Orders, authorizations, the challenge and its mail."""

import re
from datetime import datetime, timedelta, timezone

from csr import make_csr, new_csr_key
from jose import b64
from report import Skip, check, table
from world import Order, invented


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
