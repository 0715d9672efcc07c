/*
 * MA-59, MA-61: below which lines a response block is part of what is quoted,
 * and below which it is the sender's own.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include "lib/count.h"
#include "mail/reply_quote.h"
#include "tests/unit/block_lab.h"

/* MA-61: lines below which all is quoted. */
static const char *const separators[] = {
	"━━━Thư gốc━━━\n",
	"━━━Thư đã chuyển tiếp━━━\n",
	"-----Original Message-----\n",
	"-----Urspr\xc3\xbcngliche Nachricht-----\n",
	"-----Original-Nachricht-----\n",
	"--- Original message ---\n",
	"________ Original Message ________\n",
	"-----Message d'origine-----\n",
	"-----Mensaje original-----\n",
	"-----Mensagem original-----\n",
	"-----Messaggio originale-----\n",
	"-----Oorspronkelijk bericht-----\n",
	"-----Ursprungligt meddelande-----\n",
	"-----Alkuper\xc3\xa4inen viesti-----\n",
	"-----Oryginalna wiadomo\xc5\x9b\xc4\x87-----\n",
	"-----\xd0\x98\xd1\x81\xd1\x85\xd0\xbe\xd0\xb4\xd0\xbd\xd0\xbe\xd0\xb5 "
	"\xd1\x81\xd0\xbe\xd0\xbe\xd0\xb1\xd1\x89\xd0\xb5\xd0\xbd\xd0\xb8\xd0"
	"\xb5-----\n",
	"-----\xe5\x85\x83\xe3\x81\xae\xe3\x83\xa1\xe3\x83\x83\xe3\x82\xbb\xe3"
	"\x83\xbc\xe3\x82\xb8-----\n",
	"-----In no language of the list-----\n",
	"-----\"=_\" <alice@user.test> wrote: -----\n",
	"-----Xyz=-_-----\n",
	"-----\"Alice\" <alice@user.test> wrote: -----\n",      /* Lotus */
	"---------- Forwarded message ---------\n",             /* Gmail */
	"Begin forwarded message:\n",                           /* Apple */
	"________________________________\nFrom: a\nSent: b\n", /* Outlook */
	"________________________________\n\n\nVon: a\nGesendet: b\n",
	"-----\nDe\xc2\xa0: a\nEnvoy\xc3\xa9\xc2\xa0: b\n",
	"_____\n*From:* a\n*Date:* b\n",
	"_____\nFrom: a\nx\nx\nSubject: b\n",
	"From: CA <acme@ca.test>\nSent: Monday\nTo: alice\n", /* no rule */
	"Von: a\nDatum: b\nAn: c\nBetreff: d\n",
	"De\xc2\xa0: a\nEnvoy\xc3\xa9\xc2\xa0: b\n\xc3\x80\xc2\xa0: c\n",
	"\xe5\x8f\x91\xe4\xbb\xb6\xe4\xba\xba\xef\xbc\x9a"
	"a\n\xe6\x97\xb6\xe9\x97\xb4\xef\xbc\x9a"
	"b\n\xe6\x94\xb6\xe4\xbb\xb6\xe4\xba\xba\xef\xbc\x9a"
	"c\n",
	/* Outlook's line, without dashes enough to be known by them */
	"--Original Message--\n",
	"--Ursprüngliche Nachricht--\n",
	"--Message d'origine--\n",
	"--Message d’origine--\n",
	"--Mensaje original--\n",
	"--Mensagem original--\n",
	"--Missatge original--\n",
	"--Mensaxe orixinal--\n",
	"--Jatorrizko mezua--\n",
	"--Messaggio originale--\n",
	"--Mesaj original--\n",
	"--Oorspronkelijk bericht--\n",
	"--Ursprungligt meddelande--\n",
	"--Oprindelig meddelelse--\n",
	"--Opprinnelig melding--\n",
	"--Upprunaleg skilaboð--\n",
	"--Alkuperäinen viesti--\n",
	"--Algne sõnum--\n",
	"--Sākotnējais ziņojums--\n",
	"--Pradinis laiškas--\n",
	"--Wiadomość oryginalna--\n",
	"--Původní zpráva--\n",
	"--Pôvodná správa--\n",
	"--Eredeti üzenet--\n",
	"--Izvorna poruka--\n",
	"--Оригинална порука--\n",
	"--Izvirno sporočilo--\n",
	"--Özgün İleti--\n",
	"--Αρχικό μήνυμα--\n",
	"--Исходное сообщение--\n",
	"--Оригінальне повідомлення--\n",
	"--Оригинално съобщение--\n",
	"--הודעה מקורית--\n",
	"--الرسالة الأصلية--\n",
	"--मूल संदेश--\n",
	"--ข้อความต้นฉบับ--\n",
	"--Thư gốc--\n",
	"--Pesan Asli--\n",
	"--元のメッセージ--\n",
	"--邮件原件--\n",
	"--原始郵件--\n",
	"--원본 메시지--\n",
	"Anfang der weitergeleiteten Nachricht:\n",
	"Début du message réexpédié :\n",
	"Début du message transféré\xc2\xa0:\n",
	"以下是被转发的邮件：\n",
	/* the header, in languages whose word for From is known */
	"Gesendet: Montag um 10:00 Uhr\nVon: CA\nAn: a\nBetreff: b\n",
	"Da: a\nInviato: b\nA: c\n",
	"Od: a\nWysłano: b\nDo: c\n",
	"От: a\nОтправлено: b\nКому: c\n",
	"Від: a\nНадіслано: b\nКому: c\n",
	"差出人: a\n送信日時: b\n宛先: c\n",
	"寄件者: a\n寄件日期: b\n收件者: c\n",
	"보낸 사람: a\n보낸 날짜: b\n받는 사람: c\n",
	"מאת: a\nנשלח: b\nאל: c\n",
	/* behind blanks of all kinds; of strokes of other kinds */
	"\tFrom: a\n\tSent: b\n\tTo: c\n",
	"\u00a0________________________________\nFrom: a\nTo: b\n",
	"————————————————\nFrom: a\nTo: b\n",
	"* * *\n\n**From:** a\n**Sent:** b\n**Subject:** c\n",
	/* GroupWise */
	">>> CA <acme@ca.test> 02/03/26 10:00 >>>\n",
	">>> CA 02/03/26 >>>\n",
};

