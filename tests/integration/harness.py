"""What every integration test stands on: a laboratory with a CA in it.

A test is a program that prints TAP:

    def test_something(site):
        with case("ER-32: what must be true"):
            ...assert...

    run({"policy.order_life": "1h"}, test_something, ...)

run() builds one Site (laboratory, `countersign init`, published keys,
countersignd), hands it to each function and removes it if nothing failed.
The programs come from $COUNTERSIGN_BUILD, or from where ./run-tests or
./quickstart built them.
"""

import contextlib
import datetime
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
LAB = f"{SOURCE}/tests/lab/lab"
LONG = bool(os.environ.get("COUNTERSIGN_TEST_LONG"))
ROLES = ["web", "sender", "validator", "issuer"]
# Whom the roles run as: somebody who exists everywhere and owns nothing.
USER = "nobody"
# Long: what is waited for comes at last, however slow the machine is.
DEADLINE = 180.0


# --- TAP -----------------------------------------------------------------

count = failed = skipped = 0
sites = []


class Skip(Exception):
    """Raised in a case: it cannot be tried here."""


def say(text):
    print("".join(f"# {line}\n" for line in str(text).splitlines()), end="",
          flush=True)


@contextlib.contextmanager
def case(name):
    """One result. The block raises nothing: ok; and the test goes on."""
    global count, failed, skipped
    marks = [(site, site.mark()) for site in sites]
    try:
        yield
    except Skip as why:
        count, skipped = count + 1, skipped + 1
        print(f"ok {count} - {name} # SKIP {why}", flush=True)
    except Exception:
        count, failed = count + 1, failed + 1
        print(f"not ok {count} - {name}", flush=True)
        say(traceback.format_exc(limit=-4))
        for site, mark in marks:
            say(f"countersignd since the case began ({site.log_path}):")
            say("\n".join(site.log(mark).splitlines()[-25:]))
    else:
        count += 1
        print(f"ok {count} - {name}", flush=True)


def eventually(question, what, seconds=DEADLINE):
    """The first true answer; asked again and again until a deadline, and once
    more after it. What comes near to it is told."""
    begun = time.monotonic()
    while True:
        waited = time.monotonic() - begun
        answer = question()
        if answer:
            if waited > seconds / 3:
                say(f"waited {waited:.0f} of {seconds:.0f} s for {what}")
            return answer
        assert waited < seconds, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.02)


def in_time(seconds, what, attempt, tries=5):
    """One of several tries takes less than that: a machine that stands still
    for a while does so now and then, a fault is there each time. An attempt
    says itself how long it took, or is timed."""
    times = []
    while not times or times[-1] >= seconds:
        assert len(times) < tries, \
            f"{what}: not within {seconds} s, but {times}"
        began = time.monotonic()
        told = attempt()
        times.append(time.monotonic() - began if told is None else told)
    if len(times) > 1:
        say(f"{what}: {times}")
    return times[-1]


def run(settings, *tests, kind=None):
    """The whole of a test program; kind: a Site with more to it."""
    # A shell that starts it in the background ignores it for all.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with (kind or Site)(settings) as site:
            for test in tests:
                try:
                    test(site)
                except Exception as e:
                    with case(test.__name__):
                        raise e
            check_sanitizers(site)
    except Exception as e:
        with case("a laboratory with countersignd"):
            raise e
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


def check_sanitizers(site):
    """Where the programs were built with them."""
    with open(f"{site.build}/countersignd", "rb") as f:
        if not re.search(rb"__[at]san_init", f.read()):
            return
    with case("the sanitizers had nothing to complain about"):
        site.stop()
        found = re.search(r"(?m)^.*(Sanitizer:|runtime error:)[^\0]*",
                          site.log())
        assert found is None, found[0][:3000]


# --- the installation under test -----------------------------------------

def find_build():
    places = [os.environ.get("COUNTERSIGN_BUILD"),
              f"{SOURCE}/build/tests/gcc", f"{SOURCE}/build/quickstart/build",
              SOURCE]
    for place in filter(None, places):
        if os.access(f"{place}/countersignd", os.X_OK):
            return os.path.realpath(place)
    raise RuntimeError("countersignd is not built: set COUNTERSIGN_BUILD")


def command(*words, status=0, input=None, timeout=300):
    """Runs a program; its standard output and error as one text."""
    done = subprocess.run(words, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, input=input,
                          timeout=timeout)
    assert status is None or done.returncode == status, \
        f"{' '.join(words)}: exit {done.returncode}:\n{done.stdout}"
    return done.stdout


