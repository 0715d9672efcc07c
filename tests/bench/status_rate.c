/*
 * A CA with many certificates: how long its revocation list takes, and how
 * many OCSP requests a second the web role's code answers, on one core.
 *
 *	status_rate FOLDER [CERTIFICATES [SECONDS]]
 *
 * prints one JSON object a line.  One certificate of a hundred is revoked.
 * The list is timed from the entries as the database gives them to the signed,
 * linted and verified octets; the answers from the request's octets to those
 * of the response, read from files in FOLDER, no signature in between.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/key.h"
#include "pki/oid.h"
#include "src/answers_block.h"
#include "src/status_ocsp.h"
#include "src/status_place.h"

#define SERIAL_OCTETS 17
#define SEGMENTS 256
#define STRIDE 64

struct bench {
	const char *folder;
	size_t count;
	double seconds;
	uint8_t (*serials)[SERIAL_OCTETS]; /* sorted */
	const struct ca *ca;
	struct arena *keep;
	struct conf conf;
	struct ocsp_ca id;
	struct responder responder;
};

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(struct job *j, int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "status_rate: %s\n", j->err.text);
	exit(EXIT_FAILURE);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, SERIAL_OCTETS);
}

static void
make_serials(struct bench *b)
{
	b->serials = calloc(b->count, SERIAL_OCTETS);
	if (b->serials == NULL)
		exit(EXIT_FAILURE);
	for (size_t i = 0; i < b->count; i++) {
		rnd_bytes(b->serials[i], SERIAL_OCTETS);
		b->serials[i][0] = 1;
	}
	qsort(b->serials, b->count, SERIAL_OCTETS, compare);
}

static void
make_ca(struct bench *b, struct job *j)
{
	const struct ca_init in = { .dir = b->folder,
		.organization = "Bench",
		.country = "XX",
		.common_name = "Bench CA",
		.key_type = "p256",
		.root_crl_url = "http://crl.example.com/root.crl",
		.root_url = "http://crl.example.com/root.cer" };
	const char *f = b->folder;
	const struct ca_files files = {
		.certificate = arena_printf(b->keep, "%s/issuing.pem", f),
		.chain = arena_printf(b->keep, "%s/root.pem", f),
		.key = arena_printf(b->keep, "%s/issuing-key.pem", f),
		.passphrase_file = arena_printf(b->keep, "%s/ca-passphrase", f)
	};

	must(j, ca_init_create(j, &in));
	must(j, ca_load(j, b->keep, &files, &b->ca));
	must(j, responder_ca(j, b->ca, &b->id));
	must(j, responder_prepare(j, b->keep, b->ca, &b->responder));
	must(j, responder_sign(j, b->keep, b->ca, &b->responder));
}

static bool
is_revoked(size_t i)
{
	return i % 100 == 0;
}

static void
bench_list(const struct bench *b)
{
	struct crl_input in = { .number = 1 };
	struct crl_entry *entries;
	double from = seconds();
	struct span der;
	struct job j;

	job_init(&j, NULL, NULL);
	entries = arena_calloc(j.arena, b->count / 100 + 1, sizeof(*entries));
	for (size_t i = 0; i < b->count; i++)
		if (is_revoked(i))
			entries[in.count++] = (struct crl_entry){
				.serial =
				    span_mem(b->serials[i], SERIAL_OCTETS),
				.revoked_at = j.now - 60,
				.reason = 4
			};
	in.entries = entries;
	in.this_update = j.now;
	in.next_update = crl_next_update(j.now);
	must(&j, crl_sign(&j, b->ca, &in, &der));
	printf("{\"bench\":\"crl\",\"certificates\":%zu,\"entries\":%zu,"
	       "\"octets\":%zu,\"seconds\":%.3f}\n",
	    b->count, in.count, der.n, seconds() - from);
	job_done(&j);
}

