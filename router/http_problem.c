#include "base/str.h"
#include "router/problems.h"

#define PROBLEM_ROW(id, status, type, title) [PROBLEM_##id] = { status, type, title },
const struct problem_row problem_rows[PROBLEM_COUNT] = { PROBLEM_MAP(PROBLEM_ROW) };
#undef PROBLEM_ROW

const struct problem_row *problem_find(const char *type)
{
    for (int i = 0; i < PROBLEM_COUNT; i++)
        if (!strcmp(problem_rows[i].type, type)) return &problem_rows[i];
    return NULL;
}
