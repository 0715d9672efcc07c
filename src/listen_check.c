#include "config.h"

#include "src/listen_check.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "src/conf_listen.h"
#include "src/listen.h"
#include "src/single.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As src/listen.c binds it, but without listening: whoever starts to listen
 * there at the same time is not disturbed.  0, or an errno. */
static int
try_bind(const struct addrinfo *a)
{
	int on = 1, error = 0;
	int fd =
	    socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0)
		error = errno;
	close(fd);
	return error;
}

/* What would be right; NULL if all is well. */
static const char *
advice_on(int error, bool is_running)
{
	const char *advice;

	/* EACCES: the service may have the right that this user lacks. */
	if (error == 0 || error == EACCES ||
	    (error == EADDRINUSE && is_running))
		return NULL;
	advice = listen_advice(error);
	return advice != NULL ? advice : strerror(error);
}

static const char *
look_at(struct job *j, const char *value, bool is_running)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	const char *host, *port, *advice;
	int error;

	if (conf_listen_path(value) != NULL ||
	    strcmp(value, CONF_LISTEN_SYSTEMD) == 0)
		return NULL;
	if (conf_parse_listen(j->arena, value, &host, &port) < 0)
		return "is not an address and a port";
	error = getaddrinfo(host, port, &hints, &found);
	if (error != 0)
		return gai_strerror(error);
	advice = advice_on(try_bind(found), is_running);
	freeaddrinfo(found);
	return advice;
}

unsigned
listen_check(struct job *j, listen_check_fn *report, void *ctx)
{
	bool is_running = single_is_taken(j, j->conf->database);
	const struct {
		const char *option;
		const struct conf_list *list;
	} all[] = {
		{ "web.listen", &j->conf->web.listen },
		{ "web.status_listen", &j->conf->web.status_listen },
		{ "admin.listen", &j->conf->admin.listen },
		{ "validator.lmtp_listen", &j->conf->validator.lmtp_listen },
	};
	unsigned count = 0;

	for (size_t i = 0; i < COUNT(all); i++)
		for (size_t n = 0; n < all[i].list->n; n++) {
			const char *value = all[i].list->v[n];
			const char *advice = look_at(j, value, is_running);

			if (advice == NULL)
				continue;
			count++;
			report(ctx, arena_printf(j->arena, "%s: %s: %s",
					all[i].option, value, advice));
		}
	return count;
}
