/*
 * The HTML beside a text as a second witness (MA-61, decision 0036): programs
 * that put no marks before quoted lines write HTML, and say there what they
 * quote.
 */
#ifndef MAIL_REPLY_HTML_H
#define MAIL_REPLY_HTML_H

#include "mail/mime_part.h"

struct finding;

/*
 * A response that stands below marked lines of the text: if there is HTML, it
 * must show a response outside of all that it quotes.  0, or -1 with
 * body.block-in-quote.
 */
int reply_html_check(
    struct job *j, const struct mime_part *root, struct finding *f);
/* Does it?  One pass; nothing of its style or scripts is understood. */
bool reply_html_has_block(struct job *j, struct span html);

/*
 * Does it hold an element that programs write, in a line that is not marked as
 * quoted (">")?  Of a text that may have been HTML before somebody called it
 * text/plain (MA-59): quotations have no marks in it.
 */
bool reply_html_is_likely(struct span text);

#endif
