/*
 * The end of a CA's key (PK-207): what can be known of it from its certificate,
 * and its destruction where it lives.
 */
#ifndef PKI_CA_KEY_END_H
#define PKI_CA_KEY_END_H

#include "lib/buf.h"
#include "pki/key.h"

struct ca_key_facts {
	struct span spki;   /* DER */
	uint8_t sha256[32]; /* of spki */
	const char *label;  /* as ca_key_label() */
	int64_t not_after;  /* of the certificate */
};

/* From the certificate alone, expired or not; in the job's arena.  0; -1
 * ERR_INTERNAL naming the file. */
int ca_key_facts(
    struct job *j, const char *certificate, struct ca_key_facts *out);

/* What ca_key_destroy() would do, in words for the record. */
const char *ca_key_destroy_method(const struct ca_files *files);

/*
 * Destroys the key of that certificate, and no other: a file is opened with its
 * passphrase and compared, overwritten, removed, and the folder made durable;
 * of a token both objects are destroyed.  `was_begun`: an earlier try may have
 * got so far that the key is not there any more, which is then *was_gone, and
 * else an error.  0, or -1 saying what is left.
 */
int ca_key_destroy(struct job *j, const struct ca_files *files, bool was_begun,
    bool *was_gone);

#endif
