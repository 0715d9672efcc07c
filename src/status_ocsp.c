#include "config.h"

#include "src/status_ocsp.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/ocsp_segment.h"
#include "src/status_place.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct mapping {
	void *p;
	size_t n;
};

static void
unmap(struct mapping *m)
{
	if (m->p != NULL)
		(void)munmap(m->p, m->n);
	m->p = NULL;
}

/* Replaced by rename only: what is mapped stays whole. */
static bool
map_file(const char *path, struct mapping *m)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	*m = (struct mapping){ NULL, 0 };
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		m->n = (size_t)st.st_size;
		m->p = mmap(NULL, m->n, PROT_READ, MAP_SHARED, fd, 0);
		if (m->p == MAP_FAILED)
			m->p = NULL;
	}
	(void)close(fd);
	return m->p != NULL;
}

static void
fail(struct ocsp_reply *out, enum ocsp_error e)
{
	out->is_error = true;
	out->error = e;
	out->der = ocsp_error_response(e);
}

/* Out of the file. */
static struct span
copy(struct job *j, struct span s)
{
	return span_mem(arena_memdup(j->arena, s.p, s.n), s.n);
}

static void
build(struct job *j, const struct ocsp_segment *s, enum ocsp_hash hash,
    const struct ocsp_record *r, struct ocsp_reply *out)
{
	const struct ocsp_signer *signer = &s->signers[r->signer];
	struct buf tbs, response;

	buf_init(&tbs, j->arena, OCSP_RESPONSE_MAX);
	buf_init(&response, j->arena, OCSP_RESPONSE_MAX);
	ocsp_add_tbs(&tbs, &s->ca, hash, &r->status, signer->key_hash);
	ocsp_add_response(
	    &response, buf_span(&tbs), r->signature[hash], signer->certificate);
	if (!buf_ok(&response)) {
		fail(out, OCSP_TRY_LATER);
		return;
	}
	out->der = buf_span(&response);
	out->status = r->status;
	out->parts = (struct ocsp_parts){ .tbs = buf_span(&tbs),
		.signature =
		    copy(j, span_mem(r->signature[hash], OCSP_SIGNATURE_LEN)),
		.certificate = copy(j, signer->certificate),
		.response = out->der };
	out->this_update = r->status.this_update;
	out->next_update = ocsp_next_update(r->status.this_update);
	out->refresh_at = r->status.this_update + OCSP_REFRESH_SECS;
}

static void
answer_from(struct job *j, const struct ocsp_segment *s,
    const struct ocsp_cert_id *id, struct ocsp_reply *out)
{
	struct ocsp_record r;
	int found;

	/* PK-167, PK-171: not one of our issuers, or another hash. */
	if (!ocsp_ca_is(&s->ca, id)) {
		fail(out, OCSP_UNAUTHORIZED);
		return;
	}
	found = ocsp_segment_find(s, id->serial, &r);
	/* PK-170, PK-174: never issued, or ended more than a day ago. */
	if (found == 0 ||
	    (found == 1 && r.status.not_after + OCSP_AFTER_SECS < j->now)) {
		out->is_unknown = found == 0;
		fail(out, OCSP_UNAUTHORIZED);
		return;
	}
	/* An answer that has run out helps nobody: the issuer is late. */
	if (found < 0 || ocsp_next_update(r.status.this_update) < j->now) {
		fail(out, OCSP_TRY_LATER);
		return;
	}
	build(j, s, id->hash, &r, out);
}

void
status_ocsp(struct job *j, const struct conf_issuer *c,
    const struct ocsp_request *request, struct ocsp_reply *out)
{
	const struct ocsp_cert_id *id = &request->certs[0];
	struct ocsp_segment s;
	struct mapping m;

	*out = (struct ocsp_reply){ .is_error = false };
	/* PK-172 */
	if (request->count != 1 || id->hash == OCSP_HASH_OTHER) {
		fail(out, OCSP_UNAUTHORIZED);
		return;
	}
	out->serial = id->serial;
	if (map_file(
		status_segment_file(j->arena, c, status_segment_of(id->serial)),
		&m) &&
	    ocsp_segment_parse(span_mem(m.p, m.n), &s) == 0)
		answer_from(j, &s, id, out);
	else
		fail(out, OCSP_TRY_LATER);
	unmap(&m);
}
