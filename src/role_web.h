/* The web role: ACME over HTTPS. */
#ifndef SRC_ROLE_WEB_H
#define SRC_ROLE_WEB_H

#include "src/role.h"

extern const struct role_ops web_ops;

#endif
