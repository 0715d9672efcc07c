"""Thunderbird without a screen: a profile of its own, and its remote control.

    with Thunderbird(folder, site) as program:
        program.call("write", {"message": {"id": ...}, "text": ...})

What is called are the functions of thunderbird/desk.js, which run in the
program's main window with all its rights. The protocol is Marionette: JSON
arrays behind their length, [0, id, command, parameters] and
[1, id, error, result], over a connection to 127.0.0.1.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess

from harness import DEADLINE, eventually, read_file

HERE = os.path.dirname(os.path.realpath(__file__))
# The program itself; what Debian has in /usr/bin looks for old profiles.
PROGRAM = "/usr/lib/thunderbird/thunderbird"
PORT_FILE = "MarionetteActivePort"


def preferences(site):
    """One account in the laboratory; nothing that greets, asks, or leaves
    this machine."""
    return {
        "mail.account.account1.identities": "id1",
        "mail.account.account1.server": "server1",
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.identity.id1.fullName": "Alice",
        "mail.identity.id1.useremail": site.env["ALICE_ADDRESS"],
        "mail.identity.id1.smtpServer": "smtp1",
        "mail.identity.id1.valid": True,
        "mail.identity.id1.fcc": False,
        "mail.server.server1.type": "imap",
        "mail.server.server1.name": "Alice",
        "mail.server.server1.hostname": "localhost",
        "mail.server.server1.port": site.port("USER_IMAPS"),
        "mail.server.server1.socketType": 3,        # TLS
        "mail.server.server1.authMethod": 3,        # password
        "mail.server.server1.userName": site.env["ALICE_USER"],
        "mail.server.server1.check_new_mail": False,
        "mail.server.server1.login_at_startup": False,
        "mail.smtpservers": "smtp1",
        "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.type": "smtp",
        "mail.smtpserver.smtp1.hostname": "localhost",
        "mail.smtpserver.smtp1.port": site.port("USER_SUBMISSION"),
        "mail.smtpserver.smtp1.try_ssl": 2,         # STARTTLS
        "mail.smtpserver.smtp1.authMethod": 3,
        "mail.smtpserver.smtp1.username": site.env["ALICE_USER"],
        # whatever wants to go elsewhere finds a proxy that is not there
        "network.proxy.type": 1,
        "network.proxy.socks": "127.0.0.1",
        "network.proxy.socks_port": 9,
        "network.proxy.http": "127.0.0.1",
        "network.proxy.http_port": 9,
        "network.proxy.ssl": "127.0.0.1",
        "network.proxy.ssl_port": 9,
        "network.proxy.no_proxies_on": "localhost, 127.0.0.1",
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "network.dns.disableIPv6": True,
        "security.OCSP.enabled": 0,
        "services.settings.server": "http://127.0.0.1:9",
        "toolkit.telemetry.enabled": False,
        "toolkit.telemetry.server": "",
        "toolkit.telemetry.unified": False,
        "datareporting.healthreport.uploadEnabled": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "app.update.enabled": False,
        "extensions.update.enabled": False,
        "extensions.blocklist.enabled": False,
        "mail.inappnotifications.enabled": False,
        "mail.provider.suppress_dialog_on_startup": True,
        "mail.rights.version": 1,
        "mail.shell.checkDefaultClient": False,
        "mail.spotlight.firstRunDone": True,
        "mail.biff.play_sound": False,
        "mail.biff.show_alert": False,
        "mailnews.start_page.enabled": False,
        "mailnews.start_page_override.mstone": "ignore",
        "messenger.startup.action": 0,
        "mail.compose.attachment_reminder": False,
        "calendar.timezone.local": "UTC",
        "mailnews.database.global.indexer.enabled": False,
        "marionette.port": 0,
    }


class Thunderbird:
    """The program; gone when the block ends."""

    def __init__(self, folder, site):
        assert os.access(PROGRAM, os.X_OK), \
            "thunderbird is not installed (tools/packages)"
        self.folder = folder
        self.profile = f"{folder}/profile"
        self.site = site
        self.log = f"{folder}/thunderbird.log"
        self.process = self.socket = None
        self.count = 0

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """The program's own end may take its time: nothing here needs it."""
        if self.socket is not None:
            self.socket.close()
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def start(self):
        os.makedirs(self.profile, 0o700)
        with open(f"{self.profile}/user.js", "w") as f:
            for name, value in preferences(self.site).items():
                f.write(f"user_pref({json.dumps(name)}, "
                        f"{json.dumps(value)});\n")
        env = {"PATH": os.environ["PATH"], "HOME": self.folder,
               "TMPDIR": self.folder, "LANG": "C.UTF-8", "TZ": "UTC",
               "MOZ_CRASHREPORTER_DISABLE": "1", "MOZ_HEADLESS": "1"}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--headless", "--no-remote", "--marionette",
                 "--remote-allow-system-access", "--profile", self.profile],
                env=env, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        port = eventually(self.find_port, "Thunderbird's port", 2 * DEADLINE)
        self.socket = socket.create_connection(("127.0.0.1", port),
                                               2 * DEADLINE)
        self.stream = self.socket.makefile("rb")
        assert self.receive()["marionetteProtocol"] == 3
        self.command("WebDriver:NewSession", {"capabilities": {}})
        self.command("WebDriver:SetTimeouts", {
            "script": int(1000 * 1.5 * DEADLINE)})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.call("prepare", {
            "ca": pem_body(read_file(self.site.env["LAB_CA_CERT"])),
            "user": self.site.env["ALICE_USER"],
            "password": self.site.password("ALICE")})

    def find_port(self):
        assert self.process.poll() is None, read_file(self.log)
        try:
            return int(read_file(f"{self.profile}/{PORT_FILE}"))
        except (FileNotFoundError, ValueError):
            return None

    def receive(self):
        length = b""
        while (octet := self.stream.read(1)) != b":":
            assert octet, f"Thunderbird has ended:\n{read_file(self.log)}"
            length += octet
        return json.loads(self.stream.read(int(length)))

    def command(self, name, parameters):
        self.count += 1
        text = json.dumps([0, self.count, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = self.receive()
        assert number == self.count
        assert error is None, f"{name}: {error['message']}"
        return result

    def call(self, name, parameters):
        """What a function of desk.js returns."""
        script = read_file(f"{HERE}/thunderbird/desk.js") + """
            const [name, parameters, done] = arguments;
            desk[name](parameters).then(value => done({ value }),
                e => done({ error: `${e}\\n${e.stack}` }));"""
        result = self.command("WebDriver:ExecuteAsyncScript", {
            "script": script, "args": [name, parameters], "sandbox": "system",
            "newSandbox": False})["value"]
        assert "error" not in result, f"{name}: {result['error']}"
        return result.get("value")


def pem_body(pem):
    """The first object's base64."""
    return "".join(pem.split("-----")[2].split())
