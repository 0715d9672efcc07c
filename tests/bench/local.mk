# Measures; run by people, not by "make check", which only builds them.

EXTRA_DIST += tests/bench/README.md tests/bench/announce.py \
	tests/bench/dkim_verifiers.py tests/bench/flow.py \
	tests/bench/ingest.py tests/bench/many.py tests/bench/run

check_PROGRAMS += tests/bench/jws_rate
tests_bench_jws_rate_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_bench_jws_rate_SOURCES = tests/bench/jws_rate.c
tests_bench_jws_rate_LDADD = $(CS_ACME) $(CRYPTO_LIBS)

check_PROGRAMS += tests/bench/acme_load
tests_bench_acme_load_CPPFLAGS = $(AM_CPPFLAGS) $(SSL_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_bench_acme_load_SOURCES = tests/bench/acme_load.c
tests_bench_acme_load_LDADD = $(CS_SRC) $(SSL_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/bench/acme_roles
tests_bench_acme_roles_SOURCES = tests/bench/acme_roles.c
tests_bench_acme_roles_LDADD = $(CS_SRC)

check_PROGRAMS += tests/bench/dkim_rate
tests_bench_dkim_rate_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_bench_dkim_rate_SOURCES = tests/bench/dkim_rate.c
tests_bench_dkim_rate_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL) $(CRYPTO_LIBS)

check_PROGRAMS += tests/bench/issue_rate
tests_bench_issue_rate_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_bench_issue_rate_SOURCES = tests/bench/issue_rate.c
tests_bench_issue_rate_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI) $(CRYPTO_LIBS)
check_PROGRAMS += tests/bench/status_rate
tests_bench_status_rate_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_bench_status_rate_SOURCES = tests/bench/status_rate.c
tests_bench_status_rate_LDADD = $(CS_SRC)
check_PROGRAMS += tests/bench/many_certs
tests_bench_many_certs_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_bench_many_certs_SOURCES = tests/bench/many_certs.c
tests_bench_many_certs_LDADD = $(CS_SRC) $(CRYPTO_LIBS)
