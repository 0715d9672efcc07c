#!/usr/bin/python3 -B
"""mailauth (Node.js) as one more judge of DKIM signatures, beside those of
tests/integration/dkim_oracles (MA-25, MA-90, MA-91)."""

import os
import subprocess
import sys

from clients import Missing, Program

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
PROGRAMS = [f"tests/integration/dkim_{name}"
            for name in ("own", "opendkim", "corpus")]
PROGRAM = Program(
    "mailauth", "mailauth", tools=["node", "npm"],
    fetch=[["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]],
    build=[["node", "--check", "judge.js"]],
    words=["node", "judge.js"])


def main():
    build = os.environ.get("COUNTERSIGN_BUILD") or f"{SOURCE}/build/tests/gcc"
    try:
        PROGRAM.prepare()
    except Missing as why:
        print(f"1..0 # SKIP mailauth: {why}")
        return 0
    made = subprocess.run(["make", "-C", build, *PROGRAMS], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if made.returncode:
        print(f"1..0 # SKIP no libopendkim\n{made.stdout}"
              if "No rule" in made.stdout else made.stdout)
        return 0 if "No rule" in made.stdout else 1
    count = "100000" if os.environ.get("COUNTERSIGN_TEST_LONG") else "2000"
    return subprocess.run(
        [f"{SOURCE}/tests/integration/dkim_oracles", "--count", count,
         "--seconds", "0" if count == "100000" else "60", "--seed", "2",
         "--mailauth", PROGRAM.place], cwd=build, check=False).returncode


sys.exit(main())
