#include "config.h"

#include "acme/eab.h"
#include "acme/limit.h"
#include "acme/offer.h"
#include "db/store_audit.h"
#include "lib/addr.h"
#include "lib/aead.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "src/command.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 1000
#define ACCOUNTS_MAX 1000
#define LIST_MAX 65536
#define COMMENT_MAX 200

static const char usage[] =
    "usage: countersign eab new [--comment TEXT] [--expires TIME] "
    "[--reusable]\n"
    "           [--allow LIST] [--profile LIST] [--limit NAME=VALUE]...\n"
    "           [--json] [-f FILE]\n"
    "       countersign eab list [--json] [-f FILE]\n"
    "       countersign eab show [--json] [-f FILE] KID\n"
    "       countersign eab revoke [-f FILE] KID\n"
    "\n"
    "Keys for external account binding: who opens an account with one of them\n"
    "may order for what it allows.  The key is shown once, by new.\n"
    "\n"
    "  --comment TEXT     for whom it is\n"
    "  --expires TIME     how long it can be used: 30d, 12h, 45m, 90s\n"
    "  --reusable         for any number of accounts; without it for one\n"
    "  --allow LIST       domains and mailboxes, as in policy.allow, with "
    "commas\n"
    "  --profile LIST     certificate profiles, with commas\n"
    "  --limit NAME=VALUE a limit of the accounts' own, as in section limits\n"
    "  --json             as JSON; list: one object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

struct options {
	const char *config;
	const char *comment, *expires, *allow, *profile;
	const char *limits[COMMAND_TEXTS_MAX + 1];
	bool has_limits, reusable, json;
};

/* The options of new, list, show and revoke: all of them are read, so that
 * one in the wrong place is named. */
static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "comment", NULL, &o->comment },
		{ "expires", NULL, &o->expires },
		{ "reusable", &o->reusable, NULL },
		{ "allow", NULL, &o->allow },
		{ "profile", NULL, &o->profile },
		{ "limit", &o->has_limits, o->limits },
		{ "json", &o->json, NULL },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	return command_parse(argc, argv, usage, options, &o->config, -1);
}

/* --- new ------------------------------------------------------------------ */

static int
parse_expires(struct job *j, const char *text, int64_t *at)
{
	static const struct {
		char unit;
		int64_t secs;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	struct span s = span_str(text);
	int64_t n;

	*at = 0;
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < 4 && s.n > 1; i++) {
		if (s.p[s.n - 1] != units[i].unit)
			continue;
		if (span_to_int(span_cut(s, 0, s.n - 1), 1, 36500, &n) < 0)
			break;
		*at = j->now + n * units[i].secs;
		return 0;
	}
	return job_fail(j, ERR_MALFORMED,
	    "--expires %s: write a number up to 36500 and s, m, h or d, such "
	    "as 30d",
	    text);
}

/* As policy.allow: a mailbox, a domain, or ".domain" for all below it. */
static int
check_allow(struct job *j, struct span entry)
{
	struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	bool is_mailbox = span_find(entry, 0, '@') < entry.n;
	struct addr addr;
	const char *text;

	if (!is_mailbox && entry.n > 0 && entry.p[0] == '.')
		entry = span_from(entry, 1);
	text = arena_printf(
	    j->arena, "%s%.*s", is_mailbox ? "" : "x@", (int)entry.n, entry.p);
	if (addr_parse(j, span_str(text), &policy, &addr) == 0)
		return 0;
	return job_context(j,
	    "--allow %.*s: write a domain, .domain for all below it, or a "
	    "mailbox",
	    (int)entry.n, entry.p);
}

static int
check_profile(struct job *j, struct span entry)
{
	const char *name;
	struct buf offered;

	buf_init(&offered, j->arena, LIST_MAX);
	for (size_t i = 0; (name = profile_offered(j->conf, i)) != NULL; i++) {
		if (span_eq_str(entry, name))
			return 0;
		buf_addf(&offered, "%s%s", i > 0 ? ", " : "", name);
	}
	return job_fail(j, ERR_MALFORMED,
	    "--profile %.*s: is not offered; the configuration offers %s",
	    (int)entry.n, entry.p, offered.p);
}

