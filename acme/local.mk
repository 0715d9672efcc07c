# The protocol; knows lib, db, dns, mail, pki.

noinst_LIBRARIES += libcs_acme.a
libcs_acme_a_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
libcs_acme_a_SOURCES = \
	acme/account.c acme/account.h \
	acme/account_orders.c acme/account_orders.h \
	acme/acme.c acme/acme.h \
	acme/authz.c acme/authz.h \
	acme/certid.c acme/certid.h \
	acme/challenge.c acme/challenge.h \
	acme/contact.c acme/contact.h \
	acme/dates.c acme/dates.h \
	acme/directory.c acme/directory.h \
	acme/download.c acme/download.h \
	acme/eab.c acme/eab.h \
	acme/finalize.c acme/finalize.h \
	acme/help.c acme/help.h \
	acme/identifier.c acme/identifier.h \
	acme/jwk.c acme/jwk.h \
	acme/jwk_cache.c acme/jwk_cache.h \
	acme/jws.c acme/jws.h \
	acme/nonce.c acme/nonce.h \
	acme/keychange.c acme/keychange.h \
	acme/keyowner.c acme/keyowner.h \
	acme/key_report.c acme/key_report.h \
	acme/limit.c acme/limit.h \
	acme/offer.c acme/offer.h \
	acme/order.c acme/order.h \
	acme/policy.c acme/policy.h \
	acme/problem.c acme/problem.h \
	acme/proof.c acme/proof.h \
	acme/refusals.c acme/refusals.h \
	acme/refused.c acme/refused.h \
	acme/replaces.c acme/replaces.h \
	acme/report.c acme/report.h \
	acme/renewal.c acme/renewal.h \
	acme/request.h \
	acme/response.c acme/response.h \
	acme/route.c acme/route.h acme/route_private.h \
	acme/signed.c acme/signed.h \
	acme/revoke.c acme/revoke.h \
	acme/status.c acme/status.h \
	acme/stop.c acme/stop.h \
	acme/urls.c acme/urls.h \
	acme/throttle.c acme/throttle.h \
	acme/validation.c acme/validation.h

CS_ACME = libcs_acme.a $(CS_MAIL) $(CS_PKI)
