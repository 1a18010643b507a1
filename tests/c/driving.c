/* A thread of the host that makes a call waits for the site itself, on a connection that was kept; where one must be made first, it drives
 * the network itself, where nothing else is under way. It must notice none of that: its signals come, its mask is its own, it can be
 * cancelled behind the call; and nobody else is held up by it: others' calls and cancels, a fork beside it, a shutdown. Who drives has
 * SIGPIPE blocked, and who waits alone is in a read and, after a second of that, in poll(), which tells them apart. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "peer.h"
#include "site.h"

enum { ATTEMPTS = 200, SMALL_STACK = 128 * 1024, CHILD_SECONDS = 60, PATIENCE_MS = 20000, LIMIT_MS = 2000, TICKS = 10 };

/* A thread that makes a call which the site answers when it is let go. */
struct host {
    pthread_t thread;
    volatile pid_t id;
    sg_client *client;
    sg_result *result;
    volatile int status;
    volatile int may_have_applied; /* where it failed */
};

static int asked;  /* calls that the site has not answered yet, in all */
static int let_go; /* calls that it may answer */
static pthread_t expected;
static int signals;
static int strays;
static int held; /* handlers that wait to be released */
static int released;
static int ticks_end;

static void nap(void)
{
    const struct timespec pause = {0, 2000000};

    nanosleep(&pause, NULL);
}

/* Waits until a counter has come so far; 0 when it does not. */
static int reached(int *counter, int value)
{
    int waited;

    for (waited = 0; waited < PATIENCE_MS / 2; waited++) {
        if (__sync_fetch_and_add(counter, 0) >= value)
            return 1;
        nap();
    }
    return 0;
}

static const char *answer(struct peer *peer, const char *request)
{
    (void)peer;
    if (strstr(request, "\"stall\""))
        reached(&let_go, __sync_add_and_fetch(&asked, 1));
    if (strstr(request, "\"never\""))
        reached(&ticks_end, 1);
    return PEER_GREETING;
}

static void on_signal(int number)
{
    (void)number;
    __sync_fetch_and_add(pthread_equal(pthread_self(), expected) ? &signals : &strays, 1);
}

/* Whether a thread has SIGPIPE blocked. */
static int is_shielded(pid_t id)
{
    char path[64], text[4096];
    const char *mask;
    FILE *stream;
    size_t got;

    snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)id);
    stream = fopen(path, "r");
    REQUIRE(stream != NULL);
    got = fread(text, 1, sizeof text - 1, stream);
    fclose(stream);
    text[got] = '\0';
    mask = strstr(text, "\nSigBlk:");
    REQUIRE(mask != NULL);
    return (strtoull(mask + strlen("\nSigBlk:"), NULL, 16) >> (SIGPIPE - 1)) & 1;
}

/* What a thread waits in. The library's own ways of waiting are made of neither. */
enum wait { ELSEWHERE, IN_READ, IN_POLL };

static enum wait waits_in(pid_t id)
{
    char path[64];
    long call = -1;
    FILE *stream;

    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)id);
    stream = fopen(path, "r");
    REQUIRE(stream != NULL);
    if (fscanf(stream, "%ld", &call) != 1)
        call = -1;
    fclose(stream);
#ifdef SYS_poll
    if (call == SYS_poll)
        return IN_POLL;
#endif
#ifdef SYS_recv
    if (call == SYS_recv)
        return IN_READ;
#endif
    return call == SYS_recvfrom ? IN_READ : call == SYS_ppoll ? IN_POLL : ELSEWHERE;
}

static int milliseconds_since(const struct timespec *begin)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int)((now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000);
}

static sg_client *connected_within(const struct peer *peer, int limit_ms)
{
    sg_options *options = sg_options_new();
    sg_client *client = NULL;

    REQUIRE_OK(sg_options_set_verify_on_connect(options, 0));
    if (limit_ms > 0)
        REQUIRE_OK(sg_options_set_timeout_ms(options, (uint32_t)limit_ms));
    REQUIRE_OK(sg_connect_script(peer->url, "script", "key", options, &client));
    sg_options_free(options);
    return client;
}

