/*
 * The versions of the requirements that this code implements (PK-1).  They
 * are written into each record at the moment of the act, never later.
 */
#ifndef PKI_VERSION_H
#define PKI_VERSION_H

#define PKI_SBR_VERSION "1.0.16" /* S/MIME Baseline Requirements */
#define PKI_TBR_VERSION "2.2.7"  /* TLS Baseline Requirements */

#endif
