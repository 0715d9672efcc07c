#include "config.h"

#include "src/account_keys.h"

#include "acme/proof.h"
#include "db/store_account.h"
#include "lib/conf.h"
#include "lib/job.h"

/* More changes of key than anybody makes within the age of a validation. */
#define FORMER_KEYS_MAX 100

int
account_keys_load(
    struct job *j, const char *account_id, struct signing_keys *keys)
{
	struct account account;
	struct former_key *former;
	int found = store_account_by_id(j, account_id, &account);

	if (found <= 0)
		return found;
	*keys = (struct signing_keys){ .base_url = j->conf->base_url,
		.account_id = account.id,
		.jwk = account.jwk,
		.thumbprint = account.thumbprint };
	if (store_account_former_keys(j, account.id, FORMER_KEYS_MAX, &former,
		&keys->former_count) < 0)
		return -1;
	keys->former = former;
	return 1;
}
