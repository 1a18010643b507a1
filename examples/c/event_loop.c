/*
 * libshotgrid in a program that never waits: one thread, one poll() loop, a clock that must not miss a beat.
 *
 * It signs in, lists all shots page by page, publishes a Version with a file while it shows how far the upload is, and reads
 * the Version back. Everything is begun and comes back as a callback on this thread; the loop itself only polls. At the end it tells
 * the longest time for which it was not back in poll().
 *
 *     event_loop <site-url> <script-name> <api-key> <file>
 */
/* For poll() and clock_gettime() where the compiler is told to be plain C99. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <shotgrid.h>

enum { TICK_MS = 50 };

struct app {
    const char *file;
    sg_queue *queue;    /* where callbacks wait for this thread */
    sg_client *client;
    sg_pages *pages;
    sg_op *upload;      /* to ask how far it is */
    int64_t project;
    int64_t version;
    unsigned long shots;
    int failed;
    int finished;
};

/* ---- Helpers --------------------------------------------------------------------------------------------------- */

static void fail(struct app *app, const char *what, const char *message)
{
    fprintf(stderr, "%s: %s\n", what, message);
    app->failed = app->finished = 1;
}

/* The answer of an operation that is done, and the end of the operation. NULL if it failed. */
static sg_result *take(struct app *app, sg_op *op, const char *what)
{
    sg_result *result = NULL;

    if (sg_op_take_result(op, &result) != SG_STATUS_OK)
        fail(app, what, sg_last_error());
    sg_op_free(op);
    return result;
}

/* Begins a call whose end is told to `next` on this thread. Gives the operation, which `next` frees. */
static sg_op *begin(struct app *app, const char *method, const char *parameters, sg_done_fn next)
{
    sg_op *op = NULL;

    if (sg_submit(app->client, method, parameters, NULL, &op) != SG_STATUS_OK
        || sg_queue_on_done(app->queue, op, next, app, NULL) != SG_STATUS_OK) {
        fail(app, method, sg_last_error());
        sg_op_free(op);
        return NULL;
    }
    return op;
}

static double now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* ---- The steps, from the last to the first --------------------------------------------------------------------- */

static void on_read_back(sg_op *op, void *data)
{
    struct app *app = data;
    sg_result *result = take(app, op, "Reading the Version back");
    const char *name = sg_value_string(sg_value_pointer(sg_result_value(result), "/sg_uploaded_movie/name"), NULL);

    if (result) {
        printf("The site has it: %s\n", name ? name : "(no file)");
        app->failed |= name == NULL;
        app->finished = 1;
    }
    sg_result_free(result);
}

static void on_uploaded(sg_op *op, void *data)
{
    struct app *app = data;
    sg_result *result;
    char parameters[160];

    app->upload = NULL;
    result = take(app, op, "Uploading");
    if (!result)
        return;
    sg_result_free(result);
    snprintf(parameters, sizeof parameters, "[\"Version\", [[\"id\", \"is\", %" PRId64 "]], [\"sg_uploaded_movie\"]]", app->version);
    begin(app, "find_one", parameters, on_read_back);
}

static void on_created(sg_op *op, void *data)
{
    struct app *app = data;
    sg_result *result = take(app, op, "Creating a Version");
    char path[1024], parameters[1400];

    if (!result)
        return;
    sg_value_int64(sg_value_get(sg_result_value(result), "id"), &app->version);
    sg_result_free(result);
    /* What people type becomes JSON here, and nowhere else. */
    if (sg_json_quote(app->file, path, sizeof path) >= sizeof path) {
        fail(app, "Uploading", "the path is too long");
        return;
    }
    snprintf(parameters, sizeof parameters,
             "{\"entity_type\": \"Version\", \"entity_id\": %" PRId64 ", \"path\": %s, \"field_name\": \"sg_uploaded_movie\"}",
             app->version, path);
    app->upload = begin(app, "upload", parameters, on_uploaded);
}

