/* Sixteen threads, every kind of call, a site that fails now and then, for as long as is asked: no wrong answer, no write twice, and
 * memory, descriptors and threads that stay as they are. `cargo xtask soak` starts it, with a site of its own. */
#include <dirent.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "../c/site.h"

enum { THREADS = 16, ROWS = 4, MOST_TRIES = 200, MOST_SAMPLES = 4096, FILE_BYTES = 40000, OPS = 4 };

/* A row of this thread alone, and what must stand in it. After a write whose fate is unknown, either may. */
struct row {
    int64_t id;
    int known;
    int maybe;
};

struct worker {
    int number;
    unsigned chance;
    struct row rows[ROWS];
    int next;
    char file[256];
    char copy[256];
};

struct sample {
    double seconds;
    long kilobytes;
    int descriptors;
    int threads;
};

static sg_client *client;
static sg_client *hasty; /* one whose calls are cancelled, all at once, now and then */
static int64_t project;
static int stop;
static long calls, faulted, unsure, checked, cancelled, given_up, callbacks, finalized, connects, files;

static void count_one(long *counter)
{
    __sync_fetch_and_add(counter, 1);
}

static int entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2;

    REQUIRE(folder != NULL);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static struct sample look(double seconds)
{
    struct sample now;
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    REQUIRE(file != NULL);
    REQUIRE(fscanf(file, "%*s %ld", &pages) == 1);
    fclose(file);
    now.seconds = seconds;
    now.kilobytes = pages * (sysconf(_SC_PAGESIZE) / 1024);
    now.descriptors = entries("/proc/self/fd") - 1;
    now.threads = entries("/proc/self/task");
    return now;
}

/* What is open, where it should not be. */
static void list_descriptors(void)
{
    int number;

    for (number = 0; number < 1024; number++) {
        char link[64], target[256];
        ssize_t length;

        snprintf(link, sizeof link, "/proc/self/fd/%d", number);
        length = readlink(link, target, sizeof target - 1);
        if (length > 0)
            fprintf(stderr, "  %d is %.*s\n", number, (int)length, target);
    }
}

static int below(struct worker *me, int limit)
{
    me->chance = me->chance * 1103515245u + 12345u;
    return (int)((me->chance >> 16) % (unsigned)limit);
}

/* Whether a call did what it should. What the site's mishaps can lead to is no error; everything else is. */
static int good(sg_status status, const sg_error *error)
{
    count_one(&calls);
    if (status == SG_STATUS_OK)
        return 1;
    switch (SG_STATUS_CLASS(status)) {
    case SG_STATUS_NETWORK:
    case SG_STATUS_TIMEOUT:
    case SG_STATUS_PROTOCOL:
    case SG_STATUS_RATE_LIMITED:
    case SG_STATUS_SERVER_FAULT:
    case SG_STATUS_UNAVAILABLE:
        count_one(&faulted);
        return 0;
    case SG_STATUS_CANCELLED:
        count_one(&given_up);
        return 0;
    default:
        check_failed(__FILE__, __LINE__, "%s: %s", sg_status_name((int32_t)status),
                     error ? sg_error_message(error) : sg_last_error());
        return 0;
    }
}

/* Makes a call once. `sure`, where it is given, becomes 0 if the call failed and may have been carried out. */
static sg_result *call_on(const sg_client *on, const char *method, const char *parameters, int *sure)
{
    sg_result *result = NULL;
    sg_status status = sg_call(on, method, parameters, &result);
    sg_error *error;

    if (good(status, NULL))
        return result;
    CHECK(result == NULL);
    error = sg_error_take_last();
    if (sure) {
        *sure = !sg_error_may_have_applied(error);
        if (!*sure)
            count_one(&unsure);
    }
    sg_error_free(error);
    return NULL;
}

static sg_result *call(const char *method, const char *parameters, int *sure)
{
    return call_on(client, method, parameters, sure);
}

/* Reads until the site answers: reads may be repeated. */
static sg_result *must_read(const char *method, const char *parameters)
{
    sg_result *result = NULL;
    int tries;

    for (tries = 0; !result && tries < MOST_TRIES; tries++)
        result = call(method, parameters, NULL);
    REQUIRE(result != NULL);
    return result;
}

static int64_t number(const sg_value *value)
{
    int64_t number = -1;

    sg_value_int64(value, &number);
    return number;
}

