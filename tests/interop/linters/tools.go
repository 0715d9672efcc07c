//go:build tools

// What test_linters.py builds: named here, so that go.mod keeps it.
package linters

import _ "github.com/zmap/zlint/v3/cmd/zlint"
