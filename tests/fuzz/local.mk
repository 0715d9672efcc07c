# A fuzzer is tests/fuzz/fuzz_PARSER.c with LLVMFuzzerTestOneInput and a folder
# tests/fuzz/corpus/PARSER.  Without --enable-fuzzers it runs its corpus in
# `make check`; with it, it is a libFuzzer program:
#
#	tests/fuzz/fuzz_json -max_total_time=60 FOLDER tests/fuzz/corpus/json

fuzzers =

check_PROGRAMS += $(fuzzers)
EXTRA_DIST += tests/fuzz/corpus

# Around each input stands its time limit.
check_LIBRARIES += tests/fuzz/libfuzz.a
tests_fuzz_libfuzz_a_CPPFLAGS = $(tests_cppflags) \
	-DCS_FUZZ_CORPUS='"$(abs_srcdir)/tests/fuzz/corpus"'
tests_fuzz_libfuzz_a_SOURCES = tests/fuzz/time_limit.c tests/fuzz/time_limit.h
FUZZ = tests/fuzz/libfuzz.a
fuzz_ldflags = $(AM_LDFLAGS) -Wl,--wrap=LLVMFuzzerTestOneInput \
	-Wl,--undefined=__wrap_LLVMFuzzerTestOneInput
if FUZZERS
fuzz_ldflags += $(FUZZ_LDFLAGS)
else
tests_fuzz_libfuzz_a_SOURCES += tests/fuzz/fuzz_main.c
TESTS += $(fuzzers)
endif
unit_tests += tests/unit/test_time_limit
tests_unit_test_time_limit_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=LLVMFuzzerTestOneInput
tests_unit_test_time_limit_LDADD = tests/fuzz/libfuzz.a $(UNIT) $(CS_LIB)
EXTRA_DIST += tests/fuzz/fuzz_main.c tests/fuzz/fuzz_reply.dict

# --- lib ---
fuzzers += tests/fuzz/fuzz_b64 tests/fuzz/fuzz_json tests/fuzz/fuzz_rfc3339
tests_fuzz_fuzz_rfc3339_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_rfc3339_LDADD = $(FUZZ) $(CS_LIB)
tests_fuzz_fuzz_b64_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_b64_LDADD = $(FUZZ) $(CS_LIB)
tests_fuzz_fuzz_json_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_json_LDADD = $(FUZZ) $(CS_LIB)

# --- dns ---
fuzzers += tests/fuzz/fuzz_open_mpic tests/fuzz/fuzz_packet \
	tests/fuzz/fuzz_perspective
tests_fuzz_fuzz_open_mpic_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_open_mpic_LDADD = $(FUZZ) $(CS_DNS)
tests_fuzz_fuzz_perspective_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_perspective_LDADD = $(FUZZ) $(CS_DNS)
tests_fuzz_fuzz_packet_SOURCES = tests/fuzz/fuzz_packet.c
tests_fuzz_fuzz_packet_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_packet_LDADD = $(FUZZ) $(CS_DNS)

# --- mail: messages and addresses ---
fuzzers += \
	tests/fuzz/fuzz_addr \
	tests/fuzz/fuzz_auth_results \
	tests/fuzz/fuzz_bounce \
	tests/fuzz/fuzz_fetch_guard \
	tests/fuzz/fuzz_iodef \
	tests/fuzz/fuzz_message \
	tests/fuzz/fuzz_mime_words \
	tests/fuzz/fuzz_template
tests_fuzz_fuzz_addr_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_addr_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_auth_results_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_auth_results_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_bounce_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_bounce_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_fetch_guard_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_fetch_guard_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_iodef_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_iodef_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_message_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_message_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_mime_words_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_mime_words_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_template_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_template_LDADD = $(FUZZ) $(CS_MAIL)

# --- mail: submission ---
fuzzers += tests/fuzz/fuzz_scram tests/fuzz/fuzz_smtp
tests_fuzz_fuzz_scram_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_scram_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_smtp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_smtp_LDADD = $(FUZZ) $(CS_MAIL)

# --- mail: DKIM ---
fuzzers += \
	tests/fuzz/fuzz_dkim_key \
	tests/fuzz/fuzz_dkim_tags \
	tests/fuzz/fuzz_dkim_verify \
	tests/fuzz/fuzz_reply tests/fuzz/fuzz_reply_text
tests_fuzz_fuzz_reply_SOURCES = tests/fuzz/fuzz_reply.c \
	tests/fuzz/passes.c tests/fuzz/passes.h
tests_fuzz_fuzz_dkim_verify_SOURCES = tests/fuzz/fuzz_dkim_verify.c \
	tests/fuzz/passes.c tests/fuzz/passes.h
