#!/bin/sh
# All scenarios, then all of them with a stop at each commit: one TAP stream.
set -u
srcdir=${srcdir:-.}
runner=tests/scenario/run_scenarios
{
	"$runner" "$srcdir"/tests/scenario/*.scn || echo "not ok - scenarios"
	"$runner" --crash "$srcdir"/tests/scenario/*.scn || echo "not ok - crashes"
} | awk '
	/^1\.\./ { next }
	/^(not )?ok/ {
		n++
		failed = /^not/ ? "not " : ""
		sub(/^(not )?ok( [0-9]+)?/, "")
		print failed "ok " n $0
		next
	}
	{ print }
	END { print "1.." n }'
