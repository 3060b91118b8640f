#include "base/err.h"

static const struct {
    const char *name, *text;
} err_table[ERR_COUNT] = {
#define ERR_ROW(id, text) [ERR_##id] = { "ERR_" #id, text },
    ERR_MAP(ERR_ROW)
#undef ERR_ROW
};

const char *err_name(enum err e) { return (unsigned)e < ERR_COUNT ? err_table[e].name : "ERR_?"; }

const char *err_text(enum err e) { return (unsigned)e < ERR_COUNT ? err_table[e].text : "unknown error"; }
