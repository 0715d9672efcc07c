#include "config.h"

#include "src/key_make.h"

#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/responder_key.h"
#include "pki/token_key.h"
#include "src/ca_conf.h"
#include "src/command.h"
#include "src/pins.h"
#include "src/worker.h"

#define DETAIL_MAX 4096

/* 1, 0: nobody can be asked for the PIN, -1. */
static int
find_place(struct job *j, struct token_place *out)
{
	const struct conf_token *t = &j->conf->responder.key;
	struct span pin;
	int asked = pins_ask(j, t, &pin);

	*out = ca_conf_token(j->conf, t);
	if (asked > 0) {
		out->pin = pin;
		out->is_by_hand = true;
	}
	if (asked == 0 && t->pin_file != NULL)
		return 1;
	return asked;
}

int
key_make_check(struct job *j)
{
	struct responder_key *k;
	struct token_place place;
	int found = find_place(j, &place);

	if (found <= 0)
		return found;
	return responder_key_prepare(j, j->arena, &place, &k) < 0 ||
		       responder_key_ready(j, k) < 0
		   ? -1
		   : 1;
}

static const char *
detail(struct job *j, const struct token_place *place,
    const struct responder_key_made *made)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "token", place->token);
	json_member_str(&w, "label", place->label);
	json_member_str(&w, "id", place->id);
	json_member_str(&w, "spki_sha256", made->spki_sha256);
	json_member_str(&w, "device", made->device);
	json_member_str(&w, "attributes", made->attributes);
	json_object_end(&w);
	return b.p;
}

int
key_make(struct job *j, const char **out)
{
	struct token_place place;
	struct responder_key_made made;
	int found;

	if (j->conf->responder.key.module == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "the configuration names no token for it: set key_module "
		    "and its like in section responder");
	found = find_place(j, &place);
	if (found == 0)
		return job_fail(j, ERR_INTERNAL,
		    "the PIN of the token is in no file: give the command at a "
		    "terminal, which asks for it");
	if (found < 0 || responder_key_make(j, &place, &made) < 0)
		return -1;
	*out = arena_printf(j->arena, "%s, in token %s (%s): %s",
	    made.spki_sha256, place.token, made.device, made.attributes);
	if (worker_record(j, command_operator(j), "OCSP key made",
		"role:responder", "ok", detail(j, &place, &made)) < 0)
		return job_context(j,
		    "the key %s is made, and not on record: note it by hand",
		    made.spki_sha256);
	return 0;
}
