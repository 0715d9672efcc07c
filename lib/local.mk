# What all folders use; it knows none of them.

noinst_LIBRARIES += libcs_lib.a
libcs_lib_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS) $(IDN2_CFLAGS) \
	$(PSL_CFLAGS) $(UNISTRING_CFLAGS)
libcs_lib_a_SOURCES = \
	lib/addr.c lib/addr.h \
	lib/aead.c lib/aead.h \
	lib/arena.c lib/arena.h \
	lib/b64.c lib/b64.h \
	lib/buf.c lib/buf.h \
	lib/child.c lib/child.h \
	lib/clock.c lib/clock.h \
	lib/conf.c lib/conf.h \
	lib/count.h \
	lib/digest.c lib/digest.h \
	lib/embed.c lib/embed.h \
	lib/err.c lib/err.h \
	lib/fdio.c lib/fdio.h \
	lib/hex.c lib/hex.h \
	lib/job.c lib/job.h \
	lib/json.c lib/json.h \
	lib/json_out.c \
	lib/json_scan.c lib/json_scan.h \
	lib/locked.c lib/locked.h \
	lib/log.c lib/log.h \
	lib/made.c lib/made.h \
	lib/markup.c lib/markup.h \
	lib/netaddr.c lib/netaddr.h \
	lib/orgdomain.c lib/orgdomain.h \
	lib/passphrase.c lib/passphrase.h \
	lib/password.c lib/password.h \
	lib/rate.c lib/rate.h \
	lib/rfc3339.c lib/rfc3339.h \
	lib/rnd.c lib/rnd.h \
	lib/same_file.c lib/same_file.h \
	lib/seal.c lib/seal.h \
	lib/turn.c lib/turn.h \
	lib/typo.c lib/typo.h \
	lib/utf8.c lib/utf8.h \
	lib/verdict.c lib/verdict.h

CS_LIB = libcs_lib.a $(JANSSON_LIBS) $(CRYPTO_LIBS) $(IDN2_LIBS) $(PSL_LIBS) $(UNISTRING_LIBS)
