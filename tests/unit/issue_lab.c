#include "config.h"

#include "tests/unit/issue_lab.h"

#include "pki/issue.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

struct issue_input
issue_lab_input_for(struct job *j, const struct profile *profile, EVP_PKEY *key,
    int usage, const char *const *mailboxes, size_t count, struct csr *csr)
{
	struct issue_input in = { .profile = profile,
		.mailboxes = mailboxes,
		.mailbox_count = count,
		.csr = csr,
		.crl_url = LAB_CRL_URL,
		.ca_issuers_url = LAB_CA_ISSUERS_URL };
	struct csr_policy policy = { .mailboxes = mailboxes,
		.mailbox_count = count,
		.addr = { .utf8_local = true, .reserved_domains = true },
		.profile = profile };
	struct lab_csr c = lab_csr(j, key, mailboxes[0]);

	c.key_usage = usage;
	c.names = span_mem("", 0);
	for (size_t i = 0; i < count; i++)
		c.names = lab_join(j, c.names,
		    span_is_ascii(span_str(mailboxes[i]))
			? lab_rfc822(j, mailboxes[i])
			: lab_smtp_utf8(j, mailboxes[i]));
	if (csr_parse(j, lab_csr_make(j, &c), &policy, csr) < 0)
		fail_msg("%s", j->err.text);
	issue_serial(0x2a, in.serial);
	issue_validity(j->now, 300, 365, &in.not_before, &in.not_after);
	return in;
}

struct issue_input
issue_lab_input(struct job *j, EVP_PKEY *key, int usage,
    const char *const *mailboxes, size_t count, struct csr *csr)
{
	return issue_lab_input_for(
	    j, LAB_PROFILE, key, usage, mailboxes, count, csr);
}
