#include "config.h"

#include "tests/unit/smime_world.h"

#include <string.h>

#include "lib/clock.h"
#include "mail/field.h"
#include "mail/mime_part.h"
#include "mail/smime_layer.h"
#include "mail/smime_trust.h"
#include "pki/der.h"
#include "tests/unit/unit.h"

static void
free_trust(void *t)
{
	smime_trust_free(t);
}

struct smime_trust *
world_trust(struct job *j, const struct smime_id *root, const struct span *crls,
    size_t crl_count)
{
	struct span der = smime_lab_der(j, root->x);
	struct smime_trust *t = NULL;

	if (smime_trust_of(j, &der, 1, crls, crl_count, &t) < 0)
		fail_msg("%s", j->err.text);
	return arena_own(j->arena, t, free_trust);
}

struct world
world_new(void)
{
	struct job *j;
	struct world w;
	struct span crls[2];

	clock_set(SMIME_LAB_NOW);
	j = unit_job();
	w = (struct world){ .j = j, .from = ALICE };
	w.root = smime_lab_ca(j, NULL);
	w.ca = smime_lab_ca(j, &w.root);
	crls[0] =
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w.root });
	crls[1] =
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w.ca });
	w.trust = world_trust(j, &w.root, crls, 2);
	w.policy = (struct smime_policy){ .mode = CONF_SMIME_REQUIRE,
		.revocation = CONF_REVOCATION_HARD,
		.trust = w.trust };
	return w;
}

struct smime_result
world_verify(struct world *w, struct span raw)
{
	const struct message_limits limits = { 1 << 20 };
	struct message *m = arena_alloc(w->j->arena, sizeof(*m));
	struct mime_part *root = arena_alloc(w->j->arena, sizeof(*root));
	struct smime_layer layer;
	struct smime_result r;
	struct finding f;
	const struct smime_input in = { .outer = m,
		.layer = &layer,
		.from = w->from,
		.at = SMIME_LAB_NOW };

	if (message_parse(w->j, raw, &limits, m, &f) < 0 ||
	    mime_part_parse(w->j, m, root, &f) < 0 ||
	    smime_open(w->j, root, &layer, &f) < 0) {
		memset(&r, 0, sizeof(r));
		r.finding = f;
		return r;
	}
	if (smime_verify(w->j, &in, &w->policy, &r) < 0)
		fail_msg("%s", w->j->err.text);
	assert_int_equal(
	    r.accepted, strcmp(r.finding.code, "smime.accepted") == 0);
	return r;
}

void
world_check_code(const struct smime_result *r, const char *code)
{
	if (strcmp(r->finding.code, code) != 0)
		fail_msg("%s (%s), not %s", r->finding.code, r->finding.detail,
		    code);
}

struct smime_result
world_verify_cert(struct world *w, const struct smime_cert *c)
{
	struct smime_cert cert = *c;
	struct smime_id id;
	struct smime_letter l = { .extra = { w->ca.x } };

	if (cert.issuer == NULL)
		cert.issuer = &w->ca;
	id = smime_lab_make(w->j, &cert);
	l.signers[0] = &id;
	return world_verify(w, smime_lab_message(w->j, &l));
}

struct smime_id
world_alice(struct world *w)
{
	return smime_lab_make(w->j, &(struct smime_cert){ .issuer = &w->ca });
}
