#include "config.h"

#include "mail/reply_wrote.h"

#include "lib/utf8.h"

#define W(words)                                                               \
	{                                                                      \
		words, sizeof(words) - 1                                       \
	}

static const struct span verbs[] = {
	/* English */
	W("wrote"),
	W("writes"),
	/* German */
	W("schrieb"),
	W("schreibt"),
	W("schrieben"),
	W("geschrieben"),
	/* French */
	W("a écrit"),
	W("écrit"),
	W("a ecrit"),
	W("écrivait"),
	/* Spanish */
	W("escribió"),
	W("escribio"),
	W("escribe"),
	W("escrito"),
	/* Catalan */
	W("va escriure"),
	W("escrigué"),
	/* Galician, Portuguese */
	W("escribiu"),
	W("escreveu"),
	/* Basque */
	W("idatzi du"),
	W("idatzi zuen"),
	/* Italian */
	W("ha scritto"),
	W("scrisse"),
	W("scrive"),
	/* Romanian */
	W("a scris"),
	/* Dutch */
	W("schreef"),
	W("geschreven"),
	/* Danish, Norwegian, Swedish */
	W("skrev"),
	W("skrevet"),
	W("skrivit"),
	/* Icelandic */
	W("skrifaði"),
	/* Finnish */
	W("kirjoitti"),
	/* Estonian */
	W("kirjutas"),
	/* Latvian */
	W("rakstīja"),
	/* Lithuanian */
	W("rašė"),
	W("parašė"),
	/* Polish */
	W("napisał"),
	W("napisała"),
	W("napisał(a)"),
	W("napisał/a"),
	W("pisze"),
	/* Czech */
	W("napsal"),
	W("napsala"),
	W("napsal(a)"),
	W("napsal/a"),
	/* Slovak */
	W("napísal"),
	W("napísala"),
	W("napísal(a)"),
	/* Hungarian */
	W("írta"),
	/* Croatian, Bosnian, Serbian */
	W("napisao"),
	W("napisala"),
	W("napisao/la"),
	W("napisao je"),
	W("napisala je"),
	W("је написао"),
	W("је написала"),
	W("пише"),
	/* Slovene */
	W("napisal"),
	W("napisal/-a"),
	W("napisal/a"),
	/* Turkish */
	W("yazdı"),
	W("yazmış"),
	/* Greek */
	W("έγραψε"),
	/* Russian */
	W("написал"),
	W("написала"),
	W("написал(а)"),
	W("писал"),
	W("писал(а)"),
	W("пишет"),
	/* Ukrainian */
	W("написав"),
	W("написав(ла)"),
	/* Bulgarian */
	W("написа"),
	/* Hebrew */
	W("כתב"),
	W("כתבה"),
	W("כתב/ה"),
	/* Arabic */
	W("كتب"),
	W("كتبت"),
	/* Hindi */
	W("ने लिखा"),
	/* Thai */
	W("เขียนว่า"),
	/* Vietnamese */
	W("đã viết"),
	/* Indonesian, Malay */
	W("menulis"),
	/* Japanese */
	W("のメール"),
	W("さんは書きました"),
	/* Chinese */
	W("写道"),
	W("寫道"),
	/* Korean */
	W("작성"),
	W("님이 작성"),
};

/* Of Horde's programs, which put the name behind them. */
static const struct span openings[] = {
	/* English */
	W("Quoting "),
	/* German */
	W("Zitat von "),
	/* French */
	W("Citation de "),
	W("Quoting de "),
	/* Spanish, Catalan, Galician, Portuguese */
	W("Citando "),
	W("Mensaje citado por "),
	W("Missatge citat per "),
	W("Quoting por "),
	/* Italian */
	W("Citazione "),
	W("Scrive "),
	W("Def. Quota "),
	/* Dutch */
	W("Citeren "),
	W("Quoten "),
	/* Danish, Norwegian, Swedish */
	W("Citat fra "),
	W("Citerer "),
	W("Siterer "),
	W("Sitat "),
	W("Citerar "),
	W("Citat från "),
	/* Finnish, Estonian */
	W("Lainaus "),
	W("Tsitaat "),
	/* Polish, Czech, Slovak, Slovene */
	W("Cytowanie "),
	W("Cytat "),
	W("Cituji "),
	W("Citace "),
	W("Citát "),
	W("Citiram "),
	/* Hungarian */
	W("Idézet "),
	W("Idézés "),
	/* Turkish */
	W("Alıntı "),
	/* Russian, Ukrainian */
	W("Цитирую "),
	W("Цитирование "),
	W("Цитата "),
	W("Цитую "),
};

/* As a word, where words have blanks between them: "typewrote" is none. */
static bool
ends_with_word(struct span s, struct span word)
{
	size_t before;

	if (s.n < word.n)
		return false;
	before = s.n - word.n;
	return span_caseeq(span_from(s, before), word) &&
	       (before == 0 || !ascii_is_alpha(word.p[0]) ||
		   !ascii_is_alpha(s.p[before - 1]));
}

/*
 * "Quoting the lines my client printed": small letters and blanks, of three
 * words or more.  Horde puts what From says behind its words, with the address
 * unless somebody has set that otherwise; and a name has a capital letter, a
 * sign, or letters of another script.
 */
static bool
is_sentence(struct span s)
{
	size_t blanks = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ')
			blanks++;
		else if (s.p[i] < 'a' || s.p[i] > 'z')
			return false;
	}
	return blanks >= 2;
}

bool
reply_says_wrote(struct span words)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (ends_with_word(words, verbs[i]))
			return true;
	words = utf8_trim(words);
	while (words.n > 0 && (words.p[0] == '*' || words.p[0] == '_'))
		words = span_from(words, 1);
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		if (span_casestarts(words, openings[i]))
			return !is_sentence(span_from(words, openings[i].n));
	return false;
}
