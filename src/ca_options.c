#include "config.h"

#include "src/ca_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "src/command.h"

const char ca_usage[] =
    "usage: countersign ca ACT --dir DIR [OPTION...]\n"
    "\n"
    "  init          root and issuing CA, in DIR/root and DIR/issuing\n"
    "  init-root     a root alone: key, certificate, first list\n"
    "  request       key of an issuing CA and a request for its certificate\n"
    "  sign          the root signs a request\n"
    "  import        the issuing CA takes its certificate; its first list\n"
    "  root-crl      the root's next list\n"
    "  backup        backup and test restore of the key in DIR\n"
    "  verify        is the transcript in DIR whole?\n"
    "  bundle        all that may be shown, as one tar file: --out FILE\n"
    "  verify-bundle FILE  is such a file whole, without anything else?\n"
    "  record FILE [-f FILE]  what it tells, into the audit of the service,\n"
    "                with the issuing CA's first list\n"
    "  check-urls [-f FILE]  are the URLs in certificates answered?\n"
    "\n"
    "Acts of the root (init, init-root, sign, root-crl, backup of a root):\n"
    "  --first NAME, --second NAME  the two persons who confirm each step\n"
    "  --private            the CA is for mode = private; keys may be\n"
    "                       in files then (request, import as well), and:\n"
    "  --single-operator    one person alone\n"
    "  --online-root        on a machine with network\n"
    "  --linters FILE       sections linter that judge what is to be signed\n"
    "                       (import as well)\n"
    "Names (init, init-root, request):\n"
    "  --name NAME --organization O --country CC\n"
    "  --key-type TYPE      p384 (default) or rsa4096\n"
    "  --rehearse           a rehearsal: every name says so\n"
    "A key in a PKCS#11 token; said once, then DIR knows it, but for the PIN:\n"
    "  --root-key-module FILE --root-key-token LABEL [--root-key-label LABEL]\n"
    "  [--root-key-id HEX] [--root-key-module-certificate TEXT]\n"
    "  --root-key-pin FILE|fd:N|ask  ask (default): each person types a part\n"
    "  --root-key-quorum TEXT  how the device itself asks for two persons\n"
    "  --key-module, --key-token, --key-label, --key-id, --key-pin,\n"
    "  --key-module-certificate  the same for the issuing CA's key\n"
    "The end of a key's ceremony (init, init-root, import, backup):\n"
    "  --root-backup DIR, --backup DIR  copy of a key's file, read back\n"
    "  --root-backup-token LABEL, --backup-token LABEL  into which the key\n"
    "                       was restored; with ...-module FILE, ...-pin\n"
    "  --no-backup TEXT     the statement that there is none, and why\n"
    "Signing (init, sign):\n"
    "  --crl-url URL        where the root's list will be\n"
    "  --root-url URL       where the root's certificate will be\n"
    "  --permit HOST        name constraint; may be repeated\n"
    "  --client-auth        for clientAuth as well\n"
    "  --policy OID         a certificate policy of your own; may be repeated\n"
    "  --request FILE --out FILE, --renew   (sign)\n"
    "Others:\n"
    "  --certificate FILE --root FILE       (import)\n"
    "  --revoke FILE --reason NUMBER        (root-crl)\n";

static const struct {
	const char *name;
	enum ca_act act;
} acts[] = {
	{ "init", CA_ACT_INIT },
	{ "init-root", CA_ACT_INIT_ROOT },
	{ "request", CA_ACT_REQUEST },
	{ "sign", CA_ACT_SIGN },
	{ "import", CA_ACT_IMPORT },
	{ "root-crl", CA_ACT_ROOT_CRL },
	{ "backup", CA_ACT_BACKUP },
	{ "verify", CA_ACT_VERIFY },
	{ "bundle", CA_ACT_BUNDLE },
};
#define ACT_KINDS COUNT(acts)

#define ALL (CA_ACT_BACKUP | OF_NAMES | SIGNS | CA_ACT_IMPORT)
#define SIGNS (CA_ACT_INIT | CA_ACT_INIT_ROOT | CA_ACT_SIGN | CA_ACT_ROOT_CRL)
#define OF_NAMES (CA_ACT_INIT | CA_ACT_INIT_ROOT | CA_ACT_REQUEST)
#define OF_ROOT_KEY (SIGNS | CA_ACT_BACKUP)
#define OF_KEY (CA_ACT_INIT | CA_ACT_REQUEST | CA_ACT_IMPORT | CA_ACT_BACKUP)
#define ENDS_ROOT (CA_ACT_INIT | CA_ACT_INIT_ROOT | CA_ACT_BACKUP)
#define ENDS_KEY (CA_ACT_INIT | CA_ACT_IMPORT | CA_ACT_BACKUP)
#define CERTIFIES (CA_ACT_INIT | CA_ACT_SIGN)

unsigned
ca_act_of(const char *name)
{
	for (size_t i = 0; i < ACT_KINDS; i++)
		if (strcmp(acts[i].name, name) == 0)
			return acts[i].act;
	return 0;
}

/* --- the table ------------------------------------------------------------ */

struct ca_option {
	const char *name;
	unsigned acts;     /* that it is for */
	const char **text; /* or a flag, or a list */
	bool *flag;
	const char **list;
	size_t *count;
	size_t max;
};

static int
misplaced(const struct ca_option *option, const char *act)
{
	char names[128] = "";

	for (size_t i = 0; i < ACT_KINDS; i++)
		if (option->acts & acts[i].act)
			snprintf(names + strlen(names),
			    sizeof names - strlen(names), " %s", acts[i].name);
	command_fail(
	    "--%s is not for ca %s, but for:%s", option->name, act, names);
	return -1;
}

