/*
 * Texts of reply cases: escapes and macros, as tests/data/replies/README says.
 */
#ifndef TESTS_UNIT_CASE_TEXT_H
#define TESTS_UNIT_CASE_TEXT_H

#include "lib/buf.h"

struct job;

#define CASE_TEXT_MAX (8u << 20)

/* The challenge that every reply answers, unless the case says otherwise. */
#define CASE_PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define CASE_RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define CASE_WRONG "reowUQfQdk2CJw17dkqZLcOLtnFsURLLHJRRCc3Z9wg"
#define CASE_FORMER "Znd3qTcMPsFm8aFRNqvB6Jk3p62csFCz-d_s880pylA"

#define CASE_BLOCK_BEGIN "-----BEGIN ACME RESPONSE-----"
#define CASE_BLOCK_END "-----END ACME RESPONSE-----"

/* What h= names where a case does not say it. */
#define CASE_NAMES                                                             \
	"from:to:cc:subject:date:message-id:in-reply-to:references:"           \
	"mime-version:content-type:content-transfer-encoding"

/* NULL, or what is wrong with it. */
const char *case_text(struct job *j, struct span text, struct span *out);
/* The word up to the next blank, which *rest then begins behind. */
struct span case_word(struct span *rest);

#endif
