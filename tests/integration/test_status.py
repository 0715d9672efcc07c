#!/usr/bin/python3
"""Revocation lists and OCSP as others see them: over plain HTTP, read by
openssl, GnuTLS and curl."""

import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from acme import Client
from harness import DEADLINE, case, command, edit_config, eventually, \
    in_time, open_in, read_file, run
from letters import proven


def place(site):
    return "127.0.0.1", site.port("LAB_SPARE1")


def base(site):
    return "http://{}:{}".format(*place(site))


def fetch(site, path, method="GET", body=None, headers=None):
    link = http.client.HTTPConnection(*place(site), timeout=DEADLINE)
    try:
        link.request(method, path, body, headers or {})
        got = link.getresponse()
        return got.status, dict(got.getheaders()), got.read()
    finally:
        link.close()


def certificate(site, client, mailbox):
    return proven(site, client, mailbox).certificate()[0]


def write(site, name, octets):
    path = f"{site.folder}/{name}"
    with open(path, "wb") as f:
        f.write(octets)
    return path


def serial(leaf):
    return f"{leaf.serial_number:034x}"


def revoke(site, leaf, reason):
    site.countersign("cert", "--revoke", "--reason", str(reason),
                     serial(leaf))


def openssl_says(site, leaf, algorithm="-sha1"):
    """good, revoked …: by POST, verified to the root."""
    path = write(site, "leaf.pem", leaf.public_bytes(Encoding.PEM))
    said = command(
        "openssl", "ocsp", "-issuer", f"{site.state}/ca/issuing.pem",
        algorithm, "-cert", path, "-url", f"{base(site)}/ocsp",
        "-CAfile", f"{site.state}/ca/root.pem", "-verify_other",
        f"{site.state}/ca/issuing.pem", "-no_nonce")
    return re.search(r"leaf\.pem: (\w+)", said)[1]


def request(site, leaf, algorithm):
    issuer = x509.load_pem_x509_certificate(
        read_file(f"{site.state}/ca/issuing.pem").encode())
    return ocsp.OCSPRequestBuilder().add_certificate(
        leaf, issuer, algorithm).build().public_bytes(Encoding.DER)


def get_path(der):
    return "/ocsp/" + urllib.parse.quote(base64.b64encode(der), safe="")


def test_list(site):
    client = Client(site)
    leaf = certificate(site, client, "alice@user.test")
    with case("PK-104, PK-105: the certificate names list, issuer, OCSP"):
        info = leaf.extensions.get_extension_for_class(
            x509.AuthorityInformationAccess).value
        urls = [d.access_location.value for d in info]
        assert urls == ["http://crl.ca.test/issuing.cer",
                        "http://ocsp.ca.test/ocsp"], urls
    with case("PK-161: the list over HTTP, with its headers"):
        status, headers, der = fetch(site, "/issuing.crl")
        assert status == 200, status
        crl = x509.load_der_x509_crl(der)
        assert headers["Content-Type"] == "application/pkix-crl"
        assert headers["Content-Length"] == str(len(der))
        assert headers["ETag"] == f'"{hashlib.sha256(der).hexdigest()}"'
        assert 0 < int(re.fullmatch(r"max-age=(\d+)",
                                    headers["Cache-Control"])[1]) <= 3600
        assert headers["Last-Modified"] == crl.last_update.strftime(
            "%a, %d %b %Y %H:%M:%S GMT")
        for name in "Set-Cookie", "Location", "Content-Encoding", "Vary":
            assert name not in headers, headers
    with case("PK-161: HEAD and conditional requests"):
        status, head, body = fetch(site, "/issuing.crl", "HEAD")
        assert status == 200 and body == b"", status
        assert head["Content-Length"] == headers["Content-Length"]
        for name, value in (("If-None-Match", headers["ETag"]),
                            ("If-None-Match", f'"x", {headers["ETag"]}'),
                            ("If-Modified-Since", headers["Last-Modified"])):
            status, _, body = fetch(site, "/issuing.crl", headers={name: value})
            assert status == 304 and body == b"", (name, status)
        status, _, body = fetch(site, "/issuing.crl", headers={
            "Accept-Encoding": "gzip, br", "If-None-Match": '"x"'})
        assert status == 200 and body == der
        assert fetch(site, "/issuing.crl", "POST", b"x")[0] == 405
        assert fetch(site, "/nothing")[0] == 404
    with case("PK-105: caIssuers is the issuing CA in DER"):
        status, headers, body = fetch(site, "/issuing.cer")
        assert headers["Content-Type"] == "application/pkix-cert"
        pem = x509.load_der_x509_certificate(body).public_bytes(Encoding.PEM)
        assert pem.decode() == read_file(f"{site.state}/ca/issuing.pem")
    with case("PK-151: openssl and GnuTLS verify the list"):
        path = write(site, "list.crl", der)
        command("openssl", "crl", "-inform", "DER", "-in", path, "-noout",
                "-CAfile", f"{site.state}/ca/issuing.pem", "-verify")
        pem = write(site, "list.pem", crl.public_bytes(Encoding.PEM))
        command("certtool", "--verify-crl", "--infile", pem,
                "--load-ca-certificate", f"{site.state}/ca/issuing.pem")
    with case("curl fetches the same"):
        path = f"{site.folder}/curl.crl"
        command("curl", "-sSf", "-o", path,
                f"{base(site)}/issuing.crl")
        with open(path, "rb") as f:
            assert f.read() == fetch(site, "/issuing.crl")[2]
    with case("PK-164: countersign crl list"):
        told = json.loads(site.countersign("crl", "list", "--json"))
        assert list(told.values()) == [["http://crl.ca.test/issuing.crl"]]
        assert "number" in site.countersign("crl", "list")


