// A C++ program links with the library's C names, owns its handles by RAII, and may call the library from destructors and
// while an exception travels.
#include <memory>
#include <stdexcept>
#include <string>

#include "../c/site.h"

namespace {

template <typename Handle, void (*Free)(Handle *)>
struct freed_by {
    void operator()(Handle *handle) const noexcept { Free(handle); }
};

using client_handle = std::unique_ptr<sg_client, freed_by<sg_client, sg_client_free>>;
using result_handle = std::unique_ptr<sg_result, freed_by<sg_result, sg_result_free>>;
using error_handle = std::unique_ptr<sg_error, freed_by<sg_error, sg_error_free>>;

result_handle call(const client_handle &client, const char *method, const char *parameters)
{
    sg_result *result = nullptr;

    if (sg_call(client.get(), method, parameters, &result) != SG_STATUS_OK)
        throw std::runtime_error(sg_last_error());
    return result_handle(result);
}

// Calls the site when it goes, as a host's own objects may.
struct calls_at_its_end {
    const client_handle &client;
    int &calls;

    ~calls_at_its_end() { calls += site_works(client.get()); }
};

} // namespace

int main()
{
    const client_handle client(site_script());
    int calls = 0;

    const result_handle projects = call(client, "find", "{\"entity_type\":\"Project\",\"filters\":[],\"fields\":[\"name\"]}");
    std::string name;
    for (const sg_value *project = sg_value_first(sg_result_value(projects.get())); project; project = sg_value_next(project)) {
        size_t length = 0;
        const char *text = sg_value_string(sg_value_get(project, "name"), &length);

        REQUIRE(text != nullptr);
        name.assign(text, length);
    }
    CHECK(!name.empty());

    try {
        const calls_at_its_end last = {client, calls};

        call(client, "no_such_method", nullptr);
        CHECK(!"an exception");
    } catch (const std::runtime_error &error) {
        CHECK_HAS(error.what(), "no_such_method");
    }
    CHECK_INT(calls, 1);

    sg_result *none = nullptr;
    const sg_status status = sg_call(client.get(), "no_such_method", nullptr, &none);
    CHECK_CLASS(status, SG_STATUS_INVALID_ARGUMENT);
    const error_handle error(sg_error_take_last());
    CHECK_INT(SG_STATUS_CLASS(sg_error_status(error.get())), SG_STATUS_INVALID_ARGUMENT);
    return check_done();
}
