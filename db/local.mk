# The store; knows lib.

noinst_LIBRARIES += libcs_db.a
libcs_db_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(PQ_CFLAGS)
libcs_db_a_SOURCES = \
	db/audit_chain.c db/audit_chain.h \
	db/audit_mark.c db/audit_mark.h \
	db/grants.c db/grants.h \
	db/migrate.c \
	db/sql.h \
	db/sql_pgsql.c \
	db/sql_pgsql_conninfo.c db/sql_pgsql_conninfo.h \
	db/sql_sqlite.c \
	db/sql_sqlite_place.c db/sql_sqlite_place.h \
	db/store.c db/store.h \
	db/store_account.c db/store_account.h \
	db/store_admin.c db/store_admin.h \
	db/store_admin_key.c db/store_admin_key.h \
	db/store_audit.c db/store_audit.h \
	db/store_authz.c db/store_authz.h \
	db/store_bucket.c db/store_bucket.h \
	db/store_caa.c db/store_caa.h \
	db/store_caa_report.c db/store_caa_report.h \
	db/store_caa_round.c db/store_caa_round.h \
	db/store_cert.c db/store_cert.h \
	db/store_challenge.c db/store_challenge.h \
	db/store_clock.c db/store_clock.h \
	db/store_conf_use.c db/store_conf_use.h \
	db/store_copy.c db/store_copy.h \
	db/store_crl.c db/store_crl.h \
	db/store_destroyed.c db/store_destroyed.h \
	db/store_eab.c db/store_eab.h \
	db/store_handoff.c db/store_handoff.h \
	db/store_window.c db/store_window.h \
	db/store_incident.c db/store_incident.h db/store_incident_fill.c \
	db/store_key.c db/store_key.h \
	db/store_key_sweep.c db/store_key_sweep.h \
	db/store_life.c db/store_life.h \
	db/store_newest.c db/store_newest.h \
	db/store_nonce.c db/store_nonce.h \
	db/store_notice.c db/store_notice.h \
	db/store_login.c db/store_login.h \
	db/store_ocsp.c db/store_ocsp.h \
	db/store_order.c db/store_order.h \
	db/store_order_look.c db/store_order_look.h \
	db/store_outbox.c db/store_outbox.h \
	db/store_own_key.c db/store_own_key.h \
	db/store_private.h \
	db/store_profile.c db/store_profile.h \
	db/store_purge.c db/store_purge.h \
	db/store_purge_audit.c \
	db/store_purge_order.c \
	db/store_purge_report.c \
	db/store_purge_rest.c \
	db/store_purge_rows.h \
	db/store_queue.c db/store_queue.h \
	db/store_recheck.c db/store_recheck.h \
	db/store_renewal.c db/store_renewal.h \
	db/store_reply_wrap.c db/store_reply_wrap.h \
	db/store_reply.c db/store_reply.h \
	db/store_report.c db/store_report.h \
	db/store_revoke.c db/store_revoke.h \
	db/store_secret.c db/store_secret.h \
	db/store_stop.c db/store_stop.h \
	db/store_url.c db/store_url.h \
	db/store_suppressed.c db/store_suppressed.h
nodist_libcs_db_a_SOURCES = db/schema_data.c

db_schema_files = db/schema/0001.sql db/schema/0002.sql \
	db/schema/0003.sql db/schema/0004.sql db/schema/0005.sql
db/schema_data.c: $(db_schema_files) $(EMBED_DEPS)
	$(AM_V_GEN)$(EMBED) db_schema $(db_schema_files) >$@.tmp && mv $@.tmp $@
EXTRA_DIST += $(db_schema_files)
CLEANFILES += db/schema_data.c

CS_DB = libcs_db.a $(SQLITE_LIBS) $(PQ_LIBS) $(CS_LIB)
