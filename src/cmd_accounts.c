#include "config.h"

#include "acme/contact.h"
#include "acme/request.h"
#include "acme/status.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_purge.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/json.h"
#include "src/account_text.h"
#include "src/command.h"
#include "src/purge.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNTS_MAX 1000
#define TEXT_MAX (1024 * 1024)
#define NO_CONTACT "none"

enum action {
	ACTION_NONE,
	ACTION_DEACTIVATE,
	ACTION_REVOKE,
	ACTION_AGREE,
	ACTION_CONTACT,
	ACTION_ERASE
};
#define ACTIONS (ACTION_ERASE + 1)

struct options {
	const char *config;
	const char *status;
	bool is_asked[ACTIONS];
	bool json, orders;
	const char *contacts[COMMAND_TEXTS_MAX + 1];
};

static const char accounts_usage[] =
    "usage: countersign accounts [--status STATUS] [--json] [-f FILE]\n"
    "\n"
    "Lists accounts, newest first (at most 1000).\n"
    "\n"
    "  --status STATUS    only those that are valid, deactivated or revoked\n"
    "  --json             one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static const char account_usage[] =
    "usage: countersign account [--json] [--orders] [-f FILE] ID\n"
    "       countersign account --deactivate|--revoke|--erase|--agree-terms\n"
    "           [-f FILE] ID\n"
    "       countersign account --contact MAILBOX|none ... [-f FILE] ID\n"
    "\n"
    "Shows one account, by its id or its URL.\n"
    "\n"
    "  --orders           also its orders that have not failed (at most "
    "1000)\n"
    "  --deactivate       end it, as its holder could\n"
    "  --revoke           end it because it must not be used\n"
    "  --erase            end it, and erase what need not be kept of its "
    "holder\n"
    "  --agree-terms      note that its holder has agreed to tos_url\n"
    "  --contact MAILBOX  its contact from now on, in place of those that it\n"
    "                     has, several times for several, or none: whoever is\n"
    "                     behind it must prove each mailbox anew\n"
    "  --json             as one JSON object\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG ")\n"
    "\n"
    "What has ended stays ended: waiting mails are dropped, unfinished orders\n"
    "become invalid, certificates stay valid, the key opens no new account.\n";

static unsigned
count_asked(const struct options *o)
{
	unsigned count = 0;

	for (int a = ACTION_NONE; a < ACTIONS; a++)
		count += o->is_asked[a];
	return count;
}

static int
check_list(const struct options *o)
{
	if (count_asked(o) > 0 || o->orders)
		return command_misused(accounts_usage,
		    "%s is for one account: countersign account ID",
		    o->orders ? "--orders" : "what changes something");
	return 0;
}

static int
check_one(const struct options *o)
{
	unsigned count = count_asked(o);

	if (o->status != NULL)
		return command_misused(
		    account_usage, "--status is for countersign accounts");
	if (count > 1)
		return command_misused(account_usage,
		    "give one of --deactivate, --revoke, --agree-terms, "
		    "--erase and --contact");
	if (count == 1 && (o->json || o->orders))
		return command_misused(account_usage,
		    "--%s is for showing an account, not for changing it",
		    o->json ? "json" : "orders");
	if (o->contacts[CONTACTS_MAX] != NULL)
		return command_misused(account_usage,
		    "--contact: at most %d contacts are kept", CONTACTS_MAX);
	return 0;
}