typedef int check_fn(struct job *j, struct span entry);

/* "a,b" → ["a","b"]; NULL stays NULL. */
static int
parse_list(struct job *j, const char *text, check_fn *check, const char **out)
{
	struct span s = span_str(text);
	struct json_out o;
	struct buf b;
	size_t from = 0;

	*out = NULL;
	if (text == NULL)
		return 0;
	buf_init(&b, j->arena, LIST_MAX);
	json_out_init(&o, &b);
	json_array_begin(&o);
	while (from <= s.n) {
		size_t comma = span_find(s, from, ',');
		struct span entry = span_trim(span_cut(s, from, comma));

		if (check(j, entry) < 0)
			return -1;
		json_put_string(&o, entry);
		from = comma + 1;
	}
	json_array_end(&o);
	*out = b.p;
	return buf_ok(&b) ? 0 : job_fail(j, ERR_MALFORMED, "list too long");
}

static int
parse_limits(struct job *j, const struct options *o, const char **out)
{
	struct conf_limits copy = j->conf->limits;
	struct json_out w;
	struct buf b;

	*out = NULL;
	if (!o->has_limits)
		return 0;
	buf_init(&b, j->arena, LIST_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	for (size_t i = 0; o->limits[i] != NULL; i++) {
		struct span text = span_str(o->limits[i]);
		size_t equals = span_find(text, 0, '=');
		struct span name = span_cut(text, 0, equals);

		if (equals == text.n ||
		    limits_set(&copy, name, span_from(text, equals + 1)) < 0)
			return job_fail(j, ERR_MALFORMED,
			    "--limit %s: write NAME=VALUE with a limit that "
			    "an account can have, such as new_orders=100/3h",
			    o->limits[i]);
		for (size_t k = 0; k < i; k++)
			if (span_starts(span_str(o->limits[k]),
				span_cut(text, 0, equals + 1)))
				return job_fail(j, ERR_MALFORMED,
				    "--limit %s: is given twice", o->limits[i]);
		json_member_string(
		    &w, span_dup(j->arena, name), span_from(text, equals + 1));
	}
	json_object_end(&w);
	*out = b.p;
	return 0;
}

static int
read_wishes(struct job *j, const struct options *o, struct eab_key *k)
{
	if (o->comment != NULL &&
	    command_text(j, "comment", o->comment, COMMENT_MAX) < 0)
		return -1;
	k->comment = o->comment;
	k->is_reusable = o->reusable;
	if (parse_expires(j, o->expires, &k->expires_at) < 0 ||
	    parse_list(j, o->allow, check_allow, &k->allow) < 0 ||
	    parse_list(j, o->profile, check_profile, &k->profiles) < 0)
		return -1;
	return parse_limits(j, o, &k->limits);
}

static void
print_new(struct job *j, const struct eab_key *k, struct span secret, bool json)
{
	char *text = arena_alloc_secret(j->arena, B64URL_LEN(secret.n) + 1);

	b64url_format(text, secret);
	if (json) {
		printf("{\"kid\":\"%s\",\"hmac_key\":\"%s\"}\n", k->kid, text);
		return;
	}
	printf("kid:      %s\n"
	       "HMAC key: %s\n"
	       "The key is shown this once; whoever has both can open "
	       "%s.\n",
	    k->kid, text,
	    k->is_reusable ? "any number of accounts" : "one account");
	/* AC-162: who names none asks for the default one. */
	if (!profile_is_permitted(j->conf, k->profiles, j->conf->profile))
		printf("Each order must name a profile: the default, %s, is "
		       "not in --profile.\n",
		    j->conf->profile);
}

static int
audit(struct job *j, const char *event, const char *kid)
{
	return store_audit_add(j, command_operator(j), event,
	    arena_printf(j->arena, "eab:%s", kid), "ok", NULL);
}

/* Nobody has seen its secret. */
static int
take_back(struct job *j, const char *kid)
{
	if (store_begin(j) < 0 || store_eab_withdraw(j, kid) < 0 ||
	    audit(j, "EAB key withdrawn", kid) < 0 || store_commit(j) < 0)
		return job_context(
		    j, "%s: could not be shown, and not be withdrawn", kid);
	return job_fail(j, ERR_INTERNAL,
	    "%s: could not be shown, and is withdrawn again", kid);
}

static int
eab_new(struct job *j, const struct options *o, const char *unused)
{
	const char *path = j->conf->web.eab_key_file;
	const struct aead_key *key;
	struct eab_key k = { .kid = NULL };
	struct span secret;
	char id[RND_ID_LEN + 1];

	(void)unused;
	if (path == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "web.eab_key_file is not set: set it to a file of mode "
		    "0600 with 64 hexadecimal characters (openssl rand -hex "
		    "32) and restart countersignd");
	do {
		rnd_id(id);
	} while (id[0] == '-'); /* it is written in command lines */
	k.kid = id;
	if (read_wishes(j, o, &k) < 0 ||
	    aead_key_load(j, j->arena, path, &key) < 0)
		return -1;
	eab_secret_make(j, key, k.kid, &secret, &k.secret);
	if (store_begin(j) < 0 || store_eab_create(j, &k) < 0 ||
	    audit(j, "EAB key created", k.kid) < 0 || store_commit(j) < 0)
		return -1;
	print_new(j, &k, secret, o->json);
	return command_is_printed() ? 0 : take_back(j, k.kid);
}

/* --- list, show, revoke --------------------------------------------------- */

static const char *
state_of(const struct eab_key *k, int64_t now)
{
	if (k->withdrawn_at != 0)
		return "withdrawn";
	if (k->expires_at != 0 && k->expires_at <= now)
		return "expired";
	if (k->bound_at != 0 && !k->is_reusable)
		return "bound";
	return "usable";
}

static const char *
time_of(struct job *j, int64_t at)
{
	char text[CLOCK_RFC3339_MAX];

	if (at == 0)
		return "-";
	clock_format_rfc3339(at, text);
	return arena_strdup(j->arena, text);
}

static void
put_raw(struct json_out *w, const char *name, const char *json)
{
	if (json == NULL)
		return;
	json_key(w, name);
	json_put_raw(w, span_str(json));
}

static void
put_time(struct json_out *w, const char *name, int64_t at)
{
	if (at != 0)
		json_member_time(w, name, at);
}

static void
print_json(struct job *j, const struct eab_key *k, const char *const *accounts,
    size_t count)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, 4 * LIST_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "kid", k->kid);
	json_member_str(&w, "state", state_of(k, j->now));
	if (k->comment != NULL)
		json_member_str(&w, "comment", k->comment);
	json_member_time(&w, "created", k->created_at);
	put_time(&w, "expires", k->expires_at);
	put_time(&w, "withdrawn", k->withdrawn_at);
	put_time(&w, "bound", k->bound_at);
	json_member_bool(&w, "reusable", k->is_reusable);
	put_raw(&w, "allow", k->allow);
	put_raw(&w, "profiles", k->profiles);
	put_raw(&w, "limits", k->limits);
	if (accounts != NULL) {
		json_key(&w, "accounts");
		json_array_begin(&w);
		for (size_t i = 0; i < count; i++)
			json_put_string(&w, span_str(accounts[i]));
		json_array_end(&w);
	}
	json_object_end(&w);
	puts(b.p);
}

