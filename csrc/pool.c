/* The pool of threads.  Contract: fastnn/pool.h
 *
 * Each thread has a share of the items, the same in every region of so many: what it writes in one
 * region and reads in the next is in its own cache.  A share is one word: how many threads the region
 * admits, and the first and the end of the items that nobody has claimed.  Its owner claims from the
 * front, whoever has finished its own from the back.  An item is claimed by exchanging the word for
 * one with an item less, so whoever succeeds holds an item of the region that is open at that
 * moment, however old what it read before was; task and data are read only then, and stay until the
 * item is counted as done.  The caller never depends on a worker that has claimed nothing.
 *
 * Everything else (the region, the account of time) belongs to the caller that has taken the pool.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* pthread_setname_np, sched_getcpu */
#endif
#include "fastnn/pool.h"

static void run_alone(size_t items, fnn_task_fn *task, void *data) {
    for (size_t item = 0; item < items; ++item)
        task(data, item, 0);
}

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "float_mode.h"

/* Nanoseconds.  Measured on two cores of a Zen 4 in a virtual machine; other machines differ by
 * small factors, which the account below makes good. */
enum {
    LEAST_SHARE = 1500,      /* of one thread; handing items over and hearing back costs 560 */
    WAKE_PAYS = 80000,       /* a sleeper comes after 20,000 to 30,000; calling it takes 8,500 */
    SPIN = 100000,           /* longer than the caller's work between two regions of a step */
    WAIT_SPIN = 20000,       /* the last items of a region; then others get the core */
    CREDIT = 100000,         /* what sharing may lose before all rest */
    REST_PER_LOSS = 20,      /* so that it loses a twentieth of the time at most */
    SHORTEST_REST = 1000000, /* one that found no core of its own has lost less than its 20th */
    LONGEST_REST = 200000000,
};

typedef struct {
    _Alignas(64) pthread_mutex_t mutex;
    pthread_cond_t called;
    atomic_bool asleep; /* changed under the mutex */
} worker_t;

static struct {
    _Alignas(64) atomic_bool taken;
    fnn_task_fn *task;
    void *data;
    size_t workers;   /* started */
    bool no_more;     /* the system refuses threads */
    bool fork_minded; /* the fork handler is registered */
    double last;      /* when the last region that wanted a sleeper ends, and */
    double missed;    /* the time of such regions, one close after the other */
    double balance;   /* saved by sharing, at most CREDIT, less what it cost */
    double gain;      /* the same since the last rest, without a bound */
    int64_t rest_ends;
    _Alignas(64) _Atomic uint64_t share[FNN_MOST_THREADS]; /* threads << 48 | first << 24 | end */
    atomic_int core;                 /* the caller's, as the region began; -1: not known */
    atomic_int crowded;              /* a worker found itself on it; 2: and no other */
    _Alignas(64) atomic_size_t done; /* items that workers have run */
    worker_t worker[FNN_MOST_THREADS - 1];
} pool = {.balance = CREDIT};

