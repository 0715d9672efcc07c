/* Through a program (PK-221). */
#include "config.h"

#include "src/upstream.h"

#include "db/store_handoff.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "pki/ossl.h"
#include "src/handoff.h"
#include "src/hook.h"

#include <string.h>

#define EXIT_DONE 0
#define EXIT_LATER 75 /* EX_TEMPFAIL */
#define TOKEN_LEN_MAX 1000
#define RETRY_MAX 86400

/* --- what it says --------------------------------------------------------- */

/* {"certificate":"-----BEGIN …"}, or {"unknown":true} of a poll. */
static void
read_done(struct job *j, const struct json *v, bool is_poll,
    struct upstream_answer *out)
{
	struct span pem = json_string(json_get(v, "certificate"));

	if (is_poll && pem.n == 0 && json_bool(json_get(v, "unknown"))) {
		out->outcome = UPSTREAM_UNKNOWN;
		return;
	}
	if (pem.n == 0)
		return;
	out->outcome = UPSTREAM_ISSUED;
	out->certificate = span_str(span_dup(j->arena, pem));
}

/* {"token":"…","retry_after":seconds}, both may be missing. */
static void
read_later(struct job *j, const struct json *v, struct upstream_answer *out)
{
	struct span token = json_string(json_get(v, "token"));
	int64_t secs = json_integer(json_get(v, "retry_after"));

	if (token.n > TOKEN_LEN_MAX)
		return;
	out->outcome = UPSTREAM_PENDING;
	if (token.n > 0)
		out->token = span_dup(j->arena, token);
	if (secs > 0 && secs < RETRY_MAX)
		out->retry_secs = secs;
}

static void
read_refusal(struct job *j, int status, const struct json *v,
    struct upstream_answer *out)
{
	struct log_quoted kind, detail;
	struct span name = json_string(json_get(v, "error"));

	log_error("hook refuses", "status=%d error=%s detail=%s", status,
	    log_quote(&kind, name),
	    log_quote(&detail, json_string(json_get(v, "detail"))));
	out->outcome = UPSTREAM_REFUSED;
	out->kind = handoff_kind(span_dup(j->arena, name));
}

void
upstream_hook_read(struct job *j, int status, struct span output, bool is_poll,
    struct upstream_answer *out)
{
	const struct json *v = NULL;
	bool is_json =
	    output.n > 0 && json_parse_object(j, output, "answer", &v) == 0;

	*out = (struct upstream_answer){ .outcome = UPSTREAM_UNSURE };
	if (!is_json) {
		struct log_quoted q;

		job_recover(j);
		v = NULL;
		if (status == EXIT_DONE || output.n > 0)
			log_error("hook not understood",
			    "status=%d output=%s next=\"it must print one JSON "
			    "object\"",
			    status, log_quote(&q, output));
		/* What it exits with counts, but where it has to say more. */
		if (status == EXIT_DONE ||
		    (status == EXIT_LATER && output.n > 0))
			return;
	}
	if (status == EXIT_DONE)
		read_done(j, v, is_poll, out);
	else if (status == EXIT_LATER)
		read_later(j, v, out);
	else
		read_refusal(j, status, v, out);
}

/* --- what it is told ------------------------------------------------------ */

static int
run(struct job *j, const char *verb, struct span input, struct hook_run *run)
{
	const struct conf_upstream *conf = &j->conf->external;

	if (hook_run(j, &conf->hook, conf->hook_timeout * 1000, input, run) < 0)
		return -1;
	if (run->end == HOOK_EXITED)
		return 0;
	return job_fail(j, ERR_BUSY, "%s %s: %s", conf->hook.v[0], verb,
	    hook_end_text(run->end));
}

static void
ask(struct job *j, const char *verb, const struct handoff *h,
    struct upstream_answer *out)
{
	bool is_poll = strcmp(verb, "poll") == 0;
	struct hook_run r;
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, HOOK_TEXT_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "verb", verb);
	json_member_str(&o, "id", h->id);
	if (h->token != NULL)
		json_member_str(&o, "token", h->token);
	json_key(&o, "request");
	json_put_raw(&o, span_str(h->request));
	json_object_end(&o);
	*out = (struct upstream_answer){ .outcome = UPSTREAM_REFUSED,
		.kind = ERR_INTERNAL };
	if (!buf_ok(&b)) {
		log_error("hook not called",
		    "order=%s error=\"the request is "
		    "larger than 64 KiB\"",
		    h->order_id);
		return;
	}
	if (run(j, verb, buf_span(&b), &r) < 0) {
		log_error("hook failed", "order=%s error=\"%s\"", h->order_id,
		    j->err.text);
		job_recover(j);
		*out = (struct upstream_answer){ .kind = ERR_NONE };
		/* What never ran has sent nothing, what was killed may have. */
		out->outcome = r.end == HOOK_NOT_BEGUN && !is_poll
				   ? UPSTREAM_UNKNOWN
				   : UPSTREAM_LATER;
		return;
	}
	upstream_hook_read(j, r.status, r.output, is_poll, out);
}

static void
hook_issue(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	(void)u;
	(void)r;
	ask(j, "issue", h, out);
	/* Whatever it has done: the next question is a poll, which tells. */
	if (out->outcome == UPSTREAM_UNSURE)
		out->outcome = UPSTREAM_LATER;
}

static void
hook_poll(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	(void)u;
	(void)r;
	ask(j, "poll", h, out);
	/* Of a request whose fate is not known, "no" is no answer: it may be
	 * a program that cannot look (PK-217). */
	if (out->outcome == UPSTREAM_REFUSED && h->stage == HANDOFF_SENDING)
		*out = (struct upstream_answer){ .outcome = UPSTREAM_UNSURE };
}

static int
hook_revoke(const struct upstream *u, struct job *j, const struct withdrawal *w)
{
	struct hook_run r;
	struct json_out o;
	struct buf b, pem;

	(void)u;
	buf_init(&pem, j->arena, HOOK_TEXT_MAX);
	pem_add(&pem, "CERTIFICATE", w->der);
	buf_init(&b, j->arena, HOOK_TEXT_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "verb", "revoke");
	json_member_str(&o, "id", w->id);
	json_member_string(&o, "certificate", buf_span(&pem));
	json_member_int(&o, "reason", w->reason);
	json_object_end(&o);
	if (!buf_ok(&b) || !buf_ok(&pem))
		return job_fail(j, ERR_INTERNAL, "the certificate is too long");
	if (run(j, "revoke", buf_span(&b), &r) < 0)
		return -1;
	if (r.status != EXIT_DONE)
		return job_fail(j, ERR_BUSY, "%s revoke: exit status %d",
		    j->conf->external.hook.v[0], r.status);
	return 0;
}

static int
hook_check(struct job *j, const struct conf_upstream *conf)
{
	struct hook_run r;

	if (run(j, "check", SPAN("{\"verb\":\"check\"}"), &r) < 0)
		return -1;
	if (r.status != EXIT_DONE)
		return job_fail(j, ERR_INTERNAL,
		    "external.hook: %s check: exit status %d; run it by hand "
		    "with {\"verb\":\"check\"} on its standard input",
		    conf->hook.v[0], r.status);
	return 0;
}

const struct upstream_ops upstream_hook_ops = { .check = hook_check,
	.issue = hook_issue,
	.poll = hook_poll,
	.revoke = hook_revoke };
