"""What the checks stand on: the server, accounts at it, and the objects that
were made so far. Everything is made when a check first asks for it."""

import contextlib
import secrets
import string
import time

from jose import Key, compact, external_binding, jws, unb64
from mailbox import key_digest, response_block
from report import COUNTERSIGN, Fault, Skip
from wire import NoAnswer, Stop

JOSE = "application/jose+json"
AUTO = object()
DROP = object()
# RFC 8555 6.7, RFC 9773 7.4 and 8.3 of the profiles draft.
TYPES = set("""accountDoesNotExist alreadyReplaced alreadyRevoked badCSR
badNonce badPublicKey badRevocationReason badSignatureAlgorithm caa compound
connection dns externalAccountRequired incorrectResponse invalidContact
invalidProfile malformed orderNotReady rateLimited rejectedIdentifier
serverInternal tls unauthorized unsupportedContact unsupportedIdentifier
userActionRequired""".split())


def fits(answer, spec):
    """Does an answer fit "400|403 malformed|compound"? "4xx" is any client
    error, "*" any registered type or none."""
    statuses, _, types = spec.partition(" ")
    status = str(answer.status)
    if not any(s == status or (s == "4xx" and status[0] == "4")
               for s in statuses.split("|")):
        return False
    if types in ("", "*"):
        return answer.problem is None or answer.problem in TYPES
    return any(t in (answer.problem, *answer.problems)
               for t in types.split("|"))


def invented(url):
    """A URL of the same shape that names nothing: the longest part of the
    path with other characters. The last one stays, since a base64url text
    would otherwise get bits that must be zero."""
    head, sep, path = url.partition("://")
    parts = path.split("/")
    at = max(range(1, len(parts)), key=lambda i: (len(parts[i]), i))
    old = parts[at]
    letters = string.ascii_lowercase, string.ascii_uppercase
    if all(c in string.hexdigits + "-" for c in old):
        letters = "abcdef", "ABCDEF"
    new = ""
    for i, c in enumerate(old):
        pool = string.digits if c.isdigit() else letters[0] \
            if c.islower() else letters[1] if c.isupper() else c
        new += c if 0 < i == len(old) - 1 else secrets.choice(pool)
    if new == old:
        new = old[:-1] + ("8" if old[-1].isdigit() else "Q")
    parts[at] = new
    return head + sep + "/".join(parts)


class Account:
    def __init__(self, world, name, key):
        self.world, self.name, self.key = world, name, key
        self.kid = None
        self.created = None     # the answer of newAccount
        self.deactivation = None

    def post(self, url, payload=None, **how):
        """A signed request; payload None is a read."""
        return self.world.post(url, payload, self.key, kid=self.kid,
                               account=self.name, **how)

    def read(self, url):
        """The object, which must be there."""
        answer = self.post(url)
        if answer.status != 200:
            raise Fault(str(answer), "200", answer)
        return answer.json


class Order:
    """An order, its first authorization and challenge."""

    def __init__(self, account, answer):
        self.account, self.answer = account, answer
        self.url = answer.one("Location")
        self.json = answer.json
        account.world.owned(account, self.url, self.json.get("finalize"),
                            *self.json.get("authorizations", []))

    def read(self):
        return self.account.read(self.url)

    @property
    def authz_url(self):
        return self.json["authorizations"][0]

    @property
    def finalize_url(self):
        return self.json["finalize"]

    def authz(self):
        return self.account.read(self.authz_url)

    def challenge(self):
        """The email-reply-00 challenge object."""
        for found in self.authz().get("challenges", []):
            if found.get("type") == "email-reply-00":
                self.account.world.owned(self.account, found.get("url"))
                return found
        raise Skip("the authorization has no email-reply-00 challenge")

    def wait(self, *statuses, seconds=60):
        return self.account.world.poll(self.account, self.url, statuses,
                                       seconds)


