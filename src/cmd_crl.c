#include "config.h"

#include "db/store_crl.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "pki/key.h"
#include "src/command.h"
#include "src/status_place.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX (64 * 1024)

static const char usage[] =
    "usage: countersign crl list [--json] [-f FILE]\n"
    "\n"
    "The revocation lists of the issuing CA: URL, number, age.\n"
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
list(struct command *c, bool json)
{
	const struct ca_files files = { .certificate =
					    c->conf->issuer.ca_certificate,
		.chain = c->conf->issuer.ca_chain };
	const struct ca *ca;

	if (ca_load(&c->job, c->keep, &files, &ca) < 0)
		return -1;
	return json ? print_json(c, ca_key_label(ca))
		    : print_lists(c, ca_key_label(ca));
}

int
cmd_crl(int argc, char **argv)
{
	const char *config = COMMAND_DEFAULT_CONFIG;
	bool json = false;
	const struct command_option options[] = { { "json", &json, NULL },
		{ NULL, NULL, NULL } };
	struct command c;

	if (command_parse(argc, argv, usage, options, &config, 1) < 0)
		return EXIT_FAILURE;
	if (strcmp(argv[optind], "list") != 0) {
		(void)command_misused(usage, "%s: give list", argv[optind]);
		return EXIT_FAILURE;
	}
	if (command_open(&c, config, ACT_CRL) < 0)
		return EXIT_FAILURE;
	return command_end(&c, list(&c, json));
}
