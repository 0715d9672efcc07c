"""A CA that is spoken to through CMP: OpenSSL's server side (cmp_tool), and
before it HTTP and HTTPS, where a message is stopped or an answer spoilt."""

import contextlib
import http.server
import json
import os
import ssl
import subprocess
import threading

from harness import DEADLINE, command

CMP_TYPE = "application/pkixcmp"
# PKIBody (RFC 9810 section 5.1.2).
KINDS = {0: "ir", 2: "cr", 11: "rr", 21: "genm", 23: "error", 24: "certConf",
         25: "pollReq"}


def signer(site, name, file=None):
    """A key and its certificate for CMP messages."""
    path = f"{site.state}/{file or name}"
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{path}.key",
            "-out", f"{path}.pem", "-subj", f"/CN={name}", "-addext",
            "keyUsage=critical,digitalSignature")
    os.chmod(f"{path}.key", 0o600)
    return f"{path}.pem", f"{path}.key"


def body_kind(message):
    """Of a PKIMessage, DER: the header is skipped, the body's tag read."""
    def skip(at):
        first = message[at + 1]
        if first < 0x80:
            return at + 2, first
        count = first & 0x7f
        return at + 2 + count, int.from_bytes(message[at + 2:at + 2 + count],
                                              "big")
    header, _ = skip(0)
    start, length = skip(header)
    return KINDS[message[start + length] & 0x1f]


class Stop:
    """One message that never gets an answer: before the CA has it, or
    after."""

    def __init__(self, kind, after):
        self.kind = kind
        self.after = after
        self.reached = threading.Event()
        self.released = threading.Event()

    def hold(self):
        self.reached.set()
        self.released.wait()


class CmpCa:
    def __init__(self, site):
        """It signs with what the site's own CA would have signed with."""
        self.certificate, key = signer(site, "cmp-ca")
        other, other_key = signer(site, "cmp-ca", "cmp-other")
        self.ra, self.ra_key = signer(site, "cmp-ra")
        self.kinds = []    # of the messages that came
        self.answers = []
        self.stop = None
        # The kind that is asked, and what is said instead, as often as it is
        # asked: who was not believed is asked again after a pause.
        self.spoil = None
        self.lock = threading.Lock()
        self.tool = subprocess.Popen(
            [f"{site.build}/tests/integration/cmp_tool",
             f"{site.folder}/other-ca", self.certificate, key, other,
             other_key, self.ra],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(site.env["LAB_HTTPS_CERT"],
                            site.env["LAB_HTTPS_KEY"])
        self.servers = [self.listen(None), self.listen(tls)]
        self.url, self.tls_url = (
            f"{scheme}://localhost:{server.server_port}/cmp"
            for scheme, server in zip(("http", "https"), self.servers))

    def listen(self, tls):
        class Handler(http.server.BaseHTTPRequestHandler):
            ca = self

            def do_POST(self):
                assert self.headers["Content-Type"] == CMP_TYPE
                answer = self.ca.receive(self.rfile.read(
                    int(self.headers["Content-Length"])))
                if answer is None:
                    return
                self.send_response(200)
                self.send_header("Content-Type", CMP_TYPE)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def close(self):
        for server in self.servers:
            server.shutdown()
        self.tool.stdin.close()
        assert self.tool.wait(DEADLINE) == 0, "the CMP server"

    # -- what comes

    def receive(self, message):
        kind = body_kind(message)
        self.kinds.append(kind)
        stop = self.stop
        if stop is not None and stop.kind == kind:
            self.stop = None
        else:
            stop = None
        if stop is None or stop.after:
            answer = self.ask(f"message {len(message)}\n".encode() + message)
            self.answers.append(answer)
        if stop is not None:
            stop.hold()
            return None
        spoil = self.spoil
        if spoil is not None and spoil[0] == kind:
            return spoil[1](answer)
        return answer

    def ask(self, octets):
        with self.lock:
            self.tool.stdin.write(octets)
            self.tool.stdin.flush()
            length = self.tool.stdout.readline()
            assert length, "the CMP server has ended"
            return self.tool.stdout.read(int(length))

    # -- what it does

    def stop_at(self, kind, after):
        self.stop = Stop(kind, after)
        return self.stop

    def set(self, name, value):
        self.ask(f"set {name} {int(value)}\n".encode())

    @contextlib.contextmanager
    def doing(self, name, value=1):
        self.set(name, value)
        yield
        self.set(name, 0)

    def seen(self):
        return json.loads(self.ask(b"seen\n"))

    @contextlib.contextmanager
    def counting(self, **wanted):
        """What comes while the block runs is this, and nothing else but
        polls is."""
        before = self.seen()
        yield
        after = self.seen()
        found = {k: after[k] - before[k] for k in after
                 if k not in ("polls", "reason") and after[k] != before[k]}
        assert found == wanted, (found, self.kinds)
