#include "config.h"

#include "mail/reply_quote.h"

#include <string.h>

#include "lib/count.h"
#include "lib/utf8.h"

#define RULE_MIN 5
#define RULE_LOOK_AHEAD 4
#define HEADER_NAME_MAX 40
#define BARE_HEADER_LINES 3

/* The shortest and the longest of the table, in octets; most lines are
 * neither, and there may be many. */
#define WORDS_MIN 8
#define WORDS_MAX 66
#define W(words)                                                               \
	{                                                                      \
		words, sizeof(words) - 1                                       \
	}

/* What mail programs write between dashes, or alone, above a quoted or
 * forwarded message; ASCII letters are compared without case. */
static const struct span separator_words[] = {
	/* English */
	W("Original Message"),
	W("Original Appointment"),
	W("Forwarded Message"),
	W("Begin forwarded message"),
	W("Forwarded by"),
	W("Reply message"),
	W("Reply to message"),
	W("Message below this line"),
	/* German */
	W("Original-Nachricht"),
	W("Originalnachricht"),
	W("Ursprüngliche Nachricht"),
	W("Urspruengliche Nachricht"),
	W("Ursprünglicher Termin"),
	W("Weitergeleitete Nachricht"),
	W("Anfang der weitergeleiteten Nachricht"),
	W("Weitergeleitet von"),
	/* French */
	W("Message d'origine"),
	W("Message d’origine"),
	W("Message original"),
	W("Message initial"),
	W("Message transféré"),
	W("Message réexpédié"),
	W("Début du message transféré"),
	W("Début du message réexpédié"),
	W("Courriel original"),
	W("Rendez-vous d'origine"),
	/* Spanish */
	W("Mensaje original"),
	W("Mensaje reenviado"),
	W("Mensaje de respuesta"),
	W("Inicio del mensaje reenviado"),
	W("Cita original"),
	W("Correo original"),
	/* Portuguese */
	W("Mensagem original"),
	W("Mensagem encaminhada"),
	W("Mensagem reencaminhada"),
	W("Início da mensagem encaminhada"),
	W("Início da mensagem reencaminhada"),
	W("Início da mensagem reenviada"),
	/* Catalan */
	W("Missatge original"),
	W("Missatge reenviat"),
	/* Galician */
	W("Mensaxe orixinal"),
	W("Mensaxe reenviada"),
	/* Basque */
	W("Jatorrizko mezua"),
	W("Birbidalitako mezua"),
	/* Italian */
	W("Messaggio originale"),
	W("Messaggio inoltrato"),
	W("Inizio messaggio inoltrato"),
	W("Messaggio Originale"),
	/* Romanian */
	W("Mesaj original"),
	W("Mesajul original"),
	W("Mesaj redirecționat"),
	/* Dutch */
	W("Oorspronkelijk bericht"),
	W("Origineel bericht"),
	W("Doorgestuurd bericht"),
	W("Begin doorgestuurd bericht"),
	/* Swedish */
	W("Ursprungligt meddelande"),
	W("Originalmeddelande"),
	W("Vidarebefordrat meddelande"),
	W("Vidarebefordrat brev"),
	W("Vidarebefordrat mejl"),
	/* Danish */
	W("Oprindelig meddelelse"),
	W("Original meddelelse"),
	W("Videresendt meddelelse"),
	W("Start på videresendt besked"),
	W("Oprindelig besked"),
	/* Norwegian */
	W("Opprinnelig melding"),
	W("Original melding"),
	W("Videresendt melding"),
	W("Begynnelse på videresendt melding"),
	W("Opprinnelig e-post"),
	/* Icelandic */
	W("Upprunaleg skilaboð"),
	W("Upprunalegur póstur"),
	/* Finnish */
	W("Alkuperäinen viesti"),
	W("Välitetty viesti"),
	W("Edelleenlähetetty viesti"),
	W("Välitetty viesti alkaa"),
	/* Estonian */
	W("Algne sõnum"),
	W("Algne kiri"),
	W("Edastatud kiri"),
	W("Algteade"),
	/* Latvian */
	W("Sākotnējais ziņojums"),
	W("Oriģinālais ziņojums"),
	W("Pārsūtītais ziņojums"),
	/* Lithuanian */
	W("Pradinis laiškas"),
	W("Pirminė žinutė"),
	W("Pirminis pranešimas"),
	W("Persiųstas laiškas"),
	/* Polish */
	W("Oryginalna wiadomość"),
	W("Wiadomość oryginalna"),
	W("Pierwotna wiadomość"),
	W("Wiadomość przekazana dalej"),
	W("Przekazana wiadomość"),
	W("Początek przekazywanej wiadomości"),
	W("Treść przekazanej wiadomości"),
	/* Czech */
	W("Původní zpráva"),
	W("Původní e-mail"),
	W("Přeposlaná zpráva"),
	W("Začátek přeposílané zprávy"),
	/* Slovak */
	W("Pôvodná správa"),
	W("Preposlaná správa"),
	/* Hungarian */
	W("Eredeti üzenet"),
	W("Eredeti levél"),
	W("Továbbított üzenet"),
	W("Továbbított levél"),
	/* Croatian, Serbian, Bosnian */
	W("Izvorna poruka"),
	W("Originalna poruka"),
	W("Proslijeđena poruka"),
	W("Prosleđena poruka"),
	W("Оригинална порука"),
	W("Прослеђена порука"),
	/* Slovene */
	W("Izvirno sporočilo"),
	W("Prvotno sporočilo"),
	W("Posredovano sporočilo"),
	/* Turkish */
	W("Orijinal Mesaj"),
	W("Orjinal Mesaj"),
	W("Özgün İleti"),
	W("Orijinal İleti"),
	W("İletilen Mesaj"),
	W("Yönlendirilmiş ileti"),
	/* Greek */
	W("Αρχικό μήνυμα"),
	W("Αρχικό Μήνυμα"),
	W("Προωθημένο μήνυμα"),
	/* Russian */
	W("Исходное сообщение"),
	W("Оригинальное сообщение"),
	W("Первоначальное сообщение"),
	W("Пересылаемое сообщение"),
	W("Пересланное сообщение"),
	W("Перенаправленное сообщение"),
	W("Начало переадресованного сообщения"),
	/* Ukrainian */
	W("Оригінальне повідомлення"),
	W("Вихідне повідомлення"),
	W("Початкове повідомлення"),
	W("Переслане повідомлення"),
	/* Bulgarian */
	W("Оригинално съобщение"),
	W("Първоначално съобщение"),
	W("Препратено съобщение"),
	/* Hebrew */
	W("הודעה מקורית"),
	W("ההודעה המקורית"),
	W("הודעה שהועברה"),
	/* Arabic */
	W("الرسالة الأصلية"),
	W("رسالة أصلية"),
	W("رسالة معاد توجيهها"),
	/* Hindi */
	W("मूल संदेश"),
	W("अग्रेषित संदेश"),
	/* Thai */
	W("ข้อความต้นฉบับ"),
	W("ข้อความดั้งเดิม"),
	W("ข้อความที่ส่งต่อ"),
	/* Vietnamese */
	W("Thư gốc"),
	W("Tin nhắn gốc"),
	W("Thư được chuyển tiếp"),
	W("Thư đã chuyển tiếp"),
	/* Indonesian, Malay */
	W("Pesan Asli"),
	W("Pesan Terusan"),
	W("Mesej Asal"),
	W("Pesan yang diteruskan"),
	/* Japanese */
	W("元のメッセージ"),
	W("オリジナルメッセージ"),
	W("転送メッセージ"),
	W("転送されたメッセージ"),
	W("元のメール"),
	/* Chinese */
	W("原始邮件"),
	W("邮件原件"),
	W("原始消息"),
	W("转发的邮件"),
	W("转发邮件信息"),
	W("开始转发邮件"),
	W("以下是被转发的邮件"),
	W("原始郵件"),
	W("原始訊息"),
	W("轉寄郵件"),
	W("開始轉寄郵件"),
	W("以下是轉寄的郵件"),
	W("回复的原邮件"),
	/* Korean */
	W("원본 메시지"),
	W("원본 메일"),
	W("원본메일"),
	W("전달된 메시지"),
	W("전달된 메일"),
};

