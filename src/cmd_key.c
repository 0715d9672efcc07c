#include "config.h"

#include "acme/revoke.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_key.h"
#include "db/store_purge.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "pki/spki_file.h"
#include "src/command.h"
#include "src/key_destroy.h"
#include "src/worker.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 10000
#define FILE_MAX 65536
#define LINE_MAX_OCTETS 4096

struct options {
	const char *config;
	const char *spki;
	const char *account;
	const char *ca, *since;
	const char *witnesses;
	bool compromised;
	bool json;
};

static const char usage[] =
    "usage: countersign key block --spki FILE|SHA256 [--account ID] [-f FILE]\n"
    "       countersign key list [--json] [-f FILE]\n"
    "       countersign key ended --ca LABEL --since TIME [-f FILE]\n"
    "       countersign key destroy --witnesses TEXT [--compromised] "
    "[-f FILE]\n"
    "\n"
    "Other people's keys: block: no certificate and no account is made with\n"
    "the key any more, and every certificate with it that has not expired is\n"
    "revoked with reason 1 (keyCompromise).  list: the keys that are "
    "blocked.\n"
    "\n"
    "The CA's key: destroy: the key of the configuration, for ever, with "
    "which\n"
    "nothing is signed any more; two admins, of whom one is an approver, give\n"
    "the same command within a day.  ended: notes that the key of a CA was\n"
    "destroyed elsewhere and its last CA certificate has ended, for the time\n"
    "that records are kept.\n"
    "\n"
    "  --spki FILE|SHA256 a certificate, certificate request or key in PEM, "
    "or\n"
    "                     64 hexadecimal digits: SHA-256 of the\n"
    "                     SubjectPublicKeyInfo\n"
    "  --account ID       block it for this account only; revokes nothing\n"
    "  --ca LABEL         the CA's label, as countersign crl shows it\n"
    "  --since TIME       the later of both, as in 2027-01-31T00:00:00Z\n"
    "  --witnesses TEXT   who else is there and sees the key destroyed\n"
    "  --compromised      although a certificate of the key is still valid\n"
    "  --json             one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

/* 0, or -1 after the usage was printed. */
static const char *
options_of(const char *verb)
{
	static const char *const all[][2] = {
		{ "block", "spki account" },
		{ "list", "json" },
		{ "ended", "ca since" },
		{ "destroy", "witnesses compromised" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(verb, all[i][0]) == 0)
			return all[i][1];
	return NULL;
}

/* 0, or -1 after saying what is wrong. */
static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "spki", NULL, &o->spki },
		{ "account", NULL, &o->account },
		{ "ca", NULL, &o->ca },
		{ "since", NULL, &o->since },
		{ "witnesses", NULL, &o->witnesses },
		{ "compromised", &o->compromised, NULL },
		{ "json", &o->json, NULL },
		{ NULL, NULL, NULL },
	};

	const char *names;

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, 1) < 0)
		return -1;
	names = options_of(argv[optind]);
	if (names != NULL)
		return command_takes_only(options, argv[optind], names);
	command_fail(
	    "key %s: not known; block, list, ended or destroy", argv[optind]);
	return -1;
}

/* --- block ---------------------------------------------------------------- */

static int
read_hash(struct job *j, const char *spki, struct key_hash *key)
{
	uint8_t *out = arena_calloc(j->arena, 1, SHA256_LEN);
	uint8_t *bare = arena_calloc(j->arena, 1, SHA256_LEN);
	bool has_bare = false;
	struct span pem;

	*key = (struct key_hash){ .spki_sha256 = span_mem(out, SHA256_LEN) };

	if (spki == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "key block needs --spki with a file or a SHA-256");
	if (hex_parse_fixed(span_str(spki), out, SHA256_LEN) == 0)
		return 0;
	if (file_read(j, spki, FILE_MAX, &pem) < 0)
		return -1;
	if (spki_file_hashes(j, pem, out, bare, &has_bare) < 0)
		return job_context(j, "%s", spki);
	if (has_bare)
		key->bare_sha256 = span_mem(bare, SHA256_LEN);
	return 0;
}

static int
check_account(struct job *j, const char *id)
{
	struct account account;
	int found = id == NULL ? 1 : store_account_by_id(j, id, &account);

	if (found == 0)
		return job_fail(
		    j, ERR_MALFORMED, "%s: there is no such account", id);
	return found < 0 ? -1 : 0;
}

