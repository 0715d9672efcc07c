/* A DNS message from the resolver library (MA-30). */
#include "config.h"

#include <stddef.h>
#include <stdint.h>

#include "dns/packet.h"
#include "lib/count.h"
#include "lib/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_TYPE_TXT, DNS_TYPE_MX,
		DNS_TYPE_CAA };
	struct job j;

	job_init(&j, NULL, NULL);
	for (size_t i = 0; i < COUNT(types); i++) {
		struct dns_answer a = { .name = "a.test" };

		dns_packet_read(&j, span_mem(data, size), types[i], &a);
		if ((a.status == DNS_OK) != (a.count > 0))
			__builtin_trap();
	}
	job_done(&j);
	return 0;
}
