# A test of file x is tests/unit/test_x.c: its name in unit_tests, and a line
# that says what it links: UNIT, then the CS_... of the folder of x.  One that
# reads files of tests/data by CS_TEST_DATA says
#	tests_unit_test_x_CPPFLAGS = $(tests_cppflags)

check_LIBRARIES += tests/unit/libunit.a
tests_unit_libunit_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_unit_libunit_a_SOURCES = tests/unit/unit.c tests/unit/unit.h \
	tests/unit/unit_folder.c tests/unit/unit_folder.h \
	tests/unit/vectors.c tests/unit/vectors.h
UNIT = tests/unit/libunit.a $(CMOCKA_LIBS) $(JANSSON_LIBS)

unit_tests =
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

# --- lib ---
unit_tests += \
	tests/unit/test_addr \
	tests/unit/test_aead \
	tests/unit/test_arena \
	tests/unit/test_b64 \
	tests/unit/test_buf \
	tests/unit/test_clock \
	tests/unit/test_digest \
	tests/unit/test_embed \
	tests/unit/test_err \
	tests/unit/test_fdio \
	tests/unit/test_made \
	tests/unit/test_same_file \
	tests/unit/test_hex \
	tests/unit/test_job \
	tests/unit/test_json \
	tests/unit/test_json_write \
	tests/unit/test_locked \
	tests/unit/test_log \
	tests/unit/test_passphrase \
	tests/unit/test_rate \
	tests/unit/test_netaddr \
	tests/unit/test_rfc3339 \
	tests/unit/test_rnd \
	tests/unit/test_seal \
	tests/unit/test_typo
tests_unit_test_addr_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_aead_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_arena_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_b64_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_buf_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_clock_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_digest_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_embed_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_embed_CPPFLAGS = $(tests_cppflags)
nodist_tests_unit_test_embed_SOURCES = tests/unit/embed_samples.c
tests_unit_test_embed_SOURCES = tests/unit/test_embed.c
embed_samples = tests/data/embed/empty tests/data/embed/text \
	tests/data/embed/octets
tests/unit/embed_samples.c: $(embed_samples) $(EMBED_DEPS)
	$(AM_V_GEN)$(EMBED) embed_samples $(embed_samples) >$@.tmp && mv $@.tmp $@
CLEANFILES += tests/unit/embed_samples.c
tests_unit_test_err_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_fdio_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_made_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_same_file_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_typo_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_hex_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_job_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_json_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_json_write_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_locked_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_log_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_passphrase_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_rate_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_netaddr_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_rfc3339_LDADD = $(UNIT) $(CS_LIB)
no_entropy = tests/unit/no_entropy.c tests/unit/no_entropy.h
tests_unit_test_rnd_SOURCES = tests/unit/test_rnd.c $(no_entropy)
tests_unit_test_rnd_LDADD = $(UNIT) $(CS_LIB)
tests_unit_test_seal_LDADD = $(UNIT) $(CS_LIB)

# --- db ---
check_LIBRARIES += tests/unit/libstorefixture.a
tests_unit_libstorefixture_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(SQLITE_CFLAGS) $(PQ_CFLAGS)
tests_unit_libstorefixture_a_SOURCES = tests/unit/store_fixture.c \
	tests/unit/store_fixture.h
STORE_FIXTURE = tests/unit/libstorefixture.a $(UNIT)
unit_tests += \
	tests/unit/test_grants \
	tests/unit/test_store \
	tests/unit/test_store_open \
	tests/unit/test_store_server \
	tests/unit/test_store_wait \
	tests/unit/test_store_audit \
	tests/unit/test_store_cert \
	tests/unit/test_store_crash \
	tests/unit/test_store_plan \
	tests/unit/test_store_key \
	tests/unit/test_store_order \
	tests/unit/test_store_order_end \
	tests/unit/test_store_outbox \
	tests/unit/test_store_reply \
	tests/unit/test_store_reply_once
tests_unit_test_grants_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_wait_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_open_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_server_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_audit_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_cert_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_crash_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_plan_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_key_LDADD = $(STORE_FIXTURE) $(CS_DB)
verdict_lab = tests/unit/verdict_lab.c tests/unit/verdict_lab.h
tests_unit_test_store_order_SOURCES = tests/unit/test_store_order.c \
	$(verdict_lab)
tests_unit_test_store_order_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_order_end_SOURCES = tests/unit/test_store_order_end.c \
	$(verdict_lab)
tests_unit_test_store_order_end_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_outbox_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_reply_SOURCES = tests/unit/test_store_reply.c \
	$(verdict_lab)
tests_unit_test_store_reply_LDADD = $(STORE_FIXTURE) $(CS_DB)
tests_unit_test_store_reply_once_SOURCES = tests/unit/test_store_reply_once.c \
	$(verdict_lab)
tests_unit_test_store_reply_once_LDADD = $(STORE_FIXTURE) $(CS_DB)

# --- dns ---
unit_tests += \
	tests/unit/test_agent_form \
	tests/unit/test_packet \
	tests/unit/test_quorum \
	tests/unit/test_record \
	tests/unit/test_resolver
tests_unit_test_agent_form_LDADD = $(UNIT) $(CS_DNS)
tests_unit_test_quorum_LDADD = $(UNIT) $(CS_DNS)
tests_unit_test_packet_LDADD = $(UNIT) $(CS_DNS)
tests_unit_test_record_LDADD = $(UNIT) $(CS_DNS)
tests_unit_test_resolver_SOURCES = tests/unit/test_resolver.c \
	tests/unit/name_server.c tests/unit/name_server.h
tests_unit_test_resolver_LDADD = $(UNIT) $(CS_DNS)

# --- mail ---
check_LIBRARIES += tests/unit/libdkimlab.a
tests_unit_libdkimlab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_libdkimlab_a_SOURCES = tests/unit/dkim_lab.c tests/unit/dkim_lab.h
DKIM_LAB = tests/unit/libdkimlab.a
check_LIBRARIES += tests/unit/libreplycase.a
tests_unit_libreplycase_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS)
tests_unit_libreplycase_a_SOURCES = tests/unit/case_text.c \
	tests/unit/case_text.h tests/unit/reply_case.c tests/unit/reply_case.h \
	tests/unit/reply_case_judge.c tests/unit/reply_case_judge.h
