#include "config.h"

#include "db/store_crl.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/json.h"
#include "lib/seal.h"
#include "pki/key.h"
#include "src/command.h"
#include "src/crl_take.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/status_place.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX (64 * 1024)

static const char usage[] =
    "usage: countersign crl list [--json] [-f FILE]\n"
    "       countersign crl take [-f FILE]\n"
    "\n"
    "list: the revocation lists of the issuing CA: URL, number, age.\n"
    "take: after the database was restored from a backup: revoke what the\n"
    "lists that are served (crl_file of issuer and of each former_ca) have, "
    "and\n"
    "it does not.\n"
    "\n"
    "  --json             an array with the URLs of all shards for each CA,\n"
    "                     as root programs ask for them\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

/* PK-164: {"<key of the CA>":["http://…", …]} */
static int
print_json(struct command *c, const char *label)
{
	const struct conf_issuer *conf = &c->conf->issuer;
	struct json_out o;
	struct buf b;

	buf_init(&b, c->keep, LIST_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_key(&o, label);
	json_array_begin(&o);
	for (int64_t s = 0; s < conf->crl_shards; s++)
		json_put_string(
		    &o, span_str(status_shard_url(c->keep, conf, s)));
	json_array_end(&o);
	json_object_end(&o);
	puts(b.p);
	return 0;
}

static int
print_lists(struct command *c, const char *label)
{
	const struct conf_issuer *conf = &c->conf->issuer;

	for (int64_t s = 0; s < conf->crl_shards; s++) {
		const char *url = status_shard_url(c->keep, conf, s);
		struct crl l;
		int found = store_crl_head(&c->job, label, s, &l);

		if (found < 0)
			return -1;
		if (found == 0)
			printf("%s: no list yet\n", url);
		else
			printf("%s: number %" PRId64 ", %" PRId64
			       " octets, %" PRId64 " hours old\n",
			    url, l.number, l.size,
			    (c->job.now - l.this_update) / 3600);
	}
	return 0;
}

static int
load(struct command *c, const struct ca **ca)
{
	const struct ca_files files = { .certificate =
					    c->conf->issuer.ca_certificate,
		.chain = c->conf->issuer.ca_chain };

	return ca_load(&c->job, c->keep, &files, ca);
}

static int
list(struct command *c, bool json)
{
	const struct ca *ca;

	if (load(c, &ca) < 0)
		return -1;
	return json ? print_json(c, ca_key_label(ca))
		    : print_lists(c, ca_key_label(ca));
}

static int
take(struct command *c)
{
	struct issuer i = { .ca = NULL };
	struct crl_taken t;

	if (load(c, &i.ca) < 0 ||
	    seal_key_load(&c->job, c->keep, c->conf->seal_key_file, &i.seal) <
		0 ||
	    former_open_to_look(&c->job, c->keep, &i) < 0 ||
	    crl_take(&c->job, &i, command_operator(&c->job), &t) < 0)
		return -1;
	printf("lists: %zu; revoked now: %zu; reason raised to keyCompromise: "
	       "%zu; revoked before: %zu; not in the database: %zu\n",
	    t.lists, t.revoked, t.raised, t.known, t.unknown);
	if (t.foreign > 0)
		printf("Rows whose number is not their certificate's, which "
		       "were not touched: %zu; the log has them.\n",
		    t.foreign);
	if (t.unknown > 0)
		printf("What is not in the database stays on the lists.\n");
	return 0;
}

int
cmd_crl(int argc, char **argv)
{
	const char *config = COMMAND_DEFAULT_CONFIG;
	bool json = false;
	const struct command_option options[] = { { "json", &json, NULL },
		{ NULL, NULL, NULL } };
	struct command c;
	bool takes;

	if (command_parse(argc, argv, usage, options, &config, 1) < 0)
		return EXIT_FAILURE;
	takes = strcmp(argv[optind], "take") == 0;
	if (!takes && strcmp(argv[optind], "list") != 0) {
		(void)command_misused(
		    usage, "%s: give list or take", argv[optind]);
		return EXIT_FAILURE;
	}
	if (takes && json) {
		(void)command_misused(usage, "--json is for crl list");
		return EXIT_FAILURE;
	}
	if (command_open(&c, config, takes ? ACT_CRL_TAKE : ACT_CRL) < 0)
		return EXIT_FAILURE;
	return command_end(&c, takes ? take(&c) : list(&c, json));
}
