#include "config.h"

#include "src/wording.h"

int
wording_load(const struct conf *conf, enum texts_kind kind,
    conf_report_fn *report, void *ctx, struct texts **out)
{
	const struct texts_source source = {
		.kind = kind,
		.folder = conf->sender.templates,
		.default_language = conf->sender.default_language,
		.ca_name = conf->ca_name,
		.help_url = conf->sender.help_url,
	};

	return texts_load(&source, report, ctx, out);
}

int
wording_check(const struct conf *conf, conf_report_fn *report, void *ctx)
{
	int result = 0;

	for (int kind = TEXTS_CHALLENGE; kind <= TEXTS_RENEWAL; kind++) {
		struct texts *texts = NULL;

		if (wording_load(
			conf, (enum texts_kind)kind, report, ctx, &texts) < 0)
			result = -1;
		texts_free(texts);
	}
	return result;
}
