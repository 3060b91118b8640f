/* Closed tickets are listed by the state that they ended in, each list from the latest on: a list is read until a ticket is older
   than is asked for. The router that is asked knows those whose home it is. */
#include "cli/history.h"

#include "base/clock.h"
#include "base/csv.h"
#include "cli/data_dir.h"
#include "cli/pages.h"
#include "cli/save.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE 50 /* tickets, with their messages and changes */

struct reading {
    struct recorded *r;
    uint64_t since, until; /* wall ms; until 0: now */
    uint64_t unread;       /* tickets that could not be */
};

/* ERR_CLOSED: it and all that follow are too old. */
static enum err take_ticket(void *ctx, const struct json *item)
{
    struct reading *read = ctx;
    struct recorded_ticket t;
    if (recorded_parse(item, &t)) return read->unread++, ERR_OK;
    if (id_time(&t.id) + 60000 < read->since) return ERR_CLOSED; /* a minute for clocks that differ */
    if (t.at < read->since || (read->until && t.at >= read->until)) return ERR_OK;
    return recorded_add(read->r, &t);
}

static enum err read_state(struct reading *read, const struct pages *p, const struct history_opts *o, enum ticket_state state)
{
    struct buf path;
    buf_init(&path, 2048);
    buf_addf(&path, "/v1/tickets?state=%s&limit=%d", ticket_state_words.v[state], PAGE);
    if (o->workspace) buf_addz(&path, "&workspace="), pages_escape(&path, o->workspace);
    enum err e = pages_read(p, buf_cstr(&path), "tickets", take_ticket, read);
    buf_fini(&path);
    return e == ERR_CLOSED ? ERR_OK : e;
}

static enum err read_from(struct reading *read, const char *who, const struct history_opts *o, const char *from)
{
    const struct pages p = { .who = who, .from = from, .token = o->token, .token_file = o->token_file };
    enum err e = ERR_OK;
    for (enum ticket_state s = TK_RESOLVED; s <= TK_DEAD && !e; s++) e = read_state(read, &p, o, s);
    if (e == ERR_FULL) fprintf(stderr, "naru %s: %s: more than %u tickets; give --since and --until\n", who, from, RECORDED_MOST);
    if (e == ERR_NOMEM) fprintf(stderr, "naru %s: %s: %s\n", who, from, err_text(e));
    return e;
}

static bool read_time(const char *who, const char *option, const char *text, uint64_t *ms)
{
    *ms = 0;
    if (!text || !clock_parse(text, strlen(text), ms)) return true;
    fprintf(stderr, "naru %s: --%s %s is no time: write it like 2026-03-01T09:30:00Z\n", who, option, text);
    return false;
}

static enum err finish(struct reading *read, const char *who)
{
    recorded_ready(read->r, read->since);
    if (read->unread) fprintf(stderr, "naru %s: %" PRIu64 " tickets could not be read and are left out\n", who, read->unread);
    if (recorded_count(read->r)) return ERR_OK;
    fprintf(stderr, "naru %s: no closed tickets are recorded%s\n", who, read->since || read->until ? " of that time" : "");
    return ERR_NOTFOUND;
}

enum err history_read(struct recorded **out, const char *who, const struct history_opts *o)
{
    struct reading read = { 0 };
    enum err e = ERR_OK;

    *out = NULL;
    if (!read_time(who, "since", o->since, &read.since) || !read_time(who, "until", o->until, &read.until)) return ERR_USAGE;
    if (recorded_new(&read.r)) return fprintf(stderr, "naru %s: %s\n", who, err_text(ERR_NOMEM)), ERR_NOMEM;
    if (!o->from.count) e = read_from(&read, who, o, data_dir(NULL));
    for (size_t i = 0; i < o->from.count && !e; i++) e = read_from(&read, who, o, o->from.v[i]);
    if (!e) e = finish(&read, who);
    if (e) recorded_free(read.r), read.r = NULL;
    *out = read.r;
    return e;
}

/* ---- keeping it ---- */

static enum err write_rows(FILE *f, const struct recorded *r, uint64_t seed)
{
    struct source *s;
    struct arrival a;
    char why[512];
    enum err e = recorded_open(&s, r, seed, 0, why);
    if (e) return e;
    fputs("id,arrival_ms,class,work_ms,patience_ms\n", f);
    while (!(e = source_next(s, &a))) {
        fprintf(f, "%s,%" PRIu64 ",", a.id, a.at);
        csv_put(f, recorded_class(r, a.class));
        fprintf(f, ",%" PRIu64 ",", a.work);
        if (a.patience != SIM_FOR_EVER) fprintf(f, "%" PRIu64, a.patience);
        fputc('\n', f);
    }
    source_close(s);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err write_section(FILE *f, const struct recorded *r)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    recorded_yaml(r, &b);
    enum err e = b.err;
    if (!e) fwrite(b.p, 1, b.n, f);
    buf_fini(&b);
    return e;
}

/* One of both files. */
static enum err write_file(const char *who, const char *path, const struct recorded *r, bool rows, uint64_t seed)
{
    struct save s;
    FILE *f;
    char why[200];
    enum err e = save_open(&s, path, &f, why);
    if (e) return fprintf(stderr, "naru %s: %s\n", who, why), e;
    enum err written = rows ? write_rows(f, r, seed) : write_section(f, r);
    if (written) snprintf(why, sizeof why, "%s", err_text(written));
    else e = save_close(&s, f, why);
    if (written) fclose(f), save_drop(&s), e = written;
    else if (!e) e = save_commit(&s, why);
    if (e) fprintf(stderr, "naru %s: %s\n", who, why);
    return e;
}

enum err history_section(const struct history_opts *o, char out[PATH_MAX])
{
    *out = '\0';
    if (!o->write_trace) return ERR_OK;
    return snprintf(out, PATH_MAX, "%s.yaml", o->write_trace) < PATH_MAX ? ERR_OK : ERR_TOOBIG;
}

enum err history_tell(const struct recorded *r, const char *who, const struct history_opts *o, uint64_t seed)
{
    char section[PATH_MAX];
    struct buf b;
    buf_init(&b, 1u << 20);
    recorded_tell(r, &b);
    fputs(buf_cstr(&b), stderr);
    buf_fini(&b);
    if (!o->write_trace) return ERR_OK;
    enum err e = history_section(o, section);
    if (!e) e = write_file(who, o->write_trace, r, true, seed);
    return e ? e : write_file(who, section, r, false, seed);
}
