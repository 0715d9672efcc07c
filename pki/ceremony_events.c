#include "config.h"

#include "pki/ceremony_events.h"

#include <openssl/x509.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ceremony.h"
#include "pki/crl.h"
#include "pki/crl_lint.h"

#define HASH_LEN 64
#define HASH_MARK SPAN(" sha256=")

struct reading {
	struct job *j;
	const struct bundle *b;
	const char *folder; /* "", "root/", "issuing/" */
	bool is_root;
	const char *persons;
	struct ceremony_story *story;
};

static const struct bundle_entry *
find(const struct reading *r, const char *name)
{
	return bundle_find(
	    r->b, arena_printf(r->j->arena, "%s%s", r->folder, name));
}

/* --- whose it is ---------------------------------------------------------- */

static int
label_of(
    const struct reading *r, const struct bundle_entry *e, const char **label)
{
	struct ceremony_cert c;
	struct span id = { NULL, 0 };

	if (ceremony_cert_parse(r->j, e->name, e->data, &c) < 0)
		return -1;
	if (ceremony_is_rehearsal(c.view.subject))
		return job_fail(r->j, ERR_MALFORMED,
		    "%s: a rehearsal, which no service uses (PK-213)", e->name);
	if (certview_subject_key_id(&c.view, &id) != 1)
		return job_fail(r->j, ERR_MALFORMED,
		    "%s: no subjectKeyIdentifier", e->name);
	*label = hex_dup(r->j->arena, id);
	return 0;
}

static int
find_owner(struct reading *r)
{
	const struct bundle_entry *own = find(r, "issuing.pem");

	r->is_root = own == NULL && find(r, "root.crl") != NULL;
	if (r->is_root)
		own = find(r, "root.pem");
	if (own == NULL)
		return job_fail(r->j, ERR_MALFORMED,
		    "bundle: %stranscript: its CA has no certificate yet; make "
		    "the bundle after `countersign ca import`",
		    r->folder);
	return label_of(r, own, &r->story->label);
}

/* --- what a line tells ---------------------------------------------------- */

enum about { ABOUT_OWN, ABOUT_ISSUED };

static const struct {
	const char *begin, *event;
	bool in_root, in_issuing;
	enum about about;
} kinds[] = {
	{ "root key: made", "CA key generated", true, false, ABOUT_OWN },
	{ "issuing key: made", "CA key generated", false, true, ABOUT_OWN },
	{ "root key: backed up", "CA key backed up", true, false, ABOUT_OWN },
	{ "issuing key: backed up", "CA key backed up", false, true,
	    ABOUT_OWN },
	{ "root key: restored", "CA key restored", true, false, ABOUT_OWN },
	{ "issuing key: restored", "CA key restored", false, true, ABOUT_OWN },
	{ "root key: no backup", "CA key not backed up", true, false,
	    ABOUT_OWN },
	{ "issuing key: no backup", "CA key not backed up", false, true,
	    ABOUT_OWN },
	{ "WARNING: root key: no backup", "CA key not backed up", true, false,
	    ABOUT_OWN },
	{ "WARNING: issuing key: no backup", "CA key not backed up", false,
	    true, ABOUT_OWN },
	{ "written: root.pem, ", "CA certificate issued", true, false,
	    ABOUT_OWN },
	{ "written: issued/", "CA certificate issued", true, false,
	    ABOUT_ISSUED },
	{ "written: issuing.pem, ", "CA certificate imported", false, true,
	    ABOUT_OWN },
	{ "written: root.crl, ", "revocation list signed", true, false,
	    ABOUT_OWN },
	{ "written: issuing.crl, ", "revocation list signed", false, true,
	    ABOUT_OWN },
};
#define KIND_COUNT COUNT(kinds)

/* "written: issued/SERIAL.pem, SHA-256 …" */
static int
label_of_issued(const struct reading *r, struct span line, const char **label)
{
	size_t from = sizeof("written: ") - 1;
	struct span name =
	    span_cut(line, from, span_find_span(line, 0, SPAN(", SHA-256 ")));
	const struct bundle_entry *e = find(r, span_dup(r->j->arena, name));

	if (e == NULL)
		return job_fail(r->j, ERR_MALFORMED,
		    "bundle: a certificate that was issued is missing");
	return label_of(r, e, label);
}

