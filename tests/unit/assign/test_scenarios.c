#include "base/clock.h"
#include "base/opt.h"
#include "world.h"

#include <dirent.h>

/* Plays every file of tests/scenarios against the matching core. A file is lines of text:

     # a comment                      policy NAME      and the indented lines after it: a policy; the first is in use at start
     at 90s                           turns the clock, letting happen what falls due on the way; or to a date and time such as
                                      2026-03-08T09:00:00-05:00
     & …                              the same instant as the next line: the turn does not end here
     message|call|hangup EVENT conv=C [account=A channel=C urgency=U needs=s:5,t:3 lang=L queue=Q
                                      intent=I unsure=yes tags=a,b text=T customer=C person=P prefer=AGENT
                                      sentiment=S confidence=0.4]    person, prefer: attributes customer.id, customer.agent
     connect|online|disconnect|heartbeat AGENT [session=S]     S: old (of the connection before) or current
     silent AGENT                     no heartbeats from now on
     presence AGENT offline|available|away [reason=R session=S]
     accept|decline|start|resolve|park|resume AGENT CONV [token=old session=S] [-> STATUS [PROBLEM]]
     transfer AGENT CONV [queue=Q to=AGENT needs=s:5 reason=R]    reply AGENT CONV text=T    pull AGENT CONV
     consult AGENT CONV to=AGENT|reason=over    handover AGENT CONV [reason=R]
     cancel CONV    assign CONV to=AGENT [reason=force]    requeue CONV [queue=Q reason=R]: by a supervisor    reload NAME
     restart                          the leader died, and the next one reads what was written
     refused NAME WORDS               the policy is refused at load, and a finding contains the words
     expect CONV [state=S agent=A urgency=U queue=Q told=T]    agent of an offer or a hold, of several parted by ","; agent=-
                                      nobody; told: what its agent
                                      was last told that has changed, words parted by ","
     expect-change CONV TEXT …        the record of what a message last changed contains each text
     expect-life CONV TEXT …          the ticket's life as JSON (explain) contains each text
     explain CONV WORDS               why the ticket went where it went, or why it waits, says so; `! WORDS`: it does not
     expect-shown CONV TEXT …         what an agent was shown with the ticket last, as JSON, contains each text
     expect-entries KIND=N …          how many entries of the kind so far
     expect-agent AGENT TEXT          the agent as JSON contains the text
     expect-queue QUEUE [waiting=N] TEXT …      the queue as JSON
     expect-ticket CONV TEXT …        the ticket as JSON (without blanks) contains each text; `!TEXT`: does not
     expect-notices N                 so many notices were shown to agents so far
     callback AGENT CONV [in=T]       … puts the ticket off; AGENT `-`: a supervisor does
     expect-same CONV CONV            both are the same ticket
     expect-replaced AGENT session=S  that connection, or with "none" nobody, was told since the last time that it is replaced

   Agents who are connected send heartbeats. After every line that ends a turn, everything that must always hold is checked. */

#define WORDS_MAX     32
#define SCENARIOS_MAX 256

struct play {
    struct world w;
    const char *file;
    uint32_t line;
    char *policies[8], policy_names[8][32];
    uint32_t policy_count;
    char agents[64][32];
    bool beats[64];
    uint64_t sessions[64];
    uint32_t agent_count;
    uint64_t next_beat;
};

static _Noreturn void bad(const struct play *p, const char *what, const char *of)
{
    fprintf(stderr, "%s:%u: %s %s\n", p->file, p->line, what, of ? of : "");
    fail_msg("%s:%u: %s %s", p->file, p->line, what, of ? of : "");
    abort();
}

static const char *value(char **v, int n, const char *key)
{
    size_t len = strlen(key);

    for (int i = 1; i < n; i++)
        if (strncmp(v[i], key, len) == 0 && v[i][len] == '=') return v[i] + len + 1;
    return NULL;
}

static uint32_t agent_slot(struct play *p, const char *name)
{
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (strcmp(p->agents[i], name) == 0) return i;
    copy_text(p->agents[p->agent_count], sizeof p->agents[0], str_of(name));
    return p->agent_count++;
}

static int word_of(const struct play *p, const struct words *w, const char *word)
{
    int i = words_find(w, str_of(word));

    if (i < 0) bad(p, "no such word:", word);
    return i;
}

