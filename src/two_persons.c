#include "config.h"

#include "src/two_persons.h"

#include <string.h>

#include "db/store_admin.h"
#include "lib/job.h"
#include "src/admin_login.h"
#include "src/command.h"

/* 1 and the admin who may still act, 0, -1. */
static int
live_asker(struct job *j, const char *asked_by, struct admin *out)
{
	const char *name = admin_of_actor(asked_by);
	int found = name == NULL ? 0 : store_admin_by_name(j, name, out);

	return found == 1 ? admin_may_act(out, j->now) : found;
}

int
request_stands(struct job *j, const char *asked_by)
{
	struct admin asker;

	if (asked_by == NULL)
		return 0;
	if (command_admin() == NULL && admin_of_actor(asked_by) == NULL)
		return 1;
	return live_asker(j, asked_by, &asker);
}

/* Is one of the two an approver, or are they system accounts?  1 / 0 / -1. */
static int
has_approver(struct job *j, const char *asked_by)
{
	const struct admin *self = command_admin();
	struct admin asker;
	int found;

	if (self == NULL || self->role == ADMIN_APPROVER)
		return 1;
	found = live_asker(j, asked_by, &asker);
	return found == 1 ? asker.role == ADMIN_APPROVER : found;
}

int
request_is_first(struct job *j, const char *asked_by)
{
	int stands = request_stands(j, asked_by);
	int approver;

	if (stands <= 0)
		return stands < 0 ? -1 : 1;
	if (strcmp(asked_by, command_operator(j)) == 0)
		return 0;
	approver = has_approver(j, asked_by);
	return approver < 0 ? -1 : !approver;
}

int
request_may_confirm(struct job *j, const char *asked_by)
{
	int stands = request_stands(j, asked_by);
	int approver;

	if (stands < 0)
		return -1;
	if (stands == 0)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "%s, who has asked for it, may not do so any more",
		    asked_by == NULL ? "nobody" : asked_by);
	if (strcmp(asked_by, command_operator(j)) == 0)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "you have asked for it; another admin must confirm it");
	approver = has_approver(j, asked_by);
	if (approver == 0)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "%s, who is no approver either, has asked for it; an admin "
		    "with the role approver must confirm it",
		    asked_by);
	return approver < 0 ? -1 : 0;
}

int
key_may_be_named(struct job *j, const char *name)
{
	const struct admin *self = command_admin();
	int pair;

	if (self != NULL && strcmp(self->name, name) == 0)
		return 0;
	pair = store_admin_is_pair(j, NULL);
	if (pair <= 0)
		return pair;
	return job_fail(j, ERR_UNAUTHORIZED,
	    "%s: only that admin names the own client key, now that there are "
	    "two admins, of whom one is an approver; if the key is lost give "
	    "countersign admin disable %s, and ask for another account with "
	    "countersign admin add, which an approver approves",
	    name, name);
}
