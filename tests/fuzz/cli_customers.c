/* Any bytes as a file of customers, CSV or JSON lines by the first byte: the reader reaches the end, lines only rise, and each
   customer is one JSON object on one line, or a sentence. */
#include "base/json.h"
#include "base/limits.h"
#include "base/panic.h"
#include "cli/customers_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str object)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    naru_assert(!json_parse(&doc, object, LIM_JSON_DEPTH, &at, &why) && json_type(doc) == JSON_OBJECT);
    json_free(doc);
}

static void read_all(struct customers_file *f)
{
    struct buf out;
    char why[200] = "";
    uint32_t line, last = 0;
    enum err e;
    buf_init(&out, 64u << 20);
    while ((e = customers_file_read(f, &out, &line, why)) != ERR_NOTFOUND) {
        naru_assert(line > last && (!e || (e == ERR_PROTO && why[0])));
        last = line;
        if (!e) check(buf_str(&out));
        buf_clear(&out);
        why[0] = '\0';
    }
    naru_assert(f->at == f->n);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], why[200] = "";
    struct customers_file f;
    if (size < 1 || size > 1u << 16) return 0;
    snprintf(path, sizeof path, "/tmp/naru-fuzz-%d.%s", (int)getpid(), data[0] & 1 ? "csv" : "jsonl");
    FILE *out = fopen(path, "wb");
    naru_assert(out && fwrite(data + 1, 1, size - 1, out) == size - 1 && !fclose(out));
    enum err e = customers_file_open(&f, path, why);
    naru_assert(!e || (e == ERR_PROTO && why[0]));
    if (!e) read_all(&f);
    customers_file_close(&f);
    unlink(path);
    return 0;
}
