#include "config.h"

#include "src/acts.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct act_row rows[ACT_COUNT] = {
	[ACT_ACCOUNT_AGREE] = { "account", "account agree", NEED_OPERATE },
	[ACT_ACCOUNT_CONTACT] = { "account", "account contact", NEED_OPERATE },
	[ACT_ACCOUNT_END] = { "account", "account end", NEED_OPERATE },
	[ACT_ACCOUNT_ERASE] = { "account", "account erase", NEED_OPERATE },
	[ACT_ACCOUNT_SHOW] = { "account", "account show", NEED_READ },
	[ACT_ACCOUNTS] = { "accounts", "accounts", NEED_READ },
	/* The first one is made without any (src/command.c). */
	[ACT_ADMIN_ADD] = { "admin", "admin add", NEED_OPERATE },
	[ACT_ADMIN_APPROVE] = { "admin", "admin approve", NEED_APPROVE },
	[ACT_ADMIN_DISABLE] = { "admin", "admin disable", NEED_OPERATE },
	[ACT_ADMIN_KEY] = { "admin", "admin key", NEED_SELF },
	[ACT_ADMIN_KEY_OTHER] = { "admin", "admin key of another",
	    NEED_OPERATE },
	[ACT_ADMIN_LIST] = { "admin", "admin list", NEED_READ },
	[ACT_ADMIN_PASSWD] = { "admin", "admin passwd", NEED_SELF },
	[ACT_ADMIN_VERIFY] = { "admin", "admin verify", NEED_READ },
	/* The record of what was drawn is all that it writes. */
	[ACT_AUDIT_SAMPLE] = { "audit", "audit sample", NEED_READ },
	[ACT_AUDIT_VERIFY] = { "audit", "audit verify", NEED_READ },
	[ACT_AUTHZ_REVOKE] = { "authz", "authz revoke", NEED_OPERATE },
	[ACT_AUTHZ_SHOW] = { "authz", "authz show", NEED_READ },
	/* Without the database; two persons have secrets of their own there
	 * (PK-208). */
	[ACT_CA] = { "ca", "ca", NEED_NONE },
	/* What was answered is all that it writes. */
	[ACT_CA_CHECK_URLS] = { "ca", "ca check-urls", NEED_READ },
	[ACT_CA_RECORD] = { "ca", "ca record", NEED_OPERATE },
	[ACT_CERT_REVOKE] = { "cert", "cert revoke", NEED_OPERATE },
	[ACT_CERT_SHOW] = { "cert", "cert show", NEED_READ },
	[ACT_CHECK] = { "check", "check", NEED_NONE },
	[ACT_CLOCK] = { "clock", "clock", NEED_READ },
	[ACT_CLOCK_SET_ASIDE] = { "clock", "clock set-aside", NEED_APPROVE },
	/* Of the configuration, without the database. */
	[ACT_CPS_TABLES] = { "cps-tables", "cps-tables", NEED_NONE },
	[ACT_CRL] = { "crl", "crl", NEED_READ },
	[ACT_CRL_TAKE] = { "crl", "crl take", NEED_OPERATE },
	[ACT_DB] = { "db", "db", NEED_READ },
	[ACT_EAB_NEW] = { "eab", "eab new", NEED_OPERATE },
	[ACT_EAB_REVOKE] = { "eab", "eab revoke", NEED_OPERATE },
	[ACT_EAB_SHOW] = { "eab", "eab show", NEED_READ },
	/* A client of some server: has no database. */
	[ACT_ENROLL] = { "enroll", "enroll", NEED_NONE },
	[ACT_EVIDENCE] = { "evidence", "evidence", NEED_READ },
	[ACT_HANDOFF_LIST] = { "handoff", "handoff list", NEED_READ },
	[ACT_HANDOFF_SETTLE] = { "handoff", "handoff settle", NEED_OPERATE },
	[ACT_INCIDENT_CANCEL] = { "incident", "incident cancel", NEED_APPROVE },
	[ACT_INCIDENT_CONFIRM] = { "incident", "incident confirm",
	    NEED_OPERATE },
	[ACT_INCIDENT_OPEN] = { "incident", "incident open", NEED_OPERATE },
	[ACT_INCIDENT_SHOW] = { "incident", "incident show", NEED_READ },
	/* Before there is a database. */
	[ACT_INIT] = { "init", "init", NEED_NONE },
	[ACT_KEY_BLOCK] = { "key", "key block", NEED_OPERATE },
	[ACT_KEY_DESTROY] = { "key", "key destroy", NEED_APPROVE },
	[ACT_KEY_ENDED] = { "key", "key ended", NEED_OPERATE },
	[ACT_KEY_LIST] = { "key", "key list", NEED_READ },
	[ACT_KEY_MAKE] = { "key", "key make", NEED_OPERATE },
	[ACT_LIMITS_LIST] = { "limits", "limits list", NEED_READ },
	[ACT_LIMITS_RESET] = { "limits", "limits reset", NEED_OPERATE },
	[ACT_MAIL] = { "mail", "mail", NEED_NONE },
	[ACT_ORDER] = { "order", "order", NEED_READ },
	[ACT_ORDERS] = { "orders", "orders", NEED_READ },
	[ACT_PURGE] = { "purge", "purge", NEED_OPERATE },
	[ACT_PURGE_SHOW] = { "purge", "purge dry-run", NEED_READ },
	[ACT_REPORT_ADD] = { "report", "report add", NEED_OPERATE },
	[ACT_REPORT_ANSWER] = { "report", "report answer", NEED_OPERATE },
	[ACT_REPORT_CLOSE] = { "report", "report close", NEED_OPERATE },
	[ACT_REPORT_DECIDE] = { "report", "report decide", NEED_OPERATE },
	[ACT_REPORT_SHOW] = { "report", "report show", NEED_READ },
	[ACT_RESUME] = { "resume", "resume issuance", NEED_OPERATE },
	[ACT_STATUS] = { "status", "status", NEED_READ },
	[ACT_STATUS_FORGET] = { "status", "status forget", NEED_OPERATE },
	[ACT_STOP] = { "stop", "stop issuance", NEED_OPERATE },
	[ACT_STOP_LIST] = { "stop", "stop list", NEED_READ },
	[ACT_SUPPRESS] = { "suppress", "suppress", NEED_OPERATE },
	[ACT_SUPPRESS_LIST] = { "suppress", "suppress list", NEED_READ },
};

const struct act_row *
act_row(enum act act)
{
	assert((size_t)act < ACT_COUNT && rows[act].name != NULL);
	return &rows[act];
}

bool
act_is_of_command(const char *command)
{
	for (size_t i = 0; i < ACT_COUNT; i++)
		if (strcmp(act_row((enum act)i)->command, command) == 0)
			return true;
	return false;
}