def test_ocsp(site):
    client = Client(site)
    leaf = certificate(site, client, "bob@user.test")
    with case("PK-149, PK-165: the certificate is there, and so is good"):
        assert openssl_says(site, leaf) == "good"
        assert openssl_says(site, leaf, "-sha256") == "good"
    with case("PK-165, PK-168: GnuTLS agrees"):
        der = request(site, leaf, hashes.SHA1())
        _, headers, body = fetch(site, get_path(der))
        path = write(site, "answer.der", body)
        said = command("ocsptool", "--verify-response", "--load-response",
                       path, "--load-trust",
                       f"{site.state}/ca/issuing.pem")
        assert "Success" in said, said
    with case("PK-166, PK-175: GET, bare and escaped; the headers"):
        got = ocsp.load_der_ocsp_response(body)
        assert got.certificate_status == ocsp.OCSPCertStatus.GOOD
        assert headers["Content-Type"] == "application/ocsp-response"
        assert re.fullmatch(r"max-age=\d+, public, no-transform, "
                            "must-revalidate", headers["Cache-Control"])
        form = "%a, %d %b %Y %H:%M:%S GMT"
        assert headers["Last-Modified"] == got.this_update.strftime(form)
        assert headers["Expires"] == got.next_update.strftime(form)
        bare = "/ocsp/" + base64.b64encode(der).decode()
        assert fetch(site, bare)[2] == body
        status, _, none = fetch(site, bare, headers={
            "If-None-Match": headers["ETag"]})
        assert status == 304 and none == b""
    with case("PK-171, PK-170: errors have status 200 and are not kept"):
        for octets, wanted in ((b"0\0", "MALFORMED_REQUEST"),
                               (b"x" * 5000, "MALFORMED_REQUEST"),
                               (None, "UNAUTHORIZED")):
            if octets is None:
                other = site.env["LAB_HTTPS_CERT"]
                stranger = x509.load_pem_x509_certificate(
                    read_file(other).encode())
                octets = request(site, stranger, hashes.SHA256())
            status, headers, body = fetch(site, "/ocsp", "POST", octets, {
                "Content-Type": "application/ocsp-request"})
            got = ocsp.load_der_ocsp_response(body)
            assert status == 200, status
            assert got.response_status.name == wanted, got.response_status
            assert headers["Cache-Control"] == "no-store"
    with case("PK-169, PK-174, PK-182: revoked, within a minute, and the "
              "list agrees"):
        revoke(site, leaf, 4)
        eventually(lambda: openssl_says(site, leaf) == "revoked", "revoked")
        path = get_path(request(site, leaf, hashes.SHA256()))
        got = ocsp.load_der_ocsp_response(fetch(site, path)[2])
        assert got.revocation_reason == x509.ReasonFlags.superseded

        def entry():
            return x509.load_der_x509_crl(
                fetch(site, "/issuing.crl")[2]
            ).get_revoked_certificate_by_serial_number(leaf.serial_number)
        eventually(lambda: entry() is not None, "the list")
        assert entry().revocation_date == got.revocation_time


