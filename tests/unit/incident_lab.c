#include "config.h"

#include "tests/unit/incident_lab.h"

#include "lib/conf.h"
#include "src/role_issuer.h"
#include "tests/unit/store_fixture.h"

int
lab_incident_step(struct job *j)
{
	static const struct conf elsewhere = {
		.external = { .kind = CONF_EXTERNAL_HOOK }
	};
	static const struct issuer none;
	const struct conf *conf = j->conf;
	int result;

	j->conf = &elsewhere;
	result = issuer_incident_step(&none, j);
	j->conf = conf;
	return result;
}

void
lab_withdraw_all(struct job *j)
{
	fixture_sql(
	    j, "UPDATE cert SET list_due_at = NULL, ocsp_due_at = NULL");
}

struct incident
lab_incident(struct job *j, const char *id, int64_t reason, int64_t deadline)
{
	return (struct incident){ .id = id,
		.cause = "misissued",
		.selector = "{}",
		.reason = reason,
		.known_at = j->now,
		.deadline = deadline,
		.opened_by = "one" };
}

int64_t
lab_incident_open(
    struct job *j, const struct incident *i, const struct incident_selector *s)
{
	int64_t count;

	COMMITTED(j, store_incident_open(j, i, s,
			 issuer_incident_next(i->deadline, j->now), &count));
	return count;
}

struct cert
lab_racing_cert(struct job *j)
{
	const struct order *o = fixture_order(j, fixture_account(j), 1);

	struct cert c = fixture_cert(j, o->id, o->account_id);

	c.id = "racing";
	c.ca_label = "aa";
	c.profile = "racing";
	c.spki_sha256 = SPAN("key");
	c.not_after = j->now + 8640000;
	c.reserved_at = 0;
	return c;
}
