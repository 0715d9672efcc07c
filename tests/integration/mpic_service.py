"""A service that speaks the Open MPIC API as a test wants it to
(mpic-open-api.md 6): by default well, nested as the public software does."""

import contextlib
import http.server
import json
import os
import shutil
import ssl
import threading
import time

from harness import USER, Site, edit_config
from views import PLACES, Authority, key_record

CODES = [code for code, _, _ in PLACES]
KEY = "a-key-of-the-service"


class Service:
    """What it says can be changed while it runs:

    views      code → {"caa": …, "dcv": …}: changes of a check_response; None:
               the code is not among the answers
    more       further elements, as (code, {"caa": …, "dcv": …})
    changes    of the whole answer, made by a function
    status     in place of 200; fields: header fields with it
    body       in place of the answer
    """

    def __init__(self, authority, records):
        self.records = records
        self.requests = []
        self.well()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                service.answer(self)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.plain = self.http.socket
        self.certify(authority)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"https://localhost:{self.http.server_port}/base/v1"

    def certify(self, authority):
        """From the next connection on."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*authority.issue("service", "serverAuth",
                                             "DNS:localhost"))

        def get_request():
            connection, address = self.plain.accept()
            return tls.wrap_socket(connection, server_side=True,
                                   do_handshake_on_connect=False), address
        self.http.get_request = get_request

    def well(self):
        self.views, self.more = {}, []
        self.changes = None
        self.status, self.fields, self.body = 200, {}, None
        self.form = self.nested
        self.shows = True

    @contextlib.contextmanager
    def saying(self, **how):
        """Such and such while the block runs."""
        self.well()
        for name, value in how.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        try:
            yield
        finally:
            self.well()

    def asked(self, mark=0, about="plain.test"):
        """Since then; not the check of each start, which is about ca.test
        and comes when it comes."""
        return [r for r in self.requests[mark:]
                if r["domain_or_ip_target"] == about]

    def mark(self):
        return len(self.requests)

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    # -- an answer

    def check(self, request, changes):
        if request["check_type"] == "caa":
            passed, records = True, None
            details = {"caa_record_present": False, "found_at": None,
                       "records_seen": None}
        else:
            wanted = request["dcv_check_parameters"]
            records = self.records
            passed = any(wanted["challenge_value"] in r for r in records)
            details = {"validation_method": wanted["validation_method"],
                       "records_seen": records if self.shows else None,
                       "response_code": 0, "ad_flag": False, "found_at":
                       wanted["dns_name_prefix"] + "."
                       + request["domain_or_ip_target"], "cname_chain": []}
        found = {"check_completed": True, "check_passed": passed,
                 "errors": None, "timestamp_ns": time.time_ns(),
                 "check_type": request["check_type"], "details": details}
        details.update((changes or {}).get("details", {}))
        return found | {k: v for k, v in (changes or {}).items()
                        if k != "details"}

    @staticmethod
    def nested(code, check):
        return {"perspective_code": code, "check_response": check}

    @staticmethod
    def flat(code, check):
        """As the specification's example is printed."""
        details = dict(check["details"])
        if "records_seen" in details:
            details["response"] = details.pop("records_seen")
        return {"perspective_code": code} | check | {"details": details}

    def elements(self, request):
        kind = request["check_type"]
        said = [(code, self.views.get(code, {})) for code in CODES]
        return [self.form(code, self.check(request, view.get(kind)))
                for code, view in said + self.more if view is not None]

    def whole(self, request):
        kind = request["check_type"] + "_check_parameters"
        asked = request["orchestration_parameters"]
        return {"mpic_completed": True,
                "request_orchestration_parameters": asked,
                "actual_orchestration_parameters": {
                    "perspective_count": asked["perspective_count"],
                    "quorum_count": asked["quorum_count"],
                    "attempt_count": 1},
                "check_type": request["check_type"],
                "domain_or_ip_target": request["domain_or_ip_target"],
                "is_valid": True,
                "trace_identifier": request["trace_identifier"],
                "perspectives": self.elements(request), kind: request[kind],
                "previous_attempt_results": None}

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        request = json.loads(body)
        assert handler.path == "/base/v1/mpic", handler.path
        assert handler.headers["x-api-key"] == KEY
        self.requests.append(request)
        if self.body is not None:
            body = self.body
        else:
            whole = self.whole(request)
            if self.changes is not None:
                self.changes(whole)
            body = json.dumps(whole).encode()
        with contextlib.suppress(OSError):    # it may have heard enough
            handler.send_response(self.status)
            for name, value in self.fields.items():
                handler.send_header(name, value)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)


class ServiceSite(Site):
    """A laboratory, and a service with five perspectives."""

    service = None

    def start(self):
        """The first time: when all records are published."""
        if self.service is None:
            self.make_service()
        super().start()

    def make_service(self):
        self.pki = Authority(f"{self.folder}/mpic", "services")
        self.service = Service(self.pki, [key_record(self)])
        key = f"{self.folder}/mpic/key"
        with open(key, "w", opener=lambda path, flags: os.open(
                path, flags, 0o600)) as f:
            f.write(KEY + "\n")
        shutil.chown(key, USER)
        with open(self.config, "a") as f:
            f.write(f'open_mpic one {{\n\turl = "{self.service.url}"\n'
                    f'\tca_file = "{self.pki.file}"\n\tkey = "{key}"\n}}\n')
            for code, rir, location in PLACES:
                f.write(f'perspective {code} {{\n\trir = {rir}\n'
                        f'\tlocation = "{location}"\n}}\n')
        edit_config(self, mpic__policy="record", mpic__dkim_via_dcv="yes")

    def __exit__(self, *_):
        if self.service is not None:
            self.service.close()
        super().__exit__()