def test_replaced(site):
    """PK-161: old or new, never a mix, while the file is replaced."""
    path = f"{site.state}/state/issuing.crl"
    with open(path, "rb") as f:
        first = f.read()
    # as long, still DER, and not the same
    second = first[:-8] + bytes(b ^ 0xff for b in first[-8:])
    stop = threading.Event()
    wrong, seen = [], set()

    def read():
        while not stop.is_set():
            _, headers, body = fetch(site, "/issuing.crl")
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            if body not in (first, second) or headers["ETag"] != tag:
                wrong.append(len(body))
            seen.add(body)

    def replace_some():
        for i in range(500):
            with open(path + ".new", "wb") as f:
                f.write(second if i % 2 == 0 else first)
            os.rename(path + ".new", path)
        return len(seen) > 1 or wrong or not reader.is_alive()

    with case("PK-161: 500 replacements while it is fetched"):
        issuer = site.roles()["issuer"]
        os.kill(issuer, signal.SIGSTOP)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            eventually(replace_some, "both of them to be read")
        finally:
            stop.set()
            reader.join()
            os.kill(issuer, signal.SIGCONT)
        assert not wrong, wrong[:5]
        assert seen == {first, second}, "one of them was never read"


def test_slow(site):
    """One peer does not keep the others from the list."""
    def trickle(link):
        try:
            link.sendall(b"G")
            return True
        except OSError:
            return False

    def still(begun):
        time.sleep(0.5)
        return sum(map(trickle, begun))

    def crowd():
        """300 that trickle, and how long the first has; those that were left
        after the others had been turned away."""
        began = time.monotonic()
        begun = [socket.create_connection(place(site), timeout=DEADLINE)
                 for _ in range(300)]
        try:
            # Whoever was turned away learns it by the first octet.
            left.append(eventually(
                lambda: (n := still(begun)) <= 64 and [n],
                "the others to be turned away")[0])
            other = socket.create_connection(
                place(site), DEADLINE, ("127.0.0.2", 0))
            other.sendall(b"GET /issuing.crl HTTP/1.1\r\nHost: x\r\n\r\n")
            assert other.recv(15) == b"HTTP/1.1 200 OK"
            other.close()
            took = time.monotonic() - began
            eventually(lambda: still(begun) == 0, "the end of all of them")
        finally:
            for link in begun:
                link.close()
        return took

    left = []
    with case("PK-161: one address has no more than its share, and not for "
              "long, however it trickles"):
        # Before the time is over that the server gives to each.
        in_time(8, "the crowd", crowd)
        assert 0 < left[-1] <= 64, left
        assert fetch(site, "/issuing.crl")[0] == 200
    with case("PK-166: a body without an end is not read for ever"):
        with socket.create_connection(place(site), DEADLINE) as link:
            link.sendall(b"POST /ocsp HTTP/1.1\r\nHost: x\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n")
            sent = 0
            try:
                while sent < 50_000_000:
                    link.sendall(b"1000\r\n" + b"0" * 4096 + b"\r\n")
                    sent += 4096
            except OSError:
                pass
            assert sent < 50_000_000


def test_public_names(site):
    with case("PK-133, PK-212: what the CA's own certificate names is served"):
        root = x509.load_pem_x509_certificate(
            read_file(f"{site.state}/ca/root.pem").encode())
        status, headers, der = fetch(site, "/root.crl")
        assert status == 200, status
        assert headers["Content-Type"] == "application/pkix-crl"
        assert x509.load_der_x509_crl(der).is_signature_valid(
            root.public_key())
        status, headers, der = fetch(site, "/root.cer")
        assert status == 200 and der == root.public_bytes(Encoding.DER)
        assert headers["Content-Type"] == "application/pkix-cert"
    with case("PK-133: names that lead nowhere are told, one line each"):
        said = command(f"{site.build}/countersign", "ca", "check-urls", "-f",
                       site.config, status=1).splitlines()
        assert len(said) == 5, said
        for url in ("crl.ca.test/issuing.crl", "crl.ca.test/issuing.cer",
                    "ocsp.ca.test/ocsp", "crl.ca.test/root.crl",
                    "crl.ca.test/root.cer"):
            assert any(line.startswith(f"WRONG http://{url}: ")
                       for line in said), said
        assert not any(re.search(r"(http://\S+): \1: ", line)
                       for line in said), said
        found = site.countersign("check", status=None)
        assert "warn  URLs in certificates: " in found, found
        assert "ok    list of the CA above: good until " in found, found


