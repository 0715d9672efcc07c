#include "config.h"

#include "mail/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/rnd.h"

#define MESSAGE_MAX 4096
#define SALT_MAX 1024
#define NONCE_OCTETS 24
#define SUM_MAX 32

struct scram {
	struct job *job;
	const EVP_MD *md;
	size_t n; /* octets of a sum */
	struct span password;
	struct span nonce;      /* ours */
	struct span first_bare; /* what we said first, without "n,," */
	uint8_t server_signature[SUM_MAX];
	bool said_final;
};

/* --- the client's first message ------------------------------------------ */

struct scram *
scram_new(struct job *j, enum scram_hash hash, struct span user,
    struct span password, const char *nonce)
{
	struct scram *s = arena_alloc_secret(j->arena, sizeof(*s));
	uint8_t octets[NONCE_OCTETS];
	struct buf b;

	*s = (struct scram){ .job = j, .password = password };
	s->md = hash == SCRAM_SHA1 ? EVP_sha1() : EVP_sha256();
	s->n = (size_t)EVP_MD_get_size(s->md);
	if (nonce == NULL) {
		rnd_bytes(octets, sizeof(octets));
		buf_init(&b, j->arena, 64);
		b64_add(&b, span_mem(octets, sizeof(octets)));
		s->nonce = buf_span(&b);
	} else {
		s->nonce = span_str(nonce);
	}
	buf_init(&b, j->arena, MESSAGE_MAX);
	buf_add_str(&b, "n=");
	for (size_t i = 0; i < user.n; i++) {
		if (user.p[i] == ',')
			buf_add_str(&b, "=2C");
		else if (user.p[i] == '=')
			buf_add_str(&b, "=3D");
		else
			buf_add_char(&b, user.p[i]);
	}
	buf_add_str(&b, ",r=");
	buf_add(&b, s->nonce);
	s->first_bare = buf_span(&b);
	return s;
}

struct span
scram_first(struct scram *s)
{
	struct buf b;

	buf_init(&b, s->job->arena, MESSAGE_MAX);
	buf_add_str(&b, "n,,");
	buf_add(&b, s->first_bare);
	return buf_span(&b);
}

/* --- the server's messages ----------------------------------------------- */

/* "x=value" up to the next comma, which it goes behind. */
static int
take_attribute(struct span *rest, char name, struct span *value)
{
	size_t end = span_find(*rest, 0, ',');

	if (rest->n < 2 || rest->p[0] != name || rest->p[1] != '=')
		return -1;
	*value = span_cut(*rest, 2, end);
	*rest = span_from(*rest, end + 1);
	return 0;
}

struct server_first {
	struct span nonce, salt;
	int64_t iterations;
};

static const char *
read_server_first(struct scram *s, struct span text, struct server_first *out)
{
	struct span salt, iterations;

	if (text.n > MESSAGE_MAX || !span_is_ascii(text) ||
	    span_has_control(text))
		return "SCRAM: the server's first message is not text";
	/* An "m=" before it would be an extension that must be understood. */
	if (take_attribute(&text, 'r', &out->nonce) < 0 ||
	    take_attribute(&text, 's', &salt) < 0 ||
	    take_attribute(&text, 'i', &iterations) < 0)
		return "SCRAM: the server's first message lacks what it must "
		       "hold";
	if (!span_starts(out->nonce, s->nonce) || out->nonce.n == s->nonce.n)
		return "SCRAM: the server did not go on from our nonce";
	if (salt.n == 0 || salt.n > SALT_MAX ||
	    b64_parse_fws(s->job->arena, salt, &out->salt) < 0 ||
	    out->salt.n == 0)
		return "SCRAM: the server's salt cannot be read";
	if (span_to_int(iterations, SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX,
		&out->iterations) < 0)
		return "SCRAM: the server asks for less than 4096 or more than "
		       "1000000 iterations";
	return NULL;
}

/* --- keys ---------------------------------------------------------------- */

static bool
hmac(const struct scram *s, const uint8_t *key, struct span data, uint8_t *out)
{
	return HMAC(s->md, key, (int)s->n, (const unsigned char *)data.p,
		   data.n, out, NULL) != NULL;
}

/* ClientProof into `proof`, ServerSignature into s. */
static bool
make_proof(struct scram *s, const struct server_first *first,
    struct span auth_message, uint8_t *proof)
{
	uint8_t salted[SUM_MAX], client_key[SUM_MAX], stored[SUM_MAX];
	uint8_t signature[SUM_MAX], server_key[SUM_MAX];
	bool good =
	    PKCS5_PBKDF2_HMAC(s->password.p, (int)s->password.n,
		(const unsigned char *)first->salt.p, (int)first->salt.n,
		(int)first->iterations, s->md, (int)s->n, salted) == 1 &&
	    hmac(s, salted, SPAN("Client Key"), client_key) &&
	    EVP_Digest(client_key, s->n, stored, NULL, s->md, NULL) == 1 &&
	    hmac(s, stored, auth_message, signature) &&
	    hmac(s, salted, SPAN("Server Key"), server_key) &&
	    hmac(s, server_key, auth_message, s->server_signature);

	for (size_t i = 0; good && i < s->n; i++)
		proof[i] = client_key[i] ^ signature[i];
	wipe(salted, sizeof(salted));
	wipe(client_key, sizeof(client_key));
	wipe(server_key, sizeof(server_key));
	return good;
}

int
scram_final(struct scram *s, struct span server_first, struct span *out,
    const char **why)
{
	struct server_first first = { { NULL, 0 }, { NULL, 0 }, 0 };
	uint8_t proof[SUM_MAX] = { 0 };
	struct buf without, all;

	*why = read_server_first(s, server_first, &first);
	if (*why != NULL)
		return -1;
	buf_init(&without, s->job->arena, 2 * MESSAGE_MAX);
	buf_add_str(&without, "c=biws,r="); /* "n,," */
	buf_add(&without, first.nonce);
	buf_init(&all, s->job->arena, 4 * MESSAGE_MAX);
	buf_add(&all, s->first_bare);
	buf_add_char(&all, ',');
	buf_add(&all, server_first);
	buf_add_char(&all, ',');
	buf_add(&all, buf_span(&without));
	if (!buf_ok(&all) || !make_proof(s, &first, buf_span(&all), proof)) {
		*why = "SCRAM: the proof could not be made";
		return -1;
	}
	buf_add_str(&without, ",p=");
	b64_add(&without, span_mem(proof, s->n));
	*out = buf_span(&without);
	s->said_final = true;
	return 0;
}

int
scram_check(struct scram *s, struct span server_final, const char **why)
{
	struct span value, octets;

	*why = "SCRAM: the server did not prove that it knows the password";
	if (!s->said_final || server_final.n > MESSAGE_MAX ||
	    take_attribute(&server_final, 'v', &value) < 0 ||
	    b64_parse_fws(s->job->arena, value, &octets) < 0 ||
	    !ct_equal(octets, span_mem(s->server_signature, s->n)))
		return -1;
	*why = NULL;
	return 0;
}
