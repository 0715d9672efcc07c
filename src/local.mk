# The programs; they know everything.  A program is one file with main() and
# CS_SRC; all other files of the folder are in the library, where tests reach
# them.  Programs stand in bin_PROGRAMS and sbin_PROGRAMS of Makefile.am:
# NAME_SOURCES = src/NAME.c, NAME_LDADD = $(CS_SRC).

noinst_LIBRARIES += libcs_src.a
libcs_src_a_CPPFLAGS = $(AM_CPPFLAGS) $(MICROHTTPD_CFLAGS) \
	$(CONFUSE_CFLAGS) $(GNUTLS_CFLAGS) $(CURL_CFLAGS) $(SECCOMP_CFLAGS)
libcs_src_a_SOURCES = \
	src/account_text.c src/account_text.h \
	src/acme_client.c src/acme_client.h \
	src/acme_session.c src/acme_session.h \
	src/activation.c src/activation.h \
	src/acts.c src/acts.h \
	src/admin_door.c src/admin_door.h \
	src/admin_enter.c src/admin_enter.h \
	src/admin_expiry.c src/admin_expiry.h \
	src/admin_factors.c src/admin_factors.h \
	src/admin_front.c src/admin_front.h \
	src/admin_list.c src/admin_list.h \
	src/admin_login.c src/admin_login.h \
	src/admin_page_orders.c src/admin_page_reports.c \
	src/admin_page_status.c src/admin_pages.h \
	src/admin_session.c src/admin_session.h \
	src/agent_answer.c src/agent_answer.h \
	src/agent_pool.c src/agent_pool.h \
	src/http_agent.c src/http_agent.h \
	src/role_perspective.c src/role_perspective.h \
	src/answers.c src/answers.h src/answers_private.h \
	src/answers_announce.c src/answers_responder.c src/answers_segment.c \
	src/bare_role.c src/bare_role.h \
	src/answers_block.c src/answers_block.h \
	src/client_address.c src/client_address.h \
	src/ceiling.c src/ceiling.h \
	src/clock_aside.c src/clock_aside.h \
	src/crl_take.c src/crl_take.h \
	src/clock_watch.c src/clock_watch.h \
	src/cmd_accounts.c \
	src/audit_look.c src/audit_look.h \
	src/audit_sample.c src/audit_sample.h \
	src/cmd_admin.c \
	src/cmd_audit.c src/cmd_audit.h src/cmd_audit_sample.c \
	src/cmd_authz.c \
	src/cmd_ca.c src/ca_options.c src/ca_options.h \
	src/ceremony_mark.c src/ceremony_mark.h \
	src/ceremony_record.c src/ceremony_record.h \
	src/cmd_ca_record.c src/cmd_ca_urls.c src/check_urls.h \
	src/cmd_cert.c \
	src/ca_check.c src/ca_check.h \
	src/ca_conf.c src/ca_conf.h \
	src/ca_urls.c src/ca_urls.h \
	src/cmd_check.c src/cmd_check.h src/cmd_check_ca.c \
	src/cmd_check_dns.c src/cmd_check_mail.c \
	src/cmd_clock.c \
	src/cmd_cps_tables.c \
	src/cps_profiles.c src/cps_profiles.h \
	src/cps_tables.c src/cps_tables.h \
	src/cmd_crl.c \
	src/cmd_db.c \
	src/cmd_eab.c \
	src/cmd_evidence.c \
	src/database.c src/database.h \
	src/corroborate.c src/corroborate.h \
	src/question.c src/question.h \
	src/testimony.c src/testimony.h \
	src/service_record.c src/service_record.h \
	src/conf_perspective.c src/conf_perspective.h \
	src/perspective_check.c src/perspective_check.h \
	src/perspective_client.c src/perspective_client.h \
	src/perspective_exchange.c src/perspective_exchange.h \
	src/perspective_service.c src/perspective_service.h \
	src/disk_room.c src/disk_room.h \
	src/dns_conf.c src/dns_conf.h \
	src/audit_keys.c src/audit_keys.h \
	src/dossier.c src/dossier.h \
	src/dossier_checks.c src/dossier_checks.h \
	src/relied.c src/relied.h \
	src/cmd_enroll.c \
	src/cmd_handoff.c \
	src/cmd_incident.c \
	src/cmd_init.c \
	src/cmd_key.c \
	src/cmd_limits.c \
	src/cmd_purge.c \
	src/cmd_mail.c \
	src/cmd_orders.c \
	src/cmd_report.c \
	src/cmd_status.c \
	src/cmd_stop.c \
	src/overview.c src/overview.h \
	src/page.c src/page.h \
	src/overview_conf.c src/overview_conf.h \
	src/overview_disk.c src/overview_disk.h \
	src/overview_lists.c src/overview_lists.h \
	src/overview_relay.c src/overview_relay.h \
	src/overview_replies.c src/overview_replies.h \
	src/overview_roles.c src/overview_roles.h \
	src/overview_work.c src/overview_work.h \
	src/remarks.c src/remarks.h \
	src/report_due.c src/report_due.h \
	src/cmd_suppress.c \
	src/command.c src/command.h \
	src/conf_file.c src/conf_file.h src/conf_reload.c \
	src/conf_parse.c src/conf_parse.h \
	src/conf_reading.c src/conf_reading.h \
	src/conf_text.c src/conf_text.h \
	src/conf_pin.c src/conf_pin.h \
	src/console.c src/console.h src/pins.c src/pins.h \
	src/conf_held.c src/conf_held.h src/conf_trial.c src/conf_trial.h \
	src/conf_note.c src/conf_note.h src/errand.c src/errand.h \
	src/reload.c src/reload.h \
	src/conf_check.c src/conf_check.h src/conf_check_parts.h \
	src/conf_check_address.c src/conf_check_policy.c \
	src/conf_check_sender.c src/conf_check_validator.c \
	src/conf_listen.c src/conf_listen.h \
	src/conf_files.c src/conf_files.h \
	src/conf_owner.c src/conf_owner.h \
	src/conf_login.c src/conf_login.h \
	src/conf_external.c src/conf_external.h \
	src/conf_linter.c src/conf_linter.h \
	src/lint_url.c src/lint_url.h \
	src/conf_profile.c src/conf_profile.h \
	src/conf_table.c src/conf_table.h \
	src/conf_value.c src/conf_value.h \
	src/account_keys.c src/account_keys.h \
	src/incident_drop.c src/incident_drop.h \
	src/incident_open.c src/incident_open.h \
	src/incident_tell.c src/incident_tell.h \
	src/incidents.c \
	src/report_change.c src/report_change.h \
	src/rehearsal.c src/rehearsal.h \
	src/rehearsal_sign.c src/rehearsal_sign.h \
	src/reports.c \
	src/imap_ingest.c src/imap_ingest.h \
	src/intake.c src/intake.h \
	src/intake_check.c src/intake_check.h \
	src/intake_imap.c src/intake_imap.h \
	src/intake_lmtp.c src/intake_lmtp.h \
	src/intake_maildir.c src/intake_maildir.h \
	src/lmtp.c src/lmtp.h \
	src/key_destroy.c src/key_destroy.h \
	src/key_files.c src/key_files.h \
	src/login_check.c src/login_check.h \
	src/listen_check.c src/listen_check.h \
	src/maildir.c src/maildir.h \
	src/place_check.c src/place_check.h \
	src/purge.c src/purge.h \
	src/recheck.c src/recheck_row.c src/recheck_row.h \
	src/recipient.c src/recipient.h \
	src/record_commit.c src/record_commit.h \
	src/record_queue.c src/record_queue.h \
	src/reply_wrap.c src/reply_wrap.h \
	src/reply_conf.c src/reply_conf.h \
	src/enroll.c src/enroll.h \
	src/enroll_box.c src/enroll_box.h \
	src/enroll_certificate.c src/enroll_certificate.h \
	src/enroll_csr.c src/enroll_csr.h \
	src/enroll_help.c src/enroll_help.h \
	src/enroll_key.c src/enroll_key.h \
	src/enroll_line.c src/enroll_line.h \
	src/enroll_mail.c src/enroll_mail.h \
	src/enroll_options.c src/enroll_options.h \
	src/enroll_place.c src/enroll_place.h \
	src/enroll_proof.c src/enroll_proof.h \
	src/enroll_renew.c src/enroll_renew.h \
	src/enroll_result.c src/enroll_result.h \
	src/enroll_session.c src/enroll_session.h \
	src/caa_refusal.c src/caa_refusal.h \
	src/caa_report.c src/caa_report.h \
	src/delivery_problem.c src/delivery_problem.h \
	src/sender_recipient.c src/sender_recipient.h \
	src/sender_renewal.c src/sender_renewal.h \
	src/sender_report.c src/sender_report.h \
	src/caa_rules.c src/caa_rules.h \
	src/calls.c src/calls.h \
	src/cmp_client.c src/cmp_client.h \
	src/cmp_conf.c src/cmp_conf.h \
	src/cmp_state.c src/cmp_state.h \
	src/landlock.c src/landlock.h \
	src/root_list.c src/root_list.h \
	src/sandbox.c src/sandbox.h \
	src/sandbox_rules.c src/sandbox_rules.h \
	src/evidence.c src/evidence.h \
	src/external_check.c src/external_check.h \
	src/evidence_smime.c src/evidence_smime.h \
	src/gate.c \
	src/handoff.c src/handoff.h \
	src/hook.c src/hook.h \
	src/issuer_batch.c \
	src/issuer_checks.c \
	src/issuer_handoff.c \
	src/issuer_order.c src/issuer_order.h \
	src/issuer_outcome.c \
	src/http.c src/http.h \
	src/http_chain.c src/http_chain.h \
	src/http_date.c src/http_date.h \
	src/http_direct.c src/http_direct.h \
	src/http_head.c src/http_head.h \
	src/http_linger.c src/http_linger.h \
	src/http_listen.c src/http_listen.h \
	src/http_gate.c src/http_gate.h \
	src/http_peers.c src/http_peers.h \
	src/http_admin.c src/http_admin.h \
	src/http_status.c src/http_status.h \
	src/http_target.c src/http_target.h \
	src/http_watch.c src/http_watch.h \
	src/http_write.c src/http_private.h \
	src/https_client.c src/https_client.h \
	src/jose.c src/jose.h \
	src/judge.c src/judge.h \
	src/judge_caa.c src/judge_caa.h \
	src/judgement.c src/judgement.h \
	src/judgement_record.c src/judgement_record.h \
	src/lint_frame.c src/lint_frame.h \
	src/linter_check.c src/linter_check.h \
	src/ca_linters.c src/ca_linters.h \
	src/lint_service.c src/lint_service.h \
	src/linters.c src/linters.h \
	src/linters_hold.c src/linters_hold.h \
	src/role_linter.c src/role_linter.h \
	src/role_signer.c src/role_signer.h \
	src/sign_cap.c src/sign_cap.h \
	src/frame.c src/frame.h \
	src/sign_frame.c src/sign_frame.h \
	src/sign_link.c src/sign_link.h \
	src/sign_service.c src/sign_service.h \
	src/former.c src/former.h \
	src/incident_lint.c src/incident_lint.h \
	src/own_keys.c src/own_keys.h \
	src/former_rest.c src/former_rest.h \
	src/conf_former.c src/conf_former.h \
	src/conf_responder.c src/conf_responder.h \
	src/key_make.c src/key_make.h \
	src/key_use.c src/key_use.h \
	src/list_watch.c src/list_watch.h \
	src/ca_left.c src/ca_left.h src/ca_life.c src/ca_life.h \
	src/list_rows.c src/list_rows.h \
	src/lists.c \
	src/live_answer.c src/live_answer.h \
	src/live_key.c src/live_key.h \
	src/live_link.c src/live_link.h \
	src/role_responder.c src/role_responder.h \
	src/listen.c src/listen.h \
	src/notify.c src/notify.h \
	src/nss.c src/nss.h \
	src/patience.c src/patience.h \
	src/privilege.c src/privilege.h \
	src/published.c src/published.h \
	src/outline.c src/outline.h \
	src/switched_off.c src/switched_off.h \
	src/relay.c src/relay.h \
	src/remote.c src/remote.h \
	src/role.c src/role.h \
	src/profile_watch.c src/profile_watch.h \
	src/role_life.c src/role_life.h \
	src/role_issuer.c src/role_issuer.h \
	src/issuer_key.c \
	src/issuer_round.c \
	src/role_sender.c src/role_sender.h \
	src/role_upstream.c src/role_upstream.h \
	src/role_validator.c src/role_validator.h \
	src/role_admin.c src/role_admin.h \
	src/role_web.c src/role_web.h \
	src/sender_notice.c src/sender_notice.h \
	src/signer_files.c src/signer_files.h \
	src/single.c src/single.h \
	src/smime_source.c src/smime_source.h \
	src/status_answer.c src/status_answer.h \
	src/status_header.c src/status_header.h \
	src/status_ocsp.c src/status_ocsp.h \
	src/status_place.c src/status_place.h \
	src/reserved.c src/reserved.h \
	src/status_proof.c src/status_proof.h \
	src/form.c src/form.h \
	src/story.c src/story.h src/story_waits.c \
	src/supervisor.c src/supervisor.h \
	src/supervisor_replace.c src/supervisor_replace.h \
	src/supervisor_start.c src/supervisor_start.h \
	src/tls.c src/tls.h \
	src/tls_watch.c src/tls_watch.h \
	src/trim.c src/trim.h \
	src/two_persons.c src/two_persons.h \
	src/url_check.c src/url_check.h \
	src/upstream.h \
	src/upstream_acme.c \
	src/upstream_cmp.c \
	src/upstream_hook.c \
	src/upstream_revoke.c \
	src/upstream_window.c \
	src/wake.c src/wake.h \
	src/wording.c src/wording.h \
	src/worker.c src/worker.h \
	src/writer.c src/writer.h

CS_SRC = libcs_src.a $(CS_ACME) $(MICROHTTPD_LIBS) $(CONFUSE_LIBS) \
	$(GNUTLS_LIBS) $(CURL_LIBS) $(SECCOMP_LIBS) -lpthread

bin_PROGRAMS += countersign
countersign_SOURCES = src/countersign.c
countersign_LDADD = $(CS_SRC)

sbin_PROGRAMS += countersignd
countersignd_SOURCES = src/countersignd.c
countersignd_LDADD = $(CS_SRC)

# The pages for admins.
web_files = web/foot.html web/head.html web/login.html \
	web/no_certificate.html web/style.css
nodist_libcs_src_a_SOURCES = src/page_data.c
src/page_data.c: $(web_files) $(EMBED_DEPS)
	$(AM_V_GEN)$(EMBED) page_files $(web_files) >$@.tmp && mv $@.tmp $@
CLEANFILES += src/page_data.c
EXTRA_DIST += $(web_files)
