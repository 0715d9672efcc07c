#include "config.h"

#include "mail/sasl.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/scram.h"

#define TEXT_MAX 16384

struct sasl {
	struct job *job;
	enum sasl_mechanism mechanism;
	const struct sasl_login *login;
	struct scram *scram;
	int step; /* answers given */
	bool proven;
};

static const char *const names[SASL_COUNT] = {
	[SASL_NONE] = "",
	[SASL_PLAIN] = "PLAIN",
	[SASL_LOGIN] = "LOGIN",
	[SASL_SCRAM_SHA_1] = "SCRAM-SHA-1",
	[SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
	[SASL_XOAUTH2] = "XOAUTH2",
	[SASL_OAUTHBEARER] = "OAUTHBEARER",
};

#define BIT(m) (1u << (m))
#define SCRAMS (BIT(SASL_SCRAM_SHA_1) | BIT(SASL_SCRAM_SHA_256))

/* What each value of the option allows. */
struct allowed {
	unsigned mechanisms;
	const char *text;
};
static const struct allowed allowed[] = {
	[CONF_AUTH_AUTO] = { BIT(SASL_PLAIN) | BIT(SASL_LOGIN) | SCRAMS,
	    "SCRAM-SHA-256, SCRAM-SHA-1, PLAIN or LOGIN" },
	[CONF_AUTH_PLAIN] = { BIT(SASL_PLAIN), "PLAIN" },
	[CONF_AUTH_LOGIN] = { BIT(SASL_LOGIN), "LOGIN" },
	[CONF_AUTH_SCRAM] = { SCRAMS, "SCRAM-SHA-256 or SCRAM-SHA-1" },
	[CONF_AUTH_XOAUTH2] = { BIT(SASL_XOAUTH2), "XOAUTH2" },
	[CONF_AUTH_OAUTHBEARER] = { BIT(SASL_OAUTHBEARER), "OAUTHBEARER" },
};

/* AUTO, where there is a token instead of a password. */
static const struct allowed bearer = {
	BIT(SASL_XOAUTH2) | BIT(SASL_OAUTHBEARER), "OAUTHBEARER or XOAUTH2"
};

/* The best first. */
static const enum sasl_mechanism order[] = { SASL_SCRAM_SHA_256,
	SASL_SCRAM_SHA_1, SASL_OAUTHBEARER, SASL_XOAUTH2, SASL_PLAIN,
	SASL_LOGIN };

const char *
sasl_name(enum sasl_mechanism m)
{
	return names[m];
}

enum sasl_mechanism
sasl_find(struct span name)
{
	for (int m = SASL_NONE + 1; m < SASL_COUNT; m++)
		if (span_caseeq_str(name, names[m]))
			return (enum sasl_mechanism)m;
	return SASL_NONE;
}

enum sasl_mechanism
sasl_pick(
    enum conf_auth wanted, const struct sasl_login *login, unsigned offered)
{
	const struct allowed *a = login->is_token && wanted == CONF_AUTH_AUTO
				      ? &bearer
				      : &allowed[wanted];
	unsigned possible = offered & a->mechanisms;

	if (!span_is_ascii(span_str(login->user)) ||
	    !span_is_ascii(login->secret))
		possible &= ~SCRAMS;
	for (size_t i = 0; i < COUNT(order); i++)
		if ((possible & BIT(order[i])) != 0)
			return order[i];
	return SASL_NONE;
}

const char *
sasl_wanted(enum conf_auth wanted, bool is_token)
{
	return is_token && wanted == CONF_AUTH_AUTO ? bearer.text
						    : allowed[wanted].text;
}

struct sasl *
sasl_new(struct job *j, enum sasl_mechanism m, const struct sasl_login *login)
{
	struct sasl *s = arena_alloc(j->arena, sizeof(*s));

	*s = (struct sasl){ .job = j, .mechanism = m, .login = login };
	if (m == SASL_SCRAM_SHA_1 || m == SASL_SCRAM_SHA_256)
		s->scram = scram_new(j,
		    m == SASL_SCRAM_SHA_1 ? SCRAM_SHA1 : SCRAM_SHA256,
		    span_str(login->user), login->secret, NULL);
	/* The others have nothing to ask of the server. */
	s->proven = s->scram == NULL;
	return s;
}

static void
add_bearer(struct buf *b, const struct sasl_login *login)
{
	buf_add_str(b, "\x01"
		       "auth=Bearer ");
	buf_add(b, login->secret);
	buf_add_str(b, "\x01\x01");
}

int
sasl_initial(struct sasl *s, struct span *out)
{
	const struct sasl_login *login = s->login;
	struct buf b;

	if (s->mechanism == SASL_LOGIN)
		return 0;
	if (s->scram != NULL) {
		*out = scram_first(s->scram);
		return 1;
	}
	buf_init_secret(&b, s->job->arena, TEXT_MAX);
	if (s->mechanism == SASL_PLAIN) {
		buf_add_char(&b, '\0');
		buf_add_str(&b, login->user);
		buf_add_char(&b, '\0');
		buf_add(&b, login->secret);
	} else if (s->mechanism == SASL_XOAUTH2) {
		buf_add_str(&b, "user=");
		buf_add_str(&b, login->user);
		add_bearer(&b, login);
	} else {
		/* RFC 7628 3.1; a user name with , or = in GS2's spelling. */
		buf_add_str(&b, "n,a=");
		for (const char *p = login->user; *p != '\0'; p++)
			if (*p == ',' || *p == '=')
				buf_add_str(&b, *p == ',' ? "=2C" : "=3D");
			else
				buf_add_char(&b, *p);
		buf_addf(&b, ",\x01host=%s\x01port=%lld", login->host,
		    (long long)login->port);
		add_bearer(&b, login);
	}
	*out = buf_span(&b);
	return 1;
}

static int
answer_scram(
    struct sasl *s, struct span challenge, struct span *out, const char **why)
{
	if (s->step == 1)
		return scram_final(s->scram, challenge, out, why);
	if (s->step > 2) {
		*why = "SCRAM: the server asks on after its last message";
		return -1;
	}
	if (scram_check(s->scram, challenge, why) < 0)
		return -1;
	s->proven = true;
	return 0;
}

int
sasl_answer(
    struct sasl *s, struct span challenge, struct span *out, const char **why)
{
	*out = SPAN("");
	*why = NULL;
	s->step++;
	if (s->scram != NULL)
		return answer_scram(s, challenge, out, why);
	if (s->mechanism == SASL_LOGIN && s->step <= 2) {
		/* What the prompts say differs from server to server. */
		*out =
		    s->step == 1 ? span_str(s->login->user) : s->login->secret;
		return 0;
	}
	/* A bearer's challenge says why it is refused; the answer has no
	 * meaning but lets the server say so in its own protocol. */
	if (s->step == 1 && s->mechanism == SASL_XOAUTH2)
		return 0;
	if (s->step == 1 && s->mechanism == SASL_OAUTHBEARER) {
		*out = SPAN("\x01");
		return 0;
	}
	*why = "the server asks for more than the mechanism has";
	return -1;
}

bool
sasl_is_proven(const struct sasl *s)
{
	return s->proven;
}
