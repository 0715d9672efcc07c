/*
 * Keys in SoftHSM, made by pkcs11-tool as an operator would, for the tests of
 * keys in tokens.
 */
#ifndef TESTS_UNIT_TOKEN_LAB_H
#define TESTS_UNIT_TOKEN_LAB_H

#include <openssl/types.h>
#include <p11-kit/pkcs11.h>
#include <sys/types.h>

#include "pki/token_key.h"
#include "tests/unit/unit.h"

#define TOKEN_PIN "correct-pin"

/*
 * A token "ca" with the keys p256 (id 01), p384 (02), rsa2048 (03), rsa4096
 * (04), two of the name twice (05), and those of test_token_key.c with one
 * attribute that PK-198 does not want.  Before the first test; makes nothing
 * where SoftHSM is not installed.
 */
void token_lab_start(void);
/* The same without any key, which takes less time; and a key into it. */
void token_lab_start_empty(void);
void token_lab_import(const char *label, const char *id, EVP_PKEY *key);
/* Another token of the same module, and a key into it. */
void token_lab_add(const char *token);
void token_lab_import_into(
    const char *token, const char *label, const char *id, EVP_PKEY *key);
/* As a device that is pulled out, and put in again: what the module has of it
 * in memory stays there until it is finalized. */
void token_lab_take_away(const char *token);
void token_lab_bring_back(const char *token);
/*
 * SoftHSM writes its files at each login, in the process that uses it: kill -9
 * may tear them, which no device does.  Keeps them as they are, and brings them
 * back.
 */
void token_lab_save(void);
void token_lab_restore(void);
/* Was it made?  If not, the test is skipped. */
bool token_lab_is_there(void);
#define NEEDS_TOKEN                                                            \
	if (!token_lab_is_there())                                             \
	UNIT_SKIP("SoftHSM or pkcs11-tool is not installed")

/* In the token's folder; the last 256 stay as they are. */
const char *token_lab_path(const char *name);
void token_lab_write(const char *name, mode_t mode, const char *text);
EVP_PKEY *token_lab_public_key(struct job *j, const char *label);
/* Private mode. */
struct token_place token_lab_place(const char *label, const char *id);

/* The module's own list, which the code under test calls through as well: a
 * test may put a function of its own into it. */
CK_FUNCTION_LIST *token_lab_functions(void);
/* As a device that was switched off: the module forgets all sessions. */
void token_lab_end_sessions(void);

#endif
