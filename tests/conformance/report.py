"""Checks, their results, and how these are printed."""

import json
import sys

RFC, COUNTERSIGN = "rfc", "countersign"
checks = []


class Fault(Exception):
    """The server did not do what the rule says."""

    def __init__(self, seen, expected=None, answer=None):
        super().__init__(seen)
        self.seen, self.expected, self.answer = seen, expected, answer


class Skip(Exception):
    """The check could not be tried."""


class Check:
    def __init__(self, rules, source, what, run, design, needs):
        self.rules = [r.strip() for r in rules.split(",")]
        self.source = source
        self.what = what
        self.run = run
        self.design = design
        self.needs = needs.split()


def check(rules, source, what, design=False, needs=""):
    """Registers a function of the world as a check.

    rules   "AC-30, AC-31"
    source  "RFC 8555 6.2": where the rule comes from; "design" stands for a
            choice of Countersign that no standard makes
    what    one line for the table
    design  judged with --profile countersign only; implied by the source
    needs   directory members, or "mail", without which it is skipped
    """
    def register(function):
        checks.append(Check(rules, source, what, function,
                            design or source == "design", needs))
        return function
    return register


def table(rules, source, what, rows, design=False, needs=""):
    """A check for each row (a name, then arguments of the function)."""
    def register(function):
        for name, *arguments in rows:
            check(rules, source, f"{what}: {name}", design, needs)(
                lambda w, a=tuple(arguments): function(w, *a))
        return function
    return register


class Result:
    def __init__(self, item, verdict, expected="", seen="", answer=None):
        self.item, self.verdict = item, verdict
        self.expected, self.seen = expected, seen
        self.answer = answer

    def as_dict(self):
        found = {"rules": self.item.rules, "source": self.item.source,
                 "what": self.item.what, "expected": self.expected,
                 "seen": self.seen, "verdict": self.verdict}
        if self.answer is not None and self.verdict == "FAIL":
            found["request"] = self.answer.sent[:4000].decode(
                "utf-8", "backslashreplace")
            found["answer"] = self.answer.dump()
        return found


def judge(world, item, profile):
    """Runs one check."""
    if item.design and profile != COUNTERSIGN:
        return Result(item, "n/a", seen="a design choice of Countersign")
    for name in item.needs:
        if not world.has(name):
            return Result(item, "skip", seen=f"not offered: {name}")
    world.expected, world.seen, world.last = "", "", None
    try:
        item.run(world)
    except Fault as e:
        answer = e.answer or world.last
        if answer is not None and answer.status == 429:
            # No fault of the server's: later it may be another answer.
            if world.wait(answer):
                return judge(world, item, profile)
            return Result(item, "skip", world.expected,
                          f"rate limited: {answer}")
        return Result(item, "FAIL", e.expected or world.expected, e.seen,
                      answer)
    except Skip as e:
        return Result(item, "skip", world.expected, str(e))
    except world.broken as e:
        return Result(item, "FAIL", world.expected or "an answer",
                      f"{type(e).__name__}: {e}", world.last)
    return Result(item, "pass", world.expected, world.seen)


# --- printing -------------------------------------------------------------

def cut(text, width):
    text = " ".join(str(text).split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= width else text[:width - 1] + "…"


class Table:
    """For people: grows line by line."""

    widths = (14, 16, 50, 26, 44)

    def __init__(self, verbose):
        self.verbose = verbose

    def line(self, *cells):
        print(" ".join(cut(c, w).ljust(w) for c, w in
                       zip(cells, self.widths)) + f" {cells[-1]}", flush=True)

    def begin(self, _):
        self.line("rule", "source", "what", "expected", "seen", "verdict")

    def add(self, result):
        item = result.item
        self.line(",".join(item.rules), item.source, item.what,
                  result.expected, result.seen, result.verdict)
        if self.verbose and result.verdict == "FAIL" and result.answer:
            for title, text in (
                    ("request", result.answer.sent.decode(
                        "utf-8", "backslashreplace")),
                    ("answer", result.answer.dump())):
                for row in text[:3000].splitlines():
                    print(f"    {title}: {cut(row, 160)}")

    def end(self, counts, notes):
        for note in notes:
            print(f"note: {note}")
        print(", ".join(f"{n} {name}" for name, n in counts.items()))


class Json:
    """One object a line; the last has the counts."""

    def __init__(self, _):
        pass

    def begin(self, _):
        pass

    def add(self, result):
        print(json.dumps(result.as_dict()), flush=True)

    def end(self, counts, notes):
        print(json.dumps({"counts": counts, "notes": notes}), flush=True)


class Tap:
    """Test Anything Protocol, version 12."""

    def __init__(self, _):
        self.number = 0

    def begin(self, _):
        pass

    def add(self, result):
        self.number += 1
        name = f"{','.join(result.item.rules)}: {result.item.what}"
        name = cut(name.replace("#", "\\#"), 200)
        bad = result.verdict == "FAIL"
        line = f"{'not ok' if bad else 'ok'} {self.number} - {name}"
        if result.verdict in ("skip", "n/a"):
            line += f" # SKIP {cut(result.seen, 200)}"
        print(line, flush=True)
        if bad:
            print(f"# {result.item.source}; expected: "
                  f"{cut(result.expected, 200)}")
            print(f"# seen: {cut(result.seen, 500)}", flush=True)

    def end(self, counts, notes):
        for note in notes:
            print(f"# {cut(note, 300)}")
        print(f"1..{self.number}", flush=True)


def run(world, chosen, profile, printer):
    """All of them in order; the number of failures. A check may leave Stop
    behind, which ends the run: what was not reached is skipped."""
    counts = {"pass": 0, "FAIL": 0, "skip": 0, "n/a": 0}
    printer.begin(len(chosen))
    stopped = None
    for item in chosen:
        if stopped:
            result = Result(item, "skip", seen=f"not reached: {stopped}")
        else:
            try:
                result = judge(world, item, profile)
            except world.stop as e:
                stopped = str(e)
                result = Result(item, "skip", seen=stopped)
        counts[result.verdict] += 1
        printer.add(result)
    notes = world.notes + [f"{world.wire.requests} requests"]
    printer.end(counts, notes)
    sys.stdout.flush()
    return counts["FAIL"]
