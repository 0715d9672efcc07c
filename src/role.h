/*
 * What all roles have in common: a fresh process started by the supervisor
 * that reads its configuration and its own secrets, gives up its rights, and
 * then opens the database and works until it is told to stop.
 */
#ifndef SRC_ROLE_H
#define SRC_ROLE_H

#include "db/store_login.h"
#include "lib/err.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/live_link.h"

struct arena;

struct role_env {
	struct arena *keep;      /* as long as the process */
	const struct conf *conf; /* replaced on SIGHUP by role_tend() */
	struct store *store;
	struct store_login login; /* how to open another one */
	const char *intake;       /* the validator's way in (src/intake.h) */
	int linters_fd;           /* the issuer's (src/linters.h); -1: none */
	int signer_fd;            /* the issuer's (src/sign_link.h); -1: none */
	int held_fd;              /* the configuration (src/conf_held.h) */
	struct live_ends live;    /* the issuer's and web's; none: n is 0 */
	void *role;               /* the role's own */
	const char *name;         /* src/role_life.h */
	int64_t ended_at;         /* of the one before it; the same */
	bool told;                /* the audit was, of this start */
	/* Set by open(): it has answers that change nothing.  It gives these,
	 * and changes nothing, while its start cannot be put on record. */
	bool reads_alone;
	bool is_owed;               /* that record, once it can be written */
	int64_t tried_ms;           /* when that was tried last */
	int64_t seen_ms;            /* when it last said that it lives */
	char trouble[ERR_TEXT_MAX]; /* as role_trouble() has recorded it */
	int64_t untold_ms;          /* it could not: not before then again */
	char failed[ERR_TEXT_MAX];  /* the last step that failed: why */
	/* What the role does when env->conf is new, or NULL. */
	void (*reloaded)(struct role_env *env);
};

struct role_ops {
	enum role role;
	/* With the rights of the supervisor: reads secrets, binds sockets. */
	int (*open)(struct job *j, struct role_env *env);
	/* Without them, store open: takes over what was left half done. */
	int (*recover)(struct job *j);
	/* Until role_is_stopping(): 0 or -1. */
	int (*run)(struct role_env *env);
	void (*close)(struct role_env *env);
};

/* How soon that, or what role_trouble() could not record, is tried again. */
#define ROLE_OWED_MS 5000

/* What the supervisor tells the process that it starts. */
struct role_start {
	const char *conf_file; /* what held_fd was read from */
	int held_fd;
	int wake[ROLE_COUNT]; /* inherited descriptors */
	int ready_fd;         /* gets one byte when the role works; -1: none */
	const char *intake;   /* of the validator */
	int linters_fd;       /* of the issuer; -1: none */
	int signer_fd;        /* of the issuer; -1: none */
	int64_t ended_at;     /* as role_life_begin() takes it */
	struct live_ends live;
};

/* Exit status of a role, and then of countersignd, that must not be started
 * again until a person has mended something: a token that was given a wrong
 * PIN counts the tries (PK-199).  EX_CONFIG of sysexits.h. */
#define ROLE_EXIT_REFUSED 78

/* `countersignd --role NAME`: the whole life of the process.  Returns the
 * exit status. */
int role_main(const struct role_ops *ops, const struct role_start *start);

/* Whom it runs as when root has started it; NULL: as that one. */
const char *role_user(const struct conf *conf, enum role role);

/* What the configuration wants to be logged. */
enum log_level role_log_level(const struct conf *conf);

/*
 * PK-19: what a front that turns people away has to put on record now and then:
 * how many more there were than records.  `tell` writes it (0 or -1), the rest
 * of it at the end; a fault is logged, and the numbers wait for the next time,
 * or are lost at the end, as the log says.
 */
void role_tell_refused(struct role_env *env,
    int (*tell)(void *front, struct job *j, bool is_end), void *front,
    bool is_end);

/* SIGTERM came: finish what is begun, take nothing new. */
bool role_is_stopping(void);
/* As if it had come; or, for tests, as if it had not. */
void role_stop(bool yes);
/* For tests: as if SIGHUP had come. */
void role_hang_up(void);
/* In each turn of a role's loop.  If SIGHUP came, after the supervisor took a
 * configuration: env->conf is that one, env->reloaded has been called, and the
 * log says so. */
void role_tend(struct role_env *env);
/* For `countersign status`: what keeps the role from its work, such as a mail
 * server that refuses the login; NULL: nothing does.  Recorded where it is
 * another one than before. */
void role_trouble(struct role_env *env, const char *why);
/* Tells the supervisor that the role works (once). */
void role_ready(void);

#endif
