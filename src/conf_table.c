#include "config.h"

#include "src/conf_table.h"

#include "db/store_order.h"
#include "lib/count.h"
#include "pki/profile_conf.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct conf, member)
#define IN_IMAP(member) offsetof(struct conf_imap, member)
#define IN_DOMAIN(member) offsetof(struct conf_domain, member)
#define IN_PROFILE(member) offsetof(struct conf_profile, member)
#define IN_ALLOW_LINT(member) offsetof(struct conf_allow_lint, member)
#define IN_OPEN_MPIC(member) offsetof(struct conf_open_mpic, member)
#define IN_LINTER(member) offsetof(struct conf_linter, member)
#define IN_FORMER(member) offsetof(struct conf_former, issuer.member)
#define IN_PERSPECTIVE(member) offsetof(struct conf_perspective, member)
#define DAY 86400

static void
inherit_domain(const struct conf *c, void *fresh)
{
	struct conf_domain *d = fresh;

	d->coverage = c->validator.coverage;
	d->require_dnssec = c->validator.require_dnssec;
	d->spf_if_to_unsigned = c->validator.spf_if_to_unsigned;
	d->smime = c->validator.smime;
}

static void
inherit_profile(const struct conf *c, void *fresh)
{
	(void)c;
	profile_defaults(fresh);
}

const struct conf_section conf_sections[] = {
	{ "imap", "a name", sizeof(struct conf_imap), AT(validator.imaps),
	    AT(validator.imap_count), false, NULL },
	{ "domain", "a domain", sizeof(struct conf_domain),
	    AT(validator.domains), AT(validator.domain_count), true,
	    inherit_domain },
	{ "profile", "a name", sizeof(struct conf_profile),
	    AT(profile_sections), AT(profile_section_count), true,
	    inherit_profile },
	{ "allow_lint", "the name of a lint", sizeof(struct conf_allow_lint),
	    AT(allow_lints), AT(allow_lint_count), true, NULL },
	{ "open_mpic", "a name", sizeof(struct conf_open_mpic),
	    AT(mpic.services), AT(mpic.service_count), false, NULL },
	{ "linter", "a name", sizeof(struct conf_linter), AT(linters),
	    AT(linter_count), true, NULL },
	{ "former_ca", "a name", sizeof(struct conf_former), AT(formers),
	    AT(former_count), false, NULL },
	{ "perspective", "a code", sizeof(struct conf_perspective),
	    AT(mpic.perspectives), AT(mpic.perspective_count), false, NULL },
};

const size_t conf_section_count = COUNT(conf_sections);

const struct conf_section *
conf_section_find(const char *name)
{
	for (size_t i = 0; i < conf_section_count; i++)
		if (strcmp(conf_sections[i].name, name) == 0)
			return &conf_sections[i];
	return NULL;
}