/* ---- verbs ---- */

/* needs=s:5,t:3, into `out`, texts in `copy`. */
static uint32_t needs_of(const char *given, char copy[256], struct need out[8])
{
    char *at, *one, *level;
    uint32_t n = 0;

    snprintf(copy, 256, "%s", given ? given : "");
    for (one = strtok_r(copy, ",", &at); one; one = strtok_r(NULL, ",", &at)) {
        if ((level = strrchr(one, ':'))) *level++ = '\0';
        out[n++] = (struct need){ str_of(one), level ? (uint32_t)atoi(level) : 1 };
    }
    return n;
}

static void do_event(struct play *p, char **v, int n)
{
    struct said s = { .external = v[1],
                      .conversation = value(v, n, "conv"),
                      .account = value(v, n, "account"),
                      .channel = value(v, n, "channel"),
                      .text = value(v, n, "text"),
                      .lang = value(v, n, "lang"),
                      .queue = value(v, n, "queue"),
                      .intent = value(v, n, "intent"),
                      .unsure = value(v, n, "unsure") != NULL,
                      .customer = value(v, n, "customer"),
                      .person = value(v, n, "person"),
                      .prefer = value(v, n, "prefer"),
                      .confidence = value(v, n, "confidence") ? atof(value(v, n, "confidence")) : 1,
                      .urgency = URG_NORMAL };
    const char *urgency = value(v, n, "urgency"), *needs = value(v, n, "needs");
    char copy[256], tags[256], *at, *one;

    s.kind = (enum event_kind)word_of(p, &event_kind_words, v[0]);
    if (value(v, n, "sentiment")) s.sentiment = (enum sentiment)word_of(p, &sentiment_words, value(v, n, "sentiment"));
    if (urgency) s.urgency = (enum urgency)word_of(p, &urgency_words, urgency);
    s.need_count = needs_of(needs, copy, s.needs);
    snprintf(tags, sizeof tags, "%s", value(v, n, "tags") ? value(v, n, "tags") : "");
    for (one = strtok_r(tags, ",", &at); one; one = strtok_r(NULL, ",", &at)) s.tags[s.tag_count++].name = str_of(one);
    world_take(&p->w, &s);
}

/* session=old: that of the connection before; else the current one. */
static uint64_t session_of(struct play *p, char **v, int n)
{
    const char *s = value(v, n, "session");

    if (s && strcmp(s, "old") == 0) return p->sessions[agent_slot(p, v[1])] - 1;
    return p->sessions[agent_slot(p, v[1])];
}

/* None unless one is named: as by HTTP. */
static uint64_t session_named(struct play *p, char **v, int n) { return value(v, n, "session") ? session_of(p, v, n) : 0; }

static void do_connect(struct play *p, char **v, int n)
{
    uint32_t i = agent_slot(p, v[1]);

    world_act(&p->w, (struct act){ .kind = ACT_CONNECT, .agent = str_of(v[1]), .session = session_named(p, v, n) });
    if (p->w.status != 200) return;
    p->sessions[i] = p->w.session;
    p->beats[i] = true;
}

static void do_online(struct play *p, char **v, int n)
{
    do_connect(p, v, n);
    world_act(&p->w, (struct act){ .kind = ACT_PRESENCE, .agent = str_of(v[1]), .presence = PRES_AVAILABLE });
}

static void do_disconnect(struct play *p, char **v, int n)
{
    uint64_t session = session_of(p, v, n);

    if (!value(v, n, "session")) p->beats[agent_slot(p, v[1])] = false;
    world_act(&p->w, (struct act){ .kind = ACT_DISCONNECT, .agent = str_of(v[1]), .session = session });
}

static void do_silent(struct play *p, char **v, int n)
{
    (void)n;
    p->beats[agent_slot(p, v[1])] = false;
}

static void do_heartbeat(struct play *p, char **v, int n)
{
    world_act(&p->w, (struct act){ .kind = ACT_HEARTBEAT, .agent = str_of(v[1]), .session = session_of(p, v, n) });
}

static void do_presence(struct play *p, char **v, int n)
{
    world_act(&p->w, (struct act){ .kind = ACT_PRESENCE,
                                   .agent = str_of(v[1]),
                                   .session = session_named(p, v, n),
                                   .reason = str_of(value(v, n, "reason")),
                                   .presence = (enum presence)word_of(p, &presence_words, v[2]) });
}

