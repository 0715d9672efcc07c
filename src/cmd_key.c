#include "config.h"

#include "acme/revoke.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_key.h"
#include "db/store_purge.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "pki/key_proof.h"
#include "pki/spki_file.h"
#include "src/command.h"
#include "src/key_destroy.h"
#include "src/key_make.h"
#include "src/worker.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 10000
#define FILE_MAX 65536
#define LINE_MAX_OCTETS 4096
#define REASON_MAX 500

struct options {
	const char *config;
	const char *spki, *proof, *signature, *reason;
	const char *account;
	const char *ca, *since;
	const char *witnesses;
	bool compromised;
	bool json;
};

static const char usage[] =
    "usage: countersign key block --proof FILE [-f FILE]\n"
    "       countersign key block --spki FILE --signature FILE [-f FILE]\n"
    "       countersign key block --spki FILE|SHA256 --reason TEXT\n"
    "           [--account ID] [-f FILE]\n"
    "       countersign key text --spki FILE|SHA256 [-f FILE]\n"
    "       countersign key list [--json] [-f FILE]\n"
    "       countersign key ended --ca LABEL --since TIME [-f FILE]\n"
    "       countersign key destroy --witnesses TEXT [--compromised] "
    "[-f FILE]\n"
    "       countersign key make [-f FILE]\n"
    "\n"
    "Other people's keys: block: no certificate and no account is made with\n"
    "the key any more, and every certificate with it that has not expired is\n"
    "revoked with reason 1 (keyCompromise).  It takes a proof, or what an "
    "operator\n"
    "has judged.  text: what somebody signs who says that his key is known to\n"
    "others.  list: the keys that are blocked.\n"
    "\n"
    "The CA's key: destroy: the key of the configuration, for ever, with "
    "which\n"
    "nothing is signed any more; two admins, of whom one is an approver, give\n"
    "the same command within a day.  ended: notes that the key of a CA was\n"
    "destroyed elsewhere and its last CA certificate has ended, for the time\n"
    "that records are kept.\n"
    "\n"
    "The responder's key: make: a new one for live OCSP answers, inside the "
    "token\n"
    "that section responder of the configuration names.\n"
    "\n"
    "  --proof FILE       the private key in PEM, or a certificate request "
    "whose\n"
    "                     commonName begins with \"" KEY_PROOF_NAME "\"\n"
    "  --signature FILE   over the line of key text: as openssl dgst -sha256 "
    "-sign\n"
    "                     writes it, or Ed25519 or Ed448\n"
    "  --reason TEXT      why it is blocked without a proof\n"
    "  --spki FILE|SHA256 a certificate, certificate request or key in PEM, "
    "or\n"
    "                     64 hexadecimal digits: SHA-256 of the\n"
    "                     SubjectPublicKeyInfo\n"
    "  --account ID       block it for this account only; revokes nothing\n"
    "  --ca LABEL         the CA's subject key identifier, in hexadecimal\n"
    "                     without colons\n"
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
		{ "block", "spki proof signature reason account" },
		{ "text", "spki" },
		{ "list", "json" },
		{ "ended", "ca since" },
		{ "destroy", "witnesses compromised" },
		{ "make", "" },
	};

	for (size_t i = 0; i < COUNT(all); i++)
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
		{ "proof", NULL, &o->proof },
		{ "signature", NULL, &o->signature },
		{ "reason", NULL, &o->reason },
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
	    "key %s: not known; block, text, list, ended, destroy or make",
	    argv[optind]);
	return -1;
}

/* --- whose key, and why --------------------------------------------------- */

/* What is said of a key, and by what right. */
struct claim {
	struct key_hash key;
	const char *kind; /* of the proof; NULL: there is none */
	struct span evidence;
};

static int
read_hash(struct job *j, const char *spki, struct key_hash *key)
{
	uint8_t *out = arena_calloc(j->arena, 1, SHA256_LEN);
	uint8_t *bare = arena_calloc(j->arena, 1, SHA256_LEN);
	bool has_bare = false;
	struct span pem;

	*key = (struct key_hash){ .spki_sha256 = span_mem(out, SHA256_LEN) };
	if (hex_parse_fixed(span_str(spki), out, SHA256_LEN) == 0)
		return 0;
	if (file_read(j, spki, FILE_MAX, &pem) < 0)
		return job_context(
		    j, "--spki: neither 64 hexadecimal digits nor a file");
	if (spki_file_hashes(j, pem, out, bare, &has_bare) < 0)
		return job_context(j, "%s", spki);
	if (has_bare)
		key->bare_sha256 = span_mem(bare, SHA256_LEN);
	return 0;
}

static int
take_proof(struct job *j, const struct key_proof *proof, struct claim *out)
{
	out->key = (struct key_hash){
		span_mem(arena_memdup(j->arena, proof->spki_sha256, SHA256_LEN),
		    SHA256_LEN),
		span_mem(arena_memdup(j->arena, proof->bare_sha256, SHA256_LEN),
		    SHA256_LEN),
	};
	out->kind = proof->kind;
	out->evidence = proof->evidence;
	return 0;
}

static int
read_proof(struct job *j, const struct options *o, struct claim *out)
{
	struct key_proof proof;
	struct span file, signature;

	if (file_read(
		j, o->proof != NULL ? o->proof : o->spki, FILE_MAX, &file) < 0)
		return -1;
	if (o->proof != NULL)
		return key_proof_read(j, file, &proof) < 0
			   ? job_context(j, "%s", o->proof)
			   : take_proof(j, &proof, out);
	if (file_read(j, o->signature, FILE_MAX, &signature) < 0)
		return -1;
	return key_proof_signature(
		   j, file, j->conf->base_url, signature, &proof) < 0
		   ? job_context(j, "%s", o->signature)
		   : take_proof(j, &proof, out);
}

