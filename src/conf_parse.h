/*
 * From the text of a configuration file to its values, option by option, as
 * the option table (src/conf_table.h) has them.  conf_parse.c alone knows
 * libconfuse.
 */
#ifndef SRC_CONF_PARSE_H
#define SRC_CONF_PARSE_H

struct conf;
struct conf_reading;

/* What stands in the text, which is changed; NULL if it cannot be read.  All
 * mistakes are reported, also those with which it can be read. */
struct conf *conf_parse(struct conf_reading *r, char *text);

#endif
