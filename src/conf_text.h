/*
 * The configuration file as text: what is done to it, and looked for in it,
 * beside libconfuse.  Lines count from 1.
 */
#ifndef SRC_CONF_TEXT_H
#define SRC_CONF_TEXT_H

#include "lib/buf.h"

/* The line of the first octet that is not UTF-8, or 0. */
int conf_text_strange_line(struct span text);
/* libconfuse counts the lines of comments wrongly, so it sees none. */
void conf_text_blank_comments(char *text);
/*
 * What libconfuse takes without a word, or names elsewhere: a section or a
 * comment without its end is a whole one for it, and with ${NAME} in a value
 * the installation would hang on who starts it from where.  The first of
 * them and its line, or NULL.
 */
const char *conf_text_fault(struct span text, int *at_line);

/* Where that line begins, or NULL. */
char *conf_text_line(char *text, int line);
/* Blanks the line, so that the next attempt finds what follows. */
void conf_text_blank_line(char *text, int line);
/* The last line with anything in it. */
int conf_text_last_line(const char *text);

#endif
