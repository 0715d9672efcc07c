#include "config.h"

#include "pki/profile_conf.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/policy_oid.h"

#define NAME_LEN_MAX 32 /* AC-161 */
#define CAPABILITIES_MAX 512
#define WORDS_MAX 200

/* One section on its way to a profile. */
struct making {
	struct arena *arena;
	profile_report_fn *report;
	void *ctx;
	bool failed;
};

static void wrong(struct making *m, const char *option, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
wrong(struct making *m, const char *option, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, m->arena, 1000);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	m->report(m->ctx, option, b.p);
	m->failed = true;
}

static const struct profile *
base_of(const char *name)
{
	const struct profile *p = profile_find(NULL, span_str(name));

	return p != NULL ? p : &profiles[0];
}

void
profile_defaults(struct conf_profile *c)
{
	const struct profile *base = base_of(c->name);
	bool ships = strcmp(base->name, c->name) == 0;

	c->description =
	    ships ? base->description : "S/MIME certificate for mailboxes";
	c->generation = base->generation == GENERATION_STRICT
			    ? CONF_GENERATION_STRICT
			    : CONF_GENERATION_MULTIPURPOSE;
	c->reuse = true;
}

/* AC-161: [a-z0-9][a-z0-9-]{0,31} */
static void
check_name(struct making *m, const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > NAME_LEN_MAX || name[0] == '-' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		wrong(m, NULL,
		    "the section's name must be 1 to %d lower-case letters, "
		    "digits and -, and not begin with -",
		    NAME_LEN_MAX);
}

static const char *
use_word(int class)
{
	return key_class_name((enum key_class) class);
}

static const char *
key_word(int kind)
{
	return key_kind_word((enum key_kind)kind);
}

/* RFC 8551 2.5.2: AES without parameters. */
static const struct {
	const char *word;
	struct span oid;
} ciphers[] = {
	{ "aes-256-gcm", { "\x60\x86\x48\x01\x65\x03\x04\x01\x2e", 9 } },
	{ "aes-192-gcm", { "\x60\x86\x48\x01\x65\x03\x04\x01\x1a", 9 } },
	{ "aes-128-gcm", { "\x60\x86\x48\x01\x65\x03\x04\x01\x06", 9 } },
	{ "aes-256-cbc", { "\x60\x86\x48\x01\x65\x03\x04\x01\x2a", 9 } },
	{ "aes-192-cbc", { "\x60\x86\x48\x01\x65\x03\x04\x01\x16", 9 } },
	{ "aes-128-cbc", { "\x60\x86\x48\x01\x65\x03\x04\x01\x02", 9 } },
};
#define CIPHER_COUNT ((int)(COUNT(ciphers)))

static const char *
cipher_word(int i)
{
	return ciphers[i].word;
}

static const char *
all_words(struct making *m, const char *(*word)(int), int count)
{
	struct buf b;

	buf_init(&b, m->arena, WORDS_MAX);
	for (int i = 0; i < count; i++)
		buf_addf(&b, "%s%s", i == 0 ? "" : ", ", word(i));
	return b.p;
}

/* The place of a word among `count`, or -1 after a report. */
static int
word_index(struct making *m, const char *option, const char *value,
    const char *(*word)(int), int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(value, word(i)) == 0)
			return i;
	wrong(m, option, "%s is none of %s", value, all_words(m, word, count));
	return -1;
}

/* A bit for each word; those of the base for an empty list. */
static unsigned
bits_of(struct making *m, const char *option, const struct conf_list *list,
    const char *(*word)(int), int count, unsigned base)
{
	unsigned bits = 0;

	for (size_t i = 0; i < list->n; i++) {
		int at = word_index(m, option, list->v[i], word, count);

		if (at < 0)
			continue;
		if (bits & PROFILE_BIT(at))
			wrong(m, option, "has %s twice", list->v[i]);
		bits |= PROFILE_BIT(at);
	}
	return list->n == 0 ? base : bits;
}