/* What the words after the ticket give of an act. */
static void add_words(struct act *a, char **v, int n, char copy[256], struct need needs[8])
{
    a->queue = str_of(value(v, n, "queue"));
    a->to = str_of(value(v, n, "to"));
    a->reason = str_of(value(v, n, "reason"));
    a->text = str_of(value(v, n, "text"));
    a->needs = (struct list){ needs, needs_of(value(v, n, "needs"), copy, needs) };
}

static void do_on_ticket(struct play *p, char **v, int n)
{
    enum act_kind kind = (enum act_kind)word_of(p, &act_kind_words, v[0]);
    struct seen_ticket *t = world_ticket(&p->w, v[2]);
    struct act a = { .kind = kind, .agent = str_of(v[1]), .actor = str_of(v[1]) };
    struct need needs[8];
    char copy[256];

    if (!t) bad(p, "no ticket of conversation", v[2]);
    add_words(&a, v, n, copy, needs);
    a.ticket = t->id;
    if (kind != ACT_PULL) world_token(t, v[1], kind == ACT_ACCEPT || kind == ACT_DECLINE, &a);
    a.session = session_named(p, v, n);
    if (value(v, n, "token")) a.token_seq--;
    world_act(&p->w, a);
}

static void do_callback(struct play *p, char **v, int n)
{
    struct seen_ticket *t = world_ticket(&p->w, v[2]);
    const char *in = value(v, n, "in");
    struct act a = { .kind = ACT_CALLBACK, .privileged = strcmp(v[1], "-") == 0 };
    uint64_t ms = 0;

    if (!t) bad(p, "no ticket of conversation", v[2]);
    if (in && opt_ms(str_of(in), &ms)) bad(p, "not a time:", in);
    a.ticket = t->id;
    if (!a.privileged) a.agent = str_of(v[1]), world_token(t, v[1], false, &a);
    a.at = in ? p->w.now + ms : 0;
    world_act(&p->w, a);
}

/* By a supervisor, without a token. */
static void do_supervised(struct play *p, char **v, int n)
{
    const struct seen_ticket *t = world_ticket(&p->w, v[1]);
    struct act a = { .kind = (enum act_kind)word_of(p, &act_kind_words, v[0]), .privileged = true, .actor = STR("boss") };
    struct need needs[8];
    char copy[256];

    if (!t) bad(p, "no ticket of conversation", v[1]);
    add_words(&a, v, n, copy, needs);
    a.ticket = t->id;
    world_act(&p->w, a);
}

static const char *policy_text(const struct play *p, const char *name)
{
    for (uint32_t i = 0; i < p->policy_count; i++)
        if (strcmp(p->policy_names[i], name) == 0) return p->policies[i];
    bad(p, "no policy called", name);
}

static void do_reload(struct play *p, char **v, int n)
{
    struct policy *next = world_policy(policy_text(p, v[1]));

    (void)n;
    assert_int_equal(space_policy(p->w.ws, p->w.now, next), ERR_OK);
    policy_unref(p->w.policy);
    p->w.policy = next;
}

/* The leader died after its last turn; the next one begins with what was written. */
static void do_restart(struct play *p, char **v, int n)
{
    (void)v, (void)n;
    world_turn(&p->w);
    world_restart(&p->w);
    space_restore_done(p->w.ws, p->w.now);
}

static void do_refused(struct play *p, char **v, int n)
{
    struct policy *loaded = NULL;
    char words[256] = "";
    struct findings f;
    struct buf text;

    for (int i = 2; i < n; i++) snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i > 2 ? " " : "", v[i]);
    findings_init(&f);
    buf_init(&text, 65536);
    if (!policy_load(&loaded, str_of(policy_text(p, v[1])), "test.yaml", WORLD_START, &f)) bad(p, "not refused:", v[1]);
    findings_text(&f, "test.yaml", &text);
    if (!strstr(buf_cstr(&text), words)) bad(p, "otherwise than expected:", buf_cstr(&text));
    buf_fini(&text);
    findings_fini(&f);
}

static void beat(struct play *p)
{
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (p->beats[i])
            world_act(&p->w, (struct act){ .kind = ACT_HEARTBEAT, .agent = str_of(p->agents[i]), .session = p->sessions[i] });
}

