/*
 * What `countersign enroll --help` prints.
 */
#ifndef SRC_ENROLL_HELP_H
#define SRC_ENROLL_HELP_H

extern const char enroll_help[];

#endif
