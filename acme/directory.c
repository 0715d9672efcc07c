#include "config.h"

#include "acme/directory.h"

#include "acme/acme.h"
#include "acme/offer.h"
#include "acme/policy.h"
#include "acme/response.h"
#include "lib/conf.h"
#include "lib/json.h"
#include "pki/profile.h"

static void
add_url(struct json_out *o, const struct acme *a, struct job *j,
    const char *name, const char *path)
{
	json_member_str(o, name, acme_url(a, j, path, ""));
}

static void
add_caa_identities(struct json_out *o, const struct conf_list *list)
{
	if (list->n == 0)
		return;
	json_key(o, "caaIdentities");
	json_array_begin(o);
	for (size_t i = 0; i < list->n; i++)
		json_put_string(o, span_str(list->v[i]));
	json_array_end(o);
}

/* AC-161 */
static void
add_profiles(struct json_out *o, const struct conf *conf)
{
	const char *name;

	json_key(o, "profiles");
	json_object_begin(o);
	for (size_t i = 0; (name = profile_offered(conf, i)) != NULL; i++) {
		const struct profile *p = profile_find(conf, span_str(name));

		if (p != NULL)
			json_member_str(o, p->name, p->description);
	}
	json_object_end(o);
}

/* AC-62: what is not set is left out.  PK-184: without a page of the CA's own
 * the one that is served here says where problems are reported. */
static void
add_meta(struct json_out *o, const struct acme *a, struct job *j)
{
	const struct conf *conf = a->conf;

	json_key(o, "meta");
	json_object_begin(o);
	if (conf->tos_url != NULL)
		json_member_str(o, "termsOfService", conf->tos_url);
	if (conf->website_url != NULL)
		json_member_str(o, "website", conf->website_url);
	else if (conf->report_address != NULL)
		add_url(o, a, j, "website", PATH_HELP);
	add_caa_identities(o, &conf->caa_identities);
	json_member_bool(o, "externalAccountRequired", conf->eab_required);
	add_profiles(o, conf);
	json_object_end(o);
}

int
directory_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct json_out o;

	(void)req;
	response_object(resp, 200, &o);
	add_url(&o, a, j, "newNonce", PATH_NEW_NONCE);
	add_url(&o, a, j, "newAccount", PATH_NEW_ACCOUNT);
	add_url(&o, a, j, "newOrder", PATH_NEW_ORDER);
	if (policy_offers_new_authz(a->conf))
		add_url(&o, a, j, "newAuthz", PATH_NEW_AUTHZ);
	add_url(&o, a, j, "revokeCert", PATH_REVOKE);
	add_url(&o, a, j, "renewalInfo", PATH_RENEWAL);
	add_url(&o, a, j, "keyChange", PATH_KEY_CHANGE);
	add_meta(&o, a, j);
	json_object_end(&o);
	return 0;
}

int
nonce_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	(void)a;
	(void)j;
	resp->status = req->method == METHOD_HEAD ? 200 : 204;
	return 0;
}
