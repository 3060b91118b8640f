/* Any bytes as a table, TSV and CSV: every row is read, cells lie within the file, lines never go back. */
#include "base/panic.h"
#include "cli/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_as(const char *path, const uint8_t *data, size_t n)
{
    static const int columns[] = { 0, 1, -1, 3 };
    struct buf bytes;
    struct table t;
    struct table_row row;
    uint32_t line = 1;

    buf_init(&bytes, TABLE_BYTES);
    buf_add(&bytes, data, n);
    enum err e = table_take(&t, NULL, path, &bytes);
    while (!e && table_next(&t, columns, 4, &row)) {
        naru_assert(row.line > line);
        line = row.line;
        for (int c = 0; c < 4; c++) {
            struct str s = row.cell[c];
            naru_assert(!s.p || (s.p >= t.bytes.p && s.p + s.n <= t.bytes.p + t.bytes.n));
            naru_assert(!s.p || (!row.bad && columns[c] >= 0));
        }
    }
    table_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    read_as("a.tsv", data, n);
    read_as("a.csv", data, n);
    return 0;
}
