/*
 * The configuration as values.  src/conf_file.c fills it from the file through
 * the option table (src/conf_table.c), checks every option, and from then on it
 * is const.  Nothing in lib/ reads it; folders above take what they need.
 *
 * Strings are NULL when an optional option is not set.  Secrets are never
 * values here, only the names of files that hold them.  Durations are
 * seconds unless the name says otherwise.
 */
#ifndef LIB_CONF_H
#define LIB_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_list {
	const char **v;
	size_t n;
};

/* Letter by letter. */
bool conf_list_has(const struct conf_list *list, const char *word);

/* So many in so many seconds; a bucket of `count` that fills again evenly. */
struct conf_rate {
	int64_t count;
	int64_t secs;
};

/* All of them hold; none: no limit. */
#define CONF_RATES_MAX 4
struct conf_rates {
	struct conf_rate v[CONF_RATES_MAX];
	size_t n;
};

enum conf_tls { CONF_TLS_NONE, CONF_TLS_STARTTLS, CONF_TLS_IMPLICIT };
/* How to log in at a mail server: AUTO takes the best that is offered for a
 * password, or for a token where one is configured. */
enum conf_auth {
	CONF_AUTH_AUTO,
	CONF_AUTH_PLAIN,
	CONF_AUTH_LOGIN,
	CONF_AUTH_SCRAM,
	CONF_AUTH_XOAUTH2,
	CONF_AUTH_OAUTHBEARER
};
/* MA-41 */
enum conf_coverage {
	CONF_COVERAGE_CORE,
	CONF_COVERAGE_PRESENT,
	CONF_COVERAGE_RFC
};
/* MA-70: what an S/MIME signature on a reply is to the verdict. */
enum conf_smime { CONF_SMIME_IGNORE, CONF_SMIME_NOTE, CONF_SMIME_REQUIRE };
/* MA-73: what it is that no list says whether a certificate is revoked. */
enum conf_revocation {
	CONF_REVOCATION_SOFT,
	CONF_REVOCATION_HARD,
	CONF_REVOCATION_OFF
};
/* What happens to a message after its verdict is committed (ER-21). */
enum conf_disposal {
	CONF_DISPOSAL_MOVE,
	CONF_DISPOSAL_FLAG,
	CONF_DISPOSAL_DELETE
};
/* MA-102: how S/MIME protects the header of challenge mails. */
enum conf_protection { CONF_PROTECTION_COMBINED, CONF_PROTECTION_WRAPPED };
/* pki.md section 17: who issues. */
enum conf_external {
	CONF_EXTERNAL_NONE, /* the issuer, with its own key */
	CONF_EXTERNAL_HOOK, /* another CA, through a program */
	CONF_EXTERNAL_ACME, /* another CA, through RFC 8555 */
	CONF_EXTERNAL_CMP   /* another CA, through RFC 9810 */
};
/* How a certificate is asked for through CMP. */
enum conf_cmp_request { CONF_CMP_CR, CONF_CMP_IR };
/* PK-202: what happens when the kernel cannot confine the roles. */
enum conf_isolation {
	CONF_ISOLATION_USE,
	CONF_ISOLATION_REQUIRE,
	CONF_ISOLATION_OFF
};
/* PK-202: which sockets a PKCS#11 module may open. */
enum conf_network { CONF_NETWORK_LOCAL, CONF_NETWORK_ANY, CONF_NETWORK_NONE };
/* pki.md section 9; the order of pki/profile.h's own. */
enum conf_generation { CONF_GENERATION_STRICT, CONF_GENERATION_MULTIPURPOSE };
enum conf_subject {
	CONF_SUBJECT_CN,
	CONF_SUBJECT_EMAIL,
	CONF_SUBJECT_CN_EMAIL,
	CONF_SUBJECT_EMPTY
};
enum conf_exponent { CONF_EXPONENT_65537, CONF_EXPONENT_ANY };
enum conf_mode { CONF_MODE_PRIVATE, CONF_MODE_PUBLIC };

