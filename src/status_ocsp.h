/*
 * One OCSP request answered from the files of issuer.ocsp_folder.
 */
#ifndef SRC_STATUS_OCSP_H
#define SRC_STATUS_OCSP_H

#include "pki/responder_trust.h"

struct conf_issuer;
struct job;

struct ocsp_reply {
	struct span der;
	bool is_error; /* no responseBytes */
	enum ocsp_error error;
	bool is_unknown;
	bool is_live; /* made for one client, an error too: nobody keeps it */
	struct ocsp_status status; /* what it says */
	struct ocsp_parts parts;   /* and what it is made of */
	int64_t this_update;
	int64_t next_update;
	int64_t refresh_at; /* when a newer one is due */
	struct span serial; /* that was asked for */
};

/* Always an answer: one that was signed in advance, or an error (PK-171). */
void status_ocsp(struct job *j, const struct conf_issuer *c,
    const struct ocsp_request *request, struct ocsp_reply *out);

#endif
