"""HTTP/1.1 over TLS, octet by octet: nothing is corrected on the way out and
nothing is hidden on the way in."""

import json
import re
import socket
import ssl
import time
from urllib.parse import urlsplit

PROBLEM = "urn:ietf:params:acme:error:"


class Stop(Exception):
    """The run cannot go on: the budget of requests or of waiting is gone."""


class NoAnswer(Exception):
    """The connection ended before there was an answer."""


class Answer:
    """What came back, and what was asked."""

    def __init__(self, status, fields, body, sent, method, url):
        self.status = status
        self.fields = fields
        self.body = body
        self.sent = sent
        self.method = method
        self.url = url
        self.account = None     # whose key signed the request
        self.kind = "acme"      # "raw": made to be refused before routing
        self.seconds = 0.0
        self.closed = False

    def all(self, name):
        return [v for k, v in self.fields if k.lower() == name.lower()]

    def one(self, name):
        """The value of a field that must not be repeated, or None."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None

    @property
    def media_type(self):
        return (self.one("Content-Type") or "").partition(";")[0].strip()

    @property
    def json(self):
        """The object in the body; {} if there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def problem(self):
        """The ACME problem type without its prefix; None if it is none."""
        found = self.json.get("type")
        if self.status < 400 or not isinstance(found, str):
            return None
        return found.removeprefix(PROBLEM)

    @property
    def problems(self):
        """That type and those of the subproblems."""
        found = {self.problem} if self.problem else set()
        for sub in self.json.get("subproblems") or []:
            if isinstance(sub, dict) and isinstance(sub.get("type"), str):
                found.add(sub["type"].removeprefix(PROBLEM))
        return found

    def links(self, relation):
        """Targets of the Link fields with this relation."""
        return [url for value in self.all("Link")
                for url, rel in re.findall(r'<([^>]*)>\s*;\s*rel="?([^",;]*)',
                                           value) if rel == relation]

    def __str__(self):
        text = f"{self.status}"
        if self.status >= 400:
            text += f" {self.problem or '(no problem document)'}"
            detail = self.json.get("detail")
            if detail:
                text += f" {detail!r}"
        return text

    def dump(self):
        """The answer as it would stand in a mail to the server's author."""
        head = "".join(f"{k}: {v}\n" for k, v in self.fields)
        return f"HTTP/1.1 {self.status}\n{head}\n" \
            + self.body[:2000].decode("utf-8", "replace")


def read_answer(stream, method, sent, url):
    """Reads one answer; (answer, whether the connection may be used on)."""
    line = stream.readline(65536)
    if not line:
        raise NoAnswer("the connection was closed without an answer")
    match = re.fullmatch(rb"HTTP/1\.[01] (\d{3})( .*)?\r?\n", line)
    if match is None:
        raise NoAnswer(f"this is no HTTP/1.1 answer: {line[:80]!r}")
    fields = []
    while (line := stream.readline(65536)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        fields.append((name, value.strip()))
    answer = Answer(int(match[1]), fields, b"", sent, method, url)
    if answer.status == 100:
        return read_answer(stream, method, sent, url)
    if method == "HEAD" or answer.status in (204, 304):
        body = b""
    elif "chunked" in (answer.one("Transfer-Encoding") or "").lower():
        body = read_chunks(stream)
    elif (answer.one("Content-Length") or "").isdigit():
        body = stream.read(int(answer.one("Content-Length")))
    else:
        body = stream.read()
        answer.closed = True
    answer.body = body
    if "close" in (answer.one("Connection") or "").lower():
        answer.closed = True
    return answer


def read_chunks(stream):
    body = b""
    while size := int(stream.readline(1024).split(b";")[0] or b"0", 16):
        body += stream.read(size)
        stream.readline(4)
    while stream.readline(65536) not in (b"\r\n", b"\n", b""):
        pass
    return body


class Wire:
    """One server. Every answer is kept: the last checks look at them all."""

    def __init__(self, directory_url, context, pause=0.0, max_requests=2000,
                 max_wait=900, timeout=60):
        parts = urlsplit(directory_url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{directory_url} is not an https URL")
        self.host, self.port = parts.hostname, parts.port or 443
        self.authority = parts.netloc
        self.context = context
        self.pause = pause
        self.max_requests = max_requests
        self.max_wait = max_wait
        self.timeout = timeout
        self.requests = 0
        self.waited = 0.0
        self.answers = []
        self.connection = self.stream = None

    def connect(self, context=None):
        raw = socket.create_connection((self.host, self.port), self.timeout)
        try:
            return (context or self.context).wrap_socket(
                raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise

    def close(self):
        if self.connection is not None:
            self.stream.close()
            self.connection.close()
        self.connection = self.stream = None

    def count(self):
        if self.requests >= self.max_requests:
            raise Stop(f"--max-requests {self.max_requests} are used up")
        self.requests += 1
        if self.pause:
            time.sleep(self.pause)

    # -- one request

    def send(self, octets, method, url, fresh):
        """Sends these octets and reads one answer, on the connection that is
        open or a new one. What the server closed in between is no fault."""
        if fresh:
            self.close()
        reused = self.connection is not None
        try:
            if not reused:
                self.connection = self.connect()
                self.stream = self.connection.makefile("rb")
            self.connection.sendall(octets)
            return read_answer(self.stream, method, octets, url)
        except (OSError, NoAnswer, ValueError) as e:
            self.close()
            if reused:
                return self.send(octets, method, url, fresh)
            raise e if isinstance(e, NoAnswer) else NoAnswer(str(e)) from e

    def exchange(self, octets, method="GET", url="", fresh=True, kind="raw"):
        """As it is, on a connection of its own unless told otherwise."""
        self.count()
        begun = time.monotonic()
        answer = self.send(octets, method, url, fresh)
        answer.seconds = time.monotonic() - begun
        answer.kind = kind
        if answer.closed or fresh:
            self.close()
        self.answers.append(answer)
        return answer

    def request(self, method, url, fields=(), body=None, host=None,
                kind="acme", fresh=False):
        """A well-formed request with these fields, in this order."""
        parts = urlsplit(url)
        if parts.netloc and (parts.hostname, parts.port or 443) != \
                (self.host, self.port):
            raise Stop(f"the server points to another host: {url}")
        target = parts.path or "/"
        if "?" in url:
            target += "?" + parts.query
        lines = [f"{method} {target} HTTP/1.1",
                 f"Host: {host or self.authority}"]
        names = {k.lower() for k, _ in fields}
        if "user-agent" not in names:
            lines.append("User-Agent: acme-conformance/1")
        lines += [f"{k}: {v}" for k, v in fields if v is not None]
        if body is not None and "content-length" not in names:
            lines.append(f"Content-Length: {len(body)}")
        octets = "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" \
            + (body or b"")
        return self.exchange(octets, method, url, fresh, kind)

    def wait(self, answer):
        """After a 429 or 503: as long as the server says, within reason."""
        said = answer.one("Retry-After") or ""
        seconds = int(said) if said.isdigit() else 30
        if self.waited + seconds > self.max_wait:
            return False
        self.waited += seconds
        time.sleep(seconds)
        return True


def tls_context(cafile=None, insecure=False):
    context = ssl.create_default_context(cafile=cafile)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
