"""Who signed a request, and accounts, for the suite's own server."""

import hmac
import re
import secrets

from fake_parts import ALGORITHMS, EAB_KEY, EAB_KID, TYPE, Problem, \
    PublicKey, Response, bad_key, malformed, new_id, public_jwk_print, \
    strict_b64, strict_json
from jose import b64, unb64


class Accounts:
    """Needs what fake_server.Server has."""

    # -- nonces and signatures (steps 5 to 17)

    def new_nonce(self):
        nonce = b64(secrets.token_bytes(32))
        self.nonces.add(nonce)
        return nonce

    def use_nonce(self, header):
        nonce = header.get("nonce")
        refuse = Problem(400, "malformed" if self.bad("badNonce is malformed")
                         else "badNonce", "the nonce is not acceptable")
        if nonce is None:
            raise refuse
        if not isinstance(nonce, str):
            raise malformed("nonce")
        strict_b64(nonce, "nonce")
        if self.bad("replayed nonce") and nonce in self.nonces | self.spent:
            self.spent.add(nonce)
            return
        if nonce not in self.nonces:
            raise refuse
        if not self.bad("nonce unspent by failures"):
            self.nonces.discard(nonce)
        self.spent.add(nonce)

    def signed(self, request, needs="kid", payload="object"):
        """Who signed it, and the payload; payload: what it may be."""
        kinds = [v.lower() for v in request.all("content-type")]
        if (len(kinds) != 1 or not re.fullmatch(
                r"application/jose\+json(; ?charset=utf-8)?", kinds[0])) \
                and not self.bad("any media type"):
            raise malformed("Content-Type", 415)
        if request.all("content-encoding"):
            raise malformed("Content-Encoding", 415)
        jws = strict_json(request.body, self.faults)
        parts = self.members(jws)
        header = strict_json(parts[0], self.faults)
        self.check_header(header, needs)
        self.use_nonce(header)
        if header["url"] != self.base + request.target \
                and not self.bad("any url"):
            raise Problem(401, "unauthorized", "url")
        account, key = self.signer(header)
        if not key.fits(header["alg"]):
            raise bad_key("alg") if account is None else malformed("alg")
        message = f"{jws['protected']}.{jws['payload']}".encode()
        if not key.verify(message, parts[2], self.faults) \
                and not self.bad("no signature check"):
            raise malformed("JWS signature does not verify")
        if not self.bad("nonce unspent by failures"):
            self.nonces.discard(header["nonce"])
        elif not self.bad("replayed nonce"):
            self.nonces.discard(header["nonce"])
        if account and account["status"] != "valid" \
                and not self.bad("deactivated accounts live on"):
            raise Problem(401, "unauthorized", "account is deactivated")
        return account, key, self.payload(parts[1], payload), header

    def members(self, jws):
        names = "protected", "payload", "signature"
        if ("header" in jws or "signatures" in jws) \
                and not self.bad("unprotected header"):
            raise malformed("unprotected header, or several signatures")
        if any(not isinstance(jws.get(n), str) for n in names):
            raise malformed("JWS member is missing")
        return [strict_b64(jws[n], n, self.faults) for n in names]

    def check_header(self, header, needs):
        if ("crit" in header or "b64" in header) and not self.bad("crit"):
            raise malformed("crit or b64")
        if not isinstance(header.get("url"), str) or \
                not isinstance(header.get("alg"), str):
            raise malformed("alg or url is missing")
        has = [n for n in ("jwk", "kid") if n in header]
        if len(has) != 1 or not isinstance(
                header[has[0]], dict if has == ["jwk"] else str):
            raise malformed("jwk and kid")
        if has[0] not in needs:
            raise malformed(f"this resource needs {needs}")
        if header["alg"] not in ALGORITHMS:
            if self.bad("alg without algorithms"):
                raise Problem(400, "badSignatureAlgorithm", "algorithm")
            raise Problem(400, "badSignatureAlgorithm", "algorithm",
                          algorithms=ALGORITHMS)

    def signer(self, header):
        if "jwk" in header:
            return None, PublicKey(header["jwk"], header["alg"], self.faults)
        prefix = self.base + "/a/"
        kid = header["kid"]
        if not kid.startswith(prefix) or not re.fullmatch(
                r"[A-Za-z0-9_-]{22}", kid[len(prefix):]):
            raise malformed("kid")
        account = self.accounts.get(kid[len(prefix):])
        if account is None:
            raise Problem(400, "accountDoesNotExist", "no such account")
        return account, account["key"]

    def payload(self, octets, rule):
        if rule == "read" and octets:
            raise malformed("this resource can only be read")
        if rule == "object" and not octets:
            raise malformed("payload is empty")
        return strict_json(octets, self.faults) if octets else None

    # -- accounts

    def url(self, kind, found):
        return f"{self.base}/{kind}/{found}"

    def show_account(self, account):
        found = {"status": account["status"], "contact": account["contact"],
                 "termsOfServiceAgreed": True,
                 "orders": self.url("a", account["id"]) + "/orders"}
        if account.get("eab"):
            found["externalAccountBinding"] = account["eab"]
        return found | account.get("extra", {})

    def by_key(self, key):
        return next((a for a in self.accounts.values()
                     if a["key"].thumbprint == key.thumbprint), None)

    def new_account(self, request):
        _, key, payload, header = self.signed(request, "jwk")
        found = self.by_key(key)
        if found and not self.bad("a key makes two accounts"):
            if found["status"] != "valid":
                raise Problem(401, "unauthorized", "account is deactivated")
            return Response(201 if self.bad("existing account is 201")
                            else 200, self.show_account(found), [
                ("Location", self.url("a", found["id"]))])
        if payload.get("onlyReturnExisting") is True:
            raise Problem(400, "accountDoesNotExist", "no such account")
        spki = public_jwk_print(key.key)
        if spki in self.blocked or spki in self.subjects:
            raise bad_key("the key is in a certificate")
        account = {"id": new_id(), "key": key, "status": "valid",
                   "contact": self.contacts(payload) or []}
        if self.bad("unknown members reflected"):
            account["extra"] = payload
        if "externalAccountBinding" in payload:
            account["eab"] = self.binding(
                payload["externalAccountBinding"], key, header["url"])
        self.accounts[account["id"]] = account
        return Response(201, self.show_account(account), [
            ("Location", self.url("a", account["id"]))])

    def binding(self, eab, key, url):
        refuse = malformed("external account binding")
        try:
            protected = strict_json(unb64(eab["protected"]))
            given = PublicKey(strict_json(unb64(eab["payload"])))
            mac = unb64(eab["signature"])
        except (KeyError, TypeError, ValueError, Problem) as e:
            raise refuse from e
        names = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
        if protected.get("alg") not in names or \
                not isinstance(protected.get("kid"), str) or \
                set(protected) & {"jwk", "nonce", "crit", "b64"} or \
                protected.get("url") != url:
            raise refuse
        right = hmac.digest(EAB_KEY, f"{eab['protected']}.{eab['payload']}"
                            .encode(), names[protected["alg"]])
        if (protected["kid"] != EAB_KID or self.eab_used
                or not hmac.compare_digest(mac, right)) \
                and not self.bad("no MAC check"):
            raise Problem(403, "unauthorized", "binding refused")
        if given.thumbprint != key.thumbprint:
            raise refuse
        self.eab_used = True
        return eab

    def contacts(self, payload):
        found = payload.get("contact")
        if found is None:
            return None
        if not isinstance(found, list) or any(not isinstance(c, str)
                                              for c in found):
            raise malformed("contact must be an array of strings")
        faults = []
        for contact in found:
            scheme, colon, rest = contact.partition(":")
            if not colon or scheme.lower() != "mailto":
                faults.append((contact, "unsupportedContact"))
            elif not re.fullmatch(r"[A-Za-z0-9.+_-]+@([A-Za-z0-9-]+\.)+"
                                  r"[A-Za-z0-9-]+", rest) or \
                    len(contact) > 254:
                faults.append((contact, "invalidContact"))
        if len(found) > 10:
            raise Problem(400, "invalidContact", "too many")
        if faults and not self.bad("any contact"):
            raise Problem(400, faults[0][1], "contact", subproblems=[
                {"type": TYPE + kind, "detail": "contact"}
                for _, kind in faults])
        return found

    def account(self, request, found):
        account, _, payload, _ = self.signed(request, payload="any")
        if found != account["id"] and not self.bad("foreign objects readable"):
            raise Problem(403, "unauthorized", "another account")
        account = self.accounts.get(found, account)
        if payload:
            if not isinstance(payload.get("status", ""), str) or payload.get(
                    "status", "valid") not in ("valid", "deactivated"):
                raise malformed("status")
            contacts = self.contacts(payload)
            if contacts is not None:
                account["contact"] = contacts
            if payload.get("status") == "deactivated":
                account["status"] = "deactivated"
        return Response(body=self.show_account(account))

    def orders_list(self, request, found):
        account, *_ = self.signed(request, payload="read")
        if found != account["id"] and not self.bad("foreign objects readable"):
            raise Problem(403, "unauthorized", "another account")
        mine = [i for i, o in self.orders.items() if o["owner"] == found
                and o.get("error") is None]
        cursor = request.target.partition("?cursor=")[2]
        if cursor and not cursor.isdigit():
            raise malformed("unknown cursor")
        return Response(body={"orders": [self.url("o", i)
                                         for i in mine[:100]]})

    def key_change(self, request):
        account, _, payload, header = self.signed(request)
        parts = self.members(payload)
        inner = strict_json(parts[0])
        if "jwk" not in inner or not isinstance(inner["jwk"], dict) or \
                set(inner) & {"kid", "nonce", "crit", "b64"}:
            raise malformed("inner header")
        if inner.get("alg") not in ALGORITHMS:
            raise Problem(400, "badSignatureAlgorithm", "inner alg",
                          algorithms=ALGORITHMS)
        key = PublicKey(inner["jwk"], inner["alg"])
        message = f"{payload['protected']}.{payload['payload']}".encode()
        if not (key.fits(inner["alg"]) and key.verify(message, parts[2])) \
                and not self.bad("inner signature unchecked"):
            raise malformed("inner JWS signature")
        if inner.get("url") != header["url"]:
            raise malformed("inner url differs")
        asked = strict_json(parts[1])
        if asked.get("account") != header["kid"] or \
                not isinstance(asked.get("oldKey"), dict):
            raise malformed("account or oldKey")
        try:
            old = PublicKey(asked["oldKey"])
        except Problem as e:
            raise malformed("oldKey") from e
        if old.thumbprint != account["key"].thumbprint \
                and not self.bad("oldKey unchecked"):
            raise malformed("oldKey is not the account key")
        other = self.by_key(key)
        if other:
            raise Problem(409, "malformed", "the new key is in use", [
                ("Location", self.url("a", other["id"]))])
        if not self.bad("key change without effect"):
            account["former"] = account["key"]
            account["key"] = key
        return Response(body=self.show_account(account))