/* MA-61: lines that say whose text follows, in one way or another. */
static const char *const introductions[] = {
	/* the header, in a language whose word for From is not known: the
	 * challenge's Subject is in it */
	"Oddawca: a\nPósłane: b\nTema: Re: ACME: xyz\n",
	"Tema: ACME: xyz\nPósłane: b\nKomu: c\n",
	"Tema:ACME: xyz\n",
	/* two lines of it; on more lines than it has fields; without blanks */
	"From: CA <acme@ca.test>\nTo: b\n",
	"Oddawca: a\nPósłane: 2. měrca 2026\n",
	"From: A very long display name\n<acme@ca.test> \nSent: Monday\n",
	"Van:CA\nVerzonden:2 maart 2026 10:00\n",
	/* the header alone is marked */
	"> Message du 02/03/26\n> De : CA\n> A : alice\n\n",
	"| Objet : ACME: xyz\n\n",
	/* above text without marks, as Yahoo's pages write it */
	"    On Monday, March 2, 2026 at 10:00:00 AM GMT, CA "
	"<acme+tag@ca.test> wrote:  \n \n quoted\n",
	"Le lun. 2 mars 2026 à 10:00, CA <acme@ca.test> a écrit :\nquoted\n",
	"Am Mo., 2. März 2026 um 10:00 Uhr schrieb CA\n<acme@ca.test>:\n\n"
	"quoted\n",
	"On 2 Mar 2026, CA\n<acme@ca.test>\nwrote:\nquoted\n",
	"在 2026年3月2日 10:00，CA <acme@ca.test> 写道：\nquoted\n",
	/* of whatever begins the quoted text */
	"    On Monday, March 2, 2026 at 10:00:00 AM GMT, CA "
	"<acme+tag@ca.test> wrote:  \n \n> quoted\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <acme@ca.test> wrote:\n> q\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <acme@ca.test> wrote:\n\n | q\n",
	/* with the text behind it, in the line */
	"  On Mon, 2 Mar 2026 at 10:00, CA<acme@ca.test> wrote:   quoted\n",
	/* without address, time of day, date or colon; with empty lines */
	"Some One <acme@ca.test> wrote:\n",
	"Some One\n‹\nmailto:acme@ca.test\n> wrote:\n",
	"On Thu, 2 Mar 2026 Some One\n\n‹\n\nmailto:a@ca.test\n\n> wrote:\n",
	"On Nov 26, 2013 you wrote:\n",
	"On Nov 26, 2013\nSomebody\n\nof the CA wrote:\n",
	"On Wed, 2 Mar 2026, CA <acme@ca.test> wrote\n",
	"On Mon at 10:00 CA wrote\n",
	"CA kirjoitti 2.3.26 klo 10.00:\n",
	"Le 02/03/2026 à 10h00, CA a écrit :\n",
	/* a name alone, or none */
	"On Monday CA wrote:\n\n",
	"Mallory wrote:\n\n",
	"*Mallory wrote:*\n",
	"Mallory schrieb:\n\n",
	"Mallory hat geschrieben:\n\n",
	"Mallory a \u00e9crit\u00a0:\n\n",
	"Mallory napisa\u0142(a):\n",
	"Mallory \u043f\u0438\u0448\u0435\u0442:\n",
	"Mallory\u5199\u9053\uff1a\n",
	"\u05db\u05ea\u05d1/\u05d4:\n",
	"wrote:\n",
	/* other digits, other ends */
	"في الاثنين، ٢ مارس ٢٠٢٦ في ١٠:٠٠ ص، كتب CA\n",
	"في ٢ مارس ٢٠٢٦ كتب CA:\n",
	"เมื่อ วันที่ 2 มีนาคม 2569 CA เขียนว่า:\n",
	"๒ มีนาคม ๒๕๖๙ CA เขียนว่า:\n",
	"\u202b2 במרץ 2026, CA:\u202c\n",
	"Στις 2 Μαρ 2026, ο χρήστης CA έγραψε·\n",
	"2026年3月2日 CA 写道：\n",
	"On 2 March 2026 CA *wrote:*\n",
	/* a date and "wrote" in one paragraph */
	"On 2 March 2026, CA wrote\n",
	"Den 2 mars 2026\nCA skrev\n",
	"No.\nOn 2 March 2026\n> q\nCA wrote\n",
	/* as Horde begins, with any name */
	"Quoting mallory:\n",
	"Quoting mallory smith:\n",
	"Quoting the lines of Mallory:\n",
	"Quoting \"the lines my client printed\":\n",
	"Quoting the lines my client printed <a@ca.test>:\n",
	"Zitat von meinem Programm:\n",
	"Παραθέτοντας από mallory:\n",
	"引用 Mallory：\n",
	/* the verb first, or last, in more languages */
	"كتب Mallory:\n",
	"נכתב על ידי Mallory:\n",
	"Ysgrifennodd Mallory:\n",
	"Mallory skreau:\n",
	"Mallory piše:\n",
	"Mallory je napisal(a):\n",
	"Mallory напісаў:\n",
	"Mallory жазған:\n",
	"Mallory نوشته است:\n",
	"Mallory 於昨天寫到：\n",
	"어제 Mallory 이(가) 쓴 글:\n",
	/* that ends in a full stop, and another colon */
	"2026-03-02-ին, Mallory-ը գրեց.\n",
	"កាលពី 2026-03-02, Mallory បាន\u200bសរសេរ៖\n",
	/* a rule under words that end in a colon */
	"We have got your mail. It said:\n-----------------\n",
	"It said:\n=================\n",
};

