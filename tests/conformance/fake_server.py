"""An ACME server in this process, for the suite's own test: it keeps the
rules, but for those that it is told to break.

    with Server({"replayed nonce"}) as s: ... s.directory ...

It is no example of a server: one lock, memory only, whoever can write into
its outbox is believed. `self.bad(name)` stands wherever a fault can be.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from datetime import timedelta
from email import message_from_bytes

from fake_accounts import Accounts
from fake_certs import Certificates
from fake_http import HttpServer
from fake_parts import PUBLIC, SIGNED, TYPE, Authority, Problem, Response, \
    malformed, new_id, now, stamp
from jose import b64


class Server(HttpServer, Accounts, Certificates):
    """Routes, the directory, orders, authorizations and their mail."""

    mailbox = "alice@user.test"
    sender = "acme@ca.test"

    def __init__(self, faults=()):
        super().__init__(faults)
        self.nonces, self.spent = set(), set()
        self.accounts, self.orders, self.authzs, self.certs = {}, {}, {}, {}
        self.blocked, self.subjects = set(), set()
        self.eab_used = False
        self.authority = Authority()

    def __enter__(self):
        super().__enter__()
        threading.Thread(target=self.read_mail, daemon=True).start()
        return self

    # -- routing

    def answer(self, request):
        public = False
        try:
            self.check_host(request)
            allow, public, handle = self.route(request.target)
            if request.method == "OPTIONS":
                response = Response(204, fields=[
                    ("Allow", allow), ("Access-Control-Allow-Methods", allow),
                    ("Access-Control-Allow-Headers",
                     "Accept, Accept-Language, Content-Type"),
                    ("Access-Control-Max-Age", "86400")])
            elif request.method not in allow.split(", "):
                raise Problem(405, "malformed", "method",
                              [("Allow", allow)])
            else:
                response = handle(request)
        except Problem as e:
            response = self.problem(e, request)
        except Exception as e:      # a bug here must not look like a hang
            response = self.problem(Problem(500, "serverInternal", repr(e)),
                                    request)
        self.common(request, response)
        return response

    def common(self, request, response):
        """The fields of every answer."""
        add = response.fields.append
        names = {k for k, _ in response.fields}
        directory = request.target == "/dir" and response.status == 200
        if not directory and not self.bad("no index link"):
            add(("Link", f'<{self.directory}>;rel="index"'))
        if "Cache-Control" not in names:
            add(("Cache-Control", "public, max-age=300" if directory
                 and request.method in ("GET", "HEAD") else "no-store"))
        if (request.method == "POST" or request.target == "/nonce"
                and request.method in ("GET", "HEAD")) \
                and not (self.bad("no nonce after success")
                         and response.status < 300
                         and request.method == "POST"):
            add(("Replay-Nonce", self.new_nonce()))
        for field in (("Access-Control-Allow-Origin", "*"),
                      ("Access-Control-Expose-Headers",
                       "Link, Location, Replay-Nonce, Retry-After"),
                      ("Strict-Transport-Security", "max-age=31536000"),
                      ("X-Content-Type-Options", "nosniff")):
            add(field)

    def check_host(self, request):
        if request.all("host")[0].lower() != self.base[8:]:
            raise malformed("host", 421)

    def route(self, target):
        """(methods, whether public, handler)"""
        fixed = {
            "/dir": (PUBLIC, True, self.get_directory),
            "/nonce": (PUBLIC, True, self.get_nonce),
            "/acct": (SIGNED, False, self.new_account),
            "/order": (SIGNED, False, self.new_order),
            "/authz": (SIGNED, False, self.new_authz),
            "/revoke": (SIGNED, False, self.revoke),
            "/key": (SIGNED, False, self.key_change),
        }
        if target in fixed:
            return fixed[target]
        if target.startswith("/ari/"):
            return "GET, HEAD, OPTIONS", True, self.renewal
        match = re.fullmatch(r"/(a|o|z|c|x)/([A-Za-z0-9_-]{22})"
                             r"(/orders(?:\?cursor=\w+)?|/finalize)?", target)
        if match is None:
            raise malformed("no such resource", 404)
        kind, found, rest = match.groups()
        handler = {("a", None): self.account, ("o", None): self.order,
                   ("o", "/finalize"): self.finalize,
                   ("z", None): self.authz, ("c", None): self.challenge,
                   ("x", None): self.certificate}.get((kind, rest))
        if handler is None and kind == "a" and rest.startswith("/orders"):
            handler = self.orders_list
        if handler is None:
            raise malformed("no such resource", 404)
        return SIGNED, False, lambda request: handler(request, found)

    # -- directory, nonce

    def get_directory(self, request):
        if request.method == "POST":
            self.signed(request, payload="read")
        found = {
            "newNonce": "/nonce", "newAccount": "/acct", "newOrder": "/order",
            "newAuthz": "/authz", "revokeCert": "/revoke", "keyChange":
            "/key", "renewalInfo": "/ari"}
        return Response(body={k: self.base + v for k, v in found.items()} | {
            "meta": {"externalAccountRequired": False, "profiles": {
                "mailbox": "S/MIME for a mailbox"}}})

    def get_nonce(self, request):
        if request.method == "POST":
            self.signed(request, payload="read")
        fields = [("Cache-Control", "max-age=60")] \
            if self.bad("cached nonces") else []
        return Response(200 if request.method == "HEAD" else 204,
                        fields=fields)

    # -- orders

    def identifier(self, item):
        """(type of the fault or None, canonical value)"""
        if not isinstance(item, dict) or not isinstance(
                item.get("type"), str) or not isinstance(
                item.get("value"), str):
            raise malformed("identifiers")
        value = item["value"]
        if item["type"] != "email":
            return "unsupportedIdentifier", None
        part, at, domain = value.rpartition("@")
        atom = r"[A-Za-z0-9!#$%&'+/=?^_`{|}~-]+"
        label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
        if part.startswith('"') or domain.startswith("[") or (
                at and domain == "localhost"):
            return "rejectedIdentifier", None
        if "*" in value and self.bad("wildcards"):
            return None, value
        if not re.fullmatch(rf"{atom}(\.{atom})*", part) or len(part) > 64 \
                or not re.fullmatch(rf"{label}(\.{label})+", domain.lower()) \
                or len(value) > 254 or domain.lower().startswith("xn--9"):
            return ("rejectedIdentifier" if self.bad("wrong refusal")
                    else "malformed"), None
        if domain.lower().endswith(".invalid"):
            return "rejectedIdentifier", None
        return None, f"{part}@{domain.lower()}"

    def check_identifiers(self, items):
        if not isinstance(items, list) or not items:
            raise malformed("identifiers must be a non-empty array")
        checked = [(item, *self.identifier(item)) for item in items]
        faults = [(item, kind) for item, kind, _ in checked if kind]
        if faults:
            kinds = {k for _, k in faults}
            raise Problem(
                403 if "rejectedIdentifier" in kinds else 400,
                kinds.pop() if len(kinds) == 1 else "compound", "refused",
                subproblems=[{"type": TYPE + k, "detail": "refused",
                              "identifier": i} for i, k in faults])
        values = list(dict.fromkeys(v for _, _, v in checked))
        if len(values) > 10:
            raise malformed("at most 10 identifiers per order")
        return values

    def new_authorization(self, account, value):
        found = next((z for z in self.authzs.values() if z["owner"]
                      == account["id"] and z["value"] == value
                      and z["status"] == "valid"), None)
        if found:
            return found
        authz = {"id": new_id(), "challenge": new_id(), "value": value,
                 "owner": account["id"], "status": "pending",
                 "chall": "pending", "part1": b64(secrets.token_bytes(24)),
                 "token": b64(secrets.token_bytes(24)), "verdict": None,
                 "expires": stamp(now() + timedelta(hours=24))}
        self.authzs[authz["id"]] = authz
        if value == self.mailbox:
            self.send_mail(authz)
        return authz

    def new_order(self, request):
        account, _, payload, _ = self.signed(request)
        values = self.check_identifiers(payload.get("identifiers"))
        if payload.get("notBefore") or payload.get("notAfter"):
            raise malformed("this profile does not support dates")
        profile = payload.get("profile", "mailbox")
        if profile != "mailbox":
            raise Problem(400, "invalidProfile", "not offered")
        replaces = payload.get("replaces")
        if replaces is not None:
            self.check_replaces(account, replaces, values)
        authzs = [self.new_authorization(account, v)["id"] for v in values]
        order = {"id": new_id(), "owner": account["id"], "authzs": authzs,
                 "identifiers": payload["identifiers"], "values": values,
                 "profile": profile, "replaces": replaces, "cert": None,
                 "created": now()}
        self.orders[order["id"]] = order
        return Response(201, self.show_order(order), [
            ("Location", self.url("o", order["id"]))])

    def check_replaces(self, account, certid, values):
        try:
            found = self.find_certid(certid)
        except Problem as e:
            raise malformed("replaces is not a CertID") from e
        if found is None:
            raise malformed("replaces names no certificate", 404)
        if found["owner"] != account["id"] \
                and not self.bad("foreign replaces"):
            raise Problem(403, "unauthorized", "another account's")
        if not set(found["values"]) & set(values):
            raise malformed("replaces shares no identifier")
        if found.get("replaced") and not self.bad("replaced twice"):
            raise Problem(409, "alreadyReplaced", "already replaced")
        found["replaced"] = True

    def order_status(self, order):
        if order["cert"]:
            return "valid"
        found = {self.authzs[i]["status"] for i in order["authzs"]}
        if found <= {"valid"}:
            return "ready"
        return "pending" if found <= {"valid", "pending"} else "invalid"

    def show_order(self, order):
        status = self.order_status(order)
        found = {"status": status, "identifiers": order["identifiers"],
                 "authorizations": [self.url("z", i)
                                    for i in order["authzs"]],
                 "finalize": self.url("o", order["id"]) + "/finalize",
                 "profile": order["profile"],
                 "expires": min(self.authzs[i]["expires"]
                                for i in order["authzs"])}
        if self.bad("times with fractions"):
            found["expires"] = "2100-01-01 00:00:00"
        if order["replaces"]:
            found["replaces"] = order["replaces"]
        if status == "valid":
            cert = self.certs[order["cert"]]
            found["certificate"] = self.url("x", order["cert"])
            found["expires"] = stamp(cert["leaf"].not_valid_after)
        if status == "invalid":
            errors = [self.authzs[i].get("error") for i in order["authzs"]]
            found |= {"error": e for e in errors if e}
        return found

    def mine(self, table, found, account):
        item = table.get(found)
        if item is None or item["owner"] != account["id"] \
                and not self.bad("foreign objects readable"):
            raise malformed("no such resource", 404)
        return item

    def waiting(self, *authzs):
        return [("Retry-After", "5")] if any(
            z["status"] == "pending" and z["chall"] == "processing"
            for z in authzs) else []

    def order(self, request, found):
        account, *_ = self.signed(request, payload="read")
        order = self.mine(self.orders, found, account)
        return Response(body=self.show_order(order), fields=[
            ("Location", self.url("o", found))] + self.waiting(
                *(self.authzs[i] for i in order["authzs"])))

    # -- authorizations and challenges

    def show_challenge(self, authz):
        found = {"type": "email-reply-00", "status": authz["chall"],
                 "url": self.url("c", authz["challenge"]),
                 "token": authz["token"], "from": self.sender}
        if authz["chall"] == "valid":
            found["validated"] = authz["validated"]
        if authz.get("error"):
            found["error"] = authz["error"]
        if self.bad("token-part1 shown"):
            found["hint"] = authz["part1"]
        return found

    def show_authz(self, authz):
        return {"identifier": {"type": "email", "value": authz["value"]},
                "status": authz["status"], "expires": authz["expires"],
                "challenges": [self.show_challenge(authz)]}

    def authz(self, request, found):
        account, _, payload, _ = self.signed(request, payload="any")
        authz = self.mine(self.authzs, found, account)
        if payload is not None:
            if payload.get("status") != "deactivated":
                raise malformed("only status deactivated")
            if authz["status"] not in ("pending", "valid", "deactivated"):
                raise malformed("the authorization is final")
            if not self.bad("deactivation without effect"):
                authz["status"] = "deactivated"
        return Response(body=self.show_authz(authz),
                        fields=self.waiting(authz))

    def new_authz(self, request):
        account, _, payload, _ = self.signed(request)
        item = payload.get("identifier")
        if not isinstance(item, dict):
            raise malformed("identifier")
        value = self.check_identifiers([item])[0]
        before = len(self.authzs)
        authz = self.new_authorization(account, value)
        return Response(201 if len(self.authzs) > before else 200,
                        self.show_authz(authz),
                        [("Location", self.url("z", authz["id"]))])

    def challenge(self, request, found):
        account, _, payload, _ = self.signed(request, payload="any")
        authz = next((z for z in self.authzs.values()
                      if z["challenge"] == found), None)
        authz = self.mine(self.authzs, authz["id"] if authz else "", account)
        if payload is not None:
            if authz["status"] in ("deactivated", "expired"):
                raise malformed("the authorization is over")
            if authz["chall"] == "pending":
                authz["chall"] = "processing"
            self.judge(authz)
        fields = [] if self.bad("no up link") else [
            ("Link", f'<{self.url("z", authz["id"])}>;rel="up"')]
        return Response(body=self.show_challenge(authz), fields=fields + [
            ("Location", self.url("c", found))] + self.waiting(authz))

    # -- mail

    def send_mail(self, authz):
        domain = self.sender.rpartition("@")[2]
        subject = "ACME: " + authz["part1"]
        automatic = "auto-generated; type=acme"
        if self.bad("mail not marked"):
            automatic = "no"
        signature = f"v=1; a=rsa-sha256; d={domain}; s=x; h=from:to:subject" \
            ":date:message-id:auto-submitted; bh=AA==; b=AA=="
        text = f"""From: {self.sender}
