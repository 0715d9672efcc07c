/*
 * What the subcommands of countersign(1) do, and whom that needs (PK-206): the
 * one list.  command_open() wants an act, so no command reaches the database
 * without having said which one; main() refuses a command without any.
 */
#ifndef SRC_ACTS_H
#define SRC_ACTS_H

#include <stdbool.h>

enum need {
	NEED_NONE, /* does not open the database, or changes nothing there */
	NEED_READ, /* nobody; if somebody is named, any admin */
	NEED_SELF, /* any admin: about the admin's own account */
	/* Causes issuance or revocation, or changes what is configured: an
	 * operator or approver. */
	NEED_OPERATE,
	/* The same, and what one asked for an approver, who is another, must
	 * confirm: who is who, the act itself looks at. */
	NEED_APPROVE,
};

enum act {
	ACT_ACCOUNT_AGREE,
	ACT_ACCOUNT_CONTACT,
	ACT_ACCOUNT_END,
	ACT_ACCOUNT_ERASE,
	ACT_ACCOUNT_SHOW,
	ACT_ACCOUNTS,
	ACT_ADMIN_ADD,
	ACT_ADMIN_APPROVE,
	ACT_ADMIN_DISABLE,
	ACT_ADMIN_KEY,
	ACT_ADMIN_KEY_OTHER,
	ACT_ADMIN_LIST,
	ACT_ADMIN_PASSWD,
	ACT_ADMIN_VERIFY,
	ACT_AUDIT_SAMPLE,
	ACT_AUDIT_VERIFY,
	ACT_AUTHZ_REVOKE,
	ACT_AUTHZ_SHOW,
	ACT_CA,
	ACT_CA_CHECK_URLS,
	ACT_CA_RECORD,
	ACT_CERT_REVOKE,
	ACT_CERT_SHOW,
	ACT_CHECK,
	ACT_CLOCK,
	ACT_CLOCK_SET_ASIDE,
	ACT_CPS_TABLES,
	ACT_CRL,
	ACT_CRL_TAKE,
	ACT_DB,
	ACT_EAB_NEW,
	ACT_EAB_REVOKE,
	ACT_EAB_SHOW,
	ACT_ENROLL,
	ACT_EVIDENCE,
	ACT_HANDOFF_LIST,
	ACT_HANDOFF_SETTLE,
	ACT_INCIDENT_CANCEL,
	ACT_INCIDENT_CONFIRM,
	ACT_INCIDENT_OPEN,
	ACT_INCIDENT_SHOW,
	ACT_INIT,
	ACT_KEY_BLOCK,
	ACT_KEY_DESTROY,
	ACT_KEY_ENDED,
	ACT_KEY_LIST,
	ACT_KEY_MAKE,
	ACT_LIMITS_LIST,
	ACT_LIMITS_RESET,
	ACT_MAIL,
	ACT_ORDER,
	ACT_ORDERS,
	ACT_PURGE,
	ACT_PURGE_SHOW,
	ACT_REPORT_ADD,
	ACT_REPORT_ANSWER,
	ACT_REPORT_CLOSE,
	ACT_REPORT_DECIDE,
	ACT_REPORT_SHOW,
	ACT_RESUME,
	ACT_STATUS,
	ACT_STATUS_FORGET,
	ACT_STOP,
	ACT_STOP_LIST,
	ACT_SUPPRESS,
	ACT_SUPPRESS_LIST,
	ACT_COUNT
};

struct act_row {
	const char *command; /* argv[0] of the subcommand */
	const char *name;    /* for records: "cert revoke" */
	enum need need;
};

const struct act_row *act_row(enum act act);
/* Does some act belong to this subcommand? */
bool act_is_of_command(const char *command);

#endif
