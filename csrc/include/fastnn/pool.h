/* Threads of the process: a pool that the plan's regions share.
 *
 * A region is a number of independent items.  The caller takes items like everybody else, so a
 * region ends even if no worker ever comes.  Workers are started when first needed; they look for
 * work for a bounded time, then sleep.  A second caller that comes while the pool is taken runs its
 * items by itself, and so does everybody after workers have come late (a busy machine), for a while.
 * In a child of fork() the pool starts afresh.
 *
 * Which thread runs an item, and in which order they run, is open: results must not depend on it. */
#ifndef FASTNN_POOL_H
#define FASTNN_POOL_H

#include "fastnn/base.h"

#define FNN_MOST_THREADS 64

/* `thread` < the region's threads: each is run by one thread at a time, so scratch can belong to
 * it.  The caller is thread 0. */
typedef void fnn_task_fn(void *data, size_t item, size_t thread);

/* Runs task(data, item, ...) for each item in 0 .. items - 1 and returns when all are done.
 * `nanoseconds`: about how long one thread would take over all of them; small regions stay with the
 * caller.  `threads` of 0 or 1 too. */
void fnn_pool_run(size_t threads, size_t items, double nanoseconds, fnn_task_fn *task, void *data);

#endif
