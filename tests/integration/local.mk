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

check_PROGRAMS += tests/integration/dkim_corpus
tests_integration_dkim_corpus_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_integration_dkim_corpus_SOURCES = tests/integration/dkim_corpus.c
tests_integration_dkim_corpus_LDADD = $(REPLY_CASE) $(UNIT) $(CS_MAIL)

TESTS += tests/integration/dkim_oracles
EXTRA_DIST += tests/integration/dkim_messages.py \
	tests/integration/dkim_oracles

check_PROGRAMS += tests/integration/pki_tool
tests_integration_pki_tool_SOURCES = tests/integration/pki_tool.c
tests_integration_pki_tool_LDADD = $(CS_PKI)
TESTS += tests/integration/lint_others
EXTRA_DIST += tests/integration/lint_others

check_PROGRAMS += tests/integration/mail_io_tool
tests_integration_mail_io_tool_SOURCES = tests/integration/mail_io_tool.c
tests_integration_mail_io_tool_LDADD = $(CS_MAIL)

check_PROGRAMS += tests/integration/caa_tool
tests_integration_caa_tool_SOURCES = tests/integration/caa_tool.c
tests_integration_caa_tool_LDADD = $(CS_PKI)

check_PROGRAMS += tests/integration/cmp_tool
tests_integration_cmp_tool_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_integration_cmp_tool_SOURCES = tests/integration/cmp_tool.c \
	tests/unit/cmp_server.c tests/unit/cmp_server.h
tests_integration_cmp_tool_LDADD = $(CS_PKI) $(JANSSON_LIBS)

# In the laboratory; run by ./run-tests, not by `make check`.
EXTRA_DIST += \
	tests/integration/README.md \
	tests/integration/acme.py \
	tests/integration/admins.py \
	tests/integration/cmp_ca.py \
	tests/integration/enrolling.py \
	tests/integration/forgeries.py \
	tests/integration/handoff.py \
	tests/integration/harness.py \
	tests/integration/hsm.py \
	tests/integration/letters.py \
	tests/integration/mpic_service.py \
	tests/integration/odd_acme.py \
	tests/integration/signed_zones.py \
	tests/integration/signer.py \
	tests/integration/smime_reader.py \
	tests/integration/pgsite.py tests/integration/pile.py \
	tests/integration/test_accounts.py \
	tests/integration/test_admin_pages.py \
	tests/integration/test_caa.py \
	tests/integration/test_ceremony.py \
	tests/integration/test_config.py \
	tests/integration/test_conformance.py \
	tests/integration/test_csr.py \
	tests/integration/test_delivery.py \
	tests/integration/test_enroll.py \
	tests/integration/test_enroll_renew.py \
	tests/integration/test_enroll_servers.py \
	tests/integration/test_evidence.py \
	tests/integration/test_forged.py \
	tests/integration/test_former.py \
	tests/integration/test_front.py \
	tests/integration/test_grants.py \
	tests/integration/test_handoff.py \
	tests/integration/test_handoff_acme.py \
	tests/integration/test_handoff_cmp.py \
	tests/integration/test_http.py \
	tests/integration/test_incidents.py \
	tests/integration/test_idle.py \
	tests/integration/test_issue.py \
	tests/integration/test_limits.py \
	tests/integration/test_lists.py \
	tests/integration/test_lmtp.py \
	tests/integration/test_machines.py \
	tests/integration/test_mailboxes.py \
	tests/integration/test_mail_io.py \
	tests/integration/test_maildir.py \
	tests/integration/test_notices.py \
	tests/integration/test_outage.py \
	tests/integration/test_profiles.py \
	tests/integration/test_open_mpic.py \
	tests/integration/test_perspectives.py \
	tests/integration/test_published.py \
	tests/integration/test_relay.py \
	tests/integration/test_renewal.py \
	tests/integration/test_replies.py \
	tests/integration/test_restore.py \
	tests/integration/test_revoke.py \
	tests/integration/test_sandbox.py \
	tests/integration/test_secrets.py \
	tests/integration/test_session.py \
	tests/integration/test_signals.py \
	tests/integration/test_signed_keys.py \
	tests/integration/test_signed_mail.py \
	tests/integration/test_smime.py \
	tests/integration/test_status.py \
	tests/integration/test_storm.py \
	tests/integration/test_texts.py \
	tests/integration/test_live_key.py \
	tests/integration/test_token.py \
	tests/integration/views.py \
	tests/integration/ways.py
