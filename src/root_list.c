#include "config.h"

#include "src/root_list.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/ca_above.h"
#include "src/role_issuer.h"

#include <inttypes.h>

#define DAY_SECS ((int64_t)86400)
#define LIST_MAX ((size_t)64 << 20)

#define NEXT                                                                   \
	"make the next one with countersign ca root-crl and put it in the "    \
	"place of issuer.root_crl"

static int
read_it(struct job *j, const struct conf_issuer *c, struct above_list *l)
{
	struct ca_above above;
	struct span der = { NULL, 0 };

	*l = (struct above_list){ .next_update = 0 };
	if (ca_above_read(j, j->arena, c->ca_certificate, c->ca_chain, &above) <
		0 ||
	    file_read_regular(j, c->root_crl, LIST_MAX, &der) < 0)
		return -1;
	return ca_above_list(j, &above, der, l) < 0
		   ? job_context(j, "%s", c->root_crl)
		   : 0;
}

static const char *
problem_of(struct job *j, const struct above_list *l)
{
	char end[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(l->next_update, end);
	if (l->has_revoked)
		return "the list of the CA above says that the issuing CA's "
		       "certificate is revoked: stop issuance";
	if (l->next_update <= j->now)
		return arena_printf(j->arena,
		    "the list of the CA above has run out at %s: " NEXT, end);
	if (l->next_update - j->now > ROOT_LIST_SECS)
		return NULL;
	return arena_printf(j->arena,
	    "the list of the CA above ends at %s, in %" PRId64 " days: " NEXT,
	    end, (l->next_update - j->now) / DAY_SECS);
}

int
root_list_look(struct job *j, const char **problem, int64_t *next_update)
{
	const struct conf *conf = j->conf;
	struct above_list l;

	*problem = NULL;
	*next_update = 0;
	if (conf->issuer.root_crl == NULL ||
	    conf->external.kind != CONF_EXTERNAL_NONE)
		return 1;
	if (read_it(j, &conf->issuer, &l) < 0) {
		*problem = arena_printf(j->arena, "%s; " NEXT, j->err.text);
		job_recover(j);
		return 0;
	}
	*next_update = l.next_update;
	*problem = problem_of(j, &l);
	return 0;
}

int
root_list_step(struct issuer *i, struct job *j)
{
	struct log_text q;
	const char *problem;
	int64_t end;

	if (j->now < i->root_list_at + DAY_SECS && i->root_list_at <= j->now)
		return 0;
	i->root_list_at = j->now;
	if (root_list_look(j, &problem, &end) == 0 && problem != NULL)
		log_error(
		    "list of the CA above", "next=%s", log_text(&q, problem));
	return 0;
}