static int
eab_list(struct job *j, const struct options *o, const char *unused)
{
	struct eab_key *keys;
	size_t count;

	(void)unused;
	if (store_eab_list(j, KEYS_MAX, &keys, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct eab_key *k = &keys[i];

		if (o->json)
			print_json(j, k, NULL, 0);
		else
			printf("%s  %s  %-9s  %s\n", k->kid,
			    time_of(j, k->created_at), state_of(k, j->now),
			    k->comment != NULL ? k->comment : "");
	}
	command_tell_cut(count, KEYS_MAX);
	if (count == 0 && !o->json)
		puts("there are no keys; countersign eab new makes one");
	return 0;
}

static int
find_key(struct job *j, const char *kid, struct eab_key *k)
{
	int found = store_eab_by_kid(j, kid, k);

	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: there is no such key; countersign eab list lists them",
		    kid);
	return found < 0 ? -1 : 0;
}

static int
eab_show(struct job *j, const struct options *o, const char *kid)
{
	struct eab_key k;
	const char **accounts;
	size_t count;

	if (find_key(j, kid, &k) < 0 ||
	    store_eab_accounts(j, kid, ACCOUNTS_MAX, &accounts, &count) < 0)
		return -1;
	if (o->json) {
		print_json(j, &k, accounts, count);
		return 0;
	}
	printf("kid:       %s\nstate:     %s\ncomment:   %s\ncreated:   %s\n"
	       "expires:   %s\nwithdrawn: %s\nused:      %s%s\n"
	       "allow:     %s\nprofiles:  %s\nlimits:    %s\n",
	    k.kid, state_of(&k, j->now), k.comment != NULL ? k.comment : "-",
	    time_of(j, k.created_at), time_of(j, k.expires_at),
	    time_of(j, k.withdrawn_at), time_of(j, k.bound_at),
	    k.is_reusable ? " (reusable)" : "",
	    k.allow != NULL ? k.allow : "all that the server allows",
	    k.profiles != NULL ? k.profiles : "all that are offered",
	    k.limits != NULL ? k.limits : "the server's");
	for (size_t i = 0; i < count; i++)
		printf("account:   %s\n", accounts[i]);
	return 0;
}

