"""Accounts: making, finding, changing, binding, new keys, their end."""

import json
import re
import threading
from urllib.parse import urlsplit

from checks_jws import small_rsa
from jose import Key, b64, compact, jws
from report import Fault, Skip, check, table
from wire import NoAnswer, read_answer
from world import JOSE, invented

MEMBERS = {"status", "contact", "termsOfServiceAgreed", "orders",
           "externalAccountBinding"}


# --- newAccount -----------------------------------------------------------

@check("AC-70", "RFC 8555 7.3", "created: 201 with Location")
def created(w):
    answer = w.status(w.alice.created, 201)
    w.need((answer.one("Location") or "").startswith("https://"),
           f"Location: {answer.all('Location')}", "201, Location")


@check("AC-64", "RFC 8555 7.1.2", "account object")
def account_object(w):
    found = w.object(w.alice.created, "status", status=201)
    w.need(found["status"] == "valid", repr(found), "status valid")
    if "contact" in found:
        w.need(isinstance(found["contact"], list), repr(found), "an array")
    w.need(isinstance(found.get("orders"), str), repr(found),
           "orders: a URL")
    w.need("x-unknown" not in found, repr(found),
           "unknown members are not reflected")
    if w.strict:
        w.need(set(found) <= MEMBERS and "contact" in found,
               f"{sorted(found)}", f"members of {sorted(MEMBERS)}")


@check("AC-174", "RFC 8555 10.5", "account URLs cannot be guessed")
def account_ids(w):
    one, two = (urlsplit(a.kid).path.rpartition("/")[2]
                for a in (w.alice, w.bob))
    w.expected, w.seen = "not consecutive", f"{one}, {two}"
    if one.isdigit() and two.isdigit():
        w.need(abs(int(one) - int(two)) > 1000 or not w.strict, w.seen)
    if w.strict:
        w.need(re.fullmatch(r"[A-Za-z0-9_-]{22}", one), one,
               "22 base64url characters")


@check("AC-65", "RFC 8555 7.3.1", "newAccount again: 200, the same Location, "
       "nothing changed")
def existing(w):
    before = w.alice.read(w.alice.kid)
    answer = w.post(w.directory["newAccount"], {
        "termsOfServiceAgreed": True, "contact": ["mailto:x@y.example"]},
        w.alice.key, account="alice")
    w.status(answer, 200)
    w.need(answer.one("Location") == w.alice.kid,
           f"Location: {answer.all('Location')}", "200, the account's URL")
    w.need(w.alice.read(w.alice.kid) == before, "the account changed",
           "unchanged")
    if w.strict:
        w.need(answer.json == before, repr(answer.body[:300]),
               "the unchanged object")


@check("AC-66", "RFC 8555 7.3.1", "onlyReturnExisting: the account")
def return_existing(w):
    answer = w.status(w.post(w.directory["newAccount"],
                             {"onlyReturnExisting": True}, w.alice.key,
                             account="alice"), 200)
    w.need(answer.one("Location") == w.alice.kid,
           f"Location: {answer.all('Location')}", "the account's URL")
    w.need("onlyReturnExisting" not in answer.json, repr(answer.body[:300]),
           "not reflected")


@check("AC-66", "RFC 8555 7.3.1", "onlyReturnExisting: none; nothing is made")
def return_none(w):
    key = Key("ES256")
    for _ in range(2):
        w.refused(w.post(w.directory["newAccount"], {
            "onlyReturnExisting": True}, key), "400 accountDoesNotExist",
            "400 accountDoesNotExist")


@table("AC-66", "design", "onlyReturnExisting comes before other faults", [
    ("contact", {"contact": ["tel:+1"]}),
    ("terms", {"termsOfServiceAgreed": False})])
def return_first(w, payload):
    w.refused(w.post(w.directory["newAccount"], {
        "onlyReturnExisting": True} | payload, Key("ES256")),
        "400 accountDoesNotExist")


@check("AC-67", "RFC 8555 7.3.1, 11.1", "6 newAccount with one key at once: "
       "one account")