static bool anybody_beats(const struct play *p)
{
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (p->beats[i]) return true;
    return false;
}

static void do_at(struct play *p, char **v, int n)
{
    uint64_t ms, until;

    (void)n;
    if (clock_parse(v[1], strlen(v[1]), &until) != 0) {
        if (opt_ms(str_of(v[1]), &ms)) bad(p, "not a time:", v[1]);
        until = WORLD_START + ms;
    }
    if (until < p->w.now) bad(p, "the clock would go back to", v[1]);
    while (p->w.now < until) {
        uint64_t step = until - p->w.now;
        if (!p->next_beat || p->next_beat < p->w.now) p->next_beat = p->w.now + 10000;
        if (anybody_beats(p) && p->next_beat - p->w.now < step) step = p->next_beat - p->w.now;
        world_wait(&p->w, step);
        if (p->w.now < p->next_beat) continue;
        beat(p);
        p->next_beat = p->w.now + 10000;
    }
}

/* ---- expectations ---- */

static void do_expect(struct play *p, char **v, int n)
{
    const struct seen_ticket *t = world_ticket(&p->w, v[1]);
    const char *state = value(v, n, "state"), *agent = value(v, n, "agent");
    char text[512];

    if (!t) bad(p, "no ticket of conversation", v[1]);
    const char *is = ticket_state_words.v[t->state], *has = t->owner[0] ? t->owner : t->offered[0] ? t->offered : "-";
    snprintf(text, sizeof text, "%s is %s with %s", v[1], is, has);
    if (state && strcmp(state, is) != 0) bad(p, "otherwise than expected:", text);
    if (agent && strcmp(agent, has) != 0) bad(p, "otherwise than expected:", text);
    const struct {
        const char *key, *is;
    } more[] = { { "urgency", urgency_words.v[t->urgency] }, { "queue", t->queue }, { "told", t->told } };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        const char *wanted = value(v, n, more[i].key), *got = more[i].is;
        for (; wanted && *wanted; wanted++, got++) { /* blanks left out */
            while (*got == ' ') got++;
            if (*got != *wanted) break;
        }
        if (wanted && (*wanted || *got)) bad(p, more[i].key, more[i].is);
    }
}

static void do_expect_change(struct play *p, char **v, int n)
{
    const struct seen_ticket *t = world_ticket(&p->w, v[1]);

    if (!t) bad(p, "no ticket of conversation", v[1]);
    for (int i = 2; i < n; i++)
        if (!strstr(t->detail, v[i])) bad(p, "otherwise than expected:", t->detail);
}

static void do_expect_shown(struct play *p, char **v, int n)
{
    const struct seen_ticket *t = world_ticket(&p->w, v[1]);

    if (!t) bad(p, "no ticket of conversation", v[1]);
    for (int i = 2; i < n; i++)
        if (!strstr(t->shown, v[i])) bad(p, "otherwise than expected:", t->shown);
}

static void do_expect_life(struct play *p, char **v, int n)
{
    const struct seen_ticket *t = world_ticket(&p->w, v[1]);

    if (!t) bad(p, "no ticket of conversation", v[1]);
    world_act(&p->w, (struct act){ .kind = ACT_EXPLAIN, .privileged = true, .ticket = t->id });
    for (int i = 2; i < n; i++)
        if (!strstr(p->w.body, v[i])) bad(p, "otherwise than expected:", p->w.body);
}

/* All words behind the conversation are one text. */
static void do_explain(struct play *p, char **v, int n)
{
    const struct seen_ticket *t = world_ticket(&p->w, v[1]);
    bool absent = strcmp(v[2], "!") == 0;
    char text[512] = "";

    if (!t) bad(p, "no ticket of conversation", v[1]);
    for (int i = 2 + absent; i < n; i++) {
        strncat(text, v[i], sizeof text - strlen(text) - 2);
        if (i + 1 < n) strcat(text, " ");
    }
    world_act(&p->w, (struct act){ .kind = ACT_EXPLAIN, .privileged = true, .ticket = t->id });
    if (!strstr(p->w.body, text) != absent) bad(p, "otherwise than expected:", p->w.body);
}