static const char *text(const sg_value *value)
{
    const char *text = sg_value_string(value, NULL);

    return text ? text : "";
}

/* Makes a row of this code, until it is known that there is one. */
static int64_t make_row(const char *code)
{
    char create[300], find[200];
    int tries;

    snprintf(create, sizeof create,
             "[\"Shot\",{\"code\":\"%s\",\"description\":\"0\",\"project\":{\"type\":\"Project\",\"id\":%" PRId64 "}}]", code, project);
    snprintf(find, sizeof find, "[\"Shot\",[[\"code\",\"is\",\"%s\"]]]", code);
    for (tries = 0; tries < MOST_TRIES; tries++) {
        int sure = 1;
        sg_result *made = call("create", create, &sure);
        sg_result *found = NULL;
        size_t count;
        int64_t id;

        sg_result_free(made);
        if (!made && sure)
            continue;
        found = must_read("find", find);
        count = sg_value_count(sg_result_value(found));
        id = number(sg_value_pointer(sg_result_value(found), "/0/id"));
        sg_result_free(found);
        if (made)
            CHECK_INT(count, 1);
        if (count > 0)
            return id;
    }
    REQUIRE(!"a row could be made");
    return 0;
}

/* One of this thread's rows says what was written last. */
static void check_row(struct worker *me, struct row *row)
{
    char parameters[200], code[64];
    sg_result *result;
    const sg_value *shot;
    int value;

    snprintf(parameters, sizeof parameters, "[\"Shot\",[[\"id\",\"is\",%" PRId64 "]],[\"code\",\"description\"]]", row->id);
    snprintf(code, sizeof code, "soak_%02d_%d", me->number, (int)(row - me->rows));
    result = must_read("find_one", parameters);
    shot = sg_result_value(result);
    CHECK_INT(number(sg_value_get(shot, "id")), row->id);
    CHECK_TEXT(text(sg_value_get(shot, "code")), code);
    value = atoi(text(sg_value_get(shot, "description")));
    if (value != row->known && value != row->maybe)
        check_failed(__FILE__, __LINE__, "row %" PRId64 ": found %d, where %d or %d must stand", row->id, value, row->known, row->maybe);
    row->known = row->maybe = value;
    sg_result_free(result);
    count_one(&checked);
}

static void update(struct worker *me)
{
    struct row *row = &me->rows[below(me, 2)];
    char parameters[200];
    int sure = 1, value = ++me->next;
    sg_result *result;

    snprintf(parameters, sizeof parameters, "[\"Shot\",%" PRId64 ",{\"description\":\"%d\"}]", row->id, value);
    result = call("update", parameters, &sure);
    if (result)
        row->known = row->maybe = value;
    else if (!sure)
        row->maybe = value;
    sg_result_free(result);
    check_row(me, row);
}

/* Both rows or neither. */
static void batch(struct worker *me)
{
    struct row *one = &me->rows[2], *other = &me->rows[3];
    char parameters[400];
    int sure = 1, value = ++me->next;
    sg_result *result;

    snprintf(parameters, sizeof parameters,
             "[[{\"request_type\":\"update\",\"entity_type\":\"Shot\",\"entity_id\":%" PRId64 ",\"data\":{\"description\":\"%d\"}},"
             "{\"request_type\":\"update\",\"entity_type\":\"Shot\",\"entity_id\":%" PRId64 ",\"data\":{\"description\":\"%d\"}}]]",
             one->id, value, other->id, value);
    result = call("batch", parameters, &sure);
    if (result)
        one->known = other->known = one->maybe = other->maybe = value;
    else if (!sure)
        one->maybe = other->maybe = value;
    sg_result_free(result);
    check_row(me, one);
    check_row(me, other);
    CHECK_INT(one->known, other->known);
}

