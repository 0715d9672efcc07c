#include "config.h"

#include "acme/validation.h"

#include "acme/identifier.h"
#include "db/store_account.h"
#include "db/store_order.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "mail/compose.h"
#include "pki/profile.h"

#define REUSE_MARGIN (15 * 60) /* AC-103 */
#define LANGUAGE_MAX 256
#define TOKEN_OCTETS 24

/* AC-110: joined as texts or as octets, the two halves give one token. */
_Static_assert(TOKEN_OCTETS % 3 == 0, "token halves are whole groups");
_Static_assert(B64URL_LEN(TOKEN_OCTETS) == TOKEN_PART_LEN, "32 characters");

const char *
validation_id(struct job *j)
{
	char id[RND_ID_LEN + 1];

	rnd_id(id);
	return arena_strdup(j->arena, id);
}

/* AC-109: from the generator; the octets do not stay behind. */
static char *
new_token_part(struct job *j)
{
	uint8_t *octets = arena_alloc_secret(j->arena, TOKEN_OCTETS);
	char *text = arena_alloc_secret(j->arena, TOKEN_PART_LEN + 1);

	rnd_bytes(octets, TOKEN_OCTETS);
	b64url_format(text, span_mem(octets, TOKEN_OCTETS));
	return text;
}

/* AC-108: lower case; that which is answered to, with a tag of its own unless
 * configured otherwise. */
static int
make_addresses(
    struct job *j, const struct conf_sender *sender, struct challenge *c)
{
	const char **answered =
	    sender->reply_to != NULL ? &c->reply_to : &c->from;

	c->from = addr_lower(j, sender->from);
	if (sender->reply_to != NULL)
		c->reply_to = addr_lower(j, sender->reply_to);
	if (sender->tagged)
		*answered = compose_tagged(j, *answered);
	return *answered == NULL ? -1 : 0;
}

static int
make_challenge(struct job *j, const struct conf *conf,
    const struct account *account, struct challenge *c)
{
	c->id = validation_id(j);
	c->token_part1 = span_mem(new_token_part(j), TOKEN_PART_LEN);
	c->token_part2 = new_token_part(j);
	c->thumbprint = account->thumbprint; /* AC-82 */
	if (make_addresses(j, &conf->sender, c) < 0)
		return -1;
	c->message_id = compose_message_id(j, c->from);
	return c->message_id == NULL ? -1 : 0;
}

/* AC-103 */
static bool
may_reuse(const struct conf *conf, const struct order *order)
{
	const struct profile *p = profile_find(conf, span_str(order->profile));

	return conf->authz_valid_life > 0 && (p == NULL || !p->proves_anew);
}

int
validation_make(struct job *j, const struct conf *conf,
    const struct account *account, const struct order *order,
    const struct identifier *id, struct order_identifier *out)
{
	struct authz *z = &out->authz;
	int found = 0;

	out->type = span_dup(j->arena, id->type);
	out->value = span_dup(j->arena, id->value);
	/* L-7: who sends one type of identifier may not be able to read an
	 * authorization of another. */
	if (may_reuse(conf, order))
		found = store_authz_reusable(j, account->id, id->addr.canonical,
		    out->type, j->now + REUSE_MARGIN, z);
	if (found != 0)
		return found < 0 ? -1 : 0;
	*z = (struct authz){
		.id = validation_id(j),
		.account_id = account->id,
		.order_id = order->id,
		.mailbox = id->addr.canonical,
		.ident_type = out->type,
		.ident_value = out->value,
		.created_at = j->now,
		.expires_at = j->now + conf->authz_pending_life,
	};
	out->is_new = true;
	return make_challenge(j, conf, account, &z->challenge);
}

const char *
validation_language(struct job *j, struct span accept_language)
{
	if (accept_language.n == 0 || accept_language.n > LANGUAGE_MAX ||
	    !span_is_ascii(accept_language) ||
	    span_has_control(accept_language))
		return NULL;
	return span_dup(j->arena, accept_language);
}
