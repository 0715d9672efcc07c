#include "config.h"

#include "pki/ceremony.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ca_name.h"
#include "pki/ceremony_backup.h"
#include "pki/ceremony_key.h"
#include "pki/ceremony_lock.h"
#include "pki/ceremony_persons.h"
#include "pki/ceremony_root.h"
#include "pki/crl.h"
#include "pki/ossl.h"

#define DAY_SECS ((int64_t)86400)
#define ROOT_CRL_DAYS 360 /* PK-156: below 12 months */

/* --- step 3 -------------------------------------------------------------- */

static int
check_network(struct ceremony *c)
{
	struct ifaddrs *list;
	const char *up = NULL;

	if (c->is_online) {
		if (!c->is_private)
			return job_fail(c->j, ERR_INTERNAL,
			    "a root on a machine with network is for private "
			    "mode only (PK-209)");
		return transcript_add(c->j, &c->transcript,
		    "network: not looked at, the root is online");
	}
	if (getifaddrs(&list) < 0)
		return job_fail(
		    c->j, ERR_INTERNAL, "cannot list network interfaces");
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
		if ((i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_LOOPBACK))
			up = arena_strdup(c->j->arena, i->ifa_name);
	freeifaddrs(list);
	if (up != NULL)
		return job_fail(c->j, ERR_INTERNAL,
		    "the network interface %s is up: take it down, or, in "
		    "private mode, say --online-root (PK-209)",
		    up);
	return transcript_add(
	    c->j, &c->transcript, "network: no interface is up");
}

/* Steps 1 to 3. */
static int
open_act(struct ceremony *c, const char *act)
{
	if (ceremony_open(c, act) < 0 ||
	    transcript_add(c->j, &c->transcript, "persons: %s%s%s", c->first,
		c->second != NULL ? " and " : ", A SINGLE OPERATOR",
		c->second != NULL ? c->second : "") < 0)
		return -1;
	if (c->lint == NULL &&
	    transcript_add(c->j, &c->transcript, "others' linters: none") < 0)
		return -1;
	c->tell(c->context, c->transcript.text.p);
	if (ceremony_confirm(c,
		"these versions, hashes and this time are in the script") < 0)
		return -1;
	return check_network(c);
}

/* Steps 12 and 13. */
static int
close_act(struct ceremony *c, const struct ceremony_key *k, const char *act)
{
	if (ceremony_key_close(c, k) < 0 ||
	    ceremony_confirm(c, "this transcript is true") < 0 ||
	    ceremony_finish(c, act) < 0)
		return -1;
	c->tell(c->context,
	    arena_printf(c->j->arena,
		"Write this hash of the transcript on paper and sign it: %s",
		c->transcript.last));
	return 0;
}

/* --- what others' linters say (PK-136, PK-141) ---------------------------- */

static int
make_folder(struct ceremony *c, const char *name)
{
	const char *path = ceremony_path(c, name);

	if (ceremony_has(c, name) || mkdir(path, 0755) == 0)
		return 0;
	return job_fail(c->j, ERR_INTERNAL, "%s: cannot be made", path);
}

/* It is in the transcript what they said, and about what; the rest is in a
 * file. */
int
ceremony_judge(
    void *context, struct job *j, enum lint_object what, struct span der)
{
	struct ceremony *c = context;
	const char *line, *report, *name;
	uint8_t digest[SHA256_LEN];

	if (c->lint(c->context, j, what, der, &line, &report) < 0)
		return -1;
	sha256(der, digest);
	name = arena_printf(j->arena, "linted/%s.json",
	    hex_dup(j->arena, span_mem(digest, sizeof digest)));
	if (transcript_add(j, &c->transcript, "others' linters, %s: %s",
		linter_kind(what), line) < 0 ||
	    make_folder(c, "linted") < 0)
		return -1;
	return ceremony_write(c, name, 0444, span_str(report), true);
}

/* --- the root ------------------------------------------------------------ */

struct root {
	struct ceremony_key key;
	struct signer signer;
	struct span spki;
	struct ceremony_cert cert;
	struct lint_ca_issuer issuer;
};

