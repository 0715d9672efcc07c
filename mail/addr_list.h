/*
 * Addresses in header fields (RFC 5322 section 3.4, without its obsolete
 * forms; RFC 6532).  Display names and comments are passed over.
 */
#ifndef MAIL_ADDR_LIST_H
#define MAIL_ADDR_LIST_H

#include "lib/buf.h"

struct finding;
struct job;

struct addr_list {
	const char **v; /* canonical forms */
	size_t count;
	size_t max;
};

/*
 * A From field's body (MA-45): exactly one mailbox.  0 and its canonical
 * form, or -1 with hdr.from-syntax; hdr.bad-utf8 for a control, format or
 * bidirectional character in the address (MA-6); hdr.from-mismatch where it
 * is well-formed but of a kind that no challenge is ever sent to.
 */
int addr_list_from(
    struct job *j, struct span body, const char **out, struct finding *f);

/*
 * What stands before the address of a field that addr_list_from() took, and
 * what behind it: names, comments, the angle; nothing of it is decoded.  For
 * looking for what speaks against the sender, nothing else (decision 0058).  0,
 * or -1 for another field.
 */
int addr_list_from_names(
    struct span body, struct span *before, struct span *after);

void addr_list_init(struct job *j, struct addr_list *l, size_t max);
/*
 * Adds the addresses of a To, Cc or Delivered-To field: mailboxes and groups.
 * Of those that no challenge could have come from nothing is kept.  0, or -1
 * for a field that is not well-formed or holds too many: nothing is added.
 * Where programs leave the quotes of a name out, it may hold "@" and brackets:
 * what is done with these addresses never speaks for a message.
 */
int addr_list_add(struct job *j, struct addr_list *l, struct span body);
/* Is `mailbox` in it, ASCII case of the local part aside? */
bool addr_list_has(const struct addr_list *l, const char *mailbox);

#endif