static int
block_for_account(
    struct job *j, const struct key_hash *key, const char *account)
{
	if (store_key_block(j, key, account, command_operator(j)) < 0)
		return -1;
	return store_audit_add(j, command_operator(j), "key blocked",
	    arena_printf(
		j->arena, "key:%s", hex_dup(j->arena, key->spki_sha256)),
	    "ok", worker_detail(j, "account", account));
}

static int
block(struct job *j, const struct options *o)
{
	const struct revocation r = { REASON_KEY_COMPROMISE,
		command_operator(j), { NULL, 0 } };
	struct key_hash key = { .spki_sha256 = { NULL, 0 } };
	size_t count = 0;

	if (read_hash(j, o->spki, &key) < 0 ||
	    check_account(j, o->account) < 0 || store_begin(j) < 0)
		return -1;
	if ((o->account != NULL
		    ? block_for_account(j, &key, o->account)
		    : revoke_key(j, &key, &r, command_operator(j), &count)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("blocked %s; certificates revoked: %zu\n",
	    hex_dup(j->arena, key.spki_sha256), count);
	return 0;
}

/* --- list ----------------------------------------------------------------- */

static void
print_line(const struct blocked_key *k)
{
	char time[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(k->blocked_at, time);
	printf("%s  %s  %-22s  %s\n", k->spki_sha256, time,
	    k->account_id[0] != '\0' ? k->account_id : "everybody", k->source);
}

static void
print_json(struct job *j, const struct blocked_key *k)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, LINE_MAX_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "spki_sha256", k->spki_sha256);
	if (k->account_id[0] != '\0')
		json_member_str(&w, "account", k->account_id);
	json_member_time(&w, "blocked", k->blocked_at);
	json_member_str(&w, "source", k->source);
	json_object_end(&w);
	puts(b.p);
}

static int
list(struct job *j, const struct options *o)
{
	struct blocked_key *keys;
	size_t count;

	if (store_key_list(j, KEYS_MAX, &keys, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (o->json)
			print_json(j, &keys[i]);
		else
			print_line(&keys[i]);
	}
	if (count == 0 && !o->json)
		puts("no key is blocked");
	return 0;
}

/* --- ended ---------------------------------------------------------------- */

/* PK-22 */
static int
ended(struct job *j, const struct options *o)
{
	int64_t at;

	if (o->ca == NULL || o->since == NULL ||
	    rfc3339_parse(span_str(o->since), &at) < 0 || at > j->now)
		return job_fail(j, ERR_MALFORMED,
		    "key ended needs --ca with a label and --since with a time "
		    "that has passed, as in 2027-01-31T00:00:00Z");
	if (store_begin(j) < 0)
		return -1;
	if (store_key_ended(j, o->ca, at) < 0 ||
	    store_audit_add(j, command_operator(j), "CA key ended",
		arena_printf(j->arena, "ca:%s", o->ca), "ok",
		worker_detail(j, "since", o->since)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("%s: its records are kept for policy.retention from %s\n", o->ca,
	    o->since);
	return 0;
}

/* --- destroy -------------------------------------------------------------- */

static int
destroy(struct job *j, const struct options *o)
{
	const struct key_destroy in = { o->witnesses, o->compromised };
	struct key_destroyed done;

	if (key_destroy(j, &in, &done) < 0)
		return -1;
	if (!done.is_done) {
		printf(
		    "asked for: %s; another admin must give the same command "
		    "within a day\n",
		    done.key);
		return 0;
	}
	printf("destroyed: %s (%s)\n", done.key, done.method);
	if (done.is_file)
		puts("What a file system, its snapshots and backups keep of "
		     "overwritten octets this cannot reach; destroy those, and "
		     "the passphrase file, as well.");
	return 0;
}

int
cmd_key(int argc, char **argv)
{
	int (*run)(struct job *, const struct options *);
	enum act act = ACT_KEY_LIST;
	struct options o;
	struct command c;
	int result;

	if (parse(argc, argv, &o) < 0)
		return EXIT_FAILURE;
	if (strcmp(argv[optind], "block") == 0)
		run = block;
	else if (strcmp(argv[optind], "destroy") == 0)
		run = destroy;
	else if (strcmp(argv[optind], "list") == 0)
		run = list;
	else
		run = ended;
	if (run == block)
		act = ACT_KEY_BLOCK;
	else if (run == destroy)
		act = ACT_KEY_DESTROY;
	else if (run == ended)
		act = ACT_KEY_ENDED;
	if (command_open(&c, o.config, act) < 0)
		return EXIT_FAILURE;
	result = run(&c.job, &o);
	if (result < 0)
		command_fail("%s", c.job.err.text);
	command_close(&c);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
