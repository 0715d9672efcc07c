/* Subjects of CAs (PK-119): whether they name somebody, and somebody else. */
#ifndef PKI_CA_NAME_H
#define PKI_CA_NAME_H

#include "lib/buf.h"

/* "Root CA", "Certificate Authority" and their like name nobody, nor do
 * placeholders and what has neither letter nor digit. */
bool ca_name_is_generic(struct span text);
/* The value of the first common name; empty if there is none. */
struct span ca_name_common(struct span name_der);
/* Do two subjects in DER have one common name, in whatever letter case? */
bool ca_name_is_shared(struct span name_der, struct span other_der);

#endif
