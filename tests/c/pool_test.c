/* The pool of threads by itself: every item once, thread indices, nesting, several callers, fork.
 * The pool's text is included, so that a test can end a rest, say which core a thread is on, and
 * see that workers do come.  .ci/pooltest builds this and runs it, plain and under the thread
 * sanitizer. */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>

static _Atomic int core; /* unknown if below 0 */

static int tell_core(void) { return core; }

#define sched_getcpu tell_core
#endif
#include "../../csrc/pool.c"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 1000
#define LARGE 1e9 /* nanoseconds: worth all threads */

static int failures = 0;

static void check(bool right, const char *what, size_t threads, size_t items) {
    if (right)
        return;
    fprintf(stderr, "failed: %s (threads %zu, items %zu)\n", what, threads, items);
    ++failures;
}

/* What a region of the test leaves behind.  The counters of items and sums are plain on purpose:
 * each has one writer at a time only if the pool keeps its promise, and the sanitizer sees it. */
typedef struct {
    size_t threads, items;
    size_t runs[MANY];
    double sums[FNN_MOST_THREADS];
    atomic_int inside[FNN_MOST_THREADS];
    atomic_bool wrong; /* an index out of range, or used by two at once */
    atomic_int present;
    atomic_bool met;
    size_t by[MANY]; /* which thread ran an item */
} region_t;

static void count(void *data, size_t item, size_t thread) {
    region_t *region = data;
    if (item >= region->items || thread >= (region->threads ? region->threads : 1)) {
        atomic_store(&region->wrong, true);
        return;
    }
    if (atomic_fetch_add(&region->inside[thread], 1) != 0)
        atomic_store(&region->wrong, true);
    ++region->runs[item];
    region->by[item] = thread;
    region->sums[thread] += (double)(item + 1);
    atomic_fetch_sub(&region->inside[thread], 1);
}

/* Runs a region and checks all that it promises; false if something was wrong. */
static bool counts_right(size_t threads, size_t items, double nanoseconds) {
    static _Thread_local region_t region;
    memset(&region, 0, sizeof region);
    region.threads = threads;
    region.items = items;
    fnn_pool_run(threads, items, nanoseconds, count, &region);
    bool right = !atomic_load(&region.wrong);
    double sum = 0;
    for (size_t i = 0; i < items; ++i)
        right = right && region.runs[i] == 1;
    for (size_t t = 0; t < FNN_MOST_THREADS; ++t)
        sum += region.sums[t];
    return right && sum == (double)items * (double)(items + 1) / 2;
}

/* Workers that have come late would keep the pool at rest, and the tests without threads. */
static void end_rest(void) {
    while (atomic_exchange(&pool.taken, true))
        sched_yield();
    pool.rest_ends = 0;
    pool.balance = CREDIT;
    pool.gain = 0;
    atomic_store(&pool.taken, false);
}

static void test_every_item_once(void) {
    const size_t threads[] = {0, 1, 2, 3, 4, 7, 64, 1000};
    const size_t items[] = {0, 1, 2, 3, 7, 8, 63, 64, 65, MANY};
    const double times[] = {0, 1000, 4000, 20000, LARGE, NAN, INFINITY};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; ++t)
        for (size_t i = 0; i < sizeof items / sizeof *items; ++i)
            for (size_t n = 0; n < sizeof times / sizeof *times; ++n) {
                end_rest();
                check(counts_right(threads[t], items[i], times[n]), "every item once", threads[t],
                      items[i]);
            }
}

/* The items wait for each other, a while at most: only threads that run at once can meet. */
static void meet(void *data, size_t item, size_t thread) {
    region_t *region = data;
    count(data, item, thread);
    const int present = atomic_fetch_add(&region->present, 1) + 1;
    if (present == (int)region->items)
        atomic_store(&region->met, true);
    for (int i = 0; i < 300 && !atomic_load(&region->met); ++i)
        usleep(100);
    atomic_fetch_sub(&region->present, 1);
}

static void test_threads_do_meet(void) {
    for (size_t threads = 2; threads <= 7; ++threads) {
        static region_t region;
        bool met = false;
        for (int tries = 0; tries < 20 && !met; ++tries) {
            memset(&region, 0, sizeof region);
            region.threads = region.items = threads;
            end_rest();
            fnn_pool_run(threads, threads, LARGE, meet, &region);
            met = atomic_load(&region.met);
        }
        check(met, "all threads of a region run at once", threads, threads);
        check(!atomic_load(&region.wrong), "one index each", threads, threads);
    }
}

static void test_small_regions_stay_with_the_caller(void) {
    static region_t region;
    region.threads = 1; /* any other index is out of range */
    region.items = MANY;
    for (int i = 0; i < 200; ++i) {
        end_rest();
        check(counts_right(7, 64, LARGE), "workers that look for work", 7, 64);
        fnn_pool_run(7, MANY, 100, count, &region);
        fnn_pool_run(1, MANY, LARGE, count, &region);
        fnn_pool_run(0, MANY, LARGE, count, &region);
    }
    check(!atomic_load(&region.wrong), "small regions stay with the caller", 7, MANY);
}