To: {authz['value']}
Subject: {subject}
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <{authz['challenge']}@{domain}>
Auto-Submitted: {automatic}
""" + ("" if self.bad("unsigned mail") else f"DKIM-Signature: {signature}\n") \
            + "\nSomebody asks for a certificate.\n"
        for _ in range(2 if self.bad("two mails") else 1):
            name = f"{self.folder}/in/{time.time_ns()}"
            with open(name + ".tmp", "w") as f:
                f.write(text)
            os.rename(name + ".tmp", name)

    def read_mail(self):
        while self.live:
            time.sleep(0.05)
            with self.lock, contextlib.suppress(OSError):
                self.take_mail()

    def take_mail(self):
        for name in sorted(os.listdir(f"{self.folder}/out")):
            if not name.startswith("."):
                path = f"{self.folder}/out/{name}"
                with open(path, "rb") as f:
                    raw = f.read()
                os.unlink(path)
                self.reply(message_from_bytes(raw))

    def reply(self, message):
        part1 = str(message["Subject"]).rpartition("ACME:")[2].strip()
        authz = next((z for z in self.authzs.values()
                      if z["part1"] == part1), None)
        if authz is None or authz["chall"] not in ("pending", "processing"):
            return
        text = message.get_payload().replace("\r\n", "\n")
        match = re.search(r"-----BEGIN ACME RESPONSE-----\n(.*)\n"
                          r"-----END ACME RESPONSE-----", text, re.S)
        wrong = {"type": TYPE + "incorrectResponse", "detail": "reply"}
        if match is None:
            if authz["chall"] == "processing":
                authz["error"] = wrong
            return
        account = self.accounts[authz["owner"]]
        right, former = (b64(hashlib.sha256(
            f"{part1}{authz['token']}.{key.thumbprint}".encode()).digest())
            for key in (account["key"], account.get("former",
                                                    account["key"])))
        if self.bad("former key proves"):
            right, former = former, right
        digest = re.sub(r"\s", "", match[1]).removesuffix("=")
        good = hmac.compare_digest(digest, right)
        if not good and digest == former:
            authz["error"] = wrong
            return
        authz["verdict"] = good
        if not good and not self.bad("second guess"):
            authz |= {"chall": "invalid", "status": "invalid",
                      "error": wrong}
        elif self.bad("reply alone validates"):
            authz["chall"] = "processing"
        self.judge(authz)

    def judge(self, authz):
        if authz["chall"] == "processing" and authz["verdict"]:
            authz |= {"chall": "valid", "status": "valid",
                      "validated": stamp(now())}
            authz.pop("error", None)
