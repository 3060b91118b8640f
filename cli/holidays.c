/* naru holidays: days that are closed, in the form in which a policy wants them: of a country by its rules, or of an .ics file. */
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "config/closed_files.h"
#include "config/findings.h"
#include "config/ics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct holidays_cfg {
    struct opt_list what, without, add;
    uint64_t from, to;
    bool ics, json;
};

static const struct opt rows[] = {
    { "", OPT_LIST, offsetof(struct holidays_cfg, what), NULL, 0, 0, "COUNTRY|FILE.ics", "kr, or an .ics file" },
    { "from", OPT_U64, offsetof(struct holidays_cfg, from), NULL, 0, 0, "YEAR", "the first year; this one when not given" },
    { "to", OPT_U64, offsetof(struct holidays_cfg, to), NULL, 0, 0, "YEAR", "the last year; when not given, two after the first" },
    { "without", OPT_LIST, offsetof(struct holidays_cfg, without), NULL, 0, 0, "DAY",
      "leave a day out, such as labour-day; may be given again" },
    { "add", OPT_LIST, offsetof(struct holidays_cfg, add), NULL, 0, 0, "DAY",
      "a date such as 2026-10-02 or, each year, 12-31; or a day in years before the law made it public; may be given again" },
    { "ics", OPT_FLAG, offsetof(struct holidays_cfg, ics), NULL, 0, 0, NULL, "a country's days as an .ics file" },
    { "json", OPT_FLAG, offsetof(struct holidays_cfg, json), NULL, 0, 0, NULL, "one JSON object" },
    { .name = NULL },
};
static const char usage[] = "naru holidays COUNTRY|FILE.ics [--from YEAR] [--to YEAR] [--ics | --json]";

static int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int complain(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("naru holidays: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return 2;
}

/* ---- what was asked for ---- */

/* kr.ics and /etc/kr are files; kr is a country. */
static bool is_file(const char *what) { return strchr(what, '.') || strchr(what, '/'); }

static int unknown_country(const char *what)
{
    fprintf(stderr, "naru holidays: no rules are known for \"%s\"; known are", what);
    for (const struct country *const *c = countries; *c; c++)
        fprintf(stderr, "%s %s (%s)", c == countries ? "" : ",", (*c)->code, (*c)->name);
    fputs("; for others name an .ics file\n", stderr);
    return 2;
}

static int unknown_day(const struct country *c, const char *word)
{
    const char *words[COUNTRY_DAYS_MAX];
    for (uint32_t i = 0; i < c->day_count; i++) words[i] = c->days[i].word;
    const char *near = str_nearest(str_of(word), words, c->day_count);
    fprintf(stderr, "naru holidays: \"%s\" is no day of %s%s%s%s; known are", word, c->name, near ? " (did you mean \"" : "",
            near ? near : "", near ? "\"?)" : "");
    for (uint32_t i = 0; i < c->day_count; i++) fprintf(stderr, "%s %s", i ? "," : "", words[i]);
    fputc('\n', stderr);
    return 2;
}

static int check_years(const struct holidays_cfg *cfg, const struct country *c)
{
    if (cfg->from > cfg->to) return complain("--from %" PRIu64 " is after --to %" PRIu64, cfg->from, cfg->to);
    if (c && (cfg->from < c->from || cfg->to > c->to))
        return complain("the rules of %s are known for %u to %u", c->name, c->from, c->to);
    return 0;
}

static uint64_t this_year(void) { return date_from((int32_t)(clock_wall_ms() / 86400000)) / 10000; }

/* "12-31" of one year, or "2026-10-02" if it lies in it; 0 when it does not, UINT32_MAX when it is no date. */
static uint32_t date_in(const char *text, uint32_t year)
{
    char full[16];
    int n = strlen(text) == 5 ? snprintf(full, sizeof full, "%04u-%s", year, text) : snprintf(full, sizeof full, "%s", text);
    if (n != 10) return UINT32_MAX;
    uint32_t ymd = date_of(str_of(full));
    bool leap_day = strcmp(text, "02-29") == 0; /* only there in some years */
    return ymd ? (ymd / 10000 == year ? ymd : 0) : leap_day ? 0 : UINT32_MAX;
}

/* ---- gathering ---- */

static enum err add_asked(struct holidays *h, const struct opt_list *add, uint32_t year)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < add->count && !e; i++) {
        uint32_t ymd = date_in(add->v[i], year);
        if (ymd && ymd != UINT32_MAX) e = holidays_add(h, date_days(ymd), STR("added"));
    }
    return e;
}

static int of_country(const struct holidays_cfg *cfg, const struct country *c, struct holidays *h)
{
    uint32_t without = 0, with = 0;
    enum err e = ERR_OK;
    for (size_t i = 0; i < cfg->without.count; i++) {
        int day = country_day_find(c, str_of(cfg->without.v[i]));
        if (day < 0) return unknown_day(c, cfg->without.v[i]);
        without |= 1u << day;
    }
    for (size_t i = 0; i < cfg->add.count; i++) {
        int day = country_day_find(c, str_of(cfg->add.v[i]));
        if (day < 0 && date_in(cfg->add.v[i], 2026) == UINT32_MAX) return unknown_day(c, cfg->add.v[i]);
        if (day >= 0) with |= 1u << day;
    }
    for (uint32_t year = (uint32_t)cfg->from; year <= cfg->to && !e; year++) {
        e = c->year(h, year, without, with);
        if (!e) e = add_asked(h, &cfg->add, year);
    }
    holidays_sort(h);
    return e ? complain("%s", e == ERR_FULL ? "more than 2000 days: ask for fewer years" : err_text(e)), 1 : 0;
}