static const char *const no_separators[] = {
	/* what the quoted text begins with, where it is marked */
	"On Mon, 2 Mar 2026 at 10:00, CA <acme@ca.test> wrote:\n> q\n> \n",
	"On Mon, 2 Mar 2026 at 10:00, CA <acme@ca.test> wrote:\n\n| q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <acme@ca.test> wrote:\n\n » q\n\n",
	"On 2 Mar 2026, CA\n<acme@ca.test>\nwrote:\n> quoted\n\n",
	"On 2 Mar 2026, CA <acme@ca.test>\nwrote:\n> quoted\n\nHere it is:\n",
	"\u202b2 במרץ 2026, CA <acme@ca.test>:\u202c\n> q\n\n",
	"acme@ca.test 写道：\n> q\n\n",
	"> q\n\n",
	"Hello,\n\n> q\n\nhere it is:\n",
	/* a signature above it */
	"-- \nAlice\nOn 2 Mar 2026, CA <a@ca.test> wrote:\n> q\n\n",
	"\n-- \nAlice\n\nOn 2 Mar 2026, CA <acme@ca.test> wrote:\n> q\n\n",
	"-- \r\nAlice, 1 2\r\n\r\n> q\r\n>\r\n",
	/* it looks like a field's name, and is none */
	"CA wrote:\n> q\n\n",
	"Certification Authority schrieb:\n\n> q\n\n",
	/* a date or a number, and "writes", but not together */
	"Order 4711, 2 mailboxes\n\nBelow is what my client writes\n\n",
	"Ticket 12345 / 2026\n\nThis is what certbot writes\n\n",
	"Hello,\n\nTicket 12345 / 2026\n\nThis is what certbot writes\n\n",
	"Below is what my client writes\n\nOrder 4711, 2 mailboxes\n",
	/* as Horde begins, but no name */
	"Quoting the lines my client printed:\n\n",
	/* nobody, and no time; no word for writing, or no colon behind it */
	"On Monday CA:\n\n",
	"What certbot wrote\n\n",
	"This is what was typewrote:\n\n",
	"Wrote: nothing.\n\n",
	"Grüße, hier ist sie:\n\n",
	"Here is the answer of 2026:\n\n",
	"Here is number 2 of 3.\n\n",
	"Here is the answer of alice2026, 10:0\n\n",
	"Tel: 1\nFax: 2\nWeb: b\n",
	"Original message of ours\n",
	"------=_=-_OpenGroupware_org_NGMime-1-1.1-0------\n",
	"-----\n",
	"_____\n",
	"-- \n",
	"------------------------------\nAlice\nExample Corp\n",
	"_____\nFrom: only one\n",
	"_____\nx\nx\nx\nFrom: a\nSent: b\n", /* too far */
	"Hello CA,\nthanks: see below.\n",
	"Dear CA:\nthe answer:\nbelow:\n",
	"From: a\nx\nTo: b\nDate: c\n",
	"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n",
	"https://ca.test/\nFrom here on:\n",
	"---- x\n",
	/* in quoted-printable: escapes are no numbers, a marked line goes on */
	"Gr=C3=BC=C3=9Fe=20=20:\n\n",
	"> q =\nof acme@ca.test, 10:00=\n:\n\n",
};