/* How W("From") is called in headers that programs copy into the text. */
static const struct span from_words[] = {
	/* English */
	W("From"),
	/* German */
	W("Von"),
	/* French, Spanish, Portuguese, Catalan */
	W("De"),
	/* Italian */
	W("Da"),
	/* Romanian */
	W("De la"),
	/* Basque */
	W("Nork"),
	/* Dutch, Afrikaans */
	W("Van"),
	/* Danish, Norwegian */
	W("Fra"),
	/* Swedish */
	W("Från"),
	/* Icelandic */
	W("Frá"),
	/* Finnish */
	W("Lähettäjä"),
	/* Estonian */
	W("Saatja"),
	W("Kellelt"),
	/* Latvian */
	W("No"),
	/* Lithuanian */
	W("Nuo"),
	W("Siuntėjas"),
	/* Polish, Czech, Slovak, Slovene, Croatian */
	W("Od"),
	/* Hungarian */
	W("Feladó"),
	/* Turkish */
	W("Kimden"),
	W("Gönderen"),
	/* Greek */
	W("Από"),
	/* Russian, Bulgarian */
	W("От"),
	/* Serbian */
	W("Од"),
	W("Šalje"),
	/* Ukrainian */
	W("Від"),
	/* Hebrew */
	W("מאת"),
	/* Arabic */
	W("من"),
	/* Hindi */
	W("प्रेषक"),
	/* Thai */
	W("จาก"),
	/* Vietnamese */
	W("Từ"),
	W("Người gửi"),
	/* Indonesian, Malay */
	W("Dari"),
	W("Daripada"),
	/* Japanese */
	W("差出人"),
	W("送信者"),
	W("送信元"),
	/* Chinese */
	W("发件人"),
	W("寄件者"),
	W("寄件人"),
	/* Korean */
	W("보낸 사람"),
	W("보낸사람"),
};