def account_race(w):
    key, url = Key("ES256"), w.directory["newAccount"]
    texts = []
    for _ in range(6):
        payload = {"termsOfServiceAgreed": True}
        if w.meta.get("externalAccountRequired"):
            raise Skip("needs several external account bindings")
        body = json.dumps(w.sign(url, payload, key)).encode()
        texts.append((f"POST /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: "
                      f"{w.wire.authority}\r\nContent-Type: {JOSE}\r\n"
                      "User-Agent: acme-conformance/1\r\n"
                      f"Content-Length: {len(body)}\r\n"
                      "Connection: close\r\n\r\n").encode() + body)
    answers, gate = [], threading.Barrier(6)

    def one(text):
        try:
            with w.wire.connect() as s:
                gate.wait(30)
                s.sendall(text)
                answers.append(read_answer(s.makefile("rb"), "POST", text,
                                           url))
        except (OSError, NoAnswer, threading.BrokenBarrierError):
            gate.abort()

    for _ in texts:
        w.wire.count()
    threads = [threading.Thread(target=one, args=(t,)) for t in texts]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if any(a.status == 429 for a in answers) or len(answers) < 6:
        raise Skip(f"rate limited, or not served: {len(answers)} answers")
    statuses = sorted(a.status for a in answers)
    places = {a.one("Location") for a in answers}
    w.seen = f"{statuses}, {len(places)} Location"
    w.need(statuses == [200] * 5 + [201] and len(places) == 1, w.seen,
           "201 once, 200 for the others, one Location")


@check("AC-68", "RFC 8555 7.3", "terms that are not agreed to")
def terms(w):
    if "termsOfService" not in w.meta:
        raise Skip("not offered: meta.termsOfService")
    for payload in {}, {"termsOfServiceAgreed": False}:
        answer = w.post(w.directory["newAccount"], payload, Key("ES256"))
        w.refused(answer, "403 userActionRequired",
                  "4xx userActionRequired|malformed|unauthorized")
    if w.strict:
        w.need(answer.json.get("instance") == w.meta["termsOfService"]
               and answer.links("terms-of-service"), repr(answer.body[:300]),
               "instance and Link terms-of-service")


# --- contacts, update -----------------------------------------------------

CONTACTS = [
    ("tel:", "tel:+15555550100", "unsupportedContact"),
    ("https:", "https://example.org/", "unsupportedContact"),
    ("no scheme", "admin@example.org", "unsupportedContact"),
    ("no address", "mailto:", "invalidContact"),
    ("two addresses", "mailto:a@example.org,b@example.org",
     "invalidContact"),
    ("hfields", "mailto:a@example.org?subject=x", "invalidContact"),
    ("to as hfield", "mailto:?to=a@example.org", "invalidContact"),
    ("fragment", "mailto:a@example.org#f", "invalidContact"),
    ("percent-encoded CR LF", "mailto:a%0d%0ab@example.org",
     "invalidContact"),
    ("no domain", "mailto:a@", "invalidContact"),
]
# RFC 8555 7.3 names hfields and several addresses itself.
NAMED = {"two addresses", "hfields"}


def contact_check(name, contact, kind):
    @check("AC-69", "RFC 8555 7.3" if name in NAMED else "design",
           f"contact refused: {name}")
    def _(w):
        w.refused(w.alice.post(w.alice.kid, {"contact": [contact]}),
                  f"400 {kind}",
                  "4xx invalidContact|unsupportedContact|malformed")


for _row in CONTACTS:
    contact_check(*_row)


@check("AC-69", "design", "contact refused: eleven, or one too long")
def many_contacts(w):
    for contacts in ([f"mailto:a{i}@example.org" for i in range(11)],
                     ["mailto:" + "a" * 250 + "@example.org"]):
        w.refused(w.alice.post(w.alice.kid, {"contact": contacts}),
                  "400 invalidContact")


@check("AC-69", "design", "contact refused: all of them as subproblems")
def contact_subproblems(w):
    answer = w.refused(w.alice.post(w.alice.kid, {"contact": [
        "tel:+1", "mailto:ok@example.org", "mailto:"]}),
        "400 invalidContact|unsupportedContact|compound")
    found = answer.json.get("subproblems") or []
    w.need(len(found) == 2, f"{len(found)} subproblems", "2 subproblems")