REPLY_CASE = tests/unit/libreplycase.a $(DKIM_LAB)
check_LIBRARIES += tests/unit/libsignerlab.a
tests_unit_libsignerlab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_libsignerlab_a_SOURCES = tests/unit/signer_lab.c \
	tests/unit/signer_lab.h
SIGNER_LAB = tests/unit/libsignerlab.a
unit_tests += \
	tests/unit/test_compose \
	tests/unit/test_iodef \
	tests/unit/test_dkim_canon \
	tests/unit/test_dkim_fault \
	tests/unit/test_dkim_key \
	tests/unit/test_dkim_keyring \
	tests/unit/test_dkim_sign \
	tests/unit/test_dkim_signature \
	tests/unit/test_dkim_tags \
	tests/unit/test_dkim_verify \
	tests/unit/test_dkim_choice \
	tests/unit/test_dkim_cover
tests_unit_test_compose_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_iodef_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_canon_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_fault_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL) \
	$(CRYPTO_LIBS)
tests_unit_test_dkim_key_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_keyring_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_sign_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_signature_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_tags_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_verify_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_choice_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_dkim_cover_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
unit_tests += \
	tests/unit/test_addr_list \
	tests/unit/test_auth_results \
	tests/unit/test_bounce \
	tests/unit/test_field \
	tests/unit/test_mime \
	tests/unit/test_mime_type \
	tests/unit/test_replies \
	tests/unit/test_reply \
	tests/unit/test_reply_body \
	tests/unit/test_reply_files \
	tests/unit/test_quotation \
	tests/unit/test_reply_block \
	tests/unit/test_reply_separators \
	tests/unit/test_template \
	tests/unit/test_texts
tests_unit_test_replies_LDADD = $(REPLY_CASE) $(UNIT) $(CS_MAIL)
tests_unit_test_addr_list_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_auth_results_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_bounce_CPPFLAGS = $(tests_cppflags)
tests_unit_test_bounce_SOURCES = tests/unit/test_bounce.c
tests_unit_test_bounce_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_field_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_mime_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_mime_type_LDADD = $(UNIT) $(CS_MAIL)
reply_lab = tests/unit/reply_lab.c tests/unit/reply_lab.h
tests_unit_test_reply_SOURCES = tests/unit/test_reply.c $(reply_lab)
tests_unit_test_reply_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_reply_body_SOURCES = tests/unit/test_reply_body.c $(reply_lab)
tests_unit_test_reply_body_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_reply_files_CPPFLAGS = $(tests_cppflags)
tests_unit_test_reply_files_SOURCES = tests/unit/test_reply_files.c $(reply_lab)
tests_unit_test_reply_files_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
tests_unit_test_quotation_CPPFLAGS = $(tests_cppflags)
tests_unit_test_quotation_LDADD = $(DKIM_LAB) $(UNIT) $(CS_MAIL)
block_lab = tests/unit/block_lab.c tests/unit/block_lab.h
tests_unit_test_reply_block_SOURCES = tests/unit/test_reply_block.c $(block_lab)
tests_unit_test_reply_block_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_reply_separators_SOURCES = tests/unit/test_reply_separators.c \
	$(block_lab)
tests_unit_test_reply_separators_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_template_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_texts_CPPFLAGS = $(tests_cppflags)
tests_unit_test_texts_LDADD = $(UNIT) $(CS_MAIL)

check_LIBRARIES += tests/unit/libpeer.a
tests_unit_libpeer_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(SSL_CFLAGS)
tests_unit_libpeer_a_SOURCES = tests/unit/peer.c tests/unit/peer.h
PEER = tests/unit/libpeer.a
unit_tests += \
	tests/unit/test_fetch \
	tests/unit/test_fetch_guard \
	tests/unit/test_fetch_login \
	tests/unit/test_fetch_message \
	tests/unit/test_fetch_wait \
	tests/unit/test_smime_sign \
	tests/unit/test_smime_signer \
	tests/unit/test_smtp_text \
	tests/unit/test_sasl \
	tests/unit/test_tls_client \
	tests/unit/test_smtp_reply \
	tests/unit/test_status_words \
	tests/unit/test_submit \
	tests/unit/test_submit_tls \
	tests/unit/test_submit_wait \
	tests/unit/test_submit_direct \
	tests/unit/test_submit_login \
	tests/unit/test_submit_kept \
	tests/unit/test_turn \
	tests/unit/test_lookup \
	tests/unit/test_dial \
	tests/unit/test_token
tests_unit_test_smime_sign_LDADD = $(SIGNER_LAB) $(DKIM_LAB) $(UNIT) \
	$(CS_PKI) $(CS_MAIL)
tests_unit_test_smime_signer_LDADD = $(SIGNER_LAB) $(UNIT) $(CS_MAIL)
fetch_lab = tests/unit/fetch_lab.c tests/unit/fetch_lab.h
tests_unit_test_fetch_SOURCES = tests/unit/test_fetch.c $(fetch_lab)
tests_unit_test_fetch_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_fetch_guard_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_fetch_login_SOURCES = tests/unit/test_fetch_login.c $(fetch_lab)
tests_unit_test_fetch_login_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_fetch_message_SOURCES = tests/unit/test_fetch_message.c \
	$(fetch_lab)
tests_unit_test_fetch_message_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_fetch_wait_SOURCES = tests/unit/test_fetch_wait.c $(fetch_lab)
tests_unit_test_fetch_wait_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_smtp_text_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_status_words_LDADD = $(UNIT) $(CS_MAIL)
submit_lab = tests/unit/submit_lab.c tests/unit/submit_lab.h
tests_unit_test_submit_SOURCES = tests/unit/test_submit.c $(submit_lab)
tests_unit_test_submit_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_submit_tls_SOURCES = tests/unit/test_submit_tls.c $(submit_lab)
tests_unit_test_submit_tls_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_submit_wait_SOURCES = tests/unit/test_submit_wait.c \
	$(submit_lab)
tests_unit_test_submit_wait_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_sasl_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_tls_client_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_tls_client_LDADD = $(UNIT) $(CS_MAIL) $(CRYPTO_LIBS)
tests_unit_test_smtp_reply_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_submit_direct_SOURCES = tests/unit/test_submit_direct.c \
	$(submit_lab)