def test_alone(site):
    client = Client(site, patient=True)
    leaf = certificate(site, client, "carol@plain.test")
    path = get_path(request(site, leaf, hashes.SHA1()))
    with case("PK-176: answers without database and issuer"):
        os.kill(site.roles()["issuer"], signal.SIGSTOP)
        os.rename(site.database, site.database + ".away")
        with open(site.database, "wb") as f:
            f.write(b"this is no database" * 1000)
        try:
            got = ocsp.load_der_ocsp_response(fetch(site, path)[2])
            assert got.certificate_status == ocsp.OCSPCertStatus.GOOD
            assert fetch(site, "/issuing.crl")[0] == 200
        finally:
            os.rename(site.database + ".away", site.database)
            os.kill(site.roles()["issuer"], signal.SIGCONT)


def openssl_asks(site, nonce, *serials, exit=0):
    """With a nonce or without, about several numbers: what it prints."""
    words = [w for s in serials for w in ("-serial", f"0x{s}")]
    return command(
        "openssl", "ocsp", "-issuer", f"{site.state}/ca/issuing.pem",
        *words, "-url", f"{base(site)}/ocsp",
        "-CAfile", f"{site.state}/ca/root.pem", "-verify_other",
        f"{site.state}/ca/issuing.pem", "-text",
        "-nonce" if nonce else "-no_nonce", status=exit)


def test_live(site):
    client = Client(site, patient=True)
    leaf = certificate(site, client, "carol@plain.test")
    never = "01" + "5a" * 16
    site.stop()
    edit_config(site, issuer__ocsp_mode="live")
    mark = site.mark()
    site.start()
    site.wait_event("OCSP answers are live", mark)

    def asked(*serials, nonce=True):
        # It may say so while the responder has much else to do (PK-171).
        said = eventually(
            lambda: "Responder Error: trylater" not in (t := openssl_asks(
                site, nonce, *serials, exit=None)) and t, "an answer")
        assert "Response verify OK" in said, said
        assert "WARNING" not in said, said
        return re.findall(r"0x\w+: (\w+)", said), said
    with case("PK-173: openssl gets its nonce back"):
        status, said = asked(serial(leaf))
        assert status == ["good"], said
        assert said.count("OCSP Nonce") == 2, said
        assert asked(serial(leaf), nonce=False)[1].count("OCSP Nonce") == 0
    with case("PK-170, PK-172: a number that was never issued is unknown; "
              "several in one answer"):
        assert asked(never)[0] == ["unknown"]
        assert asked(serial(leaf), never, serial(leaf))[0] == [
            "good", "unknown", "good"]
    with case("PK-169: revoked, in an answer with a nonce"):
        revoke(site, leaf, 3)
        eventually(lambda: asked(serial(leaf))[0] == ["revoked"],
                   "revoked")
    with case("PK-177: killed, it comes back with another key"):
        mark = site.mark()
        os.kill(site.roles()["responder"], signal.SIGKILL)
        site.wait_event("OCSP answers are live", mark)
        assert asked(serial(leaf))[0] == ["revoked"]
    with case("PK-202: it holds neither the database nor the CA's key"):
        pid = site.roles()["responder"]
        links = open_in(pid)
        assert not any(".key" in link or site.database in link
                       or "pem" in link for link in links), links
        assert re.search(r"(?m)^Seccomp:\s+2$",
                         read_file(f"/proc/{pid}/status"))
    with case("PK-171: while it stands still, others are not kept waiting"):
        os.kill(pid, signal.SIGSTOP)
        try:
            octets = ocsp.OCSPRequestBuilder().add_certificate(
                leaf, x509.load_pem_x509_certificate(read_file(
                    f"{site.state}/ca/issuing.pem").encode()),
                hashes.SHA256()).add_extension(
                    x509.OCSPNonce(b"n" * 32), False).build().public_bytes(
                        Encoding.DER)
            for _ in range(3):
                got = ocsp.load_der_ocsp_response(
                    fetch(site, "/ocsp", "POST", octets)[2])
                assert got.response_status.name == "TRY_LATER"
            assert openssl_says(site, leaf) == "revoked"
            assert fetch(site, "/issuing.crl")[0] == 200
        finally:
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: "revoked" in openssl_asks(
            site, True, serial(leaf), exit=None), "its answer")


run({"web.status_listen":
     lambda env: f"127.0.0.1:{env['LAB_SPARE1_PORT']}",
     "issuer.ocsp_url": "http://ocsp.ca.test/ocsp",
     "issuer.ocsp_folder": "state/ocsp"},
    test_list, test_ocsp, test_replaced, test_public_names, test_slow,
    test_alone, test_live)
