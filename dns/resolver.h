/*
 * Asking the DNS, validated.  dns/resolver.c alone knows libunbound,
 * and dns/unbound_loop.c the events that it waits for.
 *
 * A resolver answers one question at a time for its caller; it waits with its
 * own deadline (MA-30: a try, then a total) and never longer.  Answers carry
 * the DNSSEC status; a bogus answer carries no data, whatever the library
 * returned, but the aliases that it names (PK-17).  Records are the RDATA in
 * wire form, in the job's arena.
 *
 * resolver_new_custom() gives the same interface to stored evidence (the
 * issuer verifies a DKIM signature again without network) and to tests.
 */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include "lib/buf.h"

struct job;
struct resolver;

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_CAA = 257
};

enum dns_status {
	DNS_OK,     /* at least one record */
	DNS_NODATA, /* the name exists, not the type */
	DNS_NXDOMAIN,
	DNS_TEMPORARY, /* SERVFAIL, timeout, unreachable, too many aliases */
	DNS_BOGUS,     /* DNSSEC validation failed */
};
/* "ok", "nodata", "nxdomain", "temporary", "bogus". */
const char *dns_status_name(enum dns_status s);

struct dns_answer {
	enum dns_status status;
	bool secure;      /* validated; false with OK means proven insecure or
			   * unsigned */
	const char *name; /* asked */
	const char *canonical; /* end of the alias chain; = name without one */
	const char **aliases; /* the names on the way, the end among them … */
	size_t alias_count;   /* … none without an alias */
	/* A second resolver was asked too, and says something else (MA-32):
	 * the answer is the first one's, and must not be believed. */
	bool disagrees;
	/* More came than is ever kept (dns/record.h); the status is
	 * DNS_TEMPORARY, as nothing can be said of what it was. */
	bool too_large;
	uint32_t ttl;
	struct span *rdata;
	size_t count;
	const char *why; /* for the log and evidence: why bogus or temporary */
};

/* The answer in the DNS's own words, for records of it: "NOERROR", "NXDOMAIN",
 * "SERVFAIL" (where none came, too); "secure", "insecure", "bogus",
 * "indeterminate" (RFC 4035 4.3). */
const char *dns_rcode_name(const struct dns_answer *a);
const char *dns_dnssec_name(const struct dns_answer *a);

struct resolver_conf {
	const char *config_file;  /* unbound.conf, or NULL */
	const char *trust_anchor; /* file, or NULL: none */
	int64_t try_ms;
	int64_t total_ms;
	/* Public mode: nothing in these files may weaken validation, and the
	 * root has an anchor (PK-29, dns/resolver_public.h). */
	bool is_public;
};

/* Reads configuration and anchors: 0, or -1 ERR_INTERNAL saying which. */
int resolver_new(
    struct job *j, const struct resolver_conf *conf, struct resolver **out);
/*
 * Does it validate here (PK-43)?  With a trust anchor, the validator among its
 * modules, and refusing what it finds bogus: 0, or -1 ERR_INTERNAL with what
 * the configuration lacks.
 */
int resolver_check_validates(struct resolver *r, struct job *j);
typedef int resolver_query_fn(void *ctx, struct job *j, const char *name,
    enum dns_type type, struct dns_answer *out);
struct resolver *resolver_new_custom(resolver_query_fn *query, void *ctx);
void resolver_free(struct resolver *r);
/* From now on a look-up waits so long at most, where there is a network. */
void resolver_set_total(struct resolver *r, int64_t total_ms);

/* What answers, for the evidence (MA-86): "libunbound 1.17.1, FILE". */
const char *resolver_name(const struct resolver *r);

/*
 * Asks for `name` (A-labels, no trailing dot).  0 with *out filled, whatever
 * the status; -1 only for our own faults (ERR_INTERNAL).
 */
int resolver_query(struct resolver *r, struct job *j, const char *name,
    enum dns_type type, struct dns_answer *out);

#endif
