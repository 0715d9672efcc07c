#include "config.h"

#include "src/intake.h"

#include "lib/conf.h"

#include <stdio.h>
#include <string.h>

static size_t
own_count(const struct conf_validator *v)
{
	return v->imap.host != NULL;
}

static size_t
lmtp_count(const struct conf_validator *v)
{
	return v->lmtp_listen.n > 0 ? 2 : 0;
}

size_t
intake_count(const struct conf *c)
{
	const struct conf_validator *v = &c->validator;

	size_t ways =
	    own_count(v) + v->imap_count + v->maildir.n + lmtp_count(v);

	return ways > 0 && c->mpic.perspective_count > 0 ? ways + 1 : ways;
}

struct intake
intake_at(const struct conf *c, size_t i, char room[INTAKE_NAME_MAX])
{
	const struct conf_validator *v = &c->validator;
	const struct conf_imap *m;

	if (i < own_count(v))
		return (struct intake){
			.kind = INTAKE_IMAP, .name = "imap", .imap = &v->imap
		};
	i -= own_count(v);
	if (i < v->imap_count) {
		m = &v->imaps[i];
		snprintf(room, INTAKE_NAME_MAX, "imap:%s", m->name);
		return (struct intake){
			.kind = INTAKE_IMAP, .name = room, .imap = m
		};
	}
	i -= v->imap_count;
	if (i < v->maildir.n) {
		snprintf(room, INTAKE_NAME_MAX, "maildir:%zu", i + 1);
		return (struct intake){ .kind = INTAKE_MAILDIR,
			.name = room,
			.maildir = v->maildir.v[i] };
	}
	i -= v->maildir.n;
	if (i >= lmtp_count(v))
		return (struct intake){ .kind = INTAKE_PERSPECTIVES,
			.name = "perspectives" };
	if (i == 0)
		return (struct intake){ .kind = INTAKE_LMTP, .name = "lmtp" };
	return (struct intake){ .kind = INTAKE_DEFERRED, .name = "deferred" };
}

bool
intake_find(const struct conf *c, const char *name, struct intake *out,
    char room[INTAKE_NAME_MAX])
{
	for (size_t i = 0; i < intake_count(c); i++) {
		*out = intake_at(c, i, room);
		if (strcmp(out->name, name) == 0)
			return true;
	}
	return false;
}
