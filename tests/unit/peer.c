#include "config.h"

#include "tests/unit/peer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct shared {
	int connections;
	char complaint[256];
	char sni[256];
	size_t n;
	char heard[1 << 20];
};

struct peer {
	struct shared *shared;
	pid_t pid;
	int port;
};

struct peer_tls {
	SSL_CTX *ctx;
	X509 *ca;
	EVP_PKEY *ca_key;
	char ca_file[64];
	char client_file[64];
};

/* --- certificates -------------------------------------------------------- */

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static X509 *
make_cert(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
    const char *san)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();
	unsigned char serial[8];
	BIGNUM *number;

	assert_int_equal(RAND_bytes(serial, sizeof(serial)), 1);
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	X509_set_version(cert, X509_VERSION_3);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(
	    cert, issuer == NULL ? name : X509_get_subject_name(issuer));
	X509_NAME_free(name);
	X509_set_pubkey(cert, key);
	if (issuer == NULL) {
		add_extension(
		    cert, cert, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(
		    cert, cert, NID_key_usage, "critical,keyCertSign");
	} else {
		add_extension(cert, issuer, NID_subject_alt_name, san);
	}
	assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
	return cert;
}

static int
note_sni(SSL *ssl, int *alert, void *arg)
{
	struct shared **shared = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (*shared != NULL && name != NULL)
		snprintf((*shared)->sni, sizeof((*shared)->sni), "%s", name);
	return SSL_TLSEXT_ERR_OK;
}

static struct shared *sni_shared;

struct peer_tls *
peer_tls_new(const char *name)
{
	struct peer_tls *t = calloc(1, sizeof(*t));
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	unsigned char scratch[16];
	char san[300];
	X509 *ca, *cert;
	FILE *file;
	int fd;

	assert_non_null(t);
	snprintf(san, sizeof(san), "%s:%s",
	    inet_pton(AF_INET, name, scratch) == 1 ? "IP" : "DNS", name);
	ca = make_cert("Authority of a test", ca_key, NULL, ca_key, NULL);
	cert = make_cert("server", key, ca, ca_key, san);
	t->ctx = SSL_CTX_new(TLS_server_method());
	assert_non_null(t->ctx);
	assert_int_equal(SSL_CTX_use_certificate(t->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(t->ctx, key), 1);
	SSL_CTX_set_tlsext_servername_callback(t->ctx, note_sni);
	SSL_CTX_set_tlsext_servername_arg(t->ctx, &sni_shared);

	snprintf(t->ca_file, sizeof(t->ca_file), "test-ca-XXXXXX");
	fd = mkstemp(t->ca_file);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, ca), 1);
	assert_int_equal(fclose(file), 0);
	t->ca = ca;
	t->ca_key = ca_key;
	X509_free(cert);
	EVP_PKEY_free(key);
	return t;
}

