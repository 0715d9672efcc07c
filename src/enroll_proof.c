#include "config.h"

#include "src/enroll_proof.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "src/acme_client.h"
#include "src/enroll_box.h"
#include "src/enroll_line.h"
#include "src/enroll_mail.h"
#include "src/enroll_options.h"
#include "src/enroll_session.h"
#include "src/remote.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* A reply needs a moment: a server that has it already when it hears of it
 * can say "valid" at once, and nobody waits for a Retry-After. */
#define REPLY_TRAVEL_MS 2000
/* How often the authorization is looked at while no mail comes. */
#define GLANCE_MS 15000

/* A challenge while it is answered. */
struct proof {
	const char *url;            /* of the authorization */
	const char *mailbox, *from; /* canonical */
	const char *challenge_url, *token_part2;
	const char *noted; /* the last error shown, or NULL */
};

static int
refused(struct enroll *e, const char *mailbox, const struct remote_authz *a)
{
	return job_fail(e->j, ERR_UNAUTHORIZED,
	    "%s is not proven, the server calls the authorization %s%s%s; run "
	    "the same command again for a new try",
	    mailbox, remote_status_name(a->status),
	    a->error != NULL ? ": " : "", a->error != NULL ? a->error : "");
}

/* What the server holds against the replies so far, or why it cannot be
 * asked: each text once. */
static void
note(struct enroll *e, struct proof *p, const char *text)
{
	if (text == NULL || (p->noted != NULL && strcmp(text, p->noted) == 0))
		return;
	p->noted = arena_strdup(e->j->arena, text);
	enroll_tellf("not yet: %s", text);
}

/*
 * Asks once how it stands: 1 valid, 0 not yet, -1 never.  No answer is not
 * yet: the server may be restarting.
 */
static int
glance(struct enroll *e, struct proof *p, int64_t *retry_after)
{
	struct remote_authz a;
	struct job j;
	int result = 0;

	job_init(&j, NULL, NULL);
	*retry_after = -1;
	if (acme_client_authz(e->client, &j, p->url, &a) < 0) {
		if (j.err.kind == ERR_BUSY)
			note(e, p, j.err.text);
		else
			result = job_fail(e->j, j.err.kind, "%s", j.err.text);
	} else if (a.status == REMOTE_VALID) {
		result = 1;
	} else if (a.status != REMOTE_PENDING &&
		   a.status != REMOTE_PROCESSING) {
		result = refused(e, p->mailbox, &a);
	} else {
		note(e, p, a.error);
		*retry_after = a.retry_after;
	}
	job_done(&j);
	return result;
}

static int
wait_until_proven(struct enroll *e, struct proof *p)
{
	int64_t retry_after;
	int result;

	while ((result = glance(e, p, &retry_after)) == 0) {
		if (enroll_time_left(e) == 0)
			return enroll_out_of_time(e,
			    arena_printf(e->j->arena,
				"the server has not accepted a reply from %s "
				"(it must come from exactly that address, with "
				"a DKIM signature of its domain)",
				p->mailbox),
			    p->noted);
		enroll_pause(e, retry_after);
	}
	return result < 0 ? -1 : 0;
}

static int64_t
slice(const struct enroll *e)
{
	int64_t left = enroll_time_left(e);

	return left < GLANCE_MS ? left : GLANCE_MS;
}

static int
reply(struct enroll *e, struct proof *p, const struct enroll_challenge *c)
{
	char digest[ENROLL_DIGEST_LEN + 1];
	struct span message;

	enroll_digest(e->j, c->token_part1, p->token_part2,
	    acme_client_thumbprint(e->client), digest);
	enroll_reply_format(e->j, c, p->mailbox, digest, &message);
	if (enroll_box_reply(e->box, e->j, p->mailbox, c->reply_to, message) <
	    0)
		return -1;
	enroll_tellf("replied to %s", c->reply_to);
	poll(NULL, 0, REPLY_TRAVEL_MS);
	return 0;
}

static int
answer_by_mail(struct enroll *e, struct proof *p)
{
	struct enroll_expected expected = {
		.mailbox = p->mailbox, .from = p->from, .resolver = e->resolver
	};
	struct enroll_challenge c;
	int64_t retry_after;
	int found;

	enroll_tellf("waiting for the mail from %s to %s", p->from, p->mailbox);
	enroll_box_rewind(e->box);
	while ((found = enroll_box_find(
		    e->box, e->j, &expected, slice(e), &c)) == 0) {
		/* It may have bounced. */
		if (glance(e, p, &retry_after) < 0)
			return -1;
		if (enroll_time_left(e) == 0)
			return enroll_out_of_time(e,
			    arena_printf(e->j->arena,
				"no mail from %s has come to %s (is it in a "
				"spam folder?)",
				p->from, p->mailbox),
			    p->noted);
	}
	return found < 0 ? -1 : reply(e, p, &c);
}

/* --- by hand ------------------------------------------------------------- */

