#include "config.h"

#include "acme/revoke.h"
#include "db/store_key_sweep.h"
#include "lib/job.h"
#include "src/role_issuer.h"
#include "src/worker.h"

int
issuer_key_step(struct job *j)
{
	int found = store_key_sweep_waits(j);

	if (found <= 0)
		return found;
	if (store_begin(j) < 0)
		return -1;
	found = revoke_key_sweep(j);
	if (found < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : found;
}
