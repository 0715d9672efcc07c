/*
 * libopendkim's verdict on each case of standard input (dkim_case.h): "pass"
 * if a signature of the case's domain passes, else "fail" and its error.
 *
 *	dkim_opendkim sign KEY SELECTOR CANON	signs each with an RSA key
 *	dkim_opendkim rate SECONDS	how often a second it passes
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
/* Its header needs these and does not include them. */
#include <stdbool.h>
#include <sys/types.h>

#include <dkim.h>

#include "tests/integration/dkim_case.h"

static struct dkim_case current;

/* The library has an option for it, but asks the system when it compares x=
 * with the time: this answers instead. */
time_t
time(time_t *out)
{
	if (out != NULL)
		*out = (time_t)current.now;
	return (time_t)current.now;
}

static DKIM_STAT
find_key(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *out, size_t n)
{
	char name[1024];
	const char *text;

	(void)dkim;
	snprintf(name, sizeof(name), "%s._domainkey.%s",
	    (const char *)dkim_sig_getselector(sig),
	    (const char *)dkim_sig_getdomain(sig));
	text = dkim_case_text(&current, name);
	if (text == NULL || strlen(text) >= n)
		return DKIM_STAT_NOKEY;
	memcpy(out, text, strlen(text) + 1);
	return DKIM_STAT_OK;
}

/* Length of the field at p, without its CRLF. */
static size_t
field_len(const char *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		if (p[i] == '\r' && p[i + 1] == '\n' &&
		    (i + 2 == n || (p[i + 2] != ' ' && p[i + 2] != '\t')))
			return i;
	}
	return n;
}

static DKIM_STAT
feed(DKIM *dkim, char *p, size_t n)
{
	DKIM_STAT rc = DKIM_STAT_OK;

	while (n >= 2 && memcmp(p, "\r\n", 2) != 0 && rc == DKIM_STAT_OK) {
		size_t len = field_len(p, n);

		rc = dkim_header(dkim, (unsigned char *)p, len);
		len = len + 2 > n ? n : len + 2;
		p += len;
		n -= len;
	}
	if (rc == DKIM_STAT_OK)
		rc = dkim_eoh(dkim);
	if (rc == DKIM_STAT_OK && n > 2)
		rc = dkim_body(dkim, (unsigned char *)p + 2, n - 2);
	if (rc == DKIM_STAT_OK)
		rc = dkim_eom(dkim, NULL);
	return rc;
}

/* Is there a signature of the domain that passes? */
static bool
has_good(DKIM *dkim, const char **why)
{
	DKIM_SIGINFO **sigs;
	int count;

	*why = "no signature";
	if (dkim_getsiglist(dkim, &sigs, &count) != DKIM_STAT_OK)
		return false;
	for (int i = 0; i < count; i++) {
		if ((dkim_sig_getflags(sigs[i]) & DKIM_SIGFLAG_PASSED) != 0 &&
		    dkim_sig_getbh(sigs[i]) == DKIM_SIGBH_MATCH &&
		    strcasecmp((char *)dkim_sig_getdomain(sigs[i]),
			current.domain) == 0)
			return true;
		*why = dkim_sig_geterrorstr(dkim_sig_geterror(sigs[i]));
	}
	return false;
}

static bool
judge(DKIM_LIB *lib, bool is_quiet)
{
	const char *why = "";
	DKIM_STAT rc;
	DKIM *dkim;
	bool good;

	dkim = dkim_verify(lib, (const unsigned char *)"case", NULL, &rc);
	if (dkim == NULL)
		exit(1);
	rc = feed(dkim, current.message, current.message_len);
	good = has_good(dkim, &why);
	dkim_free(dkim);
	if (is_quiet)
		return good;
	if (good)
		puts("pass");
	else
		printf("fail %d %s\n", rc, why == NULL ? "" : why);
	return good;
}

/* --- measuring ------------------------------------------------------------ */

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How often a second the case's message is verified, on one processor. */
static void
rate(DKIM_LIB *lib, double seconds)
{
	double begun = cpu_seconds(), spent;
	long count = 0;

	do {
		if (!judge(lib, true))
			exit(1);
		count++;
		spent = cpu_seconds() - begun;
	} while (spent < seconds);
	printf("%.2f\n", (double)count / spent);
}

/* --- signing -------------------------------------------------------------- */

static char *
load(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		exit(1);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static dkim_canon_t
canon_of(const char *word, size_t n)
{
	return strncmp(word, "relaxed", n) == 0 ? DKIM_CANON_RELAXED
						: DKIM_CANON_SIMPLE;
}

static void
sign(DKIM_LIB *lib, char *key, const char *selector, const char *canon)
{
	size_t slash = strcspn(canon, "/");
	unsigned char field[8192];
	DKIM_STAT rc;
	DKIM *dkim;

	dkim = dkim_sign(lib, (const unsigned char *)"case", NULL,
	    (unsigned char *)key, (const unsigned char *)selector,
	    (const unsigned char *)current.domain, canon_of(canon, slash),
	    canon_of(canon + slash + 1, strlen(canon + slash + 1)),
	    DKIM_SIGN_RSASHA256, -1, &rc);
	if (dkim == NULL)
		exit(1);
	rc = feed(dkim, current.message, current.message_len);
	if (rc == DKIM_STAT_OK)
		rc = dkim_getsighdr(
		    dkim, field, sizeof(field), strlen(DKIM_SIGNHEADER) + 2);
	if (rc != DKIM_STAT_OK) {
		fprintf(stderr, "%s\n", dkim_getresultstr(rc));
		exit(1);
	}
	printf("%zu\n", current.message_len + strlen((char *)field) +
			    strlen(DKIM_SIGNHEADER) + 4);
	printf("%s: %s\r\n", DKIM_SIGNHEADER, (char *)field);
	fwrite(current.message, 1, current.message_len, stdout);
	dkim_free(dkim);
}

int
main(int argc, char **argv)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	char *key = NULL;
	double seconds = 0;

	if (lib == NULL)
		return 1;
	if (argc == 5 && strcmp(argv[1], "sign") == 0)
		key = load(argv[2]);
	if (argc == 3 && strcmp(argv[1], "rate") == 0)
		seconds = atof(argv[2]);
	dkim_set_key_lookup(lib, find_key);
	while (dkim_case_read(&current) > 0) {
		if (key != NULL)
			sign(lib, key, argv[3], argv[4]);
		else if (seconds > 0)
			rate(lib, seconds);
		else
			(void)judge(lib, false);
		dkim_case_free(&current);
	}
	dkim_close(lib);
	return fflush(stdout) == 0 ? 0 : 1;
}