static sg_client *connected(const struct peer *peer)
{
    return connected_within(peer, 0);
}

static void quick_call(const sg_client *client)
{
    sg_result *result = NULL;

    CHECK_OK(sg_call_raw(client, "read", NULL, &result));
    sg_result_free(result);
}

static void *stalled_call(void *data)
{
    struct host *host = data;
    sigset_t before, after;
    sg_error *error;
    int number;

    host->id = (pid_t)syscall(SYS_gettid);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    /* Behind it the seat is free for a while, whoever was in it. */
    quick_call(host->client);
    host->status = sg_call_raw(host->client, "stall", NULL, &host->result);
    error = sg_error_take_last();
    host->may_have_applied = sg_error_may_have_applied(error);
    sg_error_free(error);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (number = 1; number < 32; number++)
        CHECK_INT(sigismember(&after, number), sigismember(&before, number));
    CHECK_INT(sigpending(&after), 0);
    CHECK_INT(sigismember(&after, SIGPIPE), 0);
    pthread_testcancel();
    return NULL;
}

static void begin(struct host *host, sg_client *client, size_t stack)
{
    pthread_attr_t attributes;

    memset(host, 0, sizeof *host);
    host->client = client;
    host->status = -1; /* until the call is over */
    REQUIRE(pthread_attr_init(&attributes) == 0);
    if (stack > 0)
        REQUIRE(pthread_attr_setstacksize(&attributes, stack) == 0);
    REQUIRE(pthread_create(&host->thread, &attributes, stalled_call, host) == 0);
    pthread_attr_destroy(&attributes);
    REQUIRE(reached(&asked, let_go + 1));
}

/* Lets it go, and checks that the call ended well. Gives what the thread ended with. */
static void *end(struct host *host, sg_status status)
{
    void *gave = NULL;

    __sync_fetch_and_add(&let_go, 1);
    REQUIRE(pthread_join(host->thread, &gave) == 0);
    CHECK_STATUS((sg_status)host->status, status);
    sg_result_free(host->result);
    return gave;
}

/* Begins such a call on a thread that drives meanwhile. */
static void begin_driving(struct host *host, sg_client *client)
{
    int attempt;

    for (attempt = 0; attempt < ATTEMPTS; attempt++) {
        begin(host, client, 0);
        nap();
        if (is_shielded(host->id))
            return;
        end(host, SG_STATUS_OK); /* the thread of the network was in the seat */
    }
    check_failed(__FILE__, __LINE__, "in %d attempts no thread of the host drove", ATTEMPTS);
    exit(check_done());
}

/* Begins such a call on a thread that waits by itself, in a read. */
static void begin_reading(struct host *host, sg_client *client)
{
    int attempt, naps;

    for (attempt = 0; attempt < ATTEMPTS; attempt++) {
        enum wait in = ELSEWHERE;

        begin(host, client, 0);
        for (naps = 0; naps < PATIENCE_MS / 2 && in == ELSEWHERE; naps++) {
            nap();
            in = waits_in(host->id);
        }
        CHECK(in != ELSEWHERE);
        if (in == IN_READ) {
            CHECK(!is_shielded(host->id));
            return;
        }
        end(host, SG_STATUS_OK); /* it was there, a long time ago */
    }
    check_failed(__FILE__, __LINE__, "in %d attempts no thread of the host waited in a read", ATTEMPTS);
    exit(check_done());
}

/* The same in poll(). */
static void begin_polling(struct host *host, sg_client *client)
{
    int naps;

    begin(host, client, 0);
    for (naps = 0; naps < PATIENCE_MS / 2 && waits_in(host->id) != IN_POLL; naps++)
        nap();
    CHECK_INT(waits_in(host->id), IN_POLL);
    CHECK(!is_shielded(host->id));
}

