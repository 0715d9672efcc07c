"""Sites whose certificates another CA signs, and what their tests share."""

import os
import shutil
import time

from cryptography.hazmat.primitives.serialization import Encoding

from acme import b64
from harness import Site, edit_config, eventually
from letters import proven


class HandoffSite(Site):
    """Without a key: config, chain and what external() says are another's."""

    def init(self):
        super().init()
        shutil.copytree(f"{self.state}/ca", f"{self.folder}/other-ca")
        for name in ("issuing-key.pem", "root-key.pem", "ca-passphrase"):
            os.remove(f"{self.state}/ca/{name}")
        edit_config(self, issuer__ca_key=None, issuer__ca_key_passphrase=None,
                    issuer__crl_file=None, **{
                        f"external__{k}": v
                        for k, v in self.external().items()})


def ready(site, client, mailbox="alice@user.test"):
    order = proven(site, client, mailbox)
    order.wait("ready")
    return order


def confined(site):
    """What the role says of files and system calls (PK-202)."""
    event, = [e for e in site.events("confined") if e["role"] == "upstream"]
    return event["files"], event["calls"]


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def revoke(client, leaf, **members):
    return client.post(client.url_of("revokeCert"),
                       {"certificate": b64(der(leaf)), **members})


def is_confirmed(client, leaf, **members):
    """Asks until the other CA has answered: 200 once."""
    got = revoke(client, leaf, **members)
    assert got.status in (200, 503), got
    if got.status == 503:
        assert got.problem == "serverInternal" and got.headers["Retry-After"]
    return got.status == 200


# role_upstream.h's, and more than any pause of these tests.
LEASE, PAUSE = 600, 480
TABLES = "handoff", "withdrawal"


def is_at_rest(site):
    """Nobody works on anything: what is due at all is due after a pause. (A
    lease is told from a pause by its length, for two minutes.)"""
    begun = int(time.time()) + PAUSE
    assert PAUSE < LEASE
    return not any(site.query(f"SELECT 1 FROM {table} WHERE due_at > ?", begun)
                   for table in TABLES)


def overdue(site):
    """What waits for the other CA, or is somebody's who was killed, is due
    now."""
    for table in TABLES:
        site.query(f"UPDATE {table} SET due_at = 1 "
                   "WHERE due_at IS NOT NULL")
    site.reload()


def due(site):
    """What waits for the other CA is due now. Not before the role has
    recorded what it does just now: that would set a pause again."""
    eventually(lambda: is_at_rest(site), "the role to record its work")
    overdue(site)
