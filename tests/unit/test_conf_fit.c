/*
 * Options of the configuration file that do not fit each other, the way in
 * which mails go, or what another CA or public mode needs: each is told of with
 * its line and what would be right.  PK-9, PK-112, PK-195, PK-221, PK-222,
 * MA-3, MA-30, MA-102.
 */
#include "config.h"

#include "tests/unit/conf_lab.h"

#include "lib/count.h"

#define SHA256_TEXT                                                            \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10

#define CRL_URL "\tcrl_url = \"http://crl.ca.example/ca.crl\"\n"
#define FIT_URL                                                                \
	"; certificates take URLs such as http://crl.example.org/ca.crl "      \
	"(PK-133)\n"
#define FIT_PREFIX                                                             \
	"conf:28: policy.caa_account_prefixes: each must be a URL that ends "  \
	"with a slash, such as https://old.example.org/acme/acct/\n"
#define OWN_CA                                                                 \
	"\tca_key = ca.key\n\tca_key_passphrase = ca.pass\n" CRL_URL           \
	"\tcrl_file = ca.crl\n"

static const struct conf_wrong wrongs[] = {
	{ "seal_key", "tos_binding = yes\nseal_key",
	    "conf:4: tos_binding: needs tos_url: the terms that are "
	    "binding\n" },
	{ "seal_key",
	    "tos_url = \"https://ca.example/t\"\ntos_sha256 = "
	    "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789\n"
	    "seal_key",
	    "conf:5: tos_sha256: must be 64 hexadecimal digits in lower case, "
	    "as sha256sum prints them\n" },
	{ "policy {", "policy {\n\teab_required = yes",
	    "conf:6: policy.eab_required: needs web.eab_key_file: the key "
	    "that the secrets in the database are encrypted with\n" },
	{ "https://acme.ca.example", "http://acme.ca.example",
	    "conf:1: base_url: must begin with https://\n" },
	{ "https://acme.ca.example", "",
	    "conf:1: base_url: needs 1 to 255 characters\n" },
	{ "policy {",
	    "policy {\n\tcaa_identities = { CA.example, \"\", \"ca.example.\" "
	    "}",
	    "conf:6: policy.caa_identities: \"\" is no domain "
	    "(ca.example.org)\n"
	    "conf:6: policy.caa_identities: \"ca.example.\" is no domain "
	    "(ca.example.org)\n" },
	{ "policy {",
	    "policy {\n\tcaa_identities = { \"b\xc3\xbc"
	    "cher.example\" }",
	    "conf:6: policy.caa_identities: b\xc3\xbc"
	    "cher.example: write the domain as xn--bcher-kva.example\n" },
	{ "policy {",
	    "policy {\n\treserved_local_parts = { \"\", \"a\\nb\", "
	    "postmaster }",
	    "conf:6: policy.reserved_local_parts: \"\" is no local part, such "
	    "as postmaster\n"
	    "conf:6: policy.reserved_local_parts: \"a\nb\" is no local part, "
	    "such as postmaster\n" },
	/* It would let every mailbox in. */
	{ "policy {",
	    "policy {\n\tallow = { a.example }\n\tdeny = { b.example }\n"
	    "\tallow = { }",
	    "conf:6: policy.allow: is set here, and again as an empty list, "
	    "which would take its place; keep one of them\n" },
	{ "https://acme.ca.example", "https://acme.ca.example/",
	    "conf:1: base_url: must be https:// and a lower-case host, "
	    "perhaps with a port; no path, no slash at the end "
	    "(https://acme.ca.example)\n" },
	{ "https://acme.ca.example", "https://Acme.ca.example",
	    "conf:1: base_url: must be https:// and a lower-case host, "
	    "perhaps with a port; no path, no slash at the end "
	    "(https://acme.ca.example)\n" },
	{ "sqlite:/var/lib/db", "sqlite:db",
	    "conf:3: database: must be sqlite: and an absolute file name, or "
	    "postgresql: and a connection string\n" },
	{ "\"127.0.0.1:443\"", "\"127.0.0.1:443\", \"::1:443\", \"a:0\"",
	    "conf:9: web.listen: ::1:443 is not an address and a port; write "
	    "\"127.0.0.1:443\" or \"[::1]:443\"\n"
	    "conf:9: web.listen: a:0 is not an address and a port; write "
	    "\"127.0.0.1:443\" or \"[::1]:443\"\n" },
	{ "\"127.0.0.1:443\"", "\"unix:acme.sock\", \"systemd\"",
	    "conf:9: web.listen: unix:acme.sock is not an absolute file "
	    "name; write \"unix:/run/countersign/acme.sock\"\n" },
	{ "\"127.0.0.1:443\"", "\"unix:/" A100 "12345678\"",
	    "conf:9: web.listen: unix:/" A100 "12345678 is too long; a "
	    "socket's file name may have 107 octets\n" },
	{ "\tlisten = {",
	    "\ttrusted_proxies = { \"10.0.0.0/8\", "
	    "\"10.0.0.1/8\" }\n\tlisten = {",
	    "conf:9: web.trusted_proxies: 10.0.0.1/8 is not a network; write "
	    "\"192.0.2.1\" or \"2001:db8::/32\", with no bits set behind "
	    "the prefix\n" },
	{ "\ttls_certificate = web.pem\n\ttls_key = /keys/web.key\n", "",
	    "conf: web.tls_certificate: is missing: HTTPS needs a PEM chain\n"
	    "conf: web.tls_key: is missing: HTTPS needs a PEM key\n" },
	{ "\"127.0.0.1:443\" }\n\ttls_certificate = web.pem\n",
	    "\"unix:/run/x\" }\n",
	    "conf:10: web.tls_key: is set, but web.tls_certificate is not; "
	    "set both or neither\n" },
	{ "acme@ca.example", "acme+x@ca.example",
	    "conf:14: sender.from: holds a +, which the tag of each "
	    "challenge needs\n" },
	{ "acme@ca.example", "acme@CA.example",
	    "conf:14: sender.from: write it as acme@ca.example\n" },
	{ "acme@ca.example", "a234567890123456789012345678901234567@ca.example",
	    "conf:14: sender.from: has no room for a tag of 27 characters; "
	    "the local part may have 36\n" },
	{ "\trelay_host = localhost",
	    "\trelay_host = mx.ca.example\n\trelay_tls = none",
	    "conf:16: sender.relay_tls: none is allowed for a relay on this "
	    "host only; use starttls\n" },
	{ "\trelay_signs", "\trelay_user = acme\n\trelay_signs",
	    "conf:16: sender.relay_user: is set, but there is no secret for "
	    "it; set sender.relay_password, or for OAuth sender.relay_token or "
	    "sender.relay_token_command\n" },
	{ "\trelay_signs", "\trelay_token = t\n\trelay_signs",
	    "conf: sender.relay_user: is missing: whose password or access "
	    "token it is\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n\trelay_password = p\n"
	    "\trelay_token = t\n\trelay_signs",
	    "conf:16: sender.relay_user: has more than one secret; set one of "
	    "relay_password, relay_token and relay_token_command\n" },
	{ NULL, "signer {\n\tnetwork = all\n\tfiles = { \"hsm\" }\n}\n",
	    "conf:2: signer.network: must be one of local|any|none\n"
	    "conf:3: signer.files: hsm must be an absolute path\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n"
	    "\trelay_token_command = { \"token\" }\n\trelay_signs",
	    "conf:17: sender.relay_token_command: must begin with an absolute "
	    "file name; there is no shell and no search path\n" },
	{ "\trelay_signs", "\trelay_auth = plain\n\trelay_signs",
	    "conf:16: sender.relay_auth: is set, but relay_user is not; set "
	    "both or neither\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n\trelay_password = p\n"
	    "\trelay_auth = xoauth2\n\trelay_signs",
	    "conf:18: sender.relay_auth: this one takes an access token; set "
	    "relay_token or relay_token_command instead of relay_password\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n\trelay_token = t\n"
	    "\trelay_auth = scram\n\trelay_signs",
	    "conf:18: sender.relay_auth: this one takes a password, not an "
	    "access token; use auto, xoauth2 or oauthbearer\n" },
	{ "relay_signs = yes", "dkim_rsa_key = k.pem",
	    "conf:16: sender.dkim_rsa_key: is set, but "
	    "sender.dkim_rsa_selector is not; set both or neither\n" },
	{ "relay_signs", "tagged = no\n\tsmime_key = k.pem\n\trelay_signs",
	    "conf:17: sender.smime_key: is set, but "
	    "sender.smime_certificate is not; set both or neither\n" },
	{ "relay_signs", "tagged = no\n\tsmime_certificate = c\n\trelay_signs",
	    "conf:17: sender.smime_certificate: is set, but "
	    "sender.smime_key is not; set both or neither\n" },
	{ "\trelay_signs", "\treply_to = \"acme+x@ca.example\"\n\trelay_signs",
	    "conf:16: sender.reply_to: holds a +, which the tag of each "
	    "challenge needs\n" },
	{ "\trelay_signs", "\treply_to = \"acme@CA.example\"\n\trelay_signs",
	    "conf:16: sender.reply_to: write it as acme@ca.example\n" },
	{ "\trelay_signs",
	    "\treply_to = \"abcdefghijabcdefghijabcdefghijabcdefg@a.example\"\n"
	    "\trelay_signs",
	    "conf:16: sender.reply_to: has no room for a tag of 27 characters; "
	    "the local part may have 36\n" },
	/* MA-102: a tag would be in From, but not in the certificate. */
	{ "relay_signs",
	    "smime_certificate = c\n\tsmime_key = k\n\trelay_signs",
	    "conf:16: sender.smime_certificate: stands for acme@ca.example "
	    "only, and with tagged = yes no mail comes from it; set "
	    "sender.reply_to, which has the tag then, or set sender.tagged to "
	    "no\n" },
	{ "relay_signs", "smime_header_protection = both\n\trelay_signs",
	    "conf:16: sender.smime_header_protection: must be one of "
	    "combined|wrapped\n" },
	{ "\timap_user", "\timap_tls = none\n\timap_user",
	    "conf:20: validator.imap_tls: none would send the password in "
	    "clear; use implicit or starttls\n" },
	{ "\timap_user", "\tprocessed_folder = INBOX\n\timap_user",
	    "conf:20: validator.processed_folder: must be another folder "
	    "than imap_folder\n" },
	{ "\timap_user",
	    "\tlmtp_listen = { \"192.0.2.1:24\", \"[::1]:24\" }\n\timap_user",
	    "conf:20: validator.lmtp_listen: 192.0.2.1:24 is not an address "
	    "of this host itself and a port; write \"127.0.0.1:2424\" or "
	    "\"unix:/run/countersign/lmtp\"\n" },
	{ "\timap_user", "\tlmtp_listen = { systemd }\n\timap_user",
	    "conf:20: validator.lmtp_listen: systemd is not an address of "
	    "this host itself and a port; write \"127.0.0.1:2424\" or "
	    "\"unix:/run/countersign/lmtp\"\n" },
	{ "\timap_user", "\tlmtp_listen = { \"unix:lmtp\" }\n\timap_user",
	    "conf:20: validator.lmtp_listen: unix:lmtp is not an absolute "
	    "file name; write \"unix:/run/countersign/lmtp\"\n" },
	{ "\timap_user",
	    "\tlmtp_listen = { \"127.0.0.1:24\" }\n"
	    "\tlmtp_group = postfix\n\timap_user",
	    "conf:21: validator.lmtp_group: is for Unix sockets, but "
	    "validator.lmtp_listen names none\n" },
	{ "\timap_host = imap.ca.example\n\timap_user = acme\n"
	  "\timap_password = imap.pw\n",
	    "",
	    "conf: validator.imap_host: is missing: replies have no way in; "
	    "set it, or lmtp_listen, or maildir\n" },
	/* MA-3 */
	{ "\timap_user", "\tmaildir = { \"/var/mail/acme\" }\n\timap_user",
	    "conf: validator.maildir_line_ends: is missing: lf for what "
	    "Postfix, Exim and other mail servers write on Unix, crlf for "
	    "files that keep the line ends of the mail\n" },
	{ "\timap_user",
	    "\tmaildir_line_ends = lf\n"
	    "\tmaildir = { acme, \"/a/\", \"/b\", \"/b\" }\n"
	    "\tprocessed_folder = \"x/y\"\n\timap_user",
	    "conf:21: validator.maildir: acme must be an absolute path\n"
	    "conf:21: validator.maildir: write /a/ without the slash at its "
	    "end\n"
	    "conf:21: validator.maildir: has /b twice\n"
	    "conf:22: validator.processed_folder: a folder of a Maildir has "
	    "no / in its name and does not begin with a dot\n" },
	{ "\timap_user", "\tmaildir_line_ends = cr\n\timap_user",
	    "conf:20: validator.maildir_line_ends: must be one of lf|crlf\n" },
	/* MA-30 */
	{ "\timap_user", "\tdns_try_ms = 30000\n\timap_user",
	    "conf: validator.dns_total_ms: must be at least dns_try_ms\n" },
	/* PK-133: what the lints of each certificate would refuse. */
	{ "http://crl.ca.example", "https://crl.ca.example",
	    "conf:28: issuer.crl_url: not http" FIT_URL },
	{ "ca.example/ca.crl", "ca.example:8080/ca.crl",
	    "conf:28: issuer.crl_url: it has a port other than 80" FIT_URL },
	{ "ca.example/ca.crl", "ca.example/ca.crl?x=1",
	    "conf:28: issuer.crl_url: it has a query or a fragment" FIT_URL },
	{ "ca.example/ca.crl", "ca.example/ca.crl#x",
	    "conf:28: issuer.crl_url: it has a query or a fragment" FIT_URL },
	{ "crl.ca.example/ca.crl", "u@crl.ca.example/ca.crl",
	    "conf:28: issuer.crl_url: it has a user part" FIT_URL },
	{ "crl.ca.example/ca.crl", "192.0.2.1/ca.crl",
	    "conf:28: issuer.crl_url: its host is not a public name" FIT_URL },
	{ "crl.ca.example/ca.crl", "crl/ca.crl",
	    "conf:28: issuer.crl_url: its host is not a public name" FIT_URL },
	{ "crl.ca.example/ca.crl", "crl_1.ca.example/ca.crl",
	    "conf:28: issuer.crl_url: its host is not a public name" FIT_URL },
	{ "ca.example/ca.crl", "ca.example/c a.crl",
	    "conf:28: issuer.crl_url: it has a character that URLs do not "
	    "have" FIT_URL },
	{ "ca.example/ca.crl", "ca.example/c\xc3\xa4.crl",
	    "conf:28: issuer.crl_url: it has a character that URLs do not "
	    "have" FIT_URL },
	/* A login for each role, and no password in this file. */
	{ "sqlite:/var/lib/db", "postgresql:no such",
	    "conf:3: database: missing '=' after 'no' in connection info "
	    "string\n" },
	{ "sqlite:/var/lib/db\"\n",
	    "sqlite:/var/lib/db\"\ndatabase_password = x\n",
	    "conf:4: database_password: is for postgresql: only\n" },
	{ "\timap_user", "\tdatabase_password = x\n\timap_user",
	    "conf:20: validator.database_password: needs database in the same "
	    "section: whose password it is\n" },
	{ "\timap_user", "\tdatabase = \"sqlite:/x\"\n\timap_user",
	    "conf:3: database: must be postgresql: where roles have logins of "
	    "their own\n"
	    "conf:20: validator.database: must be postgresql: and a connection "
	    "string: SQLite knows no users\n" },
	{ "sqlite:/var/lib/db\"\n",
	    "postgresql://o:s3cret@db/x\"\nweb {\n\tdatabase = "
	    "\"postgresql:password=s3cret\"\n}\n",
	    "conf:3: database: must not hold the password where roles have "
	    "logins of their own, since every role reads this file: put it "
	    "into a file and name that in database_password\n"
	    "conf:5: web.database: must name the user (user=…), who gets the "
	    "rights of this role\n"
	    "conf:5: web.database: must not hold the password, since every "
	    "role reads this file: put it into a file and name that in "
	    "database_password\n" },
	/* Another CA issues (pki.md section 17). */
	{ NULL, "external {\n\tkind = est\n}\n",
	    "conf:2: external.kind: must be one of none|hook|acme|cmp\n" },
	/* PK-221 */
	{ OWN_CA,
	    "}\nexternal {\n\tkind = hook\n\thook = { /ca.sh }\n\tuser = "
	    "ca\n}\nissuer {\n" CRL_URL,
	    "conf:30: external.user: needs external.database: a SQLite file "
	    "belongs to the user of the other roles, and so does their "
	    "login\n" },
	/* PK-222 */
	{ OWN_CA,
	    "}\nexternal {\n\tkind = cmp\n\tcmp_url = \"ftp://ca.example\"\n"
	    "\tcmp_key = k\n}\nissuer {\n" CRL_URL,
	    "conf:29: external.cmp_url: must be an http:// or https:// URL\n"
	    "conf: external.cmp_certificate: is missing. CMP messages are "
	    "signed, both ways.\n"
	    "conf: external.cmp_server: is missing. CMP messages are signed, "
	    "both ways.\n" },
	/* PK-112 */
	{ OWN_CA,
	    "}\nexternal {\n\tkind = hook\n\thook = { /ca.sh }\n}\n"
	    "profile p {\n\tsubject_number = yes\n}\nissuer {\n" CRL_URL,
	    "conf: profile.subject_number: must not be set (profile p) where "
	    "another CA issues (external.kind): the subject is that CA's\n" },
	/* The issuer itself would issue. */
	{ NULL,
	    "external {\n\thook = { /ca.sh }\n\tcmp_url = "
	    "http://ca.example\n}\n",
	    "conf:2: external.hook: is for external.kind = hook, which is "
	    "another; set that, or leave this option out\n"
	    "conf:3: external.cmp_url: is for external.kind = cmp, which is "
	    "another; set that, or leave this option out\n" },
	{ NULL, "external {\n\tkind = hook\n\thook = { ca.sh }\n}\n",
	    "conf:3: external.hook: ca.sh must be an absolute path\n"
	    "conf:30: issuer.ca_key: must not be set where another CA issues "
	    "(external.kind): key, lists and OCSP answers are that CA's\n"
	    "conf:33: issuer.crl_file: must not be set where another CA issues "
	    "(external.kind): key, lists and OCSP answers are that CA's\n" },
	{ OWN_CA,
	    "}\nexternal {\n\tkind = acme\n\tdirectory = "
	    "\"http://ca.example\"\n\teab_kid = a\n}\nissuer {\n" CRL_URL,
	    "conf:29: external.directory: must be an https:// URL\n"
	    "conf: external.account_key: is missing. File with the key of the "
	    "account there.\n"
	    "conf:30: external.eab_kid: eab_kid and eab_key_file go "
	    "together\n" },
	/* PK-9: nobody else may have done the validation. */
	{ OWN_CA,
	    "}\nmode = public\ntos_url = \"https://ca.example/\"\n"
	    "tos_sha256 = \"" SHA256_TEXT "\"\ntos_binding = yes\npolicy {\n"
	    "\tcaa_identities = { ca.example }\n\tweak_keys = weak\n}\n"
	    "external {\n\tkind = hook\n\thook = { /ca.sh }\n}\nissuer "
	    "{\n" CRL_URL,
	    "conf: external.same_operator: must be yes in public mode: the "
	    "proof of control over a mailbox may not be delegated, so whoever "
	    "runs this server has to run that CA as well\n" },
	/* PK-40: what no CAA record can hold. */
	{ OWN_CA,
	    "}\npolicy {\n\tcaa_account_prefixes = { \"http://a.example/\" }\n"
	    "}\nissuer {\n" OWN_CA,
	    FIT_PREFIX },
	{ OWN_CA,
	    "}\npolicy {\n\tcaa_account_prefixes = { \"https://a.example/a "
	    "b/\" "
	    "}\n}\nissuer {\n" OWN_CA,
	    FIT_PREFIX },
	{ OWN_CA,
	    "}\npolicy {\n\tcaa_account_prefixes = { \"https://a.example/;a/\" "
	    "}\n}\nissuer {\n" OWN_CA,
	    FIT_PREFIX },
	{ OWN_CA,
	    "}\npolicy {\n\tcaa_account_prefixes = { "
	    "\"https://a.example/\xc3\xa4/\" }\n}\nissuer {\n" OWN_CA,
	    FIT_PREFIX },
	/* PK-105, PK-195 */
	{ NULL, "mode = public\n",
	    "conf: policy.caa_identities: must not be empty in public mode\n"
	    "conf: policy.weak_keys: must be set in public mode: keys of "
	    "Debian's broken generator and published ones must be known "
	    "(PK-74)\n"
	    "conf: issuer.ca_issuers_url: must be set in public mode: each "
	    "certificate says where that of its CA is (PK-105)\n"
	    "conf: tos_url: must be set in public mode\n"
	    "conf: tos_sha256: must be set in public mode: which document "
	    "accounts agreed to is recorded (PK-10)\n"
	    "conf: tos_binding: must be yes in public mode: accounts agree to "
	    "the terms before they order (PK-10)\n"
	    "conf:27: issuer.ca_key: a key in a file cannot be used in "
	    "public mode: set issuer.key_module, or run with mode = "
	    "private\n" },
};

static void
test_misfits(void **state)
{
	(void)state;
	conf_lab_mistakes(wrongs, COUNT(wrongs));
}

static const struct CMUnitTest tests[] = {
	WITH_FOLDER(test_misfits),
};

UNIT_MAIN(tests)
