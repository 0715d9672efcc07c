# The resolver; knows lib.

noinst_LIBRARIES += libcs_dns.a
libcs_dns_a_CPPFLAGS = $(AM_CPPFLAGS) $(UNBOUND_CFLAGS)
libcs_dns_a_SOURCES = \
	dns/agent_form.c dns/agent_form.h \
	dns/open_mpic_form.c dns/open_mpic_form.h \
	dns/packet.c dns/packet.h \
	dns/quorum.c dns/quorum.h \
	dns/record.c dns/record.h \
	dns/resolver.c dns/resolver.h \
	dns/resolver_public.c dns/resolver_public.h \
	dns/unbound_loop.c dns/unbound_loop.h

CS_DNS = libcs_dns.a $(UNBOUND_LIBS) -lm $(CS_LIB)
