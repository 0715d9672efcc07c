#!/usr/bin/python3
"""Another CA issues, through contrib/hook-openssl; on PostgreSQL, each role
logged in as itself."""

import json
import os
import pwd
import re
import shutil
import signal

from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client
from handoff import (HandoffSite, confined, due, is_confirmed, overdue, ready,
                     revoke)
from harness import (ROLES, SOURCE, case, command, eventually, read_file,
                     run)
from pgsite import PgSite, login


OWN_USER = "daemon"  # of every Debian, and no role's else


def own(*paths):
    """The user of this role may read them; nobody else."""
    for path in paths:
        if os.getuid() == 0:
            shutil.chown(path, OWN_USER)
        os.chmod(path, 0o700 if os.path.isdir(path) else 0o400)


class HookSite(HandoffSite, PgSite):
    login_roles = [*ROLES, "upstream"]

    def external(self):
        ca = self.openssl = f"{self.folder}/openssl-ca"
        os.mkdir(ca)
        for old, new in (("issuing.pem", "ca.pem"),
                         ("issuing-key.pem", "ca-key.pem"),
                         ("ca-passphrase", "ca-passphrase")):
            shutil.copy(f"{self.folder}/other-ca/{old}", f"{ca}/{new}")
            own(f"{ca}/{new}")
        own(ca)
        # Where the source lies nobody else may be allowed to read.
        self.hook = f"{self.folder}/hook"
        shutil.copy(f"{SOURCE}/contrib/hook-openssl", self.hook)
        os.chmod(self.hook, 0o755)
        return {"kind": "hook", "user": OWN_USER,
                "hook": f'{{ "{self.hook}", "{ca}" }}'}


def swap(site, text):
    """Another program in the hook's place; returns what was there."""
    old = read_file(site.hook)
    with open(site.hook + ".new", "w") as f:
        f.write(text)
    os.chmod(site.hook + ".new", 0o755)
    os.rename(site.hook + ".new", site.hook)
    return old


def save(site, certificate):
    path = f"{site.folder}/leaf.pem"
    with open(path, "wb") as f:
        f.write(certificate.public_bytes(Encoding.PEM))
    return path


def test_hook(site):
    client = Client(site)
    with case("PK-223: a role of its own calls the other CA"):
        assert "upstream" in site.roles()
        assert confined(site) == ("no", "yes")  # the program's files
        assert not re.search(r"(?m)^\s*ca_key = ", read_file(site.config))
    with case("PK-221: it and its program run as a user of their own"):
        for role, pid in site.roles().items():
            uid = re.search(r"(?m)^Uid:\s+(\d+)",
                            read_file(f"/proc/{pid}/status"))[1]
            assert (int(uid) == pwd.getpwnam(OWN_USER).pw_uid) == \
                (role == "upstream"), (role, uid)
    with case("PK-205: it is logged in as itself, and may do what it does and "
              "no more"):
        found = {user for user, in site.query(
            "SELECT DISTINCT usename FROM pg_stat_activity "
            "WHERE application_name = 'countersign'")}
        assert found == {login(role) for role in site.login_roles}, found
        said = site.countersign("check", status=None)
        assert "ok    database logins of the roles" in said, said
        assert f'TO "{login("upstream")}";' in \
            site.countersign("db", "grants")
        for sql in ("UPDATE handoff SET request = 'x'", "DELETE FROM handoff",
                    "UPDATE cert SET der = 'x'", "SELECT * FROM reply"):
            assert "42501" in site.as_role("upstream", sql), sql
    with case("PK-215, PK-221: a certificate that openssl has signed"):
        order = ready(site, client)
        chain = order.certificate()
        command("openssl", "verify", "-CAfile", f"{site.state}/ca/root.pem",
                "-untrusted", f"{site.state}/ca/issuing.pem", "-purpose",
                "smimesign", save(site, chain[0]))
        assert os.listdir(f"{site.openssl}/issued")
    with case("PK-220: no list of ours"):
        assert site.query("SELECT COUNT(*) FROM crl") == [("0",)]
    with case("PK-220: the other CA is down: 503 until it confirms"):
        good = swap(site, "#!/bin/sh\nexit 75\n")
        assert not is_confirmed(client, chain[0], reason=1)
        site.wait_event("revocation not confirmed")
        assert not is_confirmed(client, chain[0], reason=1)
        assert not os.path.exists(f"{site.openssl}/ca.crl")
        swap(site, good)
        due(site)
        eventually(lambda: is_confirmed(client, chain[0], reason=1),
                   "the confirmation")
        text = command("openssl", "crl", "-noout", "-text", "-in",
                       f"{site.openssl}/ca.crl")
        assert f"{chain[0].serial_number:X}" in text.replace(":", "") and \
            "Key Compromise" in text, text
    with case("AC-157: twice is alreadyRevoked"):
        assert revoke(client, chain[0]).problem == "alreadyRevoked"
    with case("PK-217: kill -9 while the hook runs: polled, not repeated"):
        order = ready(site, client, "bob@user.test")
        calls = f"{site.openssl}/calls"
        swap(site, f"#!/bin/sh\ncat >{calls}.in\n"
             f"grep -o '\"verb\":\"[a-z]*\"' {calls}.in >>{calls}\n"
             f"grep -q '\"verb\":\"issue\"' {calls}.in || {{\n"
             f" exec {site.folder}/real {site.openssl} <{calls}.in; }}\n"
             f"{site.folder}/real {site.openssl} <{calls}.in\n"
             f"while [ -e {calls} ] && [ ! -e {calls}.go ]; do\n"
             " sleep 0.1\ndone\n")
        with open(f"{site.folder}/real", "w") as f:
            f.write(good)
        os.chmod(f"{site.folder}/real", 0o755)
        mark = site.mark()
        order.finalize()
        eventually(lambda: len(os.listdir(f"{site.openssl}/issued")) == 2,
                   "the certificate at the other CA")
        site.kill_role("upstream")
        overdue(site)  # its lease is over
        open(f"{calls}.go", "w").close()
        order.certificate()
        verbs = read_file(calls).split()
        assert verbs.count('"verb":"issue"') == 1, verbs
        assert '"verb":"poll"' in verbs, verbs
        assert len(os.listdir(f"{site.openssl}/issued")) == 2
        swap(site, good)
    with case("PK-219: the hook's reason reaches the log, not the client"):
        order = ready(site, client)
        swap(site, "#!/bin/sh\necho '{\"error\":\"badCSR\","
             "\"detail\":\"weak curve\"}'\nexit 1\n")
        mark = site.mark()
        order.finalize()
        error = order.wait("invalid")["error"]
        assert error["type"].endswith(":badCSR"), error
        assert "curve" not in json.dumps(error)
        assert "weak curve" in site.wait_event("hook refuses", mark)["detail"]
    with case("PK-221: no start while check fails"):
        site.stop()
        swap(site, "#!/bin/sh\nexit 1\n")
        mark = site.mark()
        command(site.program, "-f", site.config, status=1)
        swap(site, good)
        site.start()
    with case("countersign handoff has nothing to settle"):
        assert "no request is held" in site.countersign("handoff")
    with case("PK-221: check sees who may change the hook"):
        assert "ok    other CA" in site.countersign("check", status=None)
        os.chmod(site.hook, 0o775)
        said = site.countersign("check", status=1)
        assert "WRONG other CA" in said and "chmod go-w" in said, said
        os.chmod(site.hook, 0o755)


run({}, test_hook, kind=HookSite)