static int
read_root(struct ceremony *c, struct root *r)
{
	const char *path = ceremony_path(c, "root.pem");

	if (ceremony_cert_read(c->j, path, &r->cert) < 0)
		return -1;
	if (EVP_PKEY_eq(X509_get0_pubkey(r->cert.x509), r->signer.public_key) !=
	    1)
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: not for the key in this folder", path);
	r->signer.name = r->cert.view.subject;
	r->issuer = (struct lint_ca_issuer){ r->signer.name, r->signer.key_id,
		r->signer.public_key, r->cert.view.not_before,
		r->cert.view.not_after };
	return 0;
}

/* Steps 5 and 6. */
static int
make_root(struct ceremony *c, struct root *r)
{
	const struct lint_judge others = { ceremony_judge, c };
	const struct ca_template t = { .kind = CA_KIND_ROOT,
		.subject = r->signer.name,
		.spki = r->spki,
		.key_id = r->signer.key_id,
		.judge = c->lint != NULL ? &others : NULL };
	struct span der;

	if (ceremony_confirm(
		c, arena_printf(c->j->arena, "a root named %s, %d days, key %s",
		       ceremony_name_text(c->j, r->signer.name),
		       (int)ca_profile_for(CA_KIND_ROOT)->days,
		       ceremony_key_hash(c->j, r->spki))) < 0 ||
	    ca_certificate_make(c->j, &r->signer, NULL, &t, &der) < 0)
		return -1;
	return ceremony_write(
	    c, "root.pem", 0444, ceremony_pem(c->j, "CERTIFICATE", der), false);
}

static int
write_list(struct ceremony *c, struct root *r, struct crl_input *list)
{
	list->this_update = c->j->now;
	list->next_update = c->j->now + ROOT_CRL_DAYS * DAY_SECS - 1;
	if (list->next_update > r->issuer.not_after)
		list->next_update = r->issuer.not_after;
	return ceremony_list_write(
	    c, "root.crl", &r->signer, CA_ROLE_ROOT, list);
}

/* PK-210: of a key in a token, which has signed nothing yet. */
static int
check_pair(struct ceremony *c, const struct root *r)
{
	struct span request;

	if (!r->key.is_in_token || ceremony_has(c, "root.pem"))
		return 0;
	if (ca_request_make(c->j, &r->signer, &request) < 0)
		return -1;
	return transcript_add(
	    c->j, &c->transcript, "root key: its token verifies what it signs");
}

/* Made once: no two with the same number. */
static int
first_list(struct ceremony *c, struct root *r)
{
	struct crl_input list = { .number = 0 };

	if (ceremony_has(c, "root.crl"))
		return ceremony_list_read(
		    c, "root.crl", r->signer.public_key, &list);
	return ceremony_first_number(c, &list.number) < 0
		   ? -1
		   : write_list(c, r, &list);
}

static int
check_init(struct ceremony *c, const struct ca_subject *subject,
    const char *key_type, struct span name, struct root *r)
{
	const char *problem = ca_subject_problem(subject);
	int is_done;

	if (problem != NULL)
		return job_fail(c->j, ERR_INTERNAL, "%s", problem);
	if (strcmp(key_type, "p384") != 0 && strcmp(key_type, "rsa4096") != 0)
		return job_fail(c->j, ERR_INTERNAL,
		    "key type: must be p384 or rsa4096 (PK-116)");
	is_done = ceremony_is_done(c->j, c->dir, CEREMONY_ROOT);
	if (is_done < 0)
		return -1;
	if (is_done == 1 && ceremony_has(c, "root.crl"))
		return job_fail(c->j, ERR_CONFLICT,
		    "%s holds a whole root: nothing was changed", c->dir);
	return ceremony_persons_check(c) < 0 ||
		       ceremony_key_plan(
			   c, "root", ceremony_is_rehearsal(name), &r->key) < 0
		   ? -1
		   : ceremony_backup_check(c, &r->key);
}

static int
take_up_root(
    struct ceremony *c, struct root *r, struct span name, const char *key_type)
{
	if (ceremony_key_take(c, &r->key, key_type) < 0 ||
	    ceremony_key_signer(
		c, &r->key, CA_ROLE_ROOT, name, &r->signer, &r->spki) < 0 ||
	    check_pair(c, r) < 0 ||
	    (!ceremony_has(c, "root.pem") && make_root(c, r) < 0))
		return -1;
	return read_root(c, r);
}

static int
init_root(
    struct ceremony *c, const struct ca_subject *subject, const char *key_type)
{
	struct span name = { NULL, 0 };
	struct root r;