/* PK-106: in the order of the configuration, the best first. */
static void
make_capabilities(
    struct making *m, const struct conf_list *list, struct profile *out)
{
	unsigned seen = 0;
	struct buf b;

	if (list->n == 0)
		return;
	buf_init(&b, m->arena, CAPABILITIES_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	for (size_t i = 0; i < list->n; i++) {
		int at = word_index(m, "smime_capabilities", list->v[i],
		    cipher_word, CIPHER_COUNT);

		if (at < 0)
			continue;
		if (seen & PROFILE_BIT(at))
			wrong(m, "smime_capabilities", "has %s twice",
			    list->v[i]);
		seen |= PROFILE_BIT(at);
		size_t one = der_open(&b, DER_SEQUENCE);
		der_add(&b, DER_OID, ciphers[at].oid);
		der_close(&b, one);
	}
	der_close(&b, mark);
	out->smime_capabilities = buf_span(&b);
}

/* PK-101 */
static void
make_policy(struct making *m, const char *text, struct profile *out)
{
	const char *problem;

	if (text == NULL)
		return;
	problem = policy_oid_read(m->arena, text, &out->policy);
	if (problem != NULL)
		wrong(m, "policy", "%s %s", text, problem);
}

/* Is there a certificate that it could give? */
static bool
is_possible(const struct profile *p)
{
	for (int k = 0; k < KEY_KIND_COUNT; k++)
		for (int c = KEY_CLASS_SIGNING; c <= KEY_CLASS_DUAL; c++)
			if (profile_takes_key(p, (enum key_kind)k) &&
			    profile_allows(p, (enum key_class)c) &&
			    profile_key_usage((enum key_class)c,
				key_kind_type((enum key_kind)k), false)
				    .n > 0)
				return true;
	return false;
}

static void
check_whole(struct making *m, const struct profile *p)
{
	if (p->client_auth && p->generation == GENERATION_STRICT)
		wrong(m, "client_auth",
		    "the strict generation is for mail only; set generation "
		    "to multipurpose");
	if (!m->failed && !is_possible(p))
		wrong(m, "keys",
		    "no key of these can do what use asks for: Ed25519 and "
		    "Ed448 keys only sign");
	if (p->subject_number && p->subject == SUBJECT_EMPTY)
		wrong(m, "subject_number",
		    "stands beside a mailbox in the subject; set subject to "
		    "cn, email or cn+email");
}

int
profile_make(struct arena *a, const struct conf_profile *c,
    profile_report_fn *report, void *ctx, struct profile *out)
{
	static const enum profile_generation generations[] = {
		[CONF_GENERATION_STRICT] = GENERATION_STRICT,
		[CONF_GENERATION_MULTIPURPOSE] = GENERATION_MULTIPURPOSE,
	};
	static const enum profile_subject subjects[] = {
		[CONF_SUBJECT_CN] = SUBJECT_CN,
		[CONF_SUBJECT_EMAIL] = SUBJECT_EMAIL,
		[CONF_SUBJECT_CN_EMAIL] = SUBJECT_CN_EMAIL,
		[CONF_SUBJECT_EMPTY] = SUBJECT_EMPTY,
	};
	const struct profile *base = base_of(c->name);
	struct making m = { .arena = a, .report = report, .ctx = ctx };

	check_name(&m, c->name);
	*out = (struct profile){
		.name = c->name,
		.description = c->description,
		.generation = generations[c->generation],
		.classes =
		    bits_of(&m, "use", &c->use, use_word, 3, base->classes),
		.keys = bits_of(
		    &m, "keys", &c->keys, key_word, KEY_KIND_COUNT, base->keys),
		.subject = subjects[c->subject],
		.non_repudiation = c->non_repudiation,
		.client_auth = c->client_auth,
		.any_rsa_exponent = c->rsa_exponent == CONF_EXPONENT_ANY,
		.subject_number = c->subject_number,
		.days = c->validity_days,
		.proves_anew = !c->reuse,
	};
	make_policy(&m, c->policy, out);
	make_capabilities(&m, &c->smime_capabilities, out);
	check_whole(&m, out);
	return m.failed ? -1 : 0;
}
