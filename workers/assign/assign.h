/* `naru assign`: the process that matches tickets to agents. */
#ifndef NARU_ASSIGN_ASSIGN_H
#define NARU_ASSIGN_ASSIGN_H

int assign_main(int argc, char **argv);

#endif
