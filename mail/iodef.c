#include "config.h"

#include "mail/iodef.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/markup.h"
#include "mail/compose.h"

#define TEXT_MAX ((size_t)32 * 1024)
#define VALUE_MAX 320

int
iodef_mailbox(struct job *j, struct span value,
    const struct addr_policy *policy, struct addr *out)
{
	static const char scheme[] = "mailto:";
	const size_t n = sizeof(scheme) - 1;

	if (value.n > VALUE_MAX || value.n <= n ||
	    !span_caseeq_str(span_cut(value, 0, n), scheme))
		return 0;
	value = span_from(value, n);
	if (!span_is_ascii(value) || span_has_control(value))
		return 0;
	for (size_t i = 0; i < value.n; i++)
		if (strchr("?%,;:<>\"()[]\\ ", value.p[i]) != NULL)
			return 0;
	if (addr_parse(j, value, policy, out) == 0)
		return 1;
	job_recover(j);
	return 0;
}

/* --- the document --------------------------------------------------------- */

/* XML 1.0 has no controls but those of lines, which a value must not have. */
static void
add_escaped(struct buf *b, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		buf_add_markup(
		    b, (unsigned char)*p < 0x20 ? SPAN(" ") : span_mem(p, 1));
}

static void
add_element(struct buf *b, const char *begin, const char *text, const char *end)
{
	buf_add_str(b, begin);
	add_escaped(b, text);
	buf_addf(b, "%s\n", end);
}

static const char *
why(const struct iodef_report *in)
{
	return in->is_critical
		   ? "they hold a critical property that is not known here"
		   : "no issuemail property of theirs allows it";
}

/* RFC 7970 3.2: elements in the order of its schema. */
static void
add_document(struct job *j, struct buf *b, const struct iodef_report *in)
{
	char refused[CLOCK_RFC3339_MAX], now[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(in->refused_at, refused);
	clock_format_rfc3339(in->date, now);
	buf_add_str(b,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<IODEF-Document version=\"2.00\" xml:lang=\"en\"\n"
	    "    xmlns=\"urn:ietf:params:xml:ns:iodef-2.0\">\n"
	    "  <Incident purpose=\"reporting\" restriction=\"need-to-know\">\n"
	    "    <IncidentID name=\"");
	add_escaped(b, addr_domain_of(in->from));
	add_element(b, "\">", in->id, "</IncidentID>");
	add_element(b, "    <DetectTime>", refused, "</DetectTime>");
	add_element(b, "    <ReportTime>", now, "</ReportTime>");
	add_element(b, "    <GenerationTime>", now, "</GenerationTime>");
	add_element(b, "    <Description>",
	    arena_printf(j->arena,
		"A certificate for S/MIME was asked for, for a mailbox of %s. "
		"The request was refused because of the CAA records of %s: "
		"%s.",
		in->domain, in->found_at, why(in)),
	    "</Description>");
	buf_add_str(
	    b, "    <Contact role=\"creator\" type=\"organization\">\n");
	add_element(b, "      <ContactName>", in->ca_name, "</ContactName>");
	add_element(
	    b, "      <Email><EmailTo>", in->from, "</EmailTo></Email>");
	buf_add_str(b, "    </Contact>\n");
	add_element(b, "    <AdditionalData dtype=\"string\" name=\"domain\">",
	    in->domain, "</AdditionalData>");
	add_element(b,
	    "    <AdditionalData dtype=\"string\" name=\"caa-found-at\">",
	    in->found_at, "</AdditionalData>");
	buf_add_str(b, "  </Incident>\n</IODEF-Document>\n");
}

/* --- the text ------------------------------------------------------------- */

/* Lines that are short but for the longest names. */
static void
add_text(struct buf *b, const struct iodef_report *in)
{
	char refused[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(in->refused_at, refused);
	buf_addf(b,
	    "You get this mail because the CAA records of\n"
	    "    %s\n"
	    "name this address (iodef).\n"
	    "\n"
	    "%s was asked for a certificate for S/MIME,\n"
	    "for a mailbox of\n"
	    "    %s\n"
	    "It gave none, because of these records: %s.\n"
	    "That was at %s.\n",
	    in->found_at, in->ca_name, in->domain, why(in), refused);
	buf_add_str(b,
	    "\n"
	    "Somebody asked who could read and answer the mail of that\n"
	    "mailbox: its holder or not, that is for you to judge.\n"
	    "There is nothing that you must do. If the certificate would have\n"
	    "been welcome, the records have to allow this CA.\n"
	    "\n"
	    "However many requests are refused, no more than one such report\n"
	    "a day goes out about a domain, and none if the records name\n"
	    "nobody. It was made by a program; nobody reads answers to it.\n"
	    "The attachment says the same for programs (IODEF, RFC 7970).\n");
}

int
iodef_compose(struct job *j, const struct iodef_report *in, struct span *out)
{
	const struct compose_head head = { .from = in->from,
		.to = in->to,
		.subject = span_str(arena_printf(j->arena,
		    "CAA records of %s refuse a certificate", in->found_at)),
		.message_id = arena_printf(
		    j->arena, "<%s@%s>", in->id, addr_domain_of(in->from)),
		.auto_submitted = "auto-generated",
		.date = in->date };
	struct compose_attachment file = { .type = "application/xml",
		.name = "iodef.xml" };
	struct buf text, xml;

	buf_init(&text, j->arena, TEXT_MAX);
	buf_init(&xml, j->arena, TEXT_MAX);
	add_text(&text, in);
	add_document(j, &xml, in);
	if (!buf_ok(&text) || !buf_ok(&xml))
		return job_fail(j, ERR_INTERNAL, "CAA report: too long");
	file.text = buf_span(&xml);
	return compose_attached(j, &head, buf_span(&text), &file, out);
}
