"""Sites whose issuing key lives in SoftHSM, a token that can be taken away."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess

from harness import USER, Site, command, edit_config, eventually, read_file

PIN = "the-right-pin"
LABEL = "issuing"
ID = "0a1b"


def find_one(pattern):
    found = glob.glob(pattern)
    return found[0] if found else None


SOFTHSM = find_one("/usr/lib/softhsm/libsofthsm2.so") or \
    find_one("/usr/lib/*/softhsm/libsofthsm2.so")
CLIENT = find_one("/usr/lib/*/pkcs11/p11-kit-client.so")


def missing():
    """What is not installed here, or None."""
    for program in "softhsm2-util", "pkcs11-tool", "p11-kit":
        if shutil.which(program) is None:
            return program
    return None if SOFTHSM and CLIENT else "libsofthsm2.so, p11-kit-client.so"


class TokenSite(Site):
    """The token is a folder; the module works in the signer's process."""

    module = SOFTHSM
    # kill -9 of who uses them would tear SoftHSM's files.
    signer_kills = 0

    def __init__(self, settings=None):
        super().__init__(settings)
        self.settings["web.status_listen"] = \
            lambda env: f"127.0.0.1:{env['LAB_SPARE1_PORT']}"

    def init(self):
        super().init()
        self.status_port = self.port("LAB_SPARE1")
        self.owner = USER if os.getuid() == 0 else \
            pwd.getpwuid(os.getuid()).pw_name
        self.hsm = f"{self.folder}/hsm"
        self.tokens = f"{self.hsm}/tokens"
        self.pin_file = f"{self.state}/pin"
        os.mkdir(self.hsm)
        os.mkdir(self.tokens)
        self.give(self.hsm)
        self.give(self.tokens)
        with open(f"{self.hsm}/softhsm2.conf", "w") as f:
            f.write(f"directories.tokendir = {self.tokens}\n"
                    "objectstore.backend = file\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = f"{self.hsm}/softhsm2.conf"
        self.make_token()
        self.write_pin(PIN)
        edit_config(self, issuer__ca_key=None, issuer__ca_key_passphrase=None)
        text = read_file(self.config)
        more = {"key_module": self.module, "key_token": "ca",
                "key_label": LABEL, "key_id": ID, "key_pin": self.pin_file}
        lines = "".join(f'\t{k} = "{v}"\n' for k, v in more.items())
        with open(self.config, "w") as f:
            f.write(text.replace("issuer {\n", "issuer {\n" + lines, 1))
            if self.module != SOFTHSM:  # whose files are known
                f.write(f'signer {{\n\tfiles = {{ "{self.hsm}" }}\n}}\n')

    def give(self, path):
        shutil.chown(path, self.owner)

    def as_owner(self, *words):
        done = subprocess.run(words, user=self.owner, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"{words}: {done.stdout}"
        return done.stdout

    def make_token(self):
        """The key that `countersign init` made, and no copy elsewhere."""
        key, plain = f"{self.state}/ca/issuing-key.pem", f"{self.hsm}/key.pem"
        self.as_owner("softhsm2-util", "--init-token", "--free", "--label",
                      "ca", "--so-pin", "so-secret", "--pin", PIN)
        command("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key, "-out",
                plain, "-passin", f"file:{self.state}/ca/ca-passphrase")
        self.give(plain)
        self.as_owner("softhsm2-util", "--import", plain, "--token", "ca",
                      "--label", LABEL, "--id", ID, "--pin", PIN)
        os.unlink(plain)
        os.unlink(key)

    def write_pin(self, pin):
        """It belongs to whoever starts the server: root."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.pin_file)
        with open(self.pin_file, "w") as f:
            f.write(pin + "\n")
        os.chmod(self.pin_file, 0o400)

    def log_in_by_hand(self):
        self.as_owner("pkcs11-tool", "--module", SOFTHSM, "--token-label",
                      "ca", "--login", "--pin", PIN, "--list-objects")

    # -- away and back

    def take_away(self):
        os.rename(self.tokens, self.tokens + ".away")
        os.mkdir(self.tokens)
        self.give(self.tokens)

    def bring_back(self):
        os.rmdir(self.tokens)
        os.rename(self.tokens + ".away", self.tokens)

    @contextlib.contextmanager
    def without_token(self):
        self.take_away()
        try:
            yield
        finally:
            self.bring_back()


class RemoteTokenSite(TokenSite):
    """The module is a client; the token is a process behind a socket, as that
    of a device in the network."""

    module = CLIENT
    signer_kills = 3  # each halves what its ceilings leave (PK-204)
    key_type = "rsa4096"

    def init(self):
        super().init()
        self.socket = f"{self.hsm}/socket"
        self.server = None
        os.environ["P11_KIT_SERVER_ADDRESS"] = f"unix:path={self.socket}"
        self.bring_back()

    def bring_back(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        self.server = subprocess.Popen(
            ["p11-kit", "server", "-f", "-n", self.socket, "--provider",
             SOFTHSM, "pkcs11:"], user=self.owner, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self.answers, "the token's process")

    def answers(self):
        """The path is there a moment before anybody listens."""
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket) == 0

    def take_away(self):
        """The server and what it started for each client: its own group."""
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()

    def __exit__(self, *words):
        super().__exit__(*words)
        if getattr(self, "server", None) and self.server.poll() is None:
            self.take_away()
