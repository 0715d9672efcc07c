#include "config.h"

#include "src/recheck_row.h"

#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/key.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/status_proof.h"
#include "src/worker.h"

#include <inttypes.h>
#include <string.h>

/* Whose lists it is on; NULL: another CA's, or nobody's any more. */
static const struct conf_issuer *
lists_of(const struct issuer *i, const struct job *j, const struct cert *c)
{
	if (strcmp(c->ca_label, ca_key_label(i->ca)) != 0)
		return former_conf(i, c->ca_label);
	return issuer_is_external(j) ? NULL : &j->conf->issuer;
}

/* PK-155: where there is one list only, it is everybody's, whatever its URL
 * was. */
static bool
is_on_its_list(struct job *j, const struct conf_issuer *ca,
    const struct cert *c, const struct certview *view)
{
	if (ca == NULL)
		return true;
	return ca->crl_shards == 1
		   ? c->shard == 0
		   : c->shard < ca->crl_shards &&
			 status_names_shard(j, ca, view, c->shard);
}

/* The column that says otherwise, *right what it should say; NULL: none. */
static const char *
find_column(const struct issuer *i, struct job *j, const struct cert *c,
    const struct certview *view, const char **right)
{
	uint8_t hash[SHA256_LEN];

	*right = hex_dup(j->arena, view->serial);
	if (strcmp(c->serial, *right) != 0)
		return "serial";
	*right = "that of the list that the certificate names";
	if (!is_on_its_list(j, lists_of(i, j, c), c, view))
		return "shard";
	*right = arena_printf(j->arena, "%" PRId64, view->not_after);
	if (c->not_after != view->not_after)
		return "not_after";
	sha256(view->spki, hash);
	*right = hex_dup(j->arena, span_mem(hash, sizeof(hash)));
	return span_eq(c->spki_sha256, span_mem(hash, sizeof(hash)))
		   ? NULL
		   : "spki_sha256";
}

int
recheck_row(const struct issuer *i, struct job *j, const struct cert *c,
    const struct certview *view)
{
	const char *right;
	const char *column = find_column(i, j, c, view, &right);

	if (column == NULL)
		return 0;
	log_error("certificate row spoiled",
	    "cert=%s column=%s right=\"%s\" next=\"a revocation would not be "
	    "where it is looked for: find out who wrote the row, and write it "
	    "as its certificate says\"",
	    c->id, column, right);
	return worker_record(j, "issuer", "certificate row",
	    arena_printf(j->arena, "cert:%s", c->id), "spoiled",
	    worker_detail(j, "column", column));
}
