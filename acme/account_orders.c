#include "config.h"

#include "acme/account_orders.h"

#include <string.h>

#include "acme/account.h"
#include "acme/acme.h"
#include "acme/response.h"
#include "acme/status.h"
#include "db/store_order.h"
#include "db/store_secret.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"

#define PAGE_MAX 100
/* What has ended without a mark in its row is read to be left out: a page may
 * be short, or empty, rather than cost more than this. */
#define READ_MAX 500

/* --- the cursor ----------------------------------------------------------- */

/*
 * The last order of the page before, and a MAC over it and the account.  The
 * key stands in the database, so that every process and the next one after a
 * restart take what one of them gave out.
 */
#define AT_LEN 8
#define ID_LEN 16
#define MAC_LEN 16
#define CURSOR_LEN (AT_LEN + ID_LEN + MAC_LEN)

struct position {
	int64_t at;
	const char *id;
};

static int
make_mac(struct job *j, const char *account_id, struct span position,
    uint8_t out[SHA256_LEN])
{
	struct span key;
	struct buf b;

	if (store_secret(j, SECRET_CURSOR, &key) < 0)
		return -1;
	buf_init(&b, j->arena, 256);
	buf_add_str(&b, "orders ");
	buf_add_str(&b, account_id);
	buf_add_char(&b, ' ');
	buf_add(&b, position);
	hmac_sha256(key, buf_span(&b), out);
	return 0;
}

static int
cursor_format(struct job *j, const char *account_id, const struct order *last,
    const char **out)
{
	char *text = arena_alloc(j->arena, B64URL_LEN(CURSOR_LEN) + 1);
	unsigned char octets[CURSOR_LEN];
	uint8_t mac[SHA256_LEN];

	for (int i = 0; i < AT_LEN; i++)
		octets[i] = (unsigned char)((uint64_t)last->created_at >>
					    (8 * (AT_LEN - 1 - i)));
	if (b64url_parse_fixed(span_str(last->id), octets + AT_LEN, ID_LEN) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "order %s: not an id", last->id);
	if (make_mac(j, account_id, span_mem(octets, AT_LEN + ID_LEN), mac) < 0)
		return -1;
	memcpy(octets + AT_LEN + ID_LEN, mac, MAC_LEN);
	b64url_format(text, span_mem(octets, sizeof(octets)));
	*out = text;
	return 0;
}

static int
cursor_parse(struct job *j, const char *account_id, struct span text,
    struct position *out)
{
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	unsigned char octets[CURSOR_LEN];
	uint8_t mac[SHA256_LEN];
	uint64_t at = 0;

	if (b64url_parse_fixed(text, octets, sizeof(octets)) < 0)
		return job_fail(j, ERR_MALFORMED, "unknown cursor");
	if (make_mac(j, account_id, span_mem(octets, AT_LEN + ID_LEN), mac) < 0)
		return -1;
	if (!ct_equal(span_mem(mac, MAC_LEN),
		span_mem(octets + AT_LEN + ID_LEN, MAC_LEN)))
		return job_fail(j, ERR_MALFORMED, "unknown cursor");
	for (int i = 0; i < AT_LEN; i++)
		at = at << 8 | octets[i];
	b64url_format(id, span_mem(octets + AT_LEN, ID_LEN));
	*out = (struct position){ .at = (int64_t)at, .id = id };
	return 0;
}

/* --- the page ------------------------------------------------------------- */

/* Not those that are invalid, nor those whose certificate has expired. */
static bool
is_listed(const struct order *o, int64_t now)
{
	switch (order_status(o, now)) {
	case ORDER_PENDING:
	case ORDER_READY:
	case ORDER_PROCESSING:
		return true;
	case ORDER_VALID:
		return o->cert_not_after > now;
	case ORDER_INVALID:
		break;
	}
	return false;
}

struct page {
	const char *ids[PAGE_MAX];
	size_t count;
	const struct order *last; /* read; NULL: none */
	bool more;
};

/* Adds what is listed; stops at the order that finds no room. */
static void
add_orders(struct page *p, const struct order *list, size_t count, int64_t now)
{
	for (size_t i = 0; i < count; i++) {
		if (is_listed(&list[i], now)) {
			p->more = p->count == PAGE_MAX;
			if (p->more)
				return;
			p->ids[p->count++] = list[i].id;
		}
		p->last = &list[i];
	}
}

static int
read_page(
    struct job *j, const char *account_id, struct position from, struct page *p)
{
	*p = (struct page){ .count = 0 };
	for (size_t n = 0; n < READ_MAX && !p->more; n += PAGE_MAX + 1) {
		struct order *list;
		size_t count;

		if (p->last != NULL)
			from = (struct position){ p->last->created_at,
				p->last->id };
		if (store_order_page(j, account_id, from.at, from.id,
			PAGE_MAX + 1, &list, &count) < 0)
			return -1;
		add_orders(p, list, count, j->now);
		if (count <= PAGE_MAX)
			return 0;
	}
	p->more = true;
	return 0;
}

int
account_orders(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	const char *id = req->account->id, *cursor;
	struct position from = { INT64_MAX, "" };
	struct json_out o;
	struct page page;

	if (account_check_own(j, req) < 0)
		return -1;
	if (req->cursor.p != NULL &&
	    cursor_parse(j, id, req->cursor, &from) < 0)
		return -1;
	if (read_page(j, id, from, &page) < 0)
		return -1;
	if (page.more) {
		if (cursor_format(j, id, page.last, &cursor) < 0)
			return -1;
		response_link(resp, j,
		    arena_printf(j->arena, "%s" PATH_ORDERS "?cursor=%s",
			acme_url(a, j, PATH_ACCOUNT, id), cursor),
		    "next");
	}
	response_object(resp, 200, &o);
	json_key(&o, "orders");
	json_array_begin(&o);
	for (size_t i = 0; i < page.count; i++)
		json_put_string(
		    &o, span_str(acme_url(a, j, PATH_ORDER, page.ids[i])));
	json_array_end(&o);
	json_object_end(&o);
	return 0;
}
