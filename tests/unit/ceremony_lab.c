#include "config.h"

#include "tests/unit/ceremony_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fdio.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"
#include "tests/unit/unit.h"

/* Nothing here has to outlive a power cut, and every line of a transcript waits
 * for the disk twice. */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

static unsigned pins;
static const char *wrong_part;
static const char *switch_token, *switch_conf;

const struct ca_subject ceremony_lab_root = { "DE", "Example Mail GmbH",
	"Example Mail Root CA" };
const struct ca_subject ceremony_lab_issuing = { "DE", "Example Mail GmbH",
	"Example Mail Issuing CA 1" };

static const char *
answer_to(const char *prompt)
{
	bool is_ann = strncmp(prompt, "Ann", 3) == 0;

	if (strstr(prompt, "Type yes") != NULL)
		return "yes";
	if (strstr(prompt, "PIN of token") == NULL)
		return is_ann ? "the secret of Ann" : "the secret of Bob";
	pins++;
	if (switch_token != NULL && strstr(prompt, switch_token) != NULL)
		setenv("SOFTHSM2_CONF", switch_conf, 1);
	if (strstr(prompt, "second part") != NULL)
		return "part2";
	if (wrong_part != NULL)
		return wrong_part;
	return strstr(prompt, "first part") != NULL ? "part1" : "part1part2";
}

static int
ask(void *context, struct job *j, const char *prompt, bool is_secret,
    struct span *answer)
{
	(void)context;
	(void)is_secret;
	*answer = span_str(arena_strdup(j->arena, answer_to(prompt)));
	return 0;
}

static void
tell(void *context, const char *line)
{
	(void)context;
	(void)line;
}

struct ceremony
ceremony_lab(struct job *j, const char *dir)
{
	return (struct ceremony){ .j = j,
		.dir = dir,
		.first = "Ann",
		.second = "Bob",
		.is_private = true,
		.is_online = true,
		.ask = ask,
		.tell = tell };
}

const char *
ceremony_lab_dir(struct job *j)
{
	static unsigned count;

	return arena_printf(j->arena, "%s/ceremony%u", lab_folder(), ++count);
}

void
ceremony_lab_token(const char *label)
{
	char command[256];

	snprintf(command, sizeof command,
	    "softhsm2-util --init-token --free --label %s --so-pin so-secret "
	    "--pin part1part2 >/dev/null",
	    label);
	assert_int_equal(system(command), 0);
}

struct ceremony_token
ceremony_lab_place(const char *token)
{
	return (struct ceremony_token){
		.module = token_lab_place("", "").module, .token = token
	};
}

void
ceremony_lab_switch(const char *token, const char *conf)
{
	switch_token = token;
	switch_conf = conf;
}

unsigned
ceremony_lab_pins(void)
{
	return pins;
}

void
ceremony_lab_wrong_pin(const char *part)
{
	wrong_part = part;
}

struct ceremony_sign
ceremony_lab_sign(struct job *j, const char *issuing, const char *out)
{
	return (struct ceremony_sign){ .request = arena_printf(
					   j->arena, "%s/issuing.csr", issuing),
		.out = out,
		.crl_url = CEREMONY_CRL_URL,
		.ca_issuers_url = CEREMONY_ROOT_URL };
}

void
ceremony_lab_whole(struct job *j, const char *dir,
    struct ceremony_token *root_token, struct ceremony_token *issuing_token)
{
	const char *root = arena_printf(j->arena, "%s/root", dir);
	const char *issuing = arena_printf(j->arena, "%s/issuing", dir);
	const char *out = arena_printf(j->arena, "%s/signed.pem", dir);
	struct ceremony r = ceremony_lab(j, root);
	struct ceremony i = ceremony_lab(j, issuing);
	struct ceremony_sign sign = ceremony_lab_sign(j, issuing, out);

	(void)mkdir(dir, 0700);
	r.token = root_token;
	i.token = issuing_token;
	if (ceremony_init_root(&r, &ceremony_lab_root, "p384") < 0 ||
	    ceremony_request(&i, &ceremony_lab_issuing, "p384") < 0 ||
	    ceremony_sign(&r, &sign) < 0 ||
	    ceremony_import(
		&i, out, arena_printf(j->arena, "%s/root.pem", root)) < 0)
		fail_msg("%s", j->err.text);
}

struct span
ceremony_lab_read(struct job *j, const char *dir, const char *name)
{
	struct span out = { NULL, 0 };

	if (file_read(j, arena_printf(j->arena, "%s/%s", dir, name),
		1024 * 1024, &out) < 0)
		fail_msg("%s", j->err.text);
	return out;
}

bool
ceremony_lab_said(struct job *j, const char *dir, const char *text)
{
	struct transcript t;

	if (transcript_open(
		j, arena_printf(j->arena, "%s/transcript", dir), &t) < 0)
		fail_msg("%s", j->err.text);
	return span_find_span(t.text, 0, span_str(text)) < t.text.n;
}
