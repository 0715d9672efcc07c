#include "config.h"

#include "pki/profile.h"

#include "pki/keycheck.h"
#include "pki/oid.h"

const struct profile profile_mailbox_multipurpose = {
	.name = "mailbox-multipurpose",
	.policy = { "\x67\x81\x0c\x01\x05\x01\x02", 7 },
	.text =
	    "profile mailbox-multipurpose 1\n"
	    "version 3\n"
	    "serial 17 octets: one configured, 16 random\n"
	    "validity at most 818 days, within the issuing CA's\n"
	    "subject commonName: first mailbox, UTF8String, at most 64 "
	    "characters, else empty\n"
	    "authorityKeyIdentifier keyIdentifier\n"
	    "subjectKeyIdentifier RFC 7093 method 1\n"
	    "keyUsage critical; signing: digitalSignature; encryption: "
	    "keyEncipherment (RSA), keyAgreement (EC); dual: both; "
	    "nonRepudiation on request, not for encryption\n"
	    "certificatePolicies 2.23.140.1.5.1.2\n"
	    "subjectAltName rfc822Name, SmtpUTF8Mailbox; critical with an "
	    "empty subject\n"
	    "extKeyUsage emailProtection\n"
	    "cRLDistributionPoints one http URI\n"
	    "authorityInfoAccess caIssuers, one http URI, if configured\n"
	    "keys RSA 2048, 3072, 4096; P-256, P-384, P-521; Ed25519 (signing "
	    "only)\n",
};

struct span
profile_key_usage(
    enum key_class class, enum key_type type, bool non_repudiation)
{
	bool is_rsa = type == KEY_TYPE_RSA;

	if (class == KEY_CLASS_SIGNING)
		return non_repudiation ? SPAN("\x03\x02\x06\xc0")
				       : SPAN("\x03\x02\x07\x80");
	if (!is_rsa && !key_type_is_ec(type))
		return (struct span){ 0 };
	if (class == KEY_CLASS_ENCRYPTION)
		return is_rsa ? SPAN("\x03\x02\x05\x20")
			      : SPAN("\x03\x02\x03\x08");
	if (is_rsa)
		return non_repudiation ? SPAN("\x03\x02\x05\xe0")
				       : SPAN("\x03\x02\x05\xa0");
	return non_repudiation ? SPAN("\x03\x02\x03\xc8")
			       : SPAN("\x03\x02\x03\x88");
}
