/* The JSON Schema of a policy, generated from the rows that also read it. */
#include "config/schema.h"

#include "config/draft.h"

#include <stdio.h>
#include <string.h>

/* ---- JSON Schema ---- */

static void describe(struct jw *w, const struct row *r)
{
    char text[1200];
    const char *usual = r->usual ? r->usual : r->fallback;
    snprintf(text, sizeof text, "%s%s%s%s%s%s", r->clock ? "from " : "", r->clock ? r->clock : "", r->clock ? ": " : "", r->help,
             usual ? " (default " : "", usual ? usual : "");
    if (usual) snprintf(text + strlen(text), sizeof text - strlen(text), ")");
    jw_key(w, "description");
    jw_strz(w, text);
    if (r->flags & ROW_IDLE) {
        jw_key(w, "$comment");
        jw_strz(w, "nothing acts on this yet");
    }
}

static void schema_rows(struct jw *w, const struct mapping *m, bool prefixes)
{
    for (const struct row *r = m->rows; r->name; r++) {
        char pattern[80];
        if (!!(r->flags & ROW_PREFIX) != prefixes) continue;
        snprintf(pattern, sizeof pattern, "^%.*s\\..", (int)strlen(r->name) - 1, r->name);
        jw_key(w, prefixes ? pattern : r->name);
        jw_open(w, '{');
        describe(w, r);
        if (r->kind->schema) r->kind->schema(w, r);
        jw_close(w, '}');
    }
}

static bool has_rows(const struct mapping *m, unsigned flag)
{
    for (const struct row *r = m->rows; r->name; r++)
        if (r->flags & flag) return true;
    return false;
}

void schema_mapping(struct jw *w, const struct mapping *m)
{
    schema_text_of(w, "object");
    jw_key(w, "properties");
    jw_open(w, '{');
    schema_rows(w, m, false);
    jw_close(w, '}');
    if (has_rows(m, ROW_PREFIX)) {
        jw_key(w, "patternProperties");
        jw_open(w, '{');
        schema_rows(w, m, true);
        jw_close(w, '}');
    }
    jw_key(w, "additionalProperties");
    jw_bool(w, false);
    if (!has_rows(m, ROW_NEEDED)) return;
    jw_key(w, "required");
    jw_open(w, '[');
    for (const struct row *r = m->rows; r->name; r++)
        if (r->flags & ROW_NEEDED) jw_strz(w, r->name);
    jw_close(w, ']');
}

/* One member a line would need a second writer; indentation alone makes changes readable in a diff. */
static void indent(struct buf *out, struct str json)
{
    bool text = false;
    int depth = 0;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (text) {
            buf_addc(out, c);
            if (c == '\\' && i + 1 < json.n) buf_addc(out, json.p[++i]);
            else if (c == '"') text = false;
            continue;
        }
        if (c == '"') text = true;
        if (c == '}' || c == ']') depth--;
        bool before = c == '}' || c == ']', after = c == '{' || c == '[' || c == ',';
        bool empty = i + 1 < json.n && (c == '{' || c == '[') && (json.p[i + 1] == '}' || json.p[i + 1] == ']');
        if (before && i && json.p[i - 1] != '{' && json.p[i - 1] != '[') buf_addf(out, "\n%*s", depth * 2, "");
        buf_addc(out, c);
        if (c == '{' || c == '[') depth++;
        if (c == ':') buf_addc(out, ' ');
        if (after && !empty) buf_addf(out, "\n%*s", depth * 2, "");
    }
    buf_addc(out, '\n');
}

void policy_schema(struct buf *out)
{
    struct buf json;
    buf_init(&json, 1u << 20);
    struct jw w = jw_on(&json);
    jw_open(&w, '{');
    jw_key(&w, "$schema");
    jw_strz(&w, "https://json-schema.org/draft/2020-12/schema");
    jw_key(&w, "title");
    jw_strz(&w, "Naru policy");
    jw_key(&w, "$comment");
    jw_strz(&w, "generated: naru check --schema > config/schema.json");
    schema_mapping(&w, &policy_mapping);
    jw_key(&w, "$defs"); /* conditions hold conditions */
    jw_open(&w, '{');
    jw_key(&w, "conditions");
    jw_open(&w, '{');
    schema_mapping(&w, &when_mapping);
    jw_close(&w, '}');
    jw_close(&w, '}');
    jw_close(&w, '}');
    indent(out, buf_str(&json));
    if (json.err) out->err = json.err;
    buf_fini(&json);
}
