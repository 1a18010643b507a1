/* A site that answers from a can: as fast as a socket can be, or after a pause. One thread for each connection.
 *
 *   server THINK_MS PAGE CERTIFICATE KEY CLOSE DOWNLOAD_BYTES
 *
 * With "-" for the certificate it speaks plain HTTP. CLOSE is 1 if each answer ends its connection. It prints its port and
 * ends when its standard input does. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_ROOM 16384
#define CHUNK (1 << 20)

static long think_ms, page_size, closes, download_bytes;
static SSL_CTX *secure;

/* An answer with its head, made once for each number of rows. */
typedef struct answer {
    long rows, page;
    char *bytes;
    size_t length;
    struct answer *next;
} answer;

static answer *answers;
static pthread_mutex_t answers_lock = PTHREAD_MUTEX_INITIALIZER;

typedef struct {
    int socket;
    SSL *ssl;
    char *head; /* the request's head and what came with it */
    size_t used;
    char *body;
    size_t body_room;
} connection;

static ssize_t take(connection *c, char *to, size_t room) {
    ssize_t got;
    if (c->ssl != NULL) {
        return SSL_read(c->ssl, to, (int)room);
    }
    do {
        got = read(c->socket, to, room);
    } while (got < 0 && errno == EINTR);
    return got;
}

static int give(connection *c, const char *from, size_t length) {
    while (length > 0) {
        size_t piece = length > CHUNK ? CHUNK : length;
        ssize_t sent = c->ssl != NULL ? (ssize_t)SSL_write(c->ssl, from, (int)piece) : send(c->socket, from, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return 0;
        }
        from += sent;
        length -= (size_t)sent;
    }
    return 1;
}

static const char *const DESCRIPTION =
    "Wide of the harbour at dawn, boats leaving; the fog lifts while the camera cranes up.\\nSee \\\"notes\\\" for the "
    "caf\xc3\xa9 sign and the reference plates.";

static size_t put_row(char *out, size_t room, long id) {
    return (size_t)snprintf(
        out, room,
        "{\"type\":\"Shot\",\"id\":%ld,\"code\":\"SQ%03ld_%04ld\",\"description\":\"%s\",\"sg_status_list\":\"ip\","
        "\"project\":{\"type\":\"Project\",\"id\":70,\"name\":\"Demo: Animation\"},"
        "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":%ld,\"name\":\"SQ%03ld\"},"
        "\"tasks\":[{\"type\":\"Task\",\"id\":%ld,\"name\":\"Layout\"},{\"type\":\"Task\",\"id\":%ld,\"name\":\"Animation\"}],"
        "\"created_at\":\"2024-07-15T15:00:00Z\",\"updated_at\":\"2024-08-01T09:30:12Z\",\"sg_cut_in\":1001,"
        "\"sg_cut_duration\":%ld.5,"
        "\"image\":\"https://sg-media-usor-01.s3.amazonaws.com/0f1e2d3c4b5a69788796a5b4c3d2e1f0/thumbnail_%ld.jpg"
        "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-Signature=0123456789abcdef0123456789abcdef\","
        "\"created_by\":{\"type\":\"HumanUser\",\"id\":24,\"name\":\"Mia Bianchi\"}}",
        id, id % 1000, id, DESCRIPTION, id / 10, id / 10 % 1000, id * 2, id * 2 + 1, 40 + id % 60, id);
}

static size_t put_head(char *out, size_t room, size_t length, const char *kind) {
    return (size_t)snprintf(out, room, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", kind, length,
                            closes ? "Connection: close\r\n" : "");
}

#define JSON "application/json; charset=utf-8"

