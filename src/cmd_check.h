/* The parts of `countersign check`, and what they report with. */
#ifndef SRC_CMD_CHECK_H
#define SRC_CMD_CHECK_H

#include "src/intake.h"
#include "src/remarks.h"

struct arena;
struct conf;
struct job;
struct resolver;

struct check {
	struct arena *keep;
	const struct conf *conf;
	struct resolver *resolver; /* NULL if it cannot be had */
	struct intake intake;      /* that is looked at */
	struct remarks remarks;
};

/* --- cmd_check.c: the lines --- */

/* `detail` can be "". */
void cmd_check_good(struct check *c, const char *what, const char *detail);
void cmd_check_bad(struct check *c, const char *what, const char *detail);
void cmd_check_warn(struct check *c, const char *what, const char *advice);
/* One check with a job of its own: 0, or -1 with what to do.  Those below that
 * take a job are run by it; the others print their lines themselves. */
void cmd_check_run(
    struct check *c, const char *what, int (*f)(struct check *, struct job *));

/* --- cmd_check_ca.c: keys, the CAs and those who judge for them --- */

void cmd_check_key_files(struct check *c);
int cmd_check_seal(struct check *c, struct job *j);
int cmd_check_audit_keys(struct check *c, struct job *j);
int cmd_check_weak_keys(struct check *c, struct job *j);
int cmd_check_eab(struct check *c, struct job *j);
int cmd_check_ca(struct check *c, struct job *j);
int cmd_check_other_ca(struct check *c, struct job *j);
void cmd_check_signer_files(struct check *c);
void cmd_check_responder_key(struct check *c);
void cmd_check_upcoming(struct check *c);
void cmd_check_dues(struct check *c);
void cmd_check_linters(struct check *c);

/* --- cmd_check_dns.c: resolvers, DKIM records, perspectives --- */

/* Makes c->resolver, which the DKIM records are looked up with. */
int cmd_check_resolver(struct check *c, struct job *j);
int cmd_check_second(struct check *c, struct job *j);
/* Of a record that is wrong, also as it should be. */
void cmd_check_dkim(struct check *c);
void cmd_check_perspectives(struct check *c);

/* --- cmd_check_mail.c: what is sent and how, and how replies come in --- */

void cmd_check_texts(struct check *c);
int cmd_check_smime(struct check *c, struct job *j);
int cmd_check_relay(struct check *c, struct job *j);
void cmd_check_intakes(struct check *c);
int cmd_check_smime_trust(struct check *c, struct job *j);

#endif