@check("AC-71", "RFC 8555 7.3.2", "update of contact, and [] clears it")
def contacts(w):
    for value in (["mailto:conformance@example.org"], []):
        answer = w.status(w.alice.post(w.alice.kid, {"contact": value}), 200)
        w.need((answer.json.get("contact") or []) == value,
               repr(answer.json.get("contact")), f"contact: {value}")
        again = w.alice.read(w.alice.kid)
        w.need((again.get("contact") or []) == value,
               repr(again.get("contact")), f"contact: {value}")


@check("AC-71", "RFC 8555 7.3.2", "update: members that a client cannot set "
       "are ignored")
def ignored_members(w):
    before = w.alice.read(w.alice.kid)
    answer = w.alice.post(w.alice.kid, {
        "contact": before.get("contact") or [],
        "orders": "https://evil.example/", "x": 1,
        "createdAt": "2000-01-01T00:00:00Z"})
    w.status(answer, 200)
    w.need(w.alice.read(w.alice.kid) == before, "the account changed",
           "unchanged")


@table("AC-71", "RFC 8555 7.3.2, 7.3.6", "update of status", [
    ("revoked", "revoked"), ("XX", "xx")])
def statuses(w, status):
    answer = w.alice.post(w.alice.kid, {"status": status})
    if w.strict:
        w.refused(answer, "400 malformed")
    else:
        w.see(answer, "refused or ignored")
        w.need(answer.status == 200 or 400 <= answer.status < 500, w.seen)
    w.need(w.alice.read(w.alice.kid)["status"] == "valid",
           "the account is not valid any more", "still valid")


@check("AC-71", "design", "update: {} and status valid are a read")
def harmless(w):
    for payload in {}, {"status": "valid"}:
        answer = w.status(w.alice.post(w.alice.kid, payload), 200)
        w.need(answer.json.get("status") == "valid", repr(answer.body[:200]),
               "the object")


@check("AC-51", "RFC 8555 6.3", "a read of the account")
def read_account(w):
    w.object(w.alice.post(w.alice.kid), "status")


@check("AC-176", "RFC 8555 7.3, 10.5", "another's account URL: as one that "
       "does not exist")
def foreign_account(w):
    answers = [w.alice.post(url, payload) for url in (
        w.bob.kid, invented(w.bob.kid)) for payload in (None, {})]
    if w.strict:
        for answer in answers:
            w.refused(answer, "403 unauthorized")
        w.need(len({(a.status, a.body) for a in answers}) == 1,
               " / ".join(map(str, answers)), "one answer for all")
        return
    mine = w.alice.read(w.alice.kid)
    for answer in answers:
        w.see(answer, "4xx, or the signer's own account")
        w.need(answer.status >= 400 or answer.json == mine, w.seen)


@check("AC-71, AC-176", "RFC 8555 7.3.6", "another's account cannot be "
       "deactivated")
def foreign_deactivation(w):
    # By somebody who is not needed any more: there are servers that look at
    # the signer only.
    actor = w.account("stranger", "ES256")
    answer = actor.post(w.bob.kid, {"status": "deactivated"})
    if w.strict:
        w.refused(answer, "403 unauthorized")
    after = w.bob.post(w.bob.kid)
    if after.status != 200:
        del w.made["account bob"]
    w.see(after)
    w.need(after.json.get("status") == "valid", "it is deactivated",
           "still valid", answer)


# --- the orders list ------------------------------------------------------

@check("AC-75", "RFC 8555 7.1.2.1", "orders list: URLs, the pages of next")
def orders_list(w):
    url = w.alice.read(w.alice.kid).get("orders")
    if not url:
        raise Fault("no member orders in the account", "orders")
    mine = {w.pending.url} if w.mailbox else set()
    found, pages = [], 0
    while url and pages < 5:
        answer = w.alice.post(url)
        page = w.object(answer, "orders")["orders"]
        w.need(isinstance(page, list) and all(
            isinstance(u, str) and u.startswith("https://") for u in page),
            repr(page)[:200], "an array of URLs")
        if w.strict:
            w.need(len(page) <= 100, f"{len(page)} on a page", "at most 100")
        found += page
        url, pages = next(iter(answer.links("next")), None), pages + 1
    w.seen = f"{len(found)} orders on {pages} pages"
    w.need(len(found) == len(set(found)), "an order twice", "each once")
    w.need(url or mine <= set(found), f"{mine} is missing in {found[:5]}",
           "the pending order is listed")


