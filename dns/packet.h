/*
 * A DNS message as an answer: the alias chain followed, records of the type
 * that was asked for as RDATA without compression.
 *
 * The bytes come from strangers by way of the resolver library, so they are
 * read strictly: whatever is not well-formed is DNS_TEMPORARY.
 */
#ifndef DNS_PACKET_H
#define DNS_PACKET_H

#include "dns/resolver.h"

/* MA-30: longer chains are not followed. */
#define DNS_ALIAS_MAX 8

/*
 * Reads the answer to the question for `type` that `packet` repeats.  Fills
 * everything in *out but `name` and `secure`, in the job's arena.
 */
void dns_packet_read(struct job *j, struct span packet, enum dns_type type,
    struct dns_answer *out);

/* A TXT record of joined strings, cut again as a server would: its RDATA. */
struct span dns_txt_rdata(struct job *j, struct span text);

#endif
