#include "config.h"

#include "src/account_text.h"

#include "acme/contact.h"
#include "acme/jwk.h"
#include "acme/status.h"
#include "db/store_account.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/keycheck.h"

#include <stdio.h>
#include <string.h>

#define ORDERS_PAGE 100
#define ORDERS_MAX 1000
#define FORMER_MAX 1000
#define TEXT_MAX (1024 * 1024)

static const char *
status_of(const struct account *a)
{
	return account_status_name(account_status(a));
}

/* --- one of a list -------------------------------------------------------- */

static void
put_account(struct json_out *w, const struct account *a)
{
	json_member_str(w, "account", a->id);
	json_member_str(w, "status", status_of(a));
	json_member_time(w, "created", a->created_at);
	json_key(w, "contact");
	json_put_raw(w, span_str(a->contact));
	json_member_str(w, "thumbprint", a->thumbprint);
	if (a->client_address != NULL)
		json_member_str(w, "client_address", a->client_address);
	if (a->tos_agreed_at != 0)
		json_member_time(w, "terms_agreed", a->tos_agreed_at);
	if (a->tos_url != NULL)
		json_member_str(w, "terms", a->tos_url);
	if (a->tos_sha256 != NULL)
		json_member_str(w, "terms_sha256", a->tos_sha256);
	if (a->deactivated_at != 0)
		json_member_time(w, "deactivated", a->deactivated_at);
	if (a->revoked_at != 0)
		json_member_time(w, "revoked", a->revoked_at);
	if (a->eab_kid != NULL)
		json_member_str(w, "eab", a->eab_kid);
}

/* For people, who read no JSON. */
static const char *
contacts_text(struct job *j, const struct account *a)
{
	const struct json *list;
	const char *text = "none";

	if (json_parse_list(
		j, span_str(a->contact), "contact", CONTACTS_MAX, &list) < 0) {
		job_recover(j);
		return a->contact;
	}
	for (size_t i = 0; i < json_count(list); i++)
		text = arena_printf(j->arena, "%s%s%s", i > 0 ? text : "",
		    i > 0 ? ", " : "",
		    span_dup(j->arena, json_string(json_at(list, i))));
	return text;
}

void
account_print_line(struct job *j, const struct account *a, bool json)
{
	struct json_out w;
	struct buf b;

	if (!json) {
		printf("%s  %s  %-11s  %s%s%s\n", a->id,
		    clock_rfc3339(j->arena, a->created_at), status_of(a),
		    contacts_text(j, a), a->eab_kid != NULL ? "  eab " : "",
		    a->eab_kid != NULL ? a->eab_kid : "");
		return;
	}
	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	put_account(&w, a);
	json_object_end(&w);
	puts(b.p);
}

/* --- all of it ------------------------------------------------------------ */

typedef void order_fn(void *ctx, struct job *j, const struct order *o);

static int
each_order(struct job *j, const char *id, order_fn *fn, void *ctx)
{
	int64_t at = INT64_MAX;
	const char *last = "";
	size_t count = ORDERS_PAGE;

	for (size_t n = 0; n < ORDERS_MAX && count == ORDERS_PAGE;
	     n += ORDERS_PAGE) {
		struct order *orders;

		if (store_order_page(
			j, id, at, last, ORDERS_PAGE, &orders, &count) < 0)
			return -1;
		for (size_t i = 0; i < count; i++) {
			fn(ctx, j, &orders[i]);
			at = orders[i].created_at;
			last = orders[i].id;
		}
	}
	return 0;
}

static void
print_order(void *ctx, struct job *j, const struct order *o)
{
	(void)ctx;
	printf("order:    %s  %s  %s  %s%s\n", o->id,
	    clock_rfc3339(j->arena, o->created_at),
	    order_status_name(order_status(o, j->now)),
	    o->identifiers[0].authz.mailbox,
	    o->identifier_count > 1 ? " …" : "");
}

static void
put_order(void *ctx, struct job *j, const struct order *o)
{
	struct json_out *w = ctx;

	json_object_begin(w);
	json_member_str(w, "order", o->id);
	json_member_str(
	    w, "status", order_status_name(order_status(o, j->now)));
	json_member_time(w, "created", o->created_at);
	json_object_end(w);
}

static int
show_json(struct job *j, const struct account *a, bool orders,
    const struct former_key *former, size_t count)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	put_account(&w, a);
	json_key(&w, "former_keys");
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++) {
		json_object_begin(&w);
		json_member_str(&w, "thumbprint", former[i].thumbprint);
		json_member_time(&w, "replaced", former[i].retired_at);
		json_object_end(&w);
	}
	json_array_end(&w);
	if (orders) {
		json_key(&w, "orders");
		json_array_begin(&w);
		if (each_order(j, a->id, put_order, &w) < 0)
			return -1;
		json_array_end(&w);
	}
	json_object_end(&w);
	puts(b.p);
	return 0;
}

static const char *
key_name(struct job *j, const struct account *a)
{
	const struct jwk *key;

	if (jwk_load(j, span_str(a->jwk), &key) == 0)
		return key_type_name(jwk_type(key));
	job_recover(j);
	return "UNREADABLE";
}

static void
print_terms(struct job *j, const struct account *a)
{
	const char *terms = j->conf->tos_url;
	const char *sha256 = j->conf->tos_sha256;

	if (a->tos_url == NULL)
		puts("terms:    not agreed to any");
	else
		printf("terms:    agreed to %s at %s\n", a->tos_url,
		    clock_rfc3339(j->arena, a->tos_agreed_at));
	if (a->tos_sha256 != NULL)
		printf("          SHA-256 %s\n", a->tos_sha256);
	if (terms != NULL &&
	    (a->tos_url == NULL || strcmp(a->tos_url, terms) != 0 ||
		(sha256 != NULL && (a->tos_sha256 == NULL ||
				       strcmp(a->tos_sha256, sha256) != 0))))
		printf("          but not to %s as it is now%s\n", terms,
		    j->conf->tos_binding
			? ": its requests are refused; --agree-terms ends that"
			: "");
}

int
account_show(struct job *j, const struct account *a, bool json, bool orders)
{
	struct former_key *former;
	size_t count;

	if (store_account_former_keys(j, a->id, FORMER_MAX, &former, &count) <
	    0)
		return -1;
	if (json)
		return show_json(j, a, orders, former, count);
	printf("account:  %s/acme/acct/%s\nstatus:   %s%s%s\n"
	       "created:  %s from %s\ncontact:  %s\nkey:      %s %s\n",
	    j->conf->base_url, a->id, status_of(a),
	    a->revoked_at + a->deactivated_at != 0 ? " since " : "",
	    a->revoked_at != 0 ? clock_rfc3339(j->arena, a->revoked_at)
	    : a->deactivated_at != 0
		? clock_rfc3339(j->arena, a->deactivated_at)
		: "",
	    clock_rfc3339(j->arena, a->created_at),
	    a->client_address != NULL ? a->client_address
				      : "an unknown address",
	    contacts_text(j, a), key_name(j, a), a->thumbprint);
	for (size_t i = count; i > 0; i--)
		printf("before:   %s until %s\n", former[i - 1].thumbprint,
		    clock_rfc3339(j->arena, former[i - 1].retired_at));
	print_terms(j, a);
	if (a->eab_kid != NULL)
		printf("eab:      %s (countersign eab show %s)\n", a->eab_kid,
		    a->eab_kid);
	return orders ? each_order(j, a->id, print_order, NULL) : 0;
}