@check("AC-75", "design", "orders list: another's, and one that is none: 403")
def foreign_list(w):
    theirs = w.bob.read(w.bob.kid).get("orders")
    if not theirs:
        raise Fault("no member orders in the account", "orders")
    w.refused(w.alice.post(theirs), "403 unauthorized")
    w.refused(w.alice.post(invented(theirs)), "403 unauthorized")


@check("AC-75, AC-177", "RFC 8555 7.1.2.1, 10.5", "orders list: another's is "
       "not readable")
def hidden_list(w):
    theirs = w.bob.read(w.bob.kid).get("orders")
    if not theirs:
        raise Skip("the account has no orders list")
    w.refused(w.alice.post(theirs), "403 unauthorized")


@check("AC-75", "design", "orders list: a cursor that is none")
def bad_cursor(w):
    url = w.alice.read(w.alice.kid).get("orders")
    if not url:
        raise Fault("no member orders in the account", "orders")
    w.refused(w.alice.post(url + "?cursor=AAAA"), "400 malformed")


@check("AC-51, AC-75", "design", "orders list: can only be read")
def list_update(w):
    url = w.alice.read(w.alice.kid).get("orders")
    if not url:
        raise Fault("no member orders in the account", "orders")
    w.refused(w.alice.post(url, {}), "400 malformed")


# --- external account binding ---------------------------------------------

@check("AC-76", "RFC 8555 7.3.4", "externalAccountRequired: without one")
def eab_missing(w):
    if not w.meta.get("externalAccountRequired"):
        raise Skip("not offered: external accounts are not required")
    answer = w.post(w.directory["newAccount"],
                    {"termsOfServiceAgreed": True}, Key("ES256"))
    w.refused(answer, "403 externalAccountRequired",
              "4xx externalAccountRequired")


def bound(w, change=None, key=None, **changes):
    """newAccount with a binding that was changed."""
    key = key or Key("ES256")
    binding = w.binding(key, **changes)
    if change is not None:
        binding = change(binding, key)
    return w.post(w.directory["newAccount"], {
        "termsOfServiceAgreed": True, "externalAccountBinding": binding}, key)


EAB_FAULTS = [
    ("signature changed", lambda b, k: b | {"signature": b64(bytes(32))},
     {}, "403 unauthorized"),
    ("kid unknown", None, {"kid": "no-such-kid"}, "403 unauthorized"),
    ("kid missing", None, {"kid": None}, "400 malformed"),
    ("url of another resource", None, {"url": "https://evil.example/"},
     "400 malformed"),
    ("with nonce", None, {"nonce": "AAAA"}, "400 malformed"),
    ("alg none", None, {"alg": "none"}, "400 malformed"),
    ("alg ES256", None, {"alg": "ES256"}, "400 malformed"),
    ("with jwk", None, {"jwk": {"kty": "oct", "k": "AA"}}, "400 malformed"),
    ("without signature", lambda b, k: {
        n: v for n, v in b.items() if n != "signature"}, {},
     "400 malformed"),
    ("a string", lambda b, k: "binding", {}, "400 malformed"),
    ("payload empty", lambda b, k: b | {"payload": ""}, {},
     "400 malformed"),
]


@table("AC-77", "RFC 8555 7.3.4", "external account binding", EAB_FAULTS,
       needs="eab")
def eab_faults(w, change, changes, ours):
    w.refused(bound(w, change, **changes), ours)


@check("AC-77", "RFC 8555 7.3.4", "external account binding of another key",
       needs="eab")
def eab_other_key(w):
    key, other = Key("ES256"), Key("ES256")
    w.refused(w.post(w.directory["newAccount"], {
        "termsOfServiceAgreed": True,
        "externalAccountBinding": w.binding(other)}, key), "400 malformed")


@check("AC-77", "design", "unknown kid and wrong MAC give one answer",
       needs="eab")
def eab_one_answer(w):
    answers = [bound(w, kid="no-such-kid"),
               bound(w, lambda b, k: b | {"signature": b64(bytes(32))})]
    w.need(len({(a.status, a.body) for a in answers}) == 1,
           " / ".join(map(str, answers)), "one answer")


@check("AC-76, AC-78", "RFC 8555 7.3.4", "external account binding: accepted,"
       " reflected", needs="eab")
