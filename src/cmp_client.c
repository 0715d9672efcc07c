#include "config.h"

#include "src/cmp_client.h"

#include <openssl/cmp.h>
#include <openssl/crmf.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ossl.h"

#define REASON_UNSPECIFIED 0
/* PKIBody (RFC 9810 section 5.1.2). */
#define BODY_ERROR 23
#define BODY_POLLREP 26

/* One call of OpenSSL, which asks for an answer now and then. */
struct session {
	const struct cmp_client *client;
	struct job *j;
	struct cmp_state *state; /* NULL: there is none to go through */
	size_t asked;            /* for how many answers so far */
	struct span answer;      /* to the one message that was sent */
	bool has_answer;
	cmp_judge_fn *judge;
	void *judge_ctx;
	bool is_judged, is_wanted;
	bool failed; /* the judge: no word to the CA */
	struct cmp_result *out;
};

/* --- what is asked for an answer ------------------------------------------ */

static OSSL_CMP_MSG *
parse(struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	OSSL_CMP_MSG *m;
	long len;

	if (ossl_len(der, &len) < 0)
		return NULL;
	m = d2i_OSSL_CMP_MSG(NULL, &p, len);
	if (m != NULL && p == ossl_bytes(der) + der.n)
		return m;
	OSSL_CMP_MSG_free(m);
	return NULL;
}

/* Each message of OpenSSL's has a nonce of its own, and the answer that is
 * kept is to the message of the first time: to that one's nonce. */
static OSSL_CMP_MSG *
replay(OSSL_CMP_CTX *ctx, struct span der)
{
	OSSL_CMP_MSG *m = parse(der);
	const ASN1_OCTET_STRING *nonce;

	if (m == NULL)
		return NULL;
	nonce = OSSL_CMP_HDR_get0_recipNonce(OSSL_CMP_MSG_get0_header(m));
	if (nonce != NULL && OSSL_CMP_CTX_set1_senderNonce(ctx, nonce) == 1)
		return m;
	OSSL_CMP_MSG_free(m);
	return NULL;
}

static OSSL_CMP_MSG *
exchange(struct session *s, const OSSL_CMP_MSG *request)
{
	unsigned char *octets = NULL;
	int n = i2d_OSSL_CMP_MSG(request, &octets);
	OSSL_CMP_MSG *m;
	int sent;

	if (n <= 0) {
		ossl_fail(s->j, "the CMP message cannot be made");
		return NULL;
	}
	sent = s->client->send(
	    s->client->send_ctx, s->j, span_mem(octets, (size_t)n), &s->answer);
	OPENSSL_free(octets);
	if (sent < 0)
		return NULL;
	m = parse(s->answer);
	if (m == NULL)
		job_fail(s->j, ERR_BUSY, "the answer is no CMP message");
	s->has_answer = m != NULL;
	return m;
}

static OSSL_CMP_MSG *
transfer(OSSL_CMP_CTX *ctx, const OSSL_CMP_MSG *request)
{
	struct session *s = OSSL_CMP_CTX_get_transfer_cb_arg(ctx);
	size_t known = s->state != NULL ? s->state->answer_count : 0;
	size_t i = s->asked++;

	if (s->failed || i > known)
		return NULL;
	return i < known ? replay(ctx, s->state->answers[i])
			 : exchange(s, request);
}