	if (ca_subject_problem(subject) == NULL)
		name = ca_subject_name(c->j, subject);
	if (check_init(c, subject, key_type, name, &r) < 0 ||
	    open_act(c, CEREMONY_ROOT) < 0 ||
	    take_up_root(c, &r, name, key_type) < 0)
		return -1;
	/* Taken up, but with another name than before. */
	if (!span_eq(r.signer.name, name))
		return job_fail(c->j, ERR_CONFLICT,
		    "%s holds the root %s: give its names, or another folder",
		    c->dir, ceremony_name_text(c->j, r.signer.name));
	if (make_folder(c, "issued") < 0 || first_list(c, &r) < 0 ||
	    ceremony_backup_make(c, &r.key, &r.signer) < 0)
		return -1;
	return close_act(c, &r.key, CEREMONY_ROOT);
}

int
ceremony_init_root(
    struct ceremony *c, const struct ca_subject *subject, const char *key_type)
{
	return ceremony_lock(c) < 0
		   ? -1
		   : ceremony_unlock(c, init_root(c, subject, key_type));
}

/* --- a certificate below it ---------------------------------------------- */

/* The root of this folder: what it is says whether its key may be where it
 * is. */
static int
plan_root(struct ceremony *c, struct ceremony_key *k)
{
	struct ceremony_cert cert;

	if (!ceremony_has(c, "root.pem"))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: no root here; its folder is the one of init-root",
		    c->dir);
	return ceremony_persons_check(c) < 0 ||
		       ceremony_cert_read(
			   c->j, ceremony_path(c, "root.pem"), &cert) < 0
		   ? -1
		   : ceremony_key_plan(c, "root",
			 ceremony_is_rehearsal(cert.view.subject), k);
}

static int
take_root(struct ceremony *c, const char *act, struct root *r)
{
	if (open_act(c, act) < 0 || ceremony_key_take(c, &r->key, NULL) < 0 ||
	    ceremony_key_signer(c, &r->key, CA_ROLE_ROOT, (struct span){ 0 },
		&r->signer, &r->spki) < 0)
		return -1;
	return read_root(c, r);
}

static struct ca_template
template_of(const struct ceremony_sign *in,
    const struct ceremony_request_parts *request)
{
	return (struct ca_template){ .kind = CA_KIND_ISSUING,
		.subject = request->subject,
		.spki = request->spki,
		.key_id = request->key_id,
		.crl_url = in->crl_url,
		.ca_issuers_url = in->ca_issuers_url,
		.permitted = in->permitted,
		.permitted_count = in->permitted_count,
		.client_auth = in->client_auth,
		.policies = in->policies,
		.policy_count = in->policy_count };
}

/* Signed before, and not delivered or asked for again: the same.  Nobody must
 * take it for what is asked for now if that has other URLs or constraints. */
static int
check_same(struct ceremony *c, const struct root *r,
    const struct ca_template *t, struct span der)
{
	if (ca_certificate_fits(c->j, &r->signer, t, der))
		return 0;
	return job_fail(c->j, ERR_CONFLICT,
	    "this root has signed a certificate for this request with other "
	    "URLs, name constraints, purposes or policies, and it is in "
	    "%s/issued: give those, or --renew for another certificate",
	    c->dir);
}

static int
sign_new(struct ceremony *c, struct root *r, const struct ca_template *asked,
    struct span *der)
{
	const struct lint_judge others = { ceremony_judge, c };
	struct ca_template with = *asked;
	const struct ca_template *t = &with;

	with.judge = c->lint != NULL ? &others : NULL;
	if (ceremony_confirm(c, arena_printf(c->j->arena,
				    "an issuing CA named %s, %d days, key %s",
				    ceremony_name_text(c->j, t->subject),
				    (int)ca_profile_for(CA_KIND_ISSUING)->days,
				    ceremony_key_hash(c->j, t->spki))) < 0 ||
	    ca_certificate_make(c->j, &r->signer, &r->issuer, t, der) < 0)
		return -1;
	return ceremony_register(c, *der);
}

static int
check_sign_input(struct ceremony *c, const struct ceremony_sign *in)
{
	for (size_t i = 0; i < in->permitted_count; i++) {
		const char *problem =
		    ca_permitted_problem(span_str(in->permitted[i]));
		if (problem != NULL)
			return job_fail(c->j, ERR_INTERNAL, "%s: %s",
			    in->permitted[i], problem);
	}
	return ca_dates_check(c->j, in->client_auth);
}

