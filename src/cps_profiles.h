/* The profiles in the tables of a practice statement (src/cps_tables.h). */
#ifndef SRC_CPS_PROFILES_H
#define SRC_CPS_PROFILES_H

struct arena;
struct conf;
struct outline;

/* Each that is offered, with its fields; of the same functions that make
 * certificates. */
void cps_profiles_put(
    struct outline *o, struct arena *a, const struct conf *conf);

#endif
