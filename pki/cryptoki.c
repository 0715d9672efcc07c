#include "config.h"

#include "pki/cryptoki.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/locked.h"
#include "lib/log.h"
#include "pki/cryptoki_private.h"
#include "pki/token_key.h"

#define PIN_MAX 256
#define SLOT_MAX 256
#define ID_MAX 128
/* So many in a row end the module for its other keys, too. */
#define FAILURES_MAX 4

/* --- the module ---------------------------------------------------------- */

static void
leave(void *c)
{
	cryptoki_leave(c);
}

/* The other roles run as the user that this process becomes. */
static void
warn_of_owner(const char *path)
{
	struct stat st;

	if (geteuid() == 0 && stat(path, &st) == 0 && st.st_uid != 0)
		log_warning("PIN file of another user than root",
		    "file=%s next=\"chown it to root: other roles run as its "
		    "owner and could read it\"",
		    path);
}

static int
read_pin(struct job *j, const struct token_place *place, struct span *pin)
{
	if (place->pin.n > PIN_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "the PIN has more than %d octets", PIN_MAX);
	if (place->pin.n > 0) {
		*pin = place->pin;
		return 0;
	}
	if (place->pin_file == NULL)
		return job_fail(j, ERR_REFUSED,
		    "token %s: there is no PIN: it was given when "
		    "countersignd was started, and the token has refused it; "
		    "start it again",
		    place->token);
	if (file_read_pin(j, place->pin_file, PIN_MAX, pin) < 0)
		return -1;
	warn_of_owner(place->pin_file);
	return 0;
}

static int
keep_pin(struct job *j, struct arena *keep, struct cryptoki *c, struct span pin)
{
	void *room;

	if (locked_alloc(j, keep, PIN_MAX, &room) < 0)
		return -1;
	c->pin = room;
	memcpy(c->pin, pin.p, pin.n);
	c->pin_len = pin.n;
	return 0;
}

/*
 * Kept for as long as the process: the token comes back when the process is
 * not root any more, to whom alone the file should belong.  The job may last
 * as long, so what the file was read into is wiped here.
 */
static int
take_pin(struct job *j, struct arena *keep, struct cryptoki *c)
{
	struct arena *outer = j->arena;
	struct span pin = { NULL, 0 };
	int result;

	j->arena = arena_new();
	result = read_pin(j, c->place, &pin);
	if (result == 0 && pin.p != NULL)
		result = keep_pin(j, keep, c, pin);
	arena_free(j->arena);
	j->arena = outer;
	return result;
}

int
cryptoki_new(struct job *j, struct arena *keep, const struct token_place *place,
    struct cryptoki **out)
{
	struct cryptoki *c = arena_alloc(keep, sizeof *c);
	size_t id_len = strlen(place->id) / 2;
	uint8_t *id = arena_alloc(keep, ID_MAX);

	*c = (struct cryptoki){ .place = place };
	if (id_len == 0 || id_len > ID_MAX ||
	    hex_parse_fixed(span_str(place->id), id, id_len) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "the token key's id must be hexadecimal: %s", place->id);
	c->id = span_mem(id, id_len);
	if (take_pin(j, keep, c) < 0)
		return -1;
	arena_own(keep, c, leave);
	*out = c;
	return 0;
}

/* Never freed: the library stays as well. */
static struct cryptoki_module *modules;

/* The same library has the same list, whatever its path. */
static struct cryptoki_module *
module_of(CK_FUNCTION_LIST *f)
{
	struct cryptoki_module *m = modules;

	while (m != NULL && m->f != f)
		m = m->next;
	if (m == NULL) {
		m = xcalloc(1, sizeof *m);
		m->f = f;
		m->next = modules;
		modules = m;
	}
	return m;
}

static int
load_module(struct job *j, struct cryptoki *c)
{
	CK_C_GetFunctionList get = NULL;
	CK_FUNCTION_LIST_PTR f = NULL;

	if (c->f != NULL)
		return 0;
	/* Kept until the process ends: modules start threads and set exit
	 * handlers. */
	void *module = dlopen(c->place->module, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL) {
		(void)job_fail(j, ERR_INTERNAL, "%s", dlerror());
		return -1;
	}
	/* POSIX: a function's address fits a pointer to data. */
	void *symbol = dlsym(module, "C_GetFunctionList");
	memcpy(&get, &symbol, sizeof get);
	if (get != NULL && get(&f) == CKR_OK && f != NULL) {
		c->f = f;
		c->module = module_of(f);
		return 0;
	}
	(void)job_fail(j, ERR_INTERNAL,
	    "%s: not a PKCS#11 module (no C_GetFunctionList)",
	    c->place->module);
	return -1;
}

