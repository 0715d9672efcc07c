#include "config.h"

#include "acme/keyowner.h"

#include "db/store_key.h"
#include "db/store_order.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/csr.h"

int
key_check_owner(struct job *j, const struct conf *conf,
    const struct order *order, const struct csr *csr)
{
	int found =
	    conf->share_keys
		? 0
		: store_key_is_of_other(j,
		      span_mem(csr->spki_sha256, sizeof(csr->spki_sha256)),
		      order->account_id);

	if (found > 0)
		return job_fail(j, ERR_BAD_CSR,
		    "the key stands in a certificate of another account; make "
		    "a new one");
	return found;
}