/* PK-77: a proof, or a person's judgement with its reason. */
static int
read_claim(struct job *j, const struct options *o, struct claim *out)
{
	bool has_proof = o->proof != NULL || o->signature != NULL;

	*out = (struct claim){ .kind = NULL };
	if (o->proof != NULL && (o->spki != NULL || o->signature != NULL))
		return job_fail(j, ERR_MALFORMED,
		    "--proof tells which key it is: give it without --spki and "
		    "--signature");
	if (o->proof == NULL && o->spki == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "key block needs --proof with a file, or --spki with a "
		    "file or a SHA-256");
	if (!has_proof && o->reason == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "key block --spki needs --signature with the proof of "
		    "whoever has the key, or --reason: what you have judged");
	if (has_proof && (o->reason != NULL || o->account != NULL))
		return job_fail(j, ERR_MALFORMED,
		    "--reason and --account are for a key without proof: a "
		    "proof blocks it for everybody");
	if (o->reason != NULL &&
	    command_text(j, "reason", o->reason, REASON_MAX) < 0)
		return -1;
	return has_proof ? read_proof(j, o, out)
			 : read_hash(j, o->spki, &out->key);
}

/* --- block ---------------------------------------------------------------- */

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

/* For people, and for the audit's detail. */
static const char *
source_of(struct job *j, const struct options *o, const struct claim *c)
{
	return arena_printf(j->arena, "%s, %s: %s", command_operator(j),
	    c->kind != NULL ? "proof" : "reason",
	    c->kind != NULL ? c->kind : o->reason);
}

static int
block_for_account(struct job *j, const struct key_hash *key,
    const char *account, const char *source)
{
	if (store_key_block(j, key, account, source) < 0)
		return -1;
	return store_audit_add(j, command_operator(j), "key blocked",
	    arena_printf(
		j->arena, "key:%s", hex_dup(j->arena, key->spki_sha256)),
	    "ok", worker_detail(j, "account", account));
}

/* PK-77: what was accepted as its proof, or why there is none. */
static int
record_claim(struct job *j, const struct options *o, const struct claim *c)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, LINE_MAX_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	if (c->kind != NULL)
		json_member_str(&w, "proof", c->kind);
	else
		json_member_str(&w, "reason", o->reason);
	if (c->evidence.n > 0)
		json_member_sha256(&w, "evidence_sha256", c->evidence);
	json_object_end(&w);
	return store_audit_add(j, command_operator(j), "key called compromised",
	    arena_printf(
		j->arena, "key:%s", hex_dup(j->arena, c->key.spki_sha256)),
	    "ok", b.p);
}

static int
block_within(struct job *j, const struct options *o, const struct claim *c,
    struct revoked_sum *sum)
{
	const struct revocation r = { REASON_KEY_COMPROMISE,
		command_operator(j), c->evidence };
	const char *source = source_of(j, o, c);

	if (record_claim(j, o, c) < 0)
		return -1;
	return o->account != NULL
		   ? block_for_account(j, &c->key, o->account, source)
		   : revoke_key(j, &c->key, &r, source, sum);
}

static int
block(struct job *j, const struct options *o)
{
	struct claim c;
	struct revoked_sum sum = { .count = 0 };

	if (read_claim(j, o, &c) < 0 || check_account(j, o->account) < 0 ||
	    store_begin(j) < 0)
		return -1;
	if (block_within(j, o, &c, &sum) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("blocked %s; certificates revoked: %s\n",
	    hex_dup(j->arena, c.key.spki_sha256), revoked_sum_text(j, &sum));
	return 0;
}

/* --- text ----------------------------------------------------------------- */

static int
print_text(struct job *j, const struct options *o)
{
	struct key_hash key;
	uint8_t hash[SHA256_LEN];

	if (o->spki == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "key text needs --spki with a file or a SHA-256");
	if (read_hash(j, o->spki, &key) < 0)
		return -1;
	memcpy(hash, key.spki_sha256.p, sizeof(hash));
	puts(key_proof_text(j->arena, j->conf->base_url, hash));
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
	command_tell_cut(count, KEYS_MAX);
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
		    "key ended needs --ca with a key identifier and --since "
		    "with a time "
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

static int
make(struct job *j, const struct options *o)
{
	const char *made;

	(void)o;
	if (key_make(j, &made) < 0)
		return -1;
	printf("made: %s\nstart countersignd again to use it\n", made);
	return 0;
}

int
cmd_key(int argc, char **argv)
{
	int (*run)(struct job *, const struct options *);
	enum act act = ACT_KEY_LIST;
	struct options o;
	struct command c;

	if (parse(argc, argv, &o) < 0)
		return EXIT_FAILURE;
	if (strcmp(argv[optind], "block") == 0)
		run = block;
	else if (strcmp(argv[optind], "destroy") == 0)
		run = destroy;
	else if (strcmp(argv[optind], "list") == 0)
		run = list;
	else if (strcmp(argv[optind], "make") == 0)
		run = make;
	else if (strcmp(argv[optind], "text") == 0)
		run = print_text;
	else
		run = ended;
	if (run == block)
		act = ACT_KEY_BLOCK;
	else if (run == destroy)
		act = ACT_KEY_DESTROY;
	else if (run == ended)
		act = ACT_KEY_ENDED;
	else if (run == make)
		act = ACT_KEY_MAKE;
	if (command_open(&c, o.config, act) < 0)
		return EXIT_FAILURE;
	return command_end(&c, run(&c.job, &o));
}