/* The answer to a read of a page of so many rows. */
static const answer *rows_answer(long rows, long page) {
    answer *found;
    pthread_mutex_lock(&answers_lock);
    for (found = answers; found != NULL && (found->rows != rows || found->page != page); found = found->next) {
    }
    if (found == NULL) {
        size_t room = (size_t)rows * 1200 + 256, length = 0, head;
        char *body = malloc(room), first[256];
        long row;
        found = malloc(sizeof *found);
        length += (size_t)snprintf(body, room, "{\"results\":{\"entities\":[");
        for (row = 0; row < rows; row++) {
            if (row > 0) {
                body[length++] = ',';
            }
            length += put_row(body + length, room - length, 1000 + (page - 1) * rows + row);
        }
        length += (size_t)snprintf(body + length, room - length,
                                   "],\"paging_info\":{\"current_page\":1,\"page_count\":2,\"entity_count\":2,\"entities_per_page\":%ld,"
                                   "\"has_next_page\":true}}}",
                                   rows);
        head = put_head(first, sizeof first, length, JSON);
        found->rows = rows;
        found->page = page;
        found->length = head + length;
        found->bytes = malloc(found->length);
        memcpy(found->bytes, first, head);
        memcpy(found->bytes + head, body, length);
        free(body);
        found->next = answers;
        answers = found;
    }
    pthread_mutex_unlock(&answers_lock);
    return found;
}

static int give_text(connection *c, const char *text, const char *kind) {
    char out[4096];
    size_t head = put_head(out, sizeof out, strlen(text), kind);
    memcpy(out + head, text, strlen(text));
    return give(c, out, head + strlen(text));
}

/* The number behind a key, whether or not there is a space between. */
static long number_of(const char *body, const char *key, long otherwise) {
    const char *at = strstr(body, key);
    return at == NULL ? otherwise : atol(at + strlen(key) + strspn(at + strlen(key), "\": "));
}

static int answer_call(connection *c) {
    const char *name = strstr(c->body, "\"method_name\"");
    char text[1024];
    name = name == NULL ? "" : name + strlen("\"method_name\"") + strspn(name + strlen("\"method_name\""), ": \"");
    if (think_ms > 0) {
        struct timespec pause = {think_ms / 1000, think_ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
    if (strncmp(name, "read\"", 5) == 0) {
        const answer *rows = rows_answer(number_of(c->body, "\"entities_per_page\"", 1), number_of(c->body, "\"current_page\"", 1));
        return give(c, rows->bytes, rows->length);
    }
    if (strncmp(name, "info\"", 5) == 0) {
        snprintf(text, sizeof text,
                 "{\"version\":[8,60,0],\"s3_uploads_enabled\":false,\"s3_direct_uploads_enabled\":false,"
                 "\"totango_site_id\":\"bench\",\"api_max_entities_per_page\":%ld}",
                 page_size);
        return give_text(c, text, JSON);
    }
    if (strncmp(name, "get_session_token\"", 18) == 0) {
        return give_text(c, "{\"results\":{\"session_id\":\"0123456789abcdef\"}}", JSON);
    }
    if (strncmp(name, "create\"", 7) == 0) {
        return give_text(c, "{\"results\":{\"type\":\"Shot\",\"id\":1000,\"code\":\"SQ010_0010\"}}", JSON);
    }
    if (strncmp(name, "batch\"", 6) == 0) {
        const char *at = c->body;
        char *out = malloc(CHUNK);
        size_t length = (size_t)snprintf(out, CHUNK, "{\"results\":[");
        long id = 1000;
        int good;
        while ((at = strstr(at, "\"request_type\"")) != NULL && length < CHUNK - 256) {
            length += (size_t)snprintf(out + length, CHUNK - length, "%s{\"type\":\"Shot\",\"id\":%ld,\"code\":\"SQ010_0010\"}",
                                       id == 1000 ? "" : ",", id);
            id++;
            at++;
        }
        length += (size_t)snprintf(out + length, CHUNK - length, "]}");
        {
            char head[256];
            good = give(c, head, put_head(head, sizeof head, length, JSON)) && give(c, out, length);
        }
        free(out);
        return good;
    }
    return give_text(c, "{\"exception\":true,\"error_code\":103,\"message\":\"the can holds no such answer\"}", JSON);
}

static int answer_download(connection *c) {
    static char zeros[CHUNK];
    char head[256];
    long left = download_bytes;
    if (!give(c, head, put_head(head, sizeof head, (size_t)left, "application/octet-stream"))) {
        return 0;
    }
    while (left > 0) {
        size_t piece = left > CHUNK ? CHUNK : (size_t)left;
        if (!give(c, zeros, piece)) {
            return 0;
        }
        left -= (long)piece;
    }
    return 1;
}

/* Reads the rest of a body; what is larger than a call is a file, and is thrown away. */
static int read_body(connection *c, size_t length, size_t there, int keep) {
    static __thread char sink[CHUNK];
    while (there < length) {
        char *to = keep ? c->body + there : sink;
        size_t room = keep || length - there < CHUNK ? length - there : CHUNK;
        ssize_t got = take(c, to, room);
        if (got <= 0) {
            return 0;
        }
        there += (size_t)got;
    }
    return 1;
}

/* One request and its answer. */
static int serve_one(connection *c) {
    char *end, *line;
    size_t head, length = 0, there;
    int keep, expects = 0;
    c->head[c->used] = 0;
    while ((end = strstr(c->head, "\r\n\r\n")) == NULL) {
        ssize_t got = c->used + 1 < HEAD_ROOM ? take(c, c->head + c->used, HEAD_ROOM - 1 - c->used) : 0;
        if (got <= 0) {
            return 0;
        }
        c->used += (size_t)got;
        c->head[c->used] = 0;
    }
    head = (size_t)(end - c->head) + 4;
    for (line = c->head; line < end; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, "content-length:", 15) == 0) {
            length = (size_t)atol(line + 15);
        }
        expects |= strncasecmp(line, "expect: 100-continue", 20) == 0;
    }
    if (expects && !give(c, "HTTP/1.1 100 Continue\r\n\r\n", 25)) {
        return 0;
    }
    keep = length <= (16 << 20);
    if (keep && c->body_room < length + 1) {
        c->body_room = length + 1;
        c->body = realloc(c->body, c->body_room);
    }
    there = c->used - head < length ? c->used - head : length;
    if (keep) {
        memcpy(c->body, c->head + head, there);
    }
    if (!read_body(c, length, there, keep)) {
        return 0;
    }
    if (keep && c->body != NULL) {
        c->body[length] = 0;
    }
    c->used -= head + there;
    memmove(c->head, c->head + head + there, c->used);
    if (strncmp(c->head, "GET ", 4) == 0 || length == 0) {
        return answer_download(c) && !closes;
    }
    if (!keep) {
        return give_text(c, "1:4711", "text/plain") && !closes;
    }
    return answer_call(c) && !closes;
}

