#include "config.h"

#include "tests/unit/former_lab.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "lib/conf.h"
#include "pki/ca.h"
#include "src/ca_check.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)

static const char *
path_of(struct job *j, const char *type, const char *name)
{
	return arena_printf(j->arena, "%s/%s", lab_ca_folder(type), name);
}

static struct conf_issuer
conf_of(struct job *j, const char *type, const char *name)
{
	static unsigned n;

	n++;
	return (struct conf_issuer){
		.ca_certificate = path_of(j, type, "issuing.pem"),
		.ca_chain = path_of(j, type, "root.pem"),
		.ca_key = path_of(j, type, "issuing-key.pem"),
		.ca_key_passphrase_file = path_of(j, type, "ca-passphrase"),
		.crl_shards = 1,
		.crl_url = arena_printf(
		    j->arena, "http://crl.example.com/%s.crl", name),
		.crl_file = path_of(
		    j, type, arena_printf(j->arena, "%s%u.crl", name, n)),
		.ocsp_url = "http://ocsp.example.com/ocsp",
		.ocsp_folder =
		    path_of(j, type, arena_printf(j->arena, "%s%u", name, n)),
		.max_per_hour = 1000,
	};
}

/* A certificate that the former CA has issued. */
static void
make_cert(struct former_lab *lab, int64_t not_after)
{
	struct job *j = lab->j;
	struct cert c =
	    status_lab_reserve(j, &(struct status_lab_cert){ .ca = lab->old,
				      .seal = lab->issuer.seal,
				      .id = "cert1",
				      .serial = FORMER_LAB_NUMBER,
				      .not_before = FIXTURE_NOW - DAY,
				      .not_after = not_after });

	COMMITTED(j, store_cert_record(j, c.id, SPAN("der"), SPAN("hash")));
	lab->cert = c.id;
}

void
former_lab_init(
    struct former_lab *lab, struct job *j, int64_t not_after, bool ocsp)
{
	*lab = (struct former_lab){ .j = j };
	lab->old = lab_ca("p384");
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	lab->conf.issuer = conf_of(j, "p256", "new");
	lab->former = (struct conf_former){ "old", conf_of(j, "p384", "old") };
	lab->conf.formers = &lab->former;
	lab->conf.former_count = 1;
	if (!ocsp)
		lab->former.issuer.ocsp_url = NULL;
	j->conf = &lab->conf;
	status_lab_at(lab->j, FIXTURE_NOW);
	make_cert(lab, not_after);
	EXPECT(j, former_open(j, j->arena, &lab->issuer), 0);
	EXPECT(j, former_start(&lab->issuer, j), 0);
}

void
former_lab_end(struct former_lab *lab)
{
	former_close(&lab->issuer);
}

void
former_lab_run(struct former_lab *lab)
{
	int result;

	while ((result = issuer_step(&lab->issuer, lab->j)) > 0)
		continue;
	EXPECT(lab->j, result, 0);
	assert_ptr_equal(lab->j->conf, &lab->conf);
}

struct told {
	struct job *j;
	const char *text;
};

static void
tell(void *ctx, enum remark level, const char *what, const char *text)
{
	struct told *t = ctx;

	if (strcmp(what, "former CA old") == 0 || strncmp(what, "CA ", 3) == 0)
		t->text = arena_printf(t->j->arena, "%s %s",
		    level == REMARK_OK ? "ok" : "not ok", text);
}

const char *
former_lab_check(struct former_lab *lab)
{
	struct told t = { lab->j, "" };

	ca_check(lab->j, tell, &t);
	return t.text;
}

int
former_lab_start_again(struct former_lab *lab, struct issuer *again)
{
	*again = lab->issuer;
	again->former_count = 0;
	EXPECT(lab->j, former_open(lab->j, lab->j->arena, again), 0);
	return former_start(again, lab->j);
}
