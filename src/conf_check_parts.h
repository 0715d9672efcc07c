/* The parts of conf_check(), and what they report with.  For src/conf_check.c
 * and the files of its parts alone. */
#ifndef SRC_CONF_CHECK_PARTS_H
#define SRC_CONF_CHECK_PARTS_H

#include "src/conf_check.h"

#include <stdbool.h>
#include <stddef.h>

struct conf_list;
struct conf_rates;

struct check {
	struct arena *arena;
	const struct conf *conf;
	conf_check_fn *report;
	void *ctx;
};

/* --- conf_check.c: what any part may ask --- */

/* Reports a mistake in `option`, its full name. */
void conf_wrong(struct check *c, const char *option, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Both are set, or neither (NULL). */
void conf_check_pair(struct check *c, const char *option, const void *given,
    const char *other_option, const void *other);
/* Each is an absolute path. */
void conf_check_absolute(
    struct check *c, const char *option, const struct conf_list *paths);
/* Among the first `before` of them (SIZE_MAX: all). */
bool conf_list_has_before(
    const struct conf_list *list, const char *name, size_t before);

/* --- conf_check_address.c: hosts, addresses, sockets and URLs --- */

void conf_check_base_url(struct check *c);
void conf_check_listen(struct check *c);
void conf_check_status_listen(struct check *c);
void conf_check_lmtp(struct check *c);
void conf_check_admin(struct check *c);
void conf_check_places(struct check *c);
void conf_check_tls(struct check *c);
void conf_check_trusted(struct check *c);
/* NULL, for `host` and `url`, is passed over. */
void conf_check_host(struct check *c, const char *option, const char *host);
void conf_check_http_url(struct check *c, const char *option, const char *url);
/* Pages for people, which clients, mails and Link fields name. */
void conf_check_pages(struct check *c);

/* --- conf_check_sender.c: how mail goes out --- */

void conf_check_sender(struct check *c);

/* --- conf_check_validator.c: how replies come in, and which count --- */

void conf_check_validator(struct check *c);

/* --- conf_check_policy.c: what is issued, to whom, and how much of it --- */

void conf_check_limits(struct check *c);
void conf_check_windows(
    struct check *c, const char *option, const struct conf_rates *rates);
void conf_check_lists(struct check *c);
void conf_check_ocsp(struct check *c);
void conf_check_profiles(struct check *c);
void conf_check_alternates(struct check *c);
void conf_check_accounts(struct check *c);
void conf_check_account_prefixes(struct check *c);
void conf_check_public(struct check *c);

#endif