static void *serve(void *data) {
    connection *c = data;
    c->head = malloc(HEAD_ROOM);
    if (secure != NULL) {
        c->ssl = SSL_new(secure);
        SSL_set_fd(c->ssl, c->socket);
        if (SSL_accept(c->ssl) != 1) {
            goto over;
        }
    }
    while (serve_one(c)) {
    }
    if (c->ssl != NULL) {
        SSL_shutdown(c->ssl);
    }
over:
    if (c->ssl != NULL) {
        SSL_free(c->ssl);
    }
    close(c->socket);
    free(c->head);
    free(c->body);
    free(c);
    return NULL;
}

static void *until_input_ends(void *nothing) {
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    (void)nothing;
    _exit(0);
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    pthread_attr_t detached;
    pthread_t watcher;
    if (argc != 7) {
        fprintf(stderr, "usage: server THINK_MS PAGE CERTIFICATE KEY CLOSE DOWNLOAD_BYTES\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    think_ms = atol(argv[1]);
    page_size = atol(argv[2]);
    closes = atol(argv[5]);
    download_bytes = atol(argv[6]);
    if (strcmp(argv[3], "-") != 0) {
        secure = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(secure, argv[3]) != 1 || SSL_CTX_use_PrivateKey_file(secure, argv[4], SSL_FILETYPE_PEM) != 1) {
            fprintf(stderr, "server: the certificate or key cannot be read\n");
            return 1;
        }
        SSL_CTX_set_session_id_context(secure, (const unsigned char *)"bench", 5);
    }
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listening, (struct sockaddr *)&address, sizeof address) != 0 || listen(listening, 256) != 0 ||
        getsockname(listening, (struct sockaddr *)&address, &size) != 0) {
        perror("server");
        return 1;
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_create(&watcher, &detached, until_input_ends, NULL);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        connection *c;
        pthread_t thread;
        int accepted = accept(listening, NULL, NULL);
        if (accepted < 0) {
            continue;
        }
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        c = calloc(1, sizeof *c);
        c->socket = accepted;
        if (pthread_create(&thread, &detached, serve, c) != 0) {
            close(accepted);
            free(c);
        }
    }
}