static void test_many_small_regions(void) {
    for (size_t i = 0; i < 100000 && failures == 0; ++i) {
        if (i % 64 == 0)
            end_rest();
        const size_t threads = 2 + i % 3, items = 2 + i % 5;
        check(counts_right(threads, items, 20000), "many small regions", threads, items);
    }
}

static void test_after_sleep(void) {
    for (int i = 0; i < 100; ++i) {
        end_rest();
        usleep(500); /* workers look for work for a fifth of that */
        check(counts_right(4, 16, LARGE), "a region after sleep", 4, 16);
    }
}

static void linger(void *data, size_t item, size_t thread) {
    count(data, item, thread);
    usleep(50); /* time for a worker to come */
}

/* A share is its thread's from the front; what others have taken of it is its end. */
static void test_each_thread_has_its_share(void) {
    static region_t region;
    size_t own = 0;
    for (int i = 0; i < 200; ++i) {
        const size_t threads = 2 + (size_t)i % 3, items = 11;
        memset(&region, 0, sizeof region);
        region.threads = threads;
        region.items = items;
        end_rest();
        fnn_pool_run(threads, items, LARGE, linger, &region);
        check(region.by[0] == 0, "the first item is the caller's", threads, items);
        for (size_t t = 0; t < threads; ++t) {
            bool taken = false;
            for (size_t j = t * items / threads; j < (t + 1) * items / threads; ++j) {
                taken = taken || region.by[j] != t;
                check(taken == (region.by[j] != t), "what is taken is the end", threads, items);
                own += t > 0 && !taken;
            }
        }
    }
    check(own > 0, "workers run items of their own", 4, 11);
}

/* A loss is paid for by a rest of twenty times its length, less what was gained before. */
static void test_rests(void) {
    const struct {
        double gained, lost;
        int64_t rest;
    } cases[] = {
        {0, 50000, 0}, /* within the credit */
        {0, 1e6, 20000000},
        {0, 1e9, LONGEST_REST},
        {4e5, 1e6, 12000000},
        {5e6, 1e6, SHORTEST_REST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        end_rest();
        settle(cases[i].gained, 1000);
        settle(-cases[i].lost, 1000);
        check(pool.rest_ends == (cases[i].rest ? 1000 + cases[i].rest : 0), "a rest", 2, i);
    }
    end_rest();
    settle(-1e6, 1000);
    settle(-2e5, 2000);
    check(pool.rest_ends == 2000 + 4000000, "losses are paid for once", 2, 2);
    for (int crowded = 1; crowded <= 2; ++crowded) {
        end_rest();
        atomic_store(&pool.crowded, crowded);
        settle(0, 1000);
        check(pool.rest_ends == 1000 + (crowded == 2 ? LONGEST_REST : SHORTEST_REST),
              "a rest of those without a core", 2, (size_t)crowded);
    }
    end_rest();
}

#if defined(__linux__)
/* Where the threads that come may run; the caller may run anywhere. */
static void look_where(void *data, size_t item, size_t thread) {
    region_t *region = data;
    cpu_set_t cores;
    if (thread > 0 && sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_ISSET(0, &cores))
        atomic_store(&region->met, true);
    linger(data, item, thread);
}

/* Workers on the caller's own core take nothing, and all rest for a while. */
static void test_workers_in_the_way(void) {
    static region_t region;
    core = 0;
    for (int i = 0; i < 20; ++i) {
        memset(&region, 0, sizeof region);
        region.threads = 1;
        region.items = 64;
        end_rest();
        fnn_pool_run(4, 64, LARGE, linger, &region);
        check(!atomic_load(&region.wrong), "workers on the caller's core", 4, 64);
    }
    for (int tries = 0; tries < 1000 && pool.rest_ends == 0; ++tries) {
        usleep(1000); /* a worker that was called has seen where it is */
        check(counts_right(4, 64, LARGE), "workers on the caller's core", 4, 64);
    }
    check(pool.rest_ends > 0, "the pool rests when it is crowded", 4, 64);
    core = -1;
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0 || !CPU_ISSET(0, &cores) ||
        CPU_COUNT(&cores) < 2)
        return;
    usleep(1000); /* who was called then has looked */
    memset(&region, 0, sizeof region);
    region.threads = 2;
    region.items = 64;
    end_rest();
    fnn_pool_run(2, 64, LARGE, look_where, &region);
    check(region.sums[1] > 0, "a worker that was in the way comes back", 2, 64);
    check(!atomic_load(&region.met), "a worker in the way leaves the core", 2, 64);
}
#endif

static void open_inner(void *data, size_t item, size_t thread) {
    count(data, item, thread);
    if (!counts_right(4, 16, LARGE))
        atomic_store(&((region_t *)data)->wrong, true);
}