/* The ways in which a call waits, each with a client for which it is the one. */
struct way {
    void (*begin)(struct host *host, sg_client *client);
    const struct peer *peer;
    sg_client *client;
};

/* A thread that is held up, here in a handler, holds nobody up whose work began before that. */
static void on_hold(int number)
{
    (void)number;
    __sync_fetch_and_add(&held, 1);
    reached(&released, 1);
    __sync_fetch_and_sub(&held, 1);
}

static void held_up_it_holds_nobody_up(const struct way *way)
{
    struct sigaction action;
    struct host host;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_hold;
    REQUIRE(sigaction(SIGUSR2, &action, NULL) == 0);
    way->begin(&host, way->client);
    quick_call(way->client);
    REQUIRE(pthread_kill(host.thread, SIGUSR2) == 0);
    REQUIRE(reached(&held, 1));
    quick_call(way->client);
    CHECK_INT(held, 1);
    __sync_fetch_and_add(&released, 1);
    end(&host, SG_STATUS_OK);
    released = 0;
}

static void signals_come(const struct way *way)
{
    struct sigaction action;
    struct host host;
    int sent;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
    way->begin(&host, way->client);
    expected = host.thread;
    signals = 0;
    for (sent = 1; sent <= 3; sent++) {
        REQUIRE(pthread_kill(host.thread, SIGUSR1) == 0);
        CHECK(reached(&signals, sent));
    }
    CHECK_INT(strays, 0);
    CHECK(end(&host, SG_STATUS_OK) == NULL);
}

/* Nor does it lose what came in time, though it goes on when the time is over. */
static void held_up_it_loses_no_answer(const struct way *way)
{
    sg_client *client = connected_within(way->peer, LIMIT_MS);
    struct timespec begin;
    struct host host;

    way->begin(&host, client);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    REQUIRE(pthread_kill(host.thread, SIGUSR2) == 0);
    REQUIRE(reached(&held, 1));
    __sync_fetch_and_add(&let_go, 1);
    while (milliseconds_since(&begin) < LIMIT_MS + LIMIT_MS / 10)
        nap();
    CHECK_INT(host.status, -1);
    __sync_fetch_and_add(&released, 1);
    REQUIRE(pthread_join(host.thread, NULL) == 0);
    CHECK_STATUS((sg_status)host.status, SG_STATUS_OK);
    sg_result_free(host.result);
    released = 0;
    sg_client_free(client);
}

/* Interrupts a thread every few milliseconds, and lets a call go whenever it was interrupted some times. */
static void *ticking(void *data)
{
    int ticks;

    for (ticks = 0; !__sync_fetch_and_add(&ticks_end, 0); ticks++) {
        if (ticks % TICKS == 0 && __sync_fetch_and_add(&asked, 0) > let_go)
            __sync_fetch_and_add(&let_go, 1);
        pthread_kill(*(pthread_t *)data, SIGUSR1);
        nap();
    }
    return NULL;
}

/* As a profiler's clock does, or a host's own: calls take what they take, and their limits hold. */
static void a_clock_interrupts_it(const struct peer *peer, int flags)
{
    sg_client *client = connected_within(peer, LIMIT_MS);
    pthread_t own = pthread_self(), clock;
    struct sigaction action;
    struct timespec begin;
    sg_result *result = NULL;
    int call, took;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    REQUIRE(sigaction(SIGUSR1, &action, NULL) == 0);
    expected = own;
    signals = 0;
    ticks_end = 0;
    REQUIRE(pthread_create(&clock, NULL, ticking, &own) == 0);
    for (call = 0; call < TICKS; call++) {
        CHECK_OK(sg_call_raw(client, "stall", NULL, &result));
        sg_result_free(result);
        quick_call(client);
    }
    CHECK(signals >= TICKS);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    CHECK_STATUS(sg_call_raw(client, "never", NULL, &result), SG_STATUS_TIMEOUT_TOTAL);
    took = milliseconds_since(&begin);
    CHECK(took >= LIMIT_MS && took < LIMIT_MS * 2);
    __sync_fetch_and_add(&ticks_end, 1);
    REQUIRE(pthread_join(clock, NULL) == 0);
    CHECK_INT(strays, 0);
    sg_client_free(client);
}

