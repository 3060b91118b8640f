/* The page of all keys, docs/policy.md, generated from the rows that also read them: what can be said in a row is said there, and
   only what is about several keys at once is written here, in front of the tables. A test reads every example back through its
   row. */
#include "config/draft.h"
#include "config/schema.h"

#include <stdio.h>
#include <string.h>

static const char front[] =
    "# The policy\n\n"
    "One YAML file says everything about a workspace: what comes in, how urgent it is, where it waits, who is asked, and what "
    "happens\n"
    "when nobody comes. `naru check FILE` reads it as the service would and says all it finds, each with line, column, key and\n"
    "remedy; a file with an error is not used, and the last good one stays. [The sample](../config/hanbit.yaml) is a whole one;\n"
    "[config/teams](../config/teams) has five for teams as people build them.\n\n"
    "This page is generated: `naru check --reference > docs/policy.md`.\n\n"
    "## How values are written\n\n"
    "- Durations are `250ms`, `15s`, `2m`, `4h`, `7d`; percentages `80%`. What is quoted is text, never a number.\n"
    "- Where a list is meant, one value may stand alone. `yes` and `no` may be written `true` and `false`.\n"
    "- A limit that is not written takes the default given here, and `naru check` says which ones did.\n"
    "- Keys marked \\* are checked for form, and nothing acts on them yet: `naru check` warns of each use.\n\n"
    "## Clocks\n\n"
    "Every duration has one clock, which the column of that name gives: from when it runs. Deadlines run on a clock that a change "
    "of\n"
    "the wall clock does not touch. A percentage is a share of the queue's answer target for the ticket's urgency, and where that\n"
    "target has `hours` it counts only while these are open. A ticket keeps its age over moves, callbacks, offers that nobody "
    "takes,\n"
    "transfers and reloads of the policy: `enqueued` is always the same instant.\n\n"
    "## Who is next\n\n"
    "There is one order over all queues that an agent serves, and what nobody free can serve holds nobody up. First go tickets "
    "that\n"
    "have reached their age cap, the earliest cap first; then the others, under `slack` by the time that is left to the target,\n"
    "divided by the queue's weight.\n\n"
    "**What is late** is lost, and stands behind what can still be in time, but not behind what has hours left: under `slack` it "
    "goes\n"
    "as if target × (1 + target ÷ wait) were left. So a late call lets calls that can be in time pass, and passes mails that are "
    "due\n"
    "in the afternoon.\n\n"
    "**The age cap bounds the wait.** A ticket that has reached it goes before everything that has not, however urgent, and "
    "before\n"
    "every ticket whose own cap comes later. What may still be taken before it are only tickets that reached their caps earlier; "
    "no\n"
    "newcomer ever joins them. So its wait is at most the cap, and then one freed place for each of those that the same agents "
    "serve.\n"
    "`naru check` states the cap of each queue. `fifo` and `priority` have none unless `age-cap` is given: under `fifo` nobody "
    "passes\n"
    "who came later to the same queue; under `priority` nothing bounds the wait of what is less urgent.\n\n"
    "## Who is asked\n\n"
    "- Agents are in `groups`; a group is what any queue, step, gate or agent names so, 64 in a workspace at most. A queue with\n"
    "  `groups` asks only those, its own first, then those that steps `add`, then those that an open gate lets in. A queue "
    "without\n"
    "  asks everybody; a gate then only holds its group back.\n"
    "- `choose` decides between those who can take a ticket. In a list each word decides only between those whom the words before "
    "it\n"
    "  hold for equal: `preferred` and `last-agent` (that agent), `best-skill` (the highest levels in what is needed), "
    "`spare-skill`\n"
    "  (the least that is not needed), `own-skill-first` (whose best skill is the one needed), `least-loaded`, `longest-idle`,\n"
    "  `round-robin` (whose last offer is longest ago), `fastest` (the shortest work on such tickets). As weights each word is a "
    "share\n"
    "  from 0 to 1 times its weight.\n"
    "- Bots are asked before people, unless the queue says `bots: never` or a bot handed the ticket over.\n"
    "- `capacity.keep` holds back the last units of every agent. A ticket that it is kept for may use them; any other may not, so "
    "a\n"
    "  channel that costs more than what is left is taken only when it is favoured, and `naru check` says so.\n\n"
    "## Steps\n\n"
    "A step happens once each time its clock begins. It only widens: levels fall, needs go, groups and numbers grow, urgency "
    "rises;\n"
    "what asks for more is refused unless the step says `narrow: yes`. `move`, `callback`, `park` and `close` exclude each "
    "other.\n\n"
    "```yaml\n"
    "timeline:\n"
    "  - { after: 20%, needs: { billing: 3 } }              # of the answer target: enough skill rather than the best\n"
    "  - { after: 40%, drop: [lang], add: [second-line] }   # then others, in any language\n"
    "  - { after: 60%, raise: 1, notify: [supervisors] }\n"
    "  - { after: 90%, move: front-desk }\n"
    "  - { after: 2h, since: last-reply, update: still-here }\n"
    "```\n\n"
    "# Keys\n";

static const char arrivals_front[] =
    "\n# Arrivals\n\n"
    "Who comes in a simulation, as a file of its own (`naru simulate --arrivals FILE`) in place of "
    "a trace. Its classes are\n"
    "those of the policy's `simulate` section. Each class comes at random (a Poisson process), at "
    "its rate of that time of day.\n";

/* ---- one row ---- */

static bool is_word(const struct row *r) { return r->kind == &K_WORD || r->kind == &K_BOOLWORD; }

