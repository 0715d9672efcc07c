# `make check` runs everything in TESTS, which all speak TAP.  One test alone,
# without building the others:
#
#	make tests/unit/test_buf.log
#	make tests/unit/test_buf && tests/unit/test_buf

LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh

tests_cppflags = $(AM_CPPFLAGS) -DCS_TEST_DATA='"$(abs_srcdir)/tests/data"' \
	-DCS_SRCDIR='"$(abs_srcdir)"'

EXTRA_DIST += tests/data tests/check-layers tests/check-manual \
	tests/check-requirements \
	tests/requirements.txt tests/requirements-floor

EXTRA_DIST += tests/lab/README.md tests/lab/install-packages tests/lab/lab \
	tests/lab/lab_dns.py tests/lab/lab_mail.py tests/lab/lab_proc.py \
	tests/lab/lab_tls.py tests/lab/one_reader.c tests/lab/pgsql \
	tests/lab/selftest

include tests/unit/local.mk
include tests/scenario/local.mk
include tests/fuzz/local.mk
include tests/integration/local.mk
include tests/conformance/local.mk
include tests/interop/local.mk
include tests/bench/local.mk
