/*
 * The body of a reply to its verdict, however it is encoded, and what a
 * signature leaves open of how it is to be read (ER-27, MA-55 to MA-64).
 */
#include "config.h"

#include <string.h>

#include "tests/unit/reply_lab.h"

/* BLOCK() in KMail's quoted-printable, with blanks behind the armour. */
#define DASHED(digest, blanks)                                                 \
	"=2D----BEGIN ACME RESPONSE-----" blanks "\r\n" digest                 \
	"\r\n=2D----END ACME RESPONSE-----" blanks "\r\n"

/* ER-27, MA-55 to MA-58 */
static void
test_bodies(void **state)
{
	static const struct reply_expected cases[] = {
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/html", "<p>") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/plain", "footer") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/signed; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT)) PART(
			  "application/pkcs7-signature", "x") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain; charset=utf-8") BASE64,
		      .body = RIGHT_BASE64 },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain") QP,
		      .body =
			  "-----BEGIN ACME RESPONSE-----\r\n"
			  "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJM=\r\n"
			  "WY6okdfs=3D\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain; format=flowed; delsp=yes"),
		      .body = "-----BEGIN ACME RESPONSE-----\r\n"
			      "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJM \r\n"
			      "WY6okdfs\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/related; boundary=b"),
		      .body = PART("multipart/alternative; boundary=c",
			  "--c\r\nContent-Type: text/plain\r\n\r\n" BLOCK(
			      RIGHT) "\r\n--c\r\nContent-Type: text/html\r\n"
				     "\r\n<p>\r\n--c--")
			  PART("image/png\r\n" BASE64, "AAAA") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		/* the block is in a part that is not read */
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", "x")
			  PART("text/html", BLOCK(RIGHT)) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.no-block" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = BLOCK(RIGHT)
			  PART("text/plain", "x") "--b--\r\n" BLOCK(RIGHT) },
		    VERDICT_NO_RESPONSE, "body.no-block" },
		{ { .type = MIME("text/html") }, VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ { .type = MIME("text/plain; charset=utf-7") },
		    VERDICT_UNAUTHENTICATED, "mime.charset" },
		{ { .type = MIME("text/plain") BASE64 },
		    VERDICT_UNAUTHENTICATED, "mime.encoding" },
		{ { .type = MIME("text/plain; charset=a; charset=b") },
		    VERDICT_UNAUTHENTICATED, "mime.parameter" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT)) },
		    VERDICT_UNAUTHENTICATED, "mime.boundary" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/plain", BLOCK(RIGHT)) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.two-texts" },
		{ { .type = MIME("multipart/encrypted; boundary=b"),
		      .body = PART("text/plain", "x") "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.encrypted" },
	};

	(void)state;
	reply_lab_check(cases, COUNT(cases));
}

