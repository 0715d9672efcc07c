"""dkim_verify: messages a second on one core, beside other verifiers.

dkim_rate measures ours and leaves the messages; dkim_opendkim and dkimpy
verify the same ones. All count processor time and take the best of a few
rounds, since others disturb and nothing helps."""

import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "integration"))

SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = 5


def ours(build, folder):
    """{("rsa", "small", "ours"): per second, ...}"""
    text = subprocess.run(
        [f"{build}/tests/bench/dkim_rate", str(SECONDS), folder],
        check=True, text=True, stdout=subprocess.PIPE).stdout
    return {tuple(line.split()[:3]): float(line.split()[3])
            for line in text.splitlines()}


def of_opendkim(build, path):
    best = 0
    for _ in range(ROUNDS):
        with open(path, "rb") as f:
            best = max(best, float(subprocess.run(
                [f"{build}/tests/integration/dkim_opendkim", "rate",
                 str(SECONDS / ROUNDS)], check=True, text=True, stdin=f,
                stdout=subprocess.PIPE).stdout))
    return best


def of_dkimpy(path):
    import dkim
    with open(path, "rb") as f:
        head, record, message = f.read().split(b"\n", 2)
    text = record.split(b"\t", 1)[1]
    best = 0
    for _ in range(ROUNDS):
        begun, count = time.process_time(), 0
        while time.process_time() - begun < SECONDS / ROUNDS:
            assert dkim.DKIM(message).verify(
                dnsfunc=lambda name, timeout=5: text), head
            count += 1
        best = max(best, count / (time.process_time() - begun))
    return best


def measure(build):
    """(variant, metric, value, runs)"""
    with tempfile.TemporaryDirectory() as folder:
        found = ours(build, folder)
        for (alg, size, who), value in found.items():
            variant = f"{alg}-{size}"
            if size == "eight":
                yield variant, {"ms": "cpu_ms", "memory": "messages_of_memory"
                                }[who], value, ROUNDS
                continue
            yield variant, f"{who}_per_s", value, ROUNDS
            if who == "crypto":
                yield variant, "ours_to_crypto", \
                    found[alg, size, "ours"] / value, ROUNDS
        for alg in ("rsa", "ed25519"):
            for size in ("small", "large"):
                path = f"{folder}/{alg}-{size}.case"
                variant, mine = f"{alg}-{size}", found[alg, size, "ours"]
                for who, rate in (("opendkim", of_opendkim(build, path)),
                                  ("dkimpy", of_dkimpy(path))):
                    yield variant, f"{who}_per_s", rate, ROUNDS
                    yield variant, f"ours_to_{who}", mine / rate, ROUNDS