/* acme.md section 19 */
struct conf_limits {
	int64_t request_rate;  /* a second, of one client address (AC-180) */
	int64_t request_burst; /* at once */
	int64_t renewal_info_rate;
	struct conf_rates failed_authentications; /* AC-181 */
	struct conf_rates new_accounts;           /* AC-182: IPv4, IPv6 /64 */
	struct conf_rates new_accounts_net;       /* IPv6 /48 */
	int64_t pending_authorizations;           /* AC-183: of an account */
	int64_t pending_per_mailbox;        /* of an account for one mailbox */
	struct conf_rates new_orders;       /* AC-184 */
	struct conf_rates mails_to_mailbox; /* AC-185: by strangers */
	struct conf_rates mails_to_known_mailbox; /* by its proven holder */
	struct conf_rates mails_to_domain;        /* AC-186 */
	struct conf_rates mails_by_account;       /* AC-187 */
	struct conf_rates mails_by_address;
	struct conf_rates mails_total;
	struct conf_rates certificates;       /* AC-188: of a mailbox */
	struct conf_rates failed_validations; /* account and mailbox */
	struct conf_rates key_reports; /* PK-184: of one client address */
	struct conf_rates key_reports_total;
	const char *help_url; /* AC-191 */
};

/* How a role logs in at the database server. */
struct conf_login {
	const char *database; /* "postgresql:<conninfo>"; NULL: as all do */
	const char *password_file;
};

struct conf_web {
	struct conf_login login;
	struct conf_list listen;          /* "127.0.0.1:443", "[::1]:443",
					   * "unix:/path", "systemd" */
	struct conf_list trusted_proxies; /* networks, AC-21 */
	struct conf_list status_listen;   /* plain HTTP: lists, OCSP */
	const char *tls_certificate;      /* PEM chain */
	const char *tls_key;
	int64_t threads;
	int64_t max_connections;
	int64_t max_per_address; /* connections of one client address */
	int64_t max_waiting;     /* requests, for the writer */
	int64_t max_body;        /* octets */
	int64_t body_timeout;
	int64_t nonce_ttl;
	int64_t finalize_wait;    /* AC-143 */
	const char *eab_key_file; /* AC-79; NULL: no EAB keys */
};

struct conf_sender {
	struct conf_login login;
	const char *from; /* "acme@ca.example": base of the tagged address */
	const char *reply_to; /* ER-14; NULL: none */
	bool tagged; /* ER-15: acme+<tag>@ per challenge, of reply_to if set */
	const char *relay_host;
	int64_t relay_port;
	enum conf_tls relay_tls;
	const char *relay_ca_file;
	const char *relay_user; /* NULL: no AUTH */
	const char *relay_password_file;
	enum conf_auth relay_auth;
	const char *relay_token_file;
	struct conf_list relay_token_command;
	bool relay_signs;               /* ER-19: no DKIM key of our own */
	bool relay_rewrites_message_id; /* MA-49 */
	const char *dkim_rsa_selector;
	const char *dkim_rsa_key;
	const char *dkim_ed25519_selector;
	const char *dkim_ed25519_key;
	const char *smime_certificate; /* NULL: no S/MIME signature */
	const char *smime_key;
	enum conf_protection smime_protection;
	const char *default_language; /* "en", "de", or of templates: */
	const char *templates;        /* folder; NULL: the built-in ones */
	const char *help_url;
	int64_t renewal_notice; /* PK-191: of at least this life; 0: none */
};

/* A mailbox that replies come to: of the section validator, and one for each
 * `imap NAME { }`. */
struct conf_imap {
	const char *name; /* NULL: the validator's own */
	const char *host; /* NULL: the validator has none */
	int64_t port;
	enum conf_tls tls; /* never NONE */
	const char *ca_file;
	const char *user;
	enum conf_auth auth;
	/* One of these three: */
	const char *password_file;
	const char *token_file;
	struct conf_list token_command;
	const char *folder;
	enum conf_disposal disposal;
	const char *processed_folder; /* for CONF_DISPOSAL_MOVE */
};

/* `domain NAME { }`: what is different for mailboxes of this domain. */
struct conf_domain {
	const char *name; /* canonical */
	enum conf_coverage coverage;
	bool require_dnssec;
	bool accept_parent;     /* MA-40: the organisational domain signs */
	bool allow_testing_key; /* MA-36: t=y counts */
	bool spf_if_to_unsigned;
	enum conf_smime smime;
	bool smime_instead_of_dkim; /* MA-76 */
};

