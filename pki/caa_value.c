#include "config.h"

#include "pki/caa_value.h"

#include <string.h>

#include "lib/conf.h"
#include "pki/caa.h"

int
caa_property_parse(struct span rdata, struct caa_property *out)
{
	if (rdata.n < 2 || (uint8_t)rdata.p[1] > rdata.n - 2)
		return -1;
	out->flags = (uint8_t)rdata.p[0];
	out->tag = span_cut(rdata, 2, 2 + (size_t)(uint8_t)rdata.p[1]);
	out->value = span_from(rdata, 2 + out->tag.n);
	return 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct span *in)
{
	while (in->n > 0 && is_blank(in->p[0]))
		*in = span_from(*in, 1);
}

/* Letters, digits, and hyphens that do not stand at an end. */
static struct span
take_label(struct span *in)
{
	size_t n = 0;

	while (n < in->n && (ascii_is_alnum(in->p[n]) || in->p[n] == '-'))
		n++;
	struct span label = span_cut(*in, 0, n);
	if (n > 0 && (label.p[0] == '-' || label.p[n - 1] == '-'))
		label.n = 0;
	*in = span_from(*in, n);
	return label;
}

/* 0 with the name (maybe empty), or -1. */
static int
take_domain(struct span *in, struct span *name)
{
	struct span rest = *in;

	name->p = in->p;
	name->n = 0;
	if (in->n == 0 || !(ascii_is_alnum(in->p[0]) || in->p[0] == '-'))
		return 0;
	for (;;) {
		if (take_label(&rest).n == 0)
			return -1;
		if (rest.n == 0 || rest.p[0] != '.')
			break;
		rest = span_from(rest, 1);
	}
	name->n = in->n - rest.n;
	*in = rest;
	return 0;
}

static bool
is_value_char(char c)
{
	return (c >= 0x21 && c <= 0x3a) || (c >= 0x3c && c <= 0x7e);
}

/* The next `tag = value`: 1, 0 at the end, -1 outside the grammar.
 * `is_first` tells whether the list may be empty. */
static int
take_parameter(
    struct span *in, bool is_first, struct span *tag, struct span *value)
{
	size_t n = 0;

	skip_blanks(in);
	if (in->n == 0)
		return is_first ? 0 : -1;
	*tag = take_label(in);
	skip_blanks(in);
	if (tag->n == 0 || in->n == 0 || in->p[0] != '=')
		return -1;
	*in = span_from(*in, 1);
	skip_blanks(in);
	while (n < in->n && is_value_char(in->p[n]))
		n++;
	*value = span_cut(*in, 0, n);
	*in = span_from(*in, n);
	skip_blanks(in);
	return in->n == 0 || in->p[0] == ';' ? 1 : -1;
}

/* PK-41: labels with commas between, compared exactly. */
static bool
methods_contain_ours(struct span list)
{
	bool found = false;

	for (size_t at = 0; at <= list.n;) {
		size_t end = span_find(list, at, ',');
		struct span label = span_cut(list, at, end);
		if (label.n == 0)
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
				return false;
		found |= span_eq_str(label, CAA_METHOD);
		at = end + 1;
	}
	return found;
}

/*
 * PK-40: octet for octet, no decoding and no folding.  An account's id is
 * what stands behind the last slash of its URL, whatever came before it when
 * the domain's owner wrote the record.
 */
static bool
names_account(
    struct span value, const char *account_url, const struct caa_policy *policy)
{
	const char *id = strrchr(account_url, '/');

	if (span_eq_str(value, account_url))
		return true;
	if (policy->account_prefixes == NULL || id == NULL || id[1] == '\0')
		return false;
	for (size_t i = 0; i < policy->account_prefixes->n; i++) {
		struct span prefix = span_str(policy->account_prefixes->v[i]);

		if (span_starts(value, prefix) &&
		    span_eq_str(span_from(value, prefix.n), id + 1))
			return true;
	}
	return false;
}

/* 4.3: all must hold; one that we do not know holds never (PK-42). */
static int
judge_parameters(struct span in, const char *account_url,
    const struct caa_policy *policy, struct caa_judgement *out)
{
	bool seen_account = false;
	bool seen_methods = false;
	bool is_first = true;
	struct span tag;
	struct span value;
	const char *refusal;
	int r;

	while ((r = take_parameter(&in, is_first, &tag, &value)) == 1) {
		is_first = false;
		refusal = NULL;
		if (span_caseeq_str(tag, CAA_PARAMETER_ACCOUNT)) {
			if (seen_account)
				refusal = "stands twice";
			else if (!names_account(value, account_url, policy))
				refusal = "names another account";
			seen_account = true;
		} else if (span_caseeq_str(tag, CAA_PARAMETER_METHODS)) {
			if (seen_methods)
				refusal = "stands twice";
			else if (!methods_contain_ours(value))
				refusal = "does not name " CAA_METHOD;
			seen_methods = true;
		} else if (!policy->ignore_unknown) {
			refusal = "is not known";
		}
		if (refusal != NULL && out->refusal == NULL) {
			out->refusal = refusal;
			out->parameter = tag;
		}
		if (in.n == 0)
			return 0;
		in = span_from(in, 1);
	}
	return r;
}

int
caa_value_judge(struct span value, const char *account_url,
    const struct caa_policy *policy, struct caa_judgement *out)
{
	struct span name;

	*out = (struct caa_judgement){ 0 };
	skip_blanks(&value);
	if (take_domain(&value, &name) < 0)
		return -1;
	skip_blanks(&value);
	if (value.n > 0) {
		if (value.p[0] != ';')
			return -1;
		value = span_from(value, 1);
		if (judge_parameters(value, account_url, policy, out) < 0)
			return -1;
	}
	for (size_t i = 0; i < policy->issuer_domains->n; i++)
		if (name.n > 0 &&
		    span_caseeq_str(name, policy->issuer_domains->v[i]))
			out->names_us = true;
	return 0;
}

bool
caa_has_parameters(struct span rdata)
{
	struct caa_property p;
	size_t at;

	if (caa_property_parse(rdata, &p) < 0 ||
	    !span_caseeq_str(p.tag, "issuemail"))
		return false;
	at = span_find(p.value, 0, ';');
	for (at++; at < p.value.n; at++)
		if (!is_blank(p.value.p[at]))
			return true;
	return false;
}
