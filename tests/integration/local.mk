# Ours against other implementations.  The oracles are libraries that are no
# part of the product; without them the comparison is skipped.

check_PROGRAMS += tests/integration/dkim_own
tests_integration_dkim_own_SOURCES = tests/integration/dkim_own.c \
	tests/integration/dkim_case.c tests/integration/dkim_case.h
tests_integration_dkim_own_LDADD = $(CS_MAIL)

if OPENDKIM
check_PROGRAMS += tests/integration/dkim_opendkim
tests_integration_dkim_opendkim_CPPFLAGS = $(AM_CPPFLAGS) $(OPENDKIM_CFLAGS)
tests_integration_dkim_opendkim_SOURCES = tests/integration/dkim_opendkim.c \
	tests/integration/dkim_case.c tests/integration/dkim_case.h
tests_integration_dkim_opendkim_LDADD = $(OPENDKIM_LIBS)
endif

TESTS += tests/integration/dkim_oracles
EXTRA_DIST += tests/integration/dkim_oracles

check_PROGRAMS += tests/integration/pki_tool
tests_integration_pki_tool_SOURCES = tests/integration/pki_tool.c
tests_integration_pki_tool_LDADD = $(CS_PKI)
TESTS += tests/integration/lint_others
EXTRA_DIST += tests/integration/lint_others