tests_fuzz_fuzz_reply_text_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_reply_text_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_reply_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_reply_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_reply_LDADD = $(FUZZ) $(CS_MAIL) $(CRYPTO_LIBS)
tests_fuzz_fuzz_dkim_key_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_dkim_key_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_dkim_tags_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_dkim_tags_LDADD = $(FUZZ) $(CS_MAIL)
tests_fuzz_fuzz_dkim_verify_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_dkim_verify_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_dkim_verify_LDADD = $(FUZZ) $(CS_MAIL)

# --- mail: S/MIME ---
fuzzers += tests/fuzz/fuzz_smime
tests_fuzz_fuzz_smime_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_smime_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_smime_LDADD = $(FUZZ) $(SMIME_LAB) $(UNIT) $(CS_MAIL) $(CS_PKI)

# --- pki ---
fuzzers += tests/fuzz/fuzz_caa tests/fuzz/fuzz_csr tests/fuzz/fuzz_der \
	tests/fuzz/fuzz_key_proof
tests_fuzz_fuzz_caa_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_caa_LDADD = $(FUZZ) $(CS_PKI)
tests_fuzz_fuzz_key_proof_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_key_proof_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_key_proof_LDADD = $(FUZZ) $(CS_PKI)
tests_fuzz_fuzz_csr_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_csr_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_csr_LDADD = $(FUZZ) $(CS_PKI)
tests_fuzz_fuzz_der_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_der_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_der_LDADD = $(FUZZ) $(CS_PKI)

fuzzers += tests/fuzz/fuzz_crl tests/fuzz/fuzz_ocsp
tests_fuzz_fuzz_crl_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_crl_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_crl_LDADD = $(FUZZ) $(CS_PKI)
tests_fuzz_fuzz_ocsp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ocsp_LDADD = $(FUZZ) $(CS_PKI)

# --- acme ---
fuzzers += tests/fuzz/fuzz_certid tests/fuzz/fuzz_jws tests/fuzz/fuzz_request
tests_fuzz_fuzz_certid_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_certid_LDADD = $(FUZZ) $(CS_ACME)
tests_fuzz_fuzz_jws_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_jws_LDADD = $(FUZZ) $(CS_ACME)
tests_fuzz_fuzz_request_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_request_LDADD = $(FUZZ) $(ACME_LAB) $(UNIT) $(CS_ACME)

# --- src: the client ---
fuzzers += tests/fuzz/fuzz_enroll
tests_fuzz_fuzz_enroll_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_enroll_LDADD = $(FUZZ) $(CS_SRC)

# --- src: the front ---
fuzzers += tests/fuzz/fuzz_client_address
tests_fuzz_fuzz_client_address_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_client_address_LDADD = $(FUZZ) $(CS_SRC)

# --- src: lists and OCSP ---
fuzzers += tests/fuzz/fuzz_status
tests_fuzz_fuzz_status_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_status_LDADD = $(FUZZ) $(CS_SRC)

# --- src: mail that is delivered here ---
fuzzers += tests/fuzz/fuzz_lmtp
tests_fuzz_fuzz_lmtp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_lmtp_LDADD = $(FUZZ) $(CS_SRC)

# --- another CA ---
fuzzers += tests/fuzz/fuzz_hook tests/fuzz/fuzz_returned
tests_fuzz_fuzz_hook_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_hook_LDADD = $(FUZZ) $(CS_SRC)
tests_fuzz_fuzz_returned_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_returned_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_returned_LDADD = $(FUZZ) $(CS_PKI)

# --- linters that are not ours ---
fuzzers += tests/fuzz/fuzz_linter tests/fuzz/fuzz_lint_frame \
	tests/fuzz/fuzz_pkimetal
tests_fuzz_fuzz_pkimetal_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_pkimetal_LDADD = $(FUZZ) $(CS_PKI)
tests_fuzz_fuzz_linter_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_linter_LDADD = $(FUZZ) $(CS_PKI)
tests_fuzz_fuzz_lint_frame_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_lint_frame_LDADD = $(FUZZ) $(CS_SRC)

# --- the process that signs with tokens ---
fuzzers += tests/fuzz/fuzz_sign_frame
tests_fuzz_fuzz_sign_frame_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_sign_frame_LDADD = $(FUZZ) $(CS_SRC)

# --- a ceremony's bundle ---
fuzzers += tests/fuzz/fuzz_bundle
tests_fuzz_fuzz_bundle_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_bundle_LDADD = $(FUZZ) $(CS_PKI)

# --- pages for admins ---
fuzzers += tests/fuzz/fuzz_form
tests_fuzz_fuzz_form_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_form_LDADD = $(FUZZ) $(CS_SRC)
