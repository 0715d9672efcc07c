/* countersign ca check-urls (PK-133): argv[0] is its name; the exit status. */
#ifndef SRC_CHECK_URLS_H
#define SRC_CHECK_URLS_H

int cmd_ca_check_urls(int argc, char **argv);

#endif
