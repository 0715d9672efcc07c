/*
 * What validator and a service that speaks the Open MPIC API say to each other
 * about CAA (mpic-open-api.md 1) and, by a call that is made for something
 * else, about a DKIM key (3): one JSON object each way.
 *
 * The service's verdicts are not ours: it knows no parameters of issuemail, so
 * what each perspective saw is taken, and judged here (MP-4).
 */
#ifndef DNS_OPEN_MPIC_FORM_H
#define DNS_OPEN_MPIC_FORM_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;
struct json;

#define OPEN_MPIC_PATH "/mpic"
#define OPEN_MPIC_ANSWER_MAX ((size_t)1024 * 1024) /* MP-1 */
#define OPEN_MPIC_VIEWS_MAX 64

enum open_mpic_check { OPEN_MPIC_CAA, OPEN_MPIC_KEY, OPEN_MPIC_CHECKS };
/* As it says check_type: "caa", "dcv". */
const char *open_mpic_check_name(enum open_mpic_check check);

struct open_mpic_request {
	enum open_mpic_check check;
	const char *trace;  /* our random id: 26 characters of base32 */
	const char *domain; /* A-labels, lower case; of a key: its d= */
	size_t perspectives, quorum;
	struct conf_list ca;  /* of CAA */
	const char *selector; /* of a key, … */
	struct span key_text; /* … whose p= is this, without blanks */
};

/* JSON in the job's arena, or NULL with ERR_INTERNAL: too long. */
const char *open_mpic_request_format(
    struct job *j, const struct open_mpic_request *r);

/* One element of perspectives[]. */
struct open_mpic_view {
	const char *code;
	bool completed, passed;
	bool unreached;     /* not completed, since nobody answered there */
	bool has_details;   /* of CAA it says whether there are records … */
	bool has_records;   /* … and there are, … */
	bool shows_records; /* … these: */
	struct span *rdata; /* CAA or TXT, in wire form */
	size_t count;
	int64_t at_ms; /* since 1970; 0: not said */
};
/*
 * `takes_flat`: also the form of the specification's printed examples, whose
 * elements hold what belongs into their check_response, and the records as
 * details.response.
 * 0, or -1 ERR_MALFORMED: also where a record cannot be read, so that nothing
 * is decided from a part of a set.
 */
int open_mpic_view_parse(struct job *j, const struct json *element,
    enum open_mpic_check check, bool takes_flat, struct open_mpic_view *out);

struct open_mpic_answer {
	bool completed; /* enough of them were heard */
	bool is_valid;  /* the service's own verdict */
	const struct json *elements[OPEN_MPIC_VIEWS_MAX];
	size_t count;
};
/* The JSON alone of what is kept of an answer, an element or a list of some: 0,
 * or -1 ERR_MALFORMED. */
int open_mpic_read(struct job *j, struct span text, const struct json **out);
/* 0, or -1 ERR_MALFORMED: not of this form, or about something else than was
 * asked (MP-2). */
int open_mpic_answer_parse(struct job *j, struct span text,
    const struct open_mpic_request *asked, struct open_mpic_answer *out);

#endif
