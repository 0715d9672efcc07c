/*
 * The command line of `countersign enroll`.
 */
#ifndef SRC_ENROLL_OPTIONS_H
#define SRC_ENROLL_OPTIONS_H

#include "lib/conf.h"
#include "src/enroll_csr.h"
#include "src/enroll_key.h"

struct arena;

struct enroll_server {
	const char *host; /* NULL: not given */
	int64_t port;
	enum conf_tls tls;
	const char *user;
	const char *password_file;
};

struct enroll_options {
	const char *directory;
	const char *ca_file;
	const char *language;
	const char **mailboxes;  /* as written */
	size_t mailbox_count;    /* 0: those of --renew */
	const char *account_key; /* NULL: the usual place */
	const char **contacts;
	size_t contact_count;
	bool accept_terms;
	const char *eab_kid, *eab_key_file; /* both or none */
	const char *key;                    /* never NULL after parsing */
	bool has_key_type;
	enum enroll_key_type key_type;
	enum enroll_usage usage;
	const char *profile;           /* NULL: the server's default */
	int64_t not_before, not_after; /* 0: as the server likes */
	const char *renew;             /* a certificate, or NULL */
	const char *out;               /* never NULL after parsing */
	const char *p12, *p12_password_file;
	bool force, json, manual;
	int64_t timeout_secs;
	struct enroll_server imap, smtp;
	const char *imap_folder;
	const char *mail_ca_file;
	const char *dns_config, *dns_trust_anchor;
};

/*
 * 1 with *out; 0 after --help was printed; -1 after standard error says what
 * is wrong.  Strings are argv's or the arena's.
 */
int enroll_options_parse(
    struct arena *a, int argc, char **argv, struct enroll_options *out);

#endif
