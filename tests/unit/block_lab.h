/*
 * For the tests of mail/reply_block.h: response blocks, and what is found.
 */
#ifndef TESTS_UNIT_BLOCK_LAB_H
#define TESTS_UNIT_BLOCK_LAB_H

#include "lib/buf.h"
#include "lib/digest.h"

#define ONE "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define TWO "reowUQfQdk2CJw17dkqZLcOLtnFsURLLHJRRCc3Z9wg"
#define BEGIN "-----BEGIN ACME RESPONSE-----\n"
#define END "-----END ACME RESPONSE-----\n"
#define BLOCK(digest) BEGIN digest "\n" END

/* The code of why no block counts in this text, or "" and the block's digest.
 */
const char *block_lab_code(struct span text, uint8_t digest[SHA256_LEN]);

/* The octets of ONE or TWO. */
void block_lab_digest(const char *text, uint8_t digest[SHA256_LEN]);

#endif
