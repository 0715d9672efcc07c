/*
 * The DER reader and what stands on it: certificates as parts, keys, names,
 * facts (L-01, PK-69).
 */
#include "config.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/keycheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Writing what was read gives the same octets. */
static void
write_again(struct buf *b, struct span in)
{
	struct der d;

	while (der_next(&in, &d) == 1) {
		if (d.tag & 0x20) {
			size_t mark = der_open(b, d.tag);
			write_again(b, d.body);
			der_close(b, mark);
		} else {
			der_add(b, d.tag, d.body);
		}
	}
}

static void
walk_certificate(struct job *j, const struct certview *v)
{
	struct span names;
	struct span mailbox;
	struct span id;
	unsigned bits;
	bool is_utf8;

	for (size_t i = 0; i < v->extension_count; i++) {
		(void)der_oid_text(j->arena, v->extensions[i].oid);
		(void)der_named_bits(v->extensions[i].value, 9, &bits);
	}
	(void)certview_subject_key_id(v, &id);
	(void)certview_authority_key_id(v, &id);
	if (certview_names(v, &names) == 1)
		while (certview_next_mailbox(&names, &mailbox, &is_utf8) == 1)
			if (memchr(mailbox.p, '@', mailbox.n) == mailbox.p)
				break;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_mem(data, n);
	struct cert_facts facts;
	struct certview v;
	enum key_type type;
	EVP_PKEY *key;
	struct buf b;
	struct job j;

	job_init(&j, NULL, NULL);
	if (der_is_strict(in)) {
		buf_init(&b, j.arena, n + 1);
		write_again(&b, in);
		if (!buf_ok(&b) || !span_eq(buf_span(&b), in))
			abort();
	}
	if (certview_parse(in, &v) == 0) {
		if (!der_is_strict(in))
			abort();
		walk_certificate(&j, &v);
	}
	if (cert_facts(&j, in, &facts) == 0)
		for (size_t i = 0; i < facts.mailbox_count; i++)
			if (span_has_control(span_str(facts.mailboxes[i])))
				abort();
	if (certview_parse_tbs(in, &v) == 0)
		walk_certificate(&j, &v);
	if (keycheck_spki(j.arena, in, KEYCHECK_SUBJECT, &type, &key) == NULL &&
	    key == NULL)
		abort();
	job_done(&j);
	ERR_clear_error();
	return 0;
}