/* Whether the thread leaves the network to the library's, though its own call goes on. */
static int leaves(const struct host *host)
{
    int naps;

    for (naps = 0; naps < PATIENCE_MS / 2 && is_shielded(host->id); naps++)
        nap();
    return !is_shielded(host->id);
}

/* When others begin something, it leaves: from then on nobody depends on a thread of the host's. Cancels are told at once. */
static void others_go_on(sg_client *client)
{
    struct host host;
    sg_op *op = NULL;

    begin_driving(&host, client);
    quick_call(client);
    CHECK(leaves(&host));
    REQUIRE_OK(sg_submit_raw(client, "stall", NULL, NULL, &op));
    REQUIRE(reached(&asked, let_go + 2));
    CHECK_STATUS(sg_op_wait(op, 1), SG_STATUS_TIMEOUT_WAIT);
    CHECK_OK(sg_op_cancel(op));
    CHECK_OK(sg_op_wait(op, 100));
    CHECK_STATUS(sg_error_status(sg_op_error(op)), SG_STATUS_CANCELLED);
    sg_op_free(op);
    __sync_fetch_and_add(&let_go, 1);
    end(&host, SG_STATUS_OK);
}

/* What is under way when its call is over, the library's thread goes on with. */
static void it_is_followed(const struct way *way)
{
    struct host host;
    sg_op *op = NULL;

    way->begin(&host, way->client);
    REQUIRE_OK(sg_submit_raw(way->client, "stall", NULL, NULL, &op));
    REQUIRE(reached(&asked, let_go + 2));
    end(&host, SG_STATUS_OK);
    __sync_fetch_and_add(&let_go, 1);
    CHECK_OK(sg_op_wait(op, PATIENCE_MS));
    sg_op_free(op);
}

static void a_fork_is_none_of_its_business(const struct way *way)
{
    struct host host;
    int status = 0;
    pid_t pid;

    way->begin(&host, way->client);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        sg_result *result = NULL;
        sg_client *own;

        alarm(CHILD_SECONDS); /* a child that hangs is the fault that this test is for */
        check_failures = 0;
        CHECK_STATUS(sg_call_raw(way->client, "read", NULL, &result), SG_STATUS_FORKED);
        own = connected(way->peer);
        quick_call(own);
        quick_call(own);
        sg_client_free(own);
        CHECK_OK(sg_runtime_shutdown(10000));
        _exit(check_done());
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    CHECK_INT(host.status, -1);
    end(&host, SG_STATUS_OK);
}

/* A thread that is cancelled ends behind the call: nothing of the library's is cut off in the middle. */
static void it_is_cancelled_afterwards(const struct way *way)
{
    struct host host;
    int naps;

    way->begin(&host, way->client);
    REQUIRE(pthread_cancel(host.thread) == 0);
    for (naps = 0; naps < 20; naps++)
        nap();
    CHECK_INT(pthread_tryjoin_np(host.thread, NULL), EBUSY);
    CHECK(end(&host, SG_STATUS_OK) == PTHREAD_CANCELED);
}

/* Nor where the thread does not drive: a cancel that is due before strikes at the first wait or write that the library does not cover. */
static void *due_call(void *data)
{
    struct host *host = data;
    sg_op *op = NULL;

    pthread_cancel(pthread_self());
    host->status = sg_submit_raw(host->client, "read", NULL, NULL, &op);
    host->status |= sg_op_wait(op, -1);
    host->status |= sg_op_take_result(op, &host->result);
    sg_op_free(op);
    quick_call(host->client);
    host->id = 1;
    pthread_testcancel();
    return NULL;
}