/* MA-61: what no attribution above marked lines looks like. */
static const char *const strange[] = {
	"    On Monday, March 2, 2026, CA <a@ca.test> wrote:\n> q\n",
	"\u00a0On 2 Mar 2026, CA <a@ca.test> wrote:\n> q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <a@ca.test> wrote: \n> q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <a@ca.test> wrote:\u00a0\n> q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <a@ca.test> wrote:\n \n> q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <a@ca.test> wrote:\n\u00a0\n> q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <a@ca.test> wrote\n> q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <a@ca.test> wrote: x\n> q\n\n",
	"On Mon, 2 Mar 2026 at 10:00, CA <a@ca.test> wrote:\n\nx\n> q\n\n",
	"What is this\nOn 2 Mar 2026 CA <a@ca.test> wrote:\n> q\n\n",
	"What is this, at 10:00?\nOn 2 Mar 2026 CA wrote:\n> q\n\n",
	"1 2\n1 2\n1 2\n1 2\n<a@ca.test> wrote:\n> q\n\n",
	"From: CA <a@ca.test>\nSubject:\n> q\n\n",
	"No.\n-- \nAlice\n\nOn 2 Mar 2026, CA <a@ca.test> wrote:\n> q\n\n",
	"-- \nAlice\n\nNo.\n\nOn 2 Mar 2026, CA <a@ca.test> wrote:\n> q\n\n",
	"-- \nAlice, 1 2\n\nCA wrote:\n",
	"-----CA <a@ca.test> wrote: -----\n> q\n\n",
};

/* MA-61: programs that break long lines leave the rest without a mark. */
#define FULL "a line in which nothing else has any room at all,"
#define FULL_WORD "a-word-that-has-no-blank-in-it-but-fifty-columns--"
static const char *const broken[] = {
	"On 2 Mar 2026, CA <a@ca.test> wrote:\n> " FULL "\n",
	"> " FULL " it says\n" FULL " or there\n" FULL "\n",
	"> " FULL "\n\u00a0\n",
	"> " FULL " it says\n" FULL "\n\u00a0\n",
	"> x\nhttps://ca.test/" FULL_WORD "\n",
	"> xxxxxxxxxxxx\n" FULL_WORD "\n",
	"> " FULL "\n      indented " FULL "\n",
	"> x\t\t\t\t\t\tx\n",
	"> x                                               \n",
	"> a\n\n> " FULL " or there\n" FULL "\n",
};