static const struct span nbsp = { "\xc2\xa0", 2 };
static const struct span wide_colon = { "\xef\xbc\x9a", 3 };

struct span
reply_line_at(struct span text, size_t at, size_t *next)
{
	size_t lf = span_find(text, at, '\n');

	*next = lf == text.n ? lf : lf + 1;
	while (lf > at && (text.p[lf - 1] == ' ' || text.p[lf - 1] == '\t' ||
			      text.p[lf - 1] == '\r'))
		lf--;
	return span_cut(text, at, lf);
}

static size_t
run_of(struct span s, char c)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == c)
		n++;
	return n;
}

static size_t
end_run_of(struct span s, char c)
{
	size_t n = 0;

	while (n < s.n && s.p[s.n - 1 - n] == c)
		n++;
	return n;
}

/* --- words ------------------------------------------------------------- */

/* Without one of the marks that decorate a line at its start, or end. */
static bool
strip_mark(struct span *s, bool at_end)
{
	static const struct span marks[] = { W("-"), W("_"), W("="), W("*"),
		W("#"), W("~"), W("+"), W(":"), W(" "), W("—"), W("–"), W("─"),
		W("━"), W("═") };
	size_t i;

	for (i = 0; i < COUNT(marks); i++) {
		if (!(at_end ? span_ends(*s, marks[i])
			     : span_starts(*s, marks[i])))
			continue;
		*s = at_end ? span_cut(*s, 0, s->n - marks[i].n)
			    : span_from(*s, marks[i].n);
		return true;
	}
	return false;
}

static struct span
undecorated(struct span s)
{
	while (strip_mark(&s, false))
		;
	for (;;) {
		if (span_ends(s, wide_colon))
			s.n -= wide_colon.n;
		else if (span_ends(s, nbsp))
			s.n -= nbsp.n;
		else if (!strip_mark(&s, true))
			return s;
	}
}

/* A delimiter of MIME, as it stands in a body that is read raw (MA-59): SOGo's
 * have dashes at both ends.  "=_" is in no language's words. */
static bool
is_delimiter_like(struct span line)
{
	return span_has(line, SPAN("=_")) &&
	       span_find(line, 0, ' ') == line.n &&
	       span_find(line, 0, '\t') == line.n;
}

static bool
is_known(struct span words)
{
	size_t i;

	for (i = 0; i < COUNT(separator_words); i++)
		if (separator_words[i].n == words.n &&
		    ascii_lower(separator_words[i].p[0]) ==
			ascii_lower(words.p[0]) &&
		    span_caseeq(words, separator_words[i]))
			return true;
	return false;
}

/* "-----Original Message-----" in the languages above, or any words with
 * four dashes on both sides, but for armour of other kinds. */
static bool
is_worded_separator(struct span line)
{
	struct span words = undecorated(line);

	if (words.n >= WORDS_MIN && words.n <= WORDS_MAX && is_known(words))
		return true;
	return words.n > 0 && run_of(line, '-') >= 4 &&
	       end_run_of(line, '-') >= 4 &&
	       !span_starts(words, SPAN("BEGIN ")) &&
	       !span_starts(words, SPAN("END ")) && !is_delimiter_like(line);
}

