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
		.is_open_mpic = conf->mpic.service_count > 0,
		.takes_flat = conf->mpic.open_mpic_flat,
	};
}

/* One round for each service, or one in all. */
static int
ask_all(struct perspective_client *c, struct job *j, perspective_check_fn *each,
    void *ctx)
{
	const struct conf_mpic *m = &j->conf->mpic;
	const struct question q = own_domain(j);
	struct inquiry asked[OPEN_MPIC_MAX] = { { 0 } };
	size_t n = m->service_count > 0 ? m->service_count : 1;

	for (size_t i = 0; i < n; i++)
		asked[i] = (struct inquiry){ .question = &q,
			.about = "check",
			.service =
			    m->service_count > 0 ? &m->services[i] : NULL };
	if (perspective_client_ask(c, j, asked, n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < asked[i].round.n; k++)
			if (asked[i].round.v[k].answer != ANSWER_PENDING)
				each(ctx, asked[i].round.service,
				    &asked[i].round.v[k]);
	return 0;
}

int
perspective_check(struct perspective_client *c, struct job *j,
    perspective_check_fn *each, void *ctx)
{
	struct late_answer late;

	if (ask_all(c, j, each, ctx) < 0)
		return -1;
	while (perspective_client_waits(c)) {
		if (perspective_client_late(c, j, &late) > 0)
			each(ctx, NULL, &late.testimony);
		else
			poll(NULL, 0, TURN_MS);
	}
	return 0;
}