/* MA-61: the holder's answer right below marked lines. */
static const char *const answers[] = {
	"On 2 Mar 2026, CA <acme@ca.test> wrote:\n> a short line\n",
	"> " FULL "\n> and its end.\n",
	"> " FULL "\n>\n",
	"> " FULL "\n\nHere it is:\n",
	"> " FULL "\nHere it is:\n",
	FULL "\n",
	"> x\n\n" FULL "\n",
	"> a\u00a0\u00a0\n",
	/* of whose own words the first one had room above */
	"> x\n" FULL "\n",
	"> x\n" FULL "\n\u00a0\n",
	"> a line as long as\n" FULL "\n" FULL "\n",
	"> " FULL "\nno\n" FULL "\n",
	"> CA\nこちらが回答ですのでご確認下さい。\n",
	"> a\n\n> b\n" FULL "\n",
};

/* Below such lines a block does not count, above them it does. */
static void
check_quoting(const char *lines)
{
	uint8_t want[SHA256_LEN], got[SHA256_LEN];
	struct arena *a = unit_job()->arena;

	block_lab_digest(ONE, want);
	unit_case("%s", lines);
	assert_string_equal(
	    block_lab_code(span_str(arena_printf(
			       a, "I am away.\n\n%s\n" BLOCK(TWO), lines)),
		got),
	    "body.block-in-quote");
	assert_string_equal(
	    block_lab_code(span_str(arena_printf(
			       a, BLOCK(ONE) "\n%s\n" BLOCK(TWO), lines)),
		got),
	    "");
	assert_memory_equal(got, want, SHA256_LEN);
}

static void
test_separators(void **state)
{
	uint8_t got[SHA256_LEN];
	struct arena *a = unit_job()->arena;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(separators); i++) {
		check_quoting(separators[i]);
		assert_true(reply_has_separator(span_str(separators[i])));
	}
	for (i = 0; i < COUNT(introductions); i++)
		check_quoting(introductions[i]);
	for (i = 0; i < COUNT(strange); i++) {
		check_quoting(strange[i]);
		assert_string_equal(
		    block_lab_code(
			span_str(arena_printf(a, "%s" BLOCK(ONE), strange[i])),
			got),
		    "body.block-in-quote");
	}
	for (i = 0; i < COUNT(broken); i++) {
		unit_case("%s", broken[i]);
		assert_string_equal(
		    block_lab_code(
			span_str(arena_printf(a, "%s" BLOCK(ONE), broken[i])),
			got),
		    "body.block-in-quote");
		assert_string_equal(
		    block_lab_code(
			span_str(arena_printf(a, "%s\n" BLOCK(ONE), broken[i])),
			got),
		    "");
	}
	for (i = 0; i < COUNT(answers); i++) {
		unit_case("%s", answers[i]);
		assert_string_equal(
		    block_lab_code(
			span_str(arena_printf(a, "%s" BLOCK(ONE), answers[i])),
			got),
		    "");
	}
	for (i = 0; i < COUNT(no_separators); i++) {
		unit_case("no %zu: %s", i, no_separators[i]);
		assert_string_equal(
		    block_lab_code(span_str(arena_printf(
				       a, "%s" BLOCK(ONE), no_separators[i])),
			got),
		    "");
	}
}

/* CRLF counts as LF does: other readings are of the raw body (MA-59). */
static void
test_crlf(void **state)
{
	uint8_t digest[SHA256_LEN];

	(void)state;
	assert_string_equal(
	    block_lab_code(SPAN("-----BEGIN ACME RESPONSE-----\r\n" ONE
				"\r\n-----END ACME RESPONSE-----\r\n"),
		digest),
	    "");
	assert_string_equal(
	    block_lab_code(SPAN("-----Original Message-----\r\n"
				"-----BEGIN ACME RESPONSE-----\r\n" ONE
				"\r\n-----END ACME RESPONSE-----\r\n"),
		digest),
	    "body.block-in-quote");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_separators),
	cmocka_unit_test(test_crlf),
};

UNIT_MAIN(tests)
