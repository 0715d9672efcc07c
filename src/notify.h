/* Telling systemd (sd_notify(3)'s protocol); harmless without it. */
#ifndef SRC_NOTIFY_H
#define SRC_NOTIFY_H

/* One assignment, "READY=1". */
void notify_send(const char *state);

#endif
