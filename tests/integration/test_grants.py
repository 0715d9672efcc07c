#!/usr/bin/python3
"""PostgreSQL, each role with a login of its own: all of test_issue.py works,
and what a stolen role writes is refused or issues nothing (PK-205).  Which
login may do what is tried one by one in tests/unit/test_grants.c."""

import os
import re
import signal

import forgeries
import test_issue
from acme import Client
from harness import ROLES, case, command, eventually, read_file, run
from pgsite import OWNER, PgSite, login
from pile import test_pile


class RoleSite(PgSite):
    is_pgsql = True

    def forge(self, sql):
        said = self.as_role("web", sql)
        assert said is None or "42501" in said, said
        return said is None


def test_logins(site):
    with case("each role is logged in as itself"):
        found = {user for user, in site.query(
            "SELECT DISTINCT usename FROM pg_stat_activity "
            "WHERE application_name = 'countersign'")}
        assert found == {login(role) for role in ROLES}, found
    with case("the passwords are root's, and stand in no environment, command "
              "line or log"):
        for role, pid in site.roles().items():
            seen = read_file(f"/proc/{pid}/environ") + \
                read_file(f"/proc/{pid}/cmdline") + site.log()
            assert not any(p in seen for p in site.passwords.values())
        for user in site.passwords.keys() - {"countersign"}:
            path = f"{site.folder}/{user}.password"
            found = os.stat(path)
            assert (found.st_uid, found.st_mode & 0o777) == \
                (os.getuid(), 0o400)
    with case("countersign check is content, and db grants shows all four"):
        said = site.countersign("check", status=None)
        assert "ok    database logins of the roles" in said, said
        script = site.countersign("db", "grants")
        for role in ROLES:
            assert f'TO "{login(role)}";' in script, script
        assert "cs_owner" not in script


def test_confined(site):
    with case("PK-202: each role is confined, and reads neither another's "
              "files nor its own password again"):
        for role in ROLES:
            event, = [e for e in site.events("confined") if e["role"] == role]
            assert (event["files"], event["calls"]) == ("yes", "yes"), event


def test_server_restart(site):
    """Its password files are root's, and the roles are root no more."""
    with case("the database server goes and comes back: so do the roles"):
        site.restart_server()
        order = forgeries.ready(Client(site, patient=True), forgeries.OWN,
                                "ALICE")
        order.certificate()


def test_operator(site):
    """PK-45, PK-19: what an operator decided, and what happened."""
    site.countersign("stop", "issuance", "--all", "--reason", "test")
    with case("PK-205: no role lifts a stop"):
        for role in ROLES:
            for sql in ("DELETE FROM issuance_stop",
                        "UPDATE issuance_stop SET scope = 'profile'"):
                assert "42501" in site.as_role(role, sql)
        order = forgeries.ready(Client(site), forgeries.OWN, "ALICE")
        order.finalize(expect=503)
        assert order.read()["status"] == "ready"
    site.countersign("resume", "issuance", "--all", "--reason", "test")
    order.certificate()
    with case("PK-205: no role changes what was recorded, and none but the "
              "issuer, which purges, deletes it"):
        count = site.query("SELECT COUNT(*) FROM audit")
        for role in ROLES:
            for sql in ("TRUNCATE audit", "UPDATE audit SET event = 'x'",
                        "UPDATE audit_gap SET seal = 'x'"):
                assert "42501" in site.as_role(role, sql)
        for role in ROLES[:-1]:
            for sql in ("DELETE FROM audit", "DELETE FROM reply",
                        "DELETE FROM cert", "DELETE FROM authz",
                        "INSERT INTO audit_gap (from_seq) VALUES (1)"):
                assert "42501" in site.as_role(role, sql), (role, sql)
        assert site.query("SELECT COUNT(*) FROM audit") == count


def test_report(site):
    client = Client(site)
    path = f"{site.folder}/proof.pem"
    command("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes",
            "-keyout", "/dev/null", "-subj", "/CN=Proof of Key Compromise",
            "-out", path)
    with case("PK-184: web blocks a key that was proven to be compromised, and "
              "the issuer ends the report"):
        said = client.request("POST", f"{client.base}/acme/report",
                              read_file(path).encode(),
                              Content_Type="application/pkcs10")
        assert said.status == 200, said
        eventually(lambda: site.query(
            "SELECT COUNT(*) FROM report WHERE closed_by = 'issuer'") ==
            [("1",)], "the issuer")


