/*
 * The roots and revocation lists of the configuration (MA-73), as a role
 * holds them: read at start, and again when the configuration was.
 */
#ifndef SRC_SMIME_SOURCE_H
#define SRC_SMIME_SOURCE_H

struct conf;
struct job;
struct smime_trust;

struct smime_source {
	const struct conf *conf;   /* that the trust was read for */
	struct smime_trust *trust; /* NULL: not read yet */
};

/* At start: 0, or -1 with what is wrong. */
int smime_source_open(struct job *j, struct smime_source *s);
void smime_source_close(struct smime_source *s);

/*
 * What holds under j->conf.  After a new configuration it is read first; if
 * that fails the log says so once, and what was read before stays in use.
 */
const struct smime_trust *smime_source_trust(
    struct job *j, struct smime_source *s);

#endif
