/*
 * The CA of tests/unit/cmp_server.h for tests/integration/cmp_ca.py, which has
 * it behind HTTP:
 *
 *	cmp_tool CA-FOLDER SERVER.pem SERVER.key OTHER.pem OTHER.key RA.pem
 *
 * CA-FOLDER is one of `countersign init`; OTHER is who speaks for it in a
 * fault.  A line on standard input is one of
 *
 *	message LENGTH	and so many octets
 *	set NAME VALUE	waits, check_after, alters, other
 *	seen		what came, as JSON
 *
 * and each is answered by a line with a length, and so many octets.
 */
#include "config.h"

#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/signing_key.h"
#include "tests/unit/cmp_server.h"

#define LINE_MAX_LEN 100
#define MESSAGE_MAX ((size_t)64 * 1024)

static struct cmp_server server;
static struct cmp_speaker other;

static void
die(const char *what)
{
	(void)fprintf(stderr, "cmp_tool: %s\n", what);
	exit(1);
}

/* --- who it is ------------------------------------------------------------ */

static X509 *
read_certificate(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	X509 *x = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	if (x == NULL)
		die(path);
	return x;
}

static EVP_PKEY *
read_key(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	EVP_PKEY *key =
	    bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	if (key == NULL)
		die(path);
	return key;
}

static void
load_issuer(struct job *j, const char *folder)
{
	const struct ca_files files = {
		.certificate = arena_printf(j->arena, "%s/issuing.pem", folder),
		.chain = arena_printf(j->arena, "%s/root.pem", folder),
		.key = arena_printf(j->arena, "%s/issuing-key.pem", folder),
		.passphrase_file =
		    arena_printf(j->arena, "%s/ca-passphrase", folder),
	};
	const struct ca *ca;

	if (ca_load(j, j->arena, &files, &ca) < 0)
		die(j->err.text);
	server.issuer.certificate = ca->certificate;
	server.issuer.key = ca->signer.key->context;
}

/* --- what it is told ------------------------------------------------------ */

static void
answer(struct span s)
{
	(void)printf("%zu\n", s.n);
	(void)fwrite(s.p, 1, s.n, stdout);
	(void)fflush(stdout);
}

/* One address too many. */
static void
add_name(X509 *x)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *first = sk_GENERAL_NAME_value(names, 0);
	const ASN1_STRING *mailbox = GENERAL_NAME_get0_value(first, NULL);
	const char *value = arena_printf(server.arena,
	    "email:%.*s,email:mallory@user.test", ASN1_STRING_length(mailbox),
	    (const char *)ASN1_STRING_get0_data(mailbox));

	cmp_server_set_extension(x, NULL, NID_subject_alt_name, value);
	GENERAL_NAMES_free(names);
}

static void
take_message(const char *length)
{
	size_t n = strtoul(length, NULL, 10);
	char *octets;

	if (n == 0 || n > MESSAGE_MAX)
		die("a message too long");
	octets = arena_alloc(server.arena, n);
	if (fread(octets, 1, n, stdin) != n)
		die("a message cut short");
	server.now = clock_now();
	answer(cmp_server_answer(&server, span_mem(octets, n)));
}

static void
set(const char *text)
{
	int value;

	if (sscanf(text, "waits %d", &value) == 1)
		server.waits = value;
	else if (sscanf(text, "check_after %d", &value) == 1)
		server.check_after = value;
	else if (sscanf(text, "alters %d", &value) == 1)
		server.alter = value != 0 ? add_name : NULL;
	else if (sscanf(text, "other %d", &value) == 1)
		cmp_server_speak_as(
		    &server, value != 0 ? &other : &server.speaker);
	else
		die(text);
	answer(span_str(""));
}

static void
tell(void)
{
	json_t *all = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:I}",
	    "requests", server.requests, "initial", server.initial,
	    "transactions", server.transactions, "polls", server.polls,
	    "issued", server.issued, "accepted", server.accepted, "rejected",
	    server.rejected, "revoked", server.revoked, "reason",
	    (json_int_t)server.reason);
	char *text = json_dumps(all, 0);

	if (text == NULL)
		die("no JSON");
	answer(span_str(text));
	free(text);
	json_decref(all);
}

static void
obey(const char *line)
{
	if (strncmp(line, "message ", 8) == 0)
		take_message(line + 8);
	else if (strncmp(line, "set ", 4) == 0)
		set(line + 4);
	else if (strcmp(line, "seen\n") == 0)
		tell();
	else
		die(line);
}

int
main(int argc, char **argv)
{
	char line[LINE_MAX_LEN];
	struct job j;

	if (argc != 7)
		die("see the head of its source");
	job_init(&j, NULL, NULL);
	server.arena = j.arena;
	load_issuer(&j, argv[1]);
	server.speaker = (struct cmp_speaker){ read_certificate(argv[2]),
		read_key(argv[3]) };
	other = (struct cmp_speaker){ read_certificate(argv[4]),
		read_key(argv[5]) };
	server.client = read_certificate(argv[6]);
	server.crl_url = "http://crl.other-ca.test/issuing.crl";
	server.in_use = true;
	cmp_server_start(&server);
	while (fgets(line, sizeof(line), stdin) != NULL)
		obey(line);
	cmp_server_stop(&server);
	X509_free(server.speaker.certificate);
	EVP_PKEY_free(server.speaker.key);
	X509_free(other.certificate);
	EVP_PKEY_free(other.key);
	X509_free(server.client);
	job_done(&j);
	return 0;
}
