# Messages; knows lib, db, dns.

noinst_LIBRARIES += libcs_mail.a
libcs_mail_a_CPPFLAGS = $(AM_CPPFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS) \
	$(ESMTP_CFLAGS) $(ETPAN_CFLAGS)
libcs_mail_a_SOURCES = \
	mail/addr_list.c mail/addr_list.h \
	mail/cfws.c mail/cfws.h \
	mail/bounce.c mail/bounce.h \
	mail/compose.c mail/compose.h \
	mail/dial.c mail/dial.h \
	mail/auth_results.c mail/auth_results.h \
	mail/credential.c mail/credential.h \
	mail/dkim_canon.c mail/dkim_canon.h \
	mail/dkim_coverage.c mail/dkim_coverage.h \
	mail/dkim_key.c mail/dkim_key.h \
	mail/dkim_keyring.c mail/dkim_keyring.h \
	mail/dkim_sign.c mail/dkim_sign.h \
	mail/dkim_signature.c mail/dkim_signature.h \
	mail/dkim_tags.c mail/dkim_tags.h \
	mail/dkim_verify.c mail/dkim_verify.h \
	mail/esmtp_session.c mail/esmtp_session.h \
	mail/esmtp_verdict.c mail/esmtp_verdict.h \
	mail/fetch.c mail/fetch.h mail/fetch_session.h \
	mail/fetch_auth.c mail/fetch_dispose.c mail/fetch_list.c \
	mail/fetch_message.c mail/fetch_wait.c \
	mail/fetch_guard.c mail/fetch_guard.h \
	mail/fetch_stream.c mail/fetch_stream.h \
	mail/field.c mail/field.h \
	mail/finding.c mail/finding.h \
	mail/from_words.c mail/from_words.h \
	mail/language.c mail/language.h \
	mail/lookup.c mail/lookup.h \
	mail/mime.c mail/mime.h \
	mail/mime_charset.c mail/mime_charset.h \
	mail/mime_decode.c \
	mail/mime_part.c mail/mime_part.h \
	mail/mime_type.c mail/mime_type.h \
	mail/iodef.c mail/iodef.h \
	mail/iso_2022_jp.c mail/iso_2022_jp.h \
	mail/notice.c mail/notice.h \
	mail/reply.c mail/reply.h \
	mail/reply_above.c mail/reply_above.h \
	mail/reply_block.c mail/reply_block.h \
	mail/reply_evidence.c mail/reply_evidence.h \
	mail/reply_headers.c mail/reply_headers.h \
	mail/reply_html.c mail/reply_html.h \
	mail/reply_quote.c mail/reply_quote.h \
	mail/reply_readings.c mail/reply_readings.h \
	mail/reply_via.c mail/reply_via.h \
	mail/reply_wrote.c mail/reply_wrote.h \
	mail/smime_sign.c mail/smime_sign.h \
	mail/smime_signer.c mail/smime_signer.h \
	mail/sasl.c mail/sasl.h \
	mail/scram.c mail/scram.h \
	mail/smtp_reply.c mail/smtp_reply.h \
	mail/smtp_session.c mail/smtp_session.h \
	mail/smime_chain.c mail/smime_chain.h \
	mail/smime_identity.c mail/smime_identity.h \
	mail/smime_key.c mail/smime_key.h \
	mail/smime_layer.c mail/smime_layer.h \
	mail/smime_protect.c mail/smime_protect.h \
	mail/smime_signature.c mail/smime_signature.h \
	mail/smime_trust.c mail/smime_trust.h \
	mail/smime_verify.c mail/smime_verify.h \
	mail/smtp_text.c mail/smtp_text.h \
	mail/status_words.c mail/status_words.h \
	mail/submit.c mail/submit.h \
	mail/submit_direct.c mail/submit_direct.h \
	mail/submit_esmtp.c mail/submit_esmtp.h \
	mail/template.c mail/template.h \
	mail/template_check.c mail/template_check.h \
	mail/template_html.c mail/template_html.h \
	mail/texts.c mail/texts.h \
	mail/tls_client.c mail/tls_client.h \
	mail/token.c mail/token.h

mail_templates = \
	mail/templates/de.html \
	mail/templates/de.txt \
	mail/templates/en.html \
	mail/templates/en.txt \
	mail/templates/notice-de.html \
	mail/templates/notice-de.txt \
	mail/templates/notice-en.html \
	mail/templates/notice-en.txt \
	mail/templates/renewal-de.html \
	mail/templates/renewal-de.txt \
	mail/templates/renewal-en.html \
	mail/templates/renewal-en.txt
nodist_libcs_mail_a_SOURCES = mail/template_data.c
mail/template_data.c: $(mail_templates) $(EMBED_DEPS)
	$(AM_V_GEN)$(EMBED) compose_templates $(mail_templates) >$@.tmp && \
	    mv $@.tmp $@
CLEANFILES += mail/template_data.c
EXTRA_DIST += $(mail_templates)

CS_MAIL = libcs_mail.a $(ESMTP_LIBS) $(ETPAN_LIBS) $(SSL_LIBS) $(CS_DNS) $(CS_DB)