static void a_cancel_that_is_due_waits(sg_client *client)
{
    struct host host;
    void *gave = NULL;

    memset(&host, 0, sizeof host);
    host.client = client;
    REQUIRE(pthread_create(&host.thread, NULL, due_call, &host) == 0);
    REQUIRE(pthread_join(host.thread, &gave) == 0);
    CHECK(gave == PTHREAD_CANCELED);
    CHECK_INT(host.id, 1);
    CHECK_STATUS((sg_status)host.status, SG_STATUS_OK);
    sg_result_free(host.result);
}

static void small_stacks_are_enough(sg_client *client)
{
    struct host host;
    int attempt;

    for (attempt = 0; attempt < 5; attempt++) {
        begin(&host, client, SMALL_STACK);
        CHECK(!is_shielded(host.id));
        CHECK_INT(waits_in(host.id), ELSEWHERE);
        end(&host, SG_STATUS_OK);
    }
}

static void a_shutdown_ends_it(const struct way *way)
{
    sg_client *client = connected(way->peer);
    struct host host;

    way->begin(&host, client);
    CHECK_OK(sg_runtime_shutdown(10000));
    end(&host, SG_STATUS_CANCELLED);
    CHECK_INT(host.may_have_applied, 1);
    sg_client_free(client);
}

/* Who is held up then hears of it when it goes on; until then the library is in use. */
static void a_shutdown_waits_for_who_is_held(const struct way *way)
{
    sg_client *client = connected(way->peer);
    struct host host;

    way->begin(&host, client);
    REQUIRE(pthread_kill(host.thread, SIGUSR2) == 0);
    REQUIRE(reached(&held, 1));
    CHECK_STATUS(sg_runtime_shutdown(50), SG_STATUS_TIMEOUT_WAIT);
    CHECK_INT(host.status, -1);
    __sync_fetch_and_add(&released, 1);
    CHECK_OK(sg_runtime_shutdown(10000));
    end(&host, SG_STATUS_CANCELLED);
    CHECK_INT(host.may_have_applied, 1);
    released = 0;
    sg_client_free(client);
}

int main(void)
{
    static struct peer peer, hurried;
    struct way reading = {begin_reading, &peer, NULL}, polling = {begin_polling, &peer, NULL}, driving = {begin_driving, &hurried, NULL};
    struct way *const ways[] = {&reading, &polling, &driving};
    enum { COUNT = sizeof ways / sizeof ways[0] };
    size_t at;

    peer.answer = answer;
    peer_start(&peer);
    hurried.answer = answer;
    hurried.closes = 1;
    peer_start(&hurried);
    for (at = 0; at < COUNT; at++)
        ways[at]->client = connected(ways[at]->peer);
    for (at = 0; at < COUNT; at++) {
        signals_come(ways[at]);
        held_up_it_holds_nobody_up(ways[at]);
        held_up_it_loses_no_answer(ways[at]);
        it_is_followed(ways[at]);
        a_fork_is_none_of_its_business(ways[at]);
        it_is_cancelled_afterwards(ways[at]);
    }
    small_stacks_are_enough(reading.client);
    small_stacks_are_enough(driving.client);
    a_clock_interrupts_it(&peer, 0);
    a_clock_interrupts_it(&peer, SA_RESTART);
    a_clock_interrupts_it(&hurried, 0);
    others_go_on(driving.client);
    a_cancel_that_is_due_waits(reading.client);
    quick_call(reading.client);
    for (at = 0; at < COUNT; at++)
        a_shutdown_ends_it(ways[at]);
    a_shutdown_waits_for_who_is_held(&reading);
    a_shutdown_waits_for_who_is_held(&polling);
    for (at = 0; at < COUNT; at++)
        sg_client_free(ways[at]->client);
    peer_stop(&peer);
    peer_stop(&hurried);
    return check_done();
}
