/* The folders of mails: what is in them, and replies that are put there. */
#include "config.h"

#include "tests/scenario/world_private.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/store_order.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "mail/dkim_sign.h"
#include "mail/reply.h"

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

void
world_list_files(
    const struct world *w, const char *folder, struct file_list *out)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	out->count = 0;
	snprintf(path, sizeof(path), "%s/%s", w->dir, folder);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && out->count < FILES_MAX)
			snprintf(out->names[out->count++],
			    sizeof(out->names[0]), "%s", e->d_name);
	if (d != NULL)
		closedir(d);
	qsort(out->names, (size_t)out->count, sizeof(out->names[0]), by_name);
}

/* --- replies ------------------------------------------------------------- */

/* The challenge mail to that mailbox from that address, or NULL. */
static char *
find_mail(struct world *w, const struct known_mailbox *m)
{
	struct file_list *files = xcalloc(1, sizeof(*files));
	char from[300], *found = NULL;

	snprintf(from, sizeof(from), "From: %s\r\n", m->from);
	world_list_files(w, "relay", files);
	for (int i = 0; found == NULL && i < files->count; i++) {
		char path[400];
		int fd;

		snprintf(
		    path, sizeof(path), "%s/relay/%s", w->dir, files->names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert(fd >= 0);
		found = world_read_all(fd);
		close(fd);
		if (strstr(found, from) == NULL) {
			free(found);
			found = NULL;
		}
	}
	free(files);
	return found;
}

int
world_header_line(const char *mail, const char *name, char *out, size_t max)
{
	const char *p = strstr(mail, name);
	size_t n;

	if (p == NULL)
		return -1;
	p += strlen(name);
	n = strcspn(p, "\r\n");
	snprintf(out, max, "%.*s", (int)n, p);
	return 0;
}

struct reply_kind {
	const char *name;
	bool wrong_digest, former_key, unsigned_, other_from, broken, list,
	    empty, bounce;
};

static const struct reply_kind reply_kinds[] = {
	{ .name = "good" },
	{ .name = "wrong", .wrong_digest = true },
	{ .name = "former", .former_key = true },
	{ .name = "unsigned", .unsigned_ = true },
	{ .name = "other-from", .other_from = true },
	{ .name = "broken", .broken = true },
	{ .name = "list", .list = true },
	{ .name = "empty", .empty = true },
	{ .name = "bounce", .bounce = true, .unsigned_ = true },
};

static struct span
write_reply(struct world *w, struct job *j, const struct reply_kind *k,
    const struct known_mailbox *m, const char *mail)
{
	char subject[200], id[300], digest[44];
	uint8_t octets[SHA256_LEN];
	struct buf b;

	if (world_header_line(
		mail, "\r\nSubject: ACME: ", subject, sizeof(subject)) < 0 ||
	    world_header_line(mail, "\r\nMessage-ID: ", id, sizeof(id)) < 0)
		abort();
	reply_digest(span_str(subject), span_str(m->token_part2),
	    span_str(k->former_key ? client_former_thumbprint(w->client)
				   : client_thumbprint(w->client)),
	    octets);
	octets[0] ^= k->wrong_digest;
	b64url_format(digest, span_mem(octets, sizeof(octets)));
	buf_init(&b, j->arena, 65536);
	buf_addf(&b,
	    "From: %s\r\nTo: %s\r\nSubject: Re: ACME: %s\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
	    "Message-ID: <reply%d@user.test>\r\nIn-Reply-To: %s\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n%s\r\n",
	    k->other_from ? "mallory@user.test" : m->address, m->from, subject,
	    w->inbox_count, id, k->list ? "List-Id: <l.user.test>\r\n" : "");
	if (!k->empty)
		buf_addf(&b,
		    "-----BEGIN ACME RESPONSE-----\r\n%s\r\n"
		    "-----END ACME RESPONSE-----\r\n",
		    digest);
	return buf_span(&b);
}

static struct span
write_bounce(struct job *j, const struct known_mailbox *m, const char *mail)
{
	char id[300];
	struct buf b;

	world_header_line(mail, "\r\nMessage-ID: ", id, sizeof(id));
	buf_init(&b, j->arena, 65536);
	buf_addf(&b,
	    "From: MAILER-DAEMON@mx.user.test\r\nTo: %s\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
	    "Message-ID: <bounce@mx.user.test>\r\n"
	    "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    " boundary=\"b1\"\r\n\r\n"
	    "--b1\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n\r\n"
	    "--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; mx.user.test\r\n\r\n"
	    "Final-Recipient: rfc822; %s\r\nAction: failed\r\n"
	    "Status: 5.1.1\r\n\r\n"
	    "--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n"
	    "Message-ID: %s\r\n\r\n--b1--\r\n",
	    m->from, m->address, id);
	return buf_span(&b);
}

static int
deliver(struct world *w, struct job *j, const struct reply_kind *k,
    struct span message)
{
	const struct dkim_signer *signers[1] = { w->signer };
	char path[300];

	if (!k->unsigned_ && dkim_sign(j, message, "user.test", signers, 1,
				 w->now, w->now + 86400, &message) < 0)
		return world_fail(w, "%s", j->err.text);
	if (k->broken) {
		char *copy = span_dup(j->arena, message);

		copy[message.n - 40] ^= 1;
		message = span_mem(copy, message.n);
	}
	snprintf(path, sizeof(path), "%s/inbox/%06d-%lld.eml", w->dir,
	    ++w->inbox_count, (long long)w->now);
	return file_write(j, path, 0600, message) < 0
		   ? world_fail(w, "%s", j->err.text)
		   : 0;
}

int
world_reply(
    struct world *w, const char *order, const char *mailbox, const char *kind)
{
	struct known_mailbox *m =
	    world_find_mailbox(world_find(w, order), mailbox);
	const struct reply_kind *k = NULL;
	struct job j;
	char *mail;
	int result;

	for (size_t i = 0; i < COUNT(reply_kinds); i++)
		if (strcmp(reply_kinds[i].name, kind) == 0)
			k = &reply_kinds[i];
	if (m == NULL || k == NULL)
		return world_fail(
		    w, "reply: no %s or no kind %s", mailbox, kind);
	mail = find_mail(w, m);
	if (mail == NULL)
		return world_fail(w, "no mail to %s has left", mailbox);
	job_init(&j, NULL, w->conf);
	result = deliver(w, &j, k,
	    k->bounce ? write_bounce(&j, m, mail)
		      : write_reply(w, &j, k, m, mail));
	job_done(&j);
	free(mail);
	return result;
}