/* Everybody's handles are void. */
static void
begin_generation(struct cryptoki_module *m)
{
	m->generation++;
	m->users = 0;
}

static bool
is_current(const struct cryptoki *c)
{
	return c->is_initialized && c->generation == c->module->generation;
}

/* Not the sessions of an earlier generation: their handles may be another
 * key's. */
static void
leave_module(struct cryptoki *c, bool must_end)
{
	struct cryptoki_module *m = c->module;

	if (is_current(c)) {
		if (c->has_session)
			(void)m->f->C_CloseSession(c->session);
		m->users--;
		if (m->users == 0 || must_end) {
			(void)m->f->C_Finalize(NULL);
			begin_generation(m);
		}
	}
	c->is_initialized = false;
	c->has_session = false;
	c->is_logged_in = false;
}

static int
initialize(struct job *j, struct cryptoki *c)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv;

	leave_module(c, false);
	rv = c->module->f->C_Initialize(&args);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return cryptoki_fail(j, "C_Initialize", rv);
	/* Somebody had finalized it. */
	if (rv == CKR_OK)
		begin_generation(c->module);
	c->generation = c->module->generation;
	c->module->users++;
	c->is_initialized = true;
	return 0;
}

/* --- the token ----------------------------------------------------------- */

/* PKCS#11 pads with blanks. */
static struct span
unpadded(const unsigned char *text, size_t n)
{
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\0'))
		n--;
	return span_mem(text, n);
}

static int
find_slot(struct job *j, struct cryptoki *c, CK_TOKEN_INFO *info)
{
	CK_SLOT_ID slots[SLOT_MAX];
	CK_ULONG n = SLOT_MAX;
	CK_RV rv = c->f->C_GetSlotList(CK_TRUE, slots, &n);
	size_t found = 0;
	CK_TOKEN_INFO t;

	if (rv != CKR_OK)
		return cryptoki_fail(j, "C_GetSlotList", rv);
	for (CK_ULONG i = 0; i < n; i++) {
		if (c->f->C_GetTokenInfo(slots[i], &t) != CKR_OK ||
		    !span_eq(unpadded(t.label, sizeof t.label),
			span_str(c->place->token)))
			continue;
		c->slot = slots[i];
		*info = t;
		found++;
	}
	if (found == 0)
		return job_fail(j, ERR_BUSY,
		    "token: none is labelled %s; is the device on, and can "
		    "its module reach it?",
		    c->place->token);
	if (found > 1)
		return job_fail(j, ERR_REFUSED,
		    "token: %zu are labelled %s: which one is meant?", found,
		    c->place->token);
	return 0;
}

/* PK-195 */
static int
check_maker(struct job *j, const struct cryptoki *c, const CK_TOKEN_INFO *t)
{
	struct span maker =
	    unpadded(t->manufacturerID, sizeof t->manufacturerID);
	struct span model = unpadded(t->model, sizeof t->model);
	struct span serial = unpadded(t->serialNumber, sizeof t->serialNumber);
	struct log_quoted q[4];

	if (c->place->is_public && (span_starts(maker, SPAN("SoftHSM")) ||
				       span_starts(model, SPAN("SoftHSM"))))
		return job_fail(j, ERR_REFUSED,
		    "token: SoftHSM is not a device that public mode allows: "
		    "use one that is certified to FIPS 140-2 or 140-3 level 3 "
		    "or Common Criteria EAL 4 (PK-195)");
	log_info("token", "label=%s maker=%s model=%s serial=%s statement=%s",
	    c->place->token, log_quote(&q[0], maker), log_quote(&q[1], model),
	    log_quote(&q[2], serial),
	    log_quote(&q[3], span_str(c->place->statement)));
	return 0;
}

static bool
is_about_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED ||
	       rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LEN_RANGE ||
	       rv == CKR_PIN_INVALID || rv == CKR_USER_PIN_NOT_INITIALIZED;
}

/*
 * PK-199: one try, then nobody's.  The token remembers that one went wrong,
 * also for the next process, which a person may have started for no other
 * reason.
 */
static int
log_in(struct job *j, struct cryptoki *c, const CK_TOKEN_INFO *t)
{
	CK_FLAGS bad = CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
	unsigned char octets[PIN_MAX];
	CK_RV rv;

	if (!c->place->is_by_hand)
		bad |= CKF_USER_PIN_COUNT_LOW;
	if (c->is_pin_refused || (t->flags & bad))
		return job_fail(j, ERR_REFUSED,
		    "token: a wrong PIN was tried before; not tried again "
		    "until a login by hand has succeeded (PK-199)");
	/* A module may write where it should only read. */
	memcpy(octets, c->pin, c->pin_len);
	rv = c->f->C_Login(c->session, CKU_USER, octets, c->pin_len);
	wipe(octets, sizeof octets);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	if (is_about_pin(rv)) {
		c->is_pin_refused = true;
		wipe(c->pin, c->pin_len);
	}
	return cryptoki_fail(j, "login", rv);
}

