# Scenarios: whole courses of events with all roles and a real database.  Each
# is a test of its own, so that several run side by side.

EXTRA_DIST += tests/scenario/README.md $(scenarios)
scenarios = \
	tests/scenario/bounce.scn \
	tests/scenario/caa.scn \
	tests/scenario/caa_again.scn \
	tests/scenario/caa_several.scn \
	tests/scenario/dates.scn \
	tests/scenario/deactivate.scn \
	tests/scenario/dns_later.scn \
	tests/scenario/expiry.scn \
	tests/scenario/forged.scn \
	tests/scenario/happy.scn \
	tests/scenario/leave.scn \
	tests/scenario/note_before_post.scn \
	tests/scenario/post_first.scn \
	tests/scenario/preauth.scn \
	tests/scenario/refused.scn \
	tests/scenario/rekey_after_finalize.scn \
	tests/scenario/rekey_after_reply.scn \
	tests/scenario/rekey_before_reply.scn \
	tests/scenario/relay.scn \
	tests/scenario/revoke.scn \
	tests/scenario/several.scn \
	tests/scenario/unauthenticated.scn \
	tests/scenario/wrong_digest.scn

check_PROGRAMS += tests/scenario/run_scenarios
tests_scenario_run_scenarios_CPPFLAGS = $(tests_cppflags) $(PQ_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_scenario_run_scenarios_SOURCES = \
	tests/scenario/client.c tests/scenario/client.h \
	tests/scenario/run_scenarios.c \
	tests/scenario/world.c tests/scenario/world.h \
	tests/scenario/world_check.c tests/scenario/world_client.c \
	tests/scenario/world_mail.c tests/scenario/world_private.h \
	tests/scenario/world_roles.c
tests_scenario_run_scenarios_LDADD = $(CS_SRC) $(PQ_LIBS) $(CRYPTO_LIBS)

TEST_EXTENSIONS = .scn
SCN_LOG_DRIVER = $(LOG_DRIVER)
SCN_LOG_COMPILER = tests/scenario/run_scenarios
TESTS += $(scenarios)
$(scenarios:.scn=.log): tests/scenario/run_scenarios
