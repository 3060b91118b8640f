/* Where Naru's data lies on this machine. */
#ifndef NARU_CLI_DATA_DIR_H
#define NARU_CLI_DATA_DIR_H

/* The --data option when given (not NULL or empty), else $NARU_DATA, else $XDG_DATA_HOME/naru, else ~/.local/share/naru. Static
   memory, replaced by the next call; the folder need not exist. */
const char *data_dir(const char *option);
/* Makes the folder and those above it, for its user only. 0, or -1 with errno. */
int data_dir_make(const char *path);

#endif
