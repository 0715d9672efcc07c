/* How many rows an array has.  Of a pointer it would be wrong: compilers say
 * so. */
#ifndef LIB_COUNT_H
#define LIB_COUNT_H

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#endif
