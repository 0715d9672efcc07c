#include "config.h"

#include "src/perspective_check.h"

#include <poll.h>

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "src/agent_answer.h"
#include "src/perspective_client.h"

#define TURN_MS 20

static struct question
own_domain(struct job *j)
{
	const struct conf *conf = j->conf;
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);

	rnd_id(id);
	return (struct question){
		.request = { .id = id,
		    .ca = conf->caa_identities,
		    .caa_domain = addr_domain_of(conf->sender.from),
		    .account_url = arena_printf(
			j->arena, "%s/acme/acct/check", conf->base_url),
		    .method = "email-reply-00" },
		.policy = agent_policy(&conf->caa_identities),
		.is_open_mpic = conf->mpic.open_mpic != NULL,
	};
}

int
perspective_check(struct perspective_client *c, struct job *j,
    perspective_check_fn *each, void *ctx)
{
	const struct question q = own_domain(j);
	struct late_answer late;
	struct round r;

	if (perspective_client_ask(c, j, &q, "check", &r) < 0)
		return -1;
	for (size_t i = 0; i < r.n; i++)
		if (r.v[i].answer != ANSWER_PENDING)
			each(ctx, &r.v[i]);
	while (perspective_client_waits(c)) {
		if (perspective_client_late(c, j, &late) > 0)
			each(ctx, &late.testimony);
		else
			poll(NULL, 0, TURN_MS);
	}
	return 0;
}