struct conf_validator {
	struct conf_login login;
	struct conf_imap imap;
	struct conf_imap *imaps; /* further ones */
	size_t imap_count;
	struct conf_list maildir;      /* paths; disposal as imap's */
	const char *maildir_line_ends; /* "lf", "crlf" (MA-3) */
	struct conf_list lmtp_listen;  /* "unix:/path", "127.0.0.1:2424" */
	const char *lmtp_group;        /* whose members may connect to a Unix
					* socket; NULL: the roles' own */
	struct conf_domain *domains;
	size_t domain_count;
	int64_t max_message; /* octets, MA-1 */
	enum conf_coverage coverage;
	bool require_dnssec;             /* MA-31 */
	const char *trusted_authserv_id; /* MA-81; NULL: none */
	int64_t trusted_hops;            /* Received fields of our own */
	bool spf_if_to_unsigned;         /* MA-50 */
	enum conf_smime smime;
	const char *smime_roots;     /* PEM, or NULL */
	struct conf_list smime_crls; /* files */
	enum conf_revocation smime_revocation;
	const char *dns_config;        /* an unbound.conf, or NULL */
	const char *dns_second_config; /* MA-32: of a second resolver */
	const char *dns_trust_anchor;  /* a trust anchor file, or NULL */
	int64_t dns_try_ms;            /* MA-30: 5000 */
	int64_t dns_total_ms;          /* MA-30: 20000 */
};

/* `perspective NAME { }`: a remote place that looks into the DNS (PK-50). */
struct conf_perspective {
	const char *name;         /* its code */
	const char *url;          /* NULL with a service, as the three files */
	const char *rir;          /* dns/quorum.h */
	const char *resolver_rir; /* the same of its resolver; NULL: not said */
	const char *location;     /* "50.11 8.68": latitude, longitude */
	const char *service;      /* that has it; NULL: each that there is */
	const char *ca_file;
	const char *certificate; /* of the client, and its key */
	const char *key;
};

/* Who is told of a refusal by CAA: nobody, or mailboxes of iodef. */
enum conf_caa_report { CONF_CAA_REPORT_NONE, CONF_CAA_REPORT_MAILTO };

/* A service that asks the perspectives (mpic-open-api.md 1). */
struct conf_open_mpic {
	const char *name;
	const char *url; /* before /mpic */
	const char *ca_file;
	const char *key; /* a file, or NULL */
	bool is_bearer;  /* its key is a token, and no x-api-key */
};
#define OPEN_MPIC_MAX 2 /* MP-11 */

/* PK-46: what it is that perspectives do not agree. */
enum conf_mpic_policy { CONF_MPIC_RECORD, CONF_MPIC_ENFORCE };

struct conf_mpic {
	enum conf_mpic_policy policy;
	const char *location; /* of the validator itself; NULL: not said */
	/* None: each perspective is an agent with an URL of its own. */
	struct conf_open_mpic *services;
	size_t service_count;
	bool open_mpic_flat; /* their flat form is read, too */
	bool dkim_via_dcv;   /* they are asked for DKIM keys */
	struct conf_perspective *perspectives;
	size_t perspective_count; /* 0: nobody is asked */
};

/* `agent { }`: a perspective itself, in a file of its own. */
struct conf_agent {
	const char *code;        /* by which validators know it */
	struct conf_list listen; /* "192.0.2.1:8443", "[2001:db8::1]:8443" */
	const char *tls_certificate; /* PEM chain */
	const char *tls_key;
	const char *client_ca;  /* PEM: whose certificates may ask */
	const char *dns_config; /* an unbound.conf, or NULL */
	const char *dns_trust_anchor;
	int64_t processes; /* look-ups at one time */
};

/* `admin { }`: pages for admins, in a process of their own. */
struct conf_admin {
	struct conf_login login;
	struct conf_list listen;     /* "127.0.0.1:8443", "[::1]:8443",
				      * "unix:/path"; empty: no pages */
	const char *tls_certificate; /* PEM chain */
	const char *tls_key;
	int64_t session_idle; /* it ends after so long without a request */
};

/* In the order of the option's choices. */
enum conf_ocsp { CONF_OCSP_PRESIGNED, CONF_OCSP_LIVE };

/* The highest descriptor for a PIN. */
#define CONF_PIN_FD_MAX 255