static int
sign(struct ceremony *c, const struct ceremony_sign *in)
{
	struct ceremony_request_parts request;
	struct ca_template t;
	struct span der = { 0 };
	struct root r;
	int found;

	if (check_sign_input(c, in) < 0 ||
	    ceremony_request_read(c->j, in->request, &request) < 0 ||
	    ceremony_out_check(c, in->out, &request) < 0 ||
	    plan_root(c, &r.key) < 0 ||
	    take_root(c, "certificate of an issuing CA", &r) < 0 ||
	    ceremony_kept_check(c) < 0)
		return -1;
	if (ceremony_is_rehearsal(r.signer.name) !=
	    ceremony_is_rehearsal(request.subject))
		return job_fail(c->j, ERR_INTERNAL,
		    "a rehearsal and the real thing do not mix (PK-213)");
	if (ca_name_is_shared(request.subject, r.signer.name))
		return job_fail(c->j, ERR_INTERNAL,
		    "the request has the root's CN (PK-119)");
	if (span_eq(request.subject, r.signer.name) ||
	    span_eq(request.spki, r.spki))
		return job_fail(c->j, ERR_INTERNAL,
		    "the request has the root's name or key (PK-135)");
	found = ceremony_look_up(c, &request, &der);
	if (found < 0)
		return -1;
	t = template_of(in, &request);
	if ((found == 0 || in->is_renewal ? sign_new(c, &r, &t, &der)
					  : check_same(c, &r, &t, der)) < 0)
		return -1;
	if (file_write(c->j, in->out, 0444,
		ceremony_pem(c->j, "CERTIFICATE", der)) < 0)
		return -1;
	return close_act(c, &r.key, "certificate of an issuing CA");
}

int
ceremony_sign(struct ceremony *c, const struct ceremony_sign *in)
{
	return ceremony_lock(c) < 0 ? -1 : ceremony_unlock(c, sign(c, in));
}

static int
root_crl(struct ceremony *c, const char *revoke, int reason)
{
	struct crl_input list;
	struct root r;

	if (plan_root(c, &r.key) < 0 ||
	    take_root(c, "list of the root", &r) < 0 ||
	    ceremony_kept_check(c) < 0 ||
	    ceremony_list_read(c, "root.crl", r.signer.public_key, &list) < 0 ||
	    (revoke != NULL && ceremony_list_revoke(c, r.signer.public_key,
				   revoke, reason, &list) < 0))
		return -1;
	list.number++;
	if (ceremony_confirm(c, arena_printf(c->j->arena,
				    "list number %d with %zu certificates",
				    (int)list.number, list.count)) < 0 ||
	    write_list(c, &r, &list) < 0)
		return -1;
	return close_act(c, &r.key, "list of the root");
}

int
ceremony_root_crl(struct ceremony *c, const char *revoke, int reason)
{
	return ceremony_lock(c) < 0
		   ? -1
		   : ceremony_unlock(c, root_crl(c, revoke, reason));
}

/* --- a backup later (PK-211) ---------------------------------------------- */

static int
back_up_root(struct ceremony *c)
{
	struct root r;

	if (plan_root(c, &r.key) < 0 || ceremony_backup_check(c, &r.key) < 0 ||
	    take_root(c, "backup of the root", &r) < 0 ||
	    ceremony_backup_make(c, &r.key, &r.signer) < 0)
		return -1;
	return close_act(c, &r.key, "backup of the root");
}

static int
back_up(struct ceremony *c)
{
	bool is_root = ceremony_has(c, "root-key.pem") ||
		       ceremony_has(c, "root-key.token");

	if (c->backup == NULL)
		return job_fail(c->j, ERR_INTERNAL,
		    "backup: say where: %sbackup DIR for a key in a file, "
		    "%sbackup-token LABEL for one in a token, or --no-backup "
		    "with the reason (PK-211)",
		    is_root ? "--root-" : "--", is_root ? "--root-" : "--");
	return is_root ? back_up_root(c) : ceremony_backup_issuing(c);
}

int
ceremony_backup_act(struct ceremony *c)
{
	return ceremony_lock(c) < 0 ? -1 : ceremony_unlock(c, back_up(c));
}
