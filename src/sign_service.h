/*
 * What a process that has keys in tokens does (src/role_signer.h): it takes a
 * question (src/sign_frame.h), looks at what is to be signed (PK-203) and at
 * how much was signed in the last hour (PK-204), and answers.
 */
#ifndef SRC_SIGN_SERVICE_H
#define SRC_SIGN_SERVICE_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct conf;
struct held;
struct job;

struct sign_service {
	int fd;            /* who asks is at the other end */
	struct held *keys; /* of sign_service_open() */
	size_t n;
	int64_t ends; /* of signers before it */
	int pins_fd;  /* what is in no file (src/pins.h); -1: nothing */
};

/* Reads the certificates, and the PINs, from files or pins_fd, of the issuing
 * CA and former ones whose keys are in tokens; they live as long as `keep`.  0;
 * -1 if something is wrong with the issuing CA's: what is wrong with a former
 * one's is logged. */
int sign_service_open(
    struct job *j, struct arena *keep, struct sign_service *s);
/* The same for the key of the responder alone (PK-177). */
int sign_service_open_responder(
    struct job *j, struct arena *keep, struct sign_service *s);
/* Loads the modules and logs in: 0; -1 if the issuing CA's key, or the
 * responder's, is not ready;
 * -1 ERR_REFUSED if one, also of a former CA, must not be tried again
 * (PK-199).  A former CA's that is away is logged. */
int sign_service_log_in(struct job *j, const struct sign_service *s);
/* The ceilings, from a configuration that may be newer. */
void sign_service_limits(struct sign_service *s, const struct conf *conf);
/* After them, where other signers ended before this one (sign_cap_resume()). */
void sign_service_resume(struct sign_service *s);
/* The newest question, if there is one, is answered: 1, 0: there is none, -1:
 * nobody asks any more. */
int sign_service_step(const struct sign_service *s, const struct conf *conf);

#endif
