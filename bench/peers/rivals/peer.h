/* SPDX-License-Identifier: BSD-3-Clause */
/* What every compiled participant of the comparison exports, ours and theirs alike: a network read from a weight file,
   fed n prepared cutouts at a time. measure.py loads each library by itself and calls them in turns. */
#ifndef CLUSTERMASS_BENCH_PEER_H
#define CLUSTERMASS_BENCH_PEER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of n cutouts, prepared. Rows are cutouts. */
struct PeerInput {
  const float* images;   /* [n,5,128,128] */
  const float* coverage; /* [n,64] valid fraction of the coarse cells */
  const float* regions;  /* [n,5,64] the same as weights of the pooling: whole field and four rings, each of sum 1 */
  const float* context;  /* [n,17] */
};

/* The network of the file for batches of n on `threads` threads. `setting` is a word of the participant's own, "" for
   its default. Null on failure; peer_error says why. */
void* peer_open(const char* weight_file, int n, int threads, const char* setting);
/* Writes output [n,heads,2]. */
void peer_run(void* peer, const struct PeerInput* input, float* output);
void peer_close(void* peer);
const char* peer_error(void);
const char* peer_version(void);

#ifdef __cplusplus
}
#endif

#endif
