#!/usr/bin/python3
"""A service that asks the perspectives (mpic-open-api.md), scripted: what it is
asked, what becomes of each answer that it may give, and of an order."""

import base64
import hashlib
import json
import re

from acme import Client
from harness import case, edit_config, eventually, run
from letters import answer
from mpic_service import CODES, ServiceSite
from views import Authority, key_record

CAROL = "carol@plain.test"
NOBODY = '0 issuemail ";"'
US = '0 issuemail "ca.test"'
OTHER_KEY = ("v=DKIM1; k=ed25519; p="
             + base64.b64encode(bytes(range(32))).decode())


def ordered(site):
    """An order of a new account, whose reply is on its way."""
    order = Client(site).order(CAROL)
    challenge = order.challenge()
    challenge.post()
    answer(site, challenge, "CAROL")
    return order, challenge


def authz_of(order):
    url, = order.read()["authorizations"]
    return url.rpartition("/")[2]


def kept(site, authz):
    """What is stored of the newest check; nothing before it is made."""
    found = site.query("SELECT trace FROM caa WHERE authz_id = ? AND "
                       "checked_at > 0 ORDER BY checked_at DESC LIMIT 1",
                       authz)
    return json.loads(found[0][0])["corroboration"] if found else None


def tried(site, **how):
    """(outcome, code → answer, authorization, what was asked) of one order,
    which with the policy "record" is no worse off."""
    mark = site.service.mark()
    with site.service.saying(**how):
        order, challenge = ordered(site)
        challenge.wait("valid")
        authz = authz_of(order)
        found = eventually(lambda: kept(site, authz), "the check")
    return (found["outcome"],
            {p["code"]: p["answer"] for p in found["perspectives"]},
            authz, site.service.asked(mark))


def dcv(**changes):
    return {"dcv": changes}


def caa(**changes):
    return {"caa": changes}


def sees(*records):
    return dcv(check_passed=False, details={"records_seen": list(records)})


def first(n, view):
    return {code: view for code in CODES[:n]}


def put(**members):
    return lambda whole: whole.update(members)


def spaced(record):
    """Its p= with a blank in it."""
    head, _, key = record.partition("p=")
    return f"{head}p={key[:20]} {key[20:]}"


# --- what it is asked -------------------------------------------------------

def test_question(site):
    with case("MP-12: each start asks about the CA's own domain"):
        request, = eventually(lambda: site.service.asked(about="ca.test"),
                              "the check of the start")
        assert request["check_type"] == "caa"
    with case("PK-46, MP-9: one call for CAA and one for the key, each with "
              "every field; all agree"):
        outcome, answers, authz, asked = tried(site)
        assert outcome == "reached", answers
        assert set(answers.values()) == {"agrees"} and len(answers) == 5
        calls_asked = [json.dumps(r, separators=(",", ":")) for r in asked]
        by_kind = {r.pop("check_type"): r for r in asked}
        assert len(asked) == 2 and set(by_kind) == {"caa", "dcv"}
        traces = {r.pop("trace_identifier") for r in asked}
        assert len(traces) == 1 and \
            re.fullmatch("[a-z2-7]{26}", *traces), traces
        counts = {"perspective_count": 5, "quorum_count": 4,
                  "max_attempts": 1}
        assert by_kind["caa"] == {
            "domain_or_ip_target": "plain.test",
            "orchestration_parameters": counts,
            "caa_check_parameters": {"certificate_type": "s-mime",
                                     "caa_domains": ["ca.test"]}}
        record = key_record(site)
        assert by_kind["dcv"] == {
            "domain_or_ip_target": "plain.test",
            "orchestration_parameters": counts,
            "dcv_check_parameters": {
                "validation_method": "dns-change",
                "dns_record_type": "TXT",
                "dns_name_prefix":
                site.env["USER_DKIM_SELECTOR"] + "._domainkey",
                "challenge_value":
                record.partition("p=")[2].replace(" ", ""),
                "require_exact_match": False,
                "require_exact_case": True}}
    with case("MP-10: what was sent and what came back is kept, and "
              "countersign evidence counts it again"):
        calls = kept(site, authz)["calls"]
        assert sorted(calls_asked) == sorted(c["request"] for c in calls)
        for call in calls:
            whole = base64.b64decode(call["answer"])
            assert hashlib.sha256(whole).hexdigest() == call["sha256"]
            assert len(json.loads(whole)["perspectives"]) == 5
        site.countersign("evidence", "--verify", authz)


# --- what becomes of its answers --------------------------------------------