/* A row that is made once if the call says so, and not at all if it says that. */
static void create_and_delete(struct worker *me, const sg_client *on)
{
    char code[64], parameters[300];
    int sure = 1;
    sg_result *made, *found;
    const sg_value *row;
    size_t count;

    snprintf(code, sizeof code, "new_%02d_%d", me->number, ++me->next);
    snprintf(parameters, sizeof parameters, "[\"Shot\",{\"code\":\"%s\",\"project\":{\"type\":\"Project\",\"id\":%" PRId64 "}}]", code,
             project);
    made = call_on(on, "create", parameters, &sure);
    snprintf(parameters, sizeof parameters, "[\"Shot\",[[\"code\",\"is\",\"%s\"]]]", code);
    found = must_read("find", parameters);
    count = sg_value_count(sg_result_value(found));
    if (made)
        CHECK_INT(count, 1);
    else if (sure)
        CHECK_INT(count, 0);
    else
        CHECK(count <= 1);
    for (row = sg_value_first(sg_result_value(found)); row; row = sg_value_next(row)) {
        snprintf(parameters, sizeof parameters, "[\"Shot\",%" PRId64 "]", number(sg_value_get(row, "id")));
        sg_result_free(call("delete", parameters, NULL));
    }
    sg_result_free(made);
    sg_result_free(found);
    count_one(&checked);
}

/* All rows of this thread and no other's, in one find or page by page. */
static void find(struct worker *me)
{
    char prefix[32], parameters[300];
    sg_pages *pages = NULL;
    sg_result *page = NULL;
    size_t rows = 0;
    int whole = 0;

    snprintf(prefix, sizeof prefix, "soak_%02d_", me->number);
    snprintf(parameters, sizeof parameters,
             "{\"entity_type\":\"Shot\",\"filters\":[[\"code\",\"starts_with\",\"%s\"]],\"fields\":[\"code\"]}", prefix);
    if (!good(sg_pages_open(client, parameters, &pages), NULL))
        return;
    while (good(sg_pages_next(pages, &page), NULL)) {
        const sg_value *row;

        if (!page) {
            whole = 1;
            break;
        }
        for (row = sg_value_first(sg_result_value(page)); row; row = sg_value_next(row), rows++)
            CHECK(strncmp(text(sg_value_get(row, "code")), prefix, strlen(prefix)) == 0);
        sg_result_free(page);
        page = NULL;
    }
    if (whole)
        CHECK_INT(rows, ROWS);
    sg_pages_free(pages);
    count_one(&checked);
}

static void on_done(sg_op *op, void *data)
{
    int *called = data;

    CHECK(sg_op_is_done(op));
    ++*called;
    count_one(&callbacks);
}

static void on_done_elsewhere(sg_op *op, void *data)
{
    (void)op;
    (void)data;
    count_one(&callbacks);
}

static void finalize(void *data)
{
    (void)data;
    count_one(&finalized);
}

/* Calls that do not wait, called back on this thread; each gives its own row. */
static void queue(struct worker *me)
{
    sg_op *ops[OPS] = {NULL};
    sg_queue *queue = NULL;
    int index, called = 0, begun = 0;

    REQUIRE_OK(sg_queue_new(&queue));
    for (index = 0; index < OPS; index++) {
        char parameters[200];

        snprintf(parameters, sizeof parameters, "[\"Shot\",[[\"id\",\"is\",%" PRId64 "]]]", me->rows[index].id);
        if (!CHECK_OK(sg_submit(client, "find_one", parameters, NULL, &ops[index])))
            continue;
        begun += CHECK_OK(sg_queue_on_done(queue, ops[index], on_done, &called, finalize));
    }
    while (called < begun)
        REQUIRE_OK(sg_queue_dispatch(queue, 0, 1000, NULL));
    for (index = 0; index < OPS; index++) {
        sg_result *result = NULL;

        if (good(sg_op_take_result(ops[index], &result), sg_op_error(ops[index])))
            CHECK_INT(number(sg_value_get(sg_result_value(result), "id")), me->rows[index].id);
        sg_result_free(result);
        sg_op_free(ops[index]);
    }
    sg_queue_free(queue);
    count_one(&checked);
}

/* A call that is given up at once, or freed while it goes on. */
static void cancel(struct worker *me)
{
    sg_op *op = NULL;
    sg_result *result = NULL;
    sg_status status;

    if (!CHECK_OK(sg_submit(client, "find", "[\"Shot\",[]]", NULL, &op)))
        return;
    CHECK_OK(sg_op_on_done(op, on_done_elsewhere, NULL, finalize));
    if (below(me, 2)) {
        CHECK_OK(sg_op_cancel(op));
        CHECK_OK(sg_op_wait(op, 60000));
        status = sg_op_take_result(op, &result);
        if (status != SG_STATUS_CANCELLED)
            good(status, sg_op_error(op));
        sg_result_free(result);
    }
    sg_op_free(op);
    if (below(me, 2))
        CHECK_OK(sg_client_cancel_calls(hasty));
    count_one(&cancelled);
}

