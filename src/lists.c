#include "config.h"

#include "acme/revoke.h"
#include "db/store_audit.h"
#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>
#include <unistd.h>

#define EVERY_SECS ((int64_t)24 * 3600) /* PK-156 */
#define PAUSE_MIN_SECS 5
#define PAUSE_MAX_SECS 300
#define OCTETS_PER_SEC 20000
#define LATE_SECS 600 /* PK-182 */
#define SWEEP_MAX 1000
#define SWEEP_SECS 3600 /* longer than any signature takes */

/* The first revocation after a while is published at once.  Many in a row are
 * collected: the longer the list, the rarer it is made. */
int64_t
issuer_list_pause(size_t octets)
{
	size_t secs = PAUSE_MIN_SECS + octets / OCTETS_PER_SEC;

	return secs < PAUSE_MAX_SECS ? (int64_t)secs : PAUSE_MAX_SECS;
}

/* 0 and *at: when the next list is due; *last is empty if there is none. */
static int
find_due(const struct issuer *i, struct job *j, struct crl *last, int64_t *at)
{
	const char *label = ca_key_label(i->ca);
	int64_t since, after;
	int found = store_crl_latest(j, label, last);

	*at = 0;
	if (found == 0)
		*last = (struct crl){ .number = 0 };
	if (found <= 0)
		return found;
	*at = last->this_update + EVERY_SECS;
	found = store_crl_due(j, label, &since);
	after = last->this_update + issuer_list_pause(last->der.n);
	if (found == 1 && *at > after)
		*at = since > after ? since : after;
	return found < 0 ? -1 : 0;
}

/* PK-160: what expired before the last list was on that list, which was one
 * after its end. */
static int
collect(const struct issuer *i, struct job *j, const struct crl *last,
    struct crl_input *in, struct revoked **rows)
{
	struct crl_entry *entries;

	if (store_cert_revoked(j, ca_key_label(i->ca), last->this_update, rows,
		&in->count) < 0)
		return -1;
	entries = arena_calloc(j->arena, in->count, sizeof(*entries));
	for (size_t k = 0; k < in->count; k++) {
		const struct revoked *r = &(*rows)[k];

		/* Committed after this step began, or by another machine
		 * whose clock is ahead (PK-159). */
		entries[k] = (struct crl_entry){ .serial = r->serial,
			.revoked_at = r->revoked_at < in->this_update
					  ? r->revoked_at
					  : in->this_update,
			.reason = (int)r->reason };
	}
	in->entries = entries;
	return 0;
}

/* The number comes before the contents: a list with a greater number is never
 * the older one. */
static int
reserve(const struct issuer *i, struct job *j, const struct crl *last,
    struct crl_input *in)
{
	int64_t number;
	size_t swept;

	if (store_begin(j) < 0 ||
	    revoke_blocked(
		j, last->this_update - SWEEP_SECS, SWEEP_MAX, &swept) < 0 ||
	    store_crl_reserve(j, ca_key_label(i->ca), in->this_update,
		in->next_update, &number) < 0)
		return worker_undo(j);
	in->number = (uint64_t)number;
	return store_commit(j);
}

static void
alarm_if_late(struct job *j, int64_t since)
{
	if (since + LATE_SECS < j->now)
		log_error("revocation list late",
		    "seconds=%" PRId64
		    " next=\"find out what kept the issuer; the list must be "
		    "out within 10 minutes of a revocation\"",
		    j->now - since);
}

static int
publish(const struct issuer *i, struct job *j, const struct crl *last)
{
	struct crl_input in = { .this_update = j->now,
		.next_update = crl_next_update(j->now) };
	const char *label = ca_key_label(i->ca);
	int64_t number, since = j->now;
	struct revoked *rows;
	struct span der;

	if (reserve(i, j, last, &in) < 0 ||
	    store_crl_due(j, label, &since) < 0 ||
	    collect(i, j, last, &in, &rows) < 0 ||
	    crl_sign(j, i->ca, &in, &der) < 0)
		return -1;
	number = (int64_t)in.number;
	if (store_begin(j) < 0 || store_crl_record(j, label, number, der) < 0 ||
	    store_cert_listed(j, label, number, rows, in.count) < 0 ||
	    store_audit_add(j, "issuer", "revocation list signed",
		arena_printf(j->arena, "ca:%s", label), "ok", NULL) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	alarm_if_late(j, since);
	log_info("revocation list signed", "number=%" PRId64 " entries=%zu",
	    number, in.count);
	return 0;
}

/*
 * crl_file is written from the committed list, whoever signed it: after a
 * crash between the two, after a write that failed, and where another issuer
 * has made a newer one.
 */
static int
write_out(struct issuer *i, struct job *j, const struct crl *last)
{
	const char *file = j->conf->issuer.crl_file;

	if (i->written == last->number && access(file, F_OK) == 0)
		return 0;
	if (file_write(j, file, 0644, last->der) < 0)
		return -1;
	i->written = last->number;
	log_info("revocation list", "number=%" PRId64 " file=%s", last->number,
	    file);
	return 1;
}

int
issuer_list_due(const struct issuer *i, struct job *j, int64_t *at)
{
	struct crl last;

	return find_due(i, j, &last, at);
}

int
issuer_list_step(struct issuer *i, struct job *j)
{
	struct crl last;
	int64_t due;

	if (find_due(i, j, &last, &due) < 0)
		return -1;
	/* A committed list that is not out yet goes first. */
	if (last.number != 0 && i->written != last.number)
		return write_out(i, j, &last);
	if (due <= j->now)
		return publish(i, j, &last) < 0 ? -1 : 1;
	return write_out(i, j, &last);
}
