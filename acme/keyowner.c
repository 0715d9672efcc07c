#include "config.h"

#include "acme/keyowner.h"

#include "db/store_key.h"
#include "db/store_order.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/csr.h"
#include "pki/oid.h"

#define CERTIFICATES_MAX 10

int
key_check_owner(struct job *j, const struct conf *conf,
    const struct order *order, const struct csr *csr)
{
	int found =
	    conf->share_keys
		? 0
		: store_key_is_of_other(j,
		      span_mem(csr->spki_sha256, sizeof(csr->spki_sha256)),
		      order->account_id);

	if (found > 0)
		return job_fail(j, ERR_BAD_CSR,
		    "the key stands in a certificate of another account; make "
		    "a new one");
	return found;
}

static bool
order_has(const struct order *order, struct span mailbox)
{
	for (size_t i = 0; i < order->identifier_count; i++)
		if (span_eq_str(mailbox, order->identifiers[i].authz.mailbox))
			return true;
	return false;
}

/* None of the order's is missing either where the numbers are the same: a
 * certificate has each once (PK-83). */
static bool
has_other_mailboxes(const struct certview *v, const struct order *order)
{
	struct span names, mailbox;
	size_t count = 0;
	bool is_utf8;

	if (certview_names(v, &names) != 1)
		return false;
	while (certview_next_mailbox(&names, &mailbox, &is_utf8) == 1) {
		if (!order_has(order, mailbox))
			return true;
		count++;
	}
	return count != order->identifier_count;
}

/* Signing alone here and encryption alone there? */
static bool
has_other_use(const struct certview *v, enum key_class class)
{
	const struct cert_extension *e = certview_extension(v, OID_KEY_USAGE);
	const unsigned signing = 1u << 0 | 1u << 1;
	struct der bits;
	unsigned usage;

	if (class == KEY_CLASS_DUAL || e == NULL ||
	    der_only(e->value, DER_BIT_STRING, &bits) < 0 ||
	    der_named_bits(bits.body, 9, &usage) < 0)
		return false;
	return class == KEY_CLASS_SIGNING ? (usage & signing) == 0
					  : (usage & ~signing) == 0;
}

int
key_warn_of_uses(
    struct job *j, const struct order *order, const struct csr *csr)
{
	bool mailboxes = false, uses = false;
	struct span tbs[CERTIFICATES_MAX];
	struct certview v;
	size_t count;

	if (store_key_certificates(j,
		span_mem(csr->spki_sha256, sizeof(csr->spki_sha256)),
		order->account_id, CERTIFICATES_MAX, tbs, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (certview_parse_tbs(tbs[i], &v) < 0)
			continue;
		mailboxes |= has_other_mailboxes(&v, order);
		uses |= has_other_use(&v, csr->class);
	}
	if (mailboxes || uses)
		log_warning("key in several certificates",
		    "order=%s account=%s other_mailboxes=%s "
		    "signs_and_encrypts=%s",
		    order->id, order->account_id, mailboxes ? "yes" : "no",
		    uses ? "yes" : "no");
	return 0;
}