/* Another client, for one call. */
static void connect_and_free(void)
{
    sg_client *another = NULL;
    sg_result *result = NULL;
    sg_status status = sg_connect_user(check_setting("SG_TEST_URL"), check_setting("SG_TEST_ARTIST_LOGIN"),
                                       check_setting("SG_TEST_ARTIST_PASSWORD"), NULL, &another);

    if (good(status, NULL))
        good(sg_call(another, "find_one", "[\"Project\",[]]", &result), NULL);
    sg_result_free(result);
    sg_client_free(another);
    count_one(&connects);
}

static int same_files(const char *one, const char *other)
{
    static const size_t most = FILE_BYTES + 1;
    char *left = calloc(2, most), *right = left ? left + most : NULL;
    FILE *first = fopen(one, "rb"), *second = fopen(other, "rb");
    int same = left && first && second && fread(left, 1, most, first) == FILE_BYTES && fread(right, 1, most, second) == FILE_BYTES
               && memcmp(left, right, FILE_BYTES) == 0;

    if (first)
        fclose(first);
    if (second)
        fclose(second);
    free(left);
    return same;
}

/* A file there and back again. */
static void transfer(struct worker *me)
{
    char parameters[600];
    sg_result *result;
    int64_t id;

    snprintf(parameters, sizeof parameters, "[\"Shot\",%" PRId64 ",\"%s\"]", me->rows[0].id, me->file);
    result = call("upload", parameters, NULL);
    if (!result)
        return;
    id = number(sg_result_value(result));
    CHECK(id > 0);
    sg_result_free(result);
    snprintf(parameters, sizeof parameters, "{\"attachment\":{\"type\":\"Attachment\",\"id\":%" PRId64 "},\"file_path\":\"%s\"}", id, me->copy);
    result = call("download_attachment", parameters, NULL);
    if (result)
        CHECK(same_files(me->file, me->copy));
    sg_result_free(result);
    snprintf(parameters, sizeof parameters, "[\"Attachment\",%" PRId64 "]", id);
    sg_result_free(call("delete", parameters, NULL));
    unlink(me->copy);
    count_one(&files);
}

static void prepare(struct worker *me)
{
    const char *folder = check_setting("SG_TEST_FOLDER");
    FILE *file;
    int index;

    for (index = 0; index < ROWS; index++) {
        char code[64];

        snprintf(code, sizeof code, "soak_%02d_%d", me->number, index);
        me->rows[index].id = make_row(code);
    }
    snprintf(me->file, sizeof me->file, "%s/file-%d.bin", folder, me->number);
    snprintf(me->copy, sizeof me->copy, "%s/copy-%d.bin", folder, me->number);
    file = fopen(me->file, "wb");
    REQUIRE(file != NULL);
    for (index = 0; index < FILE_BYTES; index++)
        fputc((index * 7 + me->number) & 0xff, file);
    fclose(file);
}