const char *
peer_tls_client_file(struct peer_tls *t)
{
	EVP_PKEY *key;
	X509 *cert;
	FILE *file;
	int fd;

	if (t->client_file[0] != '\0')
		return t->client_file;
	key = EVP_EC_gen("P-256");
	cert = make_cert("client", key, t->ca, t->ca_key, "DNS:client.test");
	snprintf(t->client_file, sizeof(t->client_file), "test-client-XXXXXX");
	fd = mkstemp(t->client_file);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, cert), 1);
	assert_int_equal(
	    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(
	    SSL_CTX_load_verify_locations(t->ctx, t->ca_file, NULL), 1);
	SSL_CTX_set_verify(
	    t->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
	return t->client_file;
}

void
peer_tls_free(struct peer_tls *t)
{
	if (t == NULL)
		return;
	unlink(t->ca_file);
	if (t->client_file[0] != '\0')
		unlink(t->client_file);
	X509_free(t->ca);
	EVP_PKEY_free(t->ca_key);
	SSL_CTX_free(t->ctx);
	free(t);
}

const char *
peer_tls_ca_file(const struct peer_tls *t)
{
	return t->ca_file;
}

/* --- the child ----------------------------------------------------------- */

static volatile sig_atomic_t stop_asked;

struct connection {
	struct shared *shared;
	int fd;
	SSL *ssl;
	char line[8192];
};

static void
on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static bool
put(struct connection *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = c->ssl != NULL ? SSL_write(c->ssl, p, (int)n)
					      : send(c->fd, p, n, MSG_NOSIGNAL);

		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool
get_char(struct connection *c, char *out)
{
	ssize_t done;

	do
		done = c->ssl != NULL ? SSL_read(c->ssl, out, 1)
				      : recv(c->fd, out, 1, 0);
	while (done < 0 && c->ssl == NULL && errno == EINTR);
	if (done != 1)
		return false;
	if (c->shared->n < sizeof(c->shared->heard))
		c->shared->heard[c->shared->n++] = *out;
	return true;
}

static bool
get_line(struct connection *c)
{
	size_t n = 0;
	char ch;

	while (n < sizeof(c->line) - 1 && get_char(c, &ch)) {
		c->line[n++] = ch;
		if (ch == '\n') {
			c->line[n] = '\0';
			return true;
		}
	}
	c->line[n] = '\0';
	return false;
}

static bool
complain(struct connection *c, const char *expected)
{
	if (c->shared->complaint[0] == '\0')
		snprintf(c->shared->complaint, sizeof(c->shared->complaint),
		    "expected \"%s\", heard \"%.100s\"", expected, c->line);
	return false;
}

static bool
send_text(struct connection *c, const char *text)
{
	const char *tag = strstr(text, "%T");

	while (tag != NULL) {
		if (!put(c, text, (size_t)(tag - text)) ||
		    !put(c, c->line, strcspn(c->line, " \r\n")))
			return false;
		text = tag + 2;
		tag = strstr(text, "%T");
	}
	return put(c, text, strlen(text));
}

static bool
expect(struct connection *c, const char *text)
{
	const char *line;

	if (!get_line(c))
		return complain(c, text);
	line = c->line;
	/* IMAP: the tag is the client's choice. */
	if (text[0] == ' ')
		line += strcspn(line, " \r\n");
	return strncasecmp(line, text, strlen(text)) == 0 || complain(c, text);
}

static bool
lines(struct connection *c, const char *text)
{
	do
		if (!get_line(c))
			return complain(c, text);
	while (strcmp(c->line, text) != 0);
	return true;
}

static bool
octets(struct connection *c)
{
	char ch;
	long n = strtol(strchr(c->line, ' '), NULL, 10);

	while (n-- > 0)
		if (!get_char(c, &ch))
			return complain(c, "octets");
	return true;
}

static bool
take_tls(struct connection *c, SSL_CTX *ctx)
{
	c->ssl = SSL_new(ctx);
	SSL_set_fd(c->ssl, c->fd);
	return SSL_accept(c->ssl) == 1;
}

static void
silence(struct connection *c)
{
	char ch;

	while (get_char(c, &ch))
		;
}

static void
reset(struct connection *c)
{
	struct linger linger = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static bool
play_step(struct connection *c, const struct peer_step *step, SSL_CTX *ctx)
{
	switch (step->verb) {
	case PEER_SEND:
		return send_text(c, step->text);
	case PEER_EXPECT:
		return expect(c, step->text);
	case PEER_LINES:
		return lines(c, step->text);
	case PEER_OCTETS:
		return octets(c);
	case PEER_TLS:
		return take_tls(c, ctx);
	case PEER_TICKET:
		return SSL_new_session_ticket(c->ssl) == 1 &&
		       SSL_do_handshake(c->ssl) == 1;
	case PEER_SILENCE:
		silence(c);
		return true;
	case PEER_FAREWELL:
		while (get_line(c) && strstr(c->line, " LOGOUT") == NULL)
			;
		return true;
	case PEER_RESET:
		reset(c);
		return false;
	case PEER_DRIP:
		for (const char *t = step->text; put(c, t, 1);) {
			poll(NULL, 0, 100);
			t = t[1] == '\0' ? step->text : t + 1;
		}
		return false;
	case PEER_FLOOD:
		while (send_text(c, step->text))
			;
		return false;
	case PEER_END:
	case PEER_NEXT:
		return false;
	}
	return false;
}

/* Plays from *at; leaves *at where the next connection begins. */
static void
play(struct shared *shared, int fd, const struct peer_step *steps, size_t *at,
    SSL_CTX *ctx)
{
	struct connection c = { .shared = shared, .fd = fd };
	size_t i = *at;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

	while (play_step(&c, &steps[i], ctx))
		i++;
	while (steps[i].verb != PEER_NEXT && steps[i].verb != PEER_END &&
	       steps[i].verb != PEER_RESET)
		i++;
	*at = steps[i].verb == PEER_NEXT ? i + 1 : *at;
	SSL_free(c.ssl);
	close(fd);
}

static void
serve(struct shared *shared, int listener, const struct peer_step *steps,
    SSL_CTX *ctx)
{
	struct sigaction action = { .sa_handler = on_stop };
	sigset_t blocked, open;
	size_t at = 0;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &open);
	sigdelset(&open, SIGTERM);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	alarm(1200);
	sni_shared = shared;
	while (!stop_asked) {
		struct pollfd p = { listener, POLLIN, 0 };
		int fd;

		if (ppoll(&p, 1, NULL, &open) <= 0)
			continue;
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		shared->connections++;
		play(shared, fd, steps, &at, ctx);
	}
}

static int
listen_at(const char *address, int *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	bool is_v6 = inet_pton(AF_INET6, address, &sin6.sin6_addr) == 1;
	struct sockaddr *sa =
	    is_v6 ? (struct sockaddr *)&sin6 : (struct sockaddr *)&sin;
	socklen_t len = is_v6 ? sizeof(sin6) : sizeof(sin);
	int fd = socket(sa->sa_family, SOCK_STREAM, 0);

	if (!is_v6)
		assert_int_equal(inet_pton(AF_INET, address, &sin.sin_addr), 1);
	if (fd < 0 || bind(fd, sa, len) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, sa, &len), 0);
	*port = ntohs(is_v6 ? sin6.sin6_port : sin.sin_port);
	return fd;
}

struct peer *
peer_start_at(
    const struct peer_step *steps, struct peer_tls *tls, const char *address)
{
	struct peer *p = calloc(1, sizeof(*p));
	int listener;

	assert_non_null(p);
	listener = listen_at(address, &p->port);
	if (listener < 0) {
		free(p);
		return NULL;
	}
	p->shared = mmap(NULL, sizeof(*p->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p->shared, MAP_FAILED);
	fflush(NULL);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		serve(
		    p->shared, listener, steps, tls == NULL ? NULL : tls->ctx);
		_exit(0);
	}
	close(listener);
	return p;
}

struct peer *
peer_start(const struct peer_step *steps, struct peer_tls *tls)
{
	struct peer *p = peer_start_at(steps, tls, "127.0.0.1");

	assert_non_null(p);
	return p;
}

int
peer_port(const struct peer *p)
{
	return p->port;
}

void
peer_stop(struct peer *p)
{
	int status;

	if (p->pid == 0)
		return;
	kill(p->pid, SIGTERM);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}

const char *
peer_transcript(const struct peer *p, size_t *n)
{
	*n = p->shared->n;
	return p->shared->heard;
}

bool
peer_heard(const struct peer *p, const char *text)
{
	return memmem(p->shared->heard, p->shared->n, text, strlen(text)) !=
	       NULL;
}

const char *
peer_complaint(const struct peer *p)
{
	return p->shared->complaint;
}

int
peer_connections(const struct peer *p)
{
	return p->shared->connections;
}

const char *
peer_sni(const struct peer *p)
{
	return p->shared->sni;
}

void
peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	peer_stop(p);
	munmap(p->shared, sizeof(*p->shared));
	free(p);
}

/* --- nobody there --------------------------------------------------------- */

/* One fits in, whatever listen() is told. */
#define DEAF_FILL 3

struct peer_deaf {
	int listener, port;
	int fill[DEAF_FILL];
};

struct peer_deaf *
peer_deaf_new(void)
{
	struct peer_deaf *d = calloc(1, sizeof(*d));
	struct sockaddr_in sin = { .sin_family = AF_INET };

	assert_non_null(d);
	d->listener = listen_at("127.0.0.1", &d->port);
	assert_int_equal(listen(d->listener, 0), 0);
	sin.sin_port = htons((uint16_t)d->port);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &sin.sin_addr), 1);
	for (size_t i = 0; i < DEAF_FILL; i++) {
		d->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		assert_true(d->fill[i] >= 0);
		(void)connect(d->fill[i], (struct sockaddr *)&sin, sizeof(sin));
	}
	return d;
}

int
peer_deaf_port(const struct peer_deaf *d)
{
	return d->port;
}

void
peer_deaf_free(struct peer_deaf *d)
{
	for (size_t i = 0; i < DEAF_FILL; i++)
		close(d->fill[i]);
	close(d->listener);
	free(d);
}
