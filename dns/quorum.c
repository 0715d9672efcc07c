#include "config.h"

#include "dns/quorum.h"

#include <math.h>

static const char *const rir_names[] = {
	[RIR_AFRINIC] = "afrinic",
	[RIR_APNIC] = "apnic",
	[RIR_ARIN] = "arin",
	[RIR_LACNIC] = "lacnic",
	[RIR_RIPE] = "ripe",
};

static const char *const answer_names[] = {
	[ANSWER_PENDING] = "pending",
	[ANSWER_AGREES] = "agrees",
	[ANSWER_DENIES] = "denies",
	[ANSWER_FAILS] = "fails",
	[ANSWER_SILENT] = "silent",
};

static const char *const outcome_names[] = {
	[QUORUM_OPEN] = "open",
	[QUORUM_REACHED] = "reached",
	[QUORUM_DENIED] = "denied",
	[QUORUM_FAILED] = "failed",
	[QUORUM_SILENT] = "silent",
};

const char *
rir_name(enum rir r)
{
	return rir_names[r];
}

bool
rir_parse(struct span name, enum rir *out)
{
	for (int i = 0; i < RIR_COUNT; i++)
		if (span_eq_str(name, rir_names[i])) {
			*out = (enum rir)i;
			return true;
		}
	return false;
}

const char *
answer_name(enum answer a)
{
	return answer_names[a];
}

bool
answer_parse(struct span name, enum answer *out)
{
	for (int i = ANSWER_PENDING; i <= ANSWER_SILENT; i++)
		if (span_eq_str(name, answer_names[i])) {
			*out = (enum answer)i;
			return true;
		}
	return false;
}

const char *
quorum_outcome_name(enum quorum_outcome o)
{
	return outcome_names[o];
}

enum answer
answer_join(enum answer before, enum answer now)
{
	if (before == ANSWER_PENDING || before == now)
		return now;
	return ANSWER_DENIES;
}

/* --- the table ----------------------------------------------------------- */

size_t
quorum_dissent(size_t n)
{
	return n >= 6 ? 2 : 1;
}

static size_t
regions_of(const struct vote *votes, size_t n, bool with_pending)
{
	bool seen[RIR_COUNT] = { false };
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		enum answer a = votes[i].answer;

		if (a != ANSWER_AGREES &&
		    !(with_pending && a == ANSWER_PENDING))
			continue;
		count += !seen[votes[i].rir];
		seen[votes[i].rir] = true;
	}
	return count;
}

static void
count_answers(struct quorum *q, const struct vote *votes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		switch (votes[i].answer) {
		case ANSWER_PENDING:
			q->pending++;
			break;
		case ANSWER_AGREES:
			q->agree++;
			break;
		case ANSWER_DENIES:
			q->deny++;
			break;
		case ANSWER_FAILS:
			q->fail++;
			break;
		case ANSWER_SILENT:
			q->silent++;
			break;
		}
	}
}

/* MP-6: the majority's, a denial first where they are equal. */
static enum quorum_outcome
why_not(const struct quorum *q)
{
	if (q->deny > 0 && q->deny >= q->fail && q->deny >= q->silent)
		return QUORUM_DENIED;
	if (q->fail > 0 && q->fail >= q->silent)
		return QUORUM_FAILED;
	return QUORUM_SILENT;
}

struct quorum
quorum_count(const struct vote *votes, size_t n, size_t minimum)
{
	struct quorum q = { .asked = n, .minimum = minimum };
	size_t dissent = quorum_dissent(n);

	q.needed = n > dissent ? n - dissent : 1;
	q.regions_needed = n >= 3 ? 2 : 1;
	count_answers(&q, votes, n);
	q.regions = regions_of(votes, n, false);
	if (n >= q.minimum && q.agree >= q.needed &&
	    q.regions >= q.regions_needed)
		q.outcome = QUORUM_REACHED;
	else if (n < q.minimum || q.agree + q.pending < q.needed ||
		 regions_of(votes, n, true) < q.regions_needed)
		q.outcome = why_not(&q);
	return q;
}

/* --- places -------------------------------------------------------------- */

#define EARTH_RADIUS_KM 6371.0
#define RADIANS(degrees) ((degrees)*3.14159265358979323846 / 180.0)

/* The haversine formula: exact enough for short distances, too. */
double
place_distance_km(struct site a, struct site b)
{
	double north = sin(RADIANS(b.latitude - a.latitude) / 2);
	double east = sin(RADIANS(b.longitude - a.longitude) / 2);
	double h = north * north + cos(RADIANS(a.latitude)) *
				       cos(RADIANS(b.latitude)) * east * east;

	return 2 * EARTH_RADIUS_KM * asin(sqrt(h < 1 ? h : 1));
}