/* PKIFailureInfo for certConf, 0 to accept. */
static int
decide(OSSL_CMP_CTX *ctx, X509 *certificate, int failure, const char **text)
{
	struct session *s = OSSL_CMP_CTX_get_certConf_cb_arg(ctx);
	unsigned char *octets = NULL;
	int n = i2d_X509(certificate, &octets);
	int found = -1;

	(void)text;    /* why is the log's, not the other CA's */
	(void)failure; /* the judge looks at the key as well */
	if (n > 0) {
		s->out->certificate = span_mem(
		    arena_memdup(s->j->arena, octets, (size_t)n), (size_t)n);
		found = s->judge(
		    s->judge_ctx, s->j, s->out->certificate, &s->out->why);
	}
	OPENSSL_free(octets);
	s->is_judged = true;
	s->failed = found < 0;
	s->is_wanted = found > 0;
	return s->is_wanted ? 0 : 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

/* --- the context ---------------------------------------------------------- */

/* What it would print goes into the job's error. */
static int
keep_quiet(const char *component, const char *file, int line,
    OSSL_CMP_severity level, const char *text)
{
	(void)component;
	(void)file;
	(void)line;
	(void)level;
	(void)text;
	return 1;
}

static int
set_options(OSSL_CMP_CTX *x)
{
	/* RFC 9483 4.1.1: the CA hears from us; RFC 4211 4.1. */
	return OSSL_CMP_CTX_set_option(x, OSSL_CMP_OPT_IMPLICIT_CONFIRM, 0) &&
	       OSSL_CMP_CTX_set_option(x, OSSL_CMP_OPT_DISABLE_CONFIRM, 0) &&
	       OSSL_CMP_CTX_set_option(
		   x, OSSL_CMP_OPT_POPO_METHOD, OSSL_CRMF_POPO_RAVERIFIED) &&
	       OSSL_CMP_CTX_set_option(
		   x, OSSL_CMP_OPT_SUBJECTALTNAME_NODEFAULT, 1) &&
	       OSSL_CMP_CTX_set_option(x, OSSL_CMP_OPT_UNPROTECTED_SEND, 0) &&
	       OSSL_CMP_CTX_set_option(x, OSSL_CMP_OPT_UNPROTECTED_ERRORS, 0);
}

static void
context_release(void *x)
{
	OSSL_CMP_CTX_free(x);
}

static OSSL_CMP_CTX *
context_new(struct session *s)
{
	const struct cmp_client *c = s->client;
	OSSL_CMP_CTX *x = arena_own(
	    s->j->arena, OSSL_CMP_CTX_new(NULL, NULL), context_release);

	if (x != NULL && set_options(x) &&
	    OSSL_CMP_CTX_set_log_cb(x, keep_quiet) &&
	    OSSL_CMP_CTX_set_transfer_cb(x, transfer) &&
	    OSSL_CMP_CTX_set_transfer_cb_arg(x, s) &&
	    OSSL_CMP_CTX_set_certConf_cb(x, decide) &&
	    OSSL_CMP_CTX_set_certConf_cb_arg(x, s) &&
	    OSSL_CMP_CTX_set1_cert(x, c->certificate) &&
	    OSSL_CMP_CTX_set1_pkey(x, c->key) &&
	    (c->chain == NULL || OSSL_CMP_CTX_set1_untrusted(x, c->chain)) &&
	    OSSL_CMP_CTX_set1_srvCert(x, c->server) &&
	    OSSL_CMP_CTX_set1_recipient(x, X509_get_subject_name(c->server)))
		return x;
	ossl_fail(s->j, "the CMP client cannot be made");
	return NULL;
}

static int
set_transaction(OSSL_CMP_CTX *x, const struct cmp_state *state)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	int done = id != NULL &&
		   ASN1_OCTET_STRING_set(
		       id, state->transaction, CMP_TRANSACTION_LEN) &&
		   OSSL_CMP_CTX_set1_transactionID(x, id);

	ASN1_OCTET_STRING_free(id);
	return done ? 0 : -1;
}

/* --- the template --------------------------------------------------------- */

static int
set_subject(OSSL_CMP_CTX *x, struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);
	X509_NAME *none = X509_NAME_new();
	/* Without a name of the issuer ours would stand there. */
	int done = name != NULL && none != NULL &&
		   OSSL_CMP_CTX_set1_subjectName(x, name) &&
		   OSSL_CMP_CTX_set1_issuer(x, none);

	X509_NAME_free(name);
	X509_NAME_free(none);
	return done ? 0 : -1;
}