def eab_good(w):
    key = Key("ES256")
    if w.meta.get("externalAccountRequired"):
        # The binding may be good for one account only: that is Alice's.
        answer, binding = w.alice.created, None
    else:
        binding = w.binding(key)
        answer = w.post(w.directory["newAccount"], {
            "termsOfServiceAgreed": True, "externalAccountBinding": binding},
            key)
    w.status(answer, 201)
    shown = answer.json.get("externalAccountBinding")
    w.need(shown is not None and binding in (None, shown), repr(shown),
           "201 with externalAccountBinding")


@check("AC-78", "design", "external account binding: good for one account",
       needs="eab")
def eab_again(w):
    w.refused(bound(w), "403 unauthorized")


@check("AC-76", "design", "external account binding where none is configured:"
       " ignored")
def eab_ignored(w):
    if w.has("eab") or w.meta.get("externalAccountRequired"):
        raise Skip("external accounts are configured")
    answer = w.post(w.directory["newAccount"], {
        "onlyReturnExisting": False, "termsOfServiceAgreed": True,
        "externalAccountBinding": {"protected": "", "payload": "",
                                   "signature": ""}}, w.alice.key)
    w.status(answer, 200)
    w.need("externalAccountBinding" not in answer.json,
           repr(answer.body[:300]), "not reflected")


# --- key change -----------------------------------------------------------

class Change:
    """The parts of a keyChange request, each of which can be wrong."""

    def __init__(self, w, account, new):
        self.w, self.account, self.new = w, account, new
        self.url = w.directory["keyChange"]
        self.header = {"alg": new.alg, "jwk": new.jwk, "url": self.url}
        self.payload = {"account": account.kid, "oldKey": account.key.jwk}
        self.signer = new
        self.change = lambda inner: inner

    def send(self):
        header = {k: v for k, v in self.header.items() if v is not None}
        payload = self.payload if isinstance(self.payload, bytes) else \
            compact({k: v for k, v in self.payload.items()
                     if v is not None}).encode()
        inner = jws(self.signer, compact(header).encode(), payload)
        answer = self.account.post(self.url, self.change(inner))
        if answer.status == 200 and self.w.post(
                self.account.kid, None, self.new,
                self.account.kid).status == 200:
            # Also where it should not be: the account must stay usable.
            self.account.key = self.new
        return answer


def set_header(**members):
    return lambda c: c.header.update(members)


def set_payload(**members):
    return lambda c: c.payload.update(members)


def set_change(change):
    def do(c):
        c.change = change
    return do


def sign_with(make):
    def do(c):
        c.signer = make(c)
    return do


KEY_CHANGES = [
    ("inner is no JWS", set_change(lambda i: {}), "400 malformed"),
    ("inner without signature", set_change(lambda i: {
        k: v for k, v in i.items() if k != "signature"}), "400 malformed"),
    ("inner with unprotected header", set_change(
        lambda i: i | {"header": {"a": 1}}), "400 malformed"),
    ("inner has no jwk", set_header(jwk=None), "400 malformed"),
    ("inner has kid", lambda c: c.header.update(
        kid=c.account.kid, jwk=None), "400 malformed"),
    ("inner alg HS256", set_header(alg="HS256"),
     "400 badSignatureAlgorithm"),
    ("inner jwk is no key", set_header(jwk={"kty": "EC", "crv": "P-256",
                                            "x": "AA", "y": "AA"}),
     "400 badPublicKey"),
    ("inner signed by another key", sign_with(lambda c: Key("ES256")),
     "400 malformed"),
    ("inner signed by the old key", sign_with(lambda c: c.account.key),
     "400 malformed"),
    ("inner url differs", lambda c: c.header.update(
        url=c.w.directory["newOrder"]), "400 malformed"),
    ("inner url is missing", set_header(url=None), "400 malformed"),
    ("account is missing", set_payload(account=None), "400 malformed"),
    ("account is another's", lambda c: c.payload.update(
        account=c.w.alice.kid), "400 malformed"),
    ("oldKey is missing", set_payload(oldKey=None), "400 malformed"),
    ("oldKey is another key", lambda c: c.payload.update(
        oldKey=Key("ES256").jwk), "400 malformed"),
    ("oldKey is the new key", lambda c: c.payload.update(
        oldKey=c.new.jwk), "400 malformed"),
    ("payload is no object", lambda c: setattr(c, "payload", b"[]"),
     "400 malformed"),
]


