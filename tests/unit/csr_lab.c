#include "config.h"

#include "tests/unit/csr_lab.h"

#include <string.h>

#include "tests/unit/unit.h"

const char *const csr_lab_mailboxes[1] = { "alice@example.com" };
const struct csr_policy csr_lab_policy = {
	.mailboxes = csr_lab_mailboxes,
	.mailbox_count = 1,
	.addr = { .utf8_local = true, .reserved_domains = true },
	.profile = LAB_PROFILE,
};

struct lab_csr
csr_lab_good(struct job *j)
{
	return lab_csr(j, lab_key(KEY_TYPE_P256, 0), csr_lab_mailboxes[0]);
}

void
csr_lab_accepts(struct job *j, const struct lab_csr *c)
{
	struct csr out;

	if (csr_parse(j, lab_csr_make(j, c), &csr_lab_policy, &out) < 0)
		fail_msg("refused: %s", j->err.text);
}

void
csr_lab_refuses(struct job *j, const struct lab_csr *c, const char *part)
{
	struct csr out;

	if (csr_parse(j, lab_csr_make(j, c), &csr_lab_policy, &out) == 0)
		fail_msg("accepted, expected: %s", part);
	assert_int_equal(j->err.kind, ERR_BAD_CSR);
	if (strstr(j->err.text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, j->err.text);
	job_recover(j);
}
