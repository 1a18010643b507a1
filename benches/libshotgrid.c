/* The library, as a host in C uses it. */
#include <shotgrid.h>

#include "measure.h"

typedef struct {
    sg_client *client;
    sg_options *options;
    const arguments *a;
    char params[1024];
    char *batch;
    int read_values;
    sg_result *kept;
    double sum; /* so that nothing that was read can be left out */
} session;

static void must(sg_status status) {
    if (status != SG_STATUS_OK) {
        fail("libshotgrid", sg_last_error());
    }
}

static void walk(session *s, const sg_value *value) {
    size_t length;
    double number;
    const sg_value *child;
    switch (sg_value_get_type(value)) {
    case SG_VALUE_TYPE_STRING:
        s->sum += (double)(sg_value_text(value, &length)[0] + (long)length);
        break;
    case SG_VALUE_TYPE_NUMBER:
        must(sg_value_double(value, &number));
        s->sum += number;
        break;
    case SG_VALUE_TYPE_ARRAY:
    case SG_VALUE_TYPE_OBJECT:
        for (child = sg_value_first(value); child != NULL; child = sg_value_next(child)) {
            walk(s, child);
        }
        break;
    default:
        break;
    }
}

static sg_client *connected(session *s) {
    sg_client *client = NULL;
    must(sg_connect_script(s->a->url, "bench", "0123456789abcdef", s->options, &client));
    return client;
}

static void one(void *context) {
    session *s = context;
    sg_result *result = NULL;
    must(sg_call(s->client, "find_one",
                 "[\"Shot\",[[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}]],[\"code\",\"description\",\"sg_status_list\","
                 "\"project\",\"sg_sequence\",\"tasks\",\"created_at\",\"updated_at\",\"sg_cut_in\",\"sg_cut_duration\",\"image\","
                 "\"created_by\"]]",
                 &result));
    walk(s, sg_result_value(result));
    sg_result_free(result);
}

static sg_result *found(session *s) {
    sg_result *result = NULL;
    must(sg_call(s->client, "find", s->params, &result));
    if (s->read_values) {
        walk(s, sg_result_value(result));
    } else {
        size_t length;
        s->sum += (double)(sg_result_json(result, &length)[0] + (long)length);
    }
    return result;
}

static void rows(void *context) {
    sg_result_free(found(context));
}

static void keep_rows(void *context) {
    session *s = context;
    s->kept = found(s);
}

static void batch(void *context) {
    session *s = context;
    sg_result *result = NULL;
    must(sg_call(s->client, "batch", s->batch, &result));
    walk(s, sg_result_value(result));
    sg_result_free(result);
}

#define CREATE "[\"Shot\",{\"code\":\"SQ010_0010\",\"project\":{\"type\":\"Project\",\"id\":70}}]"

static void sequential(void *context) {
    session *s = context;
    long i;
    for (i = 0; i < s->a->size; i++) {
        sg_result *result = NULL;
        must(sg_call(s->client, "create", CREATE, &result));
        sg_result_free(result);
    }
}

static void submit(void *context) {
    session *s = context;
    sg_op **ops = calloc((size_t)s->a->size, sizeof *ops);
    long i;
    for (i = 0; i < s->a->size; i++) {
        must(sg_submit(s->client, "create", CREATE, NULL, &ops[i]));
    }
    for (i = 0; i < s->a->size; i++) {
        sg_result *result = NULL;
        must(sg_op_wait(ops[i], -1));
        must(sg_op_take_result(ops[i], &result));
        sg_result_free(result);
        sg_op_free(ops[i]);
    }
    free(ops);
}

static void call_raw(session *s, sg_client *client) {
    char body[4096];
    char *params, *end;
    sg_result *result = NULL;
    read_body(body, sizeof body, 1, 1);
    params = strstr(body, "{\"type\"");
    end = body + strlen(body) - 2;
    *end = 0;
    must(sg_call_raw(client, "read", params, &result));
    walk(s, sg_result_value(result));
    sg_result_free(result);
}

/* A connection of its own for one call. */
static void fresh(void *context) {
    session *s = context;
    sg_client *client = connected(s);
    call_raw(s, client);
    sg_client_free(client);
}

