#include "config.h"

#include "src/recheck_row.h"

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_recheck.h"
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

#define TOLD_MAX 10 /* one by one, in a walk */

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

void
recheck_row(const struct issuer *i, struct job *j, const struct cert *c,
    struct recheck *r)
{
	struct certview view;
	const char *right, *column;

	/* One that cannot be read is a finding of its own. */
	if (certview_parse(c->der, &view) < 0)
		return;
	column = find_column(i, j, c, &view, &right);
	if (column == NULL || ++r->spoiled > TOLD_MAX)
		return;
	log_error("certificate row spoiled",
	    "cert=%s column=%s right=\"%s\" next=\"a revocation would not be "
	    "where it is looked for: find out who wrote the row, and write it "
	    "as its certificate says\"",
	    c->id, column, right);
}

int
recheck_row_sum(struct job *j, const struct recheck *r)
{
	if (r->spoiled == 0)
		return 0;
	log_error("certificate rows spoiled",
	    "certificates=%" PRId64 " told=%" PRId64
	    " next=\"mend those of which the log tells; where the list is "
	    "wrong in very many, look first at crl_url and crl_shards of the "
	    "sections issuer and former_ca\"",
	    r->spoiled, r->spoiled < TOLD_MAX ? r->spoiled : TOLD_MAX);
	return store_audit_add(j, "issuer", "certificate row", "certificates",
	    "spoiled",
	    worker_detail(
		j, "count", arena_printf(j->arena, "%" PRId64, r->spoiled)));
}