static void do_expect_entries(struct play *p, char **v, int n)
{
    for (int i = 1; i < n; i++) {
        char *eq = strchr(v[i], '='), text[120];
        if (!eq) bad(p, "KIND=N wanted:", v[i]);
        *eq = '\0';
        int kind = word_of(p, &entry_kind_words, v[i]);
        if (p->w.entries[kind] == (uint32_t)atoi(eq + 1)) continue;
        snprintf(text, sizeof text, "%u entries %s", p->w.entries[kind], v[i]);
        bad(p, "otherwise than expected:", text);
    }
}

static void do_expect_agent(struct play *p, char **v, int n)
{
    world_act(&p->w, (struct act){ .kind = ACT_AGENT, .agent = str_of(v[1]) });
    for (int i = 2; i < n; i++)
        if (!strstr(p->w.body, v[i])) bad(p, "otherwise than expected:", p->w.body);
}

static void check_body(const struct play *p, char **v, int n)
{
    for (int i = 2; i < n; i++) {
        bool absent = v[i][0] == '!';
        if (!strstr(p->w.body, v[i] + absent) != absent) bad(p, "otherwise than expected:", p->w.body);
    }
}

static void do_expect_queue(struct play *p, char **v, int n)
{
    const char *waiting = value(v, n, "waiting");
    char text[64];

    world_act(&p->w, (struct act){ .kind = ACT_QUEUES, .queue = str_of(v[1]) });
    snprintf(text, sizeof text, "\"waiting\":%s,", waiting ? waiting : "");
    if (waiting && !strstr(p->w.body, text)) bad(p, "otherwise than expected:", p->w.body);
    check_body(p, v + (waiting != NULL), n - (waiting != NULL));
}

static void do_expect_ticket(struct play *p, char **v, int n)
{
    const struct seen_ticket *t = world_ticket(&p->w, v[1]);

    if (!t) bad(p, "no ticket of conversation", v[1]);
    world_act(&p->w, (struct act){ .kind = ACT_TICKET, .privileged = true, .ticket = t->id });
    check_body(p, v, n);
}

static void do_expect_notices(struct play *p, char **v, int n)
{
    char text[32];

    (void)n;
    snprintf(text, sizeof text, "%u notices", p->w.notices);
    if (p->w.notices != (uint32_t)atoi(v[1])) bad(p, "otherwise than expected:", text);
}

static void do_expect_replaced(struct play *p, char **v, int n)
{
    uint64_t expected = strcmp(v[1], "none") == 0 ? 0 : session_of(p, v, n);
    char got[32];

    snprintf(got, sizeof got, "%llu", (unsigned long long)p->w.replaced);
    if (p->w.replaced != expected) bad(p, "told to close was session", got);
    p->w.replaced = 0;
}

static const struct verb {
    const char *name;
    int words;
    void (*fn)(struct play *p, char **v, int n);
} verbs[] = {
    { "message", 2, do_event },
    { "call", 2, do_event },
    { "hangup", 2, do_event },
    { "receipt", 2, do_event },
    { "connect", 2, do_connect },
    { "online", 2, do_online },
    { "disconnect", 2, do_disconnect },
    { "silent", 2, do_silent },
    { "heartbeat", 2, do_heartbeat },
    { "presence", 3, do_presence },
    { "accept", 3, do_on_ticket },
    { "decline", 3, do_on_ticket },
    { "start", 3, do_on_ticket },
    { "resolve", 3, do_on_ticket },
    { "park", 3, do_on_ticket },
    { "resume", 3, do_on_ticket },
    { "transfer", 3, do_on_ticket },
    { "reply", 3, do_on_ticket },
    { "consult", 3, do_on_ticket },
    { "handover", 3, do_on_ticket },
    { "pull", 3, do_on_ticket },
    { "cancel", 2, do_supervised },
    { "assign", 3, do_supervised },
    { "requeue", 2, do_supervised },
    { "reload", 2, do_reload },
    { "restart", 1, do_restart },
    { "refused", 3, do_refused },
    { "at", 2, do_at },
    { "expect", 2, do_expect },
    { "expect-entries", 2, do_expect_entries },
    { "expect-change", 3, do_expect_change },
    { "expect-shown", 3, do_expect_shown },
    { "expect-life", 3, do_expect_life },
    { "explain", 3, do_explain },
    { "expect-agent", 3, do_expect_agent },
    { "expect-queue", 3, do_expect_queue },
    { "expect-ticket", 3, do_expect_ticket },
    { "expect-notices", 2, do_expect_notices },
    { "callback", 3, do_callback },
    { "expect-replaced", 2, do_expect_replaced },
};