/* The server ends the connection behind each answer. */
static void resumed(void *context) {
    session *s = context;
    call_raw(s, s->client);
}

static void transfer(void *context) {
    session *s = context;
    sg_result *result = NULL;
    const char *method = strcmp(s->a->work, "upload") == 0 ? "upload" : "download_attachment";
    must(sg_call(s->client, method, s->params, &result));
    sg_result_free(result);
}

int main(int argc, char **argv) {
    arguments a = read_arguments(argc, argv);
    session s = {0};
    long i;
    s.a = &a;
    s.options = sg_options_new();
    s.read_values = strcmp(a.work, "rows") == 0 || strcmp(a.work, "keep-values") == 0 || strcmp(a.work, "pages") == 0;
    if (strcmp(a.ca, "-") != 0) {
        must(sg_options_set_ca_file(s.options, a.ca));
        must(sg_options_set_verify_on_connect(s.options, 0));
    }
    snprintf(s.params, sizeof s.params,
             "{\"entity_type\":\"Shot\",\"filters\":[[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}]],\"fields\":[\"code\","
             "\"description\",\"sg_status_list\",\"project\",\"sg_sequence\",\"tasks\",\"created_at\",\"updated_at\",\"sg_cut_in\","
             "\"sg_cut_duration\",\"image\",\"created_by\"],\"limit\":%ld}",
             a.size);
    if (strcmp(a.work, "fresh") == 0) {
        measure(fresh, &s, a.count);
        return 0;
    }
    s.client = connected(&s);
    if (strcmp(a.work, "start") == 0) {
        one(&s);
        printf("{\"seconds\":0}\n");
    } else if (strcmp(a.work, "one") == 0) {
        measure(one, &s, a.count);
    } else if (strcmp(a.work, "rows") == 0 || strcmp(a.work, "text") == 0 || strcmp(a.work, "pages") == 0) {
        measure(rows, &s, a.count);
    } else if (strcmp(a.work, "keep-values") == 0 || strcmp(a.work, "keep-text") == 0) {
        size_t length = 0;
        long idle;
        one(&s);
        idle = status_of("VmRSS:");
        keep_rows(&s);
        sg_result_json(s.kept, &length);
        printf("{\"seconds\":0,\"grown_kb\":%ld,\"reply_kb\":%ld}\n", status_of("VmRSS:") - idle, (long)length / 1024);
    } else if (strcmp(a.work, "callers") == 0) {
        void **contexts = calloc((size_t)a.size, sizeof *contexts);
        for (i = 0; i < a.size; i++) {
            session *each = malloc(sizeof *each);
            *each = s;
            contexts[i] = each;
        }
        measure_callers(one, contexts, a.size, a.count);
    } else if (strcmp(a.work, "batch") == 0) {
        size_t room = (size_t)a.size * 256 + 64, used = 0;
        s.batch = malloc(room);
        used += (size_t)snprintf(s.batch, room, "[[");
        for (i = 0; i < a.size; i++) {
            used += (size_t)snprintf(s.batch + used, room - used,
                                     "%s{\"request_type\":\"create\",\"entity_type\":\"Shot\",\"data\":{\"code\":\"SQ010_0010\","
                                     "\"project\":{\"type\":\"Project\",\"id\":70}}}",
                                     i == 0 ? "" : ",");
        }
        snprintf(s.batch + used, room - used, "]]");
        measure(batch, &s, a.count);
    } else if (strcmp(a.work, "sequential") == 0) {
        measure_once(sequential, &s);
    } else if (strcmp(a.work, "submit") == 0) {
        measure(submit, &s, a.count);
    } else if (strcmp(a.work, "resumed") == 0) {
        measure(resumed, &s, a.count);
    } else if (strcmp(a.work, "upload") == 0) {
        snprintf(s.params, sizeof s.params, "[\"Shot\",1000,\"%s\",\"sg_file\"]", a.file);
        measure(transfer, &s, a.count);
    } else if (strcmp(a.work, "download") == 0) {
        snprintf(s.params, sizeof s.params, "[1,\"%s\"]", a.file);
        measure(transfer, &s, a.count);
    } else {
        fail(a.work, "is not for the library");
    }
    sg_client_free(s.client);
    sg_options_free(s.options);
    return 0;
}
