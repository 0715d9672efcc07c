"""Perspectives as they are in the world: each a countersignd of its own, in a
network namespace of its own, with a name server of its own that says what the
test wants it to say."""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys

from harness import (DEADLINE, SOURCE, USER, Site, Skip, command,
                     edit_config, eventually, read_file)

sys.path.insert(0, f"{SOURCE}/tests/lab")
import lab_dns      # noqa: E402 (the path must be set first)

PORT = 8443
# Five places that are far from each other, in the regions of five registries.
PLACES = [("fra", "ripe", "50.11 8.68"), ("iad", "arin", "38.95 -77.45"),
          ("sin", "apnic", "1.35 103.99"), ("gru", "lacnic", "-23.43 -46.47"),
          ("jnb", "afrinic", "-26.13 28.24")]


def require_namespaces():
    """Skips, by name, where the kernel or the rights do not allow them."""
    if shutil.which("ip") is None:
        raise Skip("needs ip (iproute2) for network namespaces")
    name = f"cstry{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True,
                          text=True)
    if made.returncode != 0:
        raise Skip("network namespaces cannot be made here: "
                   + made.stderr.strip())
    command("ip", "netns", "del", name)


def key_record(site):
    """The key that plain.test's server signs with, as the zone has it."""
    name = site.env["USER_DKIM_SELECTOR"] + "._domainkey"
    for line in read_file(
            f"{site.env['LAB_DIR']}/dns/zones/plain.test.zone").splitlines():
        if line.startswith(name):
            return "".join(re.findall(r'"([^"]*)"', line))
    raise AssertionError("no key in the zone")


