/*
 * How long one input of a fuzzer may take (MA-92): one second of processor
 * time, with sanitizers.  Wall clock proves nothing on a machine that has
 * other work.
 *
 * The linker puts time_limit_call() between whoever runs the inputs and
 * LLVMFuzzerTestOneInput() (-Wl,--wrap), so that no fuzzer has to think of it.
 * An input that takes longer ends the program with SIGABRT, at once also if it
 * never ends: libFuzzer then keeps it as a file and says which.
 */
#ifndef TESTS_FUZZ_TIME_LIMIT_H
#define TESTS_FUZZ_TIME_LIMIT_H

#include <stddef.h>
#include <stdint.h>

struct time_limit {
	int64_t max_usecs;
	/* Where the inputs come from, for the message; NULL: somewhere. */
	const char *what;
	/* The slowest one so far. */
	int64_t slowest_usecs;
	size_t slowest_len;
	char slowest_what[256];
};
extern struct time_limit time_limit;

typedef int time_limit_fn(const uint8_t *data, size_t n);

/* The first call runs `one` with nothing before, not counted: what a fuzzer
 * makes once, keys for example, is no part of an input. */
int time_limit_call(time_limit_fn *one, const uint8_t *data, size_t n);

#endif
