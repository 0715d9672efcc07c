#include "config.h"

#include "src/relay.h"

#include "lib/conf.h"
#include "lib/fdio.h"
#include "mail/submit.h"
#include "src/role.h"

#define PASSWORD_MAX 1024

int
relay_new(struct job *j, const struct conf_sender *conf, int64_t timeout_ms,
    struct submit **out)
{
	struct submit_conf relay = { .host = conf->relay_host,
		.port = conf->relay_port,
		.tls = conf->relay_tls,
		.ca_file = conf->relay_ca_file,
		.user = conf->relay_user,
		.auth = conf->relay_auth,
		.token = { .file = conf->relay_token_file,
		    .command = conf->relay_token_command },
		.timeout_ms = timeout_ms,
		.is_ending = role_is_stopping };

	if (conf->relay_password_file != NULL &&
	    file_read_secret(j, conf->relay_password_file, PASSWORD_MAX,
		&relay.password) < 0)
		return -1;
	return submit_new(j, &relay, out);
}