tests_unit_test_submit_direct_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_lookup_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getaddrinfo
tests_unit_test_lookup_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_dial_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getaddrinfo
tests_unit_test_dial_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_submit_login_SOURCES = tests/unit/test_submit_login.c \
	$(submit_lab)
tests_unit_test_submit_login_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_submit_kept_SOURCES = tests/unit/test_submit_kept.c \
	$(submit_lab)
tests_unit_test_submit_kept_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_turn_LDADD = $(PEER) $(UNIT) $(CS_MAIL)
tests_unit_test_token_LDADD = $(UNIT) $(CS_MAIL)

check_LIBRARIES += tests/unit/libsmimelab.a
tests_unit_libsmimelab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_libsmimelab_a_SOURCES = tests/unit/smime_lab.c \
	tests/unit/smime_lab.h
SMIME_LAB = tests/unit/libsmimelab.a
unit_tests += \
	tests/unit/test_smime_reply \
	tests/unit/test_smime_verify \
	tests/unit/test_smime_trust \
	tests/unit/test_smime_identity
unit_tests += tests/unit/test_reply_memory
tests_unit_test_reply_memory_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_reply_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=realloc -Wl,--wrap=free
tests_unit_test_reply_memory_LDADD = $(SMIME_LAB) $(DKIM_LAB) $(UNIT) \
	$(CS_MAIL) $(CS_PKI) $(CRYPTO_LIBS)
tests_unit_test_smime_reply_LDADD = $(SMIME_LAB) $(DKIM_LAB) $(UNIT) \
	$(CS_MAIL) $(CS_PKI)
smime_world = tests/unit/smime_world.c tests/unit/smime_world.h
tests_unit_test_smime_verify_SOURCES = tests/unit/test_smime_verify.c \
	$(smime_world)
tests_unit_test_smime_verify_LDADD = $(SMIME_LAB) $(UNIT) $(CS_MAIL) $(CS_PKI)
tests_unit_test_smime_trust_SOURCES = tests/unit/test_smime_trust.c \
	$(smime_world)
tests_unit_test_smime_trust_LDADD = $(SMIME_LAB) $(UNIT) $(CS_MAIL) $(CS_PKI)
tests_unit_test_smime_identity_SOURCES = tests/unit/test_smime_identity.c \
	$(smime_world)
tests_unit_test_smime_identity_LDADD = $(SMIME_LAB) $(UNIT) $(CS_MAIL) $(CS_PKI)

# --- pki ---
check_LIBRARIES += tests/unit/libpkilab.a
tests_unit_libpkilab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_libpkilab_a_SOURCES = tests/unit/pki_lab.c tests/unit/pki_lab.h
PKI_LAB = tests/unit/libpkilab.a
check_LIBRARIES += tests/unit/libtokenlab.a
tests_unit_libtokenlab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS) $(P11KIT_CFLAGS)
tests_unit_libtokenlab_a_SOURCES = tests/unit/token_lab.c \
	tests/unit/token_lab.h
TOKEN_LAB = tests/unit/libtokenlab.a
check_LIBRARIES += tests/unit/libceremonylab.a
tests_unit_libceremonylab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(P11KIT_CFLAGS)
tests_unit_libceremonylab_a_SOURCES = tests/unit/ceremony_lab.c \
	tests/unit/ceremony_lab.h
CEREMONY_LAB = tests/unit/libceremonylab.a $(TOKEN_LAB) $(PKI_LAB)
unit_tests += \
	tests/unit/test_ca_alternate \
	tests/unit/test_bundle \
	tests/unit/test_ca_init \
	tests/unit/test_ca_load \
	tests/unit/test_caa \
	tests/unit/test_caa_climb \
	tests/unit/test_caa_value \
	tests/unit/test_ceremony \
	tests/unit/test_ceremony_kept \
	tests/unit/test_ceremony_kill \
	tests/unit/test_ceremony_lock \
	tests/unit/test_crl \
	tests/unit/test_crl_lint \
	tests/unit/test_csr \
	tests/unit/test_csr_key \
	tests/unit/test_csr_names \
	tests/unit/test_der \
	tests/unit/test_effective \
	tests/unit/test_issue \
	tests/unit/test_issue_profile \
	tests/unit/test_issue_sign \
	tests/unit/test_key_proof \
	tests/unit/test_keycheck \
	tests/unit/test_lint \
	tests/unit/test_lint_ca \
	tests/unit/test_lint_edits \
	tests/unit/test_ocsp_lint \
	tests/unit/test_ocsp_request \
	tests/unit/test_ossl \
	tests/unit/test_profile \
	tests/unit/test_signer \
	tests/unit/test_token_faults \
	tests/unit/test_token_shared \
	tests/unit/test_token_key \
	tests/unit/test_weakkeys
tests_unit_test_ceremony_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS) \
	$(P11KIT_CFLAGS)