static int
set_key(OSSL_CMP_CTX *x, struct span spki)
{
	const unsigned char *p = ossl_bytes(spki);
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.n);

	if (key != NULL && OSSL_CMP_CTX_set0_newPkey(x, 0, key))
		return 0;
	EVP_PKEY_free(key);
	return -1;
}

static void
extensions_free(X509_EXTENSIONS *list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static int
set_extensions(OSSL_CMP_CTX *x, const struct cmp_template *t)
{
	X509_EXTENSIONS *list = sk_X509_EXTENSION_new_null();

	for (size_t i = 0; list != NULL && i < t->extension_count; i++) {
		const unsigned char *p = ossl_bytes(t->extensions[i]);
		X509_EXTENSION *e =
		    d2i_X509_EXTENSION(NULL, &p, (long)t->extensions[i].n);

		if (e != NULL && sk_X509_EXTENSION_push(list, e) > 0)
			continue;
		X509_EXTENSION_free(e);
		extensions_free(list);
		return -1;
	}
	if (list != NULL && OSSL_CMP_CTX_set0_reqExtensions(x, list))
		return 0;
	extensions_free(list);
	return -1;
}

/* --- what came of it ------------------------------------------------------ */

/* CMP's own reason is the last one: before it stands what failed below. */
static void
distrust(struct session *s)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	job_fail(s->j, ERR_INTERNAL, "the CMP answer cannot be relied on: %s",
	    reason != NULL ? reason : "no reason");
	ERR_clear_error();
}

static bool
is_rejection(const OSSL_CMP_CTX *x)
{
	return OSSL_CMP_CTX_get_status(x) == OSSL_CMP_PKISTATUS_rejection;
}

static int
body_type(struct span der)
{
	OSSL_CMP_MSG *m = parse(der);
	int type = m != NULL ? OSSL_CMP_MSG_get_bodytype(m) : -1;

	OSSL_CMP_MSG_free(m);
	return type;
}

static void
read_failure(OSSL_CMP_CTX *x, struct session *s)
{
	char text[OSSL_CMP_PKISI_BUFLEN] = "";
	int failures = OSSL_CMP_CTX_get_failInfoCode(x);

	(void)OSSL_CMP_CTX_snprint_PKIStatus(x, text, sizeof(text));
	s->out->failures = failures > 0 ? (unsigned)failures : 0;
	s->out->text = arena_strdup(s->j->arena, text);
	s->out->end =
	    body_type(s->answer) == BODY_ERROR ? CMP_ABORTED : CMP_REFUSED;
	ERR_clear_error();
	job_recover(s->j);
}

/* Of pollReps only the last: its nonce is what the CA expects next. */
static bool
remember(struct session *s)
{
	struct cmp_state *state = s->state;
	size_t n = state->answer_count;

	if (n > 0 && body_type(state->answers[n - 1]) == BODY_POLLREP &&
	    body_type(s->answer) == BODY_POLLREP)
		n--;
	if (n == CMP_ANSWERS_MAX) {
		job_fail(s->j, ERR_BUSY, "the transaction has no end");
		return false;
	}
	state->answers[n] = s->answer;
	state->answer_count = n + 1;
	return true;
}

static void
go_on(struct session *s, enum cmp_end end)
{
	ERR_clear_error();
	if (remember(s))
		s->out->end = end;
}

static void
finish(OSSL_CMP_CTX *x, struct session *s, int result)
{
	size_t known = s->state->answer_count;

	if (s->failed)
		return;             /* the job's error is the judge's */
	if (s->asked > known + 1) { /* it took the answer and has a next word */
		go_on(s, CMP_GOES_ON);
	} else if (result == -1) {
		go_on(s, CMP_WAITS);
	} else if (s->is_judged && !s->is_wanted) {
		ERR_clear_error();
		job_recover(s->j);
		s->out->end = CMP_NOT_WANTED;
	} else if (result == 1 && s->is_judged) {
		s->out->end = CMP_CONFIRMED;
	} else if (s->has_answer && is_rejection(x)) {
		read_failure(x, s);
		if (s->is_judged)
			s->out->end = CMP_UNCONFIRMED;
	} else if (s->has_answer || s->j->err.kind == ERR_NONE) {
		distrust(s);
	}
	ERR_clear_error();
}

