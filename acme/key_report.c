#include "config.h"

#include "acme/key_report.h"

#include "acme/acme.h"
#include "acme/limit.h"
#include "acme/report.h"
#include "acme/response.h"
#include "acme/revoke.h"
#include "acme/throttle.h"
#include "db/store_key.h"
#include "db/store_report.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "pki/key_proof.h"

#include <inttypes.h>

/* --- what is sent --------------------------------------------------------- */

static bool
is_json(struct span content_type)
{
	return span_caseeq_str(span_trim(span_cut(content_type, 0,
				   span_find(content_type, 0, ';'))),
	    "application/json");
}

bool
key_report_takes(struct span content_type)
{
	return is_json(content_type) ||
	       span_caseeq_str(span_trim(content_type), "application/pkcs10");
}

static int
read_member(
    struct job *j, const struct json *o, const char *name, struct span *out)
{
	struct span text = { NULL, 0 };

	if (json_get_string(j, o, name, &text) < 0)
		return -1;
	if (text.n == 0 || b64url_parse(j->arena, text, out) < 0)
		return job_fail(
		    j, ERR_MALFORMED, "%s is missing, or not base64url", name);
	return 0;
}

static int
read_signature(struct job *j, const char *base_url, struct span body,
    struct key_proof *out)
{
	struct span spki = { NULL, 0 }, signature = { NULL, 0 };
	const struct json *o;

	if (json_parse_object(j, body, "request body", &o) < 0 ||
	    read_member(j, o, "key", &spki) < 0 ||
	    read_member(j, o, "signature", &signature) < 0)
		return -1;
	return key_proof_spki_signature(j, spki, base_url, signature, out);
}

/* It has come over the network now, but it is not kept, and nobody shall learn
 * that this is the way. */
static int
check_no_secret(struct job *j, struct span body)
{
	const struct span mark = SPAN("PRIVATE KEY-----");

	if (!span_has(body, mark))
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "this looks like a private key: do not send it to anybody; sign "
	    "with it as a GET of this resource says");
}

int
key_report_read(struct job *j, const char *base_url, const struct request *req,
    struct key_proof *out)
{
	if (req->body.n > KEY_REPORT_MAX)
		return job_fail_status(j, ERR_MALFORMED, 413,
		    "a proof has at most %zu octets", KEY_REPORT_MAX);
	if (check_no_secret(j, req->body) < 0)
		return -1;
	return is_json(req->content_type)
		   ? read_signature(j, base_url, req->body, out)
		   : key_proof_request(j, req->body, out);
}

/* --- what is done --------------------------------------------------------- */

/* Whoever makes keys can prove as many as he likes: these are limited. */
static int
take_limit(struct acme *a, struct job *j, const struct request *req,
    struct response *resp)
{
	struct limits l;

	limits_init(&l, j, &a->conf->limits);
	limits_add_key_report(&l, req->client_address);
	return limits_take(&l, resp);
}

/* Blocked already, by whatever encoding: with the private key of an RSA key one
 * can prove it with as many exponents as one likes.  Nothing changes; *number
 * is that of the report about it, or 0.  1, 0, -1. */
static int
is_known(struct job *j, const struct key_hash *key, int64_t *number)
{
	int blocked = store_key_is_blocked(j, key, NULL);

	*number = 0;
	if (blocked <= 0)
		return blocked;
	return store_report_of_proof(j, key, number) < 0 ? -1 : 1;
}

/* A key that can be used with a certificate of ours is never turned away: there
 * are only so many, and each is revoked by the first proof.  1 it is to be
 * entered, 0 it is known, -1. */
static int
decide(struct acme *a, struct job *j, const struct request *req,
    const struct key_hash *key, struct response *resp, int64_t *number)
{
	int certified, known;

	/* Those who come together wait for each other. */
	if (store_key_lock(j, key->bare_sha256) < 0)
		return -1;
	certified = store_key_is_certified(j, key);
	if (certified != 0)
		return certified;
	known = is_known(j, key, number);
	if (known != 0)
		return known < 0 ? -1 : 0;
	return take_limit(a, j, req, resp) < 0 ? -1 : 1;
}

static int
enter(struct acme *a, struct job *j, const struct request *req, int64_t *number)
{
	/* The issuer verifies it at once, tells the subscribers, and ends it.
	 */
	struct report r = {
		.received_at = j->now, .entered_by = "key", .alarm_at = j->now
	};
	struct revoked_sum revoked;

	if (report_enter_proof(j, req->proof, &r, &revoked) < 0)
		return -1;
	if (a->conf->external.kind != CONF_EXTERNAL_NONE)
		j->wake |= 1u << ROLE_UPSTREAM;
	log_warning("key proven to be compromised",
	    "report=%" PRId64 " certificates=\"%s\" client=%s", r.number,
	    revoked_sum_text(j, &revoked), req->client_address);
	*number = r.number;
	return 0;
}

/* --- how it is done ------------------------------------------------------- */

static int
tell_how(const struct acme *a, struct job *j, struct response *resp)
{
	struct buf *b = &resp->body;

	resp->status = 200;
	response_header(resp, "Content-Type", "text/plain; charset=utf-8");
	buf_addf(b,
	    "%s: prove that the private key of a certificate is known to "
	    "others.\n"
	    "Every certificate with the key is revoked at once.  Never send "
	    "the private key.\n"
	    "\n"
	    "Either a certificate request that the key signs and whose subject "
	    "says so:\n"
	    "\n"
	    "    openssl req -new -key KEY -subj '/CN=" KEY_PROOF_NAME
	    "' -out proof.pem\n"
	    "    curl -H 'Content-Type: application/pkcs10' "
	    "--data-binary @proof.pem \\\n"
	    "        %s" PATH_REPORT "\n"
	    "\n"
	    "or, as application/json, {\"key\": \"...\", \"signature\": "
	    "\"...\"}, both base64url:\n"
	    "the SubjectPublicKeyInfo in DER, and the signature (RSA PKCS#1 "
	    "v1.5 or ECDSA\n"
	    "with SHA-256, Ed25519, Ed448) over this one line without its "
	    "end, with the\n"
	    "hash of that SubjectPublicKeyInfo in hexadecimal in place of "
	    "HASH:\n"
	    "\n"
	    "%s\n",
	    a->conf->ca_name, a->conf->base_url,
	    key_proof_text_of(j->arena, a->conf->base_url, "HASH"));
	return 0;
}

int
key_report_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct json_out o;
	struct key_hash key;
	int64_t number = 0;
	int is_new;

	if (req->proof == NULL)
		return tell_how(a, j, resp);
	key = report_proof_key(req->proof);
	is_new = decide(a, j, req, &key, resp, &number);
	if (is_new < 0 || (is_new > 0 && enter(a, j, req, &number) < 0))
		return -1;
	/* It cost a signature's verification, and nobody has gained anything.
	 */
	if (is_new == 0)
		throttle_failure(a->throttle, &a->conf->limits,
		    req->client_address, clock_now_ms());
	response_object(resp, 200, &o);
	if (number != 0)
		json_member_int(&o, "report", number);
	json_member_str(&o, "key", hex_dup(j->arena, key.spki_sha256));
	json_member_str(&o, "status", "blocked");
	json_object_end(&o);
	return 0;
}
