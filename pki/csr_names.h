/*
 * The mailboxes of a certificate request against those of the order
 * (PK-58 to PK-60, PK-81, PK-82, AC-136, AC-137).
 */
#ifndef PKI_CSR_NAMES_H
#define PKI_CSR_NAMES_H

#include "pki/csr.h"

/* The value of subjectAltName; 0, or -1 with ERR_BAD_CSR.  *faults, which
 * begins empty, gets what is stray or missing. */
int csr_names_check(struct job *j, struct span value,
    const struct csr_policy *policy, struct csr_faults *faults);
/* The RDNs of the subject; 0, or -1 with ERR_BAD_CSR. */
int csr_subject_check(struct job *j, struct span rdns,
    const struct csr_policy *policy, struct csr_faults *faults);

#endif
