/* Myers' greedy search: for each number of edits d the furthest line that each diagonal k (lines of a gone by less lines of b) can
   reach; the furthest points of every d are kept, and walked back from the end to tell which lines went and which came. Lines that
   both texts begin with cost nothing: they are the first diagonal.

   A line is kept with its end ("\n" or "\r\n"), so that texts that differ in these alone differ, and a last line without one is
   told as `patch` wants it. */
#include "config/diff.h"

#include <stdlib.h>

#define CONTEXT 3

struct lines {
    struct str *v;
    int count;
};
struct script { /* of one edit a line: it stays, it goes, it comes */
    char *v;    /* ' ' '-' '+' in the order of the output */
    int count;
};

static enum err split(struct lines *l, struct str text)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < text.n; i++) count += text.p[i] == '\n';
    l->v = calloc(count + 1, sizeof *l->v);
    if (!l->v) return ERR_NOMEM;
    while (at < text.n) {
        const char *end = memchr(text.p + at, '\n', text.n - at);
        size_t n = end ? (size_t)(end + 1 - text.p) - at : text.n - at;
        l->v[l->count++] = (struct str){ text.p + at, n };
        at += n;
    }
    return ERR_OK;
}

/* ---- the search ---- */

static int follow(const struct lines *a, const struct lines *b, int x, int k)
{
    while (x < a->count && x - k < b->count && str_eq(a->v[x], b->v[x - k])) x++;
    return x;
}

/* Where diagonal k begins with one edit more, when `v` are the ends of all with one less. */
static int begin(const int *v, int k, int d) { return k == -d || (k != d && v[k - 1] < v[k + 1]) ? v[k + 1] : v[k - 1] + 1; }

/* Row d of `ends` lies at d * d: it has the diagonals -d .. d. */
static int *row(int *ends, int d) { return ends + (size_t)d * (size_t)d + d; }

/* The ends of all diagonals with d edits, or a negative number when more than DIFF_EDITS are needed. */
static int search(const struct lines *a, const struct lines *b, int *ends)
{
    for (int d = 0; d <= (int)DIFF_EDITS; d++) {
        for (int k = -d; k <= d; k += 2) {
            int x = d == 0 ? 0 : begin(row(ends, d - 1), k, d);
            x = row(ends, d)[k] = follow(a, b, x, k);
            if (x == a->count && x - k == b->count) return d;
        }
    }
    return -1;
}

static void walk_back(const struct lines *a, const struct lines *b, int *ends, int d, struct script *s)
{
    int x = a->count, y = b->count;
    s->count = 0;
    for (; d >= 0; d--) {
        int k = x - y, from = d == 0 ? 0 : begin(row(ends, d - 1), k, d);
        while (x > from) s->v[s->count++] = ' ', x--, y--;
        if (d == 0) break;
        bool down = k == -d || (k != d && row(ends, d - 1)[k - 1] < row(ends, d - 1)[k + 1]);
        s->v[s->count++] = down ? '+' : '-';
        if (down) y--;
        else x--;
    }
    for (int i = 0, j = s->count - 1; i < j; i++, j--) {
        char c = s->v[i];
        s->v[i] = s->v[j];
        s->v[j] = c;
    }
}

/* ---- writing ---- */

struct writer {
    const struct lines *a, *b;
    const struct script *s;
    struct buf *out;
};

static void write_line(struct buf *out, char sign, struct str line)
{
    buf_addc(out, sign);
    buf_addstr(out, line);
    if (line.p[line.n - 1] != '\n') buf_addz(out, "\n\\ No newline at end of file\n");
}

/* "@@ -12,7 +12,7 @@": an empty side is counted from the line before it. */
static void write_head(struct buf *out, int x, int in_a, int y, int in_b)
{
    buf_addf(out, "@@ -%d,%d +%d,%d @@\n", in_a ? x + 1 : x, in_a, in_b ? y + 1 : y, in_b);
}

/* The edits from .. to of the script, which begin at line x of a and y of b. */
static void write_hunk(struct writer *w, int from, int to, int x, int y)
{
    int in_a = 0, in_b = 0;
    for (int i = from; i < to; i++) in_a += w->s->v[i] != '+', in_b += w->s->v[i] != '-';
    write_head(w->out, x, in_a, y, in_b);
    for (int i = from; i < to; i++) {
        char sign = w->s->v[i];
        write_line(w->out, sign, sign == '+' ? w->b->v[y] : w->a->v[x]);
        x += sign != '+';
        y += sign != '-';
    }
}

/* Behind the last edit of a hunk that begins with edit `at`: the next change is more than two contexts away, or there is none. */
static int hunk_end(const struct script *s, int at)
{
    int last = at;
    for (int i = at; i < s->count && i - last <= 2 * CONTEXT + 1; i++)
        if (s->v[i] != ' ') last = i;
    return last + 1;
}

static void write_all(struct writer *w)
{
    int x = 0, y = 0;
    for (int i = 0; i < w->s->count; i++) {
        if (w->s->v[i] != ' ') {
            int before = i < CONTEXT ? i : CONTEXT, end = hunk_end(w->s, i);
            int after = w->s->count - end < CONTEXT ? w->s->count - end : CONTEXT;
            write_hunk(w, i - before, end + after, x - before, y - before);
            for (; i < end; i++) x += w->s->v[i] != '+', y += w->s->v[i] != '-';
            if (i == w->s->count) break;
        }
        x++, y++;
    }
}

enum err diff_unified(struct str a, struct str b, const char *name_a, const char *name_b, struct buf *out)
{
    struct lines la = { NULL, 0 }, lb = { NULL, 0 };
    struct script s = { NULL, 0 };
    int *ends = NULL, edits;
    enum err e = split(&la, a);
    if (!e) e = split(&lb, b);
    if (e || str_eq(a, b)) goto out;
    ends = malloc((DIFF_EDITS + 1) * (DIFF_EDITS + 1) * sizeof *ends);
    s.v = malloc((size_t)la.count + (size_t)lb.count + 1);
    e = ends && s.v ? ERR_OK : ERR_NOMEM;
    if (e) goto out;
    edits = search(&la, &lb, ends);
    e = edits < 0 ? ERR_TOOBIG : ERR_OK;
    if (e) goto out;
    walk_back(&la, &lb, ends, edits, &s);
    buf_addf(out, "--- %s\n+++ %s\n", name_a, name_b);
    write_all(&(struct writer){ &la, &lb, &s, out });
    e = out->err;
out:
    free(s.v);
    free(ends);
    free(lb.v);
    free(la.v);
    return e;
}
