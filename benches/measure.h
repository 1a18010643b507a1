/* What the measured programs have in common: their arguments, the clock, what is told at the end. */
#ifndef MEASURE_H
#define MEASURE_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* A program is called as: program WORK URL COUNT SIZE PAGE CA FILE */
typedef struct {
    const char *work; /* what is to be done */
    const char *url;  /* of the canned server */
    long count;       /* how often */
    long size;        /* rows, callers or bytes, whatever the work has */
    long page;        /* how many rows the server gives at once */
    const char *ca;   /* a file of certificates to trust; "-" for none */
    const char *file; /* to be sent, or to be written */
} arguments;

static arguments read_arguments(int argc, char **argv) {
    arguments a;
    if (argc != 8) {
        fprintf(stderr, "usage: %s WORK URL COUNT SIZE PAGE CA FILE\n", argv[0]);
        exit(2);
    }
    a.work = argv[1];
    a.url = argv[2];
    a.count = atol(argv[3]);
    a.size = atol(argv[4]);
    a.page = atol(argv[5]);
    a.ca = argv[6];
    a.file = argv[7];
    return a;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double cpu_now(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

/* A number of /proc/self/status, such as VmRSS in kilobytes; 0 where there is none. */
static long status_of(const char *name) {
    char line[256];
    long found = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) {
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            found = atol(line + strlen(name) + 1);
        }
    }
    fclose(file);
    return found;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* One unit of work. */
typedef void (*work_fn)(void *context);

/* Does the work once to warm up, then `count` times, and tells the median time. */
static void measure(work_fn work, void *context, long count) {
    double *times = (double *)calloc((size_t)count, sizeof *times);
    double cpu;
    long i;
    if (times == NULL) {
        fail("measure", "out of memory");
    }
    work(context);
    cpu = cpu_now();
    for (i = 0; i < count; i++) {
        double start = seconds_now();
        work(context);
        times[i] = seconds_now() - start;
    }
    cpu = (cpu_now() - cpu) / (double)count;
    qsort(times, (size_t)count, sizeof *times, by_size);
    printf("{\"seconds\":%.9f,\"cpu\":%.9f,\"rss_kb\":%ld,\"threads\":%ld}\n", times[count / 2], cpu, status_of("VmRSS:"),
           status_of("Threads:"));
    free(times);
}

/* The same without a warm-up: for what cannot be done twice in the same way. */
static inline void measure_once(work_fn work, void *context) {
    double start = seconds_now(), cpu = cpu_now();
    work(context);
    start = seconds_now() - start;
    printf("{\"seconds\":%.9f,\"cpu\":%.9f,\"rss_kb\":%ld,\"threads\":%ld}\n", start, cpu_now() - cpu, status_of("VmRSS:"),
           status_of("Threads:"));
}

/* Many threads that do the same; each gets a context of its own. */
typedef struct {
    work_fn work;
    void *context;
    long count;
    pthread_barrier_t *ready;
} caller;

static void *caller_main(void *data) {
    caller *c = (caller *)data;
    long i;
    c->work(c->context);
    pthread_barrier_wait(c->ready);
    for (i = 0; i < c->count; i++) {
        c->work(c->context);
    }
    return NULL;
}

/* Tells the time of all `count` calls of each caller, divided by their number. */
static inline void measure_callers(work_fn work, void **contexts, long callers, long count) {
    pthread_barrier_t ready;
    pthread_t *threads = (pthread_t *)calloc((size_t)callers, sizeof *threads);
    caller *all = (caller *)calloc((size_t)callers, sizeof *all);
    double start, cpu;
    long i;
    if (threads == NULL || all == NULL) {
        fail("measure_callers", "out of memory");
    }
    pthread_barrier_init(&ready, NULL, (unsigned)callers + 1);
    for (i = 0; i < callers; i++) {
        all[i].work = work;
        all[i].context = contexts[i];
        all[i].count = count;
        all[i].ready = &ready;
        if (pthread_create(&threads[i], NULL, caller_main, &all[i]) != 0) {
            fail("pthread_create", "no thread");
        }
    }
    pthread_barrier_wait(&ready);
    start = seconds_now();
    cpu = cpu_now();
    for (i = 0; i < callers; i++) {
        pthread_join(threads[i], NULL);
    }
    start = seconds_now() - start;
    cpu = cpu_now() - cpu;
    printf("{\"seconds\":%.9f,\"cpu\":%.9f,\"rss_kb\":%ld,\"threads\":%ld}\n", start / (double)(callers * count),
           cpu / (double)(callers * count), status_of("VmRSS:"), status_of("Threads:"));
    pthread_barrier_destroy(&ready);
    free(threads);
    free(all);
}

/* The body of a read: a page of rows of 12 fields. Gives its length. */
static inline int read_body(char *out, size_t room, long rows, long page) {
    return snprintf(out, room,
                    "{\"method_name\":\"read\",\"params\":[{\"script_name\":\"bench\",\"script_key\":\"0123456789abcdef\"},"
                    "{\"type\":\"Shot\",\"return_fields\":[\"code\",\"description\",\"sg_status_list\",\"project\",\"sg_sequence\","
                    "\"tasks\",\"created_at\",\"updated_at\",\"sg_cut_in\",\"sg_cut_duration\",\"image\",\"created_by\"],"
                    "\"filters\":{\"logical_operator\":\"and\",\"conditions\":[{\"path\":\"project\",\"relation\":\"is\",\"values\":"
                    "[{\"type\":\"Project\",\"id\":70}]}]},\"return_only\":\"active\",\"api_return_image_urls\":true,"
                    "\"paging\":{\"entities_per_page\":%ld,\"current_page\":%ld},\"return_paging_info_without_counts\":false}]}",
                    rows, page);
}

/* One row to create, as the wire has it. */
#define NEW_ROW                                                                                                                  \
    "{\"type\":\"Shot\",\"fields\":[{\"field_name\":\"code\",\"value\":\"SQ010_0010\"},{\"field_name\":\"project\",\"value\":"  \
    "{\"type\":\"Project\",\"id\":70}}],\"return_fields\":[\"id\"]}"

#define SIGNED "{\"script_name\":\"bench\",\"script_key\":\"0123456789abcdef\"}"

#endif