/* clang-format off */
const struct conf_option conf_options[] = {
	{ "", "mode", CONF_CHOICE, AT(mode), "private", 0, 0,
	    "private|public", false, false,
	    "private: an own hierarchy for own clients; public: every rule of "
	    "the Baseline Requirements holds." },
	{ "", "base_url", CONF_STRING, AT(base_url), NULL, 1, 255, NULL,
	    true, false,
	    "Prefix of every URL that the server hands out: https, lower-case "
	    "host, perhaps a port; no path, no slash at the end." },
	{ "", "ca_name", CONF_STRING, AT(ca_name), NULL, 1, 60, NULL, true,
	    true, "Who asks, in the words of the challenge mail." },
	{ "", "database", CONF_STRING, AT(database), NULL, 1, 1000, NULL,
	    true, false,
	    "sqlite:FILE, or postgresql: and a libpq connection string." },
	{ "", "database_password", CONF_PATH, AT(database_password_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with the password of the user that database names; read "
	    "before the rights of root are given up." },
	{ "", "user", CONF_STRING, AT(user), NULL, 1, 32, NULL, false, false,
	    "Whom the roles run as when the supervisor was started as root." },
	{ "", "isolation", CONF_CHOICE, AT(isolation), "use", 0, 0,
	    "use|require|off", false, false,
	    "Confines each role to the files and system calls that it needs; "
	    "use: as far as this kernel can; require: or does not start." },
	{ "", "log_level", CONF_STRING, AT(log_level), "info", 0, 0,
	    "error|warning|info|debug", false, true,
	    "The least important messages that are written." },
	{ "", "seal_key", CONF_PATH, AT(seal_key_file), NULL, 1, 1000, NULL,
	    true, false,
	    "File with the key that seals verdicts; read by the validator and "
	    "the issuer only." },
	{ "", "tos_url", CONF_STRING, AT(tos_url), NULL, 1, 1000, NULL, false,
	    true, "Terms of service that accounts must agree to." },
	{ "", "tos_sha256", CONF_STRING, AT(tos_sha256), NULL, 64, 64, NULL,
	    false, true,
	    "SHA-256 of the document at tos_url, in hexadecimal: recorded with "
	    "each agreement; another one is another version. Needed in public "
	    "mode." },
	{ "", "tos_binding", CONF_BOOL, AT(tos_binding), "no", 0, 0, NULL,
	    false, true,
	    "Refuses what accounts ask for that have agreed to other terms "
	    "than those at tos_url, or to another version; reading, "
	    "deactivation and revocation stay open. Must be yes in public "
	    "mode." },
	{ "", "tos_change_url", CONF_STRING, AT(tos_change_url), NULL, 1,
	    1000, NULL, false, true,
	    "A page that explains how to agree to changed terms; tos_url if "
	    "not set." },
	{ "", "website_url", CONF_STRING, AT(website_url), NULL, 1, 1000,
	    NULL, false, true, "A page about this CA, for the directory." },
	{ "", "report_address", CONF_STRING, AT(report_address), NULL, 3, 254,
	    NULL, false, true,
	    "Mail address for problems with certificates: /acme/help shows it, "
	    "a page that the directory names if website_url is not set." },

	{ "policy", "profile", CONF_STRING, AT(profile),
	    "mailbox-strict", 1, 32, NULL, false, true,
	    "The certificate profile of orders that name none." },
	{ "policy", "profiles", CONF_LIST, AT(profiles), NULL, 0, 0, NULL,
	    false, true,
	    "Profiles that are offered, the default one among them; empty: "
	    "that one only." },
	{ "policy", "profiles_stopped", CONF_LIST, AT(profiles_stopped), NULL,
	    0, 0, NULL, false, true,
	    "Profiles that are offered no more and whose earlier orders are "
	    "stopped too; without it those may finish." },
	{ "policy", "allow_not_after", CONF_LIST, AT(allow_not_after), NULL,
	    0, 0, NULL, false, true,
	    "Profiles whose orders may ask for notBefore and notAfter, never "
	    "for longer than the profile's certificates live." },
	{ "policy", "max_identifiers", CONF_INTEGER, AT(max_identifiers), "10",
	    1, ORDER_IDENTIFIERS_MAX, NULL, false, true,
	    "Mailboxes in one order, at most." },
	{ "policy", "utf8_mailboxes", CONF_BOOL, AT(utf8_mailboxes), "yes", 0,
	    0, NULL, false, true,
	    "Whether mailboxes with a non-ASCII local part are accepted; the "
	    "relay must offer SMTPUTF8 for them, and so must the server that "
	    "their replies and bounces are delivered to (Dovecot 2.3 does not, "
	    "lmtp_listen does)." },
	{ "policy", "allow_reserved_domains", CONF_BOOL,
	    AT(allow_reserved_domains), "no", 0, 0, NULL, false, true,
	    "Lets the reserved domains test, invalid, localhost, internal, "
	    "local, onion and arpa pass; for laboratories and private "
	    "networks. In public mode those below alt, example and each "
	    "top-level domain that libpsl does not know are refused too." },
	{ "policy", "compat_dns_mailbox", CONF_BOOL, AT(compat_dns_mailbox),
	    "yes", 0, 0, NULL, false, true,
	    "Takes an identifier of type dns that contains @ as a mailbox." },
	{ "policy", "preauthorization", CONF_BOOL, AT(preauthorization), "yes",
	    0, 0, NULL, false, true,
	    "Offers newAuthz: mailboxes are validated before there is an "
	    "order. Not offered while authz_valid_life is 0." },
	{ "policy", "accept_es512", CONF_BOOL, AT(accept_es512), "yes", 0, 0,
	    NULL, false, true,
	    "Whether account keys may be P-521 keys, signing with ES512." },
	{ "policy", "accept_rs256", CONF_BOOL, AT(accept_rs256), "yes", 0, 0,
	    NULL, false, true,
	    "Whether account keys may be RSA keys, signing with RS256." },
	{ "policy", "accept_eddsa", CONF_BOOL, AT(accept_eddsa), "yes", 0, 0,
	    NULL, false, true,
	    "Whether account keys may be Ed25519 keys." },
	{ "policy", "eab_required", CONF_BOOL, AT(eab_required), "no", 0, 0,
	    NULL, false, true,
	    "Whether a new account needs an external account binding; see "
	    "countersign eab new." },
	{ "policy", "share_keys", CONF_BOOL, AT(share_keys), "no", 0, 0, NULL,
	    false, true,
	    "Whether a key may stand in certificates of different accounts." },
	{ "policy", "weak_keys", CONF_PATH, AT(weak_keys), NULL, 1, 1000,
	    NULL, false, false,
	    "File of keys that everybody knows, which get no certificate; "
	    "tools/weak-keys makes it of published collections." },
	{ "policy", "allow", CONF_LIST, AT(allow), NULL, 0, 0, NULL, false,
	    true,
	    "Domains and mailboxes to issue for; empty: all of them." },
	{ "policy", "deny", CONF_LIST, AT(deny), NULL, 0, 0, NULL, false,
	    true,
	    "Domains and mailboxes never to issue for. Addresses of mailing "
	    "lists belong here, where a list signs what members write in its "
	    "own name and does not say that it is one." },
	{ "policy", "reserved_local_parts", CONF_LIST,
	    AT(reserved_local_parts), NULL, 0, 0, NULL, false, true,
	    "Local parts that stand for a function (postmaster, abuse, "
	    "hostmaster): mailboxes with one of them are refused but for those "
	    "in approved." },
	{ "policy", "approved", CONF_LIST, AT(approved), NULL, 0, 0, NULL,
	    false, true,
	    "Mailboxes that an admin has approved although their local part is "
	    "reserved." },
	{ "policy", "authz_pending_life", CONF_SECONDS, AT(authz_pending_life),
	    "24h", 600, DAY, NULL, false, true,
	    "Life of a pending authorization and of both token halves." },
	{ "policy", "authz_valid_life", CONF_SECONDS, AT(authz_valid_life),
	    "72h", 0, 30 * DAY - 3600, NULL, false, true,
	    "How long a finished validation may back further orders; 0: one "
	    "order only." },
	{ "policy", "order_life", CONF_SECONDS, AT(order_life), "72h", 3600,
	    30 * DAY, NULL, false, true, "Life of an order." },
	{ "policy", "retention", CONF_PERIOD, AT(retention), "2y6m", 2 * CONF_YEAR,
	    30 * CONF_YEAR, NULL, false, true,
	    "How long records are kept: each counts from when nothing stands on "
	    "it any more." },
	{ "policy", "retain_final", CONF_SECONDS, AT(retain_final), "30d", DAY,
	    400 * DAY, NULL, false, true,
	    "How long orders without a certificate and authorizations that "
	    "nobody answered stay after their end." },
	{ "policy", "challenge_mail_delay", CONF_SECONDS,
	    AT(challenge_mail_delay), "5s", 0, 60, NULL, false, true,
	    "Time between the order and its first challenge mail." },
	{ "policy", "challenge_mail_gap", CONF_SECONDS, AT(challenge_mail_gap),
	    "60s", 0, 3600, NULL, false, true,
	    "Time between the mails of an order of several mailboxes." },
	{ "policy", "renewal_explanation_url", CONF_STRING,
	    AT(renewal_explanation_url), NULL, 1, 1000, NULL, false, true,
	    "A page that says why a revoked certificate is to be renewed, for "
	    "renewal information." },
	{ "policy", "caa_identities", CONF_LIST, AT(caa_identities), NULL, 0,
	    0, NULL, false, true,
	    "Names in CAA issuemail records that stand for this CA." },
	{ "policy", "caa_enforce", CONF_BOOL, AT(caa_enforce), "yes", 0, 0,
	    NULL, false, true,
	    "no (private mode only): look CAA up and record it, refuse "
	    "nothing." },
	{ "policy", "caa_flag1_critical", CONF_BOOL, AT(caa_flag1_critical),
	    "yes", 0, 0, NULL, false, true,
	    "Reads the flag value 1 of a CAA record as critical too." },
	{ "policy", "caa_account_prefixes", CONF_LIST, AT(caa_account_prefixes),
	    NULL, 0, 0, NULL, false, true,
	    "Account URLs of this server before it had its present base_url, "
	    "each up to the account's id; a CAA accounturi may name one." },
	{ "policy", "caa_report", CONF_CHOICE, AT(caa_report), "none", 0, 0,
	    "none|mailto", false, true,
	    "Whether a refusal by CAA records is reported to a mailbox that "
	    "they name (iodef); https: URLs are not." },
	{ "policy", "caa_ignore_unknown", CONF_BOOL, AT(caa_ignore_unknown),
	    "no", 0, 0, NULL, false, true,
	    "Lets parameters of a CAA issuemail record be that are not known "
	    "here; no: such a record allows nothing." },

	{ "limits", "request_rate", CONF_INTEGER, AT(limits.request_rate),
	    "20", 1, 1000000, NULL, false, true,
	    "Requests a second of one client address." },
	{ "limits", "request_burst", CONF_INTEGER, AT(limits.request_burst),
	    "100", 1, 1000000, NULL, false, true,
	    "Requests that it may make at once." },
	{ "limits", "renewal_info_rate", CONF_INTEGER,
	    AT(limits.renewal_info_rate), "10", 1, 1000000, NULL, false, true,
	    "Questions a second about renewal of one client address." },
	{ "limits", "failed_authentications", CONF_RATES, AT(limits.failed_authentications),
	    "100/10m", 0, 0, NULL, false, true,
	    "Requests of one client address that do not prove who asks; "
	    "above it that address is refused for the same time. Not "
	    "several, as other limits." },
	{ "limits", "new_accounts", CONF_RATES, AT(limits.new_accounts),
	    "10/3h", 0, 0, NULL, false, true,
	    "Accounts made from one client address (IPv6: a /64 network)." },
	{ "limits", "new_accounts_net", CONF_RATES, AT(limits.new_accounts_net),
	    "100/3h", 0, 0, NULL, false, true,
	    "Accounts made from one IPv6 /48 network." },
	{ "limits", "pending_authorizations", CONF_INTEGER,
	    AT(limits.pending_authorizations), "100", 1, 100000, NULL, false,
	    true, "Validations of one account that wait for a reply." },
	{ "limits", "pending_per_mailbox", CONF_INTEGER,
	    AT(limits.pending_per_mailbox), "3", 1, 1000, NULL, false, true,
	    "Those of them for one mailbox." },
	{ "limits", "new_orders", CONF_RATES, AT(limits.new_orders),
	    "50/3h", 0, 0, NULL, false, true,
	    "Orders of one account." },
	{ "limits", "mails_to_mailbox", CONF_RATES, AT(limits.mails_to_mailbox),
	    "3/1h 6/24h", 0, 0, NULL, false, true,
	    "Challenge mails to one mailbox for all accounts that have never "
	    "proven it; no 24 hours see more than the second figure." },
	{ "limits", "mails_to_known_mailbox", CONF_RATES, AT(limits.mails_to_known_mailbox),
	    "10/24h", 0, 0, NULL, false, true,
	    "Challenge mails to one mailbox for an account that has proven "
	    "it." },
	{ "limits", "mails_to_domain", CONF_RATES, AT(limits.mails_to_domain),
	    "100/1h 500/24h", 0, 0, NULL, false, true,
	    "Challenge mails to one domain, and to its organisational domain." },
	{ "limits", "mails_by_account", CONF_RATES, AT(limits.mails_by_account),
	    "50/24h", 0, 0, NULL, false, true,
	    "Challenge mails caused by one account." },
	{ "limits", "mails_by_address", CONF_RATES, AT(limits.mails_by_address),
	    "30/24h", 0, 0, NULL, false, true,
	    "Challenge mails caused from one client address." },
	{ "limits", "mails_total", CONF_RATES, AT(limits.mails_total),
	    "2000/1h", 0, 0, NULL, false, true,
	    "Challenge mails in all; reaching it is an alarm." },
	{ "limits", "certificates", CONF_RATES, AT(limits.certificates),
	    "10/7d", 0, 0, NULL, false, true,
	    "Certificates for one mailbox." },
	{ "limits", "failed_validations", CONF_RATES, AT(limits.failed_validations),
	    "5/1h", 0, 0, NULL, false, true,
	    "Validations of one mailbox that failed for one account." },
	{ "limits", "key_reports", CONF_RATES, AT(limits.key_reports),
	    "10/1h 50/24h", 0, 0, NULL, false, true,
	    "Proofs from one client address that a key is compromised, of keys "
	    "that no certificate in force has; for others there is no such "
	    "limit. A key that is blocked already is answered, and nothing is "
	    "recorded." },
	{ "limits", "key_reports_total", CONF_RATES, AT(limits.key_reports_total),
	    "1000/24h", 0, 0, NULL, false, true,
	    "Such proofs in all." },
	{ "limits", "help_url", CONF_STRING, AT(limits.help_url), NULL, 1,
	    1000, NULL, false, true,
	    "Page about these limits, which their refusals name." },

	{ "web", "listen", CONF_LIST, AT(web.listen), NULL, 0, 0, NULL, true,
	    false, "Addresses and ports of the HTTPS server." },
	{ "web", "trusted_proxies", CONF_LIST, AT(web.trusted_proxies), NULL,
	    0, 0, NULL, false, false,
	    "Addresses and networks of proxies whose X-Forwarded-For is "
	    "believed." },
	{ "web", "status_listen", CONF_LIST, AT(web.status_listen), NULL, 0, 0,
	    NULL, false, false,
	    "Addresses and ports on which the files behind issuer.crl_url, "
	    "issuer.ca_issuers_url and issuer.ocsp_url are served over plain "
	    "HTTP, such as 0.0.0.0:80; unix:/path for a proxy on this "
	    "host." },
	{ "web", "tls_certificate", CONF_PATH, AT(web.tls_certificate), NULL,
	    1, 1000, NULL, false, true, "PEM chain of the HTTPS server." },
	{ "web", "tls_key", CONF_PATH, AT(web.tls_key), NULL, 1, 1000, NULL,
	    false, true, "PEM private key of the HTTPS server." },
	{ "web", "threads", CONF_INTEGER, AT(web.threads), "4", 1, 64, NULL,
	    false, false, "Threads that serve requests." },
	{ "web", "max_connections", CONF_INTEGER, AT(web.max_connections),
	    "2000", 16, 100000, NULL, false, false,
	    "Connections at one time." },
	{ "web", "max_per_address", CONF_INTEGER, AT(web.max_per_address),
	    "500", 1, 100000, NULL, false, false,
	    "Connections of one IPv4 address or IPv6 /64 network at one "
	    "time." },
	{ "web", "max_waiting", CONF_INTEGER, AT(web.max_waiting), "1000", 1,
	    100000, NULL, false, false,
	    "Requests that wait to be written; more are answered 503." },
	{ "web", "max_body", CONF_OCTETS, AT(web.max_body), "64K", 16384,
	    262144, NULL, false, true, "Octets in a request body." },
	{ "web", "body_timeout", CONF_SECONDS, AT(web.body_timeout), "15s", 2,
	    120, NULL, false, false,
	    "A whole request must have arrived in this time." },
	{ "web", "nonce_ttl", CONF_SECONDS, AT(web.nonce_ttl), "2h", 60, DAY,
	    NULL, false, false, "Life of a nonce." },
	{ "web", "finalize_wait", CONF_SECONDS, AT(web.finalize_wait), "2s", 0,
	    10, NULL, false, true,
	    "How long a finalize request may wait for its certificate." },
	{ "web", "eab_key_file", CONF_PATH, AT(web.eab_key_file), NULL, 1,
	    1000, NULL, false, false,
	    "File with the key that encrypts the secrets of external account "
	    "binding in the database." },
	{ "web", "database", CONF_STRING, AT(web.login.database), NULL, 1,
	    1000, NULL, false, false,
	    "postgresql: and the connection string that this role logs in with "
	    "as a user of its own; without it as all do." },
	{ "web", "database_password", CONF_PATH, AT(web.login.password_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with that user's password; read before the rights of root are "
	    "given up." },

	{ "admin", "required", CONF_BOOL, AT(admin_required), "no", 0, 0, NULL,
	    false, false,
	    "Commands that change something are an admin's, with two factors; "
	    "always so in public mode, and once there is an admin." },
	{ "admin", "listen", CONF_LIST, AT(admin.listen), NULL, 0, 0, NULL,
	    false, false,
	    "Addresses and ports, or unix: and the file of a socket, at which "
	    "admins find pages that show how the service stands; always with "
	    "TLS; without it there are none." },
	{ "admin", "tls_certificate", CONF_PATH, AT(admin.tls_certificate),
	    NULL, 1, 1000, NULL, false, true,
	    "Certificate of these pages and its chain, PEM." },
	{ "admin", "tls_key", CONF_PATH, AT(admin.tls_key), NULL, 1, 1000,
	    NULL, false, true, "Key of that certificate, PEM, private." },
	{ "admin", "session_idle", CONF_SECONDS, AT(admin.session_idle), "15m",
	    10, 3600, NULL, false, true,
	    "Whoever asks for no page for so long must log in again." },
	{ "admin", "database", CONF_STRING, AT(admin.login.database), NULL, 1,
	    1000, NULL, false, false,
	    "As web.database, for the role that shows these pages." },
	{ "admin", "database_password", CONF_PATH,
	    AT(admin.login.password_file), NULL, 1, 1000, NULL, false, false,
	    "As web.database_password." },

	{ "sender", "from", CONF_STRING, AT(sender.from), NULL, 3, 200, NULL,
	    true, false, "Address that challenge mails come from." },
	{ "sender", "reply_to", CONF_STRING, AT(sender.reply_to), NULL, 3, 200,
	    NULL, false, false,
	    "Address that challenge mails ask for the answer at (Reply-To), "
	    "and that bounces go to; sender.from if not set." },
	{ "sender", "tagged", CONF_BOOL, AT(sender.tagged), "yes", 0, 0, NULL,
	    false, true,
	    "Gives each challenge an address of its own (local+tag@domain) "
	    "for answers: sender.reply_to with a tag if that is set, else "
	    "sender.from with one. A bounce to an address without tag is only "
	    "shown to the client, and ends no challenge." },
	{ "sender", "relay_host", CONF_STRING, AT(sender.relay_host), NULL, 1,
	    253, NULL, true, false, "Mail relay." },
	{ "sender", "relay_port", CONF_INTEGER, AT(sender.relay_port), "25", 1,
	    65535, NULL, false, false, "Port of the relay." },
	{ "sender", "relay_tls", CONF_CHOICE, AT(sender.relay_tls),
	    "starttls", 0, 0, "none|starttls|implicit", false, false,
	    "starttls: TLS after a greeting in clear, usual on ports 25 and "
	    "587; implicit: TLS from the first octet, usual on port 465; none "
	    "is for a relay on this host." },
	{ "sender", "relay_ca_file", CONF_PATH, AT(sender.relay_ca_file), NULL,
	    1, 1000, NULL, false, false,
	    "Trust anchors for the relay; the system's if not set." },
	{ "sender", "relay_user", CONF_STRING, AT(sender.relay_user), NULL, 1,
	    255, NULL, false, false, "Login at the relay." },
	{ "sender", "relay_password", CONF_PATH,
	    AT(sender.relay_password_file), NULL, 1, 1000, NULL, false, false,
	    "File with the password for the relay." },
	{ "sender", "relay_auth", CONF_CHOICE, AT(sender.relay_auth), "auto",
	    0, 0, "auto|plain|login|scram|xoauth2|oauthbearer", false, false,
	    "How to log in; auto takes the best that the relay offers for a "
	    "password or for an access token, whichever is set." },
	{ "sender", "relay_token", CONF_PATH, AT(sender.relay_token_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with an access token instead of a password, which something "
	    "else keeps fresh; read at each login." },
	{ "sender", "relay_token_command", CONF_LIST,
	    AT(sender.relay_token_command), NULL, 0, 0, NULL, false, false,
	    "Command that prints an access token on its first line: an "
	    "absolute file name and its arguments, without a shell." },
	{ "sender", "relay_signs", CONF_BOOL, AT(sender.relay_signs), "no", 0,
	    0, NULL, false, false,
	    "Says that the relay signs with DKIM; otherwise a key of our own "
	    "is needed." },
	{ "sender", "relay_rewrites_message_id", CONF_BOOL,
	    AT(sender.relay_rewrites_message_id), "no", 0, 0, NULL, false,
	    true,
	    "Says that challenge mails get another Message-ID on their way, so "
	    "that the In-Reply-To of replies is only noted." },
	{ "sender", "dkim_rsa_selector", CONF_STRING,
	    AT(sender.dkim_rsa_selector), NULL, 1, 63, NULL, false, false,
	    "Selector of the RSA key." },
	{ "sender", "dkim_rsa_key", CONF_PATH, AT(sender.dkim_rsa_key), NULL,
	    1, 1000, NULL, false, false, "PEM file of the RSA key." },
	{ "sender", "dkim_ed25519_selector", CONF_STRING,
	    AT(sender.dkim_ed25519_selector), NULL, 1, 63, NULL, false, false,
	    "Selector of the Ed25519 key." },
	{ "sender", "dkim_ed25519_key", CONF_PATH,
	    AT(sender.dkim_ed25519_key), NULL, 1, 1000, NULL, false, false,
	    "PEM file of the Ed25519 key: a second signature." },
	{ "sender", "smime_certificate", CONF_PATH,
	    AT(sender.smime_certificate), NULL, 1, 1000, NULL, false, false,
	    "PEM file of the certificate that signs challenge mails with "
	    "S/MIME, and of each one's issuer after it." },
	{ "sender", "smime_key", CONF_PATH, AT(sender.smime_key), NULL, 1,
	    1000, NULL, false, false,
	    "PEM file of its private key." },
	{ "sender", "smime_header_protection", CONF_CHOICE,
	    AT(sender.smime_protection), "combined", 0, 0,
	    "combined|wrapped", false, true,
	    "How that signature covers the header: by copies of its fields, "
	    "or by a whole message inside." },
	{ "sender", "default_language", CONF_STRING,
	    AT(sender.default_language), "en", 2, 35, NULL, false, true,
	    "Language of the mail when the client names none that we have: "
	    "en, de, or one that sender.templates adds." },
	{ "sender", "templates", CONF_PATH, AT(sender.templates), NULL, 1,
	    1000, NULL, false, true,
	    "Folder with texts of the mail that replace the built-in ones or "
	    "add languages." },
	{ "sender", "help_url", CONF_STRING, AT(sender.help_url), NULL, 1,
	    200, NULL, false, true, "Help page that the mail may name." },
	{ "sender", "renewal_notice", CONF_SECONDS, AT(sender.renewal_notice),
	    "60d", 0, 10 * 365 * DAY, NULL, false, true,
	    "Mailboxes whose holders must answer a mail again are told when "
	    "the renewal window of a certificate opens that is valid for at "
	    "least so long; 0: nobody is told." },
	{ "sender", "database", CONF_STRING, AT(sender.login.database), NULL, 1,
	    1000, NULL, false, false,
	    "postgresql: and the connection string that this role logs in with "
	    "as a user of its own; without it as all do." },
	{ "sender", "database_password", CONF_PATH, AT(sender.login.password_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with that user's password; read before the rights of root are "
	    "given up." },

	{ "validator", "imap_host", CONF_STRING, AT(validator.imap.host), NULL,
	    1, 253, NULL, false, false,
	    "IMAP server of the mailbox that replies come to." },
	{ "validator", "imap_port", CONF_INTEGER, AT(validator.imap.port),
	    "993", 1, 65535, NULL, false, false, "Port of the IMAP server." },
	{ "validator", "imap_tls", CONF_CHOICE, AT(validator.imap.tls),
	    "implicit", 0, 0, "none|starttls|implicit", false, false,
	    "starttls or implicit; there is no IMAP without TLS here." },
	{ "validator", "imap_ca_file", CONF_PATH, AT(validator.imap.ca_file),
	    NULL, 1, 1000, NULL, false, false,
	    "Trust anchors for the IMAP server; the system's if not set." },
	{ "validator", "imap_user", CONF_STRING, AT(validator.imap.user), NULL,
	    1, 255, NULL, false, false, "Login at the IMAP server." },
	{ "validator", "imap_password", CONF_PATH,
	    AT(validator.imap.password_file), NULL, 1, 1000, NULL, false,
	    false, "File with the password for the IMAP server." },
	{ "validator", "imap_auth", CONF_CHOICE, AT(validator.imap.auth),
	    "auto", 0, 0, "auto|plain|login|scram|xoauth2|oauthbearer", false,
	    false, "How to log in; auto takes the best that is offered." },
	{ "validator", "imap_token_file", CONF_PATH,
	    AT(validator.imap.token_file), NULL, 1, 1000, NULL, false, false,
	    "File with an access token, in place of a password." },
	{ "validator", "imap_token_command", CONF_LIST,
	    AT(validator.imap.token_command), NULL, 1, 1000, NULL, false,
	    false, "Program, with its arguments, that prints such a token." },
	{ "validator", "imap_folder", CONF_STRING, AT(validator.imap.folder),
	    "INBOX", 1, 255, NULL, false, false, "Folder that is watched." },
	{ "validator", "disposal", CONF_CHOICE, AT(validator.imap.disposal),
	    "move", 0, 0, "move|flag|delete", false, false,
	    "What happens to a message that has its verdict." },
	{ "validator", "processed_folder", CONF_STRING,
	    AT(validator.imap.processed_folder), "Processed", 1, 255, NULL, false,
	    false, "Where such messages are moved." },
	{ "validator", "maildir", CONF_LIST, AT(validator.maildir), NULL, 0,
	    0, NULL, false, false,
	    "Maildirs that the mail server puts replies into, by absolute "
	    "path." },
	{ "validator", "maildir_line_ends", CONF_STRING,
	    AT(validator.maildir_line_ends), NULL, 0, 0, "lf|crlf", false,
	    true,
	    "How lines end in their files: lf are converted before a message "
	    "is read, crlf are not." },
	{ "validator", "lmtp_listen", CONF_LIST, AT(validator.lmtp_listen),
	    NULL, 0, 0, NULL, false, false,
	    "Sockets that the mail server delivers replies to by LMTP: "
	    "unix:FILE, or an address of this host itself and a port." },
	{ "validator", "lmtp_group", CONF_STRING, AT(validator.lmtp_group),
	    NULL, 1, 32, NULL, false, false,
	    "Group that may connect to such a Unix socket, beside the user of "
	    "the roles; that user's own if not set." },
	{ "validator", "max_message", CONF_OCTETS, AT(validator.max_message),
	    "256K", 16384, 4 * 1048576, NULL, false, true,
	    "Octets in a reply." },
	{ "validator", "coverage", CONF_CHOICE, AT(validator.coverage), "core",
	    0, 0, "core|present|rfc", false, true,
	    "How much of a reply's header its DKIM signature must cover." },
	{ "validator", "require_dnssec", CONF_BOOL,
	    AT(validator.require_dnssec), "no", 0, 0, NULL, false, true,
	    "Believes only DKIM keys that DNSSEC secures." },
	{ "validator", "trusted_authserv_id", CONF_STRING,
	    AT(validator.trusted_authserv_id), NULL, 1, 253, NULL, false, true,
	    "The name by which the own mail server signs "
	    "Authentication-Results. A failure that it recorded there holds "
	    "a reply back until a person has looked. Only for a server that "
	    "removes such fields of others." },
	{ "validator", "trusted_hops", CONF_INTEGER,
	    AT(validator.trusted_hops), "1", 1, 10, NULL, false, true,
	    "How many Received fields the own mail systems add to a reply; "
	    "only what stands above the last of them is theirs." },
	{ "validator", "spf_if_to_unsigned", CONF_BOOL,
	    AT(validator.spf_if_to_unsigned), "no", 0, 0, NULL, false, true,
	    "Wants an SPF pass of the From domain, recorded by the own mail "
	    "server, where the reply's To is not signed." },
	{ "validator", "smime", CONF_CHOICE, AT(validator.smime), "note", 0, 0,
	    "ignore|note|require", false, true,
	    "What S/MIME signatures on replies are: not looked at; verified "
	    "and recorded; needed beside DKIM." },
	{ "validator", "smime_roots", CONF_PATH, AT(validator.smime_roots),
	    NULL, 1, 1000, NULL, false, true,
	    "PEM file of the root certificates that signers of replies must "
	    "chain to; read again on SIGHUP." },
	{ "validator", "smime_revocation", CONF_CHOICE,
	    AT(validator.smime_revocation), "hard", 0, 0, "soft|hard|off",
	    false, true,
	    "Whether a signer's certificate must be known not to be revoked: "
	    "if a list can say so; always; never looked up." },
	{ "validator", "smime_crls", CONF_LIST, AT(validator.smime_crls),
	    NULL, 0, 0, NULL, false, true,
	    "Files of revocation lists, PEM or DER, for each CA below the "
	    "roots and the roots; read again on SIGHUP." },
	{ "validator", "dns_config", CONF_PATH, AT(validator.dns_config), NULL,
	    1, 1000, NULL, false, false,
	    "Configuration for the resolver, in the syntax of unbound.conf; in "
	    "public mode one option a line, and none that could except a zone "
	    "from DNSSEC: whom to ask, anchors of the root, how much memory, "
	    "and no includes." },
	{ "validator", "dns_second_config", CONF_PATH,
	    AT(validator.dns_second_config), NULL, 1, 1000, NULL, false, false,
	    "The same for a second resolver, by another way through the "
	    "network: a DKIM key counts only if both give the same." },
	{ "validator", "dns_trust_anchor", CONF_PATH,
	    AT(validator.dns_trust_anchor), NULL, 1, 1000, NULL, false, false,
	    "File with the DNSSEC trust anchor; the validator starts only with "
	    "one, here or in dns_config." },
	{ "validator", "dns_try_ms", CONF_INTEGER, AT(validator.dns_try_ms),
	    "5000", 100, 60000, NULL, false, true,
	    "Milliseconds for one look-up." },
	{ "validator", "dns_total_ms", CONF_INTEGER,
	    AT(validator.dns_total_ms), "20000", 100, 120000, NULL, false,
	    true, "Milliseconds for one look-up with all its tries." },
	{ "validator", "database", CONF_STRING, AT(validator.login.database), NULL, 1,
	    1000, NULL, false, false,
	    "postgresql: and the connection string that this role logs in with "
	    "as a user of its own; without it as all do." },
	{ "validator", "database_password", CONF_PATH, AT(validator.login.password_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with that user's password; read before the rights of root are "
	    "given up." },

	{ "imap", "host", CONF_STRING, IN_IMAP(host), NULL,
	    1, 253, NULL, true, false,
	    "IMAP server of a further mailbox that replies come to." },
	{ "imap", "port", CONF_INTEGER, IN_IMAP(port),
	    "993", 1, 65535, NULL, false, false, "Port of the IMAP server." },
	{ "imap", "tls", CONF_CHOICE, IN_IMAP(tls),
	    "implicit", 0, 0, "none|starttls|implicit", false, false,
	    "starttls or implicit; there is no IMAP without TLS here." },
	{ "imap", "ca_file", CONF_PATH, IN_IMAP(ca_file),
	    NULL, 1, 1000, NULL, false, false,
	    "Trust anchors for the IMAP server; the system's if not set." },
	{ "imap", "user", CONF_STRING, IN_IMAP(user), NULL,
	    1, 255, NULL, true, false, "Login at the IMAP server." },
	{ "imap", "password", CONF_PATH,
	    IN_IMAP(password_file), NULL, 1, 1000, NULL, false,
	    false, "File with the password for the IMAP server." },
	{ "imap", "auth", CONF_CHOICE, IN_IMAP(auth),
	    "auto", 0, 0, "auto|plain|login|scram|xoauth2|oauthbearer", false,
	    false, "How to log in; auto takes the best that is offered." },
	{ "imap", "token_file", CONF_PATH, IN_IMAP(token_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with an access token, in place of a password." },
	{ "imap", "token_command", CONF_LIST, IN_IMAP(token_command),
	    NULL, 1, 1000, NULL, false, false,
	    "Program, with its arguments, that prints such a token." },
	{ "imap", "folder", CONF_STRING, IN_IMAP(folder),
	    "INBOX", 1, 255, NULL, false, false, "Folder that is watched." },
	{ "imap", "disposal", CONF_CHOICE, IN_IMAP(disposal),
	    "move", 0, 0, "move|flag|delete", false, false,
	    "What happens to a message that has its verdict." },
	{ "imap", "processed_folder", CONF_STRING,
	    IN_IMAP(processed_folder), "Processed", 1, 255, NULL, false,
	    false, "Where such messages are moved." },

	{ "domain", "coverage", CONF_CHOICE, IN_DOMAIN(coverage), NULL, 0, 0,
	    "core|present|rfc", false, true,
	    "How much of the header the DKIM signature must cover; as "
	    "validator.coverage if not set." },
	{ "domain", "require_dnssec", CONF_BOOL, IN_DOMAIN(require_dnssec),
	    NULL, 0, 0, NULL, false, true,
	    "Believes only DKIM keys that DNSSEC secures; as "
	    "validator.require_dnssec if not set." },
	{ "domain", "accept_parent", CONF_BOOL, IN_DOMAIN(accept_parent), "no",
	    0, 0, NULL, false, true,
	    "Takes signatures of the organisational domain above for this "
	    "one's." },
	{ "domain", "allow_testing_key", CONF_BOOL,
	    IN_DOMAIN(allow_testing_key), "no", 0, 0, NULL, false, true,
	    "Believes DKIM keys whose record says t=y." },
	{ "domain", "spf_if_to_unsigned", CONF_BOOL,
	    IN_DOMAIN(spf_if_to_unsigned), NULL, 0, 0, NULL, false, true,
	    "Wants an SPF pass where the reply's To is not signed; as "
	    "validator.spf_if_to_unsigned if not set." },
	{ "domain", "smime", CONF_CHOICE, IN_DOMAIN(smime), NULL, 0, 0,
	    "ignore|note|require", false, true,
	    "What S/MIME signatures on replies are; as validator.smime if not "
	    "set." },
	{ "domain", "smime_instead_of_dkim", CONF_BOOL,
	    IN_DOMAIN(smime_instead_of_dkim), "no", 0, 0, NULL, false, true,
	    "Takes an S/MIME signature that protects From and Subject in "
	    "place of DKIM; for private networks without DKIM." },

	{ "profile", "description", CONF_STRING, IN_PROFILE(description), NULL,
	    1, 200, NULL, false, true, "One line for the directory." },
	{ "profile", "generation", CONF_CHOICE, IN_PROFILE(generation), NULL,
	    0, 0, "strict|multipurpose", false, true,
	    "By which rules for mailbox-validated certificates; those that "
	    "ship keep theirs if not set, others are strict." },
	{ "profile", "use", CONF_LIST, IN_PROFILE(use), NULL, 0, 0, NULL,
	    false, true,
	    "What certificates may be for: signing, encryption, dual (both "
	    "with one key); which of them, the key usage of the request says. "
	    "All of them if not set." },
	{ "profile", "keys", CONF_LIST, IN_PROFILE(keys), NULL, 0, 0, NULL,
	    false, true,
	    "Keys that are accepted: rsa-2048, rsa-3072, rsa-4096, p-256, "
	    "p-384, p-521, ed25519, ed448. All but the last three if not set: "
	    "few mail programs can use those." },
	{ "profile", "rsa_exponent", CONF_CHOICE, IN_PROFILE(rsa_exponent),
	    "65537", 0, 0, "65537|any", false, true,
	    "Public exponents of RSA keys that are accepted; any: odd ones "
	    "from 65537 to 2^256 - 1." },
	{ "profile", "subject", CONF_CHOICE, IN_PROFILE(subject), "cn", 0, 0,
	    "cn|email|cn+email|empty", false, true,
	    "Where in the subject the first mailbox stands: as commonName, as "
	    "emailAddress, as both, or nowhere." },
	{ "profile", "subject_number", CONF_BOOL, IN_PROFILE(subject_number),
	    "no", 0, 0, NULL, false, true,
	    "Adds a serialNumber to the subject: an id that is the same in all "
	    "certificates of an account and says nothing about it." },
	{ "profile", "non_repudiation", CONF_BOOL,
	    IN_PROFILE(non_repudiation), "no", 0, 0, NULL, false, true,
	    "Sets nonRepudiation in each certificate that signs, not only "
	    "where the request asks for it." },
	{ "profile", "client_auth", CONF_BOOL, IN_PROFILE(client_auth), "no",
	    0, 0, NULL, false, true,
	    "Adds clientAuth to the extended key usages; multipurpose only." },
	{ "profile", "policy", CONF_STRING, IN_PROFILE(policy), NULL, 3, 100,
	    NULL, false, true,
	    "OID of a policy of your own, in dots, beside the reserved one." },
	{ "profile", "smime_capabilities", CONF_LIST,
	    IN_PROFILE(smime_capabilities), NULL, 0, 0, NULL, false, true,
	    "What the holder's program can decrypt, the best first: "
	    "aes-256-gcm, aes-192-gcm, aes-128-gcm, aes-256-cbc, aes-192-cbc, "
	    "aes-128-cbc. Left out if not set." },
	{ "profile", "validity_days", CONF_INTEGER, IN_PROFILE(validity_days),
	    NULL, 1, 818, NULL, false, true,
	    "Validity of its certificates; issuer.validity_days if not set." },
	{ "profile", "reuse", CONF_BOOL, IN_PROFILE(reuse), "yes", 0, 0, NULL,
	    false, true,
	    "Lets a finished validation back its orders, as "
	    "policy.authz_valid_life says; no: each order mails its mailboxes "
	    "anew." },

	{ "allow_lint", "reason", CONF_STRING, IN_ALLOW_LINT(reason), NULL, 8,
	    200, NULL, true, true, "Why; it is written into the audit." },
	{ "allow_lint", "until", CONF_STRING, IN_ALLOW_LINT(until), NULL, 10,
	    10, NULL, true, true,
	    "The day from which it is refused again, as 2027-03-31." },

	{ "linter", "exec", CONF_LIST, IN_LINTER(exec), NULL, 0, 0, NULL, false,
	    true,
	    "Program, by absolute path, and its arguments; it reads what it is "
	    "to judge from its standard input: in PEM, and OCSP answers in "
	    "base64. The word %t stands for the template: MAILBOX-STRICT or "
	    "MAILBOX-MULTIPURPOSE for certificates, CRL or ARL for lists." },
	{ "linter", "url", CONF_STRING, IN_LINTER(url), NULL, 1, 200, NULL,
	    false, true,
	    "In its place: the http URL of a service on this machine that "
	    "speaks the API of pkimetal, as http://127.0.0.1:8080. Only an "
	    "address of the loopback is taken." },
	{ "linter", "lints", CONF_LIST, IN_LINTER(lints), NULL, 0, 0, NULL,
	    false, true,
	    "What it judges: certificate, responder, ca, crl, root-crl, ocsp. "
	    "If not set: certificate and responder, or certificate alone where "
	    "exec has the word %t." },
	{ "linter", "output", CONF_CHOICE, IN_LINTER(output), "zlint", 0, 0,
	    "zlint|pkilint", false, true,
	    "How the program's answer is read." },
	{ "linter", "version", CONF_LIST, IN_LINTER(version), NULL, 0, 0, NULL,
	    false, true,
	    "Program, by absolute path, and its arguments, that prints the "
	    "linter's version; run when countersignd starts. Needed with "
	    "exec." },
	{ "linter", "timeout", CONF_SECONDS, IN_LINTER(timeout), "5s", 1, 60,
	    NULL, false, true,
	    "When it has not answered by then, it has failed, and nothing is "
	    "signed; a program is killed." },
	{ "linter", "memory", CONF_OCTETS, IN_LINTER(memory), "2048M",
	    16777216, 68719476736, NULL, false, true,
	    "How much address space the program may use." },
	{ "linter", "read", CONF_LIST, IN_LINTER(read), NULL, 0, 0, NULL, false,
	    true,
	    "Folders that it reads besides /usr, /opt and that of its "
	    "program." },

	{ "mpic", "policy", CONF_CHOICE, AT(mpic.policy), "record", 0, 0,
	    "record|enforce", false, true,
	    "What it is that too few perspectives agree: record notes it, "
	    "enforce gives no certificate." },
	{ "mpic", "location", CONF_STRING, AT(mpic.location), NULL, 1, 60,
	    NULL, false, false,
	    "Where this validator is: latitude and longitude in degrees, as "
	    "in 50.11 8.68." },

	{ "mpic", "open_mpic_flat", CONF_BOOL, AT(mpic.open_mpic_flat), "no",
	    0, 0, NULL, false, false,
	    "Reads answers of a section open_mpic also in the form of the "
	    "specification's printed examples: without check_response, and "
	    "with the records in details.response." },
	{ "mpic", "dkim_via_dcv", CONF_BOOL, AT(mpic.dkim_via_dcv), "no", 0, 0,
	    NULL, false, false,
	    "Asks a section open_mpic for the DKIM key of a reply as well, by "
	    "a call that is meant for something else: whether a TXT record "
	    "contains a text. A key whose record has blanks in p= is not "
	    "found so, and counts as silent." },

	{ "open_mpic", "url", CONF_STRING, IN_OPEN_MPIC(url), NULL, 1, 1000,
	    NULL, true, false,
	    "The https URL of a service that speaks the Open MPIC API, before "
	    "/mpic: it asks the perspectives for CAA. Its API has no question "
	    "for DKIM keys: nobody is asked for them then, unless "
	    "mpic.dkim_via_dcv is set." },
	{ "open_mpic", "ca_file", CONF_PATH, IN_OPEN_MPIC(ca_file), NULL, 1,
	    1000, NULL, true, false,
	    "PEM certificates, one of which the service's TLS certificate "
	    "descends from." },
	{ "open_mpic", "key", CONF_PATH, IN_OPEN_MPIC(key), NULL, 1, 1000,
	    NULL, false, false,
	    "File with the key that the service knows us by, readable for the "
	    "roles." },
	{ "open_mpic", "bearer", CONF_BOOL, IN_OPEN_MPIC(is_bearer), "no", 0,
	    0, NULL, false, false,
	    "Sends that key as a bearer token, not in a field x-api-key." },

	{ "perspective", "url", CONF_STRING, IN_PERSPECTIVE(url), NULL, 1,
	    1000, NULL, false, false,
	    "Where it answers: https, with the path "
	    "/countersign/perspective/1. With a section open_mpic neither it "
	    "nor the files below are set." },
	{ "perspective", "rir", CONF_STRING, IN_PERSPECTIVE(rir), NULL, 1, 20,
	    NULL, true, false,
	    "The registry in whose region it is: afrinic, apnic, arin, lacnic "
	    "or ripe." },
	{ "perspective", "resolver_rir", CONF_STRING,
	    IN_PERSPECTIVE(resolver_rir), NULL, 1, 20, NULL, false, false,
	    "The same of the resolver that it asks, which must be the same "
	    "one; needed in public mode." },
	{ "perspective", "location", CONF_STRING, IN_PERSPECTIVE(location),
	    NULL, 1, 60, NULL, true, false,
	    "Where it is: latitude and longitude in degrees." },
	{ "perspective", "service", CONF_STRING, IN_PERSPECTIVE(service), NULL,
	    1, 60, NULL, false, false,
	    "Title of the section open_mpic whose service answers with this "
	    "code; each of them does if not set." },
	{ "perspective", "ca_file", CONF_PATH, IN_PERSPECTIVE(ca_file), NULL,
	    1, 1000, NULL, false, false,
	    "PEM certificates, one of which its TLS certificate descends "
	    "from." },
	{ "perspective", "certificate", CONF_PATH,
	    IN_PERSPECTIVE(certificate), NULL, 1, 1000, NULL, false, false,
	    "PEM certificate that the validator shows it." },
	{ "perspective", "key", CONF_PATH, IN_PERSPECTIVE(key), NULL, 1, 1000,
	    NULL, false, false,
	    "PEM private key of that certificate, readable for the roles." },

	{ "agent", "code", CONF_STRING, AT(agent.code), NULL, 1, 60, NULL,
	    true, false,
	    "The code by which validators know it: the title of their "
	    "section perspective." },
	{ "agent", "listen", CONF_LIST, AT(agent.listen), NULL, 0, 0, NULL,
	    true, false,
	    "Where it answers validators over TLS: addresses with a port." },
	{ "agent", "tls_certificate", CONF_PATH, AT(agent.tls_certificate),
	    NULL, 1, 1000, NULL, true, true,
	    "PEM certificate chain, the own certificate first." },
	{ "agent", "tls_key", CONF_PATH, AT(agent.tls_key), NULL, 1, 1000,
	    NULL, true, true, "PEM private key of that certificate." },
	{ "agent", "client_ca", CONF_PATH, AT(agent.client_ca), NULL, 1,
	    1000, NULL, true, false,
	    "PEM certificates of authorities: whose TLS client certificate "
	    "descends from one of them may ask." },
	{ "agent", "dns_config", CONF_PATH, AT(agent.dns_config), NULL, 1,
	    1000, NULL, false, false,
	    "An unbound.conf for the resolver, readable for the user." },
	{ "agent", "dns_trust_anchor", CONF_PATH, AT(agent.dns_trust_anchor),
	    NULL, 1, 1000, NULL, true, false,
	    "The root's trust anchor for DNSSEC, readable for the user." },
	{ "agent", "processes", CONF_INTEGER, AT(agent.processes), "16", 1,
	    64, NULL, false, false, "Questions that it works on at one time." },

	{ "evidence", "encrypt_to", CONF_PATH, AT(encrypt_to), NULL, 1, 1000,
	    NULL, false, false,
	    "Certificate, in PEM, that replies are encrypted to once no "
	    "certificate can be asked for with them; its key is kept elsewhere." },

	{ "issuer", "ca_certificate", CONF_PATH, AT(issuer.ca_certificate),
	    NULL, 1, 1000, NULL, true, false,
	    "PEM certificate of the issuing CA." },
	{ "issuer", "ca_chain", CONF_PATH, AT(issuer.ca_chain), NULL, 1, 1000,
	    NULL, true, false,
	    "PEM certificates above it, up to the root." },
	{ "issuer", "root_crl", CONF_PATH, AT(issuer.root_crl), NULL, 1, 1000,
	    NULL, false, true,
	    "Current list of the CA above, in DER, as countersign ca root-crl "
	    "makes it: served with that CA's certificate where the issuing "
	    "CA's own says, and watched, so that the next one is made in time. "
	    "Replace it by renaming; it is read again by itself." },
	{ "issuer", "alternate_chains", CONF_LIST, AT(issuer.alternate_chains),
	    NULL, 0, 0, NULL, false, false,
	    "PEM files with other chains to offer, by absolute path: what "
	    "follows the leaf, beginning with another certificate of the "
	    "issuing CA's key and name." },
	{ "issuer", "ca_key", CONF_PATH, AT(issuer.ca_key), NULL, 1, 1000,
	    NULL, false, false,
	    "Key of the issuing CA: encrypted PKCS#8, PEM. Needed unless "
	    "key_module is set or another CA issues (section external)." },
	{ "issuer", "ca_key_passphrase", CONF_PATH,
	    AT(issuer.ca_key_passphrase_file), NULL, 1, 1000, NULL, false,
	    false, "File with the passphrase of that key." },
	{ "issuer", "audit_key", CONF_PATH, AT(issuer.audit_key), NULL, 1,
	    1000, NULL, false, false,
	    "Private key, PEM, that signs the head of the audit once a day "
	    "and the gaps that purged records leave; without it they carry "
	    "only a seal, which the validator could make too. Needs "
	    "audit_public_keys." },
	{ "issuer", "audit_public_keys", CONF_PATH,
	    AT(issuer.audit_public_keys), NULL, 1, 1000, NULL, false, false,
	    "Public key of audit_key and those of the keys before it, PEM, "
	    "one behind the other." },
	{ "issuer", "key_module", CONF_PATH, AT(issuer.key.module), NULL, 1,
	    1000, NULL, false, false,
	    "PKCS#11 module of the token that holds the issuing CA's key." },
	{ "issuer", "key_token", CONF_STRING, AT(issuer.key.token), NULL, 1,
	    32, NULL, false, false, "Label of that token." },
	{ "issuer", "key_label", CONF_STRING, AT(issuer.key.label), NULL, 1,
	    255, NULL, false, false,
	    "Label of the key in the token (CKA_LABEL)." },
	{ "issuer", "key_id", CONF_STRING, AT(issuer.key.id), NULL, 2, 256,
	    NULL, false, false,
	    "Id of the key in the token (CKA_ID), hexadecimal." },
	{ "issuer", "key_pin", CONF_PATH, AT(issuer.key.pin_file), NULL, 1,
	    1000, NULL, false, false,
	    "File with the token's user PIN, read once at the start: mode "
	    "0400, of root if root starts the server." },
	{ "issuer", "key_pin_fd", CONF_INTEGER, AT(issuer.key.pin_fd), "0", 0,
	    CONF_PIN_FD_MAX, NULL, false, false,
	    "In place of key_pin: descriptor, 3 or higher, that countersignd "
	    "is started with, and reads to its end once; 0: none." },
	{ "issuer", "key_pin_ask", CONF_BOOL, AT(issuer.key.pin_ask), "no", 0,
	    0, NULL, false, false,
	    "In place of key_pin: countersignd asks for it at the terminal "
	    "that it is started from." },
	{ "issuer", "key_module_certificate", CONF_STRING,
	    AT(issuer.key.certificate), NULL, 1, 255, NULL, false,
	    false,
	    "Which validation the token has (FIPS 140-2 or 140-3 level 3, or "
	    "Common Criteria EAL 4 or higher, with its number); required in "
	    "public mode, and logged at each start." },
	{ "issuer", "validity_days", CONF_INTEGER, AT(issuer.validity_days),
	    "365", 1, 818, NULL, false, true, "Validity of certificates." },
	{ "issuer", "clock_allowance", CONF_SECONDS,
	    AT(issuer.clock_allowance), "5m", 0, 3600, NULL, false, true,
	    "How far notBefore lies in the past." },
	{ "issuer", "crl_url", CONF_STRING, AT(issuer.crl_url), NULL, 1, 128,
	    NULL, true, false,
	    "http URL of the revocation list, written into certificates." },
	{ "issuer", "ca_issuers_url", CONF_STRING, AT(issuer.ca_issuers_url),
	    NULL, 1, 128, NULL, false, false,
	    "http URL of the issuing CA's certificate. Needed in public mode, "
	    "unless another CA issues." },
	{ "issuer", "crl_file", CONF_PATH, AT(issuer.crl_file), NULL, 1, 1000,
	    NULL, false, false,
	    "Where each new list is written, for the web server behind "
	    "crl_url. Needed unless another CA issues." },
	{ "issuer", "crl_shards", CONF_INTEGER, AT(issuer.crl_shards), "1", 1,
	    256, NULL, false, false,
	    "Number of revocation lists that new certificates are spread "
	    "over; it can only grow, and from 1 only while no certificate "
	    "that has not expired names another URL than crl_url. One for "
	    "every 20000 certificates. The second one is /issuing-1.crl where "
	    "crl_url and crl_file say /issuing.crl." },
	{ "issuer", "ocsp_url", CONF_STRING, AT(issuer.ocsp_url), NULL, 1, 128,
	    NULL, false, false,
	    "http URL of the OCSP service, written into certificates; OCSP is "
	    "off without it." },
	{ "issuer", "ocsp_mode", CONF_CHOICE, AT(issuer.ocsp_mode),
	    "presigned", 0, 0, "presigned|live", false, false,
	    "How OCSP is answered: presigned, from answers that the issuer "
	    "signs in advance; nonces are ignored. live, by a process with a "
	    "key of its own as well: with a nonce, about several numbers, and "
	    "unknown for numbers that were never issued." },
	{ "issuer", "ocsp_folder", CONF_PATH, AT(issuer.ocsp_folder), NULL, 1,
	    1000, NULL, false, false,
	    "Folder for the files with these answers; it is made if its "
	    "parent is there." },
	{ "issuer", "ocsp_nonce_min", CONF_INTEGER, AT(issuer.ocsp_nonce_min),
	    "1", 1, 32, NULL, false, false,
	    "Octets of a nonce that is answered with ocsp_mode = live; "
	    "shorter ones are ignored." },
	{ "issuer", "max_live_answers", CONF_INTEGER,
	    AT(issuer.max_live_answers), "500", 8, 1000, NULL, false, false,
	    "Numbers a second that single clients are answered about with "
	    "ocsp_mode = live; who comes then is told to try later." },
	{ "issuer", "serial_octet", CONF_INTEGER, AT(issuer.serial_octet), "1",
	    1, 127, NULL, false, false,
	    "First octet of serial numbers: which issuer made them." },
	{ "issuer", "max_per_hour", CONF_INTEGER, AT(issuer.max_per_hour),
	    "1000", 1, 1000000, NULL, false, true,
	    "Certificates an hour above which issuance stops until it is resumed." },
	{ "issuer", "max_lists_per_hour", CONF_INTEGER,
	    AT(issuer.max_lists_per_hour), "0", 0, 1000000, NULL, false, true,
	    "Revocation lists an hour above which only one in 5 minutes is "
	    "signed for each shard, with what was revoked until then, until "
	    "countersign resume issuance --signing lists; 0: 800 for each "
	    "shard, which is more than are ever needed." },
	{ "issuer", "max_answers_per_hour", CONF_INTEGER,
	    AT(issuer.max_answers_per_hour), "0", 0, INT64_C(10000000000),
	    NULL, false, true,
	    "Signatures of OCSP answers an hour, two for each number, above "
	    "which only new certificates, new revocations and a renewal every "
	    "12 hours are signed, until countersign resume issuance --signing "
	    "answers; 0: four times what all numbers and max_per_hour new ones "
	    "need." },
	{ "issuer", "max_responders_per_hour", CONF_INTEGER,
	    AT(issuer.max_responders_per_hour), "0", 0, 1000000, NULL, false,
	    true,
	    "Certificates of OCSP responders an hour above which only one in "
	    "10 minutes is signed, until countersign resume issuance --signing "
	    "responders; 0: 500. The issuer makes one when it starts, and "
	    "every 15 days." },
	{ "issuer", "caa_max_age", CONF_SECONDS, AT(issuer.caa_max_age), "1h",
	    60, 8 * 3600, NULL, false, true,
	    "Age of a CAA check that may still back a signature." },
	{ "issuer", "database", CONF_STRING, AT(issuer.login.database), NULL, 1,
	    1000, NULL, false, false,
	    "postgresql: and the connection string that this role logs in with "
	    "as a user of its own; without it as all do." },
	{ "issuer", "database_password", CONF_PATH, AT(issuer.login.password_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with that user's password; read before the rights of root are "
	    "given up." },

	{ "signer", "network", CONF_CHOICE, AT(signer.network), "local", 0, 0,
	    "local|any|none", false, false,
	    "Sockets that the PKCS#11 modules may open: local ones (a daemon "
	    "of this machine: pcscd, p11-kit), any (a device in the network), "
	    "none." },
	{ "signer", "files", CONF_LIST, AT(signer.files), NULL, 0, 0, NULL,
	    false, false,
	    "Files and folders that the modules read and write besides "
	    "themselves and the system's libraries; without it those of "
	    "SoftHSM, if no other module is used, and else all whose modes "
	    "allow it: with isolation = require, and in public mode, that is "
	    "refused." },

	{ "responder", "key_module", CONF_PATH, AT(responder.key.module), NULL,
	    1, 1000, NULL, false, false,
	    "PKCS#11 module of the token that holds the key of live OCSP "
	    "answers; without it each start makes a key in memory." },
	{ "responder", "key_token", CONF_STRING, AT(responder.key.token), NULL,
	    1, 32, NULL, false, false,
	    "Label of that token, which has no key of a CA: not the label of a "
	    "CA's token if key_module is the file of its module, by whatever "
	    "path, or a copy." },
	{ "responder", "key_label", CONF_STRING, AT(responder.key.label), NULL,
	    1, 255, NULL, false, false,
	    "Label of the key in the token (CKA_LABEL)." },
	{ "responder", "key_id", CONF_STRING, AT(responder.key.id), NULL, 2,
	    128, NULL, false, false,
	    "Id of the key in the token (CKA_ID), hexadecimal." },
	{ "responder", "key_pin", CONF_PATH, AT(responder.key.pin_file), NULL,
	    1, 1000, NULL, false, false,
	    "File with the token's user PIN, as in section issuer; not a CA's "
	    "file, by whatever path." },
	{ "responder", "key_pin_fd", CONF_INTEGER, AT(responder.key.pin_fd),
	    "0", 0, CONF_PIN_FD_MAX, NULL, false, false,
	    "In place of key_pin, as in section issuer." },
	{ "responder", "key_pin_ask", CONF_BOOL, AT(responder.key.pin_ask),
	    "no", 0, 0, NULL, false, false,
	    "In place of key_pin, as in section issuer." },
	{ "responder", "key_module_certificate", CONF_STRING,
	    AT(responder.key.certificate), NULL, 1, 255, NULL, false, false,
	    "Which validation the token has, as in section issuer." },
	{ "responder", "network", CONF_CHOICE, AT(responder.reach.network),
	    "local", 0, 0, "local|any|none", false, false,
	    "Sockets that this module may open, as in section signer." },
	{ "responder", "files", CONF_LIST, AT(responder.reach.files), NULL, 0,
	    0, NULL, false, false,
	    "Files and folders that this module reads and writes besides "
	    "itself and the system's libraries: nothing else is open to it." },

	{ "former_ca", "ca_certificate", CONF_PATH, IN_FORMER(ca_certificate),
	    NULL, 1, 1000, NULL, true, false,
	    "PEM certificate of that issuing CA." },
	{ "former_ca", "ca_chain", CONF_PATH, IN_FORMER(ca_chain), NULL, 1,
	    1000, NULL, true, false,
	    "PEM certificates above it, up to the root." },
	{ "former_ca", "ca_key", CONF_PATH, IN_FORMER(ca_key), NULL, 1, 1000,
	    NULL, false, false,
	    "Its key: encrypted PKCS#8, PEM; or key_module; neither once the "
	    "key was destroyed." },
	{ "former_ca", "ca_key_passphrase", CONF_PATH,
	    IN_FORMER(ca_key_passphrase_file), NULL, 1, 1000, NULL, false,
	    false, "File with the passphrase of that key." },
	{ "former_ca", "key_module", CONF_PATH, IN_FORMER(key.module), NULL, 1,
	    1000, NULL, false, false,
	    "PKCS#11 module of the token that holds its key." },
	{ "former_ca", "key_token", CONF_STRING, IN_FORMER(key.token), NULL, 1,
	    32, NULL, false, false, "Label of that token." },
	{ "former_ca", "key_label", CONF_STRING, IN_FORMER(key.label), NULL, 1,
	    255, NULL, false, false,
	    "Label of the key in the token (CKA_LABEL)." },
	{ "former_ca", "key_id", CONF_STRING, IN_FORMER(key.id), NULL, 2, 256,
	    NULL, false, false,
	    "Id of the key in the token (CKA_ID), hexadecimal." },
	{ "former_ca", "key_pin", CONF_PATH, IN_FORMER(key.pin_file), NULL, 1,
	    1000, NULL, false, false, "File with the token's user PIN." },
	{ "former_ca", "key_pin_fd", CONF_INTEGER, IN_FORMER(key.pin_fd), "0",
	    0, CONF_PIN_FD_MAX, NULL, false, false,
	    "In place of key_pin, as in section issuer." },
	{ "former_ca", "key_pin_ask", CONF_BOOL, IN_FORMER(key.pin_ask), "no",
	    0, 0, NULL, false, false,
	    "In place of key_pin, as in section issuer." },
	{ "former_ca", "key_module_certificate", CONF_STRING,
	    IN_FORMER(key.certificate), NULL, 1, 255, NULL, false,
	    false, "Which validation the token has, as in section issuer." },
	{ "former_ca", "crl_url", CONF_STRING, IN_FORMER(crl_url), NULL, 1,
	    128, NULL, true, false,
	    "http URL of its revocation list, as its certificates have it." },
	{ "former_ca", "ca_issuers_url", CONF_STRING,
	    IN_FORMER(ca_issuers_url), NULL, 1, 128, NULL, false, false,
	    "http URL of its certificate, as its certificates have it." },
	{ "former_ca", "crl_file", CONF_PATH, IN_FORMER(crl_file), NULL, 1,
	    1000, NULL, true, false,
	    "File of its revocation list; not another CA's, by whatever "
	    "path." },
	{ "former_ca", "crl_shards", CONF_INTEGER, IN_FORMER(crl_shards), "1",
	    1, 256, NULL, false, false, "Number of its revocation lists." },
	{ "former_ca", "ocsp_url", CONF_STRING, IN_FORMER(ocsp_url), NULL, 1,
	    128, NULL, false, false,
	    "http URL of its OCSP service, as its certificates have it; it may "
	    "be that of section issuer." },
	{ "former_ca", "ocsp_folder", CONF_PATH, IN_FORMER(ocsp_folder), NULL,
	    1, 1000, NULL, false, false,
	    "Folder for the files with its answers." },

	{ "external", "kind", CONF_CHOICE, AT(external.kind), "none", 0, 0,
	    "none|hook|acme|cmp", false, false,
	    "Who issues: the issuer itself, another CA through a program, or "
	    "another CA through ACME (RFC 8555) or CMP (RFC 9810)." },
	{ "external", "user", CONF_STRING, AT(external.user), NULL, 1, 32,
	    NULL, false, false,
	    "Whom the role that calls the other CA runs as, and its program, "
	    "when the supervisor was started as root; the user of the other "
	    "roles if not set." },
	{ "external", "same_operator", CONF_BOOL, AT(external.same_operator),
	    "no", 0, 0, NULL, false, false,
	    "States that whoever runs this server runs that CA as well; public "
	    "mode needs it." },
	{ "external", "max_wait", CONF_SECONDS, AT(external.max_wait), "24h",
	    60, 30 * DAY, NULL, false, true,
	    "How long an order waits for the other CA." },
	{ "external", "hook", CONF_LIST, AT(external.hook), NULL, 0, 0, NULL,
	    false, false,
	    "Program, by absolute path, and its arguments, that hands requests "
	    "to the other CA." },
	{ "external", "hook_timeout", CONF_SECONDS, AT(external.hook_timeout),
	    "60s", 1, 60, NULL, false, true,
	    "How long the program may take for one answer." },
	{ "external", "directory", CONF_STRING, AT(external.directory), NULL,
	    1, 1000, NULL, false, false,
	    "https URL of the other CA's ACME directory." },
	{ "external", "profile", CONF_STRING, AT(external.profile), NULL, 1,
	    255, NULL, false, false,
	    "One of the certificate profiles that its directory names; its "
	    "default if not set." },
	{ "external", "ca_file", CONF_PATH, AT(external.ca_file), NULL, 1,
	    1000, NULL, false, false,
	    "Trust anchors for its TLS certificate; the system's if not set." },
	{ "external", "account_key", CONF_PATH, AT(external.account_key),
	    NULL, 1, 1000, NULL, false, false,
	    "File with the key of the account there: P-256, PEM, mode 0600." },
	{ "external", "accept_terms", CONF_BOOL, AT(external.accept_terms),
	    "no", 0, 0, NULL, false, false,
	    "Agrees to that CA's terms of service when the account is made." },
	{ "external", "eab_kid", CONF_STRING, AT(external.eab_kid), NULL, 1,
	    255, NULL, false, false,
	    "Key identifier for external account binding there." },
	{ "external", "eab_key_file", CONF_PATH, AT(external.eab_key_file),
	    NULL, 1, 1000, NULL, false, false,
	    "File with that key, in base64url, mode 0600." },
	{ "external", "cmp_url", CONF_STRING, AT(external.cmp_url), NULL, 1,
	    1000, NULL, false, false,
	    "http or https URL that takes CMP messages (RFC 9811)." },
	{ "external", "cmp_request", CONF_CHOICE, AT(external.cmp_request),
	    "cr", 0, 0, "cr|ir", false, false,
	    "Which CMP request asks for a certificate; ask that CA." },
	{ "external", "cmp_certificate", CONF_PATH,
	    AT(external.cmp_certificate), NULL, 1, 1000, NULL, false, false,
	    "File with our certificate as a registration authority of that "
	    "CA, and those above it, PEM." },
	{ "external", "cmp_key", CONF_PATH, AT(external.cmp_key), NULL, 1,
	    1000, NULL, false, false,
	    "File with its key, PEM, mode 0600." },
	{ "external", "cmp_server", CONF_PATH, AT(external.cmp_server), NULL,
	    1, 1000, NULL, false, false,
	    "File with the certificate that protects that CA's CMP answers, "
	    "PEM: no other is believed." },
	{ "external", "database", CONF_STRING, AT(external.login.database), NULL,
	    1, 1000, NULL, false, false,
	    "postgresql: and the connection string that this role logs in with "
	    "as a user of its own; without it as all do." },
	{ "external", "database_password", CONF_PATH,
	    AT(external.login.password_file), NULL, 1, 1000, NULL, false, false,
	    "File with that user's password; read before the rights of root are "
	    "given up." },
};
/* clang-format on */

const size_t conf_option_count = COUNT(conf_options);
