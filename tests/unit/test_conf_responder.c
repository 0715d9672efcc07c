/* Where the key of live OCSP answers may be (PK-177). */
#include "config.h"

#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "src/conf_responder.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static struct conf conf;
static struct conf_former former;
static const char *told;

static void
complain(void *ctx, const char *option, const char *message)
{
	(void)ctx;
	told = arena_printf(
	    unit_job()->arena, "%s%s: %s\n", told, option, message);
}

static const char *
complaints(void)
{
	told = "";
	conf_responder_check(unit_job()->arena, &conf, complain, NULL);
	return told;
}

/* A good one. */
static struct conf_token *
configure(void)
{
	static const struct conf_token of_ca = { .module = "/m.so",
		.token = "ca",
		.label = "issuing",
		.id = "0a",
		.pin_file = "/pin-of-ca" };

	former = (struct conf_former){ .name = "old", .issuer.key = of_ca };
	former.issuer.key.token = "old";
	former.issuer.key.pin_file = "/pin-of-old";
	conf = (struct conf){ .issuer = { .key = of_ca,
				  .ocsp_url = "http://ocsp.test/",
				  .ocsp_mode = CONF_OCSP_LIVE },
		.responder.key = { .module = "/m.so",
		    .token = "ocsp",
		    .label = "responder",
		    .id = "0c",
		    .pin_file = "/pin" },
		.formers = &former,
		.former_count = 1 };
	return &conf.responder.key;
}

/* PK-177: a slot of its own, and a PIN of its own. */
static void
test_apart(void **state)
{
	struct conf_token *t = configure();

	(void)state;
	assert_string_equal(complaints(), "");
	t->token = "ca";
	assert_non_null(strstr(complaints(),
	    "responder.key_token: is the token of a CA's key: the responder "
	    "has one of its own (PK-177)\n"));
	/* another device may have a token of that name */
	t->module = "/other.so";
	assert_string_equal(complaints(), "");
	configure()->token = "old";
	assert_non_null(strstr(complaints(), "responder.key_token: is the"));
	configure()->pin_file = "/pin-of-ca";
	assert_non_null(strstr(complaints(), "responder.key_pin: is the file"));
	configure()->pin_file = "/pin-of-old";
	assert_non_null(strstr(complaints(), "responder.key_pin: is the file"));
	t = configure();
	t->pin_file = NULL;
	t->pin_fd = conf.issuer.key.pin_fd = 5;
	assert_non_null(
	    strstr(complaints(), "each key_pin_fd has a descriptor"));
}

static void
put(const char *name, const char *text)
{
	assert_int_equal(
	    file_write(unit_job(), unit_path(name), 0600, span_str(text)), 0);
}

/* PK-177: links and copies are no other module, and links no other file. */
static void
test_apart_files(void **state)
{
	static const char *const modules[] = { "link.so", "hard.so",
		"copy.so" };
	static const char *const pins[] = { "pin-link", "pin-hard" };
	struct conf_token *t;
	(void)state;

	put("m.so", "a module");
	put("copy.so", "a module");
	put("other.so", "a nodule");
	put("pin", "1234");
	put("pin-same", "1234");
	assert_int_equal(symlink("m.so", unit_path("link.so")), 0);
	assert_int_equal(link(unit_path("m.so"), unit_path("hard.so")), 0);
	assert_int_equal(symlink("pin", unit_path("pin-link")), 0);
	assert_int_equal(link(unit_path("pin"), unit_path("pin-hard")), 0);
	for (size_t i = 0; i < COUNT(modules); i++) {
		unit_case("%s", modules[i]);
		t = configure();
		conf.issuer.key.module = unit_path("m.so");
		t->module = unit_path(modules[i]);
		assert_string_equal(complaints(), "");
		t->token = "ca";
		assert_non_null(
		    strstr(complaints(), "responder.key_token: is the token"));
		t->module = unit_path("other.so");
		assert_string_equal(complaints(), "");
		t->module = unit_path("none.so");
		assert_string_equal(complaints(), "");
	}
	for (size_t i = 0; i < COUNT(pins); i++) {
		unit_case("%s", pins[i]);
		t = configure();
		former.issuer.key.pin_file = unit_path("pin");
		t->pin_file = unit_path(pins[i]);
		assert_non_null(
		    strstr(complaints(), "responder.key_pin: is the file"));
		t->pin_file = unit_path("pin-same");
		assert_string_equal(complaints(), "");
	}
}

/* PK-196, PK-199, PK-195: all that is needed, and for somebody. */
static void
test_parts(void **state)
{
	struct conf_token *t = configure();

	(void)state;
	t->label = NULL;
	assert_string_equal(complaints(),
	    "responder.key_label: must be set with responder.key_module, and "
	    "only with it\n");
	t = configure();
	t->module = NULL;
	assert_non_null(strstr(complaints(), "responder.key_token: must be"));
	assert_non_null(strstr(told, "responder.key_pin: must be set with"));
	configure()->id = "0C";
	assert_string_equal(complaints(),
	    "responder.key_id: must be octets in hexadecimal, lower case: "
	    "01a2\n");
	configure()->pin_file = NULL;
	assert_non_null(strstr(complaints(), "set one of key_pin, "));
	configure();
	conf.issuer.ocsp_mode = CONF_OCSP_PRESIGNED;
	assert_non_null(strstr(complaints(),
	    "responder.key_module: nobody uses that key: set "
	    "issuer.ocsp_mode = live"));
	configure();
	conf.external.kind = CONF_EXTERNAL_ACME;
	assert_non_null(strstr(complaints(), "nobody uses that key"));
	configure();
	conf.mode = CONF_MODE_PUBLIC;
	assert_non_null(
	    strstr(complaints(), "responder.key_module_certificate: must say"));
	conf.responder.key.certificate = "FIPS 140-3 level 3, 4711";
	assert_string_equal(complaints(), "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_apart),
	cmocka_unit_test(test_apart_files),
	cmocka_unit_test(test_parts),
};
UNIT_MAIN(tests)
