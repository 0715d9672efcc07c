#include "config.h"

#include "src/cmp_state.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "src/cmp_client.h"

#define TEXT_MAX (CMP_ANSWERS_MAX * 2 * CMP_ANSWER_MAX)

void
cmp_state_init(struct cmp_state *s)
{
	*s = (struct cmp_state){ .answer_count = 0 };
	rnd_bytes(s->transaction, sizeof(s->transaction));
}

const char *
cmp_state_format(struct job *j, const struct cmp_state *s)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "transaction",
	    hex_dup(
		j->arena, span_mem(s->transaction, sizeof(s->transaction))));
	json_key(&o, "answers");
	json_array_begin(&o);
	for (size_t i = 0; i < s->answer_count; i++)
		json_put_string(
		    &o, span_str(b64url_dup(j->arena, s->answers[i])));
	json_array_end(&o);
	json_object_end(&o);
	return b.p;
}

int
cmp_state_parse(struct job *j, const char *text, struct cmp_state *out)
{
	const struct json *v, *list;

	*out = (struct cmp_state){ .answer_count = 0 };
	if (json_parse_object(j, span_str(text), "CMP transaction", &v) < 0)
		return -1;
	list = json_get(v, "answers");
	if (json_count(list) > CMP_ANSWERS_MAX ||
	    hex_parse_fixed(json_string(json_get(v, "transaction")),
		out->transaction, sizeof(out->transaction)) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "a token that is no CMP transaction");
	for (size_t i = 0; i < json_count(list); i++) {
		if (b64url_parse(j->arena, json_string(json_at(list, i)),
			&out->answers[i]) < 0)
			return job_fail(j, ERR_INTERNAL,
			    "a CMP transaction with an answer that cannot be "
			    "read");
		out->answer_count++;
	}
	return 0;
}