class World:
    broken = (NoAnswer, KeyError, IndexError, TypeError, ValueError,
              AttributeError, OSError)
    stop = Stop

    def __init__(self, wire, directory_url, options, mailbox):
        self.wire = wire
        self.directory_url = directory_url
        self.options = options
        self.strict = options.profile == COUNTERSIGN
        self.mailbox = mailbox
        self.made = {}
        self.nonces = []
        self.notes = []
        self.owners = {}        # URL of an object -> name of the account
        self.secrets = set()    # token-part1 of every mail seen
        self.limited = []       # the answers with status 429
        self.expected = self.seen = ""
        self.last = None

    # -- what is there

    @property
    def directory(self):
        return self.once("directory", self.fetch_directory)

    def fetch_directory(self):
        answer = self.wire.request("GET", self.directory_url)
        found = answer.json
        if answer.status != 200 or "newNonce" not in found:
            raise Stop(f"{self.directory_url} is no ACME directory: {answer}")
        return found

    @property
    def meta(self):
        return self.directory.get("meta") or {}

    def has(self, name):
        if name == "mail":
            return self.mailbox is not None
        if name == "eab":
            return bool(self.options.eab_kid and self.options.eab_key_file)
        if name == "profiles":
            return bool(self.meta.get("profiles"))
        if name == "reuse":
            return True
        return name in self.directory

    def once(self, name, make):
        """Made at the first call; a failure is remembered too."""
        if name not in self.made:
            try:
                self.made[name] = make()
            except (Fault, Skip, *self.broken) as e:
                self.made[name] = Skip(f"no {name}: {e}") \
                    if not isinstance(e, Skip) else e
        found = self.made[name]
        if isinstance(found, Skip):
            raise found
        return found

    def owned(self, account, *urls):
        for url in filter(None, urls):
            # What two accounts share (some servers share authorizations of
            # one mailbox) is reported by AC-177 once, at its first sight.
            self.owners.setdefault(url, account.name)

    # -- judging

    def see(self, answer, expected=None):
        self.last = answer
        self.seen = str(answer)
        if expected is not None:
            self.expected = expected
        return answer

    def need(self, truth, seen, expected=None, answer=None):
        """The rule holds, or the check fails with what was seen instead."""
        if expected is not None:
            self.expected = expected
        if not truth:
            raise Fault(seen, self.expected, answer or self.last)

    def status(self, answer, *statuses):
        self.see(answer, " or ".join(map(str, statuses)))
        self.need(answer.status in statuses, self.seen)
        return answer

    def refused(self, answer, ours, rfc="4xx *"):
        """An error answer. `ours` is what Countersign's specification says,
        `rfc` what the RFC itself says of status and type."""
        spec = ours if self.strict else rfc
        self.see(answer, spec)
        self.need(fits(answer, spec), self.seen)
        return answer

    def object(self, answer, *members, status=200):
        """A JSON object that has these members."""
        self.status(answer, status)
        missing = [m for m in members if m not in answer.json]
        self.need(not missing, f"no {', '.join(missing)} in "
                  f"{answer.body[:300]!r}", f"{status} with "
                  + ", ".join(members))
        return answer.json

    # -- requests

    def nonce(self):
        """One that was not used."""
        while not self.nonces:
            answer = self.wire.request("HEAD", self.directory["newNonce"])
            self.keep_nonce(answer)
            if answer.status == 429 and self.wait(answer):
                continue
            if not answer.all("Replay-Nonce"):
                raise Fault(f"newNonce gave no nonce: {answer}",
                            "Replay-Nonce", answer)
        return self.nonces.pop()

    def keep_nonce(self, answer):
        found = answer.one("Replay-Nonce")
        if found:
            self.nonces = [found]

    def wait(self, answer):
        self.limited.append(answer)
        return self.wire.wait(answer)

    def send_jose(self, url, body, account=None, content_type=JOSE,
                  fields=(), kind="acme", fresh=False):
        """A body as it is, in a POST."""
        if isinstance(body, dict):
            body = compact(body).encode()
        fields = [("Content-Type", content_type), *fields]
        answer = self.wire.request("POST", url, fields, body, kind=kind,
                                   fresh=fresh)
        answer.account = account
        self.keep_nonce(answer)
        return self.see(answer)

    def sign(self, url, payload, key, kid=None, nonce=AUTO, header=None,
             protected=None, payload_text=None):
        """A JWS as a dict. `header` changes members of the protected header
        (DROP removes one); `protected` replaces its JSON text (a function of
        it, giving octets, or encoded text); `payload_text` the encoded
        payload."""
        members = {"alg": key.alg,
                   "nonce": self.nonce() if nonce is AUTO else nonce,
                   "url": url}
        members |= {"jwk": key.jwk} if kid is None else {"kid": kid}
        members |= header or {}
        members = {k: v for k, v in members.items() if v is not DROP}
        text = compact(members).encode()
        if protected is not None:
            text = protected(text)
        if payload is None:
            payload = b""
        elif not isinstance(payload, bytes):
            payload = compact(payload).encode()
        return jws(key, text, payload if payload_text is None
                   else payload_text)

    def post(self, url, payload, key, kid=None, account=None, target=None,
             change=None, content_type=JOSE, fields=(), nonce=AUTO, **how):
        """Signs and sends. `target`: where it is sent, if not to what is
        signed; `change`: a function of the JWS (dict) giving what is sent.
        With a nonce of our own choice nothing is tried again; otherwise
        badNonce is once, and what the server limits after its pause."""
        for attempt in range(4):
            body = self.sign(url, payload, key, kid, nonce, **how)
            if change is not None:
                body = change(body)
            answer = self.send_jose(target or url, body, account,
                                    content_type, fields)
            if answer.status == 429 and self.wait(answer):
                if nonce is AUTO:
                    continue
                raise Skip(f"rate limited: {answer}")
            if answer.status == 429:
                raise Skip(f"rate limited: {answer}; Retry-After "
                           f"{answer.one('Retry-After')} is over --max-wait")
            if answer.problem == "badNonce" and nonce is AUTO \
                    and attempt == 0 and "nonce" not in (how.get("header")
                                                         or {}):
                continue
            break
        return self.see(answer)

    def poll(self, account, url, statuses, seconds=60):
        """Reads until the object's status is one of these. A server that is
        slow with its mail may be so with the rest."""
        seconds = max(seconds, self.options.mail_wait)
        deadline = time.monotonic() + seconds
        while True:
            answer = account.post(url)
            found = answer.json
            if found.get("status") in statuses:
                return found
            if time.monotonic() > deadline:
                raise Fault(f"still {found.get('status')} after "
                            f"{seconds:.0f} s: {answer.body[:300]!r}",
                            " or ".join(statuses), answer)
            said = answer.one("Retry-After") or ""
            time.sleep(min(int(said) if said.isdigit() else 1, 2))

    # -- accounts

    def new_account(self, name, key, payload=None, **how):
        payload = {"termsOfServiceAgreed": True} | (payload or {})
        url = self.directory["newAccount"]
        if self.meta.get("externalAccountRequired") and self.has("eab") \
                and "externalAccountBinding" not in payload:
            payload["externalAccountBinding"] = self.binding(key)
        answer = self.post(url, payload, key, account=name, **how)
        account = Account(self, name, key)
        account.created = answer
        account.kid = answer.one("Location")
        return account

    def binding(self, key, **changes):
        with open(self.options.eab_key_file) as f:
            mac_key = f.read().strip()
        return external_binding(self.options.eab_kid, unb64(mac_key),
                                self.directory["newAccount"], key.jwk,
                                **changes)

    def account(self, name, alg="ES256"):
        """A live account of this name."""
        def make():
            made = self.new_account(name, Key(alg), {"x-unknown": 1})
            if made.created.status not in (200, 201) or made.kid is None:
                raise Skip(f"no account: {made.created}")
            self.owned(made, made.kid, made.created.json.get("orders"))
            return made
        return self.once(f"account {name}", make)

    @property
    def alice(self):
        return self.account("alice")

    @property
    def bob(self):
        return self.account("bob", "RS256")

    @property
    def gone(self):
        """An account that was deactivated."""
        def make():
            found = self.account("gone", "ES384")
            answer = found.post(found.kid, {"status": "deactivated"})
            if answer.json.get("status") != "deactivated":
                raise Skip(f"the account could not be deactivated: {answer}")
            found.deactivation = answer
            return found
        return self.once("deactivated account", make)

    # -- orders

    def new_order(self, account, *mailboxes, kind="email", **members):
        return account.post(self.directory["newOrder"], {
            "identifiers": [{"type": kind, "value": m} for m in mailboxes]
        } | members)

    def order(self, account, **members):
        """An order for our mailbox."""
        if self.mailbox is None:
            raise Skip("no mailbox was given")
        self.mailbox.remember()
        answer = self.new_order(account, self.mailbox.address, **members)
        if answer.status != 201:
            raise Skip(f"no order: {answer}")
        return Order(account, answer)

    @property
    def pending(self):
        """Alice's first order: it ends with her first certificate."""
        def make():
            found = self.order(self.alice)
            if found.json.get("status") != "pending":
                raise Skip(f"the order is {found.json.get('status')}")
            self.fetch_mail("first mail", found)
            return found
        return self.once("first order", make)

    @property
    def bobs(self):
        """An order of somebody else."""
        def make():
            found = self.order(self.bob)
            self.fetch_mail("second mail", found)
            return found
        return self.once("second account's order", make)

    def fetch_mail(self, name, order):
        """The mail of an order, before the next order is made. That there is
        none is told by the check that is about it."""
        with contextlib.suppress(Skip):
            self.once(name, lambda: self.mail_of(order.challenge()))

    def ready(self, name="alice"):
        """A new order that is ready, since the mailbox is proven."""
        account = self.account(name)
        found = self.order(account)
        if found.read().get("status") != "ready":
            self.drop(found)
            raise Skip("this server does not reuse authorizations")
        return found

    def drop(self, order):
        """So that no mail leaves for an order that nobody needs."""
        for url in order.json.get("authorizations", []):
            order.account.post(url, {"status": "deactivated"})

    # -- the mail

    def mail_of(self, challenge):
        """(message, token-part1) of a challenge's mail."""
        sender = challenge.get("from")
        if not isinstance(sender, str):
            raise Fault(f"challenge without from: {challenge}", "from")
        message, part1 = self.mailbox.challenge_mail(sender)
        if message is None:
            raise Fault(f"no mail from {sender} in {self.mailbox.wait} s",
                        "the challenge mail")
        self.secrets.add(part1)
        return message, part1

    def answer_mail(self, account, challenge, message, part1, digest=None,
                    body=None):
        right = key_digest(part1, challenge["token"], account.key.thumbprint)
        self.mailbox.reply(message, challenge["from"],
                           body or response_block(digest or right))
