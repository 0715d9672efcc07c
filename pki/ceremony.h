/*
 * The acts of a ceremony (pki.md 16.2).  Acts that use the root need two
 * persons, whose two secrets together open its key; each act is written into
 * the transcript of the folder and can be repeated after a failure: what is
 * there already is taken up, never made again.  An act in a folder in which
 * another one is at work fails with ERR_CONFLICT.
 *
 * The root's folder: root-key.pem, or root-key.token where the key is in a
 * token (pki/ceremony_key.h); root.pem, root.crl, issued/SERIAL.pem,
 * linted/HASH.json (what others' linters said), transcript.  The issuing CA's
 * folder: issuing-key.pem and ca-passphrase, or issuing-key.token; issuing.csr,
 * issuing.crl, issuing.pem, root.pem, transcript.
 */
#ifndef PKI_CEREMONY_H
#define PKI_CEREMONY_H

#include <sys/types.h>

#include "pki/ca_build.h"
#include "pki/transcript.h"

/* What a rehearsal's names begin with (PK-213). */
#define CEREMONY_REHEARSAL "REHEARSAL "

/* Asks a person; the answer, without line end, lives in the job's arena.  A
 * secret is not shown while it is typed.  0 or -1. */
typedef int ceremony_ask(void *context, struct job *j, const char *prompt,
    bool is_secret, struct span *answer);
/* Shows a line. */
typedef void ceremony_tell(void *context, const char *line);

/* Others' linters about what is to be signed (PK-136, PK-141): 0, their words
 * in a line and in full (JSON); or -1, and it is not signed.  Whoever is asked
 * has no key. */
typedef int ceremony_lint(void *context, struct job *j, enum lint_object what,
    struct span der, const char **line, const char **report);

struct ceremony_token;  /* pki/ceremony_key.h */
struct ceremony_backup; /* pki/ceremony_backup.h */

struct ceremony {
	struct job *j;
	const char *dir;
	const char *first;  /* names of the persons */
	const char *second; /* NULL: a single operator */
	bool is_single;     /* who said that there is no second */
	bool is_private;    /* what private mode may do */
	bool is_online;     /* the root on a machine with network */
	/* What is said of its key in a token, and of its backup; NULL: nothing
	 * is. */
	struct ceremony_token *token;
	struct ceremony_backup *backup;
	const char *conf; /* a configuration that is used; NULL: none */
	ceremony_ask *ask;
	ceremony_tell *tell;
	ceremony_lint *lint; /* NULL: our own lints alone */
	void *context;
	struct transcript transcript; /* filled by the acts */
	/* The acts' own (pki/ceremony_lock.h). */
	bool is_locked;
	int lock;
};

/* Steps 1 to 7: key, certificate and first list of a root. */
int ceremony_init_root(
    struct ceremony *c, const struct ca_subject *subject, const char *key_type);

struct ceremony_sign {
	const char *request; /* file, PKCS#10 in PEM */
	const char *out;     /* file to write */
	const char *crl_url;
	const char *ca_issuers_url;
	const char *const *permitted;
	size_t permitted_count;
	bool client_auth;            /* PK-122 */
	const struct span *policies; /* own ones (PK-123) */
	size_t policy_count;
	bool is_renewal; /* same name, same key, new dates */
};
/* Step 9, by the root. */
int ceremony_sign(struct ceremony *c, const struct ceremony_sign *in);

/* A new list of the root; `revoke` (a certificate in PEM) may be NULL. */
int ceremony_root_crl(struct ceremony *c, const char *revoke, int reason);

/* Step 8, without the root: key (kept if there is one) and request. */
int ceremony_request(
    struct ceremony *c, const struct ca_subject *subject, const char *key_type);
/* Takes the signed certificate: everything is checked before anything is
 * written.  Step 10: the first time it makes the issuing CA's first list. */
int ceremony_import(
    struct ceremony *c, const char *certificate, const char *root);

/* PK-211, for a key that is there: backup and test restore as c->backup says,
 * of the root's folder or an issuing CA's. */
int ceremony_backup_act(struct ceremony *c);

/* Has the ceremony of this act ("root", CEREMONY_IMPORT) come to its end in
 * the folder?  1, 0, -1 if the transcript is not whole. */
int ceremony_is_done(struct job *j, const char *dir, const char *act);
#define CEREMONY_ROOT "root"
#define CEREMONY_IMPORT "import of a certificate"

/* Between the files of a ceremony. */
/* Step 12 and 13 without persons: "done: ACT". */
int ceremony_finish(struct ceremony *c, const char *act);
const char *ceremony_path(const struct ceremony *c, const char *name);
bool ceremony_has(const struct ceremony *c, const char *name);
int ceremony_write(struct ceremony *c, const char *name, mode_t mode,
    struct span data, bool is_replacing);
int ceremony_open(struct ceremony *c, const char *act);

/* One certificate in PEM, and nothing else. */
struct ceremony_cert {
	struct certview view;
	X509 *x509;
};
int ceremony_cert_read(
    struct job *j, const char *path, struct ceremony_cert *out);
/* The same from what was in such a file. */
int ceremony_cert_parse(struct job *j, const char *path, struct span text,
    struct ceremony_cert *out);
struct span ceremony_pem(struct job *j, const char *label, struct span der);
bool ceremony_is_rehearsal(struct span name);
/* A key that was there before is of the type that is asked for (NULL: none is):
 * 0, or -1 ERR_CONFLICT. */
int ceremony_key_check(
    const struct ceremony *c, const EVP_PKEY *key, const char *key_type);
/* Fingerprint of a public key, for people to compare. */
const char *ceremony_key_hash(struct job *j, struct span spki);

#endif
