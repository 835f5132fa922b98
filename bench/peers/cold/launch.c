/* SPDX-License-Identifier: BSD-3-Clause */
/* launch ROUNDS PROGRAM...: starts each program (a path, or a command in quotes) in turns and prints for each the median
   and least wall time from vfork to its end [ms], the processor time [ms] and the largest resident set [KiB]. From C,
   because a child begins with its parent's pages and its largest resident set counts them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_programs = 32, most_words = 16, most_rounds = 999 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int rising(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double wall[most_programs][most_rounds], processor[most_programs][most_rounds];
static long resident[most_programs];

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 0, programs = argc - 2;
  if (rounds < 1 || rounds > most_rounds || programs < 1 || programs > most_programs) {
    fprintf(stderr, "usage: launch ROUNDS PROGRAM...\n");
    return 2;
  }
  for (int round = -1; round < rounds; ++round) /* round -1 warms the file cache */
    for (int p = 0; p < programs; ++p) {
      char text[4096], *words[most_words + 1] = {0};
      int count = 0;
      snprintf(text, sizeof text, "%s", argv[2 + p]);
      for (char* word = strtok(text, " "); word && count < most_words; word = strtok(NULL, " ")) words[count++] = word;
      const double start = now();
      const pid_t child = vfork();
      if (child == 0) {
        execv(words[0], words);
        _exit(127);
      }
      int status = 0;
      struct rusage usage;
      if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
        fprintf(stderr, "launch: %s ended with status %d\n", argv[2 + p], status);
        return 1;
      }
      if (round < 0) continue;
      wall[p][round] = now() - start;
      processor[p][round] = 1e3 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                            1e-3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
      if (usage.ru_maxrss > resident[p]) resident[p] = usage.ru_maxrss;
    }
  for (int p = 0; p < programs; ++p) {
    qsort(wall[p], (size_t)rounds, sizeof(double), rising);
    qsort(processor[p], (size_t)rounds, sizeof(double), rising);
    printf("%.3f %.3f %.3f %ld\n", wall[p][rounds / 2], wall[p][0], processor[p][rounds / 2], resident[p]);
  }
  return 0;
}
