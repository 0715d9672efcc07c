#include "config.h"

#include "src/admin_session.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/rnd.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_OCTETS 32

struct session {
	struct admin_insider who; /* name "": this place is free */
	uint8_t token[SHA256_LEN];
	uint8_t key[SHA256_LEN];
	struct admin_moment begun, seen;
	uint64_t use; /* grows from request to request, of whomever */
};

struct admin_sessions {
	pthread_mutex_t lock;
	uint64_t uses;
	struct session v[ADMIN_SESSIONS_MAX];
};

struct admin_sessions *
admin_sessions_new(void)
{
	struct admin_sessions *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
admin_sessions_free(struct admin_sessions *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* A free place, or that of the one that was idle longest. */
static struct session *
take_place(struct admin_sessions *s)
{
	struct session *found = &s->v[0];

	for (size_t i = 0; i < ADMIN_SESSIONS_MAX; i++) {
		struct session *one = &s->v[i];

		if (one->who.name[0] == '\0')
			return one;
		if (one->use < found->use)
			found = one;
	}
	return found;
}

void
admin_session_begin(struct admin_sessions *s, const struct admin_insider *who,
    struct span key, struct admin_moment at, char token[ADMIN_TOKEN_LEN + 1])
{
	struct session fresh = { .who = *who, .begun = at, .seen = at };
	uint8_t octets[TOKEN_OCTETS];

	assert(who->name[0] != '\0');
	rnd_bytes(octets, sizeof(octets));
	b64url_format(token, span_mem(octets, sizeof(octets)));
	sha256(span_str(token), fresh.token);
	sha256(key, fresh.key);
	pthread_mutex_lock(&s->lock);
	fresh.use = ++s->uses;
	*take_place(s) = fresh;
	pthread_mutex_unlock(&s->lock);
}

static bool
is_longer(struct admin_moment since, struct admin_moment at, int64_t secs)
{
	return at.now - since.now > secs ||
	       at.up_ms - since.up_ms > secs * 1000;
}

static bool
is_over(const struct session *one, struct admin_moment at, int64_t idle)
{
	return is_longer(one->seen, at, idle) ||
	       is_longer(one->begun, at, ADMIN_SESSION_SECS);
}

/* NULL: none. */
static struct session *
find(struct admin_sessions *s, struct span token)
{
	struct session *found = NULL;
	uint8_t hash[SHA256_LEN];

	sha256(token, hash);
	for (size_t i = 0; i < ADMIN_SESSIONS_MAX; i++)
		if (s->v[i].who.name[0] != '\0' &&
		    ct_equal(span_mem(s->v[i].token, SHA256_LEN),
			span_mem(hash, sizeof(hash))))
			found = &s->v[i];
	return found;
}

static enum admin_session
look_at(struct session *one, struct span key, struct admin_moment at,
    int64_t idle, struct admin_insider *who)
{
	uint8_t hash[SHA256_LEN];

	if (one == NULL)
		return ADMIN_SESSION_NONE;
	if (is_over(one, at, idle)) {
		*one = (struct session){ .use = 0 };
		return ADMIN_SESSION_NONE;
	}
	*who = one->who;
	sha256(key, hash);
	if (memcmp(hash, one->key, sizeof(hash)) != 0) {
		*one = (struct session){ .use = 0 };
		return ADMIN_SESSION_STOLEN;
	}
	one->seen = at;
	return ADMIN_SESSION_GOOD;
}

enum admin_session
admin_session_find(struct admin_sessions *s, struct span token, struct span key,
    struct admin_moment at, int64_t idle, struct admin_insider *who)
{
	enum admin_session result;
	struct session *one;

	*who = (struct admin_insider){ .name = "" };
	/* Who shows no certificate may be the admin's own browser, asking
	 * which one to show: not logged in, but no thief. */
	if (token.n != ADMIN_TOKEN_LEN || key.n == 0)
		return ADMIN_SESSION_NONE;
	pthread_mutex_lock(&s->lock);
	one = find(s, token);
	result = look_at(one, key, at, idle, who);
	if (result == ADMIN_SESSION_GOOD)
		one->use = ++s->uses;
	pthread_mutex_unlock(&s->lock);
	return result;
}

void
admin_session_end(struct admin_sessions *s, struct span token)
{
	struct session *one;

	pthread_mutex_lock(&s->lock);
	one = find(s, token);
	if (one != NULL)
		*one = (struct session){ .use = 0 };
	pthread_mutex_unlock(&s->lock);
}
