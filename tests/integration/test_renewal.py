#!/usr/bin/python3
"""Renewal information as any client without an account reads it."""

import json
import re
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme import Client, b64
from harness import case, edit_config, run
from letters import answer


def certid(certificate):
    """RFC 9773 4.1, from the certificate alone."""
    key = certificate.extensions.get_extension_for_class(
        x509.AuthorityKeyIdentifier).value.key_identifier
    n = certificate.serial_number
    return f"{b64(key)}.{b64(n.to_bytes(n.bit_length() // 8 + 1, 'big'))}"


def moment(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), text
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=timezone.utc)


def window(answer_):
    found = answer_.json["suggestedWindow"]
    return moment(found["start"]), moment(found["end"])


def test_renewal(site):
    client = Client(site)
    order = client.order("alice@user.test")
    answer(site, order.challenge())
    order.challenge().post()
    leaf = order.certificate()[0]
    base = client.url_of("renewalInfo")
    url = f"{base}/{certid(leaf)}"
    anybody = Client(site)
    with case("AC-165, AC-17: right after issuance, without an account"):
        got = anybody.request("GET", url)
        assert got.status == 200, got
        assert got.headers["Retry-After"] == "21600"
        assert got.headers["Cache-Control"] == "public, max-age=3600"
        assert got.headers["Content-Type"] == "application/json"
        assert "Replay-Nonce" not in got.headers
        assert list(got.json) == ["suggestedWindow"], got
    with case("AC-168, PK-190: around the end of the second third"):
        start, end = window(got)
        before = leaf.not_valid_before.replace(tzinfo=timezone.utc)
        after = leaf.not_valid_after.replace(tzinfo=timezone.utc)
        v = after + timedelta(seconds=1) - before
        middle = after - v / 3
        assert abs(start + (end - start) / 2 - middle) < timedelta(seconds=2)
        assert abs(end - start - v / 50) < timedelta(seconds=2)
    with case("AC-8: HEAD is GET without a body"):
        head = anybody.request("HEAD", url)
        assert head.status == 200 and head.body == b"", head
        assert head.headers["Content-Length"] == str(len(got.body))
    with case("AC-7: a signed request is not for this"):
        refused = client.post(url, None, 405)
        assert refused.headers["Allow"] == "GET, HEAD, OPTIONS"
    with case("AC-166, AC-167: not an identifier, and none of ours"):
        for text, status in (("x", 400), (certid(leaf) + "=", 400),
                             (certid(leaf).replace(".", ".."), 400),
                             (certid(leaf) + "?x=1", 404),
                             ("whC0OzE6Bm45631FRb5T4D0RRBk.AQ", 404)):
            refused = anybody.request("GET", f"{base}/{text}")
            assert refused.status == status, (text, refused)
            assert refused.headers["Cache-Control"] == "no-store"
    with case("AC-96, AC-170, AC-171: an order that replaces it, once; and "
              "the admin sees both"):
        body = {"identifiers": [{"type": "email", "value": "alice@user.test"}],
                "replaces": certid(leaf)}
        made = client.post(client.url_of("newOrder"), body, 201)
        assert made.json["replaces"] == certid(leaf), made
        again = client.post(client.url_of("newOrder"), body, 409)
        assert again.problem == "alreadyReplaced", again
        renewal = made.headers["Location"]
        assert site.story(renewal)["replaces"] == certid(leaf)
        assert site.story(order.url)["replaced_by"] == \
            renewal.rpartition("/")[2]
        text = site.countersign("order", renewal.rpartition("/")[2])
        assert f"replaces the certificate: {certid(leaf)}\n" in text, text
        other = Client(site).account()
        foreign = other.post(other.url_of("newOrder"), body, 403)
        assert foreign.problem == "unauthorized", foreign
    with case("AC-168, PK-192: revoked: in the past, and why"):
        edit_config(site, policy__renewal_explanation_url="https://ca.test/x")
        site.reload()
        client.post(client.url_of("revokeCert"),
                    {"certificate": b64(leaf.public_bytes(Encoding.DER)),
                     "reason": 4}, 200)
        got = anybody.request("GET", url)
        start, end = window(got)
        assert start < end <= datetime.now(timezone.utc), got
        assert got.json["explanationURL"] == "https://ca.test/x", got
        step, = [s for s in site.story(order.url)["steps"]
                 if s["what"] == "the certificate was revoked"]
        assert step["detail"].startswith(
            "reason 4 (superseded), by account"), step
    with case("PK-178, AC-170: the list of orders says what was revoked, and "
              "what replaces it"):
        listed = {o["order"]: o for o in map(
            json.loads, site.countersign("orders", "--json").splitlines())}
        first = listed[order.url.rpartition("/")[2]]
        assert first["reason"] == 4 and first["revoked"], first
        assert first["revoked_by"].startswith("account:"), first
        assert first["replaced_by"] == renewal.rpartition("/")[2], first
        second = listed[renewal.rpartition("/")[2]]
        assert second["replaces"] == certid(leaf), second
        assert "revoked" not in second, second
        text = site.countersign("orders")
        assert text.count("(certificate revoked; waits for: nothing: the "
                          "certificate was issued)") == 1, text
        assert text.count("(renewal; waits for: ") == 1, text


run({}, test_renewal)