static int
eab_revoke(struct job *j, const struct options *o, const char *kid)
{
	struct eab_key k;
	const char **accounts;
	size_t count;

	(void)o;
	if (store_begin(j) < 0 || find_key(j, kid, &k) < 0)
		return -1;
	if (k.withdrawn_at != 0)
		return job_fail(j, ERR_CONFLICT,
		    "%s: was withdrawn at %s; nothing was changed", kid,
		    time_of(j, k.withdrawn_at));
	if (store_eab_accounts(j, kid, ACCOUNTS_MAX, &accounts, &count) < 0 ||
	    store_eab_withdraw(j, kid) < 0 ||
	    audit(j, "EAB key withdrawn", kid) < 0 || store_commit(j) < 0)
		return -1;
	printf("%s: withdrawn; no account can be opened with it.\n", kid);
	if (count > 0)
		printf("%zu account%s opened with it stay%s; countersign "
		       "account ID --revoke ends one.\n",
		    count, count > 1 ? "s" : "", count > 1 ? "" : "s");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct job *j, const struct options *o, const char *kid);
	bool has_kid, is_new;
	enum act act;
} actions[] = {
	{ "new", eab_new, false, true, ACT_EAB_NEW },
	{ "list", eab_list, false, false, ACT_EAB_SHOW },
	{ "show", eab_show, true, false, ACT_EAB_SHOW },
	{ "revoke", eab_revoke, true, false, ACT_EAB_REVOKE },
};

#define ACTION_COUNT COUNT(actions)

static bool
has_wishes(const struct options *o)
{
	return o->comment != NULL || o->expires != NULL || o->allow != NULL ||
	       o->profile != NULL || o->has_limits || o->reusable;
}

static int
run(size_t action, const struct options *o, const char *kid)
{
	struct command c;

	if (command_open(&c, o->config, actions[action].act) < 0)
		return EXIT_FAILURE;
	return command_end(&c, actions[action].run(&c.job, o, kid));
}

int
cmd_eab(int argc, char **argv)
{
	struct options o;

	if (parse(argc, argv, &o) < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; optind < argc && i < ACTION_COUNT; i++) {
		if (strcmp(argv[optind], actions[i].name) != 0)
			continue;
		if (command_counts(argc, argv, usage, 1 + actions[i].has_kid) <
		    0)
			return EXIT_FAILURE;
		if (has_wishes(&o) && !actions[i].is_new)
			break;
		return run(i, &o, argv[optind + 1]);
	}
	command_misused(usage, has_wishes(&o)
				   ? "options other than --json are for eab new"
				   : "give new, list, show or revoke");
	return EXIT_FAILURE;
}
