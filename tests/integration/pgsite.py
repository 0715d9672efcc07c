"""A site on PostgreSQL where each role logs in as itself, with a password of
its own, and the tables belong to a user who is no superuser."""

import contextlib
import os
import secrets
import subprocess

from harness import DEADLINE, ROLES, SOURCE, Site, command

PGSQL = f"{SOURCE}/tests/lab/pgsql"
SUPERUSER = "countersign"
OWNER = "cs_owner"


def login(role):
    return f"cs_{role}"


class PgSite(Site):
    """query() is the superuser's, who may see and move everything."""

    login_roles = ROLES
    # Whose section of the configuration is not called as the role is.
    sections = {"upstream": "external"}

    def init(self):
        self.pgsql = f"{self.folder}/pg"
        command(PGSQL, "start", self.pgsql)
        self.passwords = {user: secrets.token_hex(16) for user in
                          [SUPERUSER, OWNER, *map(login, self.login_roles)]}
        for user, password in self.passwords.items():
            self.psql("postgres", f"ALTER ROLE {user} PASSWORD '{password}'"
                      if user == SUPERUSER else
                      f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
        self.psql("postgres", f"CREATE DATABASE cs OWNER {OWNER}")
        # From now on whoever reaches the socket says who he is.
        with open(f"{self.pgsql}/data/pg_hba.conf", "w") as f:
            f.write("local all all scram-sha-256\n")
        self.psql("postgres", "SELECT pg_reload_conf()")
        os.chmod(self.pgsql, 0o711)
        for name, value in self.logins().items():
            self.settings.setdefault(name, value)
        super().init()

    def __exit__(self, *why):
        with contextlib.suppress(Exception):
            self.stop()
        with contextlib.suppress(Exception):
            command(PGSQL, "stop", self.pgsql)
        super().__exit__(*why)

    def restart_server(self):
        # It ends as in a power cut, and commits are not waited for.
        self.query("CHECKPOINT")
        command(PGSQL, "stop", self.pgsql)
        command(PGSQL, "start", self.pgsql)
        os.chmod(self.pgsql, 0o711)

    def url(self, user):
        return f"postgresql:host={self.pgsql} dbname=cs user={user}"

    def password_file(self, user):
        """Root's own: no role can read it once it is nobody."""
        path = f"{self.folder}/{user}.password"
        with open(path, "w") as f:
            os.fchmod(f.fileno(), 0o400)
            f.write(self.passwords[user] + "\n")
        return path

    def new_password(self, user):
        """At the server, which ends what was logged in with the former one."""
        self.passwords[user] = secrets.token_hex(16)
        self.query(f"ALTER ROLE {user} PASSWORD '{self.passwords[user]}'")
        self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE usename = ?", user)

    def logins(self):
        found = {"database": self.url(OWNER),
                 "database_password": self.password_file(OWNER)}
        for role in self.login_roles:
            user, section = login(role), self.sections.get(role, role)
            found[f"{section}.database"] = self.url(user)
            found[f"{section}.database_password"] = self.password_file(user)
        return found

    # -- the database

    def psql(self, database, sql, user=SUPERUSER):
        """What the server says, one line for each row."""
        return command("psql", *self.words(database, user), "-F", "\x1f",
                       "-c", sql)

    def words(self, database, user):
        return ["-XAtq", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose",
                "-d", f"host={self.pgsql} dbname={database} user={user} "
                f"password={self.passwords[user]}"]

    def query(self, sql, *values):
        for value in values:
            text = str(value).replace("'", "''")
            sql = sql.replace("?", f"'{text}'", 1)
        return [tuple(line.split("\x1f"))
                for line in self.psql("cs", sql).splitlines()]

    def as_role(self, role, sql):
        """None: done; else why the server refused."""
        done = subprocess.run(
            ["psql", *self.words("cs", login(role)), "-c", sql],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=DEADLINE)
        return None if done.returncode == 0 else done.stdout

    def make_due(self, wait=True):
        for table in ("outbox", "reply", "caa"):
            self.query(f"UPDATE {table} SET due_at = 1 "
                       "WHERE due_at IS NOT NULL")
        self.query("UPDATE orders SET issue_due_at = 1 "
                   "WHERE issue_due_at IS NOT NULL")
        self.reload()
