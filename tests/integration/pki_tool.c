/*
 * pki/ from the command line, for judgement by other programs:
 *
 *	pki_tool init FOLDER KEY-TYPE
 *	pki_tool issue FOLDER CSR.der OUT.pem PROFILE MAILBOX...
 *	pki_tool crl FOLDER OUT.der [SERIAL-HEX REASON]...
 *
 * PROFILE is the name of one that ships, or GENERATION:SUBJECT for one that
 * takes every key and class, as a section of the configuration could say.
 *
 * A certificate that breaks a rule never leaves it: it goes the way of the
 * service, with the checks of the request and all lints.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/crl.h"
#include "pki/issue.h"
#include "pki/profile_conf.h"

#define ENTRIES_MAX 16

static int
init(struct job *j, char **arg)
{
	const struct ca_init in = {
		.dir = arg[0],
		.organization = "Example Mail GmbH",
		.country = "DE",
		.common_name = "Example Mail",
		.key_type = arg[1],
		.root_crl_url = "http://crl.example.com/root.crl",
		.root_url = "http://ca.example.com/root.cer",
	};

	return ca_init_create(j, &in);
}

static int
load(struct job *j, const char *folder, const struct ca **ca)
{
	const struct ca_files files = {
		.certificate = arena_printf(j->arena, "%s/issuing.pem", folder),
		.chain = arena_printf(j->arena, "%s/root.pem", folder),
		.key = arena_printf(j->arena, "%s/issuing-key.pem", folder),
		.passphrase_file =
		    arena_printf(j->arena, "%s/ca-passphrase", folder),
	};

	return ca_load(j, j->arena, &files, ca);
}

static void
complain(void *ctx, const char *option, const char *message)
{
	job_fail(ctx, ERR_INTERNAL, "%s: %s", option, message);
}

static int
make_profile(struct job *j, const char *words, const struct profile **out)
{
	static const char *const subjects[] = { "cn", "email", "cn+email",
		"empty" };
	static const char *keys[] = { "rsa-2048", "rsa-3072", "rsa-4096",
		"p-256", "p-384", "p-521", "ed25519" };
	const char *subject = strchr(words, ':') + 1;
	struct conf_profile c = { .name = "test", .keys = { keys, 7 } };
	struct profile *p = arena_alloc(j->arena, sizeof *p);
	size_t mode = 0;

	profile_defaults(&c);
	c.generation = strncmp(words, "strict:", 7) == 0
			   ? CONF_GENERATION_STRICT
			   : CONF_GENERATION_MULTIPURPOSE;
	while (mode < 3 && strcmp(subject, subjects[mode]) != 0)
		mode++;
	c.subject = (enum conf_subject)mode;
	*out = p;
	return profile_make(j->arena, &c, complain, j, p);
}

static int
find_profile(struct job *j, const char *words, const struct profile **out)
{
	if (strchr(words, ':') != NULL)
		return make_profile(j, words, out);
	*out = profile_find(NULL, span_str(words));
	return *out != NULL ? 0
			    : job_fail(j, ERR_INTERNAL, "no profile %s", words);
}

/* The mailboxes come as they are in an order: canonical already. */
static int
issue(struct job *j, char **arg, size_t count)
{
	const char **mailboxes =
	    arena_calloc(j->arena, count, sizeof *mailboxes);
	const struct profile *profile;
	struct csr_policy policy = { .mailboxes = mailboxes,
		.mailbox_count = count - 4,
		.addr = { .utf8_local = true, .reserved_domains = true } };
	struct issue_input in = {
		.mailboxes = mailboxes,
		.mailbox_count = count - 4,
		.crl_url = "http://crl.example.com/issuing.crl",
		.ca_issuers_url = "http://ca.example.com/issuing.cer",
	};
	const struct ca *ca;
	struct csr csr;
	struct issue_tbs tbs;
	struct span der;
	struct span pem;

	if (find_profile(j, arg[3], &profile) < 0)
		return -1;
	policy.profile = in.profile = profile;
	for (size_t i = 4; i < count; i++)
		mailboxes[i - 4] = arg[i];
	in.csr = &csr;
	issue_serial(0x2a, in.serial);
	issue_validity(j->now, 300, 365, &in.not_before, &in.not_after);
	if (load(j, arg[0], &ca) < 0 || file_read(j, arg[1], 65536, &der) < 0 ||
	    csr_parse(j, der, &policy, &csr) < 0 ||
	    issue_prepare(j, ca, &in, &tbs) < 0 ||
	    issue_sign(j, ca, &tbs, &der) < 0 ||
	    issue_chain_pem(j, ca, der, &pem) < 0)
		return -1;
	return file_write(j, arg[2], 0644, pem);
}

static int
crl(struct job *j, char **arg, size_t count)
{
	struct crl_entry entries[ENTRIES_MAX];
	struct crl_input in = { .number = 1,
		.this_update = j->now,
		.next_update = crl_next_update(j->now),
		.entries = entries };
	const struct ca *ca;
	struct span der;

	for (size_t i = 2; i + 1 < count && in.count < ENTRIES_MAX; i += 2) {
		size_t n = strlen(arg[i]) / 2;
		uint8_t *serial = arena_alloc(j->arena, n);
		if (hex_parse_fixed(span_str(arg[i]), serial, n) < 0)
			return job_fail(
			    j, ERR_INTERNAL, "%s is not hex", arg[i]);
		entries[in.count++] = (struct crl_entry){
			.serial = span_mem(serial, n),
			.revoked_at = j->now - 60,
			.reason = (int)strtol(arg[i + 1], NULL, 10),
		};
	}
	if (load(j, arg[0], &ca) < 0 || crl_sign(j, ca, &in, &der) < 0)
		return -1;
	return file_write(j, arg[1], 0644, der);
}

int
main(int argc, char **argv)
{
	size_t count = argc < 2 ? 0 : (size_t)argc - 2;
	struct job j;
	int r;

	job_init(&j, NULL, NULL);
	if (count == 2 && strcmp(argv[1], "init") == 0)
		r = init(&j, argv + 2);
	else if (count >= 5 && strcmp(argv[1], "issue") == 0)
		r = issue(&j, argv + 2, count);
	else if (count >= 2 && strcmp(argv[1], "crl") == 0)
		r = crl(&j, argv + 2, count);
	else
		r = job_fail(
		    &j, ERR_INTERNAL, "usage: pki_tool init|issue|crl ...");
	if (r < 0)
		fprintf(stderr, "pki_tool: %s\n", j.err.text);
	job_done(&j);
	return r < 0 ? 1 : 0;
}
