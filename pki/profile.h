/*
 * What a subscriber certificate looks like (pki.md section 9, AC-163): a row
 * over the fixed tables.  Some ship, the configuration changes them or adds
 * others (pki/profile_conf.h).  An order carries a profile's name from
 * newOrder to the signature; web and issuer each look it up with
 * profile_find().
 */
#ifndef PKI_PROFILE_H
#define PKI_PROFILE_H

#include "pki/csr.h"
#include "pki/keycheck.h"

struct arena;
struct conf;

enum profile_generation { GENERATION_STRICT, GENERATION_MULTIPURPOSE };

/* PK-109 */
enum profile_subject {
	SUBJECT_CN,
	SUBJECT_EMAIL,
	SUBJECT_CN_EMAIL,
	SUBJECT_EMPTY
};

struct profile {
	const char *name;        /* AC-161 */
	const char *description; /* one line, for the directory */
	enum profile_generation generation;
	unsigned classes; /* a bit for each enum key_class that it allows */
	unsigned keys;    /* a bit for each enum key_kind (PK-68) */
	enum profile_subject subject;
	bool non_repudiation;  /* in every certificate that signs */
	bool client_auth;      /* multipurpose only (PK-103) */
	bool any_rsa_exponent; /* not only 65537 (PK-70) */
	bool subject_number;   /* the account's id as serialNumber (PK-112) */
	bool proves_anew;      /* its orders reuse no validation (AC-103) */
	struct span policy;    /* an OID of the operator's own; empty: none */
	/* The extension's value in DER, or empty (PK-106). */
	struct span smime_capabilities;
	int64_t days; /* 0: issuer.validity_days */
};

#define PROFILE_DAYS_MAX 818   /* PK-92 */
#define PROFILE_CN_MAX 64      /* PK-110, in characters */
#define PROFILE_EMAIL_MAX 255  /* PK-111, in octets */
#define PROFILE_POLICIES_MAX 2 /* PK-101 */
#define PROFILE_BIT(value) (1u << (value))

/* Those that ship; the first is the default. */
extern const struct profile profiles[];
extern const size_t profile_count;

/* The one of the configuration, or that ships (all that conf NULL has); NULL:
 * there is none of this name. */
const struct profile *profile_find(const struct conf *conf, struct span name);

/* The i-th name that profile_find() knows; NULL after the last. */
const char *profile_name(const struct conf *conf, size_t i);

/* In full, for the records (PK-18): made of the fields, so whatever changes
 * in the profile changes here. */
const char *profile_text(struct arena *a, const struct profile *p);

/* How long its certificates live, in days. */
int64_t profile_days(const struct conf *conf, const struct profile *p);

bool profile_allows(const struct profile *p, enum key_class class);
/* For people: what of the class the profile does not allow ("signing",
 * "encryption" …), or NULL. */
const char *profile_excluded(const struct profile *p, enum key_class class);
/* "with NAME ask for … and nothing else as key usage" */
const char *profile_advice(struct arena *a, const struct profile *p);

bool profile_takes_key(const struct profile *p, enum key_kind kind);
/* How a subject key is judged (PK-70). */
enum keycheck_use profile_key_rule(const struct profile *p);
/* "RSA 2048, RSA 3072, P-256" */
const char *profile_keys(struct arena *a, const struct profile *p);

/* The reserved OID of its generation (PK-101). */
struct span profile_policy(const struct profile *p);

/* The table of 9.2: the BIT STRING in DER; empty where the key type cannot do
 * what the class asks for. */
struct span profile_key_usage(
    enum key_class class, enum key_type type, bool non_repudiation);

#endif
