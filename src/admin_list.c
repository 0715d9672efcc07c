#include "config.h"

#include "src/admin_list.h"

#include "db/store_admin.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/admin_expiry.h"

#include <stdio.h>

#define ADMINS_MAX 1000
#define LINE_OCTETS 8192

/* What admin_key_is_good() and the rest of a login look at. */
static const char *
state_of(const struct job *j, const struct admin *a)
{
	if (a->disabled_at != 0)
		return "disabled";
	if (a->approved_at == 0)
		return "waits for approval";
	if (a->key.spki.n == 0)
		return "waits for a first command";
	return admin_key_is_good(&a->key, j->now) ? "valid"
						  : "certificate expired";
}

static void
put_hash(struct job *j, struct json_out *w, const char *name, struct span spki)
{
	uint8_t hash[SHA256_LEN];

	if (spki.n == 0)
		return;
	sha256(spki, hash);
	json_member_str(
	    w, name, hex_dup(j->arena, span_mem(hash, sizeof(hash))));
}

static void
put_known(struct json_out *w, const char *name, const char *text)
{
	if (text != NULL)
		json_member_str(w, name, text);
}

static const char *
advice_for(struct job *j, const struct admin *a)
{
	return a->disabled_at == 0
		   ? admin_expiry_advice(j, a->name, a->key.not_after)
		   : NULL;
}

static void
print_json(struct job *j, const struct admin *a)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, LINE_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "admin", a->name);
	json_member_str(&w, "role", admin_role_name(a->role));
	json_member_str(&w, "status", state_of(j, a));
	put_hash(j, &w, "key", a->key.spki);
	if (a->key.not_after != 0)
		json_member_time(&w, "key_not_after", a->key.not_after);
	put_known(&w, "key_set_by", a->key.set_by);
	put_hash(j, &w, "next_key", a->next.spki);
	put_known(&w, "next_key_set_by", a->next.set_by);
	put_known(&w, "asked_by", a->asked_by);
	json_member_time(&w, "asked", a->asked_at);
	put_known(&w, "approved_by", a->approved_by);
	put_known(&w, "disabled_by", a->disabled_by);
	put_known(&w, "advice", advice_for(j, a));
	json_object_end(&w);
	puts(b.p);
}

static void
print_text(struct job *j, const struct admin *a)
{
	const char *advice = advice_for(j, a);

	printf("%-16s  %-8s  %s%s\n", a->name, admin_role_name(a->role),
	    state_of(j, a),
	    a->key.spki.n > 0 && a->next.spki.n > 0
		? "; a new key waits for its first command"
		: "");
	if (advice != NULL)
		printf("warning: %s\n", advice);
}

int
admin_list_print(struct job *j, bool json)
{
	struct admin *list;
	size_t count;

	if (store_admin_list(j, ADMINS_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		(json ? print_json : print_text)(j, &list[i]);
	if (count == 0 && !json)
		puts("there is no admin");
	return 0;
}
