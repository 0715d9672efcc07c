"""Finalize, certificates, revocation and renewal information, for the suite's
own server."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fake_parts import USAGE_A, USAGE_B, Problem, Response, malformed, \
    new_id, public_jwk_print, stamp, strict_b64


class Certificates:
    """Needs what fake_server.Server has."""

    # -- certificates

    def finalize(self, request, found):
        account, _, payload, _ = self.signed(request)
        order = self.mine(self.orders, found, account)
        status = self.order_status(order)
        if status != "ready" and not (self.bad("finalized twice")
                                      and status == "valid"):
            raise Problem(403, "orderNotReady", f"the order is {status}")
        if not isinstance(payload.get("csr"), str):
            raise malformed("csr is not base64url")
        der = strict_b64(payload["csr"], "csr")
        key, usage = self.check_csr(der, order, account)
        leaf = self.authority.issue(key, order["values"], usage)
        cert = {"id": new_id(), "owner": account["id"], "leaf": leaf,
                "values": order["values"], "revoked": None,
                "der": leaf.public_bytes(Encoding.DER)}
        self.certs[cert["id"]] = cert
        self.subjects.add(public_jwk_print(leaf.public_key()))
        order["cert"] = cert["id"]
        return Response(body=self.show_order(order), fields=[
            ("Location", self.url("o", found))])

    def check_csr(self, der, order, account):
        def refuse(detail):
            return Problem(400, "badCSR", detail)

        try:
            csr = x509.load_der_x509_csr(der)
            names = csr.extensions.get_extension_for_class(
                x509.SubjectAlternativeName).value
        except Exception as e:
            raise refuse("the CSR cannot be parsed") from e
        inner = csr.tbs_certrequest_bytes
        if der[1] == 0x84 or b"\x02\x01\x00" != inner[
                inner.index(b"\x02\x01"):][:3]:
            raise refuse("DER, version 0")
        key = csr.public_key()
        if not csr.is_signature_valid and not self.bad("unsigned CSR"):
            raise refuse("the CSR signature does not verify")
        if isinstance(csr.signature_hash_algorithm, hashes.SHA1) or \
                isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
            raise refuse("weak")
        spki = public_jwk_print(key)
        if spki in self.blocked or any(
                public_jwk_print(a["key"].key) == spki
                for a in self.accounts.values()) \
                and not self.bad("account keys in certificates"):
            raise refuse("the CSR uses an account key")
        mails = names.get_values_for_type(x509.RFC822Name)
        if len(mails) != len(list(names)) or \
                sorted(self.lower(m) for m in mails) != sorted(
                    order["values"]) and not self.bad("any CSR names"):
            raise refuse("the CSR addresses differ from the order")
        for attribute in csr.subject.get_attributes_for_oid(
                NameOID.EMAIL_ADDRESS):
            if attribute.value not in order["values"]:
                raise refuse("the subject names another address")
        return key, self.csr_usage(csr, key, refuse)

    def lower(self, mail):
        part, _, domain = mail.rpartition("@")
        return f"{part}@{domain.lower()}"

    def csr_usage(self, csr, key, refuse):
        asked = set()
        for extension in csr.extensions:
            if isinstance(extension.value, x509.KeyUsage):
                asked = {n for n in USAGE_A | USAGE_B | {
                    "key_cert_sign", "crl_sign", "data_encipherment"}
                    if getattr(extension.value, n)}
                if not asked or asked - USAGE_A - USAGE_B:
                    raise refuse("key usage not supported")
            if isinstance(extension.value, x509.BasicConstraints) \
                    and extension.value.ca:
                raise refuse("extension not supported")
        sign = not asked or asked & USAGE_A
        crypt = not asked or asked & USAGE_B
        if crypt and isinstance(key, ed25519.Ed25519PublicKey):
            raise refuse("the key cannot encrypt")
        names = ["digital_signature", "content_commitment",
                 "key_encipherment", "data_encipherment", "key_agreement",
                 "key_cert_sign", "crl_sign", "encipher_only",
                 "decipher_only"]
        is_rsa = isinstance(key, rsa.RSAPublicKey)
        wanted = {"digital_signature"} if sign else set()
        if crypt:
            wanted.add("key_encipherment" if is_rsa else "key_agreement")
        return {n: n in wanted for n in names}

    def certificate(self, request, found):
        account, *_ = self.signed(request, payload="read")
        cert = self.mine(self.certs, found, account)
        accepted = request.all("accept")
        if self.bad("last Accept alone"):
            accepted = accepted[-1:]
        if "application/pkix-cert" in accepted:
            return Response(raw=cert["der"], kind="application/pkix-cert",
                            fields=[("Link", '<http://ca.test/i.cer>;'
                                     'rel="up"')])
        chain = [c.public_bytes(Encoding.PEM) for c in
                 (cert["leaf"], self.authority.certificate)]
        if self.bad("chain backwards"):
            chain.reverse()
        join = b"\n" if self.bad("blank lines in the chain") else b""
        return Response(raw=join.join(chain),
                        kind="application/pem-certificate-chain")

    # -- revocation, renewal

    def revoke(self, request):
        account, key, payload, header = self.signed(request, "jwk or kid")
        if not isinstance(payload.get("certificate"), str):
            raise malformed("certificate")
        der = strict_b64(payload["certificate"], "certificate")
        reason = payload.get("reason", 0)
        if not isinstance(reason, int):
            raise malformed("reason must be an integer")
        cert = next((c for c in self.certs.values() if c["der"] == der),
                    None)
        if cert is None:
            raise malformed("no such certificate", 404)
        self.check_authority(account, key, cert)
        if reason not in (0, 1, 3, 4, 5) and not self.bad("any reason"):
            raise Problem(400, "badRevocationReason", "allowed: 0 1 3 4 5")
        raised = account is None and reason == 1 and cert["revoked"] != 1
        if cert["revoked"] is not None and not raised \
                and not self.bad("revoked twice"):
            raise Problem(400, "alreadyRevoked", "already revoked")
        cert["revoked"] = reason
        if account is None and reason == 1:
            self.blocked.add(public_jwk_print(key.key))
        return Response(200)

    def check_authority(self, account, key, cert):
        if self.bad("anybody revokes"):
            return
        if account is None:
            if public_jwk_print(key.key) == public_jwk_print(
                    cert["leaf"].public_key()):
                return
        else:
            proven = {z["value"] for z in self.authzs.values()
                      if z["owner"] == account["id"]
                      and z["status"] == "valid"}
            if cert["owner"] == account["id"] or \
                    set(cert["values"]) <= proven:
                return
        raise Problem(403, "unauthorized", "not authorized to revoke this")

    def find_certid(self, certid):
        """The certificate, None, or malformed."""
        if not isinstance(certid, str) or certid.count(".") != 1:
            raise malformed("not a certificate identifier")
        aki, serial = (strict_b64(p, "CertID") for p in certid.split("."))
        if not aki or not serial or len(serial) > 20 or serial[0] & 128 or \
                serial == b"\0" or len(serial) > 1 and serial[0] == 0 \
                and not serial[1] & 128:
            raise malformed("not a certificate identifier")
        mine = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self.authority.key.public_key()).key_identifier
        number = int.from_bytes(serial, "big")
        return next((c for c in self.certs.values() if aki == mine
                     and c["leaf"].serial_number == number), None)

    def renewal(self, request):
        found = self.find_certid(request.target[len("/ari/"):])
        if found is None:
            raise malformed("no such certificate", 404)
        begin = found["leaf"].not_valid_before
        end = found["leaf"].not_valid_after
        life = (end - begin).total_seconds() + 1
        centre = end - timedelta(seconds=life / 3)
        if found["revoked"] is not None:
            centre = datetime.utcnow() - timedelta(days=30)
        half = timedelta(seconds=life / 100)
        window = {"start": stamp(centre - half), "end": stamp(centre + half)}
        if self.bad("window backwards"):
            window = {"start": window["end"], "end": window["start"]}
        return Response(body={"suggestedWindow": window}, fields=[
            ("Retry-After", "21600"),
            ("Cache-Control", "public, max-age=3600")])
