#include "config.h"

#include "src/evidence_smime.h"

#include "db/store_authz.h"
#include "db/store_cert.h"
#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "mail/reply.h"
#include "mail/smime_trust.h"
#include "src/reply_conf.h"

#define ITEMS_MAX 100

void
evidence_smime_put(struct json_out *o, const struct smime_policy *p)
{
	json_member_int(o, "smime", (int)p->mode);
	json_member_int(o, "smime_revocation", (int)p->revocation);
	json_member_bool(o, "smime_instead_of_dkim", p->instead_of_dkim);
}

static const struct json *
found_of(const struct json *e)
{
	return json_get(json_get(e, "judgement"), "smime");
}

static bool
replaced_dkim(const struct json *e)
{
	return json_bool(json_get(found_of(e), "instead_of_dkim"));
}

static bool
was_required(const struct json *e)
{
	return json_integer(json_get(e, "smime")) == CONF_SMIME_REQUIRE;
}

/* --- judged again -------------------------------------------------------- */

static int
unproven(struct job *j, const char *why)
{
	return job_fail(j, ERR_UNAUTHORIZED, "%s", why);
}

static int
read_octets(struct job *j, const struct json *v, struct span *out)
{
	if (json_type(v) == JSON_T_STRING &&
	    b64_parse_fws(j->arena, json_string(v), out) == 0)
		return 0;
	return unproven(j, "the evidence holds no base64 where it should");
}

static void
free_trust(void *t)
{
	smime_trust_free(t);
}

/* The array `name` of what was found, each element or its member `member`. */
static int
read_items(struct job *j, const struct json *list, const char *member,
    struct span **out, size_t *count)
{
	size_t i, n = json_count(list);

	if (n > ITEMS_MAX)
		return unproven(
		    j, "the evidence holds too many roots or lists");
	*out = arena_calloc(j->arena, n + 1, sizeof(**out));
	for (i = 0; i < n; i++) {
		const struct json *v = json_at(list, i);

		if (read_octets(j, member != NULL ? json_get(v, member) : v,
			&(*out)[i]) < 0)
			return -1;
	}
	*count = n;
	return 0;
}

static int
read_trust(struct job *j, const struct json *found, bool with_lists,
    struct smime_trust **out)
{
	struct span *roots = NULL, *lists = NULL;
	size_t root_count = 0, list_count = 0;

	if (read_items(j, json_get(found, "roots"), NULL, &roots, &root_count) <
		0 ||
	    (with_lists && read_items(j, json_get(found, "lists"), "der",
			       &lists, &list_count) < 0))
		return -1;
	if (smime_trust_of(j, roots, root_count, lists, list_count, out) < 0) {
		job_recover(j);
		return unproven(j, "the roots in the evidence cannot be used");
	}
	arena_own(j->arena, *out, free_trust);
	return 0;
}

int
evidence_smime_policy(
    struct job *j, const struct json *e, struct smime_policy *out)
{
	const struct json *found = found_of(e);
	int64_t revocation = json_integer(json_get(e, "smime_revocation"));
	bool kept = json_bool(json_get(found, "lists_kept"));
	struct smime_trust *trust = NULL;

	*out = (struct smime_policy){ .mode = CONF_SMIME_IGNORE };
	if (!was_required(e) && !replaced_dkim(e))
		return 0;
	if (revocation < CONF_REVOCATION_SOFT ||
	    revocation > CONF_REVOCATION_OFF)
		return unproven(j, "the evidence names no rule of revocation");
	if (read_trust(j, found, kept, &trust) < 0)
		return -1;
	*out = (struct smime_policy){
		.mode = was_required(e) ? CONF_SMIME_REQUIRE : CONF_SMIME_NOTE,
		/* Lists too large to be kept: the seal vouches for what they
		 * said (doc/decisions). */
		.revocation = kept ? (enum conf_revocation)revocation
				   : CONF_REVOCATION_OFF,
		.trust = trust,
		.instead_of_dkim = replaced_dkim(e),
		.is_own = evidence_smime_is_own,
	};
	return 0;
}

/* --- the issuer's own rules ---------------------------------------------- */

static int
check_root(struct job *j, const struct json *v, const struct smime_trust *own)
{
	uint8_t hash[SHA256_LEN];
	struct span root = { NULL, 0 };

	if (read_octets(j, v, &root) < 0)
		return -1;
	sha256(root, hash);
	if (smime_trust_has(own, hash))
		return 0;
	return unproven(j,
	    "the S/MIME signature led to a root that smime_roots does not "
	    "have");
}

static int
check_roots(struct job *j, const struct json *roots)
{
	const struct conf_list none = { NULL, 0 };
	struct smime_trust *own;

	if (smime_trust_load(j, j->conf->validator.smime_roots, &none, &own) <
	    0)
		return -1;
	arena_own(j->arena, own, free_trust);
	for (size_t i = 0; i < json_count(roots); i++)
		if (check_root(j, json_at(roots, i), own) < 0)
			return -1;
	return 0;
}

int
evidence_smime_check(
    struct job *j, const struct authz *a, const struct reply_record *r)
{
	const struct json *e;

	if (json_parse_object(j, span_str(r->evidence), "evidence", &e) < 0)
		return -1;
	if (!was_required(e) && !replaced_dkim(e))
		return 0;
	if (replaced_dkim(e) &&
	    !reply_policy_of(j->conf, a->mailbox).smime.instead_of_dkim)
		return unproven(j,
		    "S/MIME stood in for DKIM, and the configuration does not "
		    "say so for this domain");
	return check_roots(j, json_get(found_of(e), "roots"));
}

int
evidence_smime_is_own(struct job *j, const char *serial)
{
	struct cert c;

	return store_cert_by_number(j, serial, &c);
}