class Authority:
    """Makes certificates for TLS."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        os.makedirs(folder, exist_ok=True)
        self.file = f"{folder}/{name}.pem"
        self.openssl(name, f"/CN={name}",
                     "basicConstraints=critical,CA:TRUE",
                     "keyUsage=critical,keyCertSign")

    def openssl(self, name, subject, *extensions, signer=()):
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-config",
                 "/dev/null", "-subj", subject, "-keyout",
                 f"{self.folder}/{name}.key", "-out",
                 f"{self.folder}/{name}.pem"]
        for extension in extensions:
            words += ["-addext", extension]
        command(*words, *signer)
        # Read again by the user of the roles.
        os.chmod(f"{self.folder}/{name}.key", 0o600)
        shutil.chown(f"{self.folder}/{name}.key", USER)

    def issue(self, name, usage, *names):
        """(certificate, key) of a server or a client."""
        extensions = ["basicConstraints=critical,CA:FALSE",
                      f"extendedKeyUsage={usage}"]
        if names:
            extensions.append("subjectAltName=" + ",".join(names))
        self.openssl(name, f"/CN={name}", *extensions, signer=(
            "-CA", self.file, "-CAkey", f"{self.folder}/{self.name}.key"))
        return f"{self.folder}/{name}.pem", f"{self.folder}/{name}.key"


def claim_network():
    """(a socket that keeps it from others that run at the same time, the third
    octet of the perspectives' addresses)."""
    networks = list(range(256))
    random.shuffle(networks)
    for network in networks:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0countersign-test-network-{network}")
            return claim, network
        except OSError:
            claim.close()
    raise RuntimeError("all networks for perspectives are taken")


class View:
    """One perspective and what it sees."""

    def __init__(self, site, number, network):
        self.site, self.code = site, PLACES[number][0]
        self.namespace = f"cs{os.getpid()}{self.code}"
        self.folder = f"{site.folder}/view-{self.code}"
        self.outside = f"198.18.{network}.{4 * number + 1}"
        self.address = f"198.18.{network}.{4 * number + 2}"
        self.url = f"https://{self.address}:{PORT}/countersign/perspective/1"
        self.log_path = f"{self.folder}/log"
        self.config = f"{self.folder}/perspective.conf"
        self.name_server = self.daemon = None
        self.link = f"v{os.getpid() % 10 ** 7}{self.code}"

    def inside(self, *words):
        return ["ip", "netns", "exec", self.namespace, *words]

    # -- its network

    def make_network(self):
        ip = ("ip", "-n", self.namespace)
        command("ip", "netns", "add", self.namespace)
        command("ip", "link", "add", self.link, "type", "veth", "peer",
                "name", "up0", "netns", self.namespace)
        command("ip", "address", "add", f"{self.outside}/30", "dev",
                self.link)
        command("ip", "link", "set", self.link, "up")
        command(*ip, "address", "add", f"{self.address}/30", "dev", "up0")
        command(*ip, "link", "set", "up0", "up")
        command(*ip, "link", "set", "lo", "up")
        command(*ip, "route", "add", "default", "via", self.outside)

    def start_name_server(self):
        """A copy of the laboratory's, keys and all, on the same port: it is
        another network's 127.0.0.1."""
        # The true folder: short enough for a Unix socket's path.
        source = os.path.realpath(f"{self.site.env['LAB_DIR']}/dns")
        self.dns = f"{self.folder}/dns"
        # What it is writing at this moment has another name until it is whole.
        shutil.copytree(source, self.dns, ignore=shutil.ignore_patterns(
            "knot.sock", "*.pid", "*.zone.*", "timers"))
        command("chown", "-R", "knot:knot", self.dns)
        for name in ("knot.conf", "unbound.conf"):
            with open(f"{self.dns}/{name}", "r+") as f:
                text = f.read().replace(source, self.dns).replace(
                    f"{self.site.env['LAB_DIR']}/dns", self.dns)
                f.seek(0)
                f.write(text)
                f.truncate()
        with open(f"{self.folder}/knot.log", "ab") as log:
            self.name_server = subprocess.Popen(
                self.inside(*lab_dns.argv(self.dns)), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        for zone in lab_dns.ZONES:
            eventually(lambda z=zone: subprocess.run(
                ["knotc", "-c", f"{self.dns}/knot.conf", "zone-read", z, "@",
                 "RRSIG" if z in lab_dns.SIGNED else "SOA"],
                capture_output=True).returncode == 0,
                f"{zone} of the name server of {self.code}")

    def dns_set(self, name, kind, *data):
        """What this place alone sees; no data: nothing."""
        lab_dns.change(self.dns, name, kind, 0, data)

    # -- the program

    def write_config(self, code=None, authority=None):
        pki = authority or self.site.pki
        certificate, key = pki.issue(f"server-{self.code}", "serverAuth",
                                     f"IP:{self.address}")
        with open(self.config, "w") as f:
            f.write(f'user = {USER}\nagent {{\n'
                    f'\tcode = {code or self.code}\n'
                    f'\tlisten = {{"{self.address}:{PORT}"}}\n'
                    f'\ttls_certificate = "{certificate}"\n'
                    f'\ttls_key = "{key}"\n'
                    f'\tclient_ca = "{self.site.pki.file}"\n'
                    f'\tdns_config = "{self.dns}/unbound.conf"\n'
                    f'\tdns_trust_anchor = "{self.dns}/trust-anchor"\n'
                    f'\tprocesses = 3\n}}\n')

    def start(self, pass_fds=()):
        mark = self.mark()
        with open(self.log_path, "ab") as log:
            self.daemon = subprocess.Popen(
                self.inside(self.site.program, "--role", "perspective", "-f",
                            self.config),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=pass_fds)
        eventually(lambda: "event=ready" in self.log(mark)
                   or self.daemon.poll() is not None, self.code)
        assert self.daemon.poll() is None, self.log(mark)

    def stop(self):
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.terminate()
            return self.daemon.wait(DEADLINE)
        return None

    def again(self, **how):
        """Stopped, configured otherwise, started."""
        self.stop()
        self.write_config(**how)
        self.start()

    @contextlib.contextmanager
    def deaf(self):
        """Its name server is there and says nothing."""
        self.name_server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.name_server.send_signal(signal.SIGCONT)

    def mark(self):
        with contextlib.suppress(FileNotFoundError):
            return os.path.getsize(self.log_path)
        return 0

    def log(self, mark=0):
        with contextlib.suppress(FileNotFoundError):
            return read_file(self.log_path)[mark:]
        return ""

    def __enter__(self):
        os.mkdir(self.folder)
        self.make_network()
        self.start_name_server()
        self.write_config()
        self.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.stop()
        for process in (self.daemon, self.name_server):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        command("ip", "netns", "del", self.namespace, status=None)
        command("ip", "link", "del", self.link, status=None)


class WorldSite(Site):
    """A laboratory, and five places from which its DNS is seen."""

    def __enter__(self):
        require_namespaces()
        self.views, self.network = [], None
        return super().__enter__()

    def init(self):
        super().init()
        self.pki = Authority(f"{self.folder}/mpic", "perspectives")
        self.client = self.pki.issue("validator", "clientAuth")

    def start(self):
        """The first time: when all records are published."""
        if not self.views:
            self.make_views()
        super().start()

    def make_views(self):
        # What was published last may not be in the files yet that are copied.
        command("knotc", "-b", "-c", f"{self.env['LAB_DIR']}/dns/knot.conf",
                "zone-flush")
        self.network, network = claim_network()
        for number in range(len(PLACES)):
            self.views.append(View(self, number, network))
            self.views[-1].__enter__()
        with open(self.config, "a") as f:
            for view, (_, rir, location) in zip(self.views, PLACES):
                f.write(f'perspective {view.code} {{\n'
                        f'\turl = "{view.url}"\n\trir = {rir}\n'
                        f'\tlocation = "{location}"\n'
                        f'\tca_file = "{self.pki.file}"\n'
                        f'\tcertificate = "{self.client[0]}"\n'
                        f'\tkey = "{self.client[1]}"\n}}\n')
        edit_config(self, mpic__policy="enforce")

    def __exit__(self, *_):
        for view in self.views:
            view.__exit__()
        if self.network is not None:
            self.network.close()
        super().__exit__()

    def everywhere(self, name, kind, *data):
        """All perspectives see it; the primary does not."""
        for view in self.views:
            view.dns_set(name, kind, *data)
