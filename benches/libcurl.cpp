// What a careful C++ program without the library does: libcurl with kept connections, and a JSON parser that reads every value:
// nlohmann/json, or simdjson where USE_SIMDJSON is defined.
#include <curl/curl.h>

#include <string>
#include <vector>

#ifdef USE_SIMDJSON
#include <simdjson.h>
#else
#include <nlohmann/json.hpp>
#endif

#include "measure.h"

namespace {

double sum; // so that nothing that was read can be left out

#ifdef USE_SIMDJSON
void walk(const simdjson::dom::element &value) {
    switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
        for (const auto child : simdjson::dom::array(value)) {
            walk(child);
        }
        break;
    case simdjson::dom::element_type::OBJECT:
        for (const auto member : simdjson::dom::object(value)) {
            walk(member.value);
        }
        break;
    case simdjson::dom::element_type::STRING: {
        const std::string_view text(value);
        sum += static_cast<double>(text[0] + static_cast<long>(text.size()));
        break;
    }
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
        sum += double(value);
        break;
    default:
        break;
    }
}

struct reader {
    simdjson::dom::parser parser;
    // Whether the site promises more rows.
    bool read(std::string &text) {
        const simdjson::dom::element root = parser.parse(text);
        const simdjson::dom::element results = root["results"];
        simdjson::dom::element rows;
        walk(results["entities"].get(rows) == simdjson::SUCCESS ? rows : results);
        return true;
    }
};
#else
void walk(const nlohmann::json &value) {
    if (value.is_structured()) {
        for (const auto &child : value) {
            walk(child);
        }
    } else if (value.is_string()) {
        const auto &text = value.get_ref<const std::string &>();
        sum += static_cast<double>(text[0] + static_cast<long>(text.size()));
    } else if (value.is_number()) {
        sum += value.get<double>();
    }
}

struct reader {
    bool read(std::string &text) {
        const auto root = nlohmann::json::parse(text);
        const auto &results = root["results"];
        const auto rows = results.is_object() ? results.find("entities") : results.end();
        walk(results.is_object() && rows != results.end() ? *rows : results);
        return true;
    }
};
#endif

struct session {
    const arguments *a;
    CURL *curl;
    curl_slist *headers;
    std::string url, reply, body;
    reader json;
    bool reads = true;
};

size_t append(char *bytes, size_t, size_t count, void *to) {
    static_cast<std::string *>(to)->append(bytes, count);
    return count;
}

void check(CURLcode code, const char *what) {
    if (code != CURLE_OK) {
        fail(what, curl_easy_strerror(code));
    }
}

