/* `naru triage`: the process that reads events and answers verdicts. */
#ifndef NARU_WORKERS_TRIAGE_TRIAGE_H
#define NARU_WORKERS_TRIAGE_TRIAGE_H

/* argv[0] is the word of the sub-command. Returns the exit code. */
int triage_main(int argc, char **argv);

#endif
