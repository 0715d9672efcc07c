#include "config.h"

#include "tests/unit/block_lab.h"

#include "tests/unit/unit.h"

#include "lib/b64.h"
#include "mail/finding.h"
#include "mail/reply.h"

const char *
block_lab_code(struct span text, uint8_t digest[SHA256_LEN])
{
	struct finding f = { .code = "" };
	int result = reply_find_block(unit_job(), text, digest, &f);

	assert_int_equal(result, f.code[0] == '\0' ? 0 : -1);
	return f.code;
}

void
block_lab_digest(const char *text, uint8_t digest[SHA256_LEN])
{
	assert_int_equal(
	    b64url_parse_fixed(span_str(text), digest, SHA256_LEN), 0);
}