/* MA-59: the same bodies where h= leaves out how they are to be read. */
static void
test_readings(void **state)
{
	static const struct reply_expected cases[] = {
		{ { 0 }, VERDICT_MATCH, "match" },
		{ { .type = "" }, VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain; charset=utf-8") BASE64,
		      .body = RIGHT_BASE64 },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain") QP,
		      .body = "-----BEGIN ACME RESPONSE-----\r\n" RIGHT
			      "=3D\r\n-----END ACME RESPONSE-----\r\n"
			      "ver=C3=BCgt=\r\n x\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "This is a multi-part message in MIME format."
			      "\r\n" PART("text/plain", BLOCK(RIGHT))
				  PART("text/html\r\n" QP,
				      "<p>=C3=BC</p>") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain\r\n" BASE64, RIGHT_BASE64)
			  PART("text/html", "<p>") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = PART("multipart/alternative; boundary=c",
			  "--c\r\nContent-Type: text/plain\r\n\r\n" BLOCK(
			      RIGHT) "--c--")
			  PART("text/plain", "footer") "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .body = BLOCK(WRONG) }, VERDICT_MISMATCH, "mismatch" },
		/* another block in another reading */
		{ { .type = MIME("text/plain") QP,
		      .body =
			  BLOCK(RIGHT) "=2D----BEGIN ACME RESPONSE-----"
				       "\r\n" WRONG
				       "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .body = BLOCK(
			RIGHT) "=2D----BEGIN ACME RESPONSE-----\r\n" WRONG
			       "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(RIGHT))
			  PART("text/html", BLOCK(WRONG)) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain\r\n" BASE64, RIGHT_BASE64)
			  PART("text/html", BLOCK(WRONG)) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain", BLOCK(WRONG))
			  PART("application/x\r\n" BASE64,
			      RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = PART("text/plain",
			  BLOCK(RIGHT)) "--b--\r\n" BLOCK(WRONG) },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		/* text/plain that looks like a multipart, and the reverse */
		{ { .body = BLOCK(RIGHT) "--b\r\ncontent-type: x\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "--b\r\n\r\n" BLOCK(RIGHT) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "--b\r\nX: y\r\nContent-Type: "
			      "text/plain\r\n\r\n" BLOCK(RIGHT) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* the boundary replaced by one in the text */
		{ { .type = MIME("multipart/alternative; boundary=e"),
		      .body = PART("text/plain",
			  "away\r\n--e\r\n"
			  "Content-Type: text/plain\r\n\r\n" BLOCK(
			      RIGHT) "--e--") "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* what was the text is a preamble */
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "-----Original Message-----\r\n" PART(
			  "text/plain\r\n" BASE64, RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = "ok\r\n\r\nOn Mon, 2 Mar 2026 at 10:00, CA "
			      "<acme+t@ca.test> wrote:\r\n\r\n" PART(
				  "text/plain\r\n" BASE64,
				  RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/mixed; boundary=b"),
		      .body = "D=C3=A9but du message transf=C3=A9r=C3=A9 "
			      ":\r\n" PART("text/plain\r\n" BASE64,
				  RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "I am\r\naway until\r\nMonday.\r\n" PART(
			  "text/plain\r\n" BASE64, RIGHT_BASE64) "--b--\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* a block only if it is decoded */
		{ { .type = MIME("text/plain") QP,
		      .body = "> x=0A=0A-----BEGIN ACME RESPONSE-----=0A" RIGHT
			      "=0A-----END ACME RESPONSE-----=0A\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("text/plain") QP,
		      .body = "=\r\n-----BEGIN ACME RESPONSE----=2D\r\n" RIGHT
			      "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* but for blanks at the end, which are encoded (ER-28) */
		{ { .type = MIME("text/plain") QP,
		      .body = "-----BEGIN ACME RESPONSE----- =20\r\n" RIGHT
			      "=3D\r\n-----END ACME RESPONSE-----=09\r\n" },
		    VERDICT_MATCH, "match" },
		/* and dashes at the beginning of all lines, by KMail (ER-27) */
		{ { .type = MIME("text/plain") QP,
		      .body = DASHED(RIGHT, "=20") },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain") QP,
		      .body = "a\r\n" DASHED(RIGHT, "") "\r\n=2D-=20\r\nA" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("text/plain") QP,
		      .body = DASHED(RIGHT, "") "\r\n-- =\r\n\r\nAlice\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("text/plain") QP,
		      .body = "=2D----BEGIN ACME RESPONSE-----\r\n" RIGHT
			      "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		/* which is wider with its "=2D": it may be a marked line's */
		{ { .type = MIME("text/plain") QP,
		      .body = "> a line in which there is room for ten letters,"
			      "\r\n" DASHED(RIGHT, "") },
		    VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ { .type = MIME("text/plain") QP,
		      .body =
			  "> a line in which there is no room for such a "
			  "one\r\n"
			  "-----and=20=20=20=20=20=20=20=20=20=20=20=20=20\r\n"
			  "-----BEGIN ACME RESPONSE-----=20\r\n" RIGHT
			  "\r\n-----END ACME RESPONSE-----=20\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("text/plain") QP,
		      .body = "> a line in which there is no room for that "
			      "words\r\n"
			      "=2D----and it goes on, with no room for the "
			      "block\r\n" DASHED(RIGHT, "") },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("text/plain") QP,
		      .body = "x=0A" DASHED(RIGHT, "") },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("text/plain") QP,
		      .body = "=2D=2D---BEGIN ACME RESPONSE-----\r\n" RIGHT
			      "\r\n=2D----END ACME RESPONSE-----\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("text/plain") QP,
		      .body = "Mallory wrote:\r\n\r\n" DASHED(RIGHT, "") },
		    VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ { .type = MIME("text/plain") QP,
		      .body = DASHED(RIGHT, "") DASHED(WRONG, "") },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		/* below a separator in the body as it is */
		{ { .type = MIME("multipart/alternative; boundary=\"----"
				 "Original Message----\""),
		      .body = "------Original Message----\r\n"
			      "Content-Type: text/plain\r\n\r\n" BLOCK(
				  RIGHT) "------Original Message------\r\n" },
		    VERDICT_NO_RESPONSE, "body.block-in-quote" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_draft d = cases[i].draft;
		struct reply r;

		d.names = UNCOVERED;
		r = reply_draft_judge(&d);
		unit_case("%zu", i);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_int_equal(r.verdict, cases[i].verdict);
		/* One of the two uncovered is enough. */
		d.names = UNCOVERED ":content-transfer-encoding";
		assert_string_equal(
		    reply_draft_judge(&d).finding.code, cases[i].code);
	}
}

/* MA-59: a signed type leaves the encoding in doubt; but it says which lines
 * are delimiters, whatever they look like. */
static void
test_signed_type(void **state)
{
	static const struct reply_expected cases[] = {
		{ { .body = BLOCK(RIGHT) "<p>\r\n" }, VERDICT_MATCH, "match" },
		{ { .body = BLOCK(
			RIGHT) "=2D----BEGIN ACME RESPONSE-----\r\n" WRONG
			       "\r\n-----END ACME RESPONSE-----\r\n" },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .body = BLOCK(RIGHT) "--b\r\ncontent-type: x\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "--b\r\n\r\n" BLOCK(RIGHT) "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body = "--b\r\nX: y\r\nContent-Type: "
			      "text/plain\r\n\r\n" BLOCK(RIGHT) "--b--\r\n" },
		    VERDICT_MATCH, "match" },
		{ { .type = MIME("multipart/alternative; boundary=b"),
		      .body =
			  "--b\r\n\r\n" BLOCK(RIGHT) "--b--\r\n" BLOCK(WRONG) },
		    VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ { .type = MIME("text/plain") QP,
		      .body = "> x=0A=0A-----BEGIN ACME RESPONSE-----=0A" RIGHT
			      "=0A-----END ACME RESPONSE-----=0A\r\n" },
		    VERDICT_UNAUTHENTICATED, "mime.inconsistent" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_draft d = cases[i].draft;
		struct reply r;

		d.names = UNCOVERED ":content-type";
		r = reply_draft_judge(&d);
		unit_case("%zu", i);
		assert_string_equal(r.finding.code, cases[i].code);
		assert_int_equal(r.verdict, cases[i].verdict);
	}
}

/*
 * MA-59, the property: with nothing but the unsigned fields changed, a body
 * is accepted with one digest or refused; and what is no answer as it was
 * written never becomes one.
 */
#define WHOLE 100
static void
test_readings_agree(void **state)
{
	static const char *const types[] = { "", MIME("text/plain"),
		MIME("text/plain") QP, MIME("text/plain") BASE64,
		MIME("text/plain; format=flowed; delsp=yes"),
		MIME("text/plain; charset=windows-1252") QP,
		MIME("text/plain; charset=utf-8") BASE64,
		MIME("multipart/alternative; boundary=b"),
		MIME("multipart/alternative; boundary=e"),
		MIME("multipart/mixed; boundary=b"),
		MIME("multipart/mixed; boundary=e"),
		MIME("multipart/mixed; boundary=x"),
		MIME("multipart/signed; boundary=e"),
		MIME("multipart/alternative; "
		     "boundary=\"---BEGIN ACME RESPONSE-----\""),
		MIME("multipart/alternative; "
		     "boundary=\"---Original Message-----\""),
		MIME("text/html"), MIME("message/rfc822") };
	/*
	 * `written` names the type with which the body was signed; an answer
	 * is one with that type, or never.  But where the body as a whole is
	 * a block for one reader (WHOLE), whoever made the sender's
	 * program send it could have made it send the block.
	 */
	static const struct {
		const char *body;
		size_t written; /* + WHOLE */
	} bodies[] = {
		{ BLOCK(RIGHT), 1 },
		{ BLOCK(RIGHT) BLOCK(WRONG), 1 },
		{ RIGHT_BASE64, 3 },
		{ RIGHT_BASE64, 1 + WHOLE },
		{ "=2D----BEGIN ACME RESPONSE-----\r\n" RIGHT
		  "\r\n-----END ACME RESPONSE-----\r\n",
		    1 },
		{ DASHED(RIGHT, ""), 1 + WHOLE },
		{ "a\r\n" DASHED(RIGHT, "") "-- \r\nAlice\r\n", 1 },
		{ " -----BEGIN ACME RESPONSE-----\r\n " RIGHT
		  "\r\n -----END ACME RESPONSE-----\r\n",
		    1 },
		{ PART("text/plain", BLOCK(RIGHT)) "--b--\r\n", 7 },
		{ PART("text/plain", BLOCK(RIGHT)) "--b--\r\n", 1 + WHOLE },
		{ PART("text/plain\r\n" BASE64, RIGHT_BASE64) "--b--\r\n", 7 },
		{ "I am away.\r\n-----Original Message-----\r\n" BLOCK(RIGHT),
		    1 },
		{ "I am away.\r\n-----Original Message-----\r\n--e\r\n"
		  "Content-Type: text/plain\r\n\r\n" BLOCK(RIGHT) "--e--\r\n",
		    1 },
		{ "I am away.\r\n-----Original Message-----\r\n--e\r\n"
		  "Content-Type: text/plain\r\n" BASE64 "\r\n" RIGHT_BASE64
		  "--e--\r\n",
		    1 },
		{ "--e\r\n\r\n" BLOCK(RIGHT) "--e--\r\n", 7 + WHOLE },
		{ PART("text/plain",
		      "away\r\n\r\n--e\r\nContent-Type: "
		      "text/plain\r\n\r\n" BLOCK(RIGHT) "--e--\r\n")
			PART("text/html", "<p>") "--b--\r\n",
		    7 },
		{ PART("text/plain", "away") PART("text/html",
		      "--e\r\nContent-Type: text/plain\r\n\r\n" BLOCK(
			  RIGHT) "--e--") "--b--\r\n",
		    7 },
		{ PART("text/plain", "away")
			PART("text/html", BLOCK(RIGHT)) "--b--\r\n",
		    7 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct reply_draft d = { .body = bodies[i].body,
			.type = types[bodies[i].written % WHOLE],
			.names = COVERED };
		bool is_answer = reply_draft_judge(&d).verdict == VERDICT_MATCH;

		d.names = UNCOVERED;
		for (size_t k = 0; k < COUNT(types); k++) {
			struct reply r;

			unit_case("body %zu, type %zu", i, k);
			d.type = types[k];
			r = reply_draft_judge(&d);
			assert_true(r.verdict == VERDICT_MATCH ||
				    r.verdict == VERDICT_NO_RESPONSE ||
				    r.verdict == VERDICT_UNAUTHENTICATED);
			if (r.verdict == VERDICT_MATCH && !is_answer)
				assert_true(bodies[i].written >= WHOLE);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_bodies),
	cmocka_unit_test(test_readings),
	cmocka_unit_test(test_signed_type),
	cmocka_unit_test(test_readings_agree),
};

UNIT_MAIN(tests)