static void test_nested(void) {
    static region_t region;
    for (int i = 0; i < 200; ++i) {
        memset(&region, 0, sizeof region);
        region.threads = 4;
        region.items = 16;
        end_rest();
        fnn_pool_run(4, 16, LARGE, open_inner, &region);
        bool once = !atomic_load(&region.wrong);
        for (size_t j = 0; j < 16; ++j)
            once = once && region.runs[j] == 1;
        check(once, "a region inside an item", 4, 16);
    }
}

static atomic_bool stop;

static void *run_until_stopped(void *argument) {
    bool *right = argument;
    do {
        end_rest();
        *right = *right && counts_right(3, 64, LARGE);
    } while (!atomic_load(&stop));
    return NULL;
}

#define CALLERS 4

static void start_callers(pthread_t *callers, bool *right, int n) {
    atomic_store(&stop, false);
    for (int i = 0; i < n; ++i) {
        right[i] = true;
        if (pthread_create(&callers[i], NULL, run_until_stopped, &right[i]) != 0)
            abort();
    }
}

static void stop_callers(pthread_t *callers, bool *right, int n, const char *what) {
    atomic_store(&stop, true);
    for (int i = 0; i < n; ++i) {
        pthread_join(callers[i], NULL);
        check(right[i], what, 3, 64);
    }
}

static void test_several_callers(void) {
    pthread_t callers[CALLERS];
    bool right[CALLERS];
    start_callers(callers, right, CALLERS);
    for (int i = 0; i < 2000; ++i)
        check(counts_right(2, 10, LARGE), "several callers", 2, 10);
    stop_callers(callers, right, CALLERS, "several callers, another one");
}

/* A child's part: its pool works, with workers of its own.  An alarm ends a child that hangs. */
static void use_pool_in_child(void) {
    static region_t region;
    failures = 0;
    alarm(60);
    for (int i = 0; i < 50; ++i)
        check(counts_right(4, 100, LARGE), "in the child of a fork", 4, 100);
    bool met = false;
    for (int tries = 0; tries < 20 && !met; ++tries) {
        memset(&region, 0, sizeof region);
        region.threads = region.items = 2;
        end_rest();
        fnn_pool_run(2, 2, LARGE, meet, &region);
        met = atomic_load(&region.met);
    }
    check(met, "workers in the child of a fork", 2, 2);
    _exit(failures == 0 ? 0 : 1);
}

static void check_child(pid_t child, const char *what) {
    int status = -1;
    check(child > 0 && waitpid(child, &status, 0) == child, what, 4, 100);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, what, 4, 100);
}

static void test_fork_from_idle(void) {
    for (int i = 0; i < 5 && failures == 0; ++i) {
        check(counts_right(4, 100, LARGE), "before a fork", 4, 100);
        const pid_t child = fork();
        if (child == 0)
            use_pool_in_child();
        check(counts_right(4, 100, LARGE), "after a fork", 4, 100);
        check_child(child, "fork from idle");
    }
}

static void test_fork_inside_a_region(void) {
    pthread_t caller;
    bool right;
    start_callers(&caller, &right, 1);
    for (int i = 0; i < 20 && failures == 0; ++i) {
        while (!atomic_load(&pool.taken)) /* another thread's region is open, or just was */
            sched_yield();
        const pid_t child = fork();
        if (child == 0)
            use_pool_in_child();
        check(counts_right(4, 100, LARGE), "after a fork", 4, 100);
        check_child(child, "fork while another thread is in a region");
    }
    stop_callers(&caller, &right, 1, "the caller that was forked around");
}

/* Not timed: what a worker does to subnormals shows in a product. */
static void multiply(void *data, size_t item, size_t thread) {
    (void)thread;
    float *products = data;
    volatile float least = 0x1p-126f;
    products[item] = least * 0.5f;
    usleep(200); /* so that the other thread gets an item */
}

static void test_workers_flush_subnormals(void) {
    float products[64];
    const float_mode_t mode = flush_subnormals();
    end_rest();
    fnn_pool_run(2, 64, LARGE, multiply, products);
    restore_mode(mode);
    for (size_t i = 0; i < 64; ++i)
        check(products[i] == 0, "subnormals are flushed by every thread", 2, 64);
}

int main(int argc, char **argv) {
    const bool forks = !(argc > 1 && strcmp(argv[1], "--no-fork") == 0);
#if defined(__linux__)
    core = -1;
#endif
    if (forks)
        test_fork_from_idle(); /* the first one before there are workers */
    test_threads_do_meet();
    test_small_regions_stay_with_the_caller();
    test_every_item_once();
    test_workers_flush_subnormals();
    test_many_small_regions();
    test_after_sleep();
    test_each_thread_has_its_share();
    test_rests();
    test_nested();
#if defined(__linux__)
    test_workers_in_the_way();
#endif
    test_several_callers();
    if (forks)
        test_fork_inside_a_region();
    if (failures == 0)
        printf("pool: all right\n");
    return failures != 0;
}