static void
explain_mail(FILE *to, const struct proof *p)
{
	fprintf(to,
	    "\n"
	    "In a few seconds a mail will come\n"
	    "  from  %s\n"
	    "  to    %s\n"
	    "Its Subject begins with \"ACME:\".  If it does not come, look "
	    "into the spam folder.\n"
	    "\n"
	    "Copy the whole Subject here and press Enter:\n",
	    p->from, p->mailbox);
	fflush(to);
}

static void
explain_reply(FILE *to, const struct proof *p, const char *block)
{
	fprintf(to,
	    "\n"
	    "Now reply to that mail:\n"
	    "  - to %s, from %s, and leave the Subject as your mail program\n"
	    "    makes it;\n"
	    "  - as plain text, not HTML;\n"
	    "  - with these three lines above everything else, without marks "
	    "or blanks\n"
	    "    before them:\n"
	    "\n"
	    "%s"
	    "\n"
	    "Send it, and wait here: the rest happens by itself.\n",
	    p->from, p->mailbox, block);
	fflush(to);
}

/* The Subject, asked for until one is right. */
static int
read_subject(struct enroll *e, struct proof *p, const char **token_part1)
{
	int64_t retry_after;
	struct span line;
	int got;

	for (;;) {
		got =
		    enroll_lines_next(&e->lines, e->j->arena, slice(e), &line);
		if (got < 0)
			return job_fail(e->j, ERR_MALFORMED,
			    "no Subject was given: run the same command "
			    "again, and copy the Subject of the mail to %s "
			    "to standard input",
			    p->mailbox);
		if (got == 0 && glance(e, p, &retry_after) < 0)
			return -1;
		if (got == 0 && enroll_time_left(e) == 0)
			return enroll_out_of_time(
			    e, "no Subject was given", NULL);
		if (got == 0 || line.n == 0)
			continue;
		if (enroll_subject_parse(e->j, line, token_part1) == 0)
			return 0;
		enroll_tellf(
		    "that cannot be it: %s.  Once more:", e->j->err.text);
		job_recover(e->j);
	}
}

static int
answer_by_hand(struct enroll *e, struct proof *p)
{
	FILE *to = e->o->json ? stderr : stdout;
	char digest[ENROLL_DIGEST_LEN + 1];
	const char *token_part1 = "";

	explain_mail(to, p);
	if (read_subject(e, p, &token_part1) < 0)
		return -1;
	enroll_digest(e->j, token_part1, p->token_part2,
	    acme_client_thumbprint(e->client), digest);
	explain_reply(to, p, enroll_block(e->j, digest));
	return 0;
}

/* --- the proofs of an order ---------------------------------------------- */

/* Is it for one of the mailboxes that we asked for?  The canonical form, or
 * NULL. */
static const char *
our_mailbox(struct enroll *e, const char *mailbox)
{
	const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	struct addr a;

	if (addr_parse(e->j, span_str(mailbox), &policy, &a) < 0) {
		job_recover(e->j);
		return NULL;
	}
	for (size_t i = 0; i < e->request.mailbox_count; i++)
		if (strcmp(e->request.mailboxes[i], a.canonical) == 0)
			return e->request.mailboxes[i];
	return NULL;
}

static int
proof_init(struct enroll *e, const struct remote_authz *a, struct proof *p)
{
	const struct addr_policy policy = { .reserved_domains = true };
	struct addr from;

	p->mailbox = our_mailbox(e, a->mailbox);
	if (p->mailbox == NULL)
		return job_fail(e->j, ERR_MALFORMED,
		    "the server wants a proof for a mailbox that was not "
		    "asked for");
	if (a->challenge_url == NULL)
		return job_fail(e->j, ERR_MALFORMED,
		    "the server offers no email-reply-00 challenge for %s: it "
		    "does not do RFC 8823",
		    p->mailbox);
	if (addr_parse(e->j, span_str(a->from), &policy, &from) < 0)
		return job_context(
		    e->j, "the address that the server's mail comes from");
	p->from = from.canonical;
	p->challenge_url = a->challenge_url;
	p->token_part2 = a->token_part2;
	return 0;
}

int
enroll_prove(struct enroll *e, const char *url)
{
	struct proof p = { .url = url };
	struct remote_authz a;

	while (acme_client_authz(e->client, e->j, url, &a) < 0)
		if (!enroll_again(e))
			return -1;
	if (a.status == REMOTE_VALID) {
		enroll_tell("the server remembers an earlier proof");
		return 0;
	}
	if (proof_init(e, &a, &p) < 0)
		return -1;
	if (a.status != REMOTE_PENDING)
		return refused(e, p.mailbox, &a);
	if ((e->box != NULL ? answer_by_mail(e, &p) : answer_by_hand(e, &p)) <
	    0)
		return -1;
	while (acme_client_respond(e->client, e->j, p.challenge_url) < 0)
		if (!enroll_again(e))
			return -1;
	if (wait_until_proven(e, &p) < 0)
		return -1;
	enroll_tellf("%s is proven", p.mailbox);
	return 0;
}
