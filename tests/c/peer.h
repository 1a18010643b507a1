/* A site that does what a test wants: threads of this process that answer HTTP on a port of their own. */
#ifndef PEER_H
#define PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

struct peer;

struct peer_connection {
    struct peer *peer;
    int socket;
    pthread_t thread;
};

/* Set what is above the line, everything else to 0, and call peer_start. */
struct peer {
    /* Gives the body that answers a request, by the request's body; called by several threads at once. NULL: a site's
     * greeting to everything. */
    const char *(*answer)(struct peer *peer, const char *request);
    const char *content_type; /* of every answer; NULL: JSON */
    int closes;               /* whether each answer ends its connection */
    size_t reset_over;        /* a connection is reset in the middle of a body that is larger; 0: never */
    /* ---- */
    int resets; /* how often a connection was reset; read it after peer_stop */
    int listener;
    int stop[2]; /* a pipe: closing its far end stops the threads */
    pthread_t thread;
    struct peer_connection connections[256];
    size_t count;
    char url[64];
};

/* What a site tells about itself. */
#define PEER_GREETING "{\"results\":{\"version\":[8,60,0],\"full_version\":[8,60,0,0]}}"

/* Waits until there is something to read; 0 when the peer is to stop or nothing came for a minute. */
static inline int peer_wait(const struct peer *peer, int socket)
{
    struct pollfd watched[2];

    watched[0].fd = socket;
    watched[0].events = POLLIN;
    watched[1].fd = peer->stop[0];
    watched[1].events = POLLIN;
    return poll(watched, 2, 60000) > 0 && watched[1].revents == 0;
}

static inline void peer_reply(const struct peer_connection *connection, const char *request)
{
    struct peer *peer = connection->peer;
    const char *type = peer->content_type ? peer->content_type : "application/json";
    const char *body = peer->answer ? peer->answer(peer, request) : PEER_GREETING;
    char head[256];

    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", type, strlen(body),
             peer->closes ? "Connection: close\r\n" : "");
    send(connection->socket, head, strlen(head), MSG_NOSIGNAL);
    send(connection->socket, body, strlen(body), MSG_NOSIGNAL);
}

/* Breaks a connection: with a reset alone, or every other time with an end of what it sends and then a reset, which the
 * other side's system tells in another way. By then that side has filled its buffers and waits to write on. */
static inline void peer_reset(int socket, int number)
{
    const struct timespec pause = {0, 20000000};
    struct linger at_once;

    nanosleep(&pause, NULL);
    if (number % 2 == 0)
        shutdown(socket, SHUT_WR);
    at_once.l_onoff = 1;
    at_once.l_linger = 0;
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(socket);
}

/* The value of Content-Length; 0 without one. Names of headers have no case. */
static inline size_t peer_body_length(char *head)
{
    static const char name[] = "\r\ncontent-length:";
    char *letter;

    for (letter = head; *letter; letter++)
        if (*letter >= 'A' && *letter <= 'Z')
            *letter = (char)(*letter - 'A' + 'a');
    letter = strstr(head, name);
    return letter ? (size_t)strtoul(letter + sizeof name - 1, NULL, 10) : 0;
}

/* One connection, request after request, until either side ends it. What is not reset must fit the buffer. */
static inline void *peer_serve(void *data)
{
    struct peer_connection *connection = data;
    struct peer *peer = connection->peer;
    char text[8192];
    size_t filled = 0;

    while (filled < sizeof text - 1 && peer_wait(peer, connection->socket)) {
        ssize_t got = recv(connection->socket, text + filled, sizeof text - 1 - filled, 0);
        char *body;
        size_t length;

        if (got <= 0)
            break;
        filled += (size_t)got;
        text[filled] = '\0';
        body = strstr(text, "\r\n\r\n");
        if (!body)
            continue;
        *body = '\0'; /* the head as a string of its own, for the look at its length */
        length = peer_body_length(text);
        *body = '\r';
        body += 4;
        if (peer->reset_over > 0 && length > peer->reset_over) {
            peer_reset(connection->socket, __sync_add_and_fetch(&peer->resets, 1));
            return NULL;
        }
        if (filled < (size_t)(body - text) + length)
            continue; /* the rest is still to come */
        peer_reply(connection, body);
        filled = 0;
        if (peer->closes)
            break;
    }
    close(connection->socket);
    return NULL;
}

static inline void *peer_main(void *data)
{
    struct peer *peer = data;
    const size_t most = sizeof peer->connections / sizeof peer->connections[0];

    while (peer->count < most && peer_wait(peer, peer->listener)) {
        struct peer_connection *connection = &peer->connections[peer->count];

        connection->peer = peer;
        connection->socket = accept(peer->listener, NULL, NULL);
        if (connection->socket >= 0 && pthread_create(&connection->thread, NULL, peer_serve, connection) == 0)
            peer->count++;
    }
    return NULL;
}

/* A socket that listens on a free port of this machine. */
static inline int peer_listen(int *port)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    REQUIRE(listener >= 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    REQUIRE(listen(listener, 16) == 0);
    REQUIRE(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static inline void peer_start(struct peer *peer)
{
    int port;

    peer->listener = peer_listen(&port);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d", port);
    REQUIRE(pipe(peer->stop) == 0);
    REQUIRE(pthread_create(&peer->thread, NULL, peer_main, peer) == 0);
}

static inline void peer_stop(struct peer *peer)
{
    size_t index;

    close(peer->stop[1]);
    pthread_join(peer->thread, NULL);
    for (index = 0; index < peer->count; index++)
        pthread_join(peer->connections[index].thread, NULL);
    close(peer->stop[0]);
    close(peer->listener);
}

#endif