static int of_file(const struct holidays_cfg *cfg, const char *path, struct holidays *h)
{
    struct buf bytes;
    struct findings f;
    uint32_t kept = 0;
    findings_init(&f);
    buf_init(&bytes, LIM_ICS_BYTES + 65536);
    struct ics_place at = { .f = &f, .file = path, .key = "" };
    enum err e = file_bytes(path, LIM_ICS_BYTES, &bytes);
    if (e) complain("%s: %s", path, e == ERR_IO ? "cannot be read: is the path right, and may this user read it?" : err_text(e));
    if (!e) e = ics_read(h, buf_str(&bytes), &at);
    for (uint32_t i = 0; i < f.count; i++) complain("%s: %s", f.v[i].error ? "error" : "warning", f.v[i].text);
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t year = date_from(h->v[i].day) / 10000;
        if (year >= cfg->from && year <= cfg->to) h->v[kept++] = h->v[i];
    }
    h->count = kept;
    buf_fini(&bytes);
    findings_fini(&f);
    return e ? 1 : 0;
}

/* ---- writing ---- */

static void write_list(struct buf *out, const struct holidays *h, const struct holidays_cfg *cfg, const char *of, const char *note)
{
    char text[11];
    buf_addf(out, "# %s, %" PRIu64 " to %" PRIu64 "%s%s\n# Under a calendar of hours:\nclosed:%s\n", of, cfg->from, cfg->to,
             note ? ": " : "", note ? note : "", h->count ? "" : " []");
    for (uint32_t i = 0; i < h->count; i++) {
        const char *weekday = day_names[day_weekday(h->v[i].day)];
        buf_addf(out, "  - %s # %c%s %s\n", date_text(date_from(h->v[i].day), text), weekday[0] - 'a' + 'A', weekday + 1,
                 h->v[i].name);
    }
}

static void write_json(struct buf *out, const struct holidays *h, const struct holidays_cfg *cfg, const char *of, const char *note)
{
    struct jw w = jw_on(out);
    char text[11];
    jw_open(&w, '{');
    jw_key(&w, "of"), jw_strz(&w, of);
    jw_key(&w, "from"), jw_u64(&w, cfg->from);
    jw_key(&w, "to"), jw_u64(&w, cfg->to);
    if (note) jw_key(&w, "note"), jw_strz(&w, note);
    jw_key(&w, "days"), jw_open(&w, '[');
    for (uint32_t i = 0; i < h->count; i++) {
        jw_open(&w, '{');
        jw_key(&w, "date"), jw_strz(&w, date_text(date_from(h->v[i].day), text));
        jw_key(&w, "weekday"), jw_strz(&w, day_names[day_weekday(h->v[i].day)]);
        jw_key(&w, "name"), jw_strz(&w, h->v[i].name);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    buf_addc(out, '\n');
}

/* Commas, semicolons and backslashes of a text are escaped (RFC 5545, 3.3.11); names are too short to be folded. */
static void write_ics(struct buf *out, const struct holidays *h, const struct country *c)
{
    buf_addf(out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Naru//holidays %s//EN\r\n", c->code);
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t ymd = date_from(h->v[i].day);
        buf_addf(
            out,
            "BEGIN:VEVENT\r\nUID:%s-%u@naru\r\nDTSTAMP:%u0101T000000Z\r\nDTSTART;VALUE=DATE:%u\r\nDTEND;VALUE=DATE:%u\r\nSUMMARY:",
            c->code, ymd, ymd / 10000, ymd, date_from(h->v[i].day + 1));
        for (const char *p = h->v[i].name; *p; p++) {
            if (strchr(",;\\", *p)) buf_addc(out, '\\');
            buf_addc(out, *p);
        }
        buf_addz(out, "\r\nEND:VEVENT\r\n");
    }
    buf_addz(out, "END:VCALENDAR\r\n");
}

static int print(const struct holidays *h, const struct holidays_cfg *cfg, const struct country *c)
{
    struct buf out;
    const char *of = c ? c->name : cfg->what.v[0], *note = c ? c->note : NULL;
    buf_init(&out, 4u << 20);
    if (cfg->json) write_json(&out, h, cfg, of, note);
    else if (cfg->ics && c) write_ics(&out, h, c);
    else write_list(&out, h, cfg, of, note);
    bool good = !out.err && fwrite(out.p, 1, out.n, stdout) == out.n;
    buf_fini(&out);
    return good ? 0 : 1;
}

int holidays_main(int argc, char **argv)
{
    struct holidays_cfg cfg = { .from = 0 };
    struct holidays h;
    struct arena arena;
    if (opt_parse(rows, usage, argc, argv, &cfg)) return 2;
    if (cfg.what.count != 1) return complain("name one country or .ics file; --help tells more");
    const char *what = cfg.what.v[0];
    const struct country *c = is_file(what) ? NULL : country_find(str_of(what));
    if (!c && !is_file(what)) return unknown_country(what);
    if (!c && (cfg.without.count || cfg.add.count)) return complain("--without and --add are for the days of a country");
    if (!cfg.from) cfg.from = this_year();
    if (!cfg.to) cfg.to = cfg.from + 2;
    if (check_years(&cfg, c)) return 2;
    arena_init(&arena, 4u << 20);
    int status = holidays_init(&h, &arena) ? complain("%s", err_text(ERR_NOMEM))
                 : c                       ? of_country(&cfg, c, &h)
                                           : of_file(&cfg, what, &h);
    if (status == 0) status = print(&h, &cfg, c);
    arena_fini(&arena);
    return status;
}
