/* The floor: the same bytes over a bare socket, and the answer read but not looked at. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "measure.h"

#define CHUNK (1 << 18)

typedef struct {
    int socket;
    char *request;
    size_t length;
    char *reply;
    size_t room;
    size_t last; /* bytes of the last reply's body */
    const arguments *a;
} session;

static int connected(const char *url) {
    struct sockaddr_in address = {0};
    int on = 1, made = socket(AF_INET, SOCK_STREAM, 0);
    const char *port = strrchr(url, ':');
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(port == NULL ? "" : port + 1));
    if (connect(made, (struct sockaddr *)&address, sizeof address) != 0) {
        fail("connect", url);
    }
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

static void send_all(int to, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(to, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            fail("send", "the connection is gone");
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Reads a head and tells how much of the body came with it. */
static size_t read_head(session *s, size_t *length) {
    size_t used = 0;
    for (;;) {
        char *end, *announced;
        ssize_t got = recv(s->socket, s->reply + used, s->room - 1 - used, 0);
        if (got <= 0) {
            fail("recv", "the connection is gone");
        }
        used += (size_t)got;
        s->reply[used] = 0;
        end = strstr(s->reply, "\r\n\r\n");
        if (end != NULL) {
            announced = strstr(s->reply, "Content-Length: ");
            *length = announced == NULL ? 0 : (size_t)atol(announced + 16);
            return used - (size_t)(end + 4 - s->reply);
        }
    }
}

static void exchange(void *context) {
    session *s = context;
    size_t length, there;
    send_all(s->socket, s->request, s->length);
    there = read_head(s, &length);
    if (s->room < length + 65536) {
        s->room = length + 65536;
        s->reply = realloc(s->reply, s->room);
    }
    s->last = length;
    while (there < length) {
        ssize_t got = recv(s->socket, s->reply + there, length - there, 0);
        if (got <= 0) {
            fail("recv", "the connection is gone");
        }
        there += (size_t)got;
    }
}

static session *opened(const arguments *a, const char *body) {
    session *s = calloc(1, sizeof *s);
    size_t room = strlen(body) + 512;
    s->a = a;
    s->socket = connected(a->url);
    s->request = malloc(room);
    s->length = (size_t)snprintf(s->request, room,
                                 "POST /api3/json HTTP/1.1\r\ncontent-type: application/json; charset=utf-8\r\nuser-agent: floor\r\n"
                                 "accept-encoding: gzip, deflate\r\nhost: 127.0.0.1\r\ncontent-length: %zu\r\n\r\n%s",
                                 strlen(body), body);
    s->room = 65536;
    s->reply = malloc(s->room);
    return s;
}

static void download(void *context) {
    session *s = context;
    const char *request = "GET /file_serve/attachment/1 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    size_t length, there;
    int file = open(s->a->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    static char chunk[CHUNK];
    send_all(s->socket, request, strlen(request));
    there = read_head(s, &length);
    if (file < 0 || write(file, strstr(s->reply, "\r\n\r\n") + 4, there) != (ssize_t)there) {
        fail("write", s->a->file);
    }
    while (there < length) {
        ssize_t got = recv(s->socket, chunk, CHUNK, 0);
        if (got <= 0 || write(file, chunk, (size_t)got) != got) {
            fail("download", "it broke off");
        }
        there += (size_t)got;
    }
    close(file);
}

static void upload(void *context) {
    session *s = context;
    char head[256];
    size_t length;
    ssize_t got;
    struct stat about;
    int file = open(s->a->file, O_RDONLY);
    static char chunk[CHUNK];
    if (file < 0 || fstat(file, &about) != 0) {
        fail("open", s->a->file);
    }
    snprintf(head, sizeof head, "POST /upload/upload_file HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %lld\r\n\r\n",
             (long long)about.st_size);
    send_all(s->socket, head, strlen(head));
    while ((got = read(file, chunk, CHUNK)) > 0) {
        send_all(s->socket, chunk, (size_t)got);
    }
    close(file);
    read_head(s, &length);
}

int main(int argc, char **argv) {
    arguments a = read_arguments(argc, argv);
    char body[4096];
    read_body(body, sizeof body, 1, 1);
    if (strcmp(a.work, "one") == 0) {
        measure(exchange, opened(&a, body), a.count);
    } else if (strcmp(a.work, "rows") == 0 || strcmp(a.work, "text") == 0) {
        read_body(body, sizeof body, a.size < a.page ? a.size : a.page, 1);
        measure(exchange, opened(&a, body), a.count);
    } else if (strcmp(a.work, "callers") == 0) {
        void **sessions = calloc((size_t)a.size, sizeof *sessions);
        long i;
        for (i = 0; i < a.size; i++) {
            sessions[i] = opened(&a, body);
        }
        measure_callers(exchange, sessions, a.size, a.count);
    } else if (strcmp(a.work, "upload") == 0) {
        measure(upload, opened(&a, body), a.count);
    } else if (strcmp(a.work, "download") == 0) {
        measure(download, opened(&a, body), a.count);
    } else {
        fail(a.work, "is not for the floor");
    }
    return 0;
}
