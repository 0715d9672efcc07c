#!/usr/bin/python3 -B
"""The linters pkilint and zlint as judges of certificates and lists, beside
those of tests/integration/lint_others (PK-140); the program that the machine
cannot have is skipped by name."""

import os
import subprocess
import sys

from clients import Missing, Program

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
PYTHON = "/usr/bin/python3"
PKILINT = Program(
    "pkilint", "linters", tools=[PYTHON],
    fetch=[[PYTHON, "-m", "venv", "venv"],
           ["venv/bin/pip", "install", "--quiet",
            "--disable-pip-version-check", "-r", "requirements.txt"]],
    build=[["venv/bin/lint_cabf_smime_cert", "lint", "--help"]],
    words=["venv/bin/lint_cabf_smime_cert"])
ZLINT = Program(
    "zlint", "linters", tools=["go"],
    fetch=[["go", "mod", "download"]],
    build=[["go", "build", "-o", "zlint",
            "github.com/zmap/zlint/v3/cmd/zlint"]],
    words=["./zlint"],
    env={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"})


def main():
    build = os.environ.get("COUNTERSIGN_BUILD") or f"{SOURCE}/build/tests/gcc"
    path = os.environ["PATH"]
    real = {}
    for program, folder, name in (
            (PKILINT, "venv/bin", "COUNTERSIGN_TEST_PKILINT"),
            (ZLINT, ".", "COUNTERSIGN_TEST_ZLINT")):
        try:
            program.prepare()
            path = f"{program.place}/{folder}:{path}"
            real[name] = f"{program.place}/venv" if program is PKILINT \
                else f"{program.place}/zlint"
        except Missing as why:
            # lint_others skips each of its judgements by name.
            print(f"# {program.name}: {why}")
    made = subprocess.run(["make", "-C", build, "tests/integration/pki_tool",
                           "tests/unit/test_linters_real"],
                          check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        print(made.stdout)
        return 1
    # As the issuer asks them (PK-140).
    asked = subprocess.run(["tests/unit/test_linters_real"], cwd=build,
                           env=os.environ | real, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
    if asked.returncode:
        print(asked.stdout)
        return 1
    return subprocess.run([f"{SOURCE}/tests/integration/lint_others"],
                          cwd=build, env=os.environ | {"PATH": path},
                          check=False).returncode


sys.exit(main())