enum { MOST_ITEMS = (1 << 24) - 1 };

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void pause_a_little(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline int core_now(void) {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

static inline size_t first_of(uint64_t share) {
    return (size_t)(share >> 24) & MOST_ITEMS;
}

static inline size_t end_of(uint64_t share) {
    return (size_t)share & MOST_ITEMS;
}

static inline bool is_open(uint64_t share, size_t thread) {
    return first_of(share) < end_of(share) && thread < share >> 48;
}

/* Runs items of one thread's share until none is left; returns how many. */
static size_t take_share(size_t owner, size_t thread) {
    size_t ran = 0;
    uint64_t share = atomic_load_explicit(&pool.share[owner], memory_order_acquire);
    while (is_open(share, thread)) {
        const uint64_t rest = owner == thread ? share + (UINT64_C(1) << 24) : share - 1;
        if (atomic_compare_exchange_weak_explicit(&pool.share[owner], &share, rest,
                                                  memory_order_acquire, memory_order_acquire)) {
            pool.task(pool.data, owner == thread ? first_of(share) : end_of(rest), thread);
            ++ran;
            share = atomic_load_explicit(&pool.share[owner], memory_order_acquire);
        }
    }
    return ran;
}

/* Runs items until none is left, its own first; returns how many. */
static size_t take_items(size_t thread) {
    const size_t threads =
        (size_t)(atomic_load_explicit(&pool.share[thread], memory_order_relaxed) >> 48);
    size_t ran = take_share(thread, thread);
    for (size_t i = 1; i < threads; ++i)
        ran += take_share((thread + i) % threads, thread);
    return ran;
}

/* ---- Workers ---- */

/* Off that core, if the process has another.  Left to itself the system wakes a thread where it ran
 * last as long as all cores are busy, if only with another library's threads that look for work. */
static bool leave(int core) {
#if defined(__linux__)
    cpu_set_t cores;
    if (sched_getaffinity(getpid(), sizeof cores, &cores) != 0)
        return false;
    CPU_CLR(core, &cores);
    return CPU_COUNT(&cores) > 0 && sched_setaffinity(0, sizeof cores, &cores) == 0;
#else
    (void)core;
    return false;
#endif
}

/* On a busy machine a worker may wake on the caller's own core, and keep the caller from it. */
static bool in_the_way(void) {
    const int core = core_now();
    const bool same = core >= 0 && core == atomic_load_explicit(&pool.core, memory_order_relaxed);
    if (same)
        atomic_store_explicit(&pool.crowded, leave(core) ? 1 : 2, memory_order_relaxed);
    return same;
}

/* Looks for work for as long as SPIN; false if none came. */
static bool look_for_work(size_t thread) {
    const int64_t end = now() + SPIN;
    do {
        for (int i = 0; i < 32; ++i) {
            if (is_open(atomic_load_explicit(&pool.share[thread], memory_order_relaxed), thread))
                return !in_the_way();
            pause_a_little();
        }
    } while (now() < end && !in_the_way());
    return false;
}

/* A region that opens just now may be missed: its caller does without. */
static void sleep_until_called(worker_t *worker) {
    pthread_mutex_lock(&worker->mutex);
    atomic_store_explicit(&worker->asleep, true, memory_order_relaxed);
    while (atomic_load_explicit(&worker->asleep, memory_order_relaxed))
        pthread_cond_wait(&worker->called, &worker->mutex);
    pthread_mutex_unlock(&worker->mutex);
}

static void wake(worker_t *worker) {
    pthread_mutex_lock(&worker->mutex);
    atomic_store_explicit(&worker->asleep, false, memory_order_relaxed);
    pthread_mutex_unlock(&worker->mutex);
    pthread_cond_signal(&worker->called);
}

static void *work(void *argument) {
    worker_t *worker = argument;
    const size_t thread = (size_t)(worker - pool.worker) + 1;
#if defined(__linux__)
    pthread_setname_np(pthread_self(), "fastnn");
#elif defined(__APPLE__)
    pthread_setname_np("fastnn");
#endif
    flush_subnormals(); /* the same bits as the caller's, whoever runs an item */
    for (;;) {
        while (!look_for_work(thread))
            sleep_until_called(worker);
        const size_t ran = take_items(thread);
        if (ran)
            atomic_fetch_add_explicit(&pool.done, ran, memory_order_release);
    }
    return NULL;
}

/* The child of a fork has no workers, and perhaps a region whose caller is not there either. */
static void start_afresh(void) {
    pool.workers = 0;
    pool.no_more = false;
    pool.last = 0;
    pool.missed = 0;
    pool.balance = CREDIT;
    pool.gain = 0;
    pool.rest_ends = 0;
    atomic_store(&pool.crowded, 0);
    for (size_t t = 0; t < FNN_MOST_THREADS; ++t)
        atomic_store(&pool.share[t], 0);
    atomic_store(&pool.done, 0);
    atomic_store(&pool.taken, false);
}

/* With every signal blocked: the process's signals are for its own threads. */
static bool start_thread(worker_t *worker) {
    pthread_attr_t attributes;
    pthread_t id;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&id, &attributes, work, worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static bool start_worker(void) {
    worker_t *worker = &pool.worker[pool.workers];
    if (!pool.fork_minded)
        pool.fork_minded = pthread_atfork(NULL, NULL, start_afresh) == 0;
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_cond_init(&worker->called, NULL);
    atomic_store_explicit(&worker->asleep, false, memory_order_relaxed);
    if (pool.fork_minded && start_thread(worker))
        ++pool.workers;
    else
        pool.no_more = true;
    return !pool.no_more;
}

/* ---- Callers ---- */

/* How many threads the region should have, and in *calls how many sleepers are worth waking for it.
 * Small regions that come one close after the other earn a sleeper together. */
static size_t choose_threads(size_t threads, double nanoseconds, int64_t time, size_t *calls) {
    *calls = 0;
    if (nanoseconds < (double)LEAST_SHARE * (double)threads)
        threads = (size_t)(nanoseconds / LEAST_SHARE);
    const size_t there = pool.workers < threads - 1 ? pool.workers : threads - 1;
    size_t awake = 0;
    for (size_t i = 0; i < there; ++i)
        awake += !atomic_load_explicit(&pool.worker[i].asleep, memory_order_relaxed);
    const size_t missing = (pool.no_more ? there : threads - 1) - awake;
    if (missing > 0) {
        const bool close = (double)time < pool.last + SPIN / 2;
        pool.missed = close ? pool.missed + nanoseconds : nanoseconds;
        pool.last = (double)time + nanoseconds;
        const double worth = pool.missed / WAKE_PAYS;
        *calls = worth < (double)missing ? (size_t)worth : missing;
        if (*calls > 0)
            pool.missed = 0;
    }
    return awake + *calls > 0 ? threads : 1;
}

/* Wakes as many of the workers below `threads`, or starts them; true if any had to be started. */
static bool call_workers(size_t threads, size_t calls) {
    for (size_t i = 0; i < pool.workers && i < threads - 1 && calls > 0; ++i) {
        if (atomic_load_explicit(&pool.worker[i].asleep, memory_order_relaxed)) {
            wake(&pool.worker[i]);
            --calls;
        }
    }
    const size_t before = pool.workers;
    while (calls > 0 && pool.workers < threads - 1 && start_worker())
        --calls;
    return pool.workers > before;
}

static bool all_done(size_t items) {
    return atomic_load_explicit(&pool.done, memory_order_acquire) == items;
}

/* Waits until workers have run that many items; returns the time. */
static int64_t wait_for(size_t items, int64_t start) {
    if (all_done(items))
        return start;
    int64_t time = start;
    while (time - start < WAIT_SPIN) {
        for (int i = 0; i < 32; ++i) {
            if (all_done(items))
                return now();
            pause_a_little();
        }
        time = now();
    }
    while (!all_done(items))
        sched_yield();
    return now();
}

/* Opens a region: each thread gets its share, but for item 0, which is the caller's own. */
static void hand_out(size_t threads, size_t items) {
    for (size_t t = 0; t < threads; ++t) {
        const uint64_t first = t == 0 ? 1 : t * items / threads, end = (t + 1) * items / threads;
        atomic_store_explicit(&pool.share[t], (uint64_t)threads << 48 | first << 24 | end,
                              memory_order_release);
    }
}

/* Books what sharing has saved or lost.  A worker whose core is taken from it in the middle of an
 * item keeps the caller waiting for milliseconds: then the pool rests, the longer the more was lost
 * since it last did. */
static void settle(double saved, int64_t time) {
    pool.gain += saved;
    pool.balance += saved;
    if (pool.balance > CREDIT)
        pool.balance = CREDIT;
    const int crowded = atomic_load_explicit(&pool.crowded, memory_order_relaxed);
    if (pool.balance >= 0 && crowded == 0)
        return;
    atomic_store_explicit(&pool.crowded, 0, memory_order_relaxed);
    const double rest = crowded > 1 ? LONGEST_REST : -REST_PER_LOSS * pool.gain;
    pool.balance = CREDIT;
    pool.gain = 0;
    pool.rest_ends = time + (rest < SHORTEST_REST  ? SHORTEST_REST
                             : rest > LONGEST_REST ? LONGEST_REST
                                                   : (int64_t)rest);
}

static void run_region(size_t threads, size_t items, double nanoseconds, fnn_task_fn *task,
                       void *data) {
    int64_t start = now();
    size_t calls = 0;
    if (start >= pool.rest_ends)
        threads = choose_threads(threads, nanoseconds, start, &calls);
    if (start < pool.rest_ends || threads == 1) {
        run_alone(items, task, data);
        return;
    }
    pool.task = task;
    pool.data = data;
    atomic_store_explicit(&pool.done, 0, memory_order_relaxed);
    atomic_store_explicit(&pool.core, core_now(), memory_order_relaxed);
    hand_out(threads, items);
    int64_t called = start;
    if (calls > 0) {
        const bool started = call_workers(threads, calls);
        called = now();
        if (started) /* once in a process, and no fault of this region */
            start = called;
    }
    task(data, 0, 0);
    const size_t ran = 1 + take_items(0);
    const int64_t ready = now();
    const int64_t end = wait_for(items - ran, ready);
    const double alone = (double)(ready - called) * (double)items / (double)ran;
    settle(alone - (double)(end - start), end);
}

void fnn_pool_run(size_t threads, size_t items, double nanoseconds, fnn_task_fn *task, void *data) {
    if (threads > items)
        threads = items;
    if (threads > FNN_MOST_THREADS)
        threads = FNN_MOST_THREADS;
    if (threads <= 1 || items > MOST_ITEMS || !(nanoseconds >= 2 * LEAST_SHARE) ||
        atomic_exchange_explicit(&pool.taken, true, memory_order_acquire)) {
        run_alone(items, task, data);
        return;
    }
    run_region(threads, items, nanoseconds, task, data);
    atomic_store_explicit(&pool.taken, false, memory_order_release);
}
#else
void fnn_pool_run(size_t threads, size_t items, double nanoseconds, fnn_task_fn *task, void *data) {
    (void)threads, (void)nanoseconds;
    run_alone(items, task, data);
}
#endif
