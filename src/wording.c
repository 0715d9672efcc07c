#include "config.h"

#include "src/wording.h"

#include "mail/texts.h"

int
wording_load(const struct conf *conf, conf_report_fn *report, void *ctx,
    struct texts **out)
{
	const struct texts_source source = {
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
	struct texts *texts = NULL;

	if (wording_load(conf, report, ctx, &texts) < 0)
		return -1;
	texts_free(texts);
	return 0;
}
