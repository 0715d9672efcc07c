#!/usr/bin/python3
"""Limits as clients and admins meet them: over HTTPS, after a restart, and in
`countersign limits` and `countersign suppress`."""

import json
import os
import signal
import time

from acme import Client
from harness import DEADLINE, case, command, edit_config, eventually, run
from letters import challenge_mail


def refused(answer, what):
    assert answer.status == 429 and answer.problem == "rateLimited", answer
    assert what in answer.json["detail"], answer
    wait = int(answer.headers["Retry-After"])
    assert wait > 0 and f"{wait} seconds" in answer.json["detail"], answer
    return wait


def try_order(client, *mailboxes):
    client.account()
    return client.post(client.url_of("newOrder"), {"identifiers": [
        {"type": "email", "value": m} for m in mailboxes]})


def test_mailbox(site):
    with case("AC-185, AC-189, ER-12: strangers share one budget for a "
              "mailbox, and it survives kill -9"):
        clients = [Client(site).account() for _ in range(4)]
        for client in clients[:3]:
            answer = try_order(client, "alice@user.test")
            assert answer.status == 201, answer
        refused(try_order(clients[3], "Alice+new@USER.test"),
                "challenge mails to one mailbox")
        os.kill(site.roles()["web"], signal.SIGKILL)
        late = Client(site, clients[3].key, patient=True)
        wait = refused(try_order(late, "alice@user.test"),
                       "challenge mails to one mailbox")
        assert 600 < wait <= 1200, wait
        assert try_order(late, "bob@user.test").status == 201

    with case("AC-191: limits says who is over them, as text and JSON"):
        text = site.countersign("limits")
        assert text.count("\n") == 1, text
        assert text.startswith("alice@user.test  used up until 20"), text
        lines = [json.loads(line) for line in
                 site.countersign("limits", "--all", "--json").splitlines()]
        used_up = [l for l in lines if l["wait_seconds"] > 0]
        assert [l["subject"] for l in used_up] == ["alice@user.test"], used_up
        assert {"bob@user.test", "user.test", "127.0.0.1", "server"} <= \
            {l["subject"] for l in lines}, lines

    with case("limits --reset gives it back, and says when there is nothing"):
        assert "full again" in site.countersign("limits", "--reset",
                                                "alice@user.test")
        (actor, *told), = site.query(
            "SELECT actor, object, result FROM audit "
            "WHERE event = 'limits reset'")
        assert actor.startswith("operator:"), actor
        assert told == ["subject:alice@user.test", "ok"], told
        assert try_order(late, "alice@user.test").status == 201
        text = site.countersign("limits", "--reset", "nobody@user.test",
                                status=1)
        assert "no limit counts that" in text, text


def test_suppress(site):
    with case("AC-189: a suppressed mailbox gets no mail, also none that "
              "waits"):
        client = Client(site).account()
        mark = site.mark()
        with site.without("ca-postfix"):
            answer = try_order(client, "carol@plain.test")
            assert answer.status == 201, answer
            order = answer.headers["Location"]
            # And until it is recorded: else it begins a pause afterwards.
            site.wait_event("challenge mail", mark, result="temporary failure",
                            order=order.rpartition("/")[2])
            text = site.countersign("suppress", "Carol+x@plain.test")
            assert text == ("carol@plain.test: gets no challenge mail for 90 "
                            "days\n"), text
        site.make_due()
        ended = eventually(
            lambda: (o := client.read(order))["status"] == "invalid" and o,
            "the order's end")
        assert ended["error"]["type"].endswith(":rejectedIdentifier"), ended
        answer = try_order(client, "CAROL@plain.test")
        assert (answer.status, answer.problem) == \
            (403, "rejectedIdentifier"), answer

    with case("suppress lists, lifts, and says what is wrong"):
        entry, = [json.loads(line) for line in site.countersign(
            "suppress", "--list", "--json").splitlines()]
        assert entry["mailbox"] == "carol@plain.test", entry
        assert "not suppressed" in site.countersign(
            "suppress", "--lift", "dave@plain.test", status=1)
        assert "gets mail again" in site.countersign(
            "suppress", "--lift", "carol@plain.test")
        assert try_order(client, "carol@plain.test").status == 201
        assert "no mailbox is suppressed" in site.countersign(
            "suppress", "--list")
        for words in (["no mailbox"], ["--days", "0", "a@b.example"], []):
            site.countersign("suppress", *words, status=1)


def test_rate(site):
    with case("AC-180: requests of one address, and Retry-After is true"):
        # One that a slow machine passes as well.
        edit_config(site, limits__request_rate="1", limits__request_burst="20")
        site.reload()
        client = Client(site)
        url = f"{client.base}/acme/directory"
        began, served = time.monotonic(), 0
        while (over := client.request("GET", url)).status == 200:
            served += 1
            took = time.monotonic() - began
            assert served <= 21 + took and took < DEADLINE, (served, took)
        assert refused(over, "requests of one client address") == 1
        time.sleep(1)
        assert client.request("GET", url).status == 200
        edit_config(site, limits__request_rate="100000",
                    limits__request_burst="100000")
        site.reload()

    with case("a limit that is none is refused with what would be right"):
        edit_config(site, limits__new_orders="many")
        text = command(f"{site.build}/countersignd", "-n", "-f", site.config,
                       status=1)
        assert "limits.new_orders" in text and "3/1h 6/24h" in text, text
        edit_config(site, limits__new_orders="none",
                    limits__mails_by_account="3/24h")
        text = command(f"{site.build}/countersignd", "-n", "-f", site.config,
                       status=1)
        assert "policy.max_identifiers" in text, text
        edit_config(site, limits__mails_by_account="50/24h")


def rejected(site, client):
    """What is on record of an account's orders that the rules refused."""
    account = client.kid.rpartition("/")[2]
    return [row[0] for row in site.query(
        "SELECT result FROM audit WHERE event = 'order rejected' AND "
        "actor = ? ORDER BY seq", f"account:{account}")]


def alone(results):
    """Those that stand by themselves, not in the number of a minute."""
    return [result for result in results if result != "several"]


def test_refusals_killed(site):
    client = Client(site).account()
    with case("PK-19: the first refusals of an hour are on record when they "
              "are answered, and kill -9 takes none"):
        for count in range(1, 12):
            answer = client.post(client.url_of("newOrder"), {"identifiers": [
                {"type": "dns", "value": "user.test"}]})
            assert answer.problem == "unsupportedIdentifier", answer
            if count <= 10:
                assert len(rejected(site, client)) == count
        site.kill_role("web")
        assert len(alone(rejected(site, client))) == 10
    with case("PK-19: an end that was asked for records the number, too"):
        again = Client(site, client.key, patient=True).account()
        for _ in range(11):
            again.post(again.url_of("newOrder"), {"identifiers": [
                {"type": "dns", "value": "user.test"}]})
        site.stop()
        site.start()
        found = rejected(site, again)
        assert len(alone(found)) == 20 and found[-1] == "several", found


run({"limits.mails_to_mailbox": "3/1h 6/24h",
     "limits.mails_to_domain": "1000/1h",
     "limits.mails_by_account": "50/24h",
     "limits.mails_by_address": "1000/24h",
     "limits.mails_total": "2000/1h"},
    test_mailbox, test_refusals_killed, test_suppress, test_rate)