/* Of one character, five times or more. */
bool
reply_is_rule(struct span line)
{
	static const struct span strokes[] = { W("_"), W("-"), W("="), W("*"),
		W("~"), W("—"), W("–"), W("─"), W("━"), W("═") };
	size_t i, n;

	for (i = 0; i < COUNT(strokes); i++) {
		for (n = 0; span_starts(span_from(line, n), strokes[i]);)
			n += strokes[i].n;
		if (n == line.n)
			return n >= RULE_MIN * strokes[i].n;
	}
	return false;
}

/* --- copied headers ------------------------------------------------------ */

/* Is c part of a field's name in some language, or of its emphasis? */
static bool
is_name_char(char c)
{
	return ascii_is_alpha(c) || (unsigned char)c >= 0x80 || c == ' ' ||
	       c == '-' || c == '*';
}

/* "Sent: Monday", "*Von:* x", "Envoyé : x", with an ASCII or wide colon: the
 * name. */
static bool
has_name(struct span line, struct span *name)
{
	size_t i;

	line = span_trim(line);
	for (i = 0; i < line.n && i < HEADER_NAME_MAX; i++) {
		*name = span_cut(line, 0, i);
		if (span_starts(span_from(line, i), wide_colon))
			return i > 0;
		if (line.p[i] == ':')
			return i > 0 &&
			       (i + 1 == line.n ||
				   strchr(" \t*\xc2", line.p[i + 1]) != NULL);
		if (!is_name_char(line.p[i]))
			return false;
	}
	return false;
}

/* How many of the `lines` lines at `at` are header-like; with `run`, only up
 * to the first that is not. */
static size_t
count_header_like(struct span text, size_t at, size_t lines, bool run)
{
	struct span name;
	size_t n = 0;

	for (; lines > 0 && at < text.n; lines--) {
		if (has_name(reply_line_at(text, at, &at), &name))
			n++;
		else if (run)
			break;
	}
	return n;
}

bool
reply_is_header_like(struct span line)
{
	struct span name;

	return has_name(line, &name);
}

bool
reply_is_from(struct span line)
{
	struct span name;
	size_t i;

	if (!has_name(line, &name))
		return false;
	name = undecorated(name);
	for (i = 0; i < COUNT(from_words); i++)
		if (span_caseeq(name, from_words[i]))
			return true;
	return false;
}

/* ------------------------------------------------------------------------- */

/* ">>> CA <acme@ca.test> 02/03/26 10:00 >>>", of GroupWise. */
static bool
is_between_arrows(struct span line)
{
	return line.n > 6 && run_of(line, '>') == 3 &&
	       end_run_of(line, '>') == 3;
}

bool
reply_is_separator(struct span text, size_t at, struct span line, size_t next)
{
	line = utf8_trim(line);
	if (line.n == 0)
		return false;
	if (reply_is_rule(line))
		return count_header_like(text, next, RULE_LOOK_AHEAD, false) >=
		       2;
	/* The same header without a rule, as programs on telephones write
	 * it. */
	if (reply_is_from(line) &&
	    count_header_like(text, at, BARE_HEADER_LINES, true) ==
		BARE_HEADER_LINES)
		return true;
	return is_worded_separator(line) || is_between_arrows(line);
}

bool
reply_has_separator(struct span text)
{
	struct span line;
	size_t at, next;

	for (at = 0; at < text.n; at = next) {
		line = reply_line_at(text, at, &next);
		if (reply_is_separator(text, at, line, next))
			return true;
	}
	return false;
}

/* Marks that programs put before quoted lines. */
struct span
reply_unquoted(struct span line)
{
	static const struct span wide[] = { { "\xc2\xbb", 2 }, /* » */
		{ "\xc2\xa0", 2 },                             /* NBSP */
		{ "\xe2\x80\xba", 3 },                         /* › */
		{ "\xe2\x94\x82", 3 },                         /* │ */
		{ "\xef\xbb\xbf", 3 } /* BOM */ };
	size_t i, before;

	do {
		before = line.n;
		while (line.n > 0 && line.p[0] != '\0' &&
		       strchr(">|: \t", line.p[0]) != NULL)
			line = span_from(line, 1);
		for (i = 0; i < COUNT(wide); i++)
			if (span_starts(line, wide[i]))
				line = span_from(line, wide[i].n);
	} while (line.n < before);
	return line;
}
