#include "config.h"

#include "acme/replaces.h"

#include <string.h>

#include "acme/certid.h"
#include "acme/identifier.h"
#include "acme/renewal.h"
#include "acme/status.h"
#include "db/store_incident.h"
#include "lib/addr.h"
#include "lib/job.h"
#include "lib/json.h"

static int
find(struct job *j, struct span text, struct cert *out)
{
	struct certid id;
	int found;

	if (certid_parse(text, &id) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "replaces is not a certificate identifier");
	found = store_cert_by_serial(j, id.ca_label, id.serial, out);
	if (found == 0)
		return job_fail_status(j, ERR_MALFORMED, 404,
		    "replaces names no certificate of this server");
	return found < 0 ? -1 : 0;
}

static bool
has_mailbox(const struct order *o, const char *mailbox)
{
	for (size_t i = 0; i < o->identifier_count; i++)
		if (strcmp(o->identifiers[i].authz.mailbox, mailbox) == 0)
			return true;
	return false;
}

/* The certificate holds its order's mailboxes, and nothing else (AC-145). */
static int
check_names(struct job *j, const struct cert *cert,
    const struct identifier *ids, size_t count)
{
	struct order old;
	int found = store_order_by_id(j, cert->order_id, NULL, &old);

	if (found < 0)
		return -1;
	for (size_t i = 0; found > 0 && i < count; i++)
		if (has_mailbox(&old, ids[i].addr.canonical))
			return 0;
	return job_fail(
	    j, ERR_MALFORMED, "replaces shares no identifier with the order");
}

static int
already_replaced(struct job *j)
{
	return job_fail(j, ERR_ALREADY_REPLACED,
	    "the certificate already has a replacement order");
}

/* An order that has become invalid replaces nothing (AC-171). */
static int
check_free(struct job *j, struct replaces *r)
{
	struct order before;
	int found = store_cert_replaced_by(j, r->cert.id, &r->before);

	if (found <= 0)
		return found;
	found = store_order_by_id(j, r->before, NULL, &before);
	if (found < 0)
		return -1;
	if (found > 0 && order_status(&before, j->now) != ORDER_INVALID)
		return already_replaced(j);
	return 0;
}

int
replaces_check(struct job *j, const struct json *payload,
    const char *account_id, const struct identifier *ids, size_t count,
    struct replaces *out)
{
	struct span text;
	int found = json_get_string(j, payload, "replaces", &text);

	*out = (struct replaces){ .text = NULL };
	if (found <= 0)
		return found;
	if (find(j, text, &out->cert) < 0)
		return -1;
	if (strcmp(out->cert.account_id, account_id) != 0)
		return job_fail_status(j, ERR_UNAUTHORIZED, 403,
		    "replaces names a certificate of another account");
	if (check_names(j, &out->cert, ids, count) < 0 ||
	    check_free(j, out) < 0)
		return -1;
	out->text = span_dup(j->arena, text);
	return 0;
}

/* A certificate that its holder revoked is not due by that: each would pay for
 * the next one, and no limit would count them. */
static bool
is_recalled(const struct cert *cert)
{
	if (cert->revoked_at == 0 || cert->revoked_by == NULL)
		return false;
	return span_starts(span_str(cert->revoked_by), SPAN("operator")) ||
	       span_starts(span_str(cert->revoked_by), SPAN("admin:")) ||
	       span_starts(span_str(cert->revoked_by), SPAN("incident:"));
}

int
replaces_is_due(struct job *j, const struct cert *cert, int64_t at)
{
	struct renewal_facts facts = { cert->not_before, cert->not_after,
		is_recalled(cert) ? cert->revoked_at : 0, 0 };
	int64_t deadline;

	if (renewal_window(&facts, at).start <= at)
		return 1;
	return store_incident_deadline(j, cert->id, &deadline);
}

int
replaces_mails_load(
    struct job *j, const char *cert_id, struct replaces_mails *out)
{
	return store_order_replacing_mails(
	    j, cert_id, ORDER_IDENTIFIERS_MAX, &out->own, &out->count);
}

static struct replacing_mails *
own_mailbox(const struct replaces_mails *m, const char *mailbox)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->own[i].mailbox, mailbox) == 0)
			return &m->own[i];
	return NULL;
}

/* Those that share its budget (AC-185) share what is free as well. */
static int64_t
mails_of(struct job *j, const struct replaces_mails *m, const char *mailbox)
{
	const char *counted = addr_counted(j, mailbox);
	int64_t mails = 0;

	for (size_t i = 0; i < m->count; i++)
		if (strcmp(addr_counted(j, m->own[i].mailbox), counted) == 0)
			mails += m->own[i].mails;
	return mails;
}

bool
replaces_mail_take(struct job *j, struct replaces_mails *m, const char *mailbox)
{
	struct replacing_mails *own = own_mailbox(m, mailbox);

	if (own == NULL || mails_of(j, m, mailbox) >= REPLACES_FREE_MAILS)
		return false;
	own->mails++;
	return true;
}

/* One order at a time replaces a certificate: until this one has ended no other
 * is asked for, and its own mails are the last of those that are counted. */
int
replaces_mail_was_free(struct job *j, const char *order_id, const char *mailbox)
{
	struct replaces_mails m;
	const char *cert_id;
	int found = store_order_replaces(j, order_id, &cert_id);

	if (found <= 0)
		return found;
	if (replaces_mails_load(j, cert_id, &m) < 0)
		return -1;
	return own_mailbox(&m, mailbox) != NULL &&
	       mails_of(j, &m, mailbox) <= REPLACES_FREE_MAILS;
}

int
replaces_mark(struct job *j, const struct replaces *r, const char *order_id)
{
	if (store_cert_mark_replaced(j, r->cert.id, r->before, order_id) == 0)
		return 0;
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	job_recover(j);
	return already_replaced(j);
}