static int
take_event(struct reading *r, size_t kind, const char *time, struct span line)
{
	struct ceremony_event *e = &r->story->events[r->story->event_count];

	*e = (struct ceremony_event){ .event = kinds[kind].event,
		.label = r->story->label,
		.text = span_dup(r->j->arena, line),
		.time = time,
		.persons = r->persons,
		.line = r->story->line_count };
	r->story->event_count++;
	return kinds[kind].about == ABOUT_OWN
		   ? 0
		   : label_of_issued(r, line, &e->label);
}

static int
take_line(struct reading *r, struct span whole)
{
	struct arena *a = r->j->arena;
	size_t end = whole.n - HASH_LEN;
	struct span line =
	    span_cut(whole, TRANSCRIPT_TIME_LEN, end - HASH_MARK.n);
	const char *time =
	    span_dup(a, span_cut(whole, 0, TRANSCRIPT_TIME_LEN - 1));

	if (r->story->line_count == 0)
		r->story->began = time;
	r->story->hashes[r->story->line_count++] =
	    span_dup(a, span_from(whole, end));
	if (span_starts(line, SPAN("persons: ")))
		r->persons = span_dup(a, line);
	/* An act without persons begins. */
	if (span_starts(line, SPAN("act: ")))
		r->persons = NULL;
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (span_starts(line, span_str(kinds[i].begin)) &&
		    (r->is_root ? kinds[i].in_root : kinds[i].in_issuing))
			return take_event(r, i, time, line);
	return 0;
}

/* --- a transcript --------------------------------------------------------- */

/* Its signature was verified with the bundle. */
static int
read_list(struct reading *r)
{
	const struct bundle_entry *own = find(r, "issuing.pem");
	const struct bundle_entry *list = find(r, "issuing.crl");
	struct signer s = { .role = CA_ROLE_ISSUING };
	struct ceremony_cert c;
	struct crl_input in;
	const char *problem;

	if (own == NULL || list == NULL)
		return 0;
	if (ceremony_cert_parse(r->j, own->name, own->data, &c) < 0 ||
	    certview_subject_key_id(&c.view, &s.key_id) != 1)
		return -1;
	s.name = c.view.subject;
	s.public_key = X509_get0_pubkey(c.x509);
	s.alg = sig_alg_for(s.public_key, CA_ROLE_ISSUING);
	problem = s.alg == NULL
		      ? "its CA has another kind of key"
		      : crl_parse(r->j, &s, CA_ROLE_ISSUING, list->data, &in);
	if (problem == NULL && in.number != CRL_NUMBER_OF_CEREMONY)
		problem = "it is not number 1";
	if (problem != NULL)
		return job_fail(
		    r->j, ERR_MALFORMED, "%s: %s", list->name, problem);
	r->story->list = (struct ceremony_list){ .der = list->data,
		.number = (int64_t)in.number,
		.this_update = in.this_update,
		.next_update = in.next_update };
	return 0;
}

static int
read_story(struct reading *r, const struct bundle_entry *e)
{
	struct transcript t;

	if (find_owner(r) < 0 || read_list(r) < 0 ||
	    transcript_read(r->j, e->name, e->data, &t) < 0)
		return -1;
	r->story->name = e->name;
	r->story->hashes =
	    arena_calloc(r->j->arena, t.count + 1, sizeof *r->story->hashes);
	r->story->events =
	    arena_calloc(r->j->arena, t.count + 1, sizeof *r->story->events);
	for (size_t at = 0; at < t.text.n;) {
		size_t end = span_find(t.text, at, '\n');

		if (take_line(r, span_cut(t.text, at, end)) < 0)
			return -1;
		at = end + 1;
	}
	return 0;
}

int
ceremony_events(struct job *j, const struct bundle *b,
    struct ceremony_story out[CEREMONY_STORIES_MAX], size_t *count)
{
	static const char *const folders[CEREMONY_STORIES_MAX] = { "", "root/",
		"issuing/" };

	*count = 0;
	for (size_t i = 0; i < CEREMONY_STORIES_MAX; i++) {
		struct reading r = { .j = j,
			.b = b,
			.folder = folders[i],
			.story = &out[*count] };
		const struct bundle_entry *e = find(&r, "transcript");

		if (e == NULL)
			continue;
		out[*count] = (struct ceremony_story){ .name = e->name };
		if (read_story(&r, e) < 0)
			return -1;
		++*count;
	}
	return 0;
}
