/*
 * Which rows a signature rests on (PK-18): for each mailbox the reply that
 * proved it, the CAA check that let it pass, and the check whose perspectives
 * saw the key of that reply, if another one did.  Named by id and by the
 * validator's seal, so that it is these rows with these contents, and all of it
 * under a seal of the issuer's.
 *
 * It stands as members relied_on and relied_on_seal in the evidence of a
 * certificate (db/store_cert.h), and in what is handed to another CA.
 */
#ifndef SRC_RELIED_H
#define SRC_RELIED_H

#include "lib/buf.h"
#include "lib/seal.h"

struct cert;
struct job;
struct json;
struct json_out;

struct relied_row {
	const char *id;   /* NULL: none */
	const char *seal; /* hex */
};
struct relied {
	const char *authz_id;
	struct relied_row reply, caa, key_seen;
};
struct relied_list {
	struct relied *v; /* by place of the mailbox in the order */
	size_t n;
};

struct relied_row relied_row(struct job *j, const char *id, struct span seal);
/* A copy that the job's arena owns. */
struct relied_list relied_copy(struct job *j, const struct relied_list *l);

/* Both members, into an object that is begun. */
void relied_put(struct json_out *o, struct job *j, const struct seal_key *k,
    const char *order_id, const struct relied_list *l);
/*
 * From such an object: 1; 0 if it has none (an earlier version made it); -1
 * ERR_UNAUTHORIZED if what is there cannot be read, or does not carry the seal.
 * seal NULL: it is not checked.
 */
int relied_read(struct job *j, const struct seal_key *seal,
    const char *order_id, const struct json *object, struct relied_list *out);
/* From a text that is such an object. */
int relied_parse(struct job *j, const struct seal_key *seal,
    const char *order_id, const char *text, struct relied_list *out);
/*
 * What the audit says of a certificate that was issued: its number, and the
 * hash of its evidence.  Whoever can write rows can take both members out, so
 * that it looks like an earlier version's; not out of the chain (PK-21).
 */
const char *relied_audit_detail(struct job *j, const struct cert *c);
enum relied_record {
	RELIED_CHANGED, /* the evidence is another one than then */
	RELIED_RECORDED,
	/* No record has a hash: an earlier version wrote it, or it was purged.
	 */
	RELIED_NO_RECORD,
};
#define RELIED_NO_RECORD_TEXT                                                  \
	"the audit has no hash of it to compare with: an earlier version "     \
	"issued, or the record was purged"
/* One of these, or -1. */
int relied_is_recorded(struct job *j, const struct cert *c);
/* NULL: it names no such authorization. */
const struct relied *relied_find(
    const struct relied_list *l, const char *authz_id);
/* Is that row the one that is named, as it was? */
bool relied_is(struct job *j, const struct relied_row *named, const char *id,
    struct span seal);

#endif