/* Both commands know the options of the other, to say whose they are. */
static int
parse(
    int argc, char **argv, struct options *o, const char *usage, int arguments)
{
	const struct command_option options[] = {
		{ "status", NULL, &o->status },
		{ "json", &o->json, NULL },
		{ "orders", &o->orders, NULL },
		{ "deactivate", &o->is_asked[ACTION_DEACTIVATE], NULL },
		{ "revoke", &o->is_asked[ACTION_REVOKE], NULL },
		{ "agree-terms", &o->is_asked[ACTION_AGREE], NULL },
		{ "erase", &o->is_asked[ACTION_ERASE], NULL },
		{ "contact", &o->is_asked[ACTION_CONTACT], o->contacts },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	return command_parse(argc, argv, usage, options, &o->config, arguments);
}

static enum action
action_of(const struct options *o)
{
	enum action a = ACTION_ERASE;

	while (a > ACTION_NONE && !o->is_asked[a])
		a--;
	return a;
}

/* --- the list ------------------------------------------------------------- */

static int
filter_of(struct job *j, const char *status, enum account_filter *out)
{
	static const struct {
		const char *name;
		enum account_filter filter;
	} all[] = {
		{ "valid", ACCOUNTS_VALID },
		{ "deactivated", ACCOUNTS_DEACTIVATED },
		{ "revoked", ACCOUNTS_REVOKED },
	};

	*out = ACCOUNTS_ALL;
	if (status == NULL)
		return 0;
	for (size_t i = 0; i < COUNT(all); i++)
		if (strcmp(all[i].name, status) == 0) {
			*out = all[i].filter;
			return 0;
		}
	return job_fail(j, ERR_MALFORMED,
	    "--status %s: write valid, deactivated or revoked", status);
}

static int
list(struct job *j, const struct options *o)
{
	enum account_filter which;
	struct account *accounts;
	size_t count;

	if (filter_of(j, o->status, &which) < 0 ||
	    store_account_list(j, which, ACCOUNTS_MAX, &accounts, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		account_print_line(j, &accounts[i], o->json);
	command_tell_cut(count, ACCOUNTS_MAX);
	if (count == 0 && !o->json)
		puts("there are no such accounts");
	return 0;
}

int
cmd_accounts(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, &o, accounts_usage, 0) < 0 ||
	    check_list(&o) < 0 || command_open(&c, o.config, ACT_ACCOUNTS) < 0)
		return EXIT_FAILURE;
	return command_end(&c, list(&c.job, &o));
}

/* --- one of them ---------------------------------------------------------- */

/* What stands in a log or in a client's files is the URL. */
static const char *
id_of(struct job *j, const char *text)
{
	const char *prefix =
	    arena_printf(j->arena, "%s/acme/acct/", j->conf->base_url);

	return strncmp(text, prefix, strlen(prefix)) == 0
		   ? text + strlen(prefix)
		   : text;
}

static int
find(struct job *j, const char *text, struct account *a)
{
	int found = store_account_by_id(j, id_of(j, text), a);

	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: there is no such account; countersign accounts lists "
		    "them",
		    text);
	return found < 0 ? -1 : 0;
}

/* --- what can be done to it ----------------------------------------------- */

static int
audit(struct job *j, const struct account *a, const char *event)
{
	return store_audit_add(j, command_operator(j), event,
	    arena_printf(j->arena, "account:%s", a->id), "ok", NULL);
}

static const char *
plural(int64_t count)
{
	return count == 1 ? "" : "s";
}

static int
check_live(struct job *j, const struct account *a, enum action action)
{
	enum account_status s = account_status(a);

	if (s == ACCOUNT_VALID ||
	    (s == ACCOUNT_DEACTIVATED && action == ACTION_REVOKE))
		return 0;
	return job_fail(j, ERR_CONFLICT,
	    "%s: is %s since %s; nothing was changed", a->id,
	    account_status_name(s),
	    clock_rfc3339(j->arena,
		s == ACCOUNT_REVOKED ? a->revoked_at : a->deactivated_at));
}

static int
end(struct job *j, const struct account *a, bool revoke)
{
	int64_t ended;
	int result = revoke ? store_account_revoke(j, a->id, &ended)
			    : store_account_deactivate(j, a->id, &ended);

	if (result < 0 ||
	    audit(j, a, revoke ? "account revoked" : "account deactivated") <
		0 ||
	    store_commit(j) < 0)
		return -1;
	printf("%s: %s; %" PRId64 " authorization%s ended with it.  Its "
	       "certificates stay valid.\n",
	    a->id, revoke ? "revoked" : "deactivated", ended, plural(ended));
	return 0;
}

