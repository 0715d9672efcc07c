/* Are the configured perspectives far enough from each other (PK-50), and is
 * a perspective itself configured so that it can work? */
#ifndef SRC_CONF_PERSPECTIVE_H
#define SRC_CONF_PERSPECTIVE_H

#include "dns/quorum.h"

struct arena;
struct conf;
struct conf_perspective;

/* "50.11 8.68": 0, or -1. */
int location_parse(const char *text, struct site *out);

/* Its registry, once the configuration was read without mistakes. */
enum rir conf_perspective_rir(const struct conf_perspective *p);

struct conf_open_mpic;
/* NULL: there is none. */
const struct conf_open_mpic *conf_open_mpic_find(
    const struct conf *conf, const char *name);
/* Does that service (NULL: nobody) answer with this code? */
bool conf_perspective_is_of(
    const struct conf_perspective *p, const char *service);
/* How many are asked through this service, or (NULL) directly. */
size_t conf_perspective_count(const struct conf *conf, const char *service);

/* Is there no certificate without their agreement (PK-46)? */
bool conf_corroborates(const struct conf *conf);

typedef void conf_perspective_wrong_fn(
    void *ctx, const char *option, const char *message);
/* Reports each mistake.  `now`: the number that must be asked has dates. */
void conf_perspective_check(struct arena *a, const struct conf *conf,
    int64_t now, conf_perspective_wrong_fn *wrong, void *ctx);

#define AGENT_LISTEN_MAX 16
/* The same for the file of a perspective itself. */
void conf_agent_check(struct arena *a, const struct conf *conf,
    conf_perspective_wrong_fn *wrong, void *ctx);

#endif