/* A key in a PKCS#11 token (PK-196): no module, no key. */
struct conf_token {
	const char *module;
	const char *token;
	const char *label;
	const char *id;
	/* Where its PIN comes from (PK-199): one of these. */
	const char *pin_file;
	int64_t pin_fd; /* 0: none */
	bool pin_ask;
	const char *certificate; /* PK-195 */
};

struct conf_issuer {
	struct conf_login login;
	const char *ca_certificate; /* issuing CA, PEM */
	const char *ca_chain;       /* PEM of what stands above it; the root is
				     * left out of what clients get */
	const char *root_crl;       /* list of the CA above (PK-212), or NULL */
	struct conf_list alternate_chains; /* PEM: what else may follow a leaf
					    * (AC-148) */
	const char *ca_key;                /* encrypted PKCS#8, PEM */
	const char *ca_key_passphrase_file;
	/* PK-21: signs the audit's heads, and the public keys, of now and of
	 * before; both or neither. */
	const char *audit_key;
	const char *audit_public_keys;
	struct conf_token key; /* in place of ca_key and its passphrase */
	int64_t validity_days;
	int64_t clock_allowance;    /* PK-93 */
	const char *crl_url;        /* PK-104 */
	const char *ca_issuers_url; /* PK-105 */
	const char *crl_file;       /* where each new list is also written */
	int64_t crl_shards;         /* PK-154 */
	const char *ocsp_url;       /* PK-105; NULL: OCSP is off */
	enum conf_ocsp ocsp_mode;
	const char *ocsp_folder; /* of the files with answers */
	int64_t serial_octet;    /* PK-89: 1..127 */
	int64_t max_per_hour;    /* PK-204 */
	/* The same for what else is signed; 0: derived (src/ceiling.h). */
	int64_t max_lists_per_hour;
	int64_t max_answers_per_hour;
	int64_t max_responders_per_hour;
	/* OCSP answers for single clients, with ocsp_mode = live. */
	int64_t max_live_answers; /* a second */
	int64_t ocsp_nonce_min;   /* PK-173: octets */
	int64_t caa_max_age;      /* PK-27 */
};

/* `former_ca NAME { }`: an issuing CA that issues nothing any more (PK-156).
 * What concerns issuing is not set. */
struct conf_former {
	const char *name;
	struct conf_issuer issuer;
};

/* `profile NAME { }`: a profile of one's own, or what is different in one
 * that ships. */
struct conf_profile {
	const char *name;
	const char *description;
	enum conf_generation generation;
	struct conf_list use;            /* signing, encryption, dual */
	struct conf_list keys;           /* rsa-2048 … (PK-68) */
	enum conf_exponent rsa_exponent; /* PK-70 */
	enum conf_subject subject;
	bool subject_number; /* PK-112 */
	bool non_repudiation;
	bool client_auth;
	const char *policy;                  /* OID in dots */
	struct conf_list smime_capabilities; /* aes-256-gcm … */
	int64_t validity_days;
	bool reuse; /* of validations (AC-103) */
};

/* `allow_lint ID { }` (PK-139) */
struct conf_allow_lint {
	const char *name; /* L-40 */
	const char *reason;
	const char *until; /* 2027-03-31 */
};

/* `linter NAME { }`: a program or a service that judges what is about to be
 * signed or published (PK-140, PK-141). */
enum conf_linter_output { CONF_LINTER_ZLINT, CONF_LINTER_PKILINT };
struct conf_linter {
	const char *name;
	struct conf_list exec;    /* program and arguments */
	const char *url;          /* of a service, in its place */
	struct conf_list lints;   /* what it judges; none: linter_takes() */
	struct conf_list version; /* as exec, to print its version */
	struct conf_list read;    /* more folders that it reads */
	enum conf_linter_output output;
	int64_t timeout;
	int64_t memory; /* octets */
};

