/*
 * Who asks, and for what: steps 7 to 17 of a POST (acme.md, AC-52), in this
 * order and no other.  Whoever fails to show who they are is counted by their
 * address (acme/throttle.h).
 */
#ifndef ACME_SIGNED_H
#define ACME_SIGNED_H

struct acme;
struct job;
struct request;
struct response;

/*
 * A JWS, for a resource that has been found (req->route): account, key and
 * payload are then in the request, which lives as long as the job.  0, or -1
 * with the job's error for the client; `resp` may explain it by a link.
 */
int signed_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* A POST of strangers, which is a proof that a key is compromised: req->proof.
 * 0, or -1 as above. */
int signed_read_proof(struct acme *a, struct job *j, struct request *req);

#endif
