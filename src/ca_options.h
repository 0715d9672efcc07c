/* The command line of `countersign ca ACT`. */
#ifndef SRC_CA_OPTIONS_H
#define SRC_CA_OPTIONS_H

#include "pki/ceremony_backup.h"
#include "pki/ceremony_key.h"

#define CA_PERMITTED_MAX 32

/* Acts, as bits: which options each takes. */
enum ca_act {
	CA_ACT_INIT = 1u << 0,
	CA_ACT_INIT_ROOT = 1u << 1,
	CA_ACT_REQUEST = 1u << 2,
	CA_ACT_SIGN = 1u << 3,
	CA_ACT_IMPORT = 1u << 4,
	CA_ACT_ROOT_CRL = 1u << 5,
	CA_ACT_BACKUP = 1u << 6,
	CA_ACT_VERIFY = 1u << 7,
	CA_ACT_BUNDLE = 1u << 8,
};

struct ca_options {
	enum ca_act act;
	const char *dir, *first, *second, *name, *organization, *country;
	const char *key_type, *crl_url, *root_url, *request, *out;
	const char *certificate, *root, *revoke, *reason, *linters_file;
	const char *no_backup;
	const char *permitted[CA_PERMITTED_MAX];
	size_t permitted_count;
	const char *policies[CA_POLICIES_MAX];
	size_t policy_count;
	bool is_private, is_single, is_online, is_rehearsal, is_renewal;
	bool client_auth;
	struct ceremony_token root_key, key;
	struct ceremony_backup root_backup, backup;
};

extern const char ca_usage[];

/* "init" …, or 0. */
unsigned ca_act_of(const char *name);
/* argv[0] is the act's name.  0, or -1 after saying what is wrong; --help ends
 * the program. */
int ca_options_parse(int argc, char **argv, struct ca_options *o);

#endif