void
cmp_client_step(const struct cmp_client *c, struct job *j,
    const struct cmp_template *t, struct cmp_state *state, cmp_judge_fn *judge,
    void *judge_ctx, struct cmp_result *out)
{
	struct session s = { .client = c,
		.j = j,
		.state = state,
		.judge = judge,
		.judge_ctx = judge_ctx,
		.out = out };
	int type = c->is_initial ? OSSL_CMP_IR : OSSL_CMP_CR;
	OSSL_CMP_CTX *x = context_new(&s);
	int result, after = 0;

	*out = (struct cmp_result){ .end = CMP_NO_ANSWER };
	if (x == NULL)
		return;
	if (set_transaction(x, state) < 0 || set_subject(x, t->subject) < 0 ||
	    set_key(x, t->spki) < 0 || set_extensions(x, t) < 0) {
		ossl_fail(j, "the CMP request cannot be made");
		return;
	}
	do /* once more when all so far was known: now it asks */
		result = OSSL_CMP_try_certreq(x, type, NULL, &after);
	while (result == -1 && s.asked <= state->answer_count);
	out->retry_secs = after;
	finish(x, &s, result);
}

/* --- one question, one answer --------------------------------------------- */

static void
read_single(OSSL_CMP_CTX *x, struct session *s, bool done)
{
	if (done)
		s->out->end = CMP_CONFIRMED;
	else if (s->has_answer && is_rejection(x))
		read_failure(x, s);
	else if (s->has_answer || s->j->err.kind == ERR_NONE)
		distrust(s);
	ERR_clear_error();
}

void
cmp_client_revoke(const struct cmp_client *c, struct job *j,
    struct span certificate, int64_t reason, struct cmp_result *out)
{
	struct session s = { .client = c, .j = j, .out = out };
	OSSL_CMP_CTX *x = context_new(&s);
	X509 *old = ossl_x509(j->arena, certificate);

	*out = (struct cmp_result){ .end = CMP_NO_ANSWER };
	if (x == NULL)
		return;
	if (old == NULL || !OSSL_CMP_CTX_set1_oldCert(x, old) ||
	    !OSSL_CMP_CTX_set_option(x, OSSL_CMP_OPT_REVOCATION_REASON,
		reason == REASON_UNSPECIFIED ? CRL_REASON_NONE : (int)reason)) {
		ossl_fail(j, "the revocation request cannot be made");
		return;
	}
	read_single(x, &s, OSSL_CMP_exec_RR_ses(x) == 1);
}

static void
itavs_release(STACK_OF(OSSL_CMP_ITAV) * list)
{
	sk_OSSL_CMP_ITAV_pop_free(list, OSSL_CMP_ITAV_free);
}

int
cmp_client_probe(const struct cmp_client *c, struct job *j)
{
	struct cmp_result r = { .end = CMP_NO_ANSWER };
	struct session s = { .client = c, .j = j, .out = &r };
	OSSL_CMP_CTX *x = context_new(&s);
	STACK_OF(OSSL_CMP_ITAV) * list;

	if (x == NULL)
		return -1;
	list = OSSL_CMP_exec_GENM_ses(x);
	read_single(x, &s,
	    list != NULL ||
		OSSL_CMP_CTX_get_status(x) == OSSL_CMP_PKISTATUS_accepted);
	itavs_release(list);
	/* A refusal, too, is protected. */
	return r.end == CMP_NO_ANSWER ? -1 : 0;
}
