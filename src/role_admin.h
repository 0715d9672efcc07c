/*
 * The role admin: pages that show admins how the service stands (PK-206).  A
 * process of its own, which reads more of the database than the front that
 * strangers talk to may, and changes nothing in it.
 */
#ifndef SRC_ROLE_ADMIN_H
#define SRC_ROLE_ADMIN_H

#include "src/role.h"

extern const struct role_ops admin_ops;

#endif