static void ask_for_page(struct app *app);

static void on_page(sg_op *op, void *data)
{
    struct app *app = data;
    sg_result *page = take(app, op, "Listing shots");
    char parameters[160];

    if (app->failed)
        return;
    if (page) {
        app->shots += (unsigned long)sg_value_count(sg_result_value(page));
        printf("%lu shots so far\n", app->shots);
        sg_result_free(page);
        ask_for_page(app);
        return;
    }
    /* NULL without a failure: that was the last page. */
    snprintf(parameters, sizeof parameters,
             "[\"Version\", {\"code\": \"from an event loop\", \"project\": {\"type\": \"Project\", \"id\": %" PRId64 "}}]", app->project);
    begin(app, "create", parameters, on_created);
}

static void ask_for_page(struct app *app)
{
    sg_op *op = NULL;

    if (sg_pages_submit_next(app->pages, &op) != SG_STATUS_OK
        || sg_queue_on_done(app->queue, op, on_page, app, NULL) != SG_STATUS_OK) {
        fail(app, "Listing shots", sg_last_error());
        sg_op_free(op);
    }
}

static void on_project(sg_op *op, void *data)
{
    struct app *app = data;
    sg_result *result = take(app, op, "Finding a project");

    if (!result)
        return;
    sg_value_int64(sg_value_get(sg_result_value(result), "id"), &app->project);
    sg_result_free(result);
    if (sg_pages_open(app->client, "{\"entity_type\": \"Shot\", \"filters\": [], \"fields\": [\"code\"]}", &app->pages) != SG_STATUS_OK)
        fail(app, "Listing shots", sg_last_error());
    else
        ask_for_page(app);
}

static void on_signed_in(sg_op *op, void *data)
{
    struct app *app = data;

    if (sg_op_take_client(op, &app->client) != SG_STATUS_OK)
        fail(app, "Signing in", sg_last_error());
    else
        begin(app, "find_one", "[\"Project\", [], [\"name\"]]", on_project);
    sg_op_free(op);
}

/* ---- The loop -------------------------------------------------------------------------------------------------- */

static void show_progress(const struct app *app)
{
    uint64_t done = 0, total = 0;

    if (app->upload && sg_op_progress(app->upload, &done, &total) == SG_STATUS_OK && total > 0)
        printf("%3.0f %% uploaded\n", 100.0 * (double)done / (double)total);
}

static double run(struct app *app)
{
    struct pollfd watched;
    double longest = 0;

    watched.fd = sg_queue_fd(app->queue);
    watched.events = POLLIN;
    while (!app->finished) {
        double woke;
        int due = poll(&watched, 1, TICK_MS);

        woke = now_ms();
        if (due > 0)
            sg_queue_dispatch(app->queue, 0, 0, NULL);
        else
            show_progress(app); /* a tick: a program's own work would be here */
        if (now_ms() - woke > longest)
            longest = now_ms() - woke;
    }
    return longest;
}

int main(int count, char **arguments)
{
    struct app app;
    sg_op *op = NULL;
    double longest;

    if (count != 5) {
        fprintf(stderr, "usage: %s <site-url> <script-name> <api-key> <file>\n", arguments[0]);
        return 2;
    }
    memset(&app, 0, sizeof app);
    app.file = arguments[4];
    if (sg_queue_new(&app.queue) != SG_STATUS_OK
        || sg_submit_connect_script(arguments[1], arguments[2], arguments[3], NULL, &op) != SG_STATUS_OK
        || sg_queue_on_done(app.queue, op, on_signed_in, &app, NULL) != SG_STATUS_OK) {
        fprintf(stderr, "%s\n", sg_last_error());
        return 1;
    }
    longest = run(&app);
    printf("The loop was away from poll() for at most %.1f ms.\n", longest);
    sg_pages_free(app.pages);
    sg_client_free(app.client);
    sg_queue_free(app.queue);
    sg_runtime_shutdown(2000);
    return app.failed;
}
