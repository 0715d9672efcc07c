#include "config.h"

#include "mail/reply_via.h"

#include "lib/count.h"
#include "mail/addr_list.h"
#include "mail/mime.h"

#define W(words)                                                               \
	{                                                                      \
		words, sizeof(words) - 1                                       \
	}

/* As lists write it before their name, in UTF-8 and in the charsets of one
 * octet: "Via Veneto" and "VIA Rail" are names. */
static const struct span before_list[] = {
	W("via"),
	W("vía"),
	W("über"),
	W("ueber"),
	W("przez"),
	W("přes"),
	W("cez"),
	W("prin"),
	W("través"),
	W("através"),
	W("attraverso"),
	W("Attraverso"),
	W("через"),
	W("чрез"),
	W("през"),
	W("përmes"),
	W("aracılığıyla"),
	W("דרך"),
	W("通过"),
	W("経由の"),
	W("통한"),
	/* ISO 8859-1, -2, -9, -15, Windows-1250, -1252 */
	W("v\355a"),
	W("\374ber"),
	W("p\370es"),
	W("trav\351s"),
	/* Windows-1251, KOI8 */
	W("\367\345\360\345\347"),
	W("\367\360\345\347"),
	W("\336\305\322\305\332"),
	W("\336\322\305\332"),
};

/* Mailman's in Russian and French.  In names they are, too, of whoever writes
 * their own small ("marie c dupont", "anders par nilsson"). */
static const struct span maybe_before[] = { W("c"), W("par") };

/* And behind it. */
static const struct span behind_list[] = {
	W("kautta"), W("kaudu"), W("bidez"), W("keresztül"), W("kereszt\374l"),
	W("経由"), /* without a blank before it */
};

/* Before or behind the poster, where the list comes first. */
static const struct span for_poster[] = {
	W("on behalf of"),
	W("im Auftrag von"),
	W("in opdracht van"),
	W("de la part de"),
	W("en nombre de"),
	W("en nom de"),
	W("A favor de"),
	W("no nome de"),
	W("e nome de"), /* Sympa's in Galician */
	W("per conto di"),
	W("per delegacion de"),
	W("от имени"),
	W("の代理で送信"),
	/* Windows-1251, KOI8 */
	W("\356\362 \350\354\345\355\350"),
	W("\317\324 \311\315\305\316\311"),
};

/* No sign of ASCII is part of a word: a poster's name may end in each. */
static bool
is_letter(char c)
{
	return (unsigned char)c >= 0x80 || ascii_is_alnum(c);
}

/* "Firm c/o Alice" is no list. */
static bool
stands_apart(struct span name, size_t from, size_t to)
{
	return from > 0 && name.p[from - 1] == ' ' && to < name.n &&
	       name.p[to] == ' ';
}

/* What stands at a name's end. */
struct ending {
	struct span local; /* of the address */
	size_t big;        /* where the last word begins that does so with
			    * anything but a small letter of ASCII; 0: none */
	size_t end;        /* of the last word */
};

static struct ending
ending_of(struct span name, struct span local)
{
	struct ending e = { .local = local };
	bool in_word = false;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!in_word && is_letter(c) && (c < 'a' || c > 'z'))
			e.big = i;
		in_word = is_letter(c);
		if (in_word)
			e.end = i + 1;
	}
	return e;
}

/* From `at` on, behind a word.  As Mailman names a list unless somebody has set
 * that otherwise: with a capital letter.  The address's local part is one's
 * name without that, too. */
static bool
is_list_name(struct span name, size_t at, const struct ending *e)
{
	return e->big > at ||
	       span_caseeq(span_trim(span_cut(name, at, e->end)), e->local);
}

static bool
is_before_list(struct span name, size_t from, size_t to, const struct ending *e)
{
	struct span word = span_cut(name, from, to);

	for (size_t i = 0; i < COUNT(before_list); i++)
		if (span_eq(word, before_list[i]))
			return true;
	for (size_t i = 0; i < COUNT(maybe_before); i++)
		if (span_eq(word, maybe_before[i]))
			return stands_apart(name, from, to) &&
			       is_list_name(name, to, e);
	return false;
}

/* `count` words came before. */
static bool
is_behind_list(struct span word, size_t count)
{
	struct span x;

	for (size_t i = 0; i < COUNT(behind_list); i++) {
		x = behind_list[i];
		if (span_eq(word, x)
			? count > 0
			: !ascii_is_alpha(x.p[0]) && span_ends(word, x))
			return true;
	}
	return false;
}

/* Does such a word stand between others?  `count` of them came before. */
static bool
says_via(struct span name, size_t count, struct span local)
{
	const struct ending e = ending_of(name, local);
	bool after_via = false;
	size_t at = 0, from;
	struct span word;

	while (at < name.n) {
		from = at;
		while (at < name.n && is_letter(name.p[at]))
			at++;
		if (at == from) {
			at++;
			continue;
		}
		word = span_cut(name, from, at);
		if (after_via || is_behind_list(word, count))
			return true;
		after_via = count++ > 0 && is_before_list(name, from, at, &e);
	}
	return false;
}

static bool
says_for(struct span name)
{
	struct span x;
	size_t at, end;

	for (size_t i = 0; i < COUNT(for_poster); i++) {
		x = for_poster[i];
		for (at = 0; (at = span_find_span(name, at, x)) < name.n;
		     at++) {
			end = at + x.n;
			if ((at == 0 || !ascii_is_alnum(name.p[at - 1])) &&
			    (end == name.n || !ascii_is_alnum(name.p[end])))
				return true;
		}
	}
	return false;
}

/*
 * The poster chooses the rest of the name, so all that is not the address is
 * looked into; behind that, the address is what came before:
 * "mallory@friend.test (via Friends)".
 */
bool
reply_via_list(struct job *j, struct span from, const char *address)
{
	struct span before, after, local = span_str(address);

	local = span_cut(local, 0, span_find(local, 0, '@'));
	if (addr_list_from_names(from, &before, &after) < 0)
		return false;
	before = mime_undo_words(j, before);
	after = mime_undo_words(j, after);
	return says_via(before, 0, local) || says_via(after, 1, local) ||
	       says_for(before) || says_for(after);
}
