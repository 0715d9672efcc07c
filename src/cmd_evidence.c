#include "config.h"

#include "lib/arena.h"
#include "lib/seal.h"
#include "pki/envelope.h"
#include "src/command.h"
#include "src/dossier.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024)

struct options {
	const char *config;
	bool json;
	bool verify;
	bool reply;
	const char *key; /* file; NULL: none */
};

static const char usage[] =
    "usage: countersign evidence [--json] [--verify] [--key FILE] [-f FILE] "
    "ID\n"
    "       countersign evidence --reply [--key FILE] [-f FILE] ID\n"
    "\n"
    "Shows what proves the mailbox of an authorization: the challenge mail, "
    "the\n"
    "reply, the DKIM key and what the DNS said of it, each check.\n"
    "\n"
    "  --json             as one JSON object, with the reply itself in base64\n"
    "  --verify           verify it again from what is stored, without the "
    "DNS;\n"
    "                     ends with 1 if it does not verify\n"
    "  --reply            only the reply, octet for octet as it came\n"
    "  --key FILE         private key, in PEM, for a reply that is encrypted\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "json", &o->json, NULL },
		{ "verify", &o->verify, NULL },
		{ "reply", &o->reply, NULL },
		{ "key", NULL, &o->key },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, 1) < 0)
		return -1;
	if (o->reply && (o->json || o->verify))
		return command_misused(usage,
		    "--reply is the reply alone, without --json and "
		    "--verify");
	return 0;
}

static int
print_raw(struct job *j, const struct dossier *d)
{
	if (!d->has_reply)
		return job_fail(j, ERR_MALFORMED,
		    "no reply proves this mailbox; countersign authz shows "
		    "those that came");
	if (!d->shows_raw)
		return job_fail(j, ERR_MALFORMED,
		    "the challenge is still open, and the reply holds its "
		    "token: it is shown when the authorization has ended or is "
		    "valid");
	if (fwrite(d->reply.raw.p, 1, d->reply.raw.n, stdout) != d->reply.raw.n)
		return job_fail(j, ERR_INTERNAL, "standard output");
	return 0;
}

/* PK-23 */
static int
open_reply(struct job *j, const struct options *o, struct dossier *d)
{
	if (!d->has_reply || !d->reply.is_wrapped)
		return 0;
	if (o->key == NULL && (o->reply || o->verify))
		return job_fail(j, ERR_MALFORMED,
		    "the stored reply is encrypted: --key FILE with the "
		    "private key of evidence.encrypt_to opens it");
	if (o->key == NULL)
		return 0;
	if (envelope_open(j, o->key, d->reply.raw, &d->reply.raw) < 0)
		return -1;
	d->reply.is_wrapped = false;
	return 0;
}

/* An auditor does not hold the seal's key; the rest verifies without. */
static int
verify(struct command *c, struct dossier *d)
{
	const struct seal_key *seal = NULL;
	const char *why = NULL;

	if (seal_key_load(&c->job, c->keep, c->conf->seal_key_file, &seal) <
	    0) {
		why =
		    arena_printf(c->keep, "not checked (%s)", c->job.err.text);
		job_recover(&c->job);
		seal = NULL;
	}
	return dossier_verify(&c->job, d, seal, why);
}

static int
run(struct command *c, const struct options *o, const char *id, bool *good)
{
	struct job *j = &c->job;
	struct dossier d;
	struct buf b;
	int found = dossier_load(j, id, &d);

	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: there is no such authorization; countersign order "
		    "--json names those of an order",
		    id);
	if (found < 0 || open_reply(j, o, &d) < 0)
		return -1;
	if (o->reply)
		return print_raw(j, &d);
	if (o->verify && verify(c, &d) < 0)
		return -1;
	*good = !o->verify || d.verified;
	buf_init(&b, j->arena, TEXT_MAX);
	if ((o->json ? dossier_json(j, &d, &b) : dossier_text(j, &d, &b)) < 0)
		return -1;
	fputs(b.p, stdout);
	return 0;
}

int
cmd_evidence(int argc, char **argv)
{
	bool good = true;
	struct options o;
	struct command c;
	int result;

	if (parse(argc, argv, &o) < 0 ||
	    command_open(&c, o.config, ACT_EVIDENCE) < 0)
		return EXIT_FAILURE;
	result = run(&c, &o, argv[optind], &good);
	if (result < 0)
		command_fail("%s", c.job.err.text);
	command_close(&c);
	return result < 0 || !good ? EXIT_FAILURE : EXIT_SUCCESS;
}
