/*
 * Answers that were signed in advance, for all numbers that end with the same
 * octet, as one block of octets: made by the issuer, kept in the database,
 * served from a file that is mapped and searched (PK-176).
 *
 * Big endian.  A header with the CA's hashes and the responders' certificates,
 * then records of equal length, ordered by number.  A record holds what is
 * said and two signatures (CertID with SHA-1 and with SHA-256); the rest of
 * the answer is built around them (pki/ocsp_answer.h).  So a million numbers
 * need less than 200 MB instead of 2 GB.
 */
#ifndef PKI_OCSP_SEGMENT_H
#define PKI_OCSP_SEGMENT_H

#include "pki/ocsp_answer.h"

#define OCSP_SIGNERS_MAX 8

struct ocsp_signer {
	struct span certificate; /* DER */
	uint8_t key_hash[OCSP_KEY_HASH_LEN];
};

struct ocsp_record {
	struct ocsp_status status;
	uint8_t signer; /* index */
	uint8_t signature[OCSP_HASHES][OCSP_SIGNATURE_LEN];
};

/* Views of the block. */
struct ocsp_segment {
	int64_t generation;
	struct ocsp_ca ca;
	struct ocsp_signer signers[OCSP_SIGNERS_MAX];
	size_t signer_count;
	struct span records;
	size_t count;
};

/* 0, or -1 if it is not one.  Looks at the header only: each record is read
 * when it is needed. */
int ocsp_segment_parse(struct span in, struct ocsp_segment *out);
/* 0, or -1 for a record that cannot be one. */
int ocsp_segment_record(
    const struct ocsp_segment *s, size_t i, struct ocsp_record *out);
/* 1 and the record of this number, 0, or -1 as above. */
int ocsp_segment_find(
    const struct ocsp_segment *s, struct span serial, struct ocsp_record *out);

/* records[] ordered by serial (crl_serial_compare()). */
void ocsp_segment_write(struct buf *b, const struct ocsp_segment *head,
    const struct ocsp_record *records, size_t count);
size_t ocsp_segment_size(const struct ocsp_segment *head, size_t count);

#endif
