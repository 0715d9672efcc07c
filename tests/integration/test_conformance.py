#!/usr/bin/python3
"""The conformance suite (tests/conformance) against countersignd: one result
for each rule that it checks."""

import json
import subprocess

from harness import SOURCE, Skip, case, run, say

SUITE = f"{SOURCE}/tests/conformance/acme-conformance"
# Faults that are known, by the check's own words: why. They are skipped; one
# that does not happen any more is reported, so that it is taken out here.
KNOWN = {}


def results(site, *options):
    """What the suite says, as objects."""
    env = site.env
    words = [SUITE, "--json", "--profile", "countersign",
             "--cacert", env["LAB_CA_CERT"],
             "--mailbox", env["ALICE_ADDRESS"],
             "--imap", f"imaps://{env['ALICE_USER'].replace('@', '%40')}"
             f"@localhost:{env['USER_IMAPS_PORT']}",
             "--smtp", f"smtp://{env['ALICE_USER'].replace('@', '%40')}"
             f"@localhost:{env['USER_SUBMISSION_PORT']}",
             "--password-file", env["ALICE_PASSWORD_FILE"],
             "--mail-wait", "180", "--reply-wait", "3", "--slow", *options,
             f"https://localhost:{env['LAB_HTTPS_PORT']}/acme/directory"]
    done = subprocess.run(words, stdout=subprocess.PIPE, timeout=1500)
    assert done.returncode in (0, 1), f"exit status {done.returncode}"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert "counts" in found[-1], "the suite did not come to its end"
    say(f"{found[-1]}")
    return found[:-1]


def by_rule(found):
    rules = {}
    for result in found:
        for rule in result["rules"]:
            rules.setdefault(rule, []).append(result)
    return sorted(rules.items(), key=lambda r: int(r[0].partition("-")[2]))


def judge(rule, checks):
    """One rule: every check that could be tried has passed."""
    failures, known, skipped = [], [], []
    for check in checks:
        reason = KNOWN.get(check["what"])
        if check["verdict"] == "FAIL" and reason:
            known.append(reason)
        elif check["verdict"] == "FAIL":
            failures.append(check)
        elif check["verdict"] == "pass" and reason:
            check["seen"] = "passes: take it out of KNOWN"
            failures.append(check)
        elif check["verdict"] == "skip":
            skipped.append(check["seen"])
    for check in failures:
        say(f"{check['what']} ({check['source']}): expected "
            f"{check['expected']}, seen {check['seen']}")
        say(f"{check.get('request', '')}\n{check.get('answer', '')}")
    assert not failures, f"{len(failures)} of {len(checks)} checks failed"
    if known or len(skipped) == len(checks):
        raise Skip("; ".join(sorted(set(known or skipped))))


def test_countersign(site):
    found = []
    with case("the conformance suite comes to its end"):
        found = results(site)
    for rule, checks in by_rule(found):
        with case(f"{rule}: {len(checks)} checks of the conformance suite"):
            judge(rule, checks)


run({"tos_url": "https://ca.test/terms", "web.body_timeout": "30s"},
    test_countersign)
