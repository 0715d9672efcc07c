/*
 * What a fuzzer's DKIM verification passes, for the oracles (MA-90).
 *
 * With COUNTERSIGN_FUZZ_PASSES=FILE in the environment such messages are added
 * to FILE in the form of tests/integration/dkim_case.h, which
 * tests/integration/dkim_oracles --cases FILE gives to libopendkim and dkimpy.
 * Of very many only some are kept, ever fewer.
 */
#ifndef TESTS_FUZZ_PASSES_H
#define TESTS_FUZZ_PASSES_H

#include <stdint.h>

#include "lib/buf.h"

/* `owner` and `record`: where the key is in the DNS, and its text. */
void passes_keep(struct span raw, const char *domain, int64_t now,
    const char *owner, struct span record);

#endif
