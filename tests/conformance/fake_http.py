"""The HTTPS side of the suite's own server: strict, but for its faults."""

import os
import re
import socket
import ssl
import tempfile
import threading
import time

from fake_parts import MAX_BODY, TYPE, Problem, Response, malformed, \
    web_certificate


class Request:
    def __init__(self, method, target, fields):
        self.method, self.target, self.fields = method, target, fields
        self.body = b""

    def all(self, name):
        return [v for k, v in self.fields if k == name.lower()]


class HttpServer:
    """A thread for each connection, one lock around all handlers. Who
    inherits has answer(request)."""

    def __init__(self, faults=()):
        self.faults = frozenset(faults)
        self.lock = threading.RLock()
        self.requests = 0

    def bad(self, name):
        return name in self.faults

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        for name in "in", "out":
            os.mkdir(f"{self.folder}/{name}")
        web_certificate(self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(f"{self.folder}/web.pem",
                                f"{self.folder}/web.key")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.base = f"https://localhost:{self.listener.getsockname()[1]}"
        self.directory = self.base + "/dir"
        self.live = True
        self.tls = context
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.live = False
        self.listener.close()
        time.sleep(0.2)
        self.temporary.cleanup()

    def accept(self):
        while self.live:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,),
                             daemon=True).start()

    def serve(self, raw):
        try:
            raw.settimeout(30)
            with self.tls.wrap_socket(raw, server_side=True) as s:
                stream = s.makefile("rb")
                while self.one_request(s, stream):
                    pass
        except (OSError, ValueError):
            pass

    def one_request(self, s, stream):
        """True: the connection goes on."""
        try:
            request = self.read_request(stream)
        except Problem as e:
            s.sendall(self.format(None, self.problem(e, None), close=True))
            # What still comes is read, lest a reset overtakes the answer.
            s.settimeout(0.2)
            try:
                while s.recv(65536):
                    pass
            except OSError:
                pass
            return False
        if request is None:
            return False
        self.requests += 1
        with self.lock:
            # However busy the machine is: what was sent before has come.
            self.take_mail()
            response = self.answer(request)
        close = "close" in [v.lower() for v in request.all("connection")]
        s.sendall(self.format(request, response, close))
        return not close

    def read_request(self, stream):
        line = stream.readline(2050)
        if not line:
            return None
        if len(line) > 2048:
            raise malformed("request line", 414)
        words = line.decode("latin-1").rstrip("\r\n").split(" ")
        if len(words) != 3:
            raise malformed("request line")
        head, fields = b"", []
        while (line := stream.readline(20000)) not in (b"\r\n", b""):
            head += line
            if len(head) > 16384:
                raise malformed("header section", 431)
            text = line.decode("latin-1")
            if not self.bad("lenient framing") and (
                    not text.endswith("\r\n") or "\r" in text[:-2]
                    or "\0" in text or not re.match(
                        r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:", text)):
                raise malformed("header section")
            name, _, value = text.partition(":")
            fields.append((name.strip().lower(), value.strip()))
        request = Request(words[0], words[1], fields)
        self.read_body(request, stream)
        return request

    def read_body(self, request, stream):
        lengths = request.all("content-length")
        codings = request.all("transfer-encoding")
        if lengths and codings or len(set(lengths)) > 1 or \
                any(not v.isdigit() for v in lengths) or \
                any(c.lower() != "chunked" for c in codings):
            raise malformed("framing")
        if len(request.all("host")) != 1:
            raise malformed("host")
        if lengths:
            if int(lengths[0]) > MAX_BODY:
                raise malformed("body", 413)
            request.body = stream.read(int(lengths[0]))
        while codings:
            size = int(stream.readline(64).split(b";")[0] or b"0", 16)
            if len(request.body) + size > MAX_BODY:
                raise malformed("body", 413)
            request.body += stream.read(size)
            stream.readline(4)
            if size == 0:
                break

    def format(self, request, response, close):
        lines = [f"HTTP/1.1 {response.status} X"]
        fields = list(response.fields)
        if response.raw:
            fields.append(("Content-Type", response.kind))
        if response.status != 204:
            fields.append(("Content-Length", len(response.raw)))
        if close:
            fields.append(("Connection", "close"))
        lines += [f"{k}: {v}" for k, v in fields]
        body = b"" if request and request.method == "HEAD" else response.raw
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def problem(self, e, request):
        body = dict(e.body)
        if self.bad("wrong problem types"):
            body["type"] = TYPE + "notRegistered"
        if self.bad("status differs"):
            body["status"] = 418
        return Response(e.status, body, e.fields + [
            ("Content-Language", "en")], kind="application/json"
            if self.bad("problems as application/json")
            else "application/problem+json")
