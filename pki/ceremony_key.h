/*
 * Where the key of a ceremony's folder is: in a file, or in a token, which
 * "root-key.token" or "issuing-key.token" then says in the words of the
 * configuration:
 *
 *	key_module = "/usr/lib/softhsm/libsofthsm2.so"
 *	key_token = "root"
 *	key_label = "root"
 *	key_id = "0a1b2c3d4e5f6071"
 *	key_module_certificate = "FIPS 140-3 level 3, certificate 4711"
 *
 * That file is there before the key, so an act that is taken up finds the key
 * that was made, and makes no second one.
 *
 *	ceremony_key_plan()   what it will be; refuses, changes nothing
 *	ceremony_key_take()   makes or opens it
 *	ceremony_key_signer() signs with it
 *	ceremony_key_close()  step 12
 */
#ifndef PKI_CEREMONY_KEY_H
#define PKI_CEREMONY_KEY_H

#include "pki/ceremony.h"
#include "pki/token_key.h"

/* Where a key is to be made, and how its PIN comes.  A part that is NULL was
 * not given. */
struct ceremony_token {
	const char *module, *token, *label, *id;
	const char *statement; /* key_module_certificate */
	const char *pin;       /* a file, "fd:N", or "ask", as NULL */
	/* PK-208: how the device itself asks for two persons; then a PIN that
	 * is not typed in two parts will do. */
	const char *quorum;
	struct span from_fd; /* a descriptor is read once */
};

struct ceremony_key {
	const char *who; /* "root", "issuing" */
	bool is_in_token;
	bool is_there;    /* the folder knows of it */
	bool is_restored; /* it was made elsewhere, as far as that knows */
	struct token_place place;
	/* Of a token: its public half. */
	EVP_PKEY *pkey;
	const struct signing_key *signing; /* of a token */
	struct span passphrase;            /* of a file */
};

/*
 * PK-195: in public mode a key is in a device whose certification is stated;
 * of a rehearsal nothing is asked.  PK-208: the PIN of the root's token is not
 * one person's.  0; -1 saying what would be right.
 */
int ceremony_key_plan(struct ceremony *c, const char *who, bool is_rehearsal,
    struct ceremony_key *out);

/* `key_type` NULL: it must be there.  0 or -1. */
int ceremony_key_take(
    struct ceremony *c, struct ceremony_key *k, const char *key_type);

/* *s signs under that subject with the key, which must outlive it; *spki is its
 * public half.  0 or -1. */
int ceremony_key_signer(struct ceremony *c, const struct ceremony_key *k,
    enum ca_role role, struct span name, struct signer *s, struct span *spki);

/* A token's session ends, and the transcript says so.  0 or -1. */
int ceremony_key_close(struct ceremony *c, const struct ceremony_key *k);

/* The PIN of a token, from where `t` says.  0 or -1. */
int ceremony_pin(struct ceremony *c, struct ceremony_token *t, const char *who,
    const char *token, struct span *pin);
/* NULL, or what is wrong with a module's path or a token's label. */
const char *ceremony_module_problem(const char *path);
const char *ceremony_token_problem(const char *label);

#endif