@table("AC-80", "RFC 8555 7.3.5", "keyChange", KEY_CHANGES,
       needs="keyChange")
def key_changes(w, fault, ours):
    change = Change(w, w.bob, Key("ES256"))
    fault(change)
    w.refused(change.send(), ours)


@table("AC-80", "design", "keyChange", [
    ("inner has nonce", set_header(nonce="AAAA")),
    ("inner has crit", set_header(crit=["x"]))], needs="keyChange")
def key_change_design(w, fault):
    change = Change(w, w.bob, Key("ES256"))
    fault(change)
    w.refused(change.send(), "400 malformed")


@check("AC-80", "RFC 8555 7.3.5", "keyChange to the key of another account: "
       "409 with its Location", needs="keyChange")
def key_in_use(w):
    answer = Change(w, w.bob, w.alice.key).send()
    w.refused(answer, "409 malformed", "409 *")
    w.need(answer.one("Location") == w.alice.kid,
           f"Location: {answer.all('Location')}", "409, Location of the "
           "account with that key")


@check("AC-80", "design", "keyChange to the account's own key: 409",
       needs="keyChange")
def own_key(w):
    answer = w.refused(Change(w, w.bob, w.bob.key).send(), "409 malformed")
    w.need(answer.one("Location") == w.bob.kid,
           f"Location: {answer.all('Location')}", "409, its own Location")


@check("AC-80", "RFC 8555 6.2", "keyChange to a weak key: RSA of 1024 bits",
       needs="keyChange")
def weak_new_key(w):
    w.refused(Change(w, w.bob, small_rsa()).send(), "400 badPublicKey",
              "400 badPublicKey|malformed|badSignatureAlgorithm")


@check("AC-81", "RFC 8555 7.3.5", "keyChange: the new key is in force, the "
       "old one is not; the account is the same", needs="keyChange")
def key_changed(w):
    old, new = w.bob.key, Key("ES384")
    before = w.bob.read(w.bob.kid)
    w.status(Change(w, w.bob, new).send(), 200)
    w.need(w.bob.key is new, "the new key is refused", "the new key is good")
    w.refused(w.post(w.bob.kid, None, old, w.bob.kid), "400 malformed")
    answer = w.status(w.bob.post(w.bob.kid), 200)
    # Some show the key, too.
    shown = [{k: v for k, v in o.items() if k != "key"}
             for o in (before, answer.json)]
    w.need(shown[0] == shown[1], repr(answer.body[:200]), "the same object")
    w.refused(w.post(w.directory["newAccount"], {"onlyReturnExisting": True},
                     old), "400 accountDoesNotExist",
              "400 accountDoesNotExist")
    found = w.post(w.directory["newAccount"], {"onlyReturnExisting": True},
                   new)
    w.status(found, 200)
    w.need(found.one("Location") == w.bob.kid,
           f"Location: {found.all('Location')}", "the account's URL")


# --- the end --------------------------------------------------------------

@check("AC-73", "RFC 8555 7.3.6", "deactivation: 200 with the object")
def deactivated(w):
    answer = w.status(w.gone.deactivation, 200)
    w.need(answer.json.get("status") == "deactivated",
           repr(answer.body[:200]), "status deactivated")


@table("AC-49", "RFC 8555 7.3.6", "a deactivated account", [
    ("reads itself", lambda w: (w.gone.kid, None)),
    ("deactivates itself again",
     lambda w: (w.gone.kid, {"status": "deactivated"})),
    ("orders", lambda w: (w.directory["newOrder"], {
        "identifiers": [{"type": "email", "value": w.mailbox.address
                         if w.mailbox else "x@example.org"}]}))])
def gone_requests(w, make):
    url, payload = make(w)
    answer = w.refused(w.gone.post(url, payload), "401 unauthorized",
                       "401|403 unauthorized|malformed|accountDoesNotExist")
    w.need(not answer.all("WWW-Authenticate") or not w.strict,
           "WWW-Authenticate", "no WWW-Authenticate")


@check("AC-65", "RFC 8555 7.3.1, 7.3.6", "newAccount with the key of a "
       "deactivated account")
def gone_again(w):
    w.refused(w.post(w.directory["newAccount"],
                     {"termsOfServiceAgreed": True}, w.gone.key),
              "401 unauthorized")