static void *run(void *data)
{
    struct worker *me = data;

    prepare(me);
    while (!__sync_fetch_and_add(&stop, 0)) {
        switch (below(me, 14)) {
        case 0: case 1: case 2: update(me); break;
        case 3: batch(me); break;
        case 4: create_and_delete(me, client); break;
        case 11: case 12: create_and_delete(me, hasty); break;
        case 5: case 6: case 7: find(me); break;
        case 8: queue(me); break;
        case 9: cancel(me); break;
        case 10: transfer(me); break;
        default: connect_and_free(); break;
        }
    }
    return NULL;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int by_value(const void *one, const void *other)
{
    long left = *(const long *)one, right = *(const long *)other;

    return (left > right) - (left < right);
}

/* The median of a column of some samples. */
static long median(const struct sample *samples, int count, int column)
{
    static long values[MOST_SAMPLES];
    int index;

    for (index = 0; index < count; index++)
        values[index] = column == 0 ? samples[index].kilobytes : column == 1 ? samples[index].descriptors : samples[index].threads;
    qsort(values, (size_t)count, sizeof values[0], by_value);
    return values[count / 2];
}

/* The second quarter of the time, when all is warm, against the last. */
static void verdict(const struct sample *samples, int count)
{
    static const char *const names[] = {"memory (KiB)", "descriptors", "threads"};
    const int quarter = count / 4;
    int column;

    if (quarter == 0) {
        check_failed(__FILE__, __LINE__, "%d samples are too few", count);
        return;
    }
    printf("\n%-14s %12s %12s %8s\n", "median", "2nd quarter", "4th quarter", "ratio");
    for (column = 0; column < 3; column++) {
        long before = median(samples + quarter, quarter, column);
        long after = median(samples + count - quarter, quarter, column);
        /* What a crowd needs at once varies; what is lost adds up. */
        long most = before + (column == 0 ? before / 10 + 2048 : column == 1 ? 24 : 8);

        printf("%-14s %12ld %12ld %8.2f\n", names[column], before, after, before > 0 ? (double)after / (double)before : 1.0);
        if (after > most)
            check_failed(__FILE__, __LINE__, "%s grow: %ld, then %ld, where %ld is the most", names[column], before, after, most);
    }
}

static sg_client *connected(void)
{
    sg_client *made = NULL;
    int tries;

    for (tries = 0; tries < MOST_TRIES && !made; tries++)
        sg_connect_script(check_setting("SG_TEST_URL"), check_setting("SG_TEST_SCRIPT_NAME"), check_setting("SG_TEST_API_KEY"), NULL, &made);
    REQUIRE(made != NULL);
    return made;
}

int main(int argc, char **argv)
{
    static struct sample samples[MOST_SAMPLES];
    static struct worker workers[THREADS];
    const double seconds = argc > 1 ? atof(argv[1]) : 60.0;
    pthread_t threads[THREADS];
    struct sample first = look(0), last;
    sg_result *result;
    int index, count = 0;
    double began, step = seconds / 40 < 0.25 ? 0.25 : seconds / 40;

    client = connected();
    hasty = connected();
    result = must_read("find_one", "[\"Project\",[]]");
    project = number(sg_value_get(sg_result_value(result), "id"));
    sg_result_free(result);

    for (index = 0; index < THREADS; index++) {
        workers[index].number = index;
        workers[index].chance = (unsigned)index * 7919u + 1u;
        REQUIRE(pthread_create(&threads[index], NULL, run, &workers[index]) == 0);
    }
    printf("%8s %9s %7s %8s %8s %9s %12s %8s %8s\n", "seconds", "calls", "a sec.", "mishaps", "checked", "wrong", "memory (KiB)", "descr.",
           "threads");
    began = now();
    while (now() - began < seconds && count < MOST_SAMPLES) {
        struct timespec pause = {(time_t)step, (long)((step - (double)(time_t)step) * 1e9)};
        struct sample *at = &samples[count++];

        nanosleep(&pause, NULL);
        *at = look(now() - began);
        printf("%8.0f %9ld %7.0f %8ld %8ld %9d %12ld %8d %8d\n", at->seconds, calls, (double)calls / at->seconds, faulted, checked,
               check_failures, at->kilobytes, at->descriptors, at->threads);
        fflush(stdout);
    }
    __sync_fetch_and_add(&stop, 1);
    for (index = 0; index < THREADS; index++)
        REQUIRE(pthread_join(threads[index], NULL) == 0);
    verdict(samples, count);

    sg_client_free(client);
    sg_client_free(hasty);
    CHECK_OK(sg_runtime_shutdown(30000));
    last = look(0);
    printf("\nat the end: %d threads, %d descriptors (%d before the first connect)\n", last.threads, last.descriptors, first.descriptors);
    CHECK_INT(last.threads, 1);
    /* A runtime that is built together with the sandbox's keeps a pair of sockets for the life of the process. */
    if (!CHECK(last.descriptors == first.descriptors || last.descriptors == first.descriptors + 2))
        list_descriptors();
    CHECK_INT(callbacks, finalized);
    printf("%ld calls, %ld with a mishap, %ld writes of unknown fate, %ld checks of rows; %ld cancelled, %ld with all others, "
           "%ld callbacks, %ld connects, %ld files\n", calls, faulted, unsure, checked, cancelled, given_up, callbacks, connects, files);
    CHECK(faulted > 0 && checked > 0 && given_up > 0 && files > 0);
    puts(check_failures ? "FAILED" : "passed");
    return check_done();
}
