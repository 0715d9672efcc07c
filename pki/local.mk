# Requests, certificates, status, keys, CAA; knows lib, db, dns.

noinst_LIBRARIES += libcs_pki.a
libcs_pki_a_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(P11KIT_CFLAGS)
libcs_pki_a_SOURCES = \
	pki/ca.h \
	pki/bundle.c pki/bundle.h \
	pki/ceremony_bundle.c pki/ceremony_bundle.h \
	pki/ca_above.c \
	pki/ca_above.h \
	pki/ca_alternate.c \
	pki/ca_build.c \
	pki/ca_build.h \
	pki/ca_init.c \
	pki/ca_key_end.c \
	pki/ca_name.c \
	pki/ca_rehearsal.c \
	pki/ca_request.c \
	pki/ca_key_end.h \
	pki/ca_name.h \
	pki/caa.c \
	pki/caa.h \
	pki/caa_value.c \
	pki/caa_value.h \
	pki/ceremony.c \
	pki/ceremony.h \
	pki/ceremony_backup.c \
	pki/ceremony_backup.h \
	pki/ceremony_events.c \
	pki/ceremony_events.h \
	pki/ceremony_file.c \
	pki/ceremony_issuing.c \
	pki/ceremony_kept.c \
	pki/ceremony_key.c \
	pki/ceremony_key.h \
	pki/ceremony_lock.c pki/ceremony_lock.h \
	pki/ceremony_persons.c \
	pki/ceremony_persons.h \
	pki/ceremony_list.c \
	pki/ceremony_root.c \
	pki/ceremony_root.h \
	pki/cert_facts.c \
	pki/certfield.c \
	pki/certfield.h \
	pki/certview.c \
	pki/certview.h \
	pki/crl.c \
	pki/crl.h \
	pki/cryptoki.c \
	pki/cryptoki.h \
	pki/cryptoki_error.c \
	pki/cryptoki_generate.c \
	pki/cryptoki_generate.h \
	pki/cryptoki_key.c \
	pki/cryptoki_private.h \
	pki/crl_lint.c \
	pki/crl_lint.h \
	pki/csr.c \
	pki/csr.h \
	pki/csr_names.c \
	pki/csr_names.h \
	pki/csr_proof.c \
	pki/csr_proof.h \
	pki/der.c \
	pki/der.h \
	pki/envelope.c pki/envelope.h \
	pki/ca_profile.c \
	pki/ca_profile.h \
	pki/edwards.c \
	pki/edwards.h \
	pki/policy_oid.c pki/policy_oid.h \
	pki/effective.c \
	pki/effective.h \
	pki/head_key.c pki/head_key.h \
	pki/issue.c \
	pki/issue.h \
	pki/key.c \
	pki/key.h \
	pki/keycheck.c \
	pki/keycheck.h \
	pki/lint.c \
	pki/lint_extension.c \
	pki/lint_private.h \
	pki/lint_subject.c \
	pki/lint_whole.c \
	pki/lint.h \
	pki/lint_ca.c \
	pki/lint_ca.h \
	pki/linter.c pki/linter.h \
	pki/pkimetal.c pki/pkimetal.h \
	pki/ocsp_answer.c \
	pki/ocsp_answer.h \
	pki/ocsp_client.c \
	pki/ocsp_client.h \
	pki/ocsp_request.c \
	pki/ocsp_request.h \
	pki/ocsp_segment.c \
	pki/ocsp_segment.h \
	pki/oid.h \
	pki/ossl.c \
	pki/ossl.h \
	pki/ossl_x509.c \
	pki/profile.c \
	pki/profile.h \
	pki/profile_conf.c \
	pki/profile_conf.h \
	pki/profile_read.c pki/profile_read.h \
	pki/relint.c pki/relint.h \
	pki/remote_key.c pki/remote_key.h \
	pki/responder_trust.c pki/responder_trust.h \
	pki/responder_key.c pki/responder_key.h \
	pki/responder_request.c pki/responder_request.h \
	pki/responder.c \
	pki/responder.h \
	pki/responder_check.c \
	pki/returned.c \
	pki/returned.h \
	pki/rsacheck.c \
	pki/rsacheck.h \
	pki/signer.c \
	pki/signer.h \
	pki/signing_key.c \
	pki/signing_key.h \
	pki/key_proof.c pki/key_proof.h \
	pki/spki_file.c \
	pki/spki_file.h \
	pki/token_key.c \
	pki/token_key.h \
	pki/statement.c \
	pki/statement.h \
	pki/transcript.c \
	pki/transcript.h \
	pki/version.h \
	pki/weakkeys.c \
	pki/weakkeys.h

CS_PKI = libcs_pki.a $(CRYPTO_LIBS) $(CS_DNS) $(CS_DB)