/* As a client's payload is: what is refused there is refused here. */
static int
contacts_of(struct job *j, const struct options *o, const char **out)
{
	struct response resp = { .status = 0 };
	const struct json *payload;
	struct json_out w;
	struct buf b;
	bool none =
	    o->contacts[1] == NULL && strcmp(o->contacts[0], NO_CONTACT) == 0;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_key(&w, "contact");
	json_array_begin(&w);
	for (size_t i = 0; o->contacts[i] != NULL && !none; i++)
		json_put_string(&w, span_str(arena_printf(j->arena, "mailto:%s",
					o->contacts[i])));
	json_array_end(&w);
	json_object_end(&w);
	if (!buf_ok(&b) ||
	    json_parse_object(j, buf_span(&b), "--contact", &payload) < 0 ||
	    contact_parse(j, payload, &resp, out) < 0) {
		const char *why = arena_strdup(j->arena, j->err.text);

		job_recover(j);
		return job_fail(j, ERR_MALFORMED,
		    "--contact: give a mailbox, such as alice@example.org, or "
		    "none: %s",
		    why);
	}
	return 0;
}

/* PK-14.  The record tells no mailbox: it cannot be erased (PK-23). */
static int
hand_over(struct job *j, const struct account *a, const struct options *o)
{
	const char *contact = NULL;
	int64_t ended;

	if (contacts_of(j, o, &contact) < 0 ||
	    store_account_hand_over(j, a->id, contact, &ended) < 0 ||
	    store_audit_add(j, command_operator(j), "account contact changed",
		arena_printf(j->arena, "account:%s", a->id), "ok",
		arena_printf(
		    j->arena, "{\"authorizations\":%" PRId64 "}", ended)) < 0 ||
	    store_commit(j) < 0)
		return -1;
	printf("%s: its contact is %s; %" PRId64
	       " authorization%s revoked.  Its certificates stay valid.\n",
	    a->id, contact, ended, plural(ended));
	return 0;
}

static int
agree(struct job *j, const struct account *a)
{
	const char *terms = j->conf->tos_url;

	if (terms == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "there are no terms to agree to: tos_url is not set");
	if (store_account_agree(j, a->id, terms, j->conf->tos_sha256) < 0 ||
	    audit(j, a, "terms agreed") < 0 || store_commit(j) < 0)
		return -1;
	printf("%s: has agreed to %s\n", a->id, terms);
	return 0;
}

/* PK-23: what PK-22 keeps stays as it is. */
static int
erase(struct job *j, const struct account *a)
{
	struct purge_rules rules = purge_rules_of(j);
	int64_t ended, purged;

	if (account_status(a) == ACCOUNT_VALID &&
	    (store_account_deactivate(j, a->id, &ended) < 0 ||
		audit(j, a, "account deactivated") < 0))
		return -1;
	if (store_account_erase(j, a->id) < 0 ||
	    store_purge_account(j, a->id, &rules, &purged) < 0 ||
	    audit(j, a, "account erased") < 0 || store_commit(j) < 0)
		return -1;
	printf("%s: contacts erased, and %" PRId64
	       " orders and authorizations.  What its certificates rest on is "
	       "kept as policy.retention says.\n",
	    a->id, purged);
	return 0;
}

static int
act(struct job *j, const struct options *o, const char *text)
{
	enum action action = action_of(o);
	struct account a;

	if (action != ACTION_NONE && store_begin(j) < 0)
		return -1;
	if (find(j, text, &a) < 0)
		return -1;
	if (action == ACTION_NONE)
		return account_show(j, &a, o->json, o->orders);
	if (action == ACTION_ERASE)
		return erase(j, &a);
	if (check_live(j, &a, action) < 0)
		return -1;
	if (action == ACTION_CONTACT)
		return hand_over(j, &a, o);
	return action == ACTION_AGREE ? agree(j, &a)
				      : end(j, &a, action == ACTION_REVOKE);
}

static enum act
act_of(enum action action)
{
	switch (action) {
	case ACTION_NONE:
		return ACT_ACCOUNT_SHOW;
	case ACTION_AGREE:
		return ACT_ACCOUNT_AGREE;
	case ACTION_CONTACT:
		return ACT_ACCOUNT_CONTACT;
	case ACTION_ERASE:
		return ACT_ACCOUNT_ERASE;
	case ACTION_DEACTIVATE:
	case ACTION_REVOKE:
		break;
	}
	return ACT_ACCOUNT_END;
}

int
cmd_account(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, &o, account_usage, 1) < 0 || check_one(&o) < 0 ||
	    command_open(&c, o.config, act_of(action_of(&o))) < 0)
		return EXIT_FAILURE;
	return command_end(&c, act(&c.job, &o, argv[optind]));
}