void set_up(session &s) {
    s.curl = curl_easy_init();
    s.headers = curl_slist_append(nullptr, "content-type: application/json; charset=utf-8");
    s.headers = curl_slist_append(s.headers, "expect:");
    s.url = std::string(s.a->url) + "/api3/json";
    curl_easy_setopt(s.curl, CURLOPT_URL, s.url.c_str());
    curl_easy_setopt(s.curl, CURLOPT_HTTPHEADER, s.headers);
    curl_easy_setopt(s.curl, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    curl_easy_setopt(s.curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(s.curl, CURLOPT_WRITEDATA, &s.reply);
    curl_easy_setopt(s.curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s.curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(s.curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(s.curl, CURLOPT_BUFFERSIZE, 512L * 1024);
    if (strcmp(s.a->ca, "-") != 0) {
        curl_easy_setopt(s.curl, CURLOPT_CAINFO, s.a->ca);
        curl_easy_setopt(s.curl, CURLOPT_CAPATH, nullptr);
    }
}

session *opened(const arguments *a) {
    auto *s = new session{};
    s->a = a;
    set_up(*s);
    return s;
}

void post(session &s) {
    curl_easy_setopt(s.curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(s.body.size()));
    curl_easy_setopt(s.curl, CURLOPT_POSTFIELDS, s.body.data());
    s.reply.clear();
    check(curl_easy_perform(s.curl), "post");
    if (s.reads) {
        s.json.read(s.reply);
    }
}

void find(session &s, long rows, long page) {
    char body[4096];
    read_body(body, sizeof body, rows, page);
    s.body = body;
    post(s);
}

void one(void *context) {
    find(*static_cast<session *>(context), 1, 1);
}

// As many pages as are needed, one behind the other.
void rows(void *context) {
    auto &s = *static_cast<session *>(context);
    const long size = s.a->size < s.a->page ? s.a->size : s.a->page;
    long page = 1;
    for (long left = s.a->size; left > 0; left -= size) {
        find(s, size, page++);
    }
}

void batch(void *context) {
    auto &s = *static_cast<session *>(context);
    s.body = "{\"method_name\":\"batch\",\"params\":[" SIGNED ",[";
    for (long i = 0; i < s.a->size; i++) {
        s.body += i == 0 ? "" : ",";
        s.body += "{\"request_type\":\"create\",";
        s.body += &NEW_ROW[1];
    }
    s.body += "]]}";
    post(s);
}

void sequential(void *context) {
    auto &s = *static_cast<session *>(context);
    for (long i = 0; i < s.a->size; i++) {
        s.body = "{\"method_name\":\"create\",\"params\":[" SIGNED "," NEW_ROW "]}";
        post(s);
    }
}

void fresh(void *context) {
    auto &s = *static_cast<session *>(context);
    set_up(s);
    one(&s);
    curl_easy_cleanup(s.curl);
    curl_slist_free_all(s.headers);
}

size_t to_file(char *bytes, size_t, size_t count, void *file) {
    return fwrite(bytes, 1, count, static_cast<FILE *>(file));
}

void download(void *context) {
    auto &s = *static_cast<session *>(context);
    FILE *file = fopen(s.a->file, "wb");
    s.url = std::string(s.a->url) + "/file_serve/attachment/1";
    curl_easy_setopt(s.curl, CURLOPT_URL, s.url.c_str());
    curl_easy_setopt(s.curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(s.curl, CURLOPT_WRITEFUNCTION, to_file);
    curl_easy_setopt(s.curl, CURLOPT_WRITEDATA, file);
    check(curl_easy_perform(s.curl), "download");
    fclose(file);
}

void upload(void *context) {
    auto &s = *static_cast<session *>(context);
    curl_mime *form = curl_mime_init(s.curl);
    curl_mimepart *part = curl_mime_addpart(form);
    curl_mime_name(part, "file");
    curl_mime_filedata(part, s.a->file);
    s.url = std::string(s.a->url) + "/upload/upload_file";
    s.reply.clear();
    curl_easy_setopt(s.curl, CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(s.curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
    curl_easy_setopt(s.curl, CURLOPT_URL, s.url.c_str());
    curl_easy_setopt(s.curl, CURLOPT_MIMEPOST, form);
    check(curl_easy_perform(s.curl), "upload");
    curl_mime_free(form);
}

} // namespace

int main(int argc, char **argv) {
    const arguments a = read_arguments(argc, argv);
    const std::string work = a.work;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    session *s = opened(&a);
    if (work == "start") {
        s->body = "{\"method_name\":\"info\",\"params\":[]}";
        s->reads = false;
        post(*s);
        s->reads = true;
        one(s);
        printf("{\"seconds\":0}\n");
    } else if (work == "one") {
        measure(one, s, a.count);
    } else if (work == "rows" || work == "pages") {
        measure(rows, s, a.count);
    } else if (work == "text") {
        s->reads = false;
        measure(rows, s, a.count);
    } else if (work == "callers") {
        std::vector<void *> sessions;
        for (long i = 0; i < a.size; i++) {
            sessions.push_back(opened(&a));
        }
        measure_callers(one, sessions.data(), a.size, a.count);
    } else if (work == "batch") {
        measure(batch, s, a.count);
    } else if (work == "sequential") {
        measure_once(sequential, s);
    } else if (work == "fresh") {
        measure(fresh, s, a.count);
    } else if (work == "resumed") {
        measure(one, s, a.count);
    } else if (work == "upload") {
        measure(upload, s, a.count);
    } else if (work == "download") {
        measure(download, s, a.count);
    } else {
        fail(a.work, "is not for libcurl");
    }
    return 0;
}