def rows(site):
    """(what it says, outcome, how many agree, answer of the first code)"""
    genuine = key_record(site)
    denial = caa(details={"caa_record_present": True,
                          "records_seen": [NOBODY]})
    return [
        # The key.
        (dict(views=first(1, sees(OTHER_KEY))), "reached", 4, "denies"),
        (dict(views=first(2, sees(OTHER_KEY))), "denied", 3, "denies"),
        (dict(views=first(2, dcv(details={"records_seen": [OTHER_KEY]}))),
         "denied", 3, "denies"),
        (dict(views=first(2, sees(spaced(genuine)))), "silent", 3, "silent"),
        (dict(views=first(2, dcv(check_completed=False))), "failed", 3,
         "fails"),
        (dict(views=first(1, denial) | {CODES[1]: sees(OTHER_KEY)}),
         "denied", 3, "denies"),
        (dict(shows=False), "reached", 5, "agrees"),
        (dict(changes=lambda whole: whole.update(
            is_valid=whole["check_type"] == "caa")), "silent", 0, "silent"),
        # Both: one of everything that MP-1 to MP-4 name.
        (dict(views=first(2, denial)), "denied", 3, "denies"),
        (dict(views=first(2, caa(details={"caa_record_present": True,
                                          "records_seen": US}))),
         "reached", 5, "agrees"),
        (dict(views=first(2, caa(details={"caa_record_present": True}))),
         "silent", 3, "silent"),
        (dict(views=first(2, caa(details={"caa_record_present": None}))),
         "silent", 3, "silent"),
        (dict(views=first(1, None)), "reached", 4, "silent"),
        (dict(views=first(2, None), more=[("mars", {})]), "silent", 3,
         "silent"),
        (dict(more=[(CODES[0], {})]), "reached", 5, "agrees"),
        (dict(more=[(CODES[0], denial)], views={CODES[1]: denial}), "denied",
         3, "denies"),
        (dict(changes=put(trace_identifier="a" * 26)),
         "silent", 0, "silent"),
        (dict(changes=put(mpic_completed=False)), "silent", 0, "silent"),
        (dict(status=400, body=b'{"error":"x","validation_issues":[]}'),
         "silent", 0, "silent"),
        (dict(status=429, body=b"{}"), "silent", 0, "silent"),
        (dict(status=500, body=b"{}"), "silent", 0, "silent"),
        (dict(body=b'{"mpic_completed":tr'), "silent", 0, "silent"),
        (dict(body=b" " * (2 << 20)), "silent", 0, "silent"),
        (dict(status=307, fields={"Location": site.service.url + "/mpic"}),
         "silent", 0, "silent"),
    ]


def test_answers(site):
    with case("MP-1, MP-2, MP-3, MP-4, MP-8: each answer that it may give, and "
              "MP-10: the evidence says the same"):
        for how, outcome, agree, of_first in rows(site):
            found, answers, authz, _ = tried(site, **how)
            got = found, list(answers.values()).count("agrees"), \
                answers[CODES[0]]
            assert got == (outcome, agree, of_first), (how, got, answers)
            site.countersign("evidence", "--verify", authz)
    with case("MP-1: a certificate of another authority"):
        site.service.certify(Authority(f"{site.folder}/mpic2", "strangers"))
        found, _, _, asked = tried(site)
        site.service.certify(site.pki)
        assert (found, asked) == ("silent", [])


def test_flat(site):
    with case("the flat form: not read where nobody wants it"):
        outcome, answers, old, _ = tried(site, form=site.service.flat)
        assert (outcome, set(answers.values())) == ("silent", {"silent"})
    edit_config(site, mpic__open_mpic_flat="yes")
    site.stop()
    site.start()
    with case("and read where it is wanted, by the same rules"):
        outcome, answers, new, _ = tried(
            site, form=site.service.flat,
            views=first(1, caa(details={"caa_record_present": True,
                                        "records_seen": [NOBODY]})),
            more=[(CODES[1], {})])
        assert (outcome, answers[CODES[0]], answers[CODES[1]]) == \
            ("reached", "denies", "agrees"), answers
    edit_config(site, mpic__open_mpic_flat="no", mpic__dkim_via_dcv="no")
    site.stop()
    site.start()
    with case("MP-10: what was read so is counted again so, whatever the "
              "configuration says"):
        for authz in (old, new):
            site.countersign("evidence", "--verify", authz)
    with case("without mpic.dkim_via_dcv nobody is asked for the key"):
        outcome, _, authz, asked = tried(site)
        assert (outcome, [r["check_type"] for r in asked]) == \
            ("reached", ["caa"])
        site.countersign("evidence", "--verify", authz)


# --- what becomes of an order -----------------------------------------------

def test_enforced(site):
    edit_config(site, mpic__policy="enforce", mpic__dkim_via_dcv="yes")
    site.stop()
    site.start()
    with case("PK-46, PK-47: the world sees another key than the CA: no "
              "certificate"), \
            site.service.saying(views=first(2, sees(OTHER_KEY))):
        _, challenge = ordered(site)
        error = challenge.wait("invalid")["error"]
        assert error["type"].endswith(":caa"), error
        assert error["detail"].startswith("corroboration:"), error
    with case("MP-6: a service that says nothing of the key: the order waits, "
              "and a new round, with all of its calls, finishes it"):
        with site.service.saying(
                views=first(2, sees(spaced(key_record(site))))):
            order, _ = ordered(site)
            site.wait_event("corroboration", authz=authz_of(order),
                            outcome="silent")
            mark = site.service.mark()
        site.make_due()
        order.wait("ready")
        kinds = [r["check_type"] for r in site.service.asked(mark)]
        assert kinds.count("caa") == kinds.count("dcv") > 0, kinds
        order.certificate()
        site.countersign("evidence", "--verify", authz_of(order))


run({}, test_question, test_answers, test_flat, test_enforced,
    kind=ServiceSite)
