/* Threads of the process: one pool that the regions of all plans share.
 *
 * A region is a number of independent items.  The caller takes items like everybody else, so a
 * region ends even if no worker ever comes.  Workers are started when first needed; they look for
 * work for a bounded time, then sleep, so an idle pool costs nothing.  A second caller that comes
 * while the pool is taken runs its items by itself, and so does an item that opens a region of its
 * own.  When sharing has cost time instead of saving it (a busy machine), everybody works alone
 * for a while.  A child of fork() starts with a fresh pool; a task itself must not fork.
 *
 * Regions of as many threads and items mostly give an item to the same thread, so that what it works
 * on stays in one cache.  But which thread runs an item, and in which order they run, is open:
 * results must not depend on it.
 * Workers flush subnormals to zero; the caller should have done the same before it comes. */
#ifndef FASTNN_POOL_H
#define FASTNN_POOL_H

#include "fastnn/base.h"

#define FNN_MOST_THREADS 64

/* `thread` < the region's threads, and one thread at a time has it, so scratch can belong to it.
 * The caller is thread 0. */
typedef void fnn_task_fn(void *data, size_t item, size_t thread);

/* Runs task(data, item, ...) for each item in 0 .. items - 1 and returns when all are done.
 * `nanoseconds`: about how long one thread would take over all of them; it decides how many threads
 * are worth calling.  Small regions stay with the caller, and so do `threads` of 0 or 1. */
void fnn_pool_run(size_t threads, size_t items, double nanoseconds, fnn_task_fn *task, void *data);

#endif
