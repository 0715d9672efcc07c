/*
 * Ceremonies for the tests: Ann and Bob, who confirm everything and have their
 * secrets, and tokens of SoftHSM, whose PIN is the two parts that they type.
 */
#ifndef TESTS_UNIT_CEREMONY_LAB_H
#define TESTS_UNIT_CEREMONY_LAB_H

#include "pki/ceremony.h"
#include "pki/ceremony_backup.h"
#include "pki/ceremony_key.h"

#define CEREMONY_CRL_URL "http://crl.example.com/root.crl"
#define CEREMONY_ROOT_URL "http://ca.example.com/root.cer"

/* Both persons, private mode, an online root. */
struct ceremony ceremony_lab(struct job *j, const char *dir);
/* A folder that is not there yet. */
const char *ceremony_lab_dir(struct job *j);

/* After token_lab_start_empty(): one more token, with the PIN of both. */
void ceremony_lab_token(const char *label);
struct ceremony_token ceremony_lab_place(const char *token);
/* When the PIN of a token of this label is asked for, SoftHSM is switched to
 * this configuration file. */
void ceremony_lab_switch(const char *token, const char *conf);
/* How many PINs were asked for so far. */
unsigned ceremony_lab_pins(void);
/* What a person types as the first part: NULL for the right one. */
void ceremony_lab_wrong_pin(const char *part);

extern const struct ca_subject ceremony_lab_root, ceremony_lab_issuing;
/* Root, request, certificate, import: in DIR/root and DIR/issuing. */
void ceremony_lab_whole(struct job *j, const char *dir,
    struct ceremony_token *root, struct ceremony_token *issuing);
struct ceremony_sign ceremony_lab_sign(
    struct job *j, const char *issuing, const char *out);

struct span ceremony_lab_read(struct job *j, const char *dir, const char *name);
/* Is there this text in the transcript of the folder, which is whole? */
bool ceremony_lab_said(struct job *j, const char *dir, const char *text);

#endif