static size_t
sign_segment(const struct bench *b, int64_t segment)
{
	struct block block = { .segment = segment };
	struct span octets;
	struct job j;
	size_t n;

	job_init(&j, NULL, &b->conf);
	block_open(&j, &block, &b->responder, &b->id, (struct span){ NULL, 0 });
	for (size_t i = 0; i < b->count; i++) {
		struct ocsp_status s = { .serial_len = SERIAL_OCTETS,
			.this_update = j.now,
			.not_after = j.now + 86400,
			.is_revoked = is_revoked(i) };

		if (b->serials[i][SERIAL_OCTETS - 1] != segment)
			continue;
		memcpy(s.serial, b->serials[i], SERIAL_OCTETS);
		s.reason = s.is_revoked ? 4 : 0;
		s.revoked_at = s.is_revoked ? j.now - 60 : 0;
		must(&j, block_put(&j, &block, &s));
	}
	must(&j, block_finish(&j, b->ca, &block, &octets));
	must(&j, file_write(&j,
		     status_segment_file(j.arena, &b->conf.issuer, segment),
		     0644, octets));
	n = block.changed;
	job_done(&j);
	return n;
}

static void
bench_sign(const struct bench *b)
{
	double from = seconds(), spent;
	size_t answers = 0;

	for (int64_t s = 0; s < SEGMENTS; s++)
		answers += sign_segment(b, s);
	spent = seconds() - from;
	printf("{\"bench\":\"ocsp-sign\",\"certificates\":%zu,\"answers\":%zu,"
	       "\"seconds\":%.1f,\"per_second\":%.0f}\n",
	    b->count, answers * OCSP_HASHES, spent,
	    (double)answers * OCSP_HASHES / spent);
}

/* An OCSPRequest with SHA-256 about the number. */
static void
write_request(const struct bench *b, const uint8_t *serial, struct buf *out)
{
	size_t marks[5], algorithm;

	buf_clear(out);
	for (size_t i = 0; i < 5; i++)
		marks[i] = der_open(out, DER_SEQUENCE);
	algorithm = der_open(out, DER_SEQUENCE);
	der_add(out, DER_OID, OID_SHA256);
	der_close(out, algorithm);
	der_add(out, DER_OCTET_STRING, span_mem(b->id.name_sha256, 32));
	der_add(out, DER_OCTET_STRING, span_mem(b->id.key_sha256, 32));
	der_add(out, DER_INTEGER, span_mem(serial, SERIAL_OCTETS));
	for (size_t i = 5; i-- > 0;)
		der_close(out, marks[i]);
}

static void
answer_one(const struct bench *b, size_t i)
{
	struct ocsp_request request;
	struct ocsp_reply reply;
	struct buf out;
	struct job j;

	job_init(&j, NULL, &b->conf);
	buf_init(&out, j.arena, 1024);
	write_request(b, b->serials[i], &out);
	if (ocsp_request_parse(buf_span(&out), &request) < 0) {
		fprintf(stderr, "status_rate: a request was refused\n");
		exit(EXIT_FAILURE);
	}
	status_ocsp(&j, &b->conf.issuer, &request, &reply);
	if (reply.is_error) {
		fprintf(stderr, "status_rate: an answer is missing\n");
		exit(EXIT_FAILURE);
	}
	job_done(&j);
}

static void
bench_answer(const struct bench *b)
{
	double from = seconds(), spent = 0;
	size_t done = 0;

	while (spent < b->seconds) {
		for (int i = 0; i < STRIDE; i++, done++)
			answer_one(b, (done * 7919) % b->count);
		spent = seconds() - from;
	}
	printf("{\"bench\":\"ocsp-answer\",\"certificates\":%zu,"
	       "\"answers\":%zu,\"seconds\":%.1f,\"per_second\":%.0f}\n",
	    b->count, done, spent, (double)done / spent);
}

int
main(int argc, char **argv)
{
	struct bench b = { .count = 1000000, .seconds = 5 };
	struct job j;

	if (argc < 2 || argc > 4) {
		fprintf(stderr,
		    "usage: status_rate FOLDER [CERTIFICATES [SECONDS]]\n");
		return EXIT_FAILURE;
	}
	b.folder = argv[1];
	if (argc > 2)
		b.count = strtoul(argv[2], NULL, 10);
	if (argc > 3)
		b.seconds = strtod(argv[3], NULL);
	if (b.count == 0)
		return EXIT_FAILURE;
	b.keep = arena_new();
	b.conf.issuer.ocsp_folder = b.folder;
	job_init(&j, NULL, NULL);
	make_serials(&b);
	make_ca(&b, &j);
	bench_list(&b);
	bench_sign(&b);
	bench_answer(&b);
	job_done(&j);
	arena_free(b.keep);
	free(b.serials);
	return EXIT_SUCCESS;
}
