/* How long something takes, and something that takes for ever: for tests of what must be prompt. */
#ifndef PROMPT_H
#define PROMPT_H

#include <time.h>

#include "peer.h"

static inline double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline void nap(int milliseconds)
{
    struct timespec pause;

    pause.tv_sec = milliseconds / 1000;
    pause.tv_nsec = (long)(milliseconds % 1000) * 1000000;
    nanosleep(&pause, NULL);
}

/* The most seconds that a cancel may take. Under valgrind everything is slower, and no figure means anything. */
static inline double prompt_limit(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "vgpreload") ? 10.0 : 0.1;
}

/* A listener whose queue of connections is full: the system answers no further one. */
struct full_queue {
    int fillers[64];
    int listener;
    int port;
};

static inline void full_queue_start(struct full_queue *queue)
{
    struct sockaddr_in address;
    int index;

    queue->listener = peer_listen(&queue->port);
    REQUIRE(listen(queue->listener, 0) == 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)queue->port);
    for (index = 0; index < 64; index++) {
        queue->fillers[index] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(queue->fillers[index], (struct sockaddr *)&address, sizeof address);
    }
    nap(50);
}

static inline void full_queue_stop(struct full_queue *queue)
{
    int index;

    for (index = 0; index < 64; index++)
        close(queue->fillers[index]);
    close(queue->listener);
}

#endif
