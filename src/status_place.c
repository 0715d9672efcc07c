#include "config.h"

#include "src/status_place.h"

#include "lib/arena.h"
#include "lib/conf.h"

#include <inttypes.h>
#include <string.h>

/* "a/b.crl", 3 → "a/b-3.crl" */
static const char *
numbered(struct arena *a, const char *name, int64_t shard)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash == NULL ? name : slash, '.');

	if (shard == 0)
		return name;
	if (dot == NULL)
		dot = name + strlen(name);
	return arena_printf(
	    a, "%.*s-%" PRId64 "%s", (int)(dot - name), name, shard, dot);
}

const char *
status_shard_url(struct arena *a, const struct conf_issuer *c, int64_t shard)
{
	return numbered(a, c->crl_url, shard);
}

const char *
status_shard_file(struct arena *a, const struct conf_issuer *c, int64_t shard)
{
	return numbered(a, c->crl_file, shard);
}

/* The last two octets are random: all shards get the same share. */
int64_t
status_shard_of(const struct conf_issuer *c, struct span serial)
{
	unsigned value = 0;

	for (size_t i = serial.n < 2 ? 0 : serial.n - 2; i < serial.n; i++)
		value = value << 8 | (uint8_t)serial.p[i];
	return c->crl_shards > 1 ? (int64_t)value % c->crl_shards : 0;
}

bool
status_ocsp_is_on(const struct conf_issuer *c)
{
	return c->ocsp_url != NULL;
}

bool
status_ocsp_is_live(const struct conf_issuer *c)
{
	return status_ocsp_is_on(c) && c->ocsp_mode == CONF_OCSP_LIVE;
}

bool
status_has_responder(const struct conf *conf)
{
	return conf->external.kind == CONF_EXTERNAL_NONE &&
	       status_ocsp_is_live(&conf->issuer);
}

const char *
status_segment_file(
    struct arena *a, const struct conf_issuer *c, int64_t segment)
{
	return arena_printf(
	    a, "%s/%02x.ocsp", c->ocsp_folder, (unsigned)segment & 0xff);
}

int64_t
status_segment_of(struct span serial)
{
	return serial.n == 0 ? 0 : (uint8_t)serial.p[serial.n - 1];
}

struct span
status_url_path(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host == NULL ? NULL : strchr(host + 3, '/');

	return path == NULL ? SPAN("/") : span_str(path);
}
