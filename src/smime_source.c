#include "config.h"

#include "src/smime_source.h"

#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "mail/smime_trust.h"

#include <stddef.h>

static int
load(struct job *j, struct smime_trust **out)
{
	const struct conf_validator *v = &j->conf->validator;

	return smime_trust_load(j, v->smime_roots, &v->smime_crls, out);
}

int
smime_source_open(struct job *j, struct smime_source *s)
{
	s->conf = j->conf;
	return load(j, &s->trust);
}

void
smime_source_close(struct smime_source *s)
{
	smime_trust_free(s->trust);
	*s = (struct smime_source){ NULL, NULL };
}

const struct smime_trust *
smime_source_trust(struct job *j, struct smime_source *s)
{
	struct smime_trust *fresh;
	struct job own;

	if (s->conf == j->conf)
		return s->trust;
	s->conf = j->conf;
	/* A job of its own: the files may be large, and what fails here is
	 * not the fault of the item of work. */
	job_init(&own, NULL, j->conf);
	if (load(&own, &fresh) == 0) {
		smime_trust_free(s->trust);
		s->trust = fresh;
	} else {
		log_error("S/MIME roots not reloaded",
		    "error=\"%s\" next=\"mend the file, which must be readable "
		    "for the user of the roles, and send SIGHUP; what was read "
		    "before stays in use\"",
		    own.err.text);
	}
	job_done(&own);
	return s->trust;
}