tests_unit_test_ceremony_LDADD = $(CEREMONY_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_ceremony_kept_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_ceremony_kept_LDADD = $(CEREMONY_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_ceremony_lock_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_ceremony_lock_LDADD = $(CEREMONY_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_ceremony_kill_CPPFLAGS = $(tests_cppflags) $(P11KIT_CFLAGS)
tests_unit_test_ceremony_kill_LDADD = $(CEREMONY_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_token_faults_CPPFLAGS = $(tests_cppflags) $(P11KIT_CFLAGS)
tests_unit_test_token_faults_LDADD = $(TOKEN_LAB) $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_token_shared_CPPFLAGS = $(tests_cppflags) $(P11KIT_CFLAGS)
tests_unit_test_token_shared_LDADD = $(TOKEN_LAB) $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_token_key_CPPFLAGS = $(tests_cppflags) $(P11KIT_CFLAGS)
tests_unit_test_token_key_LDADD = $(TOKEN_LAB) $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_signer_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_ocsp_request_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_ocsp_request_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI) $(CRYPTO_LIBS)
tests_unit_test_ossl_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_ossl_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI) $(CRYPTO_LIBS)
tests_unit_test_crl_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_crl_lint_SOURCES = tests/unit/test_crl_lint.c $(issue_lab)
tests_unit_test_crl_lint_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_crl_lint_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_ocsp_lint_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_ocsp_lint_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI) $(CRYPTO_LIBS)
tests_unit_test_weakkeys_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_test_weakkeys_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_profile_LDADD = $(UNIT) $(CS_PKI)
tests_unit_test_lint_ca_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
issue_lab = tests/unit/issue_lab.c tests/unit/issue_lab.h
lint_lab = $(issue_lab) tests/unit/lint_lab.c tests/unit/lint_lab.h
tests_unit_test_lint_SOURCES = tests/unit/test_lint.c $(lint_lab)
tests_unit_test_lint_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_lint_edits_SOURCES = tests/unit/test_lint_edits.c $(lint_lab)
tests_unit_test_lint_edits_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_ca_alternate_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_bundle_LDADD = $(UNIT) $(CS_PKI)
tests_unit_test_ca_init_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_ca_load_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_der_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
caa_lab = tests/unit/caa_lab.c tests/unit/caa_lab.h
tests_unit_test_caa_SOURCES = tests/unit/test_caa.c $(caa_lab)
tests_unit_test_caa_LDADD = $(UNIT) $(CS_PKI)
tests_unit_test_caa_climb_SOURCES = tests/unit/test_caa_climb.c $(caa_lab)
tests_unit_test_caa_climb_LDADD = $(UNIT) $(CS_PKI)
tests_unit_test_caa_value_SOURCES = tests/unit/test_caa_value.c $(caa_lab)
tests_unit_test_caa_value_LDADD = $(UNIT) $(CS_PKI)
tests_unit_test_effective_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_issue_SOURCES = tests/unit/test_issue.c $(issue_lab)
tests_unit_test_issue_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_issue_sign_SOURCES = tests/unit/test_issue_sign.c $(issue_lab)
tests_unit_test_issue_sign_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_issue_profile_SOURCES = tests/unit/test_issue_profile.c \
	$(issue_lab)
tests_unit_test_issue_profile_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
csr_lab = tests/unit/csr_lab.c tests/unit/csr_lab.h
tests_unit_test_csr_SOURCES = tests/unit/test_csr.c $(csr_lab)
tests_unit_test_csr_CPPFLAGS = $(tests_cppflags)
tests_unit_test_csr_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_csr_key_SOURCES = tests/unit/test_csr_key.c $(csr_lab)
tests_unit_test_csr_key_CPPFLAGS = $(tests_cppflags)
tests_unit_test_csr_key_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_csr_names_SOURCES = tests/unit/test_csr_names.c $(csr_lab)
tests_unit_test_csr_names_CPPFLAGS = $(tests_cppflags)
tests_unit_test_csr_names_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)
tests_unit_test_key_proof_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_key_proof_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI) $(CRYPTO_LIBS)
tests_unit_test_keycheck_CPPFLAGS = $(tests_cppflags)
tests_unit_test_keycheck_LDADD = $(PKI_LAB) $(UNIT) $(CS_PKI)

# --- acme ---
check_LIBRARIES += tests/unit/libacmelab.a
tests_unit_libacmelab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_libacmelab_a_SOURCES = \
	tests/unit/acme_certs.c tests/unit/acme_certs.h \
	tests/unit/acme_signer.c tests/unit/acme_signer.h \
	tests/unit/acme_front.c tests/unit/acme_front.h \
	tests/unit/acme_mailbox.c tests/unit/acme_mailbox.h
ACME_LAB = tests/unit/libacmelab.a
unit_tests += \
	tests/unit/test_account \
	tests/unit/test_account_binding \
	tests/unit/test_acme \
	tests/unit/test_account_object \
	tests/unit/test_directory \
	tests/unit/test_authz \
	tests/unit/test_validation \
	tests/unit/test_certid \
	tests/unit/test_dates \
	tests/unit/test_finalize \
	tests/unit/test_download \
	tests/unit/test_jwk \
	tests/unit/test_jws \
	tests/unit/test_keyowner \
	tests/unit/test_limit \
	tests/unit/test_limit_sources \
	tests/unit/test_nonce \
	tests/unit/test_nonce_shared \
	tests/unit/test_order \
	tests/unit/test_order_mailbox \
	tests/unit/test_order_life \
	tests/unit/test_problem \
	tests/unit/test_proof \
	tests/unit/test_renewal \
	tests/unit/test_replaces \
	tests/unit/test_key_report \
	tests/unit/test_refused \
	tests/unit/test_revoke \
	tests/unit/test_status \
	tests/unit/test_throttle