/* pki.md section 17 */
struct conf_upstream {
	struct conf_login login;
	enum conf_external kind;
	const char *user;      /* whom this role runs as; NULL: as all do */
	bool same_operator;    /* PK-9 */
	int64_t max_wait;      /* PK-218 */
	struct conf_list hook; /* program and arguments (PK-221) */
	int64_t hook_timeout;
	const char *directory; /* URL of an ACME server */
	const char *profile;   /* of that server's; NULL: its default */
	const char *ca_file;   /* PEM; NULL: the system's */
	const char *account_key;
	bool accept_terms;
	const char *eab_kid; /* NULL: no external account binding */
	const char *eab_key_file;
	const char *cmp_url; /* http:// or https:// */
	enum conf_cmp_request cmp_request;
	const char *cmp_certificate; /* ours, and what is above it */
	const char *cmp_key;
	const char *cmp_server; /* pinned: protects that CA's answers */
};

struct profile;

/* What the modules of tokens may reach (PK-202). */
struct conf_signer {
	enum conf_network network;
	struct conf_list files; /* empty: what their modes allow */
};

/* Who answers OCSP clients, where that is not the issuer alone (PK-177). */
struct conf_responder {
	struct conf_token key; /* no module: a key in memory */
	struct conf_signer reach;
};

struct conf {
	const char *file;   /* where it was read from */
	const char *sha256; /* of its octets, in hexadecimal */
	enum conf_mode mode;
	enum conf_isolation isolation;
	const char
	    *base_url; /* "https://acme.ca.example", no slash at the end */
	const char *ca_name;  /* for people: who asks */
	const char *database; /* "sqlite:/path" or "postgresql:<conninfo>" */
	const char *database_password_file;
	const char *user; /* whom the roles run as when started as root */
	const char *log_level;
	const char *seal_key_file; /* of validator and issuer only */

	int64_t max_identifiers;
	bool utf8_mailboxes;
	bool allow_reserved_domains;
	bool compat_dns_mailbox;                       /* L-7 */
	bool accept_es512, accept_rs256, accept_eddsa; /* AC-38 */
	bool eab_required;                             /* AC-76 */
	bool preauthorization; /* newAuthz (AC-61, AC-106) */
	int64_t authz_pending_life;
	int64_t authz_valid_life;
	int64_t order_life;
	int64_t retention;      /* PK-22 */
	int64_t retain_final;   /* AC-150 */
	const char *encrypt_to; /* PK-23; NULL: replies stay in the clear */
	int64_t challenge_mail_delay;
	int64_t challenge_mail_gap;
	bool share_keys;        /* PK-78 */
	const char *weak_keys;  /* PK-74; NULL: none */
	struct conf_list allow; /* domains or mailboxes; empty: all (ER-13) */
	struct conf_list deny;
	struct conf_list reserved_local_parts; /* PK-87 */
	struct conf_list approved;             /* mailboxes with one of them */
	struct conf_list caa_identities;       /* PK-26 */
	bool caa_enforce;
	bool admin_required; /* PK-206; and always in public mode */
	bool caa_flag1_critical;
	struct conf_list caa_account_prefixes; /* PK-40 */
	bool caa_ignore_unknown;               /* PK-42 */
	enum conf_caa_report caa_report;       /* PK-37 */
	const char *tos_url;
	const char *tos_sha256; /* of the document, hexadecimal, or NULL */
	bool tos_binding;       /* AC-72: who has not agreed is refused … */
	const char *tos_change_url; /* … and sent here; NULL: tos_url */
	const char *website_url;
	const char *report_address;          /* PK-184; NULL: none is shown */
	const char *renewal_explanation_url; /* AC-168 */
	const char *profile;                 /* the default profile's name */
	struct conf_list profiles;         /* offered; empty: the default one */
	struct conf_list profiles_stopped; /* AC-142 */
	struct conf_list allow_not_after;  /* profiles, AC-92 */
	struct conf_profile *profile_sections;
	size_t profile_section_count;
	/* Made of them (pki/profile_conf.h); name first in pki/profile.h. */
	const struct profile *own_profiles;
	size_t own_profile_count;
	struct conf_allow_lint *allow_lints;
	size_t allow_lint_count;
	struct conf_linter *linters;
	size_t linter_count;
	struct conf_limits limits;

	struct conf_web web;
	struct conf_sender sender;
	struct conf_validator validator;
	struct conf_mpic mpic;
	struct conf_admin admin;
	struct conf_agent agent;
	struct conf_issuer issuer;
	struct conf_former *formers;
	size_t former_count;
	struct conf_signer signer;
	struct conf_responder responder;
	struct conf_upstream external;
};

#endif
