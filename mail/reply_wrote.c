#include "config.h"

#include "mail/reply_wrote.h"

#include "lib/count.h"
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
	W("ha escrit"),
	/* Occitan, Romansh, Friulian */
	W("escriguèt"),
	W("escrich"),
	W("ha scrit"),
	W("à scrit"),
	/* Galician, Portuguese */
	W("escribiu"),
	W("escreveu"),
	/* Basque */
	W("idatzi du"),
	W("idatzi zuen"),
	W("idatzita"),
	/* Italian */
	W("ha scritto"),
	W("scrisse"),
	W("scrive"),
	/* Romanian */
	W("a scris"),
	/* Dutch */
	W("schreef"),
	W("geschreven"),
	/* Frisian, Afrikaans, Luxembourgish */
	W("skreau"),
	W("skryf"),
	W("schreift"),
	/* Danish, Norwegian, Swedish */
	W("skrev"),
	W("skrevet"),
	W("skrivit"),
	W("skreiv"),
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
	W("napísal/a"),
	/* Hungarian */
	W("írta"),
	/* Croatian, Bosnian, Serbian */
	W("napisao"),
	W("napisala"),
	W("napisao/la"),
	W("napisao je"),
	W("napisala je"),
	W("napisao(la)"),
	W("piše"),
	W("је написао"),
	W("је написала"),
	W("пише"),
	/* Slovene */
	W("napisal"),
	W("napisal/-a"),
	W("napisal/a"),
	W("napisal(a)"),
	W("sporoča"),
	/* Sorbian */
	W("napisa"),
	/* Turkish */
	W("yazdı"),
	W("yazmış"),
	/* Azerbaijani, Uzbek, Kazakh */
	W("yazıb"),
	W("yozdi"),
	W("жазған"),
	/* Albanian */
	W("shkroi"),
	W("ka shkruar"),
	/* Esperanto */
	W("skribis"),
	/* Armenian: its end is a full stop */
	W("գրել է."),
	W("գրեց."),
	/* Georgian */
	W("წერს"),
	W("დაწერა"),
	/* Kabyle */
	W("yura"),
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
	/* Belarusian, Macedonian */
	W("напісаў"),
	W("напиша"),
	/* Bulgarian */
	W("написа"),
	/* Hebrew */
	W("כתב"),
	W("כתבה"),
	W("כתב/ה"),
	/* Arabic */
	W("كتب"),
	W("كتبت"),
	/* Persian */
	W("نوشته است"),
	W("نوشته بود"),
	W("نوشت"),
	/* Hindi */
	W("ने लिखा"),
	W("लिखा"),
	/* Thai */
	W("เขียนว่า"),
	/* Vietnamese */
	W("đã viết"),
	W("viết"),
	/* Indonesian, Malay */
	W("menulis"),
	W("membalas"),
	/* Japanese */
	W("のメール"),
	W("さんは書きました"),
	/* Chinese */
	W("写道"),
	W("寫道"),
	W("寫到"),
	W("寫下"),
	W("提到"),
	/* Korean */
	W("작성"),
	W("님이 작성"),
	W("쓴 글"),
	W("쓴 내용"),
	/* Khmer */
	W("បាន​សរសេរ"),
	W("បាន​សរសេរ​ថា"),
};

/* Of Horde's programs, and in languages in which the verb comes first: the name
 * stands behind them. */
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
	W("S'està citant "),
	W("Estase citando "),
	/* Italian */
	W("Citazione "),
	W("Scrive "),
	W("Def. Quota "),
	/* Dutch */
	W("Citeren "),
	W("Quoten "),
	/* Danish, Norwegian, Swedish */
	W("Citat fra "),
	W("Citat af "),
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
	/* Greek, Icelandic, Latvian, Persian */
	W("Παραθέτοντας από "),
	W("Vísa til "),
	W("Citēju "),
	W("نقل قول "),
	/* Japanese, Chinese, Khmer */
	W("引用 "),
	W("引述 "),
	W("សម្រង់ "),
	/* Arabic, Hebrew */
	W("كتب "),
	W("נכתב על ידי "),
	/* Welsh, Irish, Scottish Gaelic, Breton */
	W("Ysgrifennodd "),
	W("Scríobh "),
	W("Sgrìobh "),
	W("Skrivet eo bet gant "),
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
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (ends_with_word(words, verbs[i]))
			return true;
	words = utf8_trim(words);
	while (words.n > 0 && (words.p[0] == '*' || words.p[0] == '_'))
		words = span_from(words, 1);
	for (size_t i = 0; i < COUNT(openings); i++)
		if (span_casestarts(words, openings[i]))
			return !is_sentence(span_from(words, openings[i].n));
	return false;
}
