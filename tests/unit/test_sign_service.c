/*
 * The process that has the keys in tokens: what it signs (PK-199, PK-202 to
 * PK-204).  The issuer's side: test_sign_link.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "pki/remote_key.h"
#include "pki/responder_key.h"
#include "pki/responder_request.h"
#include "src/ca_conf.h"
#include "src/pins.h"
#include "src/sign_frame.h"
#include "src/sign_link.h"
#include "src/sign_service.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/sign_pair.h"
#include "tests/unit/token_lab.h"
#include "tests/unit/unit.h"

/* Kilobytes of this process that were in memory at most so far. */
static long
peak(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

/* PK-204: who only ever begins to ask neither keeps the signer from its other
 * work nor fills its memory, which would end it and its counts. */
static void
test_flood(void **state)
{
	enum { QUESTIONS = 5000, ROOM_KB = 200 * 1024 };
	static const struct conf none;
	struct job *j = unit_job();
	struct sign_service s = { .fd = -1, .pins_fd = -1 };
	char *octets = arena_calloc(j->arena, 1, SIGN_PART_MAX);
	struct pollfd poller = { .events = POLLOUT };
	long before = peak(), grown;
	int fds[2], steps = 0;
	pid_t pid;
	(void)state;

	assert_int_equal(fd_message_pair(j, fds), 0);
	pid = fork();
	if (pid == 0) {
		struct sign_question q = { .tag = REMOTE_LIST,
			.label = SPAN("0a1b"),
			.total = SIGN_TBS_MAX,
			.part = span_mem(octets, SIGN_PART_MAX) };
		struct span m;

		close(fds[1]);
		poller.fd = fds[0];
		for (int n = 0; n < QUESTIONS; n++) {
			struct job own;

			job_init(&own, NULL, &none);
			memcpy(q.id, &n, sizeof(n));
			if (sign_question_write(&own, &q, &m) < 0)
				_exit(2);
			while (write(fds[0], m.p, m.n) < 0)
				if (errno != EAGAIN ||
				    poll(&poller, 1, SIGN_PAIR_PATIENCE_MS) <=
					0)
					_exit(3);
			job_done(&own);
		}
		_exit(0);
	}
	close(fds[0]);
	s.fd = fds[1];
	poller = (struct pollfd){ .fd = fds[1], .events = POLLIN };
	while (poll(&poller, 1, SIGN_PAIR_PATIENCE_MS) > 0 &&
	       sign_service_step(&s, &none) >= 0)
		steps++;
	close(fds[1]);
	sign_pair_ended_well(pid);
	assert_in_range(steps, 2, QUESTIONS);
	grown = peak() - before;
	/* With the sanitizers what is freed stays in memory for a while. */
	assert_true(UNIT_IS_SANITIZED || grown < ROOM_KB);
}

/* --- with a token --------------------------------------------------------- */

static struct conf conf;
static struct conf_former former;

/* The CA's key in the token, as the issuing one's and as a former one's. */
static void
configure(struct job *j)
{
	const char *folder = lab_ca_folder("p256");
	struct token_place place = token_lab_place("issuing", "0a");

	conf = (struct conf){ .issuer = {
				  .ca_certificate = arena_printf(
				      j->arena, "%s/issuing.pem", folder),
				  .ca_chain = arena_printf(
				      j->arena, "%s/root.pem", folder),
				  .key.module = place.module,
				  .key.token = place.token,
				  .key.label = place.label,
				  .key.id = place.id,
				  .key.pin_file = place.pin_file,
				  .max_per_hour = 2,
				  .max_lists_per_hour = 1000,
				  .crl_shards = 1,
			      } };
	j->conf = &conf;
}

static void
make_former(struct job *j)
{
	former.name = "old";
	former.issuer = conf.issuer;
	former.issuer.key.label = "former";
	former.issuer.key.id = "0b";
	former.issuer.ca_certificate =
	    arena_printf(j->arena, "%s/issuing.pem", lab_ca_folder("p384"));
	former.issuer.ca_chain =
	    arena_printf(j->arena, "%s/root.pem", lab_ca_folder("p384"));
	conf.formers = &former;
	conf.former_count = 1;
}

typedef int opening(struct job *, struct arena *, struct sign_service *);

static pid_t
start_with(const struct sign_pair *p, struct job *j, opening *open_keys)
{
	struct sign_service s = { .fd = p->signer, .pins_fd = -1 };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (open_keys(j, j->arena, &s) < 0 || sign_service_log_in(j, &s) < 0) {
		fprintf(stderr, "%s\n", j->err.text);
		_exit(2);
	}
	sign_service_limits(&s, &conf);
	for (;;) {
		struct pollfd poller = { .fd = s.fd, .events = POLLIN };

		(void)poll(&poller, 1, SIGN_PAIR_PATIENCE_MS);
		if (sign_service_step(&s, &conf) < 0)
			_exit(0);
	}
}

static pid_t
start(const struct sign_pair *p, struct job *j)
{
	return start_with(p, j, sign_service_open);
}

/* The CA as the issuer has it: with no key in this process. */
static const struct ca *
load_remote(
    struct job *j, const struct sign_pair *p, const struct conf_issuer *own)
{
	struct conf c = conf;
	struct ca_files files;
	const struct ca *ca;

	c.issuer = *own;
	files = ca_conf_files(j->arena, &c);
	ca_conf_use_signer(&files, p->key);
	assert_null(files.token);
	assert_int_equal(ca_load(j, j->arena, &files, &ca), 0);
	return ca;
}

static int
sign_list(struct job *j, const struct ca *ca)
{
	const struct crl_input in = { .number = 1,
		.this_update = LAB_NOW,
		.next_update = LAB_NOW + 86400 };
	struct span der;

	return crl_sign(j, ca, &in, &der);
}

static void
expect_refusal(struct job *j, int result, const char *why)
{
	assert_int_equal(result, -1);
	if (strstr(j->err.text, why) == NULL)
		fail_msg("%s", j->err.text);
	job_recover(j);
}

/* PK-202, PK-203, PK-156: lists of both, certificates of the one that issues,
 * no raw octets, no other key; killed and started again, it goes on. */
static void
test_service(void **state)
{
	struct job *j = lab_job();
	struct span out;
	(void)state;

	NEEDS_TOKEN;
	configure(j);
	make_former(j);
	struct sign_pair p = sign_pair_make(j);
	pid_t pid = start(&p, j);
	const struct ca *ca = load_remote(j, &p, &conf.issuer);
	const struct ca *old = load_remote(j, &p, &former.issuer);

	assert_int_equal(ca_ready(j, ca), 0);
	assert_int_equal(ca_ready(j, old), 0);
	assert_int_equal(sign_list(j, ca), 0);
	assert_int_equal(sign_list(j, old), 0);
	expect_refusal(j,
	    p.key->sign(j, p.key->context, ca_key_label(ca), REMOTE_LIST,
		SPAN("hello"), &out),
	    "refused to sign");
	expect_refusal(j,
	    p.key->sign(j, p.key->context, ca_key_label(old), REMOTE_SUBSCRIBER,
		SPAN("hello"), &out),
	    "former_ca old issues nothing");
	expect_refusal(j, p.key->ready(j, p.key->context, "0a1b"),
	    "the signer has no key 0a1b");
	/* PK-177: what only a responder's key gives. */
	expect_refusal(j,
	    p.key->sign(j, p.key->context, ca_key_label(ca), REMOTE_REQUEST,
		(struct span){ NULL, 0 }, &out),
	    "nothing that is signed");
	/* What is asked while it is away is answered by the next one. */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sign_link_gone(p.signer);
	pid = start(&p, j);
	for (int i = 0; sign_list(j, ca) < 0; i++) {
		assert_in_range(i, 0, 5);
		job_recover(j);
		j->now += 60; /* the pause */
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sign_pair_end(&p);
}

/* PK-199: the PIN is read before and tried once. */
static void
test_refused(void **state)
{
	struct job *j = lab_job();
	struct sign_service s = { .fd = -1, .pins_fd = -1 };
	(void)state;

	NEEDS_TOKEN;
	configure(j);
	conf.issuer.key.id = "77";
	assert_int_equal(sign_service_open(j, j->arena, &s), 0);
	assert_int_equal(sign_service_log_in(j, &s), -1);
	assert_int_equal(j->err.kind, ERR_BUSY);
	assert_non_null(strstr(j->err.text, "signer.network = any"));
	job_recover(j);
	conf.issuer.key.module = "/nonexistent.so";
	assert_int_equal(sign_service_open(j, j->arena, &s), 0);
	assert_int_equal(sign_service_log_in(j, &s), -1);
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	assert_non_null(strstr(j->err.text, "/nonexistent.so"));
	job_recover(j);
	conf.issuer.key.pin_file = "/nonexistent";
	assert_int_equal(sign_service_open(j, j->arena, &s), -1);
	job_recover(j);
}

/* PK-199: a PIN that is in no file, as the supervisor gives it; it is not
 * looked for anywhere else. */
static void
test_given_pin(void **state)
{
	struct sign_service s = { .fd = -1, .pins_fd = -1 };
	struct job *j = lab_job();
	struct pins *pins;
	(void)state;

	NEEDS_TOKEN;
	configure(j);
	conf.issuer.key.pin_fd = open(conf.issuer.key.pin_file, O_RDONLY);
	conf.issuer.key.pin_file = NULL;
	assert_int_equal(sign_service_open(j, j->arena, &s), -1);
	assert_int_equal(j->err.kind, ERR_REFUSED);
	assert_non_null(strstr(j->err.text, "there is no PIN"));
	job_recover(j);
	pins_note_descriptors();
	assert_int_equal(pins_take(j, j->arena, &pins), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    pins_give(j, pins, PINS_OF_CAS, &s.pins_fd), 0);
		assert_int_equal(sign_service_open(j, j->arena, &s), 0);
		assert_int_equal(sign_service_log_in(j, &s), 0);
	}
}

/* PK-199: no signer after this one tries a former CA's PIN again; where its
 * token is away, the other keys go on. */
static void
test_former_refused(void **state)
{
	struct job *j = lab_job();
	struct sign_service s = { .fd = -1, .pins_fd = -1 };
	(void)state;

	NEEDS_TOKEN;
	configure(j);
	make_former(j);
	former.issuer.key.token = "former";
	former.issuer.key.id = "77";
	assert_int_equal(sign_service_open(j, j->arena, &s), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(sign_service_log_in(j, &s), 0);
	token_lab_write("pin-wrong", 0400, "not-the-pin");
	former.issuer.key.id = "0b";
	former.issuer.key.pin_file = token_lab_path("pin-wrong");
	assert_int_equal(sign_service_open(j, j->arena, &s), 0);
	assert_int_equal(sign_service_log_in(j, &s), -1);
	assert_int_equal(j->err.kind, ERR_REFUSED);
	assert_non_null(strstr(j->err.text, "former_ca old: token"));
	assert_non_null(strstr(j->err.text, "CKR_PIN_INCORRECT"));
	job_recover(j);
}

/* --- the responder's key (PK-177) ----------------------------------------- */

static struct token_place
configure_responder(struct job *j)
{
	struct token_place place = token_lab_place("responder", "0c");

	configure(j);
	place.token = "ocsp";
	conf.responder.key = (struct conf_token){ .module = place.module,
		.token = place.token,
		.label = place.label,
		.id = place.id,
		.pin_file = place.pin_file };
	conf.issuer.max_live_answers = 1;
	return place;
}

/* As the issuer certifies it. */
static void
certify(struct job *j, struct responder *r)
{
	const struct ca *ca = lab_ca("p256");
	struct span spki = { NULL, 0 };
	struct responder made;
	EVP_PKEY *key;

	assert_int_equal(
	    responder_request_read(j, j->arena, r->request, &spki, &key), 0);
	assert_int_equal(
	    responder_prepare_for(j, j->arena, ca, spki, &made), 0);
	assert_int_equal(responder_sign(j, j->arena, ca, &made), 0);
	assert_int_equal(
	    responder_adopt(j, j->arena, ca, made.certificate, r), 0);
}

static int
answer(struct job *j, const struct responder *r)
{
	const struct ocsp_single single = { OCSP_SHA256,
		{ .serial = { 1, 2, 3, 4, 5, 6, 7, 8, 9 },
		    .serial_len = 9,
		    .this_update = j->now } };
	const struct ocsp_data d = { &single, 1, j->now, SPAN("nonce") };
	struct ocsp_ca names;
	struct span response;

	assert_int_equal(responder_ca(j, lab_ca("p256"), &names), 0);
	if (responder_reply(j, r, &names, &d, &response) < 0)
		return -1;
	assert_int_equal(
	    responder_check_data(j, lab_ca("p256"), &d, response), 0);
	return 0;
}

/* PK-177, PK-198: made inside the token of its own, once. */
static void
test_responder_key_made(void **state)
{
	struct job *j = lab_job();
	struct responder_key_made made;
	struct token_place place;
	(void)state;

	NEEDS_TOKEN;
	place = configure_responder(j);
	assert_int_equal(responder_key_make(j, &place, &made), 0);
	assert_int_equal(strlen(made.spki_sha256), 64);
	assert_non_null(strstr(made.attributes, "CKA_LOCAL true"));
	assert_non_null(strstr(made.attributes, "CKA_EXTRACTABLE false"));
	assert_int_equal(responder_key_make(j, &place, &made), -1);
	assert_int_equal(j->err.kind, ERR_CONFLICT);
	job_recover(j);
}

/* PK-177: it signs OCSP answers of its own, and nothing else; the CA's keys are
 * not there; killed and started again, it is the same key. */
static void
test_responder(void **state)
{
	struct job *j = lab_job();
	struct responder r, again;
	struct span out;
	(void)state;

	NEEDS_TOKEN;
	configure_responder(j);
	struct sign_pair p = sign_pair_make(j);
	pid_t pid = start_with(&p, j, sign_service_open_responder);
	const char *label = conf.responder.key.id;

	assert_int_equal(p.key->ready(j, p.key->context, label), 0);
	assert_int_equal(responder_key_ask(j, j->arena, p.key, label, &r), 0);
	certify(j, &r);
	assert_int_equal(answer(j, &r), 0);
	expect_refusal(j,
	    p.key->sign(
		j, p.key->context, label, REMOTE_ANSWER, SPAN("hello"), &out),
	    "refused to sign: it is not a ResponseData by key");
	expect_refusal(j,
	    p.key->sign(j, p.key->context, label, REMOTE_SUBSCRIBER,
		SPAN("hello"), &out),
	    "a responder's key signs OCSP answers");
	expect_refusal(j,
	    p.key->ready(j, p.key->context, ca_key_label(lab_ca("p256"))),
	    "the signer has no key");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sign_link_gone(p.signer);
	expect_refusal(j, answer(j, &r), "the signer");
	pid = start_with(&p, j, sign_service_open_responder);
	for (int i = 0; answer(j, &r) < 0; i++) {
		assert_in_range(i, 0, 5);
		job_recover(j);
		j->now += 60; /* the pause */
	}
	assert_int_equal(
	    responder_key_ask(j, j->arena, p.key, label, &again), 0);
	assert_int_equal(EVP_PKEY_eq(again.key, r.key), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sign_pair_end(&p);
}

/* PK-199, PK-196, PK-165: what is wrong is said before anybody asks. */
static void
test_responder_refused(void **state)
{
	struct job *j = lab_job();
	struct sign_service s = { .fd = -1, .pins_fd = -1 };
	(void)state;

	NEEDS_TOKEN;
	configure_responder(j);
	conf.responder.key.id = "77";
	assert_int_equal(sign_service_open_responder(j, j->arena, &s), 0);
	assert_int_equal(sign_service_log_in(j, &s), -1);
	assert_int_equal(j->err.kind, ERR_BUSY);
	assert_non_null(strstr(j->err.text, "label responder and id 77"));
	assert_non_null(strstr(j->err.text, "responder.network = any"));
	assert_non_null(strstr(j->err.text, "responder.files"));
	job_recover(j);
	conf.responder.key.token = "nowhere";
	assert_int_equal(sign_service_open_responder(j, j->arena, &s), 0);
	assert_int_equal(sign_service_log_in(j, &s), -1);
	assert_int_equal(j->err.kind, ERR_BUSY);
	assert_non_null(strstr(j->err.text, "nowhere"));
	job_recover(j);
	conf.responder.key.token = "ca";
	conf.responder.key.label = "former";
	conf.responder.key.id = "0b";
	assert_int_equal(sign_service_open_responder(j, j->arena, &s), 0);
	assert_int_equal(sign_service_log_in(j, &s), -1);
	assert_int_equal(j->err.kind, ERR_REFUSED);
	assert_non_null(strstr(j->err.text, "not of P-256"));
	job_recover(j);
	configure_responder(j);
	token_lab_write("pin-of-ocsp", 0400, "not-the-pin");
	conf.responder.key.pin_file = token_lab_path("pin-of-ocsp");
	assert_int_equal(sign_service_open_responder(j, j->arena, &s), 0);
	assert_int_equal(sign_service_log_in(j, &s), -1);
	assert_int_equal(j->err.kind, ERR_REFUSED);
	assert_non_null(strstr(j->err.text, "CKR_PIN_INCORRECT"));
	job_recover(j);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_flood),
	cmocka_unit_test(test_service),
	cmocka_unit_test(test_refused),
	cmocka_unit_test(test_given_pin),
	cmocka_unit_test(test_responder_key_made),
	cmocka_unit_test(test_responder),
	/* Last: the token remembers. */
	cmocka_unit_test(test_responder_refused),
	cmocka_unit_test(test_former_refused),
};

static void
import(
    const char *token, const char *key_type, const char *label, const char *id)
{
	EVP_PKEY *key = lab_ca_key(key_type);

	token_lab_import_into(token, label, id, key);
	EVP_PKEY_free(key);
}

int
main(void)
{
	token_lab_start_empty();
	if (token_lab_is_there()) {
		token_lab_add("former");
		token_lab_add("ocsp");
		import("ca", "p256", "issuing", "0a");
		import("ca", "p384", "former", "0b");
		import("former", "p384", "former", "0b");
	}
	return unit_run(tests, COUNT(tests));
}
