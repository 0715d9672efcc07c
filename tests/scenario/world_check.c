/* What is there in the end: mails, certificates, and what must always hold. */
#include "config.h"

#include "tests/scenario/world_private.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_order.h"
#include "db/store_order_look.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "pki/issue.h"

static int
child_count(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct order *orders;
	size_t count;
	int certificates = 0;
	int64_t rows;

	(void)w;
	(void)ctx;
	if (store_order_list(j, false, 1000, &orders, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct cert c;

		if (store_cert_by_order(j, orders[i].id, &c) > 0)
			certificates += c.issued_at != 0;
	}
	/* The unique key on the order makes more than one impossible; the
	 * count shows that none is missing either. */
	if (store_audit_verify(j, &rows) < 0)
		return -1;
	fprintf(out, "%d", certificates);
	return 0;
}

struct seen_mail {
	char id[300];
	char from[300];
	uint8_t hash[SHA256_LEN];
};

static int
collect_mails(struct world *w, struct seen_mail *seen, int *count)
{
	struct file_list *files = xcalloc(1, sizeof(*files));

	world_list_files(w, "relay", files);
	*count = files->count;
	for (int i = 0; i < files->count; i++) {
		char path[400], *text;
		int fd;

		snprintf(
		    path, sizeof(path), "%s/relay/%s", w->dir, files->names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		text = world_read_all(fd);
		close(fd);
		sha256(span_str(text), seen[i].hash);
		world_header_line(
		    text, "\r\nMessage-ID: ", seen[i].id, sizeof(seen[i].id));
		world_header_line(
		    text, "From: ", seen[i].from, sizeof(seen[i].from));
		free(text);
	}
	free(files);
	return 0;
}

static int
child_validity(struct world *w, struct job *j, void *ctx, FILE *out)
{
	const char *url = ctx;
	char from[CLOCK_RFC3339_MAX], until[CLOCK_RFC3339_MAX];
	struct cert_facts facts;
	struct cert c;

	(void)w;
	if (store_cert_by_order(j, strrchr(url, '/') + 1, &c) != 1 ||
	    cert_facts(j, c.der, &facts) < 0)
		return job_fail(j, ERR_INTERNAL, "no certificate");
	clock_format_rfc3339(facts.not_before, from);
	clock_format_rfc3339(facts.not_after, until);
	fprintf(out, "%s %s", from, until);
	return 0;
}

int
world_validity(struct world *w, const char *order, char **text)
{
	struct known_order *o = world_find(w, order);

	return o == NULL
		   ? -1
		   : world_child(w, AS_OWNER, child_validity, o->url, text);
}

int
world_count(struct world *w, struct counts *out)
{
	struct seen_mail *seen = xcalloc(FILES_MAX, sizeof(*seen));
	char *text;

	*out = (struct counts){ 0 };
	collect_mails(w, seen, &out->submissions);
	for (int i = 0; i < out->submissions; i++) {
		bool first = true;

		for (int k = 0; k < i; k++)
			first = first && strcmp(seen[k].id, seen[i].id) != 0;
		out->mails += first;
	}
	free(seen);
	if (world_child(w, AS_OWNER, child_count, NULL, &text) < 0)
		return -1;
	out->certificates = atoi(text);
	free(text);
	return 0;
}

int
world_check_invariants(struct world *w)
{
	struct seen_mail *seen = xcalloc(FILES_MAX, sizeof(*seen));
	struct counts counts;
	int count, result = 0;

	collect_mails(w, seen, &count);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < i; k++) {
			bool same_id = strcmp(seen[i].id, seen[k].id) == 0;

			if (same_id &&
			    memcmp(seen[i].hash, seen[k].hash, SHA256_LEN) != 0)
				result = world_fail(w,
				    "two different mails have one Message-ID");
			if (!same_id && strcmp(seen[i].from, seen[k].from) == 0)
				result = world_fail(
				    w, "one challenge has two Message-IDs");
		}
	free(seen);
	return result < 0 ? -1 : world_count(w, &counts);
}