tests_unit_test_account_CPPFLAGS = $(tests_cppflags) $(JANSSON_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_test_account_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_account_binding_CPPFLAGS = $(tests_cppflags) $(JANSSON_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_test_account_binding_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_acme_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_account_object_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_directory_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_validation_SOURCES = tests/unit/test_validation.c \
	$(no_entropy)
tests_unit_test_validation_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_validation_LDADD = $(UNIT) $(CS_ACME) $(CRYPTO_LIBS)
tests_unit_test_authz_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_certid_LDADD = $(UNIT) $(CS_ACME)
tests_unit_test_dates_LDADD = $(UNIT) $(CS_ACME)
tests_unit_test_finalize_SOURCES = tests/unit/test_finalize.c $(order_lab)
tests_unit_test_finalize_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_download_SOURCES = tests/unit/test_download.c $(order_lab)
tests_unit_test_download_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_keyowner_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_keyowner_LDADD = $(PKI_LAB) $(STORE_FIXTURE) $(CS_ACME) \
	$(CRYPTO_LIBS)
tests_unit_test_jwk_LDADD = $(ACME_LAB) $(UNIT) $(CS_ACME)
tests_unit_test_jws_LDADD = $(ACME_LAB) $(UNIT) $(CS_ACME)
tests_unit_test_limit_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_limit_sources_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_nonce_LDADD = $(UNIT) $(CS_ACME)
tests_unit_test_nonce_shared_LDADD = $(STORE_FIXTURE) $(CS_ACME)
order_lab = tests/unit/order_lab.c tests/unit/order_lab.h
tests_unit_test_order_SOURCES = tests/unit/test_order.c $(order_lab)
tests_unit_test_order_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_order_mailbox_SOURCES = tests/unit/test_order_mailbox.c \
	$(order_lab)
tests_unit_test_order_mailbox_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_order_life_SOURCES = tests/unit/test_order_life.c $(order_lab)
tests_unit_test_order_life_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_problem_LDADD = $(UNIT) $(CS_ACME)
tests_unit_test_renewal_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_replaces_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_proof_LDADD = $(ACME_LAB) $(UNIT) $(CS_ACME)
tests_unit_test_key_report_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_key_report_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME) \
	$(CRYPTO_LIBS)
tests_unit_test_refused_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_revoke_LDADD = $(ACME_LAB) $(STORE_FIXTURE) $(CS_ACME)
tests_unit_test_status_LDADD = $(UNIT) $(CS_ACME)
tests_unit_test_throttle_LDADD = $(UNIT) $(CS_ACME)

# --- src ---
unit_tests += \
	tests/unit/test_acme_client \
	tests/unit/test_enroll \
	tests/unit/test_enroll_key \
	tests/unit/test_agent_answer \
	tests/unit/test_conf_perspective \
	tests/unit/test_corroborate \
	tests/unit/test_https_client \
	tests/unit/test_open_mpic \
	tests/unit/test_open_mpic_form \
	tests/unit/test_open_mpic_view \
	tests/unit/test_open_mpic_key \
	tests/unit/test_perspective_client \
	tests/unit/test_perspective_many \
	tests/unit/test_remote \
	tests/unit/test_cmp_conf \
	tests/unit/test_upstream_acme
tests_unit_test_upstream_acme_SOURCES = tests/unit/test_upstream_acme.c \
	tests/unit/acme_play.h
tests_unit_test_upstream_acme_LDADD = $(PEER) $(UNIT) $(CS_SRC)
tests_unit_test_cmp_conf_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_cmp_conf_LDADD = $(PEER) $(UNIT) $(CS_SRC)
tests_unit_test_acme_client_SOURCES = tests/unit/test_acme_client.c \
	tests/unit/acme_play.h
tests_unit_test_acme_client_LDADD = $(PEER) $(UNIT) $(CS_SRC)
tests_unit_test_enroll_CPPFLAGS = $(tests_cppflags) $(JANSSON_CFLAGS)
tests_unit_test_enroll_LDADD = $(DKIM_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_enroll_key_LDADD = $(PKI_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_agent_answer_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_perspective_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_corroborate_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_https_client_LDADD = $(PEER) $(UNIT) $(CS_SRC)
mpic_lab = tests/unit/mpic_lab.c tests/unit/mpic_lab.h
tests_unit_test_open_mpic_CPPFLAGS = $(tests_cppflags)
tests_unit_test_open_mpic_SOURCES = tests/unit/test_open_mpic.c $(mpic_lab)
tests_unit_test_open_mpic_LDADD = $(PEER) $(UNIT) $(CS_SRC)
tests_unit_test_open_mpic_form_CPPFLAGS = $(tests_cppflags)
tests_unit_test_open_mpic_form_SOURCES = tests/unit/test_open_mpic_form.c \
	$(mpic_lab)
tests_unit_test_open_mpic_form_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_open_mpic_view_CPPFLAGS = $(tests_cppflags)
tests_unit_test_open_mpic_view_SOURCES = tests/unit/test_open_mpic_view.c \
	$(mpic_lab)
tests_unit_test_open_mpic_view_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_open_mpic_key_CPPFLAGS = $(tests_cppflags)
tests_unit_test_open_mpic_key_SOURCES = tests/unit/test_open_mpic_key.c \
	$(mpic_lab)
tests_unit_test_open_mpic_key_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_perspective_client_LDADD = $(PEER) $(UNIT) $(CS_SRC)
tests_unit_test_remote_LDADD = $(UNIT) $(CS_SRC)
check_LIBRARIES += tests/unit/libstatuslab.a
tests_unit_libstatuslab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_libstatuslab_a_SOURCES = tests/unit/status_lab.c \
	tests/unit/status_lab.h
STATUS_LAB = tests/unit/libstatuslab.a
check_LIBRARIES += tests/unit/librolelab.a
tests_unit_librolelab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_librolelab_a_SOURCES = tests/unit/role_lab.c tests/unit/role_lab.h
ROLE_LAB = tests/unit/librolelab.a $(DKIM_LAB) $(STORE_FIXTURE)
check_LIBRARIES += tests/unit/liblinterlab.a
tests_unit_liblinterlab_a_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS)
tests_unit_liblinterlab_a_SOURCES = tests/unit/linter_lab.c \
	tests/unit/linter_lab.h
LINTER_LAB = tests/unit/liblinterlab.a
unit_tests += \
	tests/unit/test_admin \
	tests/unit/test_admin_keys \
	tests/unit/test_admin_two \
	tests/unit/test_admin_commands \
	tests/unit/test_admin_factors \
	tests/unit/test_answers \
	tests/unit/test_answers_forged \
	tests/unit/test_audit_events \
	tests/unit/test_live \
	tests/unit/test_live_issuer \
	tests/unit/test_audit_look \
	tests/unit/test_audit_sample \
	tests/unit/test_client_address \
	tests/unit/test_command \
	tests/unit/test_command_words \
	tests/unit/test_conf \
	tests/unit/test_conf_fit \
	tests/unit/test_conf_held \
	tests/unit/test_conf_manual \
	tests/unit/test_conf_sections \
	tests/unit/test_conf_former \
	tests/unit/test_signer_files \
	tests/unit/test_conf_responder \
	tests/unit/test_conf_trial \
	tests/unit/test_conf_values \
	tests/unit/test_database_password \
	tests/unit/test_supervisor_replace \
	tests/unit/test_pins \
	tests/unit/test_conf_files \
	tests/unit/test_conf_owner \
	tests/unit/test_tls \
	tests/unit/test_dossier \
	tests/unit/test_evidence \
	tests/unit/test_evidence_smime \
	tests/unit/test_former \
	tests/unit/test_former_check \
	tests/unit/test_replies_kept \
	tests/unit/test_gate \
	tests/unit/test_gate_age \
	tests/unit/test_gate_service \
	tests/unit/test_handoff \
	tests/unit/test_handoff_wait \
	tests/unit/test_handoff_overtaken \
	tests/unit/test_handoff_cmp \
	tests/unit/test_hook \
	tests/unit/test_http_chain \
	tests/unit/test_http_peers \
	tests/unit/test_wake \
	tests/unit/test_gate_keys \
	tests/unit/test_intake_lmtp \
	tests/unit/test_clock_aside \
	tests/unit/test_clock_lists \
	tests/unit/test_crl_take \
	tests/unit/test_list_rows \
	tests/unit/test_incident \
	tests/unit/test_incident_bites \
	tests/unit/test_incident_lint \
	tests/unit/test_incident_shared \
	tests/unit/test_incident_unlisted \
	tests/unit/test_key_sweep \
	tests/unit/test_key_turns \
	tests/unit/test_issuer_batch \
	tests/unit/test_issuer_kill \
	tests/unit/test_issuer_profile \
	tests/unit/test_issuer_signing \
	tests/unit/test_issuer_reserved \
	tests/unit/test_judge \
	tests/unit/test_judge_deferred \
	tests/unit/test_judge_report \
	tests/unit/test_reply_to \
	tests/unit/test_record_queue \
	tests/unit/test_imap_ingest \
	tests/unit/test_judge_caa \
	tests/unit/test_judge_stop \
	tests/unit/test_linters \
	tests/unit/test_sign_cap \
	tests/unit/test_sign_frame \
	tests/unit/test_sign_service \
	tests/unit/test_sign_link \
	tests/unit/test_lint_published \
	tests/unit/test_lint_service \
	tests/unit/test_pkimetal \
	tests/unit/test_linters_real \
	tests/unit/test_lists \
	tests/unit/test_lists_begin \
	tests/unit/test_lists_late \
	tests/unit/test_lists_rows \
	tests/unit/test_lists_shards \
	tests/unit/test_lmtp \
	tests/unit/test_purge \
	tests/unit/test_purge_audit \
	tests/unit/test_purge_report \
	tests/unit/test_reply_wrap \
	tests/unit/test_own_keys \
	tests/unit/test_recheck \
	tests/unit/test_relied \
	tests/unit/test_head_key \
	tests/unit/test_role_life \
	tests/unit/test_rehearsal \
	tests/unit/test_reply_policy \
	tests/unit/test_maildir \
	tests/unit/test_published \
	tests/unit/test_cps_tables \
	tests/unit/test_switched_off \
	tests/unit/test_errand \
	tests/unit/test_key_destroy \
	tests/unit/test_key_files \
	tests/unit/test_disk_room \
	tests/unit/test_listen_check \
	tests/unit/test_place_check \
	tests/unit/test_privilege \
	tests/unit/test_sandbox \
	tests/unit/test_sandbox_pgsql \
	tests/unit/test_sandbox_signals \
	tests/unit/test_caa_report \
	tests/unit/test_notice \
	tests/unit/test_notice_text \
	tests/unit/test_admin_front \
	tests/unit/test_admin_pages \
	tests/unit/test_form \
	tests/unit/test_overview \
	tests/unit/test_overview_work \
	tests/unit/test_story \
	tests/unit/test_renewal_notice \
	tests/unit/test_report \
	tests/unit/test_sender \
	tests/unit/test_ceremony_record \
	tests/unit/test_url_check \
	tests/unit/test_writer
admin_lab = tests/unit/admin_lab.c tests/unit/admin_lab.h
tests_unit_test_admin_SOURCES = tests/unit/test_admin.c $(admin_lab)
tests_unit_test_admin_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_admin_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_admin_keys_SOURCES = tests/unit/test_admin_keys.c $(admin_lab)
tests_unit_test_admin_keys_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_admin_keys_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_admin_two_SOURCES = tests/unit/test_admin_two.c $(admin_lab)
tests_unit_test_admin_two_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_admin_two_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_audit_events_SOURCES = tests/unit/test_audit_events.c \
	$(admin_lab)
tests_unit_test_audit_events_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_audit_events_LDADD = $(STATUS_LAB) $(PKI_LAB) $(ROLE_LAB) \
	$(CS_SRC) $(CRYPTO_LIBS)
command_lab = tests/unit/command_lab.c tests/unit/command_lab.h
tests_unit_test_command_words_SOURCES = tests/unit/test_command_words.c \
	$(command_lab)
tests_unit_test_command_words_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_command_words_LDADD = $(PKI_LAB) $(STORE_FIXTURE) $(CS_SRC) \
	$(CRYPTO_LIBS)
tests_unit_test_admin_commands_SOURCES = tests/unit/test_admin_commands.c \
	$(command_lab)
tests_unit_test_admin_commands_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_admin_commands_LDADD = $(PKI_LAB) $(STORE_FIXTURE) $(CS_SRC) \
	$(CRYPTO_LIBS)
tests_unit_test_admin_factors_SOURCES = tests/unit/test_admin_factors.c \
	$(admin_lab)
tests_unit_test_admin_factors_CPPFLAGS = $(tests_cppflags) $(P11KIT_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_test_admin_factors_LDADD = $(TOKEN_LAB) $(PKI_LAB) \
	$(STORE_FIXTURE) $(CS_SRC) $(CRYPTO_LIBS)
tests_unit_test_client_address_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_command_LDADD = $(UNIT) $(CS_SRC)
conf_lab = tests/unit/conf_lab.c tests/unit/conf_lab.h
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c $(conf_lab)
tests_unit_test_conf_fit_SOURCES = tests/unit/test_conf_fit.c $(conf_lab)
tests_unit_test_conf_fit_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_sections_SOURCES = tests/unit/test_conf_sections.c \
	$(conf_lab)
tests_unit_test_conf_sections_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_values_SOURCES = tests/unit/test_conf_values.c $(conf_lab)
tests_unit_test_conf_values_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_pins_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_database_password_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_supervisor_replace_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_held_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_signer_files_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_former_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_responder_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_manual_CPPFLAGS = $(tests_cppflags)
tests_unit_test_conf_manual_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_dossier_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_evidence_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_evidence_smime_LDADD = $(SMIME_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_gate_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_gate_age_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_gate_service_CPPFLAGS = $(tests_cppflags)
tests_unit_test_gate_service_SOURCES = tests/unit/test_gate_service.c \
	$(mpic_lab)
tests_unit_test_gate_service_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_gate_keys_LDADD = $(ROLE_LAB) $(CS_SRC)
handoff_lab = tests/unit/handoff_lab.c tests/unit/handoff_lab.h \
	tests/unit/upstream_double.c tests/unit/upstream_double.h
tests_unit_test_handoff_SOURCES = tests/unit/test_handoff.c $(handoff_lab)
tests_unit_test_handoff_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_handoff_wait_SOURCES = tests/unit/test_handoff_wait.c \
	$(handoff_lab)
tests_unit_test_handoff_wait_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_handoff_overtaken_SOURCES = \
	tests/unit/test_handoff_overtaken.c $(handoff_lab)
tests_unit_test_handoff_overtaken_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
issuer_lab = tests/unit/issuer_lab.c tests/unit/issuer_lab.h
signing_lab = tests/unit/signing_lab.c tests/unit/signing_lab.h $(issuer_lab)
purge_lab = tests/unit/purge_lab.c tests/unit/purge_lab.h $(issuer_lab)
tests_unit_test_purge_SOURCES = tests/unit/test_purge.c $(purge_lab)
tests_unit_test_purge_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_purge_audit_SOURCES = tests/unit/test_purge_audit.c $(purge_lab)
tests_unit_test_purge_audit_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_purge_report_SOURCES = tests/unit/test_purge_report.c \
	$(purge_lab)
tests_unit_test_purge_report_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_handoff_cmp_SOURCES = tests/unit/test_handoff_cmp.c \
	tests/unit/cmp_double.c tests/unit/cmp_double.h \
	tests/unit/cmp_server.c tests/unit/cmp_server.h $(handoff_lab)
tests_unit_test_handoff_cmp_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_replies_kept_LDADD = $(REPLY_CASE) $(UNIT) $(CS_SRC)
tests_unit_test_reply_wrap_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_role_life_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_conf_trial_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_head_key_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_relied_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_own_keys_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_own_keys_LDADD = $(PKI_LAB) $(STORE_FIXTURE) $(CS_SRC) \
	$(CRYPTO_LIBS)
tests_unit_test_incident_lint_SOURCES = tests/unit/test_incident_lint.c \
	$(issuer_lab)
tests_unit_test_incident_lint_LDADD = $(LINTER_LAB) $(PKI_LAB) $(ROLE_LAB) \
	$(CS_SRC)
tests_unit_test_audit_look_SOURCES = tests/unit/test_audit_look.c $(issuer_lab)
tests_unit_test_audit_look_LDADD = $(LINTER_LAB) $(PKI_LAB) $(ROLE_LAB) \
	$(CS_SRC)
tests_unit_test_recheck_SOURCES = tests/unit/test_recheck.c \
	$(issuer_lab)
tests_unit_test_recheck_LDADD = $(LINTER_LAB) $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_audit_sample_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_issuer_signing_SOURCES = tests/unit/test_issuer_signing.c \
	$(signing_lab)
tests_unit_test_issuer_signing_LDADD = $(LINTER_LAB) $(PKI_LAB) $(ROLE_LAB) \
	$(CS_SRC)
tests_unit_test_issuer_reserved_SOURCES = tests/unit/test_issuer_reserved.c \
	$(signing_lab)
tests_unit_test_issuer_reserved_LDADD = $(LINTER_LAB) $(PKI_LAB) $(ROLE_LAB) \
	$(CS_SRC)
INCIDENT_LAB = tests/unit/incident_lab.c tests/unit/incident_lab.h
tests_unit_test_clock_aside_SOURCES = tests/unit/test_clock_aside.c \
	$(INCIDENT_LAB)
tests_unit_test_clock_aside_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_clock_lists_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
list_lab = tests/unit/list_lab.c tests/unit/list_lab.h
tests_unit_test_clock_lists_SOURCES = tests/unit/test_clock_lists.c $(list_lab)
tests_unit_test_clock_lists_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_list_rows_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_list_rows_SOURCES = tests/unit/test_list_rows.c $(list_lab)
tests_unit_test_list_rows_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_crl_take_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_crl_take_SOURCES = tests/unit/test_crl_take.c $(list_lab)
tests_unit_test_crl_take_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_incident_SOURCES = tests/unit/test_incident.c $(INCIDENT_LAB)
tests_unit_test_incident_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_incident_bites_SOURCES = tests/unit/test_incident_bites.c \
	$(INCIDENT_LAB)
tests_unit_test_incident_bites_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_incident_unlisted_SOURCES = \
	tests/unit/test_incident_unlisted.c $(INCIDENT_LAB)
tests_unit_test_incident_unlisted_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_incident_shared_SOURCES = tests/unit/test_incident_shared.c \
	$(INCIDENT_LAB)
tests_unit_test_incident_shared_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_key_sweep_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_key_turns_LDADD = $(STATUS_LAB) $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_issuer_batch_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_issuer_batch_SOURCES = tests/unit/test_issuer_batch.c \
	$(issuer_lab)
tests_unit_test_issuer_batch_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_issuer_kill_SOURCES = tests/unit/test_issuer_kill.c \
	$(issuer_lab)
tests_unit_test_issuer_kill_CPPFLAGS = $(tests_cppflags) $(P11KIT_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_test_issuer_kill_LDADD = $(TOKEN_LAB) $(PKI_LAB) $(ROLE_LAB) \
	$(CS_SRC) $(CRYPTO_LIBS)
tests_unit_test_sign_cap_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_sign_frame_LDADD = $(UNIT) $(CS_SRC)
sign_pair = tests/unit/sign_pair.c tests/unit/sign_pair.h
tests_unit_test_sign_link_SOURCES = tests/unit/test_sign_link.c $(sign_pair)
tests_unit_test_sign_link_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_sign_service_SOURCES = tests/unit/test_sign_service.c \
	$(sign_pair)
tests_unit_test_sign_service_CPPFLAGS = $(tests_cppflags) $(P11KIT_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_unit_test_sign_service_LDADD = $(TOKEN_LAB) $(PKI_LAB) $(UNIT) \
	$(CS_SRC) $(CRYPTO_LIBS)
tests_unit_test_issuer_profile_SOURCES = tests/unit/test_issuer_profile.c \
	$(issuer_lab)
tests_unit_test_issuer_profile_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC)
answers_lab = tests/unit/answers_lab.c tests/unit/answers_lab.h
tests_unit_test_answers_SOURCES = tests/unit/test_answers.c $(answers_lab)
tests_unit_test_answers_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_answers_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_answers_forged_SOURCES = tests/unit/test_answers_forged.c \
	$(answers_lab)
tests_unit_test_answers_forged_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_answers_forged_LDADD = $(STATUS_LAB) $(PKI_LAB) \
	$(STORE_FIXTURE) $(CS_SRC)
live_lab = tests/unit/live_lab.c tests/unit/live_lab.h
tests_unit_test_live_SOURCES = tests/unit/test_live.c $(live_lab)
tests_unit_test_live_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_live_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_live_issuer_SOURCES = tests/unit/test_live_issuer.c $(live_lab)
tests_unit_test_live_issuer_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_live_issuer_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
former_lab = tests/unit/former_lab.c tests/unit/former_lab.h
tests_unit_test_former_SOURCES = tests/unit/test_former.c $(former_lab)
tests_unit_test_former_check_SOURCES = tests/unit/test_former_check.c \
	$(former_lab)
tests_unit_test_former_check_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_former_check_LDADD = $(STATUS_LAB) $(PKI_LAB) \
	$(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_former_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_former_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_http_chain_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_http_chain_LDADD = $(PKI_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_rehearsal_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_ceremony_record_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_ceremony_record_LDADD = $(CEREMONY_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_url_check_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_url_check_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_lists_SOURCES = tests/unit/test_lists.c $(list_lab)
tests_unit_test_lists_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_lists_begin_SOURCES = tests/unit/test_lists_begin.c $(list_lab)
tests_unit_test_lists_begin_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_lists_late_SOURCES = tests/unit/test_lists_late.c $(list_lab)
tests_unit_test_lists_late_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_lists_rows_SOURCES = tests/unit/test_lists_rows.c $(list_lab)
tests_unit_test_lists_rows_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_lists_shards_SOURCES = tests/unit/test_lists_shards.c $(list_lab)
tests_unit_test_lists_shards_LDADD = $(STATUS_LAB) $(PKI_LAB) $(STORE_FIXTURE) \
	$(CS_SRC)
tests_unit_test_intake_lmtp_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_lmtp_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_maildir_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_hook_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_http_peers_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_wake_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_pkimetal_LDADD = $(UNIT) $(CS_PKI)
tests_unit_test_lint_published_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_lint_published_LDADD = $(LINTER_LAB) $(STATUS_LAB) $(PKI_LAB) \
	$(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_lint_service_LDADD = $(LINTER_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_linters_LDADD = $(LINTER_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_linters_real_SOURCES = tests/unit/test_linters_real.c \
	$(issue_lab)
tests_unit_test_linters_real_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_linters_real_LDADD = $(PKI_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_judge_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_judge_report_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_reply_to_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_judge_deferred_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_imap_ingest_SOURCES = tests/unit/test_imap_ingest.c $(fetch_lab)
tests_unit_test_imap_ingest_LDADD = $(PEER) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_record_queue_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_judge_stop_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_judge_caa_LDADD = $(PEER) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_perspective_many_LDADD = $(PEER) $(UNIT) $(CS_SRC)
tests_unit_test_reply_policy_LDADD = $(DKIM_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_published_LDADD = $(DKIM_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_cps_tables_LDADD = $(PKI_LAB) $(UNIT) $(CS_SRC)
tests_unit_test_switched_off_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_errand_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_key_destroy_LDADD = $(PKI_LAB) $(STORE_FIXTURE) $(CS_SRC)
place_lab = tests/unit/place_lab.c tests/unit/place_lab.h
tests_unit_test_key_files_SOURCES = tests/unit/test_key_files.c $(place_lab)
tests_unit_test_key_files_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_files_SOURCES = tests/unit/test_conf_files.c $(place_lab)
tests_unit_test_conf_files_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_conf_owner_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_tls_CPPFLAGS = $(tests_cppflags) $(CMOCKA_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_test_tls_LDADD = $(UNIT) $(CS_SRC) $(GNUTLS_LIBS)
tests_unit_test_disk_room_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_listen_check_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_privilege_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_place_check_SOURCES = tests/unit/test_place_check.c \
	$(place_lab)
tests_unit_test_place_check_LDADD = $(UNIT) $(CS_SRC)
sandbox_lab = tests/unit/sandbox_lab.c tests/unit/sandbox_lab.h
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c $(sandbox_lab)
tests_unit_test_sandbox_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_sandbox_signals_SOURCES = tests/unit/test_sandbox_signals.c \
	$(sandbox_lab)
tests_unit_test_sandbox_signals_LDADD = $(UNIT) $(CS_SRC)
tests_unit_test_sandbox_pgsql_LDADD = $(STORE_FIXTURE) $(CS_SRC)
tests_unit_test_caa_report_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_notice_text_LDADD = $(UNIT) $(CS_MAIL)
tests_unit_test_notice_LDADD = $(SIGNER_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_form_LDADD = $(UNIT) $(CS_SRC)
front_lab = tests/unit/front_lab.c tests/unit/front_lab.h $(admin_lab)
tests_unit_test_admin_front_SOURCES = tests/unit/test_admin_front.c \
	$(front_lab)
tests_unit_test_admin_front_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_admin_front_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC) \
	$(CRYPTO_LIBS)
tests_unit_test_admin_pages_SOURCES = tests/unit/test_admin_pages.c \
	$(front_lab)
tests_unit_test_admin_pages_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_admin_pages_LDADD = $(PKI_LAB) $(ROLE_LAB) $(CS_SRC) \
	$(CRYPTO_LIBS)
overview_lab = tests/unit/overview_lab.c tests/unit/overview_lab.h
tests_unit_test_overview_SOURCES = tests/unit/test_overview.c $(overview_lab)
tests_unit_test_overview_LDADD = $(ROLE_LAB) $(PKI_LAB) $(CS_SRC)
tests_unit_test_overview_work_SOURCES = tests/unit/test_overview_work.c \
	$(overview_lab)
tests_unit_test_overview_work_LDADD = $(ROLE_LAB) $(PKI_LAB) $(CS_SRC)
tests_unit_test_story_LDADD = $(ROLE_LAB) $(CS_SRC)
tests_unit_test_renewal_notice_LDADD = $(SIGNER_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_report_CPPFLAGS = $(tests_cppflags) $(CRYPTO_CFLAGS)
tests_unit_test_report_LDADD = $(SIGNER_LAB) $(PKI_LAB) $(ROLE_LAB) $(CS_SRC) \
	$(CRYPTO_LIBS)
tests_unit_test_sender_LDADD = $(SIGNER_LAB) $(ROLE_LAB) $(CS_SRC)
tests_unit_test_writer_LDADD = $(STORE_FIXTURE) $(CS_SRC)
