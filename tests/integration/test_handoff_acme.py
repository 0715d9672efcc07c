#!/usr/bin/python3
"""Another CA issues, through ACME: a second Countersign beside the first."""

import json
import os
import shutil
import tempfile
import time

from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat)

from acme import Challenge, Client, new_key
from handoff import (HandoffSite, confined, der, due, is_at_rest, is_confirmed,
                     overdue, ready)
from harness import (Site, case, deaf, edit_config, eventually, in_time,
                     read_file, run)
from letters import answer
from odd_acme import Answer, OddServer


class AcmeSite(HandoffSite):
    """Its CA is self.upstream, an installation and laboratory of its own."""

    def __enter__(self):
        self.upstream = Site({"policy.eab_required": "yes"})
        self.upstream.__enter__()
        return super().__enter__()

    def __exit__(self, *args):
        super().__exit__(*args)
        if self.upstream.daemon is not None:
            self.upstream.__exit__(*args)

    def external(self):
        up = self.upstream
        for name in ("issuing.pem", "root.pem"):
            shutil.copy(f"{up.state}/ca/{name}", f"{self.state}/ca/{name}")
        self.key = new_key()
        key, mac = f"{self.state}/account.pem", f"{self.state}/eab.b64"
        with open(key, "wb") as f:
            f.write(self.key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        told = json.loads(up.countersign("eab", "new", "--json"))
        with open(mac, "w") as f:
            f.write(told["hmac_key"] + "\n")
        os.chmod(key, 0o600)
        os.chmod(mac, 0o600)
        return {"kind": "acme", "account_key": key,
                "directory": f"https://localhost:"
                f"{up.env['LAB_HTTPS_PORT']}/acme/directory",
                "ca_file": up.env["LAB_CA_CERT"],
                "eab_kid": told["kid"], "eab_key_file": mac}


def test_acme(site):
    up, client = site.upstream, Client(site)
    with case("PK-202, PK-223: confined to its database and the network"):
        assert confined(site) == ("yes", "yes")
    with case("the other CA wants its own proof: the order waits, the log "
              "says so"):
        order = ready(site, client)
        order.finalize()
        said = site.wait_event("upstream wants proof")
        assert said["mailbox"] == "alice@user.test", said
        assert order.read()["status"] == "processing"
        assert site.query("SELECT stage FROM handoff") == [("pending",)]
    with case("PK-218: the client is told to wait as long as we do"):
        waits = client.post(order.url, None, 200).headers["Retry-After"]
        assert waits == "300", waits
    account = Client(up, site.key)
    with case("the account there was made with the external binding"):
        answered = account.post(account.url_of("newAccount"),
                                {"onlyReturnExisting": True}, 200,
                                with_jwk=True)
        account.kid = answered.headers["Location"]
        assert up.query("SELECT eab_kid FROM account")[0][0]
    with case("PK-45: proven there as well, but issuance is stopped: the "
              "order there is not finalized"):
        site.countersign("stop", "issuance", "--all", "--reason", "drill")
        theirs = account.read(said["upstream_order"])
        challenge = Challenge(account, theirs["authorizations"][0])
        answer(up, challenge, "ALICE")
        challenge.post()
        challenge.wait("valid")
        mark = site.mark()
        due(site)
        eventually(lambda: [e for e in site.events("hand-off", mark)
                            if e["from"] == "pending"], "the poll")
        assert account.read(said["upstream_order"])["status"] == "ready"
        assert up.query("SELECT COUNT(*) FROM cert") == [(0,)]
    with case("PK-216: resumed, the certificate is the other Countersign's"):
        site.countersign("resume", "issuance", "--all", "--reason",
                         "over")
        due(site)
        chain = order.certificate()
        assert [der(chain[0])] == [
            bytes(r[0]) for r in up.query("SELECT der FROM cert")]
    with case("PK-220: its renewal window is the other Countersign's"):
        theirs = eventually(lambda: site.query(
            "SELECT start_at, end_at FROM upstream_window WHERE end_at > 0"),
            "the window")[0]
        (serial,), = site.query("SELECT serial FROM cert")
        ident = json.loads(site.countersign(
            "cert", "--json", serial))["certid"]
        url = f"{client.url_of('renewalInfo')}/{ident}"
        window = client.request("GET", url).json["suggestedWindow"]
        assert window["end"] == time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime(theirs[1])), (window, theirs)
    with case("the next one needs nobody"):
        ready(site, client).certificate()
        assert up.query("SELECT COUNT(*) FROM cert") == [(2,)]
    with case("PK-220: revoked there before it is said here"):
        up.stop()
        assert not is_confirmed(client, chain[0], reason=4)
        site.wait_event("revocation not confirmed")
        up.start()
        due(site)
        eventually(lambda: is_confirmed(client, chain[0], reason=4),
                   "the confirmation")
        assert up.query("SELECT reason FROM cert WHERE revoked_at > 0") == \
            [(4,)]
    with case("PK-217: kill -9 at random while orders are finalized: each "
              "has one certificate there"):
        for _ in range(3):
            order = ready(site, client)
            order.finalize()
            site.kill_role("upstream")
            overdue(site)
            order.certificate()
        assert up.query("SELECT COUNT(*) FROM cert") == [(5,)]


def test_check(site):
    """PK-216, PK-220: what it makes in vain has to be revoked there."""
    before = read_file(site.config)
    with tempfile.TemporaryDirectory() as folder, \
            OddServer(folder, "alice@user.test") as odd:
        edit_config(site, external__directory=odd.url("/directory"),
                    external__ca_file=odd.ca_file)
        with case("PK-220: check says that another CA takes no revocations"):
            said = site.countersign("check", status=1)
            assert "WRONG other CA" in said and \
                "names no revokeCert" in said, said
        with case("PK-220: and that one does"):
            odd.answers = {"/directory": lambda s, _: Answer(
                s.directory() | {"revokeCert": s.url("/revoke")})}
            said = site.countersign("check", status=None)
            assert "ok    other CA" in said, said
    with open(site.config, "w") as f:
        f.write(before)


def test_stop(site):
    """Another CA that is not there, and nothing says so."""
    client = Client(site)
    with case("PK-218: a stop does not wait for its connection, and the next "
              "start asks at once"), deaf() as port:
        site.stop()
        before = read_file(site.config)
        edit_config(site, external__directory=f"https://localhost:{port}/")
        order = None

        def stop():
            nonlocal order
            site.start()
            client.close()
            if order is None:
                order = ready(site, client)
                order.finalize()
            eventually(lambda: not is_at_rest(site), "the call")
            begin = time.monotonic()
            assert site.stop() == 0
            return time.monotonic() - begin
        # Connecting has 20 seconds.
        in_time(15, "a stop during the call", stop)
        with open(site.config, "w") as f:
            f.write(before)
        site.start()
        # Without a word to it: the pause after a failure is a minute.
        client.close()
        order.certificate()


run({}, test_acme, test_check, test_stop, kind=AcmeSite)
