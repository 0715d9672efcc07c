/*
 * What is said in an SMTP session, without any connection: addresses and
 * messages before they are sent, answers as they come in.
 */
#ifndef MAIL_SMTP_TEXT_H
#define MAIL_SMTP_TEXT_H

#include "lib/buf.h"

/*
 * May this canonical mailbox stand in MAIL FROM or RCPT TO?  NULL, or why not.
 * A dot-atom, @, a domain name in ASCII.  Only where SMTPUTF8 will be asked for
 * (`utf8`) may the local part hold more (ER-20).
 */
const char *smtp_address_check(const char *mailbox, bool utf8);
bool smtp_domain_is_good(struct span domain);

/*
 * May this message be handed over as it is?  NULL, or why not.  CRLF line
 * ends only, at most 998 octets each, ASCII, one Date, From and Message-ID,
 * none of the fields that the library would drop or make.  With `utf8` its
 * header may hold UTF-8 (RFC 6532), its body may not.
 */
const char *smtp_message_check(struct span message, bool utf8);

/* Answers in a stream of bytes, read along while a library reads them. */
struct smtp_answers {
	char line[1024];
	size_t n;
	/* Since smtp_answers_expect(): */
	unsigned complete; /* answers that have ended */
	size_t after;      /* octets behind the first of them */
	int code;          /* of the last complete answer; 0: none yet */
	char text[256];    /* its first line, printable ASCII */
	bool in_answer;
};

/* A command was sent. */
void smtp_answers_expect(struct smtp_answers *a);
void smtp_answers_add(struct smtp_answers *a, struct span bytes);

/* Printable ASCII, one line, cut to fit. */
void smtp_text_clean(char *out, size_t room, const char *text);

/*
 * For what a server says to a login that it refuses: the secret, and what could
 * be a part of it in base64, become stars.
 */
void smtp_text_hide_login(char *text, struct span secret);

/*
 * For a server that quotes the mail it was given: each part of the token of at
 * least four characters becomes stars, also where a Subject was cut or folded.
 */
void smtp_text_hide_token(char *text, struct span token);

/*
 * "550 5.1.1" from an answer's code, its enhanced code if the library has
 * split that off, and its text, from which it is read otherwise.  `out` has
 * 24 bytes.
 */
struct smtp_enhanced {
	int class, subject, detail;
};
void smtp_code_format(
    char *out, int code, const struct smtp_enhanced *e, const char *text);

#endif
