/* naru check POLICY --try ACCOUNT --body FILE: what a recorded body of a provider becomes, without a Naru at work. */
#ifndef NARU_CLI_CHECK_TRY_H
#define NARU_CLI_CHECK_TRY_H

#include "config/policy.h"

/* Prints an event a line, as JSON, and what was skipped. `type`: the body's content-type; NULL: JSON or a form, by its first
   character. 0: something came of it or was skipped; 1: told on stderr. */
int check_try(const struct policy *p, const char *account, const char *path, const char *type);

#endif