static int
take_option(const struct ca_option *option)
{
	if (option->flag != NULL)
		*option->flag = true;
	else if (option->list != NULL && *option->count == option->max) {
		command_fail("--%s: at most %zu", option->name, option->max);
		return -1;
	} else if (option->list != NULL)
		option->list[(*option->count)++] = optarg;
	else if (*option->text != NULL) {
		command_fail("--%s: is given twice", option->name);
		return -1;
	} else
		*option->text = optarg;
	return 0;
}

static int
read_all(int argc, char **argv, struct ca_options *o,
    const struct ca_option *table, int count)
{
	struct option list[64] = { { "help", no_argument, NULL, 'h' } };
	int c;

	for (int i = 0; i < count; i++)
		list[i + 1] = (struct option){ table[i].name,
			table[i].flag != NULL ? no_argument : required_argument,
			NULL, 256 + i };
	while ((c = getopt_long(argc, argv, "h", list, NULL)) != -1) {
		if (c == 'h') {
			fputs(ca_usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (c < 256) {
			command_fail("try countersign ca --help");
			return -1;
		}
		if (o->act != 0 && !(table[c - 256].acts & o->act))
			return misplaced(&table[c - 256], argv[0]);
		if (take_option(&table[c - 256]) < 0)
			return -1;
	}
	return 0;
}

#define TEXT(name, acts, field)                                                \
	{                                                                      \
		name, acts, &o->field, NULL, NULL, NULL, 0                     \
	}
#define FLAG(name, acts, field)                                                \
	{                                                                      \
		name, acts, NULL, &o->field, NULL, NULL, 0                     \
	}
#define LIST(name, acts, field, n)                                             \
	{                                                                      \
		name, acts, NULL, NULL, o->field, &o->n, COUNT(o->field)       \
	}

static int
parse(int argc, char **argv, struct ca_options *o)
{
	const struct ca_option table[] = {
		TEXT("dir", ~0u, dir),
		TEXT("first", OF_ROOT_KEY, first),
		TEXT("second", OF_ROOT_KEY, second),
		TEXT("name", OF_NAMES, name),
		TEXT("organization", OF_NAMES, organization),
		TEXT("country", OF_NAMES, country),
		TEXT("key-type", OF_NAMES, key_type),
		TEXT("crl-url", CERTIFIES, crl_url),
		TEXT("root-url", CERTIFIES, root_url),
		TEXT("request", CA_ACT_SIGN, request),
		TEXT("out", CA_ACT_SIGN | CA_ACT_BUNDLE, out),
		TEXT("certificate", CA_ACT_IMPORT, certificate),
		TEXT("root", CA_ACT_IMPORT, root),
		TEXT("revoke", CA_ACT_ROOT_CRL, revoke),
		TEXT("reason", CA_ACT_ROOT_CRL, reason),
		TEXT("linters", SIGNS | CA_ACT_IMPORT, linters_file),
		LIST("permit", CERTIFIES, permitted, permitted_count),
		LIST("policy", CERTIFIES, policies, policy_count),
		FLAG("client-auth", CERTIFIES, client_auth),
		FLAG("private", ALL, is_private),
		FLAG("single-operator", OF_ROOT_KEY, is_single),
		FLAG("online-root", OF_ROOT_KEY, is_online),
		FLAG("rehearse", OF_NAMES, is_rehearsal),
		FLAG("renew", CA_ACT_SIGN, is_renewal),
		TEXT("root-key-module", OF_ROOT_KEY, root_key.module),
		TEXT("root-key-token", OF_ROOT_KEY, root_key.token),
		TEXT("root-key-label", OF_ROOT_KEY, root_key.label),
		TEXT("root-key-id", OF_ROOT_KEY, root_key.id),
		TEXT("root-key-pin", OF_ROOT_KEY, root_key.pin),
		TEXT("root-key-quorum", OF_ROOT_KEY, root_key.quorum),
		TEXT("root-key-module-certificate", OF_ROOT_KEY,
		    root_key.statement),
		TEXT("key-module", OF_KEY, key.module),
		TEXT("key-token", OF_KEY, key.token),
		TEXT("key-label", OF_KEY, key.label),
		TEXT("key-id", OF_KEY, key.id),
		TEXT("key-pin", OF_KEY, key.pin),
		TEXT("key-module-certificate", OF_KEY, key.statement),
		TEXT("root-backup", ENDS_ROOT, root_backup.dir),
		TEXT("root-backup-token", ENDS_ROOT, root_backup.token),
		TEXT("root-backup-module", ENDS_ROOT, root_backup.module),
		TEXT("root-backup-pin", ENDS_ROOT, root_backup.pin),
		TEXT("backup", ENDS_KEY, backup.dir),
		TEXT("backup-token", ENDS_KEY, backup.token),
		TEXT("backup-module", ENDS_KEY, backup.module),
		TEXT("backup-pin", ENDS_KEY, backup.pin),
		TEXT("no-backup", ENDS_ROOT | ENDS_KEY, no_backup),
	};

	return read_all(argc, argv, o, table, (int)(COUNT(table)));
}

int
ca_options_parse(int argc, char **argv, struct ca_options *o)
{
	*o = (struct ca_options){ .act = (enum ca_act)ca_act_of(argv[0]) };
	if (parse(argc, argv, o) < 0)
		return -1;
	if (o->act == 0)
		return command_misused(ca_usage, "say which act");
	if (command_counts(argc, argv, ca_usage, 0) < 0)
		return -1;
	if (o->dir == NULL)
		return command_misused(ca_usage, "--dir is missing");
	if (o->is_single && o->second != NULL) {
		command_fail(
		    "--single-operator and --second exclude each other");
		return -1;
	}
	if (o->key_type == NULL)
		o->key_type = "p384";
	return 0;
}