def test_others(site):
    """What the sender and the validator might want."""
    order = Client(site).order("bob@user.test")
    now = forgeries.make_valid(order)
    with case("PK-205: the sender proves nothing"):
        for sql in (now, f"UPDATE challenge SET proven_at = 1 WHERE id = "
                    f"'{order.challenge().id}'"):
            assert "42501" in site.as_role("sender", sql)
    with case("PK-205: an authorization that the validator's login made valid, "
              "without a seal"):
        mark = site.mark()
        assert site.as_role("validator", now) is None
        order.finalize()
        order.wait("invalid")
        site.wait_event(forgeries.NOT_PROVEN, mark, order=order.id)
    with case("PK-205: nobody but the issuer writes certificates"):
        for role in ROLES[:-1]:
            for sql in ("UPDATE cert SET der = 'x'",
                        "INSERT INTO cert (id) VALUES ('x')",
                        "UPDATE orders SET cert_id = 'x'"):
                assert "42501" in site.as_role(role, sql), (role, sql)


REFUSED = ("password authentication failed.*; if the password was changed, "
           "write it into the file of database_password and ")
CRASHES = "SELECT COUNT(*) FROM audit WHERE event = 'role crashed'"


def test_new_passwords(site):
    """First at the server, then in the files, as an admin does it."""
    client = Client(site).account()
    new_order = client.url_of("newOrder")
    wanted = {"identifiers": [{"type": "email", "value": "alice@user.test"}]}
    crashes = site.query(CRASHES)
    mark = site.mark()
    for role in ROLES:
        site.new_password(login(role))
    with case("AC-194: a role whose login is refused says what to do"):
        client.post(new_order, wanted, 503)
        eventually(lambda: re.search(REFUSED + "send SIGHUP to countersignd",
                                     site.log(mark)), "the advice")
        site.new_password(OWNER)
        said = site.countersign("status", status=None)
        assert re.search(REFUSED + "start countersignd, or ", said), said
        site.password_file(OWNER)
    with case("PK-205: with another password in its file each role starts "
              "anew on SIGHUP, and works"):
        for role in ROLES:
            site.password_file(login(role))
        mark = site.mark()
        site.daemon.send_signal(signal.SIGHUP)
        for role in ROLES:
            site.wait_event("role starts anew", mark, which=role)
            site.wait_event("confined", mark, role=role)
        client.patient = True
        client.post(new_order, wanted, 201)
    with case("PK-19: those that were told to end, and could not record it any "
              "more, have not crashed"):
        assert site.query(CRASHES) == crashes
    with case("with the same one they take the configuration, and stay, "
              "whatever has touched the file"):
        before = site.roles()
        for role in ROLES:
            os.chmod(site.password_file(login(role)), 0o600)
        site.reload()
        assert site.roles() == before


def test_schema(site):
    with case("rights that somebody gave are gone after the next start"):
        site.query("GRANT ALL ON reply TO cs_web")
        assert site.as_role("web", "DELETE FROM reply WHERE id = 'x'") is None
        site.stop()
        site.start()
        assert "42501" in site.as_role("web", "DELETE FROM reply "
                                       "WHERE id = 'x'")


def test_advice(site):
    """What check says of logins that keep nothing apart."""
    said = "warn  database logins of the roles: "
    with case("check: a role that owns the tables"):
        site.query("GRANT cs_owner TO cs_sender")
        found = site.countersign("check", status=None)
        assert said + "sender.database: this user may do everything" in found
        site.query("REVOKE cs_owner FROM cs_sender")
    with case("check: a login that does not work is wrong"):
        site.query("ALTER ROLE cs_sender NOLOGIN")
        found = site.countersign("check", status=1)
        assert "WRONG database logins of the roles: the login of sender" in \
            found, found
        site.query("ALTER ROLE cs_sender LOGIN")


run({}, *test_issue.TESTS, test_logins, test_confined,
    *forgeries.all_of(may_write=False), test_operator, test_report,
    test_others, test_new_passwords, test_schema, test_advice,
    test_server_restart, test_pile, kind=RoleSite)