def read_file(path):
    with open(path) as f:
        return f.read()


def memory(pid, name="VmRSS"):
    """A line of /proc/PID/status, in octets."""
    text = read_file(f"/proc/{pid}/status")
    return int(re.search(rf"(?m)^{name}:\s+(\d+) kB", text)[1]) * 1024


def is_sanitized():
    """The memory of sanitizers is not ours to count."""
    with open(f"{find_build()}/countersignd", "rb") as f:
        return re.search(rb"__[at]san_init", f.read()) is not None


def words_of(pid):
    """Of a process; one that has ended has none."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", errors="replace") as f:
            return f.read().split("\0")
    return [""]


def children(pid):
    """While one of them ends the kernel may leave out others."""
    before = None
    while True:
        found = read_file(f"/proc/{pid}/task/{pid}/children").split()
        if found == before:
            return found
        before = found


def kill(pid):
    """kill -9 of who may have ended already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def deaf():
    """A port where nobody is answered, not even refused: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(
            ("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filling = stack.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def open_in(pid):
    """What its descriptors are; root sees those of all. It may close some
    while they are looked at."""
    folder, found = f"/proc/{pid}/fd", set()
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(f"{folder}/{fd}"))
    return found


def log_time(event):
    """When an event of Site.events() was logged."""
    text = event["time"].replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()


class Site:
    """A laboratory, a CA, and countersignd; gone when the block ends."""

    key_type = "p256"

    def __init__(self, settings=None):
        self.settings = dict(settings or {})
        self.build = find_build()
        self.program = f"{self.build}/countersignd"
        self.folder = tempfile.mkdtemp(prefix="countersign-test-",
                                       dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        self.lab_folder = f"{self.folder}/lab"
        self.state = f"{self.folder}/ca"
        self.config = f"{self.state}/countersign.conf"
        self.log_path = f"{self.folder}/countersignd.log"
        self.database = f"{self.state}/state/countersign.db"
        self.daemon = None

    def __enter__(self):
        sites.append(self)
        try:
            command(LAB, "start", self.lab_folder)
            self.env = json.loads(read_file(f"{self.lab_folder}/lab.json"))
            self.tls = ssl.create_default_context(
                cafile=self.env["LAB_CA_CERT"])
            self.init()
            self.publish()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.stop()
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.kill()
        keep = failed > 0
        command(LAB, "stop" if keep else "remove", self.lab_folder,
                status=None)
        sites.remove(self)
        if keep:
            say(f"left to be looked at: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- making it

    def port(self, name):
        return int(self.env[name + "_PORT"])

    def password(self, who):
        return read_file(self.env[f"{who}_PASSWORD_FILE"]).strip()

    def wanted_settings(self):
        env = self.env
        found = {
            "base_url": f"https://localhost:{env['LAB_HTTPS_PORT']}",
            "web.listen": f"127.0.0.1:{env['LAB_HTTPS_PORT']}",
            "web.tls_certificate": env["LAB_HTTPS_CERT"],
            "web.tls_key": env["LAB_HTTPS_KEY"],
            "policy.allow_reserved_domains": "yes",
            "policy.caa_identities": env["CA_DOMAIN"],
            "policy.challenge_mail_delay": "0s",
            "sender.from": env["CA_ADDRESS"],
            "sender.relay_host": env["CA_SUBMISSION_HOST"],
            "sender.relay_port": env["CA_SUBMISSION_PORT"],
            "sender.relay_tls": "starttls",
            "sender.relay_ca_file": env["LAB_CA_CERT"],
            "sender.relay_user": env["CA_SUBMISSION_USER"],
            "sender.relay_password": env["CA_SUBMISSION_PASSWORD_FILE"],
            "validator.imap_host": env["CA_IMAP_HOST"],
            "validator.imap_port": env["CA_IMAPS_PORT"],
            "validator.imap_ca_file": env["LAB_CA_CERT"],
            "validator.imap_user": env["CA_IMAP_USER"],
            "validator.imap_password": env["CA_IMAP_PASSWORD_FILE"],
            "validator.dns_config": env["LAB_UNBOUND_CONF"],
            "validator.dns_trust_anchor": env["LAB_TRUST_ANCHOR"],
            "issuer.crl_url": "http://crl.ca.test/issuing.crl",
            "issuer.ca_issuers_url": "http://crl.ca.test/issuing.cer",
        }
        # Tests order more than anybody should; those of limits set them.
        found |= {"limits.request_rate": "100000",
                  "limits.request_burst": "100000",
                  "limits.renewal_info_rate": "100000",
                  "limits.pending_authorizations": "100000",
                  "limits.pending_per_mailbox": "1000"}
        found |= {f"limits.{name}": "none" for name in (
            "failed_authentications", "new_accounts", "new_accounts_net",
            "new_orders", "mails_to_mailbox", "mails_to_known_mailbox",
            "mails_to_domain", "mails_by_account", "mails_by_address",
            "mails_total", "certificates", "failed_validations")}
        if os.getuid() == 0:
            found["user"] = USER
        # What is known only now is said by a function of the variables; None
        # takes an option out.
        found |= {k: v(env) if callable(v) else v
                  for k, v in self.settings.items()}
        return {k: v for k, v in found.items() if v is not None}

    def init(self):
        words = [f"{self.build}/countersign", "init", "--dir", self.state,
                 "--name", "Countersign Test", "--organization", "Test",
                 "--country", "XX", "--key-type", self.key_type]
        for name, value in self.wanted_settings().items():
            words += ["--set", f"{name}={value}"]
        command(*words)

    def publish(self):
        for line in read_file(f"{self.state}/dkim-records.txt").splitlines():
            name, kind, data = line.split(" ", 2)
            self.dns_set(name.rstrip("."), kind, data)
        self.dns_set("user.test", "CAA", '0 issuemail "ca.test"')

    # -- the laboratory

    def lab(self, *words):
        return command(LAB, words[0], self.lab_folder, *words[1:])

    def dns_set(self, name, kind, *data):
        self.lab("dns-set", name, kind, "0", *data)

    def lab_log(self, part):
        return read_file(f"{self.env['LAB_LOG_DIR']}/{part}.log")

    @contextlib.contextmanager
    def without(self, part):
        """A part of the laboratory is down while the block runs."""
        self.lab("stop-part", part)
        try:
            yield
        finally:
            self.lab("start-part", part)

    # -- the daemon

    def start(self, **how):
        """`how`: what subprocess.Popen() is told besides."""
        mark = self.mark()
        with open(self.log_path, "ab") as log:
            self.daemon = subprocess.Popen(
                [self.program, "-f", self.config],
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log,
                   "start_new_session": True, **how})
        eventually(lambda: "event=ready" in self.log(mark) or
                   self.daemon.poll() is not None, "countersignd")
        assert self.daemon.poll() is None, \
            f"countersignd did not start:\n{self.log(mark)}"

    def stop(self, seconds=DEADLINE):
        """As an admin does it; its exit status."""
        if self.daemon is None or self.daemon.poll() is not None:
            return None
        self.daemon.terminate()
        return self.daemon.wait(seconds)

    def reload(self):
        """SIGHUP, until every role with a database has taken the
        configuration, or the supervisor has refused it for all. It also makes
        them look for work that has become due. One that starts meanwhile has
        nothing to take: it begins with what the others are told."""
        def with_database():
            return {pid for pid, words in self.processes().items()
                    if not {"linter", "responder", "signer",
                            "ocsp-signer"} & set(words)}

        with open(self.config, "rb") as f:
            sha256 = hashlib.sha256(f.read()).hexdigest()

        def has(name):
            """Of this file: an earlier SIGHUP may be under way."""
            return len([e for e in self.events(name, mark)
                        if e["sha256"] == sha256])

        mark, told = self.mark(), with_database()
        self.daemon.send_signal(signal.SIGHUP)
        eventually(lambda: self.events("configuration not reloaded", mark)
                   or has("configuration taken") and
                   has("configuration reloaded")
                   >= len(told & with_database()),
                   "the reload")
        # Those that said so before.
        for event in self.events("starting anew", mark):
            self.wait_event("confined", mark, role=event["role"])

    def kill_role(self, role):
        """kill -9, until another process has its place."""
        killed = eventually(lambda: self.roles().get(role), role)
        kill(killed)
        eventually(lambda: self.roles().get(role) not in (None, killed),
                   f"another {role}")

    def kill_supervisor(self):
        """kill -9, until none of its roles is left either: what starts then
        finds nobody at its ports."""
        self.daemon.kill()
        self.daemon.wait()
        eventually(lambda: not self.everything(), "the roles to end")

    def everything(self):
        """Processes of this server, whoever is their parent."""
        return [pid for pid in filter(str.isdigit, os.listdir("/proc"))
                if "countersignd" in (words := words_of(pid))[0]
                and self.config in words]

    def processes(self):
        """{pid: its words} of the roles that run."""
        found = {int(pid): words_of(pid) for pid in
                 children(self.daemon.pid)}
        return {pid: words for pid, words in found.items()
                if "--role" in words}

    def roles(self):
        """{"web": pid, ...}; of several validators, one."""
        return {words[words.index("--role") + 1]: pid
                for pid, words in self.processes().items()}

    def intakes(self):
        """{"imap": pid, ...}: the validators."""
        return {words[words.index("--intake") + 1]: pid
                for pid, words in self.processes().items()
                if "--intake" in words}

    # -- what it says

    def mark(self):
        with contextlib.suppress(FileNotFoundError):
            return os.path.getsize(self.log_path)
        return 0

    def log(self, mark=0):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log_path, errors="replace") as f:
                f.seek(mark)
                return f.read()
        return ""

    def events(self, name, mark=0):
        """Lines about an event, as {"key": "value", ...}."""
        pairs = re.compile(r'([a-z0-9_]+)=("(?:[^"\\]|\\.)*"|\S*)')
        found = []
        for line in self.log(mark).splitlines():
            if name not in line:    # of most the rest is not looked at
                continue
            event = {k: v.strip('"') for k, v in pairs.findall(line)}
            if event.get("event") == name:
                event["time"] = line.split(" ", 1)[0]
                found.append(event)
        return found

    def wait_event(self, name, mark=0, seconds=DEADLINE, **wanted):
        def look():
            return next((e for e in self.events(name, mark)
                         if wanted.items() <= e.items()), None)
        return eventually(look, f"event {name} {wanted}", seconds)

    def verdicts(self, mark=0):
        """What was said of replies at last. Slow name servers put a
        judgement off (MA-31); they do not change it."""
        return [e for e in self.events("reply", mark)
                if e["verdict"] != "deferred"]

    def wait_verdict(self, mark=0, **wanted):
        return eventually(
            lambda: next((e for e in self.verdicts(mark)
                          if wanted.items() <= e.items()), None),
            f"a verdict {wanted}")

    def countersign(self, *words, status=0):
        """One of the admin's commands, with our configuration."""
        return command(f"{self.build}/countersign", words[0], "-f",
                       self.config, *words[1:], status=status)

    def story(self, order_url):
        """`countersign order`: the whole story of one order."""
        return json.loads(self.countersign("order", "--json",
                                           order_url.rpartition("/")[2]))

    # -- the database, for what no command shows, and to move time

    @contextlib.contextmanager
    def connection(self):
        db = sqlite3.connect(self.database, timeout=DEADLINE)
        try:
            yield db
            db.commit()
        finally:
            db.close()

    def query(self, sql, *values):
        with self.connection() as db:
            return db.execute(sql, values).fetchall()

    def make_due(self, wait=True):
        """What waits for its next attempt is due now."""
        with self.connection() as db:
            for table in ("outbox", "reply", "caa"):
                db.execute(f"UPDATE {table} SET due_at = 1 "
                           "WHERE due_at IS NOT NULL")
            db.execute("UPDATE orders SET issue_due_at = 1 "
                       "WHERE issue_due_at IS NOT NULL")
        if wait:
            self.reload()
        else:
            self.daemon.send_signal(signal.SIGHUP)

    def put_off(self, challenge_id):
        """How often the relay did not take this challenge mail yet."""
        return len([e for e in self.events("challenge mail")
                    if e["challenge"] == challenge_id
                    and e["result"] == "temporary failure"])

    def hurry(self, challenge_id):
        """The pause of a mail that the relay did not take yet is over."""
        self.query("UPDATE outbox SET due_at = 1 WHERE challenge_id = ? "
                   "AND due_at IS NOT NULL", challenge_id)
        self.daemon.send_signal(signal.SIGHUP)


def edit_config(site, **options):
    """Changes options that stand in the file, or as a comment in it; names
    with the section: web__threads="4". None makes a comment of it."""
    text = read_file(site.config)
    for name, value in options.items():
        section, _, option = name.rpartition("__")
        start = text.index(f"{section} {{") if section else 0
        head, tail = text[:start], text[start:]
        if value is None:
            new = f"#{option} ="
        elif value.startswith("{"):
            new = f"{option} = {value}"
        else:
            new = f'{option} = "{value}"'
        tail, found = re.subn(rf"(?m)^(\s*)#?{option} = .*$",
                              lambda m: m[1] + new, tail, count=1)
        assert found, f"{name} is not in {site.config}"
        text = head + tail
    with open(site.config, "w") as f:
        f.write(text)
