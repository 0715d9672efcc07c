#include "config.h"

#include "lib/rnd.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/log.h"

#define ID_OCTETS 16
#define TIME_OCTETS 6 /* milliseconds: the first bit is 0 for 4,000 years */

/* The test stream: splitmix64, whose state is a counter. */
static atomic_bool test_stream;
static _Atomic uint64_t test_state;

static uint64_t
test_next(void)
{
	const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = atomic_fetch_add(&test_state, step) + step;

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
test_bytes(unsigned char *out, size_t n)
{
	while (n > 0) {
		uint64_t word = test_next();
		size_t part = n < sizeof(word) ? n : sizeof(word);

		memcpy(out, &word, part);
		out += part;
		n -= part;
	}
}

void
rnd_bytes(void *out, size_t n)
{
	if (atomic_load(&test_stream)) {
		test_bytes(out, n);
		return;
	}
	/* PK-4, AC-109: nothing falls back. */
	if (n > INT_MAX || RAND_bytes(out, (int)n) != 1) {
		log_error("random generator failed",
		    "hint=\"OpenSSL got no entropy from the kernel; is "
		    "getrandom allowed in this sandbox?\"");
		abort();
	}
}

void
rnd_id(char out[RND_ID_LEN + 1])
{
	uint8_t octets[ID_OCTETS];

	_Static_assert(B64URL_LEN(ID_OCTETS) == RND_ID_LEN, "length of an id");
	/* People give an id to a command: it must not look like an option. */
	do {
		rnd_bytes(octets, sizeof(octets));
		b64url_format(out, span_mem(octets, sizeof(octets)));
	} while (out[0] == '-');
}

void
rnd_row_id(char out[RND_ID_LEN + 1])
{
	uint8_t octets[ID_OCTETS];
	uint64_t ms = (uint64_t)clock_now_ms();

	for (size_t i = TIME_OCTETS; i-- > 0; ms >>= 8)
		octets[i] = (uint8_t)(ms & 0xff);
	rnd_bytes(octets + TIME_OCTETS, sizeof(octets) - TIME_OCTETS);
	b64url_format(out, span_mem(octets, sizeof(octets)));
}

void
rnd_test_seed(uint64_t seed)
{
	atomic_store(&test_state, seed);
	atomic_store(&test_stream, seed != 0);
}
