/* What a load client tells people: refusals counted by name, a progress line, the summary. */
#ifndef NARU_CLI_TELL_H
#define NARU_CLI_TELL_H

#include "base/buf.h"

#define TALLY_ROWS 24u
struct tally {
    struct {
        char name[48];
        uint64_t count;
    } rows[TALLY_ROWS]; /* the last one takes what does not fit */
    unsigned used;
    uint64_t total;
};
void tally_add(struct tally *t, struct str name);
void tally_text(const struct tally *t, struct buf *out); /* "a=1 b=2" */
void tally_json(const struct tally *t, struct buf *out); /* {"a":1,"b":2} */

/* A progress line on stderr: over the last one on a terminal, else on a line of its own. */
void tell_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tell_progress_end(void);
/* Numbers of a summary: whole ones as such. */
struct tell_row {
    const char *key;
    double v;
};
void tell_summary(const struct tell_row *rows, size_t count, const struct tally *refused, bool json);

#endif
