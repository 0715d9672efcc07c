#include "config.h"

#include "mail/status_words.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/count.h"
#include "lib/job.h"

#define CODE_MAX 999

/* By subject and detail; where the class changes what it means, twice. */
static const struct {
	int class; /* 0: any */
	int subject, detail;
	const char *words;
} details[] = {
	{ 0, 1, 1, "there is no such mailbox" },
	{ 0, 1, 2, "there is no such mail domain" },
	{ 0, 1, 3, "the address is not well-formed there" },
	{ 0, 1, 4, "the address could mean several mailboxes" },
	{ 0, 1, 6, "the mailbox has moved and left no new address" },
	{ 0, 1, 7, "the sender's address is not well-formed there" },
	{ 0, 1, 8, "the sender's address is not accepted there" },
	{ 0, 1, 9, "the mail was handed to a system without mail reports" },
	/* RFC 7505 says the first, Microsoft's systems mean the second. */
	{ 0, 1, 10, "the mail domain takes no mail, or has no such mailbox" },
	{ 4, 2, 0, "the mailbox takes no mail now" },
	{ 0, 2, 1, "the mailbox is disabled" },
	{ 0, 2, 2, "the mailbox is full" },
	{ 0, 2, 3, "the mail is larger than the mailbox takes" },
	{ 0, 2, 4, "an alias or a list there could not be expanded" },
	{ 0, 3, 1, "the mail system is full" },
	{ 0, 3, 2, "the mail system takes no mail now" },
	{ 0, 3, 3, "the mail system lacks a feature that the mail needs" },
	{ 0, 3, 4, "the mail is larger than the mail system takes" },
	{ 0, 3, 5, "the mail system is not set up properly" },
	{ 0, 4, 1, "the mail system does not answer" },
	{ 0, 4, 2, "the connection to the mail system broke" },
	{ 0, 4, 3, "the name service could not be asked" },
	{ 0, 4, 4, "no way to the mail system is known" },
	{ 0, 4, 5, "the mail system is overloaded" },
	{ 0, 4, 6, "the mail went round in a circle" },
	{ 0, 4, 7, "the mail could not be delivered in time" },
	{ 0, 5, 3, "too many recipients at once" },
	{ 0, 6, 7, "the mail system cannot take non-ASCII addresses" },
	{ 4, 7, 1, "the mail system wants another try later" },
	{ 5, 7, 1, "the mail system's policy refuses the mail" },
	{ 0, 7, 2, "the mail system refuses mail to this list" },
	{ 0, 7, 8, "the login at the relay is wrong" },
	{ 0, 7, 13, "the user's account is disabled" },
	{ 0, 7, 20, "the mail carries no DKIM signature that passes" },
	{ 0, 7, 21, "the mail carries no acceptable DKIM signature" },
	{ 0, 7, 22, "the DKIM signature is not the From domain's" },
	{ 0, 7, 23, "SPF does not allow the relay to send for the domain" },
	{ 0, 7, 24, "SPF could not be checked" },
	{ 0, 7, 25, "the relay's address has no reverse name" },
	{ 0, 7, 26, "neither DKIM nor SPF passed" },
	{ 0, 7, 27, "the sender's domain takes no mail (null MX)" },
	{ 0, 7, 28, "too much mail came in a short time" },
};

static const char *const subjects[] = {
	NULL, /* other: by class */
	"something is wrong with the address",
	"something is wrong with the mailbox",
	"the mail system has trouble",
	"there is trouble on the way to the mail system",
	"the mail systems did not understand each other",
	"the mail system cannot take mail of this form",
	"the mail system's security rules refuse the mail",
};

/* Replies without an enhanced code (RFC 5321 section 4.2). */
static const struct {
	int code;
	const char *words;
} basics[] = {
	{ 421, "the mail system takes no mail now" },
	{ 450, "the mailbox cannot be reached now" },
	{ 451, "the mail system has trouble" },
	{ 452, "the mail system is full" },
	{ 530, "the relay wants a login, or TLS, first" },
	{ 535, "the login at the relay is wrong" },
	{ 550, "the mailbox cannot be reached, or mail is refused" },
	{ 551, "the mailbox is not there" },
	{ 552, "the mail or the mailbox is too large" },
	{ 553, "the address is not accepted" },
	{ 554, "the mail system refuses the mail" },
	{ 556, "the mail domain takes no mail" },
};

/* A number of one to three digits at *p, which moves behind it: or -1. */
static int
take_number(const char **p)
{
	int n = 0, digits = 0;

	for (; ascii_is_digit(**p); ++*p, digits++)
		if (n <= CODE_MAX)
			n = 10 * n + (**p - '0');
	return digits > 0 && digits <= 3 ? n : -1;
}

static const char *
words_of_class(int class)
{
	switch (class) {
	case 2:
		return "delivered";
	case 4:
		return "the mail system gives no reason; it may still succeed";
	case 5:
		return "the mail system gives no reason";
	default:
		return NULL;
	}
}

static const char *
words_of_enhanced(int class, int subject, int detail)
{
	if (class == 2 || words_of_class(class) == NULL)
		return words_of_class(class);
	for (size_t i = 0; i < COUNT(details); i++)
		if (details[i].subject == subject &&
		    details[i].detail == detail &&
		    (details[i].class == 0 || details[i].class == class))
			return details[i].words;
	if (subject > 0 && subject < (int)COUNT(subjects))
		return subjects[subject];
	return words_of_class(class);
}

static const char *
words_of_basic(int code)
{
	for (size_t i = 0; i < COUNT(basics); i++)
		if (basics[i].code == code)
			return basics[i].words;
	return words_of_class(code / 100);
}

/* "550 5.1.1", "5.1.1", "550". */
struct status {
	int basic; /* 0: none */
	int class; /* 0: no enhanced code */
	int subject, detail;
};

static int
parse_enhanced(const char *p, struct status *out)
{
	out->class = take_number(&p);
	if (out->class < 0 || out->class > 9 || *p++ != '.')
		return -1;
	out->subject = take_number(&p);
	if (out->subject < 0 || *p++ != '.')
		return -1;
	out->detail = take_number(&p);
	return out->detail < 0 || *p != '\0' ? -1 : 0;
}

static int
parse(const char *code, struct status *out)
{
	const char *p = code;
	int first = take_number(&p);

	*out = (struct status){ .basic = 0 };
	if (first < 100)
		return parse_enhanced(code, out);
	out->basic = first;
	if (*p == '\0')
		return 0;
	return *p == ' ' ? parse_enhanced(p + 1, out) : -1;
}

const char *
status_words(const char *code)
{
	struct status s;

	if (parse(code, &s) < 0)
		return NULL;
	/* "550 5.0.0", "530 5.7.0": the first number says more. */
	if (s.basic != 0 && (s.class == 0 || s.subject == 0 ||
				(s.basic == 530 && s.detail == 0)))
		return words_of_basic(s.basic);
	return words_of_enhanced(s.class, s.subject, s.detail);
}

/* 5.1.10 is not among them: Microsoft's systems say it of mailboxes. */
bool
status_is_no_exchanger(const char *code)
{
	struct status s;

	if (parse(code, &s) < 0)
		return false;
	return s.basic == 556 ||
	       (s.class == 5 && ((s.subject == 1 && s.detail == 2) ||
				    (s.subject == 4 && s.detail == 4)));
}

const char *
status_explain(struct job *j, const char *code)
{
	const char *words = status_words(code);

	if (code[0] == '\0')
		return "no answer";
	if (words == NULL)
		return code;
	return arena_printf(j->arena, "%s (%s)", code, words);
}