/* A word that is not the default, so that the example says something. */
static const char *word_of(const struct row *r)
{
    const struct wordset *set = r->arg;
    const char *word = r->fallback;
    for (unsigned i = 0; i < set->words->count; i++)
        if (!(set->hidden >> i & 1) && (!r->fallback || strcmp(set->words->v[i], r->fallback))) word = set->words->v[i];
    return word;
}

const char *row_example(const struct row *r)
{
    static const char *const of[REF_COUNT] = {
        [REF_QUEUE] = "front-desk", [REF_HOURS] = "seoul", [REF_CHANNEL] = "webchat", [REF_ACCOUNT] = "web"
    };
    if (r->example) return r->example;
    if (r->kind == &K_REF) return of[*(const enum ref_to *)r->arg];
    if (is_word(r)) return word_of(r);
    return r->fallback ? r->fallback : r->kind->example;
}

static void words_text(struct buf *out, const struct wordset *set)
{
    const char *comma = "";
    for (unsigned i = 0; i < set->words->count; i++) {
        if (set->hidden >> i & 1) continue;
        buf_addf(out, "%s`%s`%s", comma, set->words->v[i], set->idle >> i & 1 ? "\\*" : "");
        comma = ", ";
    }
}

static void bounds_text(struct buf *out, const struct row *r)
{
    char least[32], most[32];
    const struct kind *k = r->kind;
    if (k == &K_CHANNEL) {
        words_text(out, &(struct wordset){ &channel_words, 0, 0 });
    } else if (is_word(r) || k == &K_BITS || k == &K_CHOOSE) {
        words_text(out, r->arg);
    } else if (k == &K_SPAN || k == &K_AFTER) {
        const struct span_rule *rule = r->arg;
        buf_addf(out, "%s to %s, or %u%% to %u%%", ms_text(r->min, least), ms_text(r->max, most), rule->pct_min, rule->pct_max);
    } else if ((k == &K_MS || k == &K_WITHIN || k == &K_LONG || k == &K_DIST) && r->max != 0) {
        buf_addf(out, "%s to %s", ms_text(r->min, least), ms_text(r->max, most));
    } else if (k == &K_PERCENT || k == &K_SHARE) {
        buf_addf(out, "%g%% to %g%%", r->min, r->max);
    } else if ((k == &K_U32 || k == &K_INT || k == &K_F64 || k == &K_OVER || k == &K_MAXIMA || k == &K_BY_CLASS ||
                k == &K_PARALLEL || k == &K_PLACES) &&
               (r->min != 0 || r->max != 0)) {
        buf_addf(out, "%g to %.10g", r->min, r->max);
    } else if ((k == &K_NAMED || k == &K_ITEMS) && r->max != 0) {
        buf_addf(out, "%.0f at most", r->max);
    }
}

static void default_text(struct buf *out, const struct row *r)
{
    if (r->fallback) buf_addf(out, "`%s`", r->fallback);
    if (r->usual) buf_addf(out, "%s%s", r->fallback ? "; " : "", r->usual);
}

static void reference_row(struct buf *out, const struct row *r, bool clocks)
{
    const char *example = row_example(r);
    buf_addf(out, "| `%s%s`%s%s | %s | ", r->name, r->flags & ROW_PREFIX ? "…" : "", r->flags & ROW_NEEDED ? " (needed)" : "",
             r->flags & ROW_IDLE ? "\\*" : "", r->kind->name);
    bounds_text(out, r);
    buf_addz(out, " | ");
    default_text(out, r);
    if (clocks) buf_addf(out, " | %s", r->clock ? r->clock : "");
    buf_addf(out, " | %s | ", r->help);
    if (example) buf_addf(out, "`%s%s: %s`", r->name, r->flags & ROW_PREFIX ? "tier" : "", example);
    buf_addz(out, " |\n");
}

/* ---- all of them ---- */

static bool has_clocks(const struct mapping *m)
{
    for (const struct row *r = m->rows; r->name; r++)
        if (r->clock) return true;
    return false;
}

/* What was written so far: a mapping that stands in several places is told once. */
#define MAPPINGS_MAX 96u
struct told {
    const struct mapping *v[MAPPINGS_MAX];
    char path[MAPPINGS_MAX][120];
    uint32_t count;
};

static bool is_told(struct buf *out, struct told *t, const struct mapping *m, const char *path)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->v[i] != m) continue;
        buf_addf(out, "\n## %s\n\nAs %s.\n", path, t->path[i]);
        return true;
    }
    if (t->count < MAPPINGS_MAX) {
        t->v[t->count] = m;
        snprintf(t->path[t->count++], sizeof t->path[0], "%s", path);
    }
    return false;
}

static void reference_mapping(struct buf *out, struct told *t, const struct mapping *m, const char *path)
{
    bool clocks = has_clocks(m);
    if (is_told(out, t, m, path)) return;
    buf_addf(out, "\n## %s\n\n| key | value | bounds | default |%s what it says | example |\n|---|---|---|---|%s---|---|\n",
             path[0] ? path : "The whole file", clocks ? " clock: from |" : "", clocks ? "---|" : "");
    for (const struct row *r = m->rows; r->name; r++) reference_row(out, r, clocks);
    for (const struct row *r = m->rows; r->name; r++) {
        char below[200];
        if (!r->kind->inner) continue;
        snprintf(below, sizeof below, "%s%s%s%s", path, path[0] ? "." : "", r->name, r->kind->suffix);
        reference_mapping(out, t, r->kind->inner(r), below);
    }
}

void policy_reference(struct buf *out)
{
    struct told t = { .count = 0 };
    buf_addz(out, front);
    reference_mapping(out, &t, &policy_mapping, "");
    buf_addz(out, arrivals_front);
    reference_mapping(out, &t, &arrivals_mapping, "arrivals");
}