static int
open_session(struct job *j, struct cryptoki *c, CK_FLAGS more)
{
	CK_RV rv = c->f->C_OpenSession(
	    c->slot, CKF_SERIAL_SESSION | more, NULL, NULL, &c->session);

	c->has_session = rv == CKR_OK;
	return c->has_session ? 0 : cryptoki_fail(j, "C_OpenSession", rv);
}

int
cryptoki_enter(struct job *j, struct cryptoki *c)
{
	CK_TOKEN_INFO info = { .flags = 0 };

	if (load_module(j, c) == 0 && initialize(j, c) == 0 &&
	    find_slot(j, c, &info) == 0 && check_maker(j, c, &info) == 0 &&
	    open_session(j, c, CKF_RW_SESSION) == 0 && log_in(j, c, &info) == 0)
		return 0;
	cryptoki_leave(c);
	return -1;
}

int
cryptoki_connect(struct job *j, struct cryptoki *c, const EVP_PKEY *public_key)
{
	CK_TOKEN_INFO info = { .flags = 0 };

	if (load_module(j, c) < 0 || initialize(j, c) < 0 ||
	    find_slot(j, c, &info) < 0 || open_session(j, c, 0) < 0)
		goto fail;
	if (log_in(j, c, &info) < 0 ||
	    cryptoki_find_key(j, c, public_key) < 0 ||
	    check_maker(j, c, &info) < 0)
		goto fail;
	c->is_logged_in = true;
	c->seen = ++c->module->good;
	return 0;
fail:
	cryptoki_lost(c);
	return -1;
}

void
cryptoki_leave(struct cryptoki *c)
{
	leave_module(c, false);
}

/*
 * A library that talks to a device through a socket opens it again only after
 * it was finalized, which its other keys are spared as long as what they do
 * shows that it works.
 */
void
cryptoki_lost(struct cryptoki *c)
{
	bool must_end;

	if (!c->is_initialized)
		return;
	c->failures++;
	must_end =
	    c->module->good == c->seen || c->failures % FAILURES_MAX == 0;
	c->seen = c->module->good;
	leave_module(c, must_end);
}

void
cryptoki_confused(struct cryptoki *c)
{
	leave_module(c, true);
}

bool
cryptoki_is_connected(const struct cryptoki *c)
{
	return c->is_logged_in && is_current(c);
}

static void
went_well(struct cryptoki *c)
{
	c->failures = 0;
	c->seen = ++c->module->good;
}

/* --- signing ------------------------------------------------------------- */

static const CK_MECHANISM_TYPE mechanisms[] = {
	[CRYPTOKI_RSA_PKCS] = CKM_RSA_PKCS,
	[CRYPTOKI_SHA256_RSA_PKCS] = CKM_SHA256_RSA_PKCS,
	[CRYPTOKI_SHA384_RSA_PKCS] = CKM_SHA384_RSA_PKCS,
	[CRYPTOKI_SHA512_RSA_PKCS] = CKM_SHA512_RSA_PKCS,
	[CRYPTOKI_ECDSA] = CKM_ECDSA,
};

bool
cryptoki_can(const struct cryptoki *c, enum cryptoki_mechanism m)
{
	CK_MECHANISM_INFO info = { .flags = 0 };

	return c->f->C_GetMechanismInfo(c->slot, mechanisms[m], &info) ==
		   CKR_OK &&
	       (info.flags & CKF_SIGN) != 0;
}

int
cryptoki_sign(struct job *j, struct cryptoki *c, enum cryptoki_mechanism m,
    struct span in, unsigned char *out, size_t *out_len)
{
	CK_MECHANISM mechanism = { mechanisms[m], NULL, 0 };
	unsigned char *data = arena_memdup(j->arena, in.p, in.n);
	CK_ULONG n = *out_len;
	CK_RV rv = c->f->C_SignInit(c->session, &mechanism, c->key);

	if (rv != CKR_OK)
		return cryptoki_fail(j, "C_SignInit", rv);
	rv = c->f->C_Sign(c->session, data, in.n, out, &n);
	if (rv != CKR_OK)
		return cryptoki_fail(j, "C_Sign", rv);
	*out_len = n;
	went_well(c);
	return 0;
}