/* "-> 409 old-token" at the end of a line: what the last result must be. */
static void check_result(struct play *p, char **v, int n)
{
    char got[100];

    snprintf(got, sizeof got, "%u %s", p->w.status, p->w.problem);
    if (n < 1 || (uint32_t)atoi(v[0]) != p->w.status || (n > 1 && strcmp(v[1], p->w.problem) != 0)) bad(p, "the answer was", got);
}

static void run_line(struct play *p, char *line)
{
    char *v[WORDS_MAX], *at, *word;
    int n = 0, arrow = -1;
    bool same = line[0] == '&';

    for (word = strtok_r(line + same, " \t", &at); word && n < WORDS_MAX; word = strtok_r(NULL, " \t", &at)) {
        if (strcmp(word, "->") == 0) arrow = n;
        v[n++] = word;
    }
    if (!n) return;
    int words = arrow < 0 ? n : arrow;
    const struct verb *verb = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(v[0], verbs[i].name) == 0) verb = &verbs[i];
    if (!verb || words < verb->words) bad(p, "not understood:", v[0]);
    verb->fn(p, v, words);
    if (!same) world_turn(&p->w);
    if (arrow >= 0) check_result(p, v + arrow + 1, n - arrow - 1);
}

/* ---- files ---- */

static void start(struct play *p)
{
    if (p->w.ws) return;
    if (!p->policy_count) bad(p, "a policy must come first", NULL);
    world_open(&p->w, p->policies[0]);
}

static void add_policy(struct play *p, const char *name)
{
    if (p->policy_count == 8) bad(p, "too many policies", NULL);
    copy_text(p->policy_names[p->policy_count], sizeof p->policy_names[0], str_of(name));
    p->policies[p->policy_count++] = calloc(1, 16384);
}

static void read_line(struct play *p, char *line, bool *in_policy)
{
    p->line++;
    line[strcspn(line, "\n")] = '\0';
    if (*in_policy && (line[0] == ' ' || !line[0])) {
        char *to = p->policies[p->policy_count - 1];
        snprintf(to + strlen(to), 16384 - strlen(to), "%s\n", line[0] ? line + 2 : "");
        return;
    }
    *in_policy = strncmp(line, "policy ", 7) == 0;
    if (*in_policy) {
        add_policy(p, line + 7);
    } else if (line[0] && line[0] != '#') {
        start(p);
        run_line(p, line);
    }
}

static void play_file(const char *path)
{
    struct play *p = calloc(1, sizeof *p);
    FILE *f = fopen(path, "r");
    bool in_policy = false;
    char line[512];

    assert_non_null(f);
    p->file = path;
    while (fgets(line, sizeof line, f)) read_line(p, line, &in_policy);
    fclose(f);
    if (p->w.ws) world_close(&p->w);
    for (uint32_t i = 0; i < p->policy_count; i++) free(p->policies[i]);
    free(p);
}

static void it_ends_as_it_says(void **state) { play_file(*state); }

/* One test a file, named after it. */
int main(int argc, char **argv)
{
    static struct CMUnitTest tests[SCENARIOS_MAX];
    static char paths[SCENARIOS_MAX][1024];
    struct dirent **list;
    int found = scandir(NARU_SOURCE_DIR "/tests/scenarios", &list, NULL, alphasort), failed;
    size_t n = 0;

    for (int i = 0; i < found; i++) {
        const char *name = list[i]->d_name, *dot = strrchr(name, '.');
        if (dot && strcmp(dot, ".scenario") == 0 && n < SCENARIOS_MAX && (argc < 2 || strstr(name, argv[1]))) {
            snprintf(paths[n], sizeof paths[n], "%s/tests/scenarios/%s", NARU_SOURCE_DIR, name);
            tests[n] = (struct CMUnitTest){ strrchr(paths[n], '/') + 1, it_ends_as_it_says, NULL, NULL, paths[n] };
            n++;
        }
        free(list[i]);
    }
    if (found >= 0) free(list);
    failed = _cmocka_run_group_tests("scenarios", tests, n, NULL, NULL);
    return n && !failed ? 0 : 1;
}
